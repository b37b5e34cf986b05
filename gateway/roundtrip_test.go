package gateway_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carafeweb/carafe/gateway"
)

// ways are the roads from a handler to a server: none of them may lose anything.
var ways = []struct {
	name string
	wrap func(http.Handler) http.Handler
}{
	{"net/http alone", func(h http.Handler) http.Handler { return h }},
	{"through an Environ and back", func(h http.Handler) http.Handler { return gateway.Handler(gateway.FromHandler(h)) }},
	{"twice", func(h http.Handler) http.Handler {
		return gateway.Handler(gateway.FromHandler(gateway.Handler(gateway.FromHandler(h))))
	}},
	{"with a middleware that changes environ and headers", func(h http.Handler) http.Handler {
		inner := gateway.FromHandler(h)
		return gateway.Handler(gateway.ApplicationFunc(func(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
			env["HTTP_X_FROM"] = "middleware"
			return inner.ServeGateway(env, func(status string, headers http.Header, excInfo error) (io.Writer, error) {
				headers = headers.Clone()
				headers.Set("X-To", "client")
				return start(status, headers, excInfo)
			})
		}))
	}},
	{"under lint", func(h http.Handler) http.Handler {
		quiet := gateway.Lint{Report: func(gateway.Finding) {}}
		return quiet.Wrap(gateway.Handler(quiet.Application(gateway.FromHandler(quiet.Wrap(h)))))
	}},
}

// onEachWay runs test with a server that serves h in each way.
func onEachWay(t *testing.T, h http.HandlerFunc, test func(t *testing.T, url string)) {
	t.Helper()
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			url, _ := serve(t, way.wrap(h))
			test(t, url)
		})
	}
}

func TestRoundTripKeepsTheAnswer(t *testing.T) {
	h := func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header()["X-List"] = []string{"a", "b"}
		w.Header()["Date"] = nil
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprintf(w, "%s %s %s %s", r.Method, r.URL.EscapedPath(), r.URL.RawQuery, body)
	}
	onEachWay(t, h, func(t *testing.T, url string) {
		resp, err := http.Post(url+"/a%2Fb?x=1", "text/plain", strings.NewReader("beans"))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != 418 || string(body) != "POST /a%2Fb x=1 beans" {
			t.Errorf("got %d %q, want 418 and POST /a%%2Fb x=1 beans", resp.StatusCode, body)
		}
		if got := strings.Join(resp.Header["X-List"], "|"); got != "a|b" || resp.Header.Get("Date") != "" || !resp.Close {
			t.Errorf("headers %v, close %v: want X-List twice, no Date, a closed connection", resp.Header, resp.Close)
		}
	})
}

func TestRoundTripKeepsStreamingAndFlush(t *testing.T) {
	gate := make(chan bool)
	h := func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "one\n")
		w.(http.Flusher).Flush()
		<-gate
		io.WriteString(w, "two\n")
	}
	onEachWay(t, h, func(t *testing.T, url string) {
		resp, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		lines := bufio.NewReader(resp.Body)
		if line, err := lines.ReadString('\n'); line != "one\n" {
			t.Fatalf("before the handler goes on: %q, %v; want what was flushed", line, err)
		}
		gate <- true
		if line, _ := lines.ReadString('\n'); line != "two\n" {
			t.Errorf("then %q, want the second line", line)
		}
	})
}

func TestRoundTripKeepsTrailers(t *testing.T) {
	h := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Announced")
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, "body")
		w.(http.Flusher).Flush()
		w.Header().Set("X-Announced", "1")
		w.Header().Set(http.TrailerPrefix+"X-Late", "request had "+r.Trailer.Get("X-Sum"))
	}
	onEachWay(t, h, func(t *testing.T, url string) {
		r, _ := http.NewRequest("POST", url, io.NopCloser(strings.NewReader("beans")))
		r.Trailer = http.Header{"X-Sum": {"42"}}
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		io.Copy(io.Discard, resp.Body)
		if resp.Trailer.Get("X-Announced") != "1" || resp.Trailer.Get("X-Late") != "request had 42" {
			t.Errorf("trailers %v, want X-Announced: 1 and X-Late: request had 42", resp.Trailer)
		}
	})
}

