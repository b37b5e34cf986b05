package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/carafeweb/carafe/gateway"
)

// echo answers with its name, script name, path and escaped path.
func echo(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %q %q %q", name, gateway.ScriptName(r), r.URL.Path, r.URL.EscapedPath())
	})
}

func TestDispatcher(t *testing.T) {
	d := &gateway.Dispatcher{Default: echo("default"), Mounts: map[string]http.Handler{
		"/api": echo("api"), "/api/v2": echo("v2"), "/a b": echo("blank"),
		"/outer": &gateway.Dispatcher{Mounts: map[string]http.Handler{"/inner": echo("inner")}},
	}}
	tests := []struct{ name, path, want string }{
		{"no mount is the default", "/x", `default "" "/x" "/x"`},
		{"a mount takes its prefix", "/api/users", `api "/api" "/users" "/users"`},
		{"the mount itself has an empty path", "/api", `api "/api" "" ""`},
		{"its slash stays", "/api/", `api "/api" "/" "/"`},
		{"the longest prefix wins", "/api/v2/x", `v2 "/api/v2" "/x" "/x"`},
		{"a prefix ends at a slash", "/apiary", `default "" "/apiary" "/apiary"`},
		{"an escaped slash in the rest stays escaped", "/api/a%2Fb", `api "/api" "/a/b" "/a%2Fb"`},
		{"an escaped prefix is the prefix", "/%61pi/x%2Fy", `api "/api" "/x/y" "/x%2Fy"`},
		{"an escaped slash counts as one", "/api%2Fx", `api "/api" "/x" "/x"`},
		{"a prefix may need escaping", "/a%20b/c", `blank "/a b" "/c" "/c"`},
		{"script names add up", "/outer/inner/x", `inner "/outer/inner" "/x" "/x"`},
		{"double slashes stay", "/api//x", `api "/api" "//x" "//x"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			d.ServeHTTP(w, httptest.NewRequest("GET", tt.path, nil))
			if got := w.Body.String(); got != tt.want {
				t.Errorf("%s went to %s, want %s", tt.path, got, tt.want)
			}
		})
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, httptest.NewRequest("GET", "/outer/other", nil))
	if w.Code != 404 {
		t.Errorf("a dispatcher without a default answered %d %q, want 404", w.Code, w.Body)
	}
}

func TestDispatcherAgreesWithItselfAsApplication(t *testing.T) {
	env := gateway.EnvironOf(httptest.NewRequest("GET", "/api/users", nil))
	d := &gateway.Dispatcher{Mounts: map[string]http.Handler{"/api": gateway.Handler(gateway.ApplicationFunc(
		func(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
			start("200 OK", nil, nil)
			return gateway.Text(env.String("SCRIPT_NAME") + "|" + env.String("PATH_INFO")), nil
		}))}}
	var got string
	start := func(string, http.Header, error) (io.Writer, error) {
		return writerFunc(func(p []byte) { got += string(p) }), nil
	}
	if _, err := gateway.FromHandler(d).ServeGateway(env, start); err != nil || got != "/api|/users" {
		t.Errorf("got %q, %v; want /api|/users", got, err)
	}
}

type writerFunc func(p []byte)

func (f writerFunc) Write(p []byte) (int, error) { f(p); return len(p), nil }
