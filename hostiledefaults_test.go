package carafe_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/carafeweb/carafe"
	carafetest "github.com/carafeweb/carafe/testing"
)

// defaultsApp is an app of somebody who has set nothing, but for the key of sessions where one is needed.
func defaultsApp() *carafe.App {
	app := quiet()
	app.Post("/body", func(c *carafe.Context) (any, error) { b, err := c.Request.Data(); return fmt.Sprint(len(b)), err }, carafe.Endpoint("body"))
	app.Post("/form", func(c *carafe.Context) (any, error) {
		form, err := c.Request.Forms()
		if err != nil {
			return nil, err
		}
		return fmt.Sprint(form.Len()), nil
	}, carafe.Endpoint("form"))
	app.Post("/json", func(c *carafe.Context) (any, error) {
		v, err := c.Request.JSONValue()
		return fmt.Sprint(v != nil), err
	}, carafe.Endpoint("json"))
	app.Post("/bind", func(in struct{ A any }) string { return "bound" }, carafe.Endpoint("bind"))
	app.Get("/host", func(c *carafe.Context) string {
		return c.Request.Authority() + " " + c.Request.ClientAddr() + " " + c.Request.Scheme()
	}, carafe.Endpoint("host"))
	app.Get("/panic", func() string { panic("SECRET") }, carafe.Endpoint("panic"))
	app.Get("/switch", func() (string, int) { return "", http.StatusSwitchingProtocols }, carafe.Endpoint("switch"))
	return app
}

func TestDefaultLimitsOfBodies(t *testing.T) {
	client := carafetest.NewClient(t, defaultsApp())
	form := carafetest.ContentType("application/x-www-form-urlencoded")
	json := carafetest.ContentType("application/json")
	deep := func(n int) carafetest.Body {
		return carafetest.Body(`{"a":` + strings.Repeat("[", n) + strings.Repeat("]", n) + "}")
	}
	parts := func(n int) carafetest.Body {
		return carafetest.Body(strings.Repeat("--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n", n) + "--B--\r\n")
	}
	multipart := carafetest.ContentType("multipart/form-data; boundary=B")
	for _, tt := range []struct {
		name, path string
		opts       []carafetest.RequestOption
		want       int
	}{
		{"a body of 16 MiB", "/body", []carafetest.RequestOption{carafetest.Body(strings.Repeat("x", 16<<20))}, 200},
		{"a byte more", "/body", []carafetest.RequestOption{carafetest.Body(strings.Repeat("x", 16<<20+1))}, 413},
		{"a field of 500,000 bytes", "/form", []carafetest.RequestOption{form, carafetest.Body("a=" + strings.Repeat("x", 499_990))}, 200},
		{"more than that", "/form", []carafetest.RequestOption{form, carafetest.Body("a=" + strings.Repeat("x", 500_000))}, 413},
		{"1,000 parts", "/form", []carafetest.RequestOption{multipart, parts(1000)}, 200},
		{"one part more", "/form", []carafetest.RequestOption{multipart, parts(1001)}, 413},
		{"JSON that is nested deeply", "/json", []carafetest.RequestOption{json, deep(100_000)}, 400},
		{"JSON to be bound, nested 99 deep", "/bind", []carafetest.RequestOption{json, deep(99)}, 200},
		{"nested deeper", "/bind", []carafetest.RequestOption{json, deep(101)}, 400},
	} {
		if got := client.Post(tt.path, tt.opts...).StatusCode; got != tt.want {
			t.Errorf("%s: status %d, want %d", tt.name, got, tt.want)
		}
	}
}

