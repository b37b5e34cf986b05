package carafe_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/carafeweb/carafe"
	carafetest "github.com/carafeweb/carafe/testing"
)

// events is a list that hooks of one request write to.
type events []string

func (e *events) add(event string) { *e = append(*e, event) }

func (e events) String() string { return strings.Join(e, ", ") }

func wantEvents(t *testing.T, got events, want ...string) {
	t.Helper()
	if got.String() != events(want).String() {
		t.Errorf("what ran: %s\nwant:     %s", got, events(want))
	}
}

func TestBeforeAndAfterRunAroundTheView(t *testing.T) {
	app := quiet()
	var ev events
	app.BeforeRequest(func(*carafe.Context) (any, error) { ev.add("before"); return nil, nil })
	app.AfterRequest(func(_ *carafe.Context, resp *carafe.Response) (*carafe.Response, error) {
		body, err := resp.Bytes()
		resp.SetText(string(body) + "|after")
		ev.add("after")
		return resp, err
	})
	app.Route("/", func() string { ev.add("view"); return "request" })
	if got := carafetest.NewClient(t, app).Get("/").Text(); got != "request|after" {
		t.Errorf("GET / = %q, want request|after", got)
	}
	wantEvents(t, ev, "before", "view", "after")
}

func TestTheFirstBeforeFunctionThatAnswersIsTheLast(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer any
		want   string
		status int
	}{
		{"a text", "hello", "hello", 200},
		{"an empty text", "", "", 200},
		{"an empty slice", []any{}, "[]\n", 200},
		{"an empty map", map[string]any{}, "{}\n", 200},
		{"a number, which is no response", 0, "Internal Server Error", 500},
		{"false, which is no response", false, "Internal Server Error", 500},
	} {
		t.Run(tt.name, func(t *testing.T) {
			app := quiet()
			var ev events
			app.BeforeRequest(func(*carafe.Context) (any, error) { ev.add("1"); return nil, nil })
			app.BeforeRequest(func(*carafe.Context) (any, error) { ev.add("2"); return tt.answer, nil })
			app.BeforeRequest(func(*carafe.Context) (any, error) { ev.add("3"); return nil, nil })
			app.Route("/", func() string { ev.add("view"); return "" })
			resp := carafetest.NewClient(t, app).Get("/")
			if resp.StatusCode != tt.status || !strings.Contains(resp.Text(), tt.want) {
				t.Errorf("GET / = %d %q, want %d %q", resp.StatusCode, resp.Text(), tt.status, tt.want)
			}
			wantEvents(t, ev, "1", "2")
		})
	}
}

func TestHooksRunInOrderAndTeardownInReverse(t *testing.T) {
	app := quiet()
	var ev events
	for _, n := range []string{"1", "2"} {
		app.BeforeRequest(func(*carafe.Context) (any, error) { ev.add("before" + n); return nil, nil })
		app.AfterRequest(func(_ *carafe.Context, resp *carafe.Response) (*carafe.Response, error) {
			ev.add("after" + n)
			return resp, nil
		})
		app.TeardownRequest(func(*carafe.Context, error) { ev.add("teardown" + n) })
	}
	app.Route("/", func() string { return "42" })
	if got := carafetest.NewClient(t, app).Get("/").Text(); got != "42" {
		t.Errorf("GET / = %q", got)
	}
	wantEvents(t, ev, "before1", "before2", "after2", "after1", "teardown2", "teardown1")
}

func TestAfterChangesTheResponseOfThisRequestOnly(t *testing.T) {
	app := quiet()
	app.Route("/", func(c *carafe.Context) string {
		if c.Query("foo") != "" {
			carafe.After(c, func(resp *carafe.Response) (*carafe.Response, error) {
				resp.Header.Set("X-Foo", "a header")
				return resp, nil
			})
		}
		return "Test"
	})
	client := carafetest.NewClient(t, app)
	if resp := client.Get("/?foo=1"); resp.StatusCode != 200 || resp.Header.Get("X-Foo") != "a header" {
		t.Errorf("GET /?foo=1 = %d with X-Foo %q", resp.StatusCode, resp.Header.Get("X-Foo"))
	}
	if resp := client.Get("/"); resp.Header.Get("X-Foo") != "" {
		t.Errorf("another request has X-Foo %q", resp.Header.Get("X-Foo"))
	}
}