func TestRoundTripKeepsTheClientsLeaving(t *testing.T) {
	seen := make(chan error, 1)
	h := func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		seen <- r.Context().Err()
	}
	onEachWay(t, h, func(t *testing.T, url string) {
		ctx, leave := context.WithCancel(t.Context())
		r, _ := http.NewRequestWithContext(ctx, "GET", url, nil)
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		leave()
		if err := <-seen; !errors.Is(err, context.Canceled) {
			t.Errorf("the handler's context ended with %v, want context.Canceled", err)
		}
	})
}

func TestRoundTripKeepsPanics(t *testing.T) {
	h := func(w http.ResponseWriter, r *http.Request) { panic("no beans") }
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			defer func() {
				if p := recover(); p != "no beans" {
					t.Errorf("recovered %v, want the handler's own panic", p)
				}
			}()
			way.wrap(http.HandlerFunc(h)).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
		})
	}
}

func TestRoundTripKeepsEarlyHints(t *testing.T) {
	h := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		io.WriteString(w, "page")
	}
	onEachWay(t, h, func(t *testing.T, url string) {
		var hints []string
		trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
			hints = append(hints, fmt.Sprint(code, header.Get("Link")))
			return nil
		}}
		r, _ := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), "GET", url, nil)
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if len(hints) != 1 || hints[0] != "103</style.css>; rel=preload" || resp.StatusCode != 200 {
			t.Errorf("hints %q then %d, want one 103 with Link, then 200", hints, resp.StatusCode)
		}
	})
}

func TestRoundTripKeepsHijackingAndDeadlines(t *testing.T) {
	h := func(w http.ResponseWriter, r *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Errorf("Hijack: %v", err)
			return
		}
		defer conn.Close()
		io.WriteString(rw, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: beans\r\nConnection: Upgrade\r\n\r\nraw")
		rw.Flush()
	}
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			url, rec := serve(t, way.wrap(http.HandlerFunc(h)))
			conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
			all, _ := io.ReadAll(conn)
			if !bytes.HasSuffix(all, []byte("\r\n\r\nraw")) || rec.String() != "" {
				t.Errorf("got %q, log %q: want what was written to the raw connection and no complaint", all, rec)
			}
		})
	}
}

// fileWriter tells whether a file reached the server's writer whole.
type fileWriter struct {
	*httptest.ResponseRecorder
	got io.Reader
}

func (w *fileWriter) ReadFrom(r io.Reader) (int64, error) {
	w.got = r
	return io.Copy(w.ResponseRecorder.Body, r)
}

func TestRoundTripKeepsSendfile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "beans")
	if err := os.WriteFile(name, make([]byte, 100_000), 0o600); err != nil {
		t.Fatal(err)
	}
	h := func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, name) }
	for _, way := range ways {
		if strings.HasPrefix(way.name, "with a middleware") {
			continue // it sees the blocks one by one: that is its right
		}
		t.Run(way.name, func(t *testing.T) {
			w := &fileWriter{ResponseRecorder: httptest.NewRecorder()}
			way.wrap(http.HandlerFunc(h)).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
			limited, ok := w.got.(*io.LimitedReader)
			if !ok {
				t.Fatalf("the server was given a %T, want the file under one io.LimitedReader", w.got)
			}
			if _, ok := limited.R.(*os.File); !ok || w.Body.Len() != 100_000 {
				t.Errorf("the server was given a %T and %d bytes, want the file and all of it", limited.R, w.Body.Len())
			}
		})
	}
}

func TestRoundTripGivesTheHandlerTheVeryRequest(t *testing.T) {
	r := httptest.NewRequest("POST", "/a%2Fb?c", strings.NewReader("x"))
	r.Header["X_Odd"] = []string{"kept"}
	gateway.Handler(gateway.FromHandler(http.HandlerFunc(func(w http.ResponseWriter, got *http.Request) {
		if got != r {
			t.Error("the handler was given a copy, though nobody changed the environ")
		}
	}))).ServeHTTP(httptest.NewRecorder(), r)
}

