package gateway_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/carafeweb/carafe/gateway"
)

func TestRequestOfSaysWhatTheEnvironSays(t *testing.T) {
	tests := []struct {
		name   string
		change func(env gateway.Environ)
		want   func(r *http.Request) string
		text   string
	}{
		{"a method", func(e gateway.Environ) { e["REQUEST_METHOD"] = "PURGE" }, func(r *http.Request) string { return r.Method }, "PURGE"},
		{"a path", func(e gateway.Environ) { e["PATH_INFO"] = "/new path" }, func(r *http.Request) string { return r.URL.String() }, "/new%20path?q=1"},
		{"a query", func(e gateway.Environ) { e["QUERY_STRING"] = "z=2" }, func(r *http.Request) string { return r.URL.String() }, "/a%2Fb?z=2"},
		{"a script name", func(e gateway.Environ) { e["SCRIPT_NAME"] = "/app" }, gateway.ScriptName, "/app"},
		{"a scheme", func(e gateway.Environ) { e["wsgi.url_scheme"] = "https" }, gateway.Scheme, "https"},
		{"a host", func(e gateway.Environ) { e["HTTP_HOST"] = "shop.test" }, func(r *http.Request) string { return r.Host }, "shop.test"},
		{"an address", func(e gateway.Environ) { e["REMOTE_ADDR"] = "2001:db8::7" }, func(r *http.Request) string { return r.RemoteAddr + gateway.RemoteAddr(r) }, "[2001:db8::7]:12342001:db8::7"},
		{"an address that is none", func(e gateway.Environ) { e["REMOTE_ADDR"] = "_hidden" }, gateway.RemoteAddr, "_hidden"},
		{"a new header", func(e gateway.Environ) { e["HTTP_X_NEW"] = "1" }, func(r *http.Request) string { return r.Header.Get("X-New") }, "1"},
		{"another value", func(e gateway.Environ) { e["HTTP_X_LIST"] = "c" }, func(r *http.Request) string { return strings.Join(r.Header["X-List"], "|") }, "c"},
		{"a header that is gone", func(e gateway.Environ) { delete(e, "HTTP_X_LIST") }, func(r *http.Request) string { return fmt.Sprint(r.Header["X-List"]) }, "[]"},
		{"one gone and one new", func(e gateway.Environ) { delete(e, "HTTP_X_LIST"); e["HTTP_X_NEW"] = "1" }, func(r *http.Request) string { return fmt.Sprint(r.Header["X-List"], r.Header["X-New"]) }, "[] [1]"},
		{"a content type", func(e gateway.Environ) { e["CONTENT_TYPE"] = "text/x" }, func(r *http.Request) string { return r.Header.Get("Content-Type") }, "text/x"},
		{"an input", func(e gateway.Environ) { e["wsgi.input"] = strings.NewReader("tea"); e["CONTENT_LENGTH"] = "3" },
			func(r *http.Request) string {
				b, _ := io.ReadAll(r.Body)
				return fmt.Sprint(string(b), r.ContentLength)
			}, "tea3"},
		{"a server", func(e gateway.Environ) { e["SERVER_NAME"], e["SERVER_PORT"] = "inside", "81" },
			func(r *http.Request) string {
				e := gateway.EnvironOf(r)
				return e.String("SERVER_NAME") + e.String("SERVER_PORT")
			}, "inside81"},
		{"a context", func(e gateway.Environ) {
			e["gateway.context"] = context.WithValue(e.Context(), ctxKey{}, "v")
		}, func(r *http.Request) string { return fmt.Sprint(r.Context().Value(ctxKey{})) }, "v"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("POST", "/a%2Fb?q=1", strings.NewReader("beans"))
			r.Header["X-List"] = []string{"a", "b"}
			before := gateway.EnvironOf(r)
			env := maps.Clone(before)
			tt.change(env)
			got, err := gateway.RequestOf(env)
			if err != nil {
				t.Fatal(err)
			}
			if text := tt.want(got); text != tt.text {
				t.Errorf("the request says %q, want %q", text, tt.text)
			}
			if after := gateway.EnvironOf(r); len(after) != len(before) || after.String("HTTP_X_LIST") != "a,b" || r.Method != "POST" {
				t.Error("the first request was changed too")
			}
		})
	}
}

type ctxKey struct{}

func TestRequestOfRefuses(t *testing.T) {
	tests := []struct{ name, key, value string }{
		{"a method with a blank", "REQUEST_METHOD", "GET /"},
		{"no method", "REQUEST_METHOD", ""},
		{"a protocol that is none", "SERVER_PROTOCOL", "SMTP"},
		{"a length with a sign", "CONTENT_LENGTH", "+5"},
		{"a negative length", "CONTENT_LENGTH", "-5"},
		{"a length beyond counting", "CONTENT_LENGTH", "9223372036854775808"},
		{"a header with a line break", "HTTP_X", "a\r\nB: c"},
		{"a host with a line break", "HTTP_HOST", "a\nb"},
	}
	for _, tt := range tests {
		for _, from := range []string{"a request", "nothing"} {
			env := gateway.Environ{"REQUEST_METHOD": "GET", "PATH_INFO": "/"}
			if from == "a request" {
				env = gateway.EnvironOf(httptest.NewRequest("GET", "/", nil))
			}
			env[tt.key] = tt.value
			if r, err := gateway.RequestOf(env); err == nil {
				t.Errorf("%s, environ made of %s: %v, want an error", tt.name, from, r)
			}
		}
	}
}

