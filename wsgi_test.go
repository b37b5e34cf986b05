package carafe_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/gateway"
	carafetest "github.com/carafeweb/carafe/testing"
)

var _ gateway.Application = (*carafe.App)(nil)

// wsgiRoads are the ways from a server to an app that may lose nothing. Each serves the app below "/in".
var wsgiRoads = []struct {
	name string
	wrap func(app *carafe.App) http.Handler
}{
	{"mounted as a handler", func(app *carafe.App) http.Handler { return wsgiMounted(app) }},
	{"mounted as an Application", func(app *carafe.App) http.Handler { return wsgiMounted(gateway.Handler(app)) }},
	{"called by WSGI", func(app *carafe.App) http.Handler {
		return wsgiMounted(gateway.Handler(gateway.ApplicationFunc(app.WSGI)))
	}},
	{"mounted in an App that is an Application itself", func(app *carafe.App) http.Handler {
		outer := quiet()
		outer.Mount("/in", gateway.Handler(app))
		return gateway.Handler(outer)
	}},
	{"returned from a view as a handler", func(app *carafe.App) http.Handler {
		return wsgiReturned(func() http.Handler { return app })
	}},
	{"returned from a view as an Application", func(app *carafe.App) http.Handler {
		return wsgiReturned(func() gateway.Application { return gateway.ApplicationFunc(app.WSGI) })
	}},
	{"as a view itself", func(app *carafe.App) http.Handler { return wsgiReturned(gateway.ApplicationFunc(app.WSGI)) }},
	{"behind a middleware of the contract", func(app *carafe.App) http.Handler {
		return wsgiMounted(gateway.Handler(gateway.ApplicationFunc(func(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
			env["HTTP_X_THROUGH"] = "middleware"
			return app.WSGI(env, func(status string, headers http.Header, excInfo error) (io.Writer, error) {
				return start(status, headers, excInfo)
			})
		})))
	}},
}

func wsgiMounted(h http.Handler) http.Handler {
	outer := quiet()
	outer.Mount("/in", h)
	return outer
}

// wsgiReturned is an app whose view leaves the answer to another; an after-request function sees it pass.
func wsgiReturned(view any) http.Handler {
	outer := quiet()
	outer.Route("/in/<path:rest>", view, carafe.Endpoint("inner"), carafe.Methods{"GET", "POST"})
	outer.AfterRequest(func(_ *carafe.Context, resp *carafe.Response) (*carafe.Response, error) {
		resp.Header.Set("X-After", "seen")
		return resp, nil
	})
	return outer
}

// onEachWSGIRoad runs test with the URL of what setUp has put into an app, on every road.
func onEachWSGIRoad(t *testing.T, setUp func(app *carafe.App, below string), test func(t *testing.T, url string)) {
	t.Helper()
	for _, road := range wsgiRoads {
		t.Run(road.name, func(t *testing.T) {
			app := quiet()
			below := ""
			if strings.HasPrefix(road.name, "returned") || strings.HasPrefix(road.name, "as a view") {
				below = "/in" // a view's path is not shortened
			}
			setUp(app, below)
			test(t, carafetest.Serve(t, road.wrap(app))+"/in")
		})
	}
}

func TestWSGIKeepsTheAnswer(t *testing.T) {
	setUp := func(app *carafe.App, below string) {
		app.Post(below+"/order/<int:n>", func(c *carafe.Context, n int) (any, error) {
			body, err := io.ReadAll(c.Request.Body)
			return carafe.Reply(fmt.Sprintf("%d %s %s", n, c.Query("x"), body), 201, http.Header{"X-List": {"a", "b"}}), err
		}, carafe.Endpoint("order"))
		app.ErrorHandler(404, func(*carafe.Context, *carafe.HTTPError) (any, error) { return carafe.Reply("nothing here", 404), nil })
	}
	onEachWSGIRoad(t, setUp, func(t *testing.T, url string) {
		resp, err := http.Post(url+"/order/7?x=1", "text/plain", strings.NewReader("beans"))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != 201 || string(body) != "7 1 beans" || strings.Join(resp.Header["X-List"], "|") != "a|b" || resp.ContentLength != 9 {
			t.Errorf("got %d %q, length %d, X-List %q; want 201, 7 1 beans, 9 and a|b", resp.StatusCode, body, resp.ContentLength, resp.Header["X-List"])
		}
		missing, err := http.Get(url + "/order/none")
		if err != nil {
			t.Fatal(err)
		}
		defer missing.Body.Close()
		if body, _ := io.ReadAll(missing.Body); missing.StatusCode != 404 || string(body) != "nothing here" {
			t.Errorf("a miss: %d %q, want the app's own 404", missing.StatusCode, body)
		}
	})
}

func TestWSGIKeepsStreaming(t *testing.T) {
	gate := make(chan bool)
	setUp := func(app *carafe.App, below string) {
		app.Get(below+"/lines", func() any {
			return carafe.Stream(func(yield func([]byte) bool) {
				if yield([]byte("one\n")) {
					<-gate
					yield([]byte("two\n"))
				}
			})
		}, carafe.Endpoint("lines"))
		app.Get(below+"/flushed", func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "one\n")
			w.(http.Flusher).Flush()
			<-gate
			io.WriteString(w, "two\n")
		}, carafe.Endpoint("flushed"))
	}
	onEachWSGIRoad(t, setUp, func(t *testing.T, url string) {
		for _, path := range []string{"/lines", "/flushed"} {
			resp, err := http.Get(url + path)
			if err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewReader(resp.Body)
			if line, err := lines.ReadString('\n'); line != "one\n" {
				t.Errorf("%s: before the view goes on: %q, %v; want its first line", path, line, err)
			}
			gate <- true
			if line, err := lines.ReadString('\n'); line != "two\n" {
				t.Errorf("%s: then %q, %v; want the second line", path, line, err)
			}
			resp.Body.Close()
		}
	})
}

func TestWSGIKeepsTrailersAndEarlyHints(t *testing.T) {
	setUp := func(app *carafe.App, below string) {
		for _, size := range []int{4, 100_000} {
			app.Get(fmt.Sprintf("%s/%d", below, size), func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Link", "</style.css>; rel=preload")
				w.WriteHeader(http.StatusEarlyHints)
				w.Header().Set("Trailer", "X-Announced")
				w.Write(make([]byte, size))
				w.Header().Set("X-Announced", "1")
				w.Header().Set(http.TrailerPrefix+"X-Late", "2")
			}, carafe.Endpoint(fmt.Sprint("size", size)))
		}
	}
	onEachWSGIRoad(t, setUp, func(t *testing.T, url string) {
		for _, path := range []string{"/4", "/100000"} {
			var hints []string
			trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
				hints = append(hints, fmt.Sprint(code, header.Get("Link")))
				return nil
			}}
			r, _ := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), "GET", url+path, nil)
			resp, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			n, err := io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if err != nil || fmt.Sprint("/", n) != path || resp.Trailer.Get("X-Announced") != "1" || resp.Trailer.Get("X-Late") != "2" {
				t.Errorf("%s: %d bytes, %v, trailers %v, want X-Announced: 1 and X-Late: 2", path, n, err, resp.Trailer)
			}
			if len(hints) != 1 || hints[0] != "103</style.css>; rel=preload" {
				t.Errorf("%s: hints %q, want one 103 with Link", path, hints)
			}
		}
	})
}

func TestWSGITellsTheAppThatTheClientHasLeft(t *testing.T) {
	seen, torn := make(chan error, 1), make(chan bool, 1)
	setUp := func(app *carafe.App, below string) {
		app.Get(below+"/wait", func(c *carafe.Context) any {
			return carafe.Stream(func(yield func([]byte) bool) {
				yield([]byte("waiting\n"))
				<-c.Done()
				seen <- c.Err()
			})
		}, carafe.Endpoint("wait"))
		app.TeardownRequest(func(*carafe.Context, error) { torn <- true })
	}
	onEachWSGIRoad(t, setUp, func(t *testing.T, url string) {
		ctx, leave := context.WithCancel(t.Context())
		defer leave()
		r, _ := http.NewRequestWithContext(ctx, "GET", url+"/wait", nil)
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		leave()
		if err := <-seen; !errors.Is(err, context.Canceled) {
			t.Errorf("the view's context ended with %v, want context.Canceled", err)
		}
		<-torn
	})
}

func TestWSGIBreaksOffWhatBreaksOff(t *testing.T) {
	setUp := func(app *carafe.App, below string) {
		app.Get(below+"/half", func() any {
			return func(yield func([]byte, error) bool) {
				yield([]byte("half"), nil)
				yield(nil, errors.New("no more beans"))
			}
		}, carafe.Endpoint("half"))
	}
	onEachWSGIRoad(t, setUp, func(t *testing.T, url string) {
		resp, err := http.Get(url + "/half")
		if err != nil {
			return // it broke before the header
		}
		defer resp.Body.Close()
		if body, err := io.ReadAll(resp.Body); err == nil {
			t.Errorf("%q looks whole, want it to break off", body)
		}
	})
}

