package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/carafeweb/carafe/gateway"
)

// hello is PEP 3333's simple_app.
func hello(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
	start("200 OK", http.Header{"Content-Type": {"text/plain"}}, nil)
	return gateway.Text("Hello world!\n"), nil
}

// AppClass is PEP 3333's AppClass: the application as a type.
type AppClass struct{ Greeting string }

func (a AppClass) ServeGateway(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
	start("200 OK", http.Header{"Content-Type": {"text/plain"}}, nil)
	return gateway.Text(a.Greeting + ", " + env.String("PATH_INFO") + "\n"), nil
}

func Example() {
	for _, app := range []gateway.Application{gateway.ApplicationFunc(hello), AppClass{"Good morning"}} {
		w := httptest.NewRecorder()
		gateway.Handler(app).ServeHTTP(w, httptest.NewRequest("GET", "/world", nil))
		fmt.Print(w.Body)
	}
	// Output:
	// Hello world!
	// Good morning, /world
}

func TestRoundTripKeepsHandlersAnswer(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Path", r.URL.Path)
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprintf(w, "%s %s", r.Method, body)
	})
	srv := httptest.NewServer(gateway.Handler(gateway.FromHandler(h)))
	defer srv.Close()
	resp, err := http.Post(srv.URL+"/a%2Fb", "text/plain", strings.NewReader("beans"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != 418 || resp.Header.Get("X-Path") != "/a/b" || string(body) != "POST beans" {
		t.Errorf("POST /a%%2Fb: %d %v %q, want 418, X-Path /a/b, POST beans", resp.StatusCode, resp.Header, body)
	}
}