// A body without a length that turns out to be over the limit must not have cost a multiple of it.
func TestABodyOverTheLimitTakesTheMemoryOfTheLimit(t *testing.T) {
	app := defaultsApp()
	for _, path := range []string{"/body", "/json", "/form"} {
		r := httptest.NewRequest("POST", path, io.LimitReader(endlessBody{}, 64<<20))
		r.ContentLength = -1
		r.Header.Set("Content-Type", "application/json")
		if path == "/form" {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		w := httptest.NewRecorder()
		app.ServeHTTP(w, r)
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; w.Code != 413 || used > 20<<20 {
			t.Errorf("POST %s with 64 MiB: status %d, and %d bytes were allocated, want 413 and no more than 20 MiB", path, w.Code, used)
		}
	}
}

// endlessBody is a body of letters.
type endlessBody struct{}

func (endlessBody) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestDefaultAnswersTellNothing(t *testing.T) {
	base := carafetest.Serve(t, defaultsApp())
	for _, path := range []string{"/panic", "/panic?__debugger__=yes&cmd=1%2B1&frm=0&s=x", "/?__debugger__=yes&cmd=resource&f=debugger.js", "/console", "/debug/pprof/", "/debug/vars", "/nosuch"} {
		resp, err := http.Get(base + path)
		must(t, err)
		_, body := hostileGet(t, base, path)
		must(t, resp.Body.Close())
		for _, never := range []string{"SECRET", "goroutine", ".go:", "ebugger", "console", "cmdline"} {
			if strings.Contains(strings.ReplaceAll(body, "/console", ""), never) {
				t.Errorf("GET %s tells %q", path, body)
			}
		}
		if h := resp.Header; h.Get("Server")+h.Get("X-Powered-By") != "" || resp.StatusCode < 400 {
			t.Errorf("GET %s = %d with Server %q, X-Powered-By %q", path, resp.StatusCode, h.Get("Server"), h.Get("X-Powered-By"))
		}
	}
}

func TestDefaultsTrustNobody(t *testing.T) {
	client := carafetest.NewClient(t, defaultsApp())
	forged := carafetest.Header{"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Host": "evil.test", "X-Forwarded-Proto": "https", "X-Real-Ip": "6.6.6.6", "Forwarded": "for=6.6.6.6;host=evil.test;proto=https"}
	if got := client.Get("/host", forged).Text(); strings.Contains(got, "6.6.6.6") || strings.Contains(got, "evil") || strings.HasSuffix(got, "https") {
		t.Errorf("forged headers make it %q", got)
	}
	for _, h := range []carafetest.Header{{"Origin": "https://evil.test"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "null"}} {
		if code := client.Post("/body", h).StatusCode; code != 403 {
			t.Errorf("a post with %v is answered with %d, want 403", h, code)
		}
	}
	two := httptest.NewRequest("POST", "http://localhost/body", nil)
	two.Header["Origin"] = []string{"http://localhost", "https://evil.test"}
	if resp := client.Do(two); resp.StatusCode != 403 {
		t.Errorf("a post with two origins is answered with %d, want 403", resp.StatusCode)
	}
	if code := client.Post("/body").StatusCode; code != 200 {
		t.Errorf("a post of no browser is answered with %d", code)
	}
	app := defaultsApp()
	app.Config.TrustedHosts = []string{"good.test"}
	for host, want := range map[string]int{"good.test": 200, "GOOD.test:80": 200, "good.test.": 200, "good.test..": 400, "evil.test": 400, "good.test.evil.test": 400, "evilgood.test": 400} {
		r := httptest.NewRequest("GET", "/host", nil)
		r.Host = host
		w := httptest.NewRecorder()
		app.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("Host %s, with good.test as the only one: %d, want %d", host, w.Code, want)
		}
	}
}

func TestDefaultSessionCookie(t *testing.T) {
	app := defaultsApp()
	app.Config.SecretKey = "key"
	app.Get("/login", func(c *carafe.Context) string { c.Session().Set("user", "x"); return "" }, carafe.Endpoint("login"))
	for _, secure := range []bool{false, true} {
		r := httptest.NewRequest("GET", "/login", nil)
		if secure {
			r.TLS = &tls.ConnectionState{}
		}
		w := httptest.NewRecorder()
		app.ServeHTTP(w, r)
		cookie := w.Header().Get("Set-Cookie")
		if !strings.Contains(cookie, "; HttpOnly") || !strings.Contains(cookie, "; SameSite=Lax") || strings.Contains(cookie, "; Secure") != secure {
			t.Errorf("over TLS: %v; Set-Cookie is %q", secure, cookie)
		}
		if vary := w.Header().Get("Vary"); vary != "Cookie" {
			t.Errorf("Vary is %q", vary)
		}
	}
}

func TestDefaultTimeOfBodies(t *testing.T) {
	for name, tt := range map[string]struct {
		path  string
		drops int // bytes, one at a time
	}{
		"a body of which nothing comes":          {"/body", 0},
		"a body that comes a byte at a time":     {"/body", 1000},
		"a body that is not read by any view":    {"/nosuch", 0},
		"a body that is read as somebody's form": {"/form", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := defaultsApp()
			if app.Config.BodyTimeout != 30*time.Second || app.Config.BodyMinRate != 128 {
				t.Fatalf("the defaults are %v and %d", app.Config.BodyTimeout, app.Config.BodyMinRate)
			}
			app.Config.BodyTimeout = 300 * time.Millisecond
			base := carafetest.Serve(t, app)
			conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
			must(t, err)
			defer conn.Close()
			_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100000\r\n\r\nab", tt.path)
			must(t, err)
			go func() {
				for range tt.drops {
					if _, err := conn.Write([]byte("x")); err != nil {
						return
					}
					time.Sleep(20 * time.Millisecond)
				}
			}()
			must(t, conn.SetReadDeadline(time.Now().Add(20*time.Second)))
			answer := make([]byte, 4096)
			n, err := conn.Read(answer)
			if status := string(answer[:n]); err != nil || tt.path != "/nosuch" && !strings.HasPrefix(status, "HTTP/1.1 408 ") || tt.path == "/nosuch" && !strings.HasPrefix(status, "HTTP/1.1 404 ") {
				t.Errorf("the answer is %.60q, %v", status, err)
			}
			for err == nil { // the connection is closed
				_, err = conn.Read(answer)
			}
			if e, ok := err.(net.Error); ok && e.Timeout() {
				t.Error("the connection stays open")
			}
		})
	}
}