func TestRequestOfABareEnviron(t *testing.T) {
	env := gateway.Environ{
		"REQUEST_METHOD": "PUT", "SCRIPT_NAME": "/app", "PATH_INFO": "/a/b", "QUERY_STRING": "c=d", "REQUEST_URI": "/app/a%2Fb?c=d",
		"SERVER_PROTOCOL": "HTTP/1.0", "HTTP_HOST": "shop.test", "HTTP_X_ROAST": "dark", "CONTENT_TYPE": "text/plain", "CONTENT_LENGTH": "5",
		"REMOTE_ADDR": "192.0.2.7", "REMOTE_PORT": "99", "wsgi.url_scheme": "https", "wsgi.input": strings.NewReader("beans and more"),
	}
	r, err := gateway.RequestOf(env)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(r.Body)
	got := fmt.Sprintln(r.Method, r.URL, r.Proto, r.Host, r.Header, r.ContentLength, r.RemoteAddr, gateway.ScriptName(r), gateway.Scheme(r), string(body))
	want := "PUT /a%2Fb?c=d HTTP/1.0 shop.test map[Content-Length:[5] Content-Type:[text/plain] X-Roast:[dark]] 5 192.0.2.7:99 /app https beans\n"
	if got != want {
		t.Errorf("got  %swant %s", got, want)
	}
}

func TestABodyShorterThanItsLengthIsAnError(t *testing.T) {
	env := gateway.Environ{"REQUEST_METHOD": "PUT", "CONTENT_LENGTH": "9", "wsgi.input": strings.NewReader("short")}
	r, err := gateway.RequestOf(env)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(r.Body); err != io.ErrUnexpectedEOF {
		t.Errorf("read %q, %v; want io.ErrUnexpectedEOF", body, err)
	}
}

func TestCookieLinesJoinBySemicolon(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header["Cookie"] = []string{"a=1", "b=2"}
	if got := gateway.EnvironOf(r).String("HTTP_COOKIE"); got != "a=1; b=2" {
		t.Errorf("HTTP_COOKIE is %q, want a=1; b=2", got)
	}
}

func TestBoxedStrings(t *testing.T) {
	if gateway.PlainBoxes {
		t.Error("strings are boxed one by one: this runtime's interfaces are laid out in another way")
	}
	r := httptest.NewRequest("GET", "/kept", nil)
	for i := range 60 { // more than a block holds
		r.Header.Set(fmt.Sprintf("X-Number-%d", i), fmt.Sprintf("value %d", i))
	}
	env := gateway.EnvironOf(r)
	r = nil
	for range 3 {
		runtime.GC()
	}
	for i := range 60 {
		want := fmt.Sprintf("value %d", i)
		if got, ok := env[fmt.Sprintf("HTTP_X_NUMBER_%d", i)].(string); !ok || got != want {
			t.Errorf("value %d is %q, want %q", i, got, want)
		}
	}
	if env["PATH_INFO"] != any("/kept") {
		t.Errorf("PATH_INFO %v does not compare equal to a plain string", env["PATH_INFO"])
	}
}

// FuzzEnviron goes from any request to an environ, without the request in it, and back.
func FuzzEnviron(f *testing.F) {
	f.Add("GET /a%2Fb?x=1 HTTP/1.1\r\nHost: shop.test\r\nX-A: 1\r\nX-A: 2\r\n\r\n")
	f.Add("POST //evil/%ff HTTP/1.0\r\nContent-Length: 3\r\nContent-Type: t\r\nProxy: x\r\nX_Y: z\r\n\r\nabc")
	f.Add("OPTIONS * HTTP/1.1\r\nHost: [::1]:80\r\nCookie: a\r\nCookie: b\r\n\r\n")
	f.Fuzz(func(t *testing.T, raw string) {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
		if err != nil {
			return
		}
		r.RemoteAddr = "192.0.2.7:1234"
		env := gateway.EnvironOf(r)
		if got, err := gateway.RequestOf(env); err != nil || got != r {
			t.Fatalf("the environ as it was gives %p, %v; want the request itself", got, err)
		}
		bare := maps.Clone(env)
		delete(bare, "gateway.request")
		back, err := gateway.RequestOf(bare)
		if err != nil {
			t.Fatalf("RequestOf the bare environ: %v", err)
		}
		again := gateway.EnvironOf(back)
		for _, key := range slices.Sorted(maps.Keys(env)) {
			if want, ok := env[key].(string); ok && again.String(key) != want {
				t.Errorf("%s was %q and came back as %q", key, want, again.String(key))
			}
		}
		for key := range again {
			if _, ok := env[key]; !ok && strings.HasPrefix(key, "HTTP_") {
				t.Errorf("%s=%v came from nowhere", key, again[key])
			}
		}
	})
}