// TestRoundTripKeepsWhatARequestHasNoFieldFor goes from an environ to a handler and on to an environ inside of it.
func TestRoundTripKeepsWhatARequestHasNoFieldFor(t *testing.T) {
	type user struct{ name string }
	var said bytes.Buffer
	added := gateway.Environ{"REMOTE_USER": "ada", "shop.user": &user{"ada"}, "shop.list": []string{"not", "comparable"}, "SSL_CLIENT_CERT": "pem",
		"wsgi.run_once": true, "wsgi.multithread": false, "wsgi.multiprocess": true, "wsgi.errors": &said}
	var seen gateway.Environ
	inner := gateway.ApplicationFunc(func(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
		seen = env
		fmt.Fprint(env.Errors(), "heard")
		return hello(env, start)
	})
	shift := func(next http.Handler) http.Handler {
		return &gateway.Dispatcher{Mounts: map[string]http.Handler{"/shop": next}}
	}
	app := gateway.Middleware(shift)(gateway.Middleware(shift)(inner))
	outer := gateway.Handler(gateway.ApplicationFunc(func(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
		maps.Copy(env, added)
		return app.ServeGateway(env, start)
	}))
	w := httptest.NewRecorder()
	outer.ServeHTTP(w, httptest.NewRequest("GET", "/shop/shop/x", nil))
	if w.Code != 200 || seen.String("SCRIPT_NAME") != "/shop/shop" || said.String() != "heard" {
		t.Fatalf("%d, SCRIPT_NAME %q, wsgi.errors %q; want the application reached, two mounts down", w.Code, seen.String("SCRIPT_NAME"), &said)
	}
	for key, want := range added {
		if got := seen[key]; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s is %v within two handlers, want %v", key, got, want)
		}
	}
}

func TestRoundTripTakesKeysAwayAgain(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	env := gateway.EnvironOf(r)
	env["REMOTE_USER"] = "ada"
	known, err := gateway.RequestOf(env)
	if err != nil {
		t.Fatal(err)
	}
	again := gateway.EnvironOf(known)
	if same, err := gateway.RequestOf(again); err != nil || same != known || again["REMOTE_USER"] != "ada" {
		t.Errorf("REMOTE_USER %v, %p, %v; want it kept, and no copy where nothing changed", again["REMOTE_USER"], same, err)
	}
	delete(again, "REMOTE_USER")
	unknown, err := gateway.RequestOf(again)
	if err != nil {
		t.Fatal(err)
	}
	if user, ok := gateway.EnvironOf(unknown)["REMOTE_USER"]; ok {
		t.Errorf("REMOTE_USER is %v though a middleware has deleted it", user)
	}
}

func TestRoundTripAllocations(t *testing.T) {
	r := httptest.NewRequest("GET", "/shop/coffee?sort=price", nil)
	for _, name := range []string{"Accept", "Accept-Language", "Accept-Encoding", "User-Agent", "Cookie", "Referer", "Sec-Fetch-Mode"} {
		r.Header.Set(name, "some value of "+name)
	}
	w := nowhere{}
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write(page) })
	both := gateway.Handler(gateway.FromHandler(h))
	alone := testing.AllocsPerRun(200, func() { h.ServeHTTP(w, r) })
	through := testing.AllocsPerRun(200, func() { both.ServeHTTP(w, r) })
	if through-alone > 6 { // the map 4; the answer's state, with the strings and the handler's writer in it, and start_response 1 each
		t.Errorf("the passage costs %v allocations (%v against %v), want at most 6", through-alone, through, alone)
	}
}

var page = []byte("page")

// nowhere is a ResponseWriter without a server.
type nowhere struct{}

func (nowhere) Header() http.Header         { return nil }
func (nowhere) WriteHeader(int)             {}
func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