func TestOneAfterThisRequestMayAddAnotherAndAnAfterRequestMayNot(t *testing.T) {
	app := quiet()
	var ev events
	after := func(c *carafe.Context, name string) {
		carafe.After(c, func(resp *carafe.Response) (*carafe.Response, error) { ev.add(name); return resp, nil })
	}
	app.AfterRequest(func(c *carafe.Context, resp *carafe.Response) (*carafe.Response, error) {
		ev.add("after request")
		after(c, "too late")
		return resp, nil
	})
	app.Route("/", func(c *carafe.Context) string {
		carafe.After(c, func(resp *carafe.Response) (*carafe.Response, error) {
			ev.add("first")
			after(c, "added")
			return resp, nil
		})
		return ""
	})
	carafetest.NewClient(t, app).Get("/")
	wantEvents(t, ev, "first", "added", "after request")
}

func TestTeardownGetsWhatNoHandlerAnswered(t *testing.T) {
	broken := errors.New("broken")
	for _, tt := range []struct {
		name  string
		setup func(app *carafe.App)
		view  func() error
		want  error
	}{
		{"nothing after a success", nil, func() error { return carafe.AbortWith(carafe.Text("fine")) }, nil},
		{"nothing after an HTTP error", nil, func() error { return carafe.Abort(500) }, nil},
		{"nothing if a handler of its type answered", func(app *carafe.App) {
			carafe.OnError(app, func(*carafe.Context, error) (any, error) { return "handled", nil })
		}, func() error { return broken }, nil},
		{"the error if nobody did", nil, func() error { return broken }, broken},
		{"the error even if a 500 handler made a response", func(app *carafe.App) {
			app.ErrorHandler(500, func(*carafe.Context, *carafe.HTTPError) (any, error) { return "sorry", nil })
		}, func() error { return broken }, broken},
	} {
		t.Run(tt.name, func(t *testing.T) {
			app := quiet()
			var got []error
			app.TeardownRequest(func(_ *carafe.Context, err error) { got = append(got, err) })
			app.TeardownAppContext(func(_ *carafe.AppContext, err error) { got = append(got, err) })
			if tt.setup != nil {
				tt.setup(app)
			}
			app.Route("/", tt.view)
			carafetest.NewClient(t, app).Get("/")
			if len(got) != 2 || got[0] != tt.want || got[1] != tt.want {
				t.Errorf("teardown got %v, want %v twice", got, tt.want)
			}
		})
	}
}

func TestATeardownFunctionRunsOnceAlsoInDebugMode(t *testing.T) {
	for _, debug := range []bool{false, true} {
		app := quiet()
		app.Config.Debug = debug
		ran := 0
		app.TeardownRequest(func(*carafe.Context, error) { ran++ })
		app.Route("/", func() string { return "Response" })
		if resp := carafetest.NewClient(t, app).Get("/"); resp.StatusCode != 200 || ran != 1 {
			t.Errorf("debug %v: status %d, teardown ran %d times, want once", debug, resp.StatusCode, ran)
		}
	}
}

func TestAnErrorReachesAllTeardownFunctionsEvenIfOneMeetsAnother(t *testing.T) {
	app := quiet()
	broken := errors.New("broken")
	var got []error
	for range 2 {
		app.TeardownRequest(func(_ *carafe.Context, err error) {
			got = append(got, err)
			func() {
				defer func() { _ = recover() }()
				panic("dealt with inside")
			}()
		})
	}
	app.Route("/", func() error { return broken })
	resp := carafetest.NewClient(t, app).Get("/")
	if resp.StatusCode != 500 || !strings.Contains(resp.Text(), "Internal Server Error") {
		t.Errorf("GET / = %d %s", resp.StatusCode, resp.Text())
	}
	if len(got) != 2 || got[0] != broken || got[1] != broken {
		t.Errorf("teardown got %v, want the view's error twice", got)
	}
}