func TestDefaultOfChunkedBodies(t *testing.T) {
	tests := []struct{ name, request string }{
		{"chunks and a length", "POST /body HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
		{"HTTP/1.0 with chunks and a length", "POST /body HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
		{"a view that says 101 and has not taken the connection", "GET /switch HTTP/1.1\r\nHost: localhost\r\n\r\n"},
		{"CONNECT", "CONNECT localhost:80 HTTP/1.1\r\nHost: localhost:80\r\n\r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := answersTo(t, tt.request+"GET /host HTTP/1.1\r\nHost: smuggled\r\n\r\n")
			if strings.Contains(got, "smuggled") || !strings.Contains(got, "Connection: close") {
				t.Errorf("what follows is answered, or may be: %q", got)
			}
		})
	}
	const two = "POST /body HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabcGET /host HTTP/1.0\r\nHost: second\r\n\r\n"
	if got := answersTo(t, two); !strings.Contains(got, "second") {
		t.Errorf("a request behind a body that ends where everybody sees it is not answered: %q", got)
	}
}

// answersTo is what net/http with the default app sends for requests, until the connection ends.
func answersTo(t *testing.T, requests string) string {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(carafetest.Serve(t, defaultsApp()), "http://"))
	must(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, requests)
	must(t, err)
	must(t, conn.SetReadDeadline(time.Now().Add(20*time.Second)))
	all, _ := io.ReadAll(conn) // it ends with a reset where the rest is not read
	return string(all)
}

func TestDefaultAgainstSniffing(t *testing.T) {
	const name = "X-Content-Type-Options"
	ask := func(noSniff bool, path string) []string {
		app := quiet()
		app.Config.NoSniff = noSniff
		app.Get("/text", fine, carafe.Endpoint("text"))
		app.Get("/any", func() any { return map[string]int{"a": 1} }, carafe.Endpoint("any"))
		app.Get("/stream", func() any { return carafe.Stream(func(yield func([]byte) bool) { yield([]byte("x")) }) }, carafe.Endpoint("stream"))
		app.Get("/handler", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat("<p>", 1<<16)) }, carafe.Endpoint("handler"))
		app.Get("/panic", func() string { panic("x") }, carafe.Endpoint("panic"))
		app.Get("/empty", func() (string, int) { return "", 204 }, carafe.Endpoint("empty"))
		app.Get("/same", func() (string, int) { return "", 304 }, carafe.Endpoint("same"))
		app.Get("/own", func() (string, http.Header) { return "", http.Header{name: {"own"}} }, carafe.Endpoint("own"))
		app.Get("/without", func() *carafe.Response {
			resp := carafe.Text("x")
			resp.Header[name] = nil
			return resp
		}, carafe.Endpoint("without"))
		return carafetest.NewClient(t, app).Get(path).Header[name]
	}
	for path, want := range map[string]string{
		"/text": "nosniff", "/any": "nosniff", "/stream": "nosniff", "/handler": "nosniff", "/panic": "nosniff", "/no-such": "nosniff",
		"/empty": "", "/same": "", "/own": "own", "/without": "",
	} {
		if got := ask(true, path); strings.Join(got, ", ") != want || len(got) > 1 {
			t.Errorf("GET %s: %s %q, want %q", path, name, got, want)
		}
		if got := ask(false, path); strings.Join(got, "") != strings.TrimPrefix(want, "nosniff") {
			t.Errorf("GET %s with NoSniff off: %s %q", path, name, got)
		}
	}
}

// A view that asks for a field alone must not take a form that cannot be read for one without fields, nor log what a client has done.
func TestAFormThatCannotBeReadIsRaisedByForm(t *testing.T) {
	var log bytes.Buffer
	app := quiet()
	app.Logger = slog.New(slog.NewTextHandler(&log, nil))
	app.Post("/title", func(c *carafe.Context) string { return "Title: " + c.Form("title") })
	client := carafetest.NewClient(t, app)
	form, multipart := carafetest.ContentType("application/x-www-form-urlencoded"), carafetest.ContentType("multipart/form-data; boundary=B")
	for _, tt := range []struct {
		name string
		typ  carafetest.RequestOption
		body string
		want int
	}{
		{"a good one", form, "title=a", 200},
		{"one without the field", form, "other=a", 200},
		{"one over the limit", form, "title=a&body=" + strings.Repeat("x", 600_000), 413},
		{"one that is not UTF-8", form, "title=\xff", 400},
		{"parts without an end", multipart, "--B\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\na", 400},
	} {
		if got := client.Post("/title", tt.typ, carafetest.Body(tt.body)); got.StatusCode != tt.want {
			t.Errorf("%s: status %d and %.40q, want %d", tt.name, got.StatusCode, got.Text(), tt.want)
		}
	}
	if log.Len() > 0 {
		t.Errorf("the log has %s", log.String())
	}
}
