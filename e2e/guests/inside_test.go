package guests_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/gateway"
)

// shop is an App that shows where it believes to be.
func shop() *carafe.App {
	app := carafe.New("shop")
	app.Get("/cups/<size>/", func(c *carafe.Context, size string) *carafe.Response {
		return carafe.Text(fmt.Sprintf("%s %s %s", size, c.URLFor("cups", "size", "small"), c.URLFor("cups", "size", "big", "_external", true)))
	}, carafe.Endpoint("cups"))
	return app
}

func TestCarafeInsideChi(t *testing.T) {
	app := shop()
	router := chi.NewRouter()
	router.Get("/", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "chi") })
	// chi leaves the path whole; the Dispatcher moves the prefix to the script name.
	router.Mount("/shop", &gateway.Dispatcher{Mounts: map[string]http.Handler{"/shop": app}})
	router.Mount("/of/{owner}", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if shifted, ok := gateway.ShiftPrefix(r, "/of/"+chi.URLParam(r, "owner")); ok {
			app.ServeHTTP(w, shifted)
			return
		}
		http.NotFound(w, r)
	}))
	srv := httptest.NewServer(router)
	defer srv.Close()
	tests := []struct{ name, path, want string }{
		{"chi's own route", "/", "chi"},
		{"a view below the mount", "/shop/cups/big/", "big /shop/cups/small/ " + srv.URL + "/shop/cups/big/"},
		{"below a mount with a parameter", "/of/ada/cups/big/", "big /of/ada/cups/small/ " + srv.URL + "/of/ada/cups/big/"},
		{"a redirect for a slash stays below the mount", "/shop/cups/tiny", "tiny /shop/cups/small/ " + srv.URL + "/shop/cups/big/"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp, err := http.Get(srv.URL + tt.path)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if body, err := io.ReadAll(resp.Body); err != nil || string(body) != tt.want {
				t.Errorf("GET %s: %d %q, %v; want %q", tt.path, resp.StatusCode, body, err, tt.want)
			}
		})
	}
}

func TestCarafeUnderHttptest(t *testing.T) {
	app := shop()
	w := httptest.NewRecorder()
	app.ServeHTTP(w, httptest.NewRequest("GET", "https://shop.test/cups/big/", nil))
	if want := "big /cups/small/ https://shop.test/cups/big/"; w.Code != 200 || w.Body.String() != want {
		t.Errorf("a recorder has %d %q, want %q", w.Code, w.Body, want)
	}
	for _, start := range []func(http.Handler) *httptest.Server{httptest.NewServer, httptest.NewTLSServer} {
		srv := start(app)
		resp, err := srv.Client().Get(srv.URL + "/cups/big/")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		srv.Close()
		if want := "big /cups/small/ " + srv.URL + "/cups/big/"; err != nil || string(body) != want {
			t.Errorf("%s answers %q, %v; want %q", srv.URL, body, err, want)
		}
	}
}
