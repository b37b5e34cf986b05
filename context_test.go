package carafe_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carafeweb/carafe"
	carafetest "github.com/carafeweb/carafe/testing"
)

// quiet makes an app whose log goes nowhere.
func quiet(opts ...carafe.AppOption) *carafe.App {
	app := carafe.New("test", opts...)
	app.Logger = slog.New(slog.DiscardHandler)
	return app
}

func TestContextIsSmall(t *testing.T) {
	if carafe.BlockSize > 256 {
		t.Errorf("a request's own state has %d bytes, want at most 256", carafe.BlockSize)
	}
}

func TestTheAppIsCurrentInsideOfAContextAndNotOutside(t *testing.T) {
	app := quiet()
	background := t.Context()
	if got := carafe.CurrentApp(background); got != nil {
		t.Fatalf("outside of any context the app is %v", got)
	}
	must(t, app.AppContext(background).With(func(ctx context.Context) error {
		//lint:ignore SA1029 any key will do
		derived, cancel := context.WithCancel(context.WithValue(ctx, "deep", 1))
		defer cancel()
		if carafe.CurrentApp(derived) != app {
			t.Errorf("in the app's context, however deep, the app is %v", carafe.CurrentApp(derived))
		}
		if c := carafe.CurrentContext(derived); c != nil {
			t.Errorf("without a request there is the request %v", c)
		}
		return nil
	}))
	c := app.TestRequestContext(httptest.NewRequest("GET", "/", nil))
	must(t, c.With(func(ctx context.Context) error {
		if carafe.CurrentApp(ctx) != app || carafe.CurrentContext(ctx) != c {
			t.Errorf("in a request's context the app is %v and the request %v", carafe.CurrentApp(ctx), carafe.CurrentContext(ctx))
		}
		return nil
	}))
}

func TestContextsOfDifferentAppsNest(t *testing.T) {
	outer, inner := quiet(), quiet()
	must(t, outer.AppContext(t.Context()).With(func(ctx context.Context) error {
		must(t, inner.AppContext(ctx).With(func(deep context.Context) error {
			ac := deep.(*carafe.AppContext)
			if carafe.CurrentApp(deep) != inner || ac.Prev().App() != outer {
				t.Errorf("the inner app is %v on top of %v", carafe.CurrentApp(deep), ac.Prev())
			}
			return nil
		}))
		if carafe.CurrentApp(ctx) != outer {
			t.Errorf("afterwards the app is %v", carafe.CurrentApp(ctx))
		}
		return nil
	}))
}

func TestPoppingOutOfOrderIsAnError(t *testing.T) {
	app := quiet()
	ran := 0
	app.TeardownAppContext(func(*carafe.AppContext, error) { ran++ })
	outer := app.AppContext(t.Context())
	if err := outer.Pop(nil); err == nil || !strings.Contains(err.Error(), "is not pushed") {
		t.Errorf("popping what was not pushed: %v", err)
	}
	outer.Push()
	inner := app.AppContext(outer)
	inner.Push()
	if err := outer.Pop(nil); err == nil || !strings.Contains(err.Error(), "another one is open above it") {
		t.Errorf("popping the lower of two: %v", err)
	}
	if ran != 0 {
		t.Errorf("teardown ran %d times for pops that failed", ran)
	}
	must(t, inner.Pop(nil))
	must(t, outer.Pop(nil))
	if ran != 2 {
		t.Errorf("teardown ran %d times, want 2", ran)
	}
}

func TestPushingAContextAgainOnlyCounts(t *testing.T) {
	app := quiet()
	var events []string
	app.TeardownRequest(func(*carafe.Context, error) { events = append(events, "request") })
	app.TeardownAppContext(func(*carafe.AppContext, error) { events = append(events, "app") })
	app.Route("/", func(c *carafe.Context) string {
		c.Push()
		must(t, c.Pop(nil))
		c.AppContext().Push()
		must(t, c.AppContext().Pop(nil))
		return ""
	})
	resp := carafetest.NewClient(t, app).Get("/")
	if resp.StatusCode != 200 || resp.Text() != "" {
		t.Errorf("GET / = %d %q, want an empty 200", resp.StatusCode, resp.Text())
	}
	if got := strings.Join(events, " "); got != "request app" {
		t.Errorf("teardown ran %q, want each once", got)
	}
}