func TestEveryTeardownRunsWhateverTheOthersDo(t *testing.T) {
	app := quiet()
	app.Config.Testing = true
	ran := 0
	fail := func(name string) { ran++; panic(errors.New(name)) }
	app.TeardownRequest(func(*carafe.Context, error) { fail("request function") })
	app.Signals.RequestTearingDown.Connect(func(context.Context, carafe.RequestError) { fail("request signal") })
	app.TeardownAppContext(func(*carafe.AppContext, error) { fail("app function") })
	app.Signals.AppContextTearingDown.Connect(func(context.Context, carafe.AppTeardown) { fail("app signal") })
	app.Route("/", func() string { return "" })
	var err error
	carafetest.NewClient(t, app).Get("/", carafetest.WantError(&err))
	if ran != 4 {
		t.Errorf("%d of the four ran", ran)
	}
	var group *carafe.TeardownError
	if !errors.As(err, &group) || group.Group != "context" || len(group.Errs) != 2 {
		t.Fatalf("the test sees %v, want the group of the context with two in it", err)
	}
	for i, want := range []string{"request", "app"} {
		inner, ok := group.Errs[i].(*carafe.TeardownError)
		if !ok || inner.Group != want || len(inner.Errs) != 2 {
			t.Errorf("group %d is %v, want that of the %s with two in it", i, group.Errs[i], want)
		}
	}
}

func TestURLValuesArePreprocessedAndDefaultsAreInjected(t *testing.T) {
	app := quiet()
	lang := carafe.NewKey[string]("lang_code")
	app.URLValuePreprocessor(func(c *carafe.Context, _ string, values carafe.Values) {
		if code, ok := values["lang_code"].(string); ok {
			lang.Set(c, code)
			delete(values, "lang_code")
		}
	})
	app.URLDefaults(func(c *carafe.Context, endpoint string, values carafe.Values) {
		if _, given := values["lang_code"]; !given && c.App().Expects(endpoint, "lang_code") {
			values["lang_code"] = lang.Get(c)
		}
	})
	app.Route("/<lang_code>/", func(c *carafe.Context) string { return c.URLFor("about") }, carafe.Endpoint("index"))
	app.Route("/<lang_code>/about", func(c *carafe.Context) string { return c.URLFor("something_else") }, carafe.Endpoint("about"))
	app.Route("/foo", func(c *carafe.Context) string { return c.URLFor("about", "lang_code", "en") }, carafe.Endpoint("something_else"))
	client := carafetest.NewClient(t, app)
	for path, want := range map[string]string{"/de/": "/de/about", "/de/about": "/foo", "/foo": "/en/about"} {
		if got := client.Get(path).Text(); got != want {
			t.Errorf("GET %s = %q, want %q", path, got, want)
		}
	}
}

func TestWhatAPreprocessorPutsIntoAValueIsTheViewsArgument(t *testing.T) {
	app := quiet()
	app.URLValuePreprocessor(func(_ *carafe.Context, _ string, values carafe.Values) {
		if values != nil {
			values["id"] = values["id"].(int) + 1
			delete(values, "name")
		}
	})
	app.Route("/<int:id>/<name>", func(c *carafe.Context, id int, name string) string {
		return fmt.Sprintf("%d %s %s %q", id, name, c.Param("id"), c.Param("name"))
	}, carafe.Endpoint("x"))
	app.Route("/wrong/<int:id>", func(id int) string { return fmt.Sprint(id) }, carafe.Endpoint("wrong"))
	client := carafetest.NewClient(t, app)
	if got, want := client.Get("/7/ada").Text(), `8 ada 8 ""`; got != want {
		t.Errorf("GET /7/ada = %s, want %s", got, want)
	}
	if got := client.Get("/wrong/7").Text(); got != "8" {
		t.Errorf("GET /wrong/7 = %s, want 8", got)
	}
}

func TestAPreprocessorSeesNoValuesWhereNothingMatched(t *testing.T) {
	app := quiet()
	app.URLValuePreprocessor(func(_ *carafe.Context, endpoint string, values carafe.Values) {
		if endpoint != "" || values != nil {
			t.Errorf("it is called with %q and %v, want nothing", endpoint, values)
		}
	})
	if got := carafetest.NewClient(t, app).Get("/nothing").StatusCode; got != 404 {
		t.Errorf("status %d, want 404", got)
	}
}

