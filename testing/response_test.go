package carafetest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/blueprints"
	carafetest "github.com/carafeweb/carafe/testing"
)

func TestJSONGoesThereAndBack(t *testing.T) {
	app := carafe.New("app")
	app.Config.Testing = true
	app.Post("/echo", func(c *carafe.Context) (any, error) {
		var v any
		err := c.Request.JSON(&v)
		return carafe.JSON(v), err
	})
	sent := map[string]any{"drink": map[string]any{"gin": 1.0, "tonic": true}, "price": 10.0}
	var got map[string]any
	resp := carafetest.NewClient(t, app).Post("/echo", carafetest.JSON(sent))
	if resp.JSON(&got); !reflect.DeepEqual(got, sent) {
		t.Errorf("sent %v, got %v", sent, got)
	}
}

func TestAClientPushesNoContextOfItsOwn(t *testing.T) {
	app := newApp(func(c *carafe.Context) any {
		var v any
		return c.Request.JSON(&v)
	})
	app.Post("/hi", func() string { return "Hello" })
	popped := 0
	app.Signals.AppContextPopped.Connect(func(context.Context, *carafe.AppContext) { popped++ })
	resp := carafetest.NewClient(t, app).Post("/hi", carafetest.JSON(1))
	if resp.Text() != "Hello" || popped != 1 {
		t.Errorf("the answer is %q and %d app contexts were popped, want Hello and 1", resp.Text(), popped)
	}
}

func TestTheContextOfARequestStaysReadable(t *testing.T) {
	var torn bool
	value := carafe.NewKey[int]("value")
	app := carafe.New("app")
	app.Logger = quiet
	app.TeardownRequest(func(*carafe.Context, error) { torn = true })
	app.Get("/", func(c *carafe.Context) string {
		value.Set(c, 42)
		return "Hello"
	}, carafe.Endpoint("index"))
	app.Get("/user/<int:id>", func(c *carafe.Context, id int) error { return errBoom }, carafe.Endpoint("user"))
	client := carafetest.NewClient(t, app)
	resp := client.Get("/")
	if c := resp.Context(); !torn || c == nil || value.Get(c) != 42 || c.Endpoint() != "index" {
		t.Fatalf("after the teardown the context is %v", c)
	}
	failed := client.Get("/user/7")
	if c := failed.Context(); failed.StatusCode != 500 || c == nil || c.G().Has("value") || c.Param("id") != "7" {
		t.Errorf("after a 500 the next context is %v, want a fresh one", c)
	}
	if missing := client.Get("/missing"); missing.Context() == nil || missing.Context().RoutingError() == nil {
		t.Error("a request that matches nothing has no context")
	}
	if value.Get(resp.Context()) != 42 {
		t.Error("the first context has changed with later requests")
	}
	if resp.Context().Err() == nil {
		t.Error("the context is not cancelled after its request")
	}
}

func TestTheContextIsThatOfTheClientsRequest(t *testing.T) {
	app := carafe.New("app")
	app.Config.Testing = true
	app.Get("/outer", func(c *carafe.Context) (string, error) {
		inner, err := http.NewRequestWithContext(c, "GET", "/inner", nil)
		if err != nil {
			return "", err
		}
		app.ServeHTTP(discard{}, inner)
		return "outer", c.Copy().With(func(context.Context) error { return nil })
	}, carafe.Endpoint("outer"))
	app.Get("/inner", func() string { return "" }, carafe.Endpoint("inner"))
	app.Mount("/foreign", http.NotFoundHandler())
	client := carafetest.NewClient(t, app)
	if got := client.Get("/outer").Context().Endpoint(); got != "outer" {
		t.Errorf("the context is that of %q, want outer", got)
	}
	if c := client.Get("/foreign").Context(); c != nil {
		t.Errorf("what is mounted has the context %v, want none", c)
	}
}

type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}

func TestAnErrorBeforeTheFirstRequestHasItsContext(t *testing.T) {
	app := newApp(func(*carafe.Context) any { return "" })
	app.BeforeFirstRequest(func(*carafe.Context) error { return errBoom })
	var err error
	resp := carafetest.NewClient(t, app).Get("/a", carafetest.WantError(&err))
	if !errors.Is(err, errBoom) || resp.Context() == nil || resp.Context().Request.URL.Path != "/a" {
		t.Errorf("the error is %v, the context %v", err, resp.Context())
	}
}