func TestAnAppContextWithoutARequestRunsNoRequestTeardown(t *testing.T) {
	app := quiet()
	ran := 0
	app.TeardownRequest(func(*carafe.Context, error) { panic("a request's teardown without a request") })
	app.TeardownAppContext(func(*carafe.AppContext, error) { ran++ })
	must(t, app.AppContext(t.Context()).With(func(context.Context) error { return nil }))
	if ran != 1 {
		t.Errorf("the app's teardown ran %d times, want once", ran)
	}
}

func TestOnlyTheErrorOfWithReachesTeardown(t *testing.T) {
	broken := errors.New("broken")
	for _, tt := range []struct {
		name string
		f    func(context.Context) error
		want error
	}{
		{"an end without an error", func(context.Context) error { return nil }, nil},
		{"an error that was dealt with inside", func(context.Context) error { _ = broken; return nil }, nil},
		{"an error that is returned", func(context.Context) error { return broken }, broken},
	} {
		t.Run(tt.name, func(t *testing.T) {
			app := quiet()
			var got []error
			app.TeardownAppContext(func(_ *carafe.AppContext, err error) { got = append(got, err) })
			if err := app.AppContext(t.Context()).With(tt.f); !errors.Is(err, tt.want) {
				t.Errorf("With returned %v, want %v", err, tt.want)
			}
			if len(got) != 1 || got[0] != tt.want {
				t.Errorf("teardown got %v, want %v once", got, tt.want)
			}
		})
	}
}

func TestAPanicInWithIsPassedOnAfterTheTeardown(t *testing.T) {
	app := quiet()
	var torn error
	app.TeardownAppContext(func(_ *carafe.AppContext, err error) { torn = err })
	defer func() {
		if v := recover(); v != "boom" {
			t.Errorf("recovered %v, want boom", v)
		}
		var pe *carafe.PanicError
		if !errors.As(torn, &pe) || pe.Value != "boom" {
			t.Errorf("teardown got %v, want the panic", torn)
		}
	}()
	_ = app.AppContext(t.Context()).With(func(context.Context) error { panic("boom") })
}

func TestTeardownOfATestRequestContext(t *testing.T) {
	app := quiet()
	var got []error
	app.TeardownRequest(func(_ *carafe.Context, err error) { got = append(got, err) })
	c := app.TestRequestContext(httptest.NewRequest("GET", "/", nil))
	c.Push()
	if len(got) != 0 {
		t.Errorf("pushing ran the teardown: %v", got)
	}
	must(t, c.Pop(nil))
	if len(got) != 1 || got[0] != nil {
		t.Errorf("popping ran the teardown with %v, want nil once", got)
	}
}

func TestATestRequestContextIsMatchedAndBuildsURLs(t *testing.T) {
	app := quiet(carafe.SubdomainMatching(true))
	app.Config.ServerName = "localhost.localdomain:5000"
	app.Route("/", func() string { return "" }, carafe.Endpoint("index"))
	app.Route("/", func() string { return "" }, carafe.Endpoint("sub"), carafe.Subdomain("foo"))
	c := app.TestRequestContext(httptest.NewRequest("GET", "http://localhost.localdomain:5000/", nil))
	must(t, c.With(func(context.Context) error {
		if c.Endpoint() != "index" {
			t.Errorf("endpoint %q, want index", c.Endpoint())
		}
		if got := c.URLFor("index", "_external", true); got != "http://localhost.localdomain:5000/" {
			t.Errorf("URLFor(index) = %s", got)
		}
		if got := c.URLFor("sub", "_external", true); got != "http://foo.localhost.localdomain:5000/" {
			t.Errorf("URLFor(sub) = %s", got)
		}
		return nil
	}))
	foreign := app.TestRequestContext(httptest.NewRequest("GET", "http://elsewhere.example/", nil))
	must(t, foreign.With(func(context.Context) error { return nil }))
}

func TestAViewCanBeCalledWithATestRequestContext(t *testing.T) {
	app := quiet()
	index := func(c *carafe.Context) string { return "Hello " + c.Query("name") + "!" }
	app.Route("/", index)
	c := app.TestRequestContext(httptest.NewRequest("GET", "/?name=World", nil))
	c.Push()
	if got := index(c); got != "Hello World!" {
		t.Errorf("the view answers %q", got)
	}
	must(t, c.Pop(nil))
	if got := index(c); got != "Hello World!" {
		t.Errorf("after the pop, what was read is %q: values are the reader's", got)
	}
	meh := app.TestRequestContext(httptest.NewRequest("GET", "http://localhost/meh", nil))
	if got := meh.Request.FullURL(); got != "http://localhost/meh" {
		t.Errorf("the URL is %s", got)
	}
}

