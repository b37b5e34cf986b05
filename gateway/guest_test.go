package gateway_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/carafeweb/carafe/gateway"
)

func TestGuestAnswersBelowItsMount(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "root below ", gateway.ScriptName(r)) })
	mux.HandleFunc("GET /folder/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.URL.Path) })
	mux.HandleFunc("GET /to", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", r.URL.Query().Get("l"))
		w.Header().Set("Content-Location", "/seen")
		w.WriteHeader(http.StatusSeeOther)
	})
	tests := []struct {
		name, path string
		status     int
		want       string // the body, or Location
	}{
		{"the root with a slash", "/inn/", 200, "root below /inn"},
		{"the root without one", "/inn", 200, "root below /inn"},
		{"a path", "/inn/folder/x", 200, "/folder/x"},
		{"a redirect for a slash stays below the mount", "/inn/folder", 307, "/inn/folder/"},
		{"a redirect to a path", "/inn/to?l=/there%3Fa=1", 303, "/inn/there?a=1"},
		{"a redirect to the root", "/inn/to?l=/", 303, "/inn/"},
		{"a full URL stays", "/inn/to?l=http://a.test/x", 303, "http://a.test/x"},
		{"one without a scheme stays", "/inn/to?l=//a.test/x", 303, "//a.test/x"},
		{"one that browsers take for that stays", `/inn/to?l=/\a.test`, 303, `/\a.test`},
		{"a relative one stays", "/inn/to?l=there", 303, "there"},
		{"a mount with a blank is written as URLs are", "/my%20inn/folder", 307, "/my%20inn/folder/"},
		{"at the root nothing changes", "/folder", 307, "/folder/"},
	}
	site := &gateway.Dispatcher{
		Default: gateway.Guest(mux),
		Mounts:  map[string]http.Handler{"/inn": gateway.Guest(mux), "/my inn": gateway.Guest(mux)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			site.ServeHTTP(w, httptest.NewRequest("GET", tt.path, nil))
			got := w.Header().Get("Location")
			if tt.status == 200 {
				got = w.Body.String()
			} else if tt.status == 303 && tt.path[:4] == "/inn" && w.Header().Get("Content-Location") != "/inn/seen" {
				t.Errorf("Content-Location is %q, want /inn/seen", w.Header().Get("Content-Location"))
			}
			if w.Code != tt.status || got != tt.want {
				t.Errorf("GET %s: %d %q, want %d %q", tt.path, w.Code, got, tt.status, tt.want)
			}
		})
	}
}

func ExampleGuest() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /cups/", func(w http.ResponseWriter, r *http.Request) {})
	site := &gateway.Dispatcher{Mounts: map[string]http.Handler{"/shop": gateway.Guest(mux)}}

	w := httptest.NewRecorder()
	site.ServeHTTP(w, httptest.NewRequest("GET", "/shop/cups", nil)) // the mux asks for a slash
	fmt.Println(w.Header().Get("Location"))
	// Output: /shop/cups/
}