func TestAStreamKeepsItsContextToItsEnd(t *testing.T) {
	var events []string
	app := carafe.New("app")
	app.Config.Testing = true
	app.TeardownRequest(func(*carafe.Context, error) { events = append(events, "teardown") })
	app.Get("/", func(c *carafe.Context) any {
		return func(yield func(string) bool) {
			for _, piece := range []string{"one", "two", c.Query("last")} {
				events = append(events, piece)
				if !yield(piece) {
					return
				}
			}
		}
	})
	client := carafetest.NewClient(t, app)
	resp := client.Get("/?last=three")
	if got, want := strings.Join(events, " "), "one two three teardown"; got != want {
		t.Errorf("the order is %q, want %q", got, want)
	}
	if got, want := resp.Chunks(), []string{"one", "two", "three"}; !reflect.DeepEqual(got, want) || resp.Text() != "onetwothree" {
		t.Errorf("the body came as %q, want %q", got, want)
	}
	events = nil
	if client.Head("/"); strings.Join(events, " ") != "teardown" {
		t.Errorf("a HEAD ran %q, want the teardown alone", events)
	}
}

// served is the answer of a handler that the app's Gateway is.
func served(t *testing.T, method string, h http.HandlerFunc) *carafetest.Response {
	t.Helper()
	app := carafe.New("app")
	app.Gateway = h
	return carafetest.NewClient(t, app).Open(method, "/")
}

func TestTheRecorderTreatsAHandlerAsNetHTTPDoes(t *testing.T) {
	t.Run("trailers and 1xx answers", func(t *testing.T) {
		resp := served(t, "GET", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Link", "</a.css>")
			w.WriteHeader(http.StatusEarlyHints)
			w.Header().Set("Trailer", "Announced, absent")
			w.WriteHeader(http.StatusCreated)
			w.WriteHeader(http.StatusTeapot)
			fmt.Fprint(w, "body")
			w.Header().Set("Announced", "1")
			w.Header().Set(http.TrailerPrefix+"Late", "2")
			w.Header().Set("Too-Late", "3")
		})
		if want := (http.Header{"Announced": {"1"}, "Late": {"2"}}); !reflect.DeepEqual(resp.Trailer, want) {
			t.Errorf("the trailer is %v, want %v", resp.Trailer, want)
		}
		if len(resp.Informational) != 1 || resp.Informational[0].StatusCode != 103 || resp.Informational[0].Header.Get("Link") == "" {
			t.Errorf("the 1xx answers are %v, want one 103 with its Link", resp.Informational)
		}
		want := http.Header{"Link": {"</a.css>"}, "Content-Type": {"text/plain; charset=utf-8"}}
		if resp.StatusCode != http.StatusCreated || !reflect.DeepEqual(resp.Header, want) {
			t.Errorf("the answer is %d with %v, want 201 with %v", resp.StatusCode, resp.Header, want)
		}
	})
	t.Run("a flush sends the header", func(t *testing.T) {
		resp := served(t, "GET", func(w http.ResponseWriter, _ *http.Request) {
			w.(http.Flusher).Flush()
			w.WriteHeader(http.StatusTeapot)
			w.Header().Set("X-Late", "1")
			fmt.Fprint(w, "body")
		})
		if resp.StatusCode != 200 || resp.Header.Get("X-Late") != "" || string(resp.Bytes()) != "body" || len(resp.Chunks()) != 1 {
			t.Errorf("the answer is %d with %v: %q", resp.StatusCode, resp.Header, resp.Chunks())
		}
	})
	t.Run("nothing written is a 200", func(t *testing.T) {
		if resp := served(t, "GET", func(http.ResponseWriter, *http.Request) {}); resp.StatusCode != 200 || resp.Text() != "" || resp.Trailer != nil {
			t.Errorf("the answer is %d %q", resp.StatusCode, resp.Text())
		}
	})
	t.Run("a 204 has no body", func(t *testing.T) {
		served(t, "GET", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNoContent)
			if _, err := io.WriteString(w, "x"); !errors.Is(err, http.ErrBodyNotAllowed) {
				t.Errorf("writing gives %v, want %v", err, http.ErrBodyNotAllowed)
			}
		})
	})
	t.Run("a body longer than its length is refused", func(t *testing.T) {
		served(t, "GET", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1")
			if _, err := io.WriteString(w, "xy"); !errors.Is(err, http.ErrContentLength) {
				t.Errorf("writing gives %v, want %v", err, http.ErrContentLength)
			}
		})
	})
	t.Run("a body shorter than its length was cut off", func(t *testing.T) {
		resp := served(t, "GET", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "2")
			fmt.Fprint(w, "x")
		})
		if !errors.Is(resp.StreamErr, io.ErrUnexpectedEOF) {
			t.Errorf("the stream's error is %v, want %v", resp.StreamErr, io.ErrUnexpectedEOF)
		}
	})
	t.Run("a HEAD has the header of a GET alone", func(t *testing.T) {
		resp := served(t, "HEAD", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "4")
			if n, err := fmt.Fprint(w, "body"); n != 4 || err != nil {
				t.Errorf("writing gives %d, %v", n, err)
			}
		})
		if resp.Text() != "" || resp.StreamErr != nil || resp.Header.Get("Content-Length") != "4" {
			t.Errorf("the answer is %q with %v, %v", resp.Text(), resp.Header, resp.StreamErr)
		}
	})
	t.Run("a response controller may be used", func(t *testing.T) {
		resp := served(t, "GET", func(w http.ResponseWriter, r *http.Request) {
			rc := http.NewResponseController(w)
			fmt.Fprint(w, "a")
			deadline, _ := r.Context().Deadline()
			if err := errors.Join(rc.Flush(), rc.SetReadDeadline(deadline), rc.SetWriteDeadline(deadline), rc.EnableFullDuplex()); err != nil {
				t.Error(err)
			}
			fmt.Fprint(w, "b")
		})
		if got := resp.Chunks(); !reflect.DeepEqual(got, []string{"a", "b"}) {
			t.Errorf("the body came as %q, want a and b", got)
		}
	})
	t.Run("a status that is none panics", func(t *testing.T) {
		defer func() {
			if v := recover(); !strings.Contains(fmt.Sprint(v), "WriteHeader(1000)") {
				t.Errorf("WriteHeader(1000) panics with %v", v)
			}
		}()
		served(t, "GET", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(1000) })
	})
}

func TestAClientMayBeUsedAgainAndByMany(t *testing.T) {
	client := carafetest.NewClient(t, cookieApp())
	empty := carafetest.NewClient(t, carafe.New("empty"))
	for range 2 {
		if resp := empty.Get("/"); resp.StatusCode != http.StatusNotFound {
			t.Errorf("an app without routes answers %d, want 404", resp.StatusCode)
		}
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			client.Get("/", carafetest.Query{"set": {fmt.Sprintf("c%d=x", i)}})
		})
	}
	wg.Wait()
	if n := len(client.AllCookies()); n != 8 {
		t.Errorf("8 requests at once left %d cookies, want 8", n)
	}
}

func TestSubdomainsReachTheirBlueprint(t *testing.T) {
	app := carafe.New("app", carafe.SubdomainMatching(true))
	app.Config.Testing = true
	app.Config.ServerName = "example.com:1234"
	bp := blueprints.New("company", carafe.Subdomain("xxx"))
	bp.Get("/foo/", func(c *carafe.Context) string { return c.Blueprint() + " " + c.Request.FullURL() })
	app.RegisterBlueprint(bp)
	client := carafetest.NewClient(t, app)
	if got, want := client.Get("/foo/", carafetest.Subdomain("xxx")).Text(), "company http://xxx.example.com:1234/foo/"; got != want {
		t.Errorf("the blueprint saw %q, want %q", got, want)
	}
}

func TestABuiltURLCanBeAskedFor(t *testing.T) {
	for _, tt := range []struct {
		name string
		opts []carafe.AppOption
		rule []carafe.RouteOption
		text string
		url  string
	}{
		{"with a variable subdomain", []carafe.AppOption{carafe.SubdomainMatching(true)}, []carafe.RouteOption{carafe.Subdomain("<company_id>")}, "/", "http://xxx.example.com/"},
		{"without subdomains", nil, nil, "/<company_id>", "http://example.com/xxx"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			app := carafe.New("app", tt.opts...)
			app.Config.Testing = true
			app.Config.ServerName = "example.com"
			app.Get(tt.text, func(c *carafe.Context) string { return c.Param("company_id") }, append(tt.rule, carafe.Endpoint("view"))...)
			url, err := app.URLFor("view", "company_id", "xxx")
			if err != nil || url != tt.url {
				t.Fatalf("the URL is %q, %v, want %q", url, err, tt.url)
			}
			if resp := carafetest.NewClient(t, app).Get(url); resp.StatusCode != 200 || resp.Text() != "xxx" {
				t.Errorf("GET %s: %d %q, want 200 xxx", url, resp.StatusCode, resp.Text())
			}
		})
	}
}

func TestTheContextOptionIsTheParentOfTheRequests(t *testing.T) {
	type key struct{}
	app := newApp(func(c *carafe.Context) any { return fmt.Sprint(c.Value(key{}), " ", c.Err()) })
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "given"))
	cancel()
	client := carafetest.NewClient(t, app)
	if got := client.Get("/", carafetest.Context(ctx)).Text(); got != "given context canceled" {
		t.Errorf("with a context the view sees %q", got)
	}
	r, err := http.NewRequestWithContext(ctx, "GET", "/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := client.Do(r).Text(); got != "given context canceled" {
		t.Errorf("with a prepared request's context the view sees %q", got)
	}
	if got := client.Get("/").Text(); got != "<nil> <nil>" {
		t.Errorf("without one the view sees %q", got)
	}
}