func TestACopyHasTheRequestAndAGOfItsOwn(t *testing.T) {
	app := quiet()
	app.Config.SecretKey = "dev"
	copies := make(chan *carafe.Context, 1)
	app.Route("/", func(c *carafe.Context) string {
		c.G().Set("mine", 1)
		c.Session().Set("fizz", "buzz")
		copies <- c.Copy()
		return "Hello"
	})
	carafetest.NewClient(t, app).Get("/?foo=bar")
	c := <-copies
	must(t, c.With(func(ctx context.Context) error {
		if carafe.CurrentApp(ctx) != app || carafe.CurrentContext(ctx) != c {
			t.Error("the copy is not current inside of itself")
		}
		if c.Request.URL.Path != "/" || c.Query("foo") != "bar" || c.Session().Get("fizz") != "buzz" {
			t.Errorf("the copy has path %s, foo=%s, fizz=%v", c.Request.URL.Path, c.Query("foo"), c.Session().Get("fizz"))
		}
		if c.G().Has("mine") {
			t.Error("the copy shares the G")
		}
		return nil
	}))
}

func TestG(t *testing.T) {
	var g carafe.G
	if g.Get("foo") != nil || g.GetOr("foo", 11) != 11 || g.Has("foo") {
		t.Error("an empty G has a value")
	}
	g.Set("foo", 42)
	if g.Get("foo") != 42 || g.GetOr("foo", 11) != 42 || !g.Has("foo") || g.Has("foos") {
		t.Error("a G has not what was set")
	}
	if g.SetDefault("bar", "first") != "first" || g.SetDefault("bar", "second") != "first" {
		t.Error("SetDefault has not kept the first value")
	}
	if got := fmt.Sprint(g.Keys()); got != "[foo bar]" {
		t.Errorf("keys %s, want [foo bar]", got)
	}
	if v, ok := g.Pop("foo"); v != 42 || !ok || g.Has("foo") {
		t.Errorf("Pop(foo) = %v %v", v, ok)
	}
	if v, ok := g.Pop("foo"); v != nil || ok {
		t.Errorf("Pop of what is not there = %v %v", v, ok)
	}
	if got := quiet().AppContext(t.Context()).G().String(); got != `<carafe.G of "test">` {
		t.Errorf("it prints as %s", got)
	}
}

func TestAKeyIsTypedAndSharesItsNameWithG(t *testing.T) {
	user := carafe.NewKey[string]("user")
	number := carafe.NewKey[int]("user")
	must(t, quiet().AppContext(t.Context()).With(func(ctx context.Context) error {
		if _, ok := user.Lookup(ctx); ok {
			t.Error("there is a user before one was set")
		}
		user.Set(ctx, "ada")
		if got := user.Get(ctx); got != "ada" {
			t.Errorf("user %q, want ada", got)
		}
		if got := ctx.(*carafe.AppContext).G().Get("user"); got != "ada" {
			t.Errorf("by its name it is %v", got)
		}
		if got, ok := number.Lookup(ctx); ok || got != 0 {
			t.Errorf("as a number it is %d %v", got, ok)
		}
		return nil
	}))
	if user.Get(t.Context()) != "" {
		t.Error("there is a user outside of any context")
	}
	defer func() {
		if err, _ := recover().(error); err == nil || !strings.Contains(err.Error(), "outside of any app context") {
			t.Errorf("setting it there: %v", err)
		}
	}()
	user.Set(t.Context(), "ada")
}

func TestGIsNewForEveryRequestAlsoWithinAnAppContext(t *testing.T) {
	app := quiet()
	app.Route("/", func(c *carafe.Context) (string, error) {
		if c.G().Has("outer") {
			return "", errors.New("the request sees the outer context's G")
		}
		return "", nil
	})
	must(t, app.AppContext(t.Context()).With(func(ctx context.Context) error {
		ctx.(*carafe.AppContext).G().Set("outer", 1)
		resp := carafetest.NewClient(t, app).Get("/", carafetest.Context(ctx))
		if resp.StatusCode != 200 {
			t.Errorf("status %d", resp.StatusCode)
		}
		return nil
	}))
}