func TestWSGIOfAServerThatIsNotOurs(t *testing.T) {
	app := quiet()
	app.Get("/hello/<name>", func(c *carafe.Context, name string) string {
		return "hello " + name + " from " + c.URLFor("hello", "name", "x")
	}, carafe.Endpoint("hello"))
	var status string
	var headers http.Header
	var out bytes.Buffer
	start := func(s string, h http.Header, _ error) (io.Writer, error) {
		status, headers = s, h
		return &out, nil
	}
	body, err := app.WSGI(gateway.Environ{"REQUEST_METHOD": "GET", "SCRIPT_NAME": "/shop", "PATH_INFO": "/hello/ada", "SERVER_NAME": "shop.test", "SERVER_PORT": "80"}, start)
	if err != nil {
		t.Fatal(err)
	}
	for block, err := range body.Blocks() {
		out.Write(block)
		if err != nil {
			t.Error(err)
		}
	}
	if err := body.Close(); err != nil {
		t.Error(err)
	}
	if status != "200 OK" || headers.Get("Content-Type") != "text/html; charset=utf-8" || out.String() != "hello ada from /shop/hello/x" {
		t.Errorf("start_response(%q, %v) and %q, want 200 OK and the greeting below /shop", status, headers, &out)
	}
	if _, err := app.WSGI(gateway.Environ{"REQUEST_METHOD": "G T", "PATH_INFO": "/"}, start); err == nil {
		t.Error("an environ that is no request gives no error")
	}
}

func TestAnAppReturnedFromAViewIsAHandlerFirst(t *testing.T) {
	inner := quiet()
	inner.Get("/", func(c *carafe.Context) string {
		return fmt.Sprint(carafe.CurrentContext(c) == c, " ", c.App() == inner)
	}, carafe.Endpoint("index"))
	outer := quiet()
	outer.Get("/", func() any { return inner }, carafe.Endpoint("index"))
	w := httptest.NewRecorder()
	outer.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Body.String() != "true true" {
		t.Errorf("the inner view says %q, want its own context and app", w.Body)
	}
}

func TestWSGICostsSixAllocationsMore(t *testing.T) {
	app := quiet()
	app.Get("/", func() string { return "beans" }, carafe.Endpoint("index"))
	r := httptest.NewRequest("GET", "/?sort=price", nil)
	w := wsgiNowhere{http.Header{}}
	count := func(h http.Handler) float64 {
		return testing.AllocsPerRun(200, func() { clear(w.header); h.ServeHTTP(w, r) })
	}
	alone, through := count(app), count(gateway.Handler(gateway.ApplicationFunc(app.WSGI)))
	if through-alone > 6 { // as gateway's TestRoundTripAllocations: WSGI itself costs none
		t.Errorf("an App by WSGI costs %v allocations, %v over net/http alone: want at most 6 more", through, alone)
	}
}

// wsgiNowhere is a ResponseWriter without a server.
type wsgiNowhere struct{ header http.Header }

func (n wsgiNowhere) Header() http.Header             { return n.header }
func (wsgiNowhere) WriteHeader(int)                   {}
func (wsgiNowhere) Write(p []byte) (int, error)       { return len(p), nil }
func (wsgiNowhere) WriteString(s string) (int, error) { return len(s), nil }

func ExampleApp_WSGI() {
	app := carafe.New("shop")
	app.Get("/cups/<size>", func(size string) string { return "a " + size + " cup" }, carafe.Endpoint("cups"))

	// What a server does, by PEP 3333: call the application, send the blocks, close.
	env := gateway.Environ{"REQUEST_METHOD": "GET", "PATH_INFO": "/cups/small", "SERVER_NAME": "localhost", "SERVER_PORT": "80"}
	var out bytes.Buffer
	body, err := app.WSGI(env, func(status string, headers http.Header, excInfo error) (io.Writer, error) {
		fmt.Fprintln(&out, status)
		return &out, nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer body.Close()
	for block := range body.Blocks() {
		out.Write(block)
	}
	fmt.Println(out.String())
	// Output:
	// 200 OK
	// a small cup
}