func TestBeforeFirstRequest(t *testing.T) {
	t.Run("runs once, with others waiting", func(t *testing.T) {
		app := quiet()
		entered, release := make(chan struct{}), make(chan struct{})
		var mu sync.Mutex
		ran, served := 0, 0
		app.BeforeFirstRequest(func(*carafe.Context) error {
			ran++
			close(entered)
			<-release
			return nil
		})
		app.Route("/", func() string { mu.Lock(); served++; mu.Unlock(); return "" })
		var wg sync.WaitGroup
		serve := func() {
			wg.Go(func() { app.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)) })
		}
		serve()
		<-entered
		serve()
		mu.Lock()
		if served != 0 {
			t.Error("a request was served before the functions were done")
		}
		mu.Unlock()
		close(release)
		wg.Wait()
		if ran != 1 || served != 2 {
			t.Errorf("ran %d times for %d requests, want once for 2", ran, served)
		}
	})
	t.Run("an error is a 500, past the handlers of its type, and all run again", func(t *testing.T) {
		app := quiet()
		var ev events
		fail := true
		app.BeforeFirstRequest(func(*carafe.Context) error { ev.add("first"); return nil })
		app.BeforeFirstRequest(func(*carafe.Context) error {
			ev.add("second")
			if fail {
				return errors.New("the database is away")
			}
			return nil
		})
		app.Signals.RequestStarted.Connect(func(context.Context, *carafe.Context) { ev.add("started") })
		carafe.OnError(app, func(_ *carafe.Context, err *carafe.HTTPError) (any, error) {
			ev.add("handler " + err.Cause.Error())
			return carafe.Reply("sorry", 500), nil
		})
		app.Route("/", func() string { return "ok" })
		client := carafetest.NewClient(t, app)
		if resp := client.Get("/"); resp.StatusCode != 500 || resp.Text() != "sorry" {
			t.Errorf("the first request: %d %q", resp.StatusCode, resp.Text())
		}
		fail = false
		for range 2 {
			if resp := client.Get("/"); resp.StatusCode != 200 {
				t.Errorf("a later request: %d %q", resp.StatusCode, resp.Text())
			}
		}
		wantEvents(t, ev, "first", "second", "handler the database is away", "first", "second", "started", "started")
	})
	t.Run("a panic is a 500 too", func(t *testing.T) {
		app := quiet()
		app.BeforeFirstRequest(func(*carafe.Context) error { panic("boom") })
		app.Route("/", func() string { return "ok" })
		if got := carafetest.NewClient(t, app).Get("/").StatusCode; got != 500 {
			t.Errorf("status %d, want 500", got)
		}
	})
}

// TestFaultsInEveryHook has each kind of hook fail and panic, alone and together with a failing teardown: there is
// always an answer, every teardown runs, and the next request is served.
func TestFaultsInEveryHook(t *testing.T) {
	faults := map[string]func(){
		"panics with a text":   func() { panic("boom") },
		"panics with an error": func() { panic(errors.New("boom")) },
		"panics with nil":      func() { panic(nil) }, //nolint:govet // on purpose
		//lint:ignore SA5000 the runtime error is what is tested
		"meets a runtime error": func() { var m map[string]int; m["x"] = 1 },
		"panics with a teapot":  func() { panic(carafe.Abort(418)) },
	}
	places := map[string]func(app *carafe.App, fault func()){
		"preprocessor": func(app *carafe.App, fault func()) {
			app.URLValuePreprocessor(func(*carafe.Context, string, carafe.Values) { fault() })
		},
		"before": func(app *carafe.App, fault func()) {
			app.BeforeRequest(func(*carafe.Context) (any, error) { fault(); return nil, nil })
		},
		"after": func(app *carafe.App, fault func()) {
			app.AfterRequest(func(_ *carafe.Context, resp *carafe.Response) (*carafe.Response, error) { fault(); return resp, nil })
		},
		"error handler": func(app *carafe.App, fault func()) {
			app.BeforeRequest(func(*carafe.Context) (any, error) { return nil, errors.New("plain") })
			carafe.OnError(app, func(*carafe.Context, error) (any, error) { fault(); return "", nil })
		},
		"500 handler": func(app *carafe.App, fault func()) {
			app.BeforeRequest(func(*carafe.Context) (any, error) { return nil, errors.New("plain") })
			app.ErrorHandler(500, func(*carafe.Context, *carafe.HTTPError) (any, error) { fault(); return "", nil })
		},
		"signal": func(app *carafe.App, fault func()) {
			app.Signals.RequestStarted.Connect(func(context.Context, *carafe.Context) { fault() })
		},
		"finished signal": func(app *carafe.App, fault func()) {
			app.Signals.RequestFinished.Connect(func(context.Context, carafe.RequestFinished) { fault() })
		},
		"exception signal": func(app *carafe.App, fault func()) {
			app.BeforeRequest(func(*carafe.Context) (any, error) { return nil, errors.New("plain") })
			app.Signals.GotRequestException.Connect(func(context.Context, carafe.RequestError) { fault() })
		},
		"pushed signal": func(app *carafe.App, fault func()) {
			app.Signals.AppContextPushed.Connect(func(context.Context, *carafe.AppContext) { fault() })
		},
		"after this request": func(app *carafe.App, fault func()) {
			app.BeforeRequest(func(c *carafe.Context) (any, error) {
				carafe.After(c, func(resp *carafe.Response) (*carafe.Response, error) { fault(); return resp, nil })
				return nil, nil
			})
		},
	}
	for place, install := range places {
		for name, fault := range faults {
			t.Run(place+" "+name, func(t *testing.T) {
				app := quiet()
				on, torn := true, 0
				install(app, func() {
					if on {
						fault()
					}
				})
				for range 2 {
					app.TeardownRequest(func(*carafe.Context, error) { torn++; fault() })
					app.TeardownAppContext(func(*carafe.AppContext, error) { torn++; fault() })
				}
				app.Route("/", func() string { return "ok" })
				w := httptest.NewRecorder()
				app.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
				if w.Code != 500 && w.Code != 418 {
					t.Errorf("status %d, want 500, or the teapot that was asked for", w.Code)
				}
				if strings.Contains(w.Body.String(), "boom") {
					t.Errorf("the client sees %s", w.Body)
				}
				if torn != 4 {
					t.Errorf("%d of 4 teardown functions ran", torn)
				}
				on = false
				w = httptest.NewRecorder()
				app.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
				if !strings.HasSuffix(place, "handler") && place != "exception signal" && w.Code != 200 {
					t.Errorf("the next request: %d", w.Code)
				}
			})
		}
	}
}

func TestAnAfterFunctionThatReturnsNilIsA500(t *testing.T) {
	app := quiet()
	var got error
	app.Signals.GotRequestException.Connect(func(_ context.Context, e carafe.RequestError) { got = e.Err })
	first := true
	app.AfterRequest(func(_ *carafe.Context, resp *carafe.Response) (*carafe.Response, error) {
		if first {
			first = false
			return nil, nil
		}
		return resp, nil
	})
	app.Route("/", func() string { return "" }, carafe.Endpoint("index"))
	if code := carafetest.NewClient(t, app).Get("/").StatusCode; code != 500 {
		t.Errorf("status %d, want 500", code)
	}
	if got == nil || !strings.Contains(got.Error(), `endpoint "index" returned a nil response`) {
		t.Errorf("the error is %v", got)
	}
}

func TestMiddlewareWrapsTheGateway(t *testing.T) {
	app := quiet()
	var ev events
	wrap := func(name string) func(http.Handler) http.Handler {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { ev.add(name); next.ServeHTTP(w, r) })
		}
	}
	app.Use(wrap("1"), wrap("2"))
	app.Gateway = wrap("outermost")(app.Gateway)
	app.Route("/", func() string { ev.add("view"); return "" })
	carafetest.NewClient(t, app).Get("/")
	wantEvents(t, ev, "outermost", "1", "2", "view")
}