// TestAKeptContextReadsItsOwnRequest is of use under -race: 1,000 goroutines keep their contexts until every request is over.
func TestAKeptContextReadsItsOwnRequest(t *testing.T) {
	app := quiet()
	over := make(chan struct{})
	var wg sync.WaitGroup
	faults := make(chan string, 1000)
	app.Route("/<int:id>", func(c *carafe.Context, id int) string {
		c.G().Set("id", id)
		wg.Add(1)
		go func() {
			defer wg.Done()
			<-over
			want := fmt.Sprint(id)
			if c.Param("id") != want || c.Query("id") != want || fmt.Sprint(c.G().Get("id")) != want || c.Request.URL.Path != "/"+want {
				faults <- fmt.Sprintf("request %d reads param %s, query %s, g %v", id, c.Param("id"), c.Query("id"), c.G().Get("id"))
			}
		}()
		return c.Query("id")
	})
	for id := range 1000 {
		w := httptest.NewRecorder()
		app.ServeHTTP(w, httptest.NewRequest("GET", fmt.Sprintf("/%d?id=%d", id, id), nil))
	}
	close(over)
	wg.Wait()
	close(faults)
	for f := range faults {
		t.Error(f)
	}
}

func TestTheContextIsCancelledWhenTheClientLeaves(t *testing.T) {
	app := quiet()
	entered, left := make(chan struct{}), make(chan error, 1)
	app.Route("/", func(ctx context.Context) (string, error) {
		close(entered)
		<-ctx.Done()
		left <- ctx.Err()
		return "", ctx.Err()
	})
	base := carafetest.Serve(t, app)
	conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	must(t, err)
	_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	must(t, err)
	<-entered
	must(t, conn.Close())
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("the context ended with %v, want context.Canceled", err)
	}
}

func TestWorkOfGoOutlivesTheResponseAndIsWaitedFor(t *testing.T) {
	app := quiet()
	release, done := make(chan struct{}), make(chan string, 1)
	app.Route("/", func(c *carafe.Context) string {
		c.Go(func(ctx context.Context) {
			<-release
			done <- fmt.Sprintf("%s %v", carafe.CurrentContext(ctx).Query("q"), ctx.Err())
		})
		return "started"
	})
	ctx, cancel := context.WithCancel(t.Context())
	resp := carafetest.NewClient(t, app).Get("/?q=7", carafetest.Context(ctx))
	cancel() // the request's own context is over
	if resp.Text() != "started" {
		t.Errorf("GET / = %q", resp.Text())
	}
	close(release)
	must(t, app.Drain(t.Context()))
	if got := <-done; got != "7 <nil>" {
		t.Errorf("the work saw %q, want its request and no cancellation", got)
	}
}

func TestDrainGivesUpAndCancelsTheWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := quiet()
		cancelled := make(chan error, 1)
		c := app.TestRequestContext(httptest.NewRequest("GET", "/", nil))
		c.Go(func(ctx context.Context) {
			<-ctx.Done()
			cancelled <- ctx.Err()
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := app.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Drain returned %v, want the deadline", err)
		}
		if err := <-cancelled; !errors.Is(err, context.Canceled) {
			t.Errorf("the work was ended with %v", err)
		}
	})
}

func TestAPanicInGoIsLoggedAndNoMore(t *testing.T) {
	var log strings.Builder
	app := quiet()
	app.Logger = slog.New(slog.NewTextHandler(&log, nil))
	app.Route("/", func(c *carafe.Context) string {
		c.Go(func(context.Context) { panic("in the background") })
		return ""
	})
	carafetest.NewClient(t, app).Get("/")
	must(t, app.Drain(t.Context()))
	if !strings.Contains(log.String(), "in the background") || !strings.Contains(log.String(), "stack=") {
		t.Errorf("the log says %s", log.String())
	}
}

func TestAViewThatIsAHandlerFindsTheContext(t *testing.T) {
	app := quiet()
	app.Route("/<name>", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, carafe.CurrentContext(r.Context()).Param("name"))
	}, carafe.Endpoint("h"))
	if got := carafetest.NewClient(t, app).Get("/ada").Text(); got != "ada" {
		t.Errorf("GET /ada = %q", got)
	}
}

func textLogger(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }
