package carafe_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/blueprints"
	carafetest "github.com/carafeweb/carafe/testing"
)

func say(text string, status ...int) func(*carafe.Context, *carafe.HTTPError) (any, error) {
	return func(*carafe.Context, *carafe.HTTPError) (any, error) {
		if len(status) > 0 {
			return carafe.Reply(text, status[0]), nil
		}
		return text, nil
	}
}

func TestAbortWorksReturnedAndPanickedFromAnyDepth(t *testing.T) {
	deep := func(n int) { panic(carafe.Abort(410, "gone for good")) }
	for _, tt := range []struct {
		name string
		view func() error
		want int
	}{
		{"returned", func() error { return carafe.Abort(410) }, 410},
		{"wrapped, it keeps its status", func() error { return fmt.Errorf("bean: %w", carafe.Abort(410)) }, 410},
		{"joined with others", func() error { return errors.Join(errors.New("x"), carafe.Abort(410)) }, 410},
		{"panicked", func() error { deep(1); return nil }, 410},
		{"panicked and wrapped", func() error { panic(fmt.Errorf("bean: %w", carafe.Abort(410))) }, 410},
		{"with a code that nobody knows", func() error { return carafe.Abort(499) }, 500},
		{"with a code that is no error", func() error { return carafe.Abort(200) }, 500},
		{"with a literal of one's own", func() error { return &carafe.HTTPError{Code: 499} }, 499},
	} {
		t.Run(tt.name, func(t *testing.T) {
			app := quiet()
			app.Route("/", tt.view)
			if got := carafetest.NewClient(t, app).Get("/").StatusCode; got != tt.want {
				t.Errorf("status %d, want %d", got, tt.want)
			}
		})
	}
}

func TestHandlersByCodeAndForUnhandledErrors(t *testing.T) {
	app := quiet()
	app.ErrorHandler(404, say("not found", 404))
	app.ErrorHandler(500, say("internal server error", 500))
	app.ErrorHandler(403, say("forbidden", 403))
	app.Route("/", func() error { return carafe.Abort(404) }, carafe.Endpoint("index"))
	app.Route("/error", func() string { return strings.Repeat("x", -1) }, carafe.Endpoint("error"))
	app.Route("/forbidden", func() error { return carafe.Abort(403) }, carafe.Endpoint("forbidden"))
	client := carafetest.NewClient(t, app)
	for path, want := range map[string]string{"/": "404 not found", "/error": "500 internal server error", "/forbidden": "403 forbidden"} {
		resp := client.Get(path)
		if got := fmt.Sprint(resp.StatusCode, " ", resp.Text()); got != want {
			t.Errorf("GET %s = %s, want %s", path, got, want)
		}
	}
}

func TestAHandlersAnswerIsA200UnlessItSaysOtherwise(t *testing.T) {
	app := quiet()
	app.ErrorHandler(404, say("gone"))
	app.ErrorHandler(410, func(_ *carafe.Context, err *carafe.HTTPError) (any, error) { return err, nil })
	app.ErrorHandler(403, func(_ *carafe.Context, err *carafe.HTTPError) (any, error) { return nil, err })
	app.Route("/410", func() error { return carafe.Abort(410) }, carafe.Endpoint("410"))
	app.Route("/403", func() error { return carafe.Abort(403) }, carafe.Endpoint("403"))
	client := carafetest.NewClient(t, app)
	for path, want := range map[string]int{"/nothing": 200, "/410": 410, "/403": 403} {
		if got := client.Get(path).StatusCode; got != want {
			t.Errorf("GET %s = %d, want %d", path, got, want)
		}
	}
}

func TestAfterFunctionsSeeTheAnswerOfAnErrorHandler(t *testing.T) {
	app := quiet()
	app.ErrorHandler(500, say("internal server error", 500))
	app.AfterRequest(func(_ *carafe.Context, resp *carafe.Response) (*carafe.Response, error) {
		resp.Header.Set("Content-Type", "text/x-special")
		return resp, nil
	})
	app.Route("/", func() string { panic("x") })
	resp := carafetest.NewClient(t, app).Get("/")
	if resp.Header.Get("Content-Type") != "text/x-special" || resp.Text() != "internal server error" {
		t.Errorf("GET / = %q as %q", resp.Text(), resp.Header.Get("Content-Type"))
	}
}

func TestErrAbortHandlerPassesAfterTheTeardown(t *testing.T) {
	app := quiet()
	torn := false
	app.TeardownRequest(func(*carafe.Context, error) { torn = true })
	carafe.OnError(app, func(*carafe.Context, error) (any, error) { return "handled", nil })
	app.Route("/", func() string { panic(http.ErrAbortHandler) })
	defer func() {
		if v := recover(); v != http.ErrAbortHandler || !torn {
			t.Errorf("recovered %v with teardown %v, want http.ErrAbortHandler after the teardown", v, torn)
		}
	}()
	app.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
}

func TestA404HandlerUsesWhatBeforeFunctionsStored(t *testing.T) {
	app := quiet()
	app.BeforeRequest(func(c *carafe.Context) (any, error) { c.G().Set("something", "value"); return nil, nil })
	app.ErrorHandler(404, func(c *carafe.Context, _ *carafe.HTTPError) (any, error) {
		return carafe.Reply(c.G().Get("something"), 404), nil
	})
	if resp := carafetest.NewClient(t, app).Get("/"); resp.StatusCode != 404 || resp.Text() != "value" {
		t.Errorf("GET / = %d %q, want 404 value", resp.StatusCode, resp.Text())
	}
}

// The errors of a small family. forbiddenChild wraps a 403, as a subclass of it does in Flask.
type (
	parentError    struct{ error }
	childError     struct{ parent error }
	siblingError   struct{ error }
	forbiddenChild struct{ http error }
	plainError     struct{}
)

func (e childError) Error() string     { return "child" }
func (e childError) Unwrap() error     { return e.parent }
func (e forbiddenChild) Error() string { return "forbidden child" }
func (e forbiddenChild) Unwrap() error { return e.http }
func (plainError) Error() string       { return "plain" }

func text[T error](s string) func(*carafe.Context, T) (any, error) {
	return func(*carafe.Context, T) (any, error) { return s, nil }
}

func TestTheNearestTypeOfTheChainHasTheHandler(t *testing.T) {
	child := childError{parentError{errors.New("root")}}
	for _, tt := range []struct {
		name  string
		setup func(app *carafe.App)
		err   error
		want  string
	}{
		{"a user's own type", func(a *carafe.App) { carafe.OnError(a, text[plainError]("42")) }, plainError{}, "42"},
		{"a parent's handler takes the child", func(a *carafe.App) { carafe.OnError(a, text[parentError]("parent")) }, child, "parent"},
		{"the child's own handler is nearer", func(a *carafe.App) {
			carafe.OnError(a, text[childError]("child-registered"))
			carafe.OnError(a, text[parentError]("parent"))
		}, child, "child-registered"},
		{"of two joined, a registered one beats the handler of all errors", func(a *carafe.App) {
			carafe.OnError(a, text[error]("all"))
			carafe.OnError(a, text[siblingError]("sibling"))
		}, errors.Join(plainError{}, siblingError{errors.New("x")}), "sibling"},
		{"the handler of all errors takes the rest", func(a *carafe.App) {
			carafe.OnError(a, text[siblingError]("sibling"))
			carafe.OnError(a, text[error]("all"))
		}, plainError{}, "all"},
		{"an interface comes after concrete types and before error", func(a *carafe.App) {
			carafe.OnError(a, text[error]("all"))
			carafe.OnError(a, text[interface {
				error
				Unwrap() error
			}]("wrapper"))
		}, child, "wrapper"},
		{"a 403 handler takes what wraps a 403", func(a *carafe.App) { a.ErrorHandler(403, say("forbidden")) }, forbiddenChild{carafe.Abort(403)}, "forbidden"},
		{"the wrapper's own handler beats the code's", func(a *carafe.App) {
			carafe.OnError(a, text[forbiddenChild]("banana"))
			a.ErrorHandler(403, say("apple"))
		}, forbiddenChild{carafe.Abort(403)}, "banana"},
		{"and leaves a plain 403 to it", func(a *carafe.App) {
			carafe.OnError(a, text[forbiddenChild]("banana"))
			a.ErrorHandler(403, say("apple"))
		}, carafe.Abort(403), "apple"},
		{"the last one registered for a type wins", func(a *carafe.App) {
			carafe.OnError(a, text[plainError]("first"))
			carafe.OnError(a, text[plainError]("second"))
		}, plainError{}, "second"},
		{"a panic with an error is found by that error's type", func(a *carafe.App) { carafe.OnError(a, text[plainError]("42")) }, &carafe.PanicError{Value: plainError{}}, "42"},
		{"a panic is found as a panic first", func(a *carafe.App) {
			carafe.OnError(a, text[plainError]("42"))
			carafe.OnError(a, text[*carafe.PanicError]("panic"))
		}, &carafe.PanicError{Value: plainError{}}, "panic"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			app := quiet()
			tt.setup(app)
			app.Route("/", func() error { return tt.err })
			if got := carafetest.NewClient(t, app).Get("/").Text(); got != tt.want {
				t.Errorf("GET / = %q, want %q", got, tt.want)
			}
		})
	}
}

// arrived says how an error arrived at a handler.
func arrived(name string) func(error) (any, error) {
	return func(err error) (any, error) {
		var he *carafe.HTTPError
		if errors.As(err, &he) && he.Cause != nil {
			return fmt.Sprintf("wrapped %v by %s", he.Cause, name), nil
		}
		if he != nil {
			return fmt.Sprintf("direct %d by %s", he.Code, name), nil
		}
		return fmt.Sprintf("direct %v by %s", err, name), nil
	}
}

func TestHandlersFor500AndForTheBaseTypesSeeErrorsAsFlaskPassesThem(t *testing.T) {
	for _, tt := range []struct {
		name            string
		setup           func(app *carafe.App)
		own, abort, nil string
	}{
		{"500", func(a *carafe.App) {
			a.ErrorHandler(500, func(_ *carafe.Context, e *carafe.HTTPError) (any, error) { return arrived("500")(e) })
		}, "wrapped plain by 500", "direct 500 by 500", "404"},
		{"*HTTPError", func(a *carafe.App) {
			carafe.OnError(a, func(_ *carafe.Context, e *carafe.HTTPError) (any, error) { return arrived("http")(e) })
		}, "wrapped plain by http", "direct 500 by http", "direct 404 by http"},
		{"error", func(a *carafe.App) {
			carafe.OnError(a, func(_ *carafe.Context, e error) (any, error) { return arrived("error")(e) })
		}, "direct plain by error", "direct 500 by error", "direct 404 by error"},
		{"500 and a type", func(a *carafe.App) {
			a.ErrorHandler(500, func(_ *carafe.Context, e *carafe.HTTPError) (any, error) { return arrived("500")(e) })
			carafe.OnError(a, text[plainError]("custom"))
		}, "custom", "direct 500 by 500", "404"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			app := quiet()
			tt.setup(app)
			app.Route("/own", func() error { return plainError{} }, carafe.Endpoint("own"))
			app.Route("/abort", func() error { return carafe.Abort(500) }, carafe.Endpoint("abort"))
			client := carafetest.NewClient(t, app)
			for path, want := range map[string]string{"/own": tt.own, "/abort": tt.abort, "/nothing": tt.nil} {
				if got := client.Get(path).Text(); !strings.Contains(got, want) {
					t.Errorf("GET %s = %q, want %q", path, got, want)
				}
			}
		})
	}
}

func TestLookupGoesByCodeBeforeTypeAndByBlueprintBeforeApp(t *testing.T) {
	bp := blueprints.New("bp", carafe.URLPrefix("/bp"))
	bp.Route("/404", func() error { return carafe.Abort(404) }, carafe.Endpoint("e404"))
	bp.Route("/403", func() error { return carafe.Abort(403) }, carafe.Endpoint("e403"))
	bp.Route("/plain", func() error { return plainError{} }, carafe.Endpoint("plain"))
	carafe.OnError(bp, text[*carafe.HTTPError]("bp http"))
	bp.ErrorHandler(403, say("bp 403"))
	carafe.OnError(bp, text[error]("bp all"))
	app := quiet()
	app.ErrorHandler(404, say("app 404"))
	app.ErrorHandler(403, say("app 403"))
	carafe.OnError(app, text[plainError]("app plain"))
	app.Route("/slash/", func() string { return "slash" })
	app.RegisterBlueprint(bp)
	client := carafetest.NewClient(t, app)
	for path, want := range map[string]string{
		"/bp/404":     "app 404", // an app's code beats a blueprint's type
		"/bp/403":     "bp 403",
		"/bp/plain":   "bp all",  // a blueprint's error beats the app's own type
		"/bp/nothing": "app 404", // an unmatched URL below the prefix is nobody's but the app's
		"/slash":      "slash",   // a redirect of the router is handed to no handler
	} {
		if got := client.Get(path, carafetest.FollowRedirects(true)).Text(); got != want {
			t.Errorf("GET %s = %q, want %q", path, got, want)
		}
	}
}

func TestAnErrorInAHandlerIsNotLookedUpAgain(t *testing.T) {
	app := quiet()
	carafe.OnError(app, func(*carafe.Context, plainError) (any, error) { return nil, carafe.Abort(409) })
	app.ErrorHandler(409, say("conflict"))
	app.Route("/", func() error { return plainError{} })
	if got := carafetest.NewClient(t, app).Get("/").StatusCode; got != 500 {
		t.Errorf("status %d, want 500", got)
	}
}

func TestErrorsInHooksGoToThe500Handler(t *testing.T) {
	for _, where := range []string{"before", "after"} {
		app := quiet()
		failed := false
		if where == "before" {
			app.BeforeRequest(func(*carafe.Context) (any, error) { return nil, plainError{} })
		} else {
			app.AfterRequest(func(_ *carafe.Context, resp *carafe.Response) (*carafe.Response, error) {
				if !failed {
					failed = true
					return nil, plainError{}
				}
				return resp, nil
			})
		}
		app.Route("/", func() string { return "Hello" })
		app.ErrorHandler(500, say("Hello Server Error", 500))
		if resp := carafetest.NewClient(t, app).Get("/"); resp.StatusCode != 500 || resp.Text() != "Hello Server Error" {
			t.Errorf("an error in %s: %d %q", where, resp.StatusCode, resp.Text())
		}
	}
}

// Unlike Flask, where only a 500 handler sees them.
func TestErrorsOfMakeResponseReachTheHandlersOfTheirType(t *testing.T) {
	app := quiet()
	carafe.OnError(app, text[plainError]("caught"))
	app.Route("/", func() carafe.Responder {
		return responderFunc(func(*carafe.Context) (*carafe.Response, error) { return nil, plainError{} })
	})
	if got := carafetest.NewClient(t, app).Get("/").Text(); got != "caught" {
		t.Errorf("GET / = %q, want caught", got)
	}
}

func TestAFailing500HandlerLeavesAPlain500(t *testing.T) {
	app := quiet()
	app.ErrorHandler(500, func(*carafe.Context, *carafe.HTTPError) (any, error) { panic("again") })
	app.Route("/", func() error { return plainError{} })
	resp := carafetest.NewClient(t, app).Get("/")
	if resp.StatusCode != 500 || !strings.Contains(resp.Text(), "<h1>Internal Server Error</h1>") || strings.Contains(resp.Text(), "again") {
		t.Errorf("GET / = %d %s", resp.StatusCode, resp.Text())
	}
}

func TestACustom405HandlerKeepsAllow(t *testing.T) {
	app := quiet()
	app.ErrorHandler(405, say("no", 405))
	app.Get("/", func() string { return "" })
	if got := carafetest.NewClient(t, app).Post("/").Header.Get("Allow"); got != "GET, HEAD, OPTIONS" {
		t.Errorf("Allow %q", got)
	}
}

func TestAbortWithGoesPastTheHandlers(t *testing.T) {
	app := quiet()
	carafe.OnError(app, text[error]("42"))
	app.Route("/", func(c *carafe.Context) error { return carafe.AbortWith(carafe.Redirect(c.URLFor("test"))) }, carafe.Endpoint("index"))
	app.Route("/test", func() error { return plainError{} }, carafe.Endpoint("test"))
	client := carafetest.NewClient(t, app)
	if resp := client.Get("/"); resp.StatusCode != 302 || resp.Location() != "/test" {
		t.Errorf("GET / = %d to %q", resp.StatusCode, resp.Location())
	}
	if got := client.Get("/test").Text(); got != "42" {
		t.Errorf("GET /test = %q", got)
	}
}

func TestUnansweredErrorsPropagateInTestingAndDebugMode(t *testing.T) {
	yes, no := true, false
	for _, tt := range []struct {
		name  string
		setup func(c *carafe.Config)
		want  bool
	}{
		{"testing", func(c *carafe.Config) { c.Testing = true }, true},
		{"debug", func(c *carafe.Config) { c.Debug = true }, true},
		{"asked for", func(c *carafe.Config) { c.PropagateErrors = &yes }, true},
		{"neither", func(*carafe.Config) {}, false},
		{"refused in testing", func(c *carafe.Config) { c.Testing, c.PropagateErrors = true, &no }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			app := quiet()
			tt.setup(&app.Config)
			var torn error
			app.TeardownAppContext(func(_ *carafe.AppContext, err error) { torn = err })
			app.Route("/", func() error { return plainError{} })
			var err error
			var opts []carafetest.RequestOption
			if tt.want {
				opts = append(opts, carafetest.WantError(&err))
			}
			resp := carafetest.NewClient(t, app).Get("/", opts...)
			if tt.want != errors.Is(err, plainError{}) || resp.StatusCode != 500 {
				t.Errorf("the test sees %v and status %d", err, resp.StatusCode)
			}
			if torn != error(plainError{}) {
				t.Errorf("teardown got %v, want the error", torn)
			}
		})
	}
}

func TestErrorsAnsweredByAHandlerDoNotPropagate(t *testing.T) {
	app := quiet()
	app.Config.Testing = true
	var torn []error
	app.TeardownAppContext(func(_ *carafe.AppContext, err error) { torn = append(torn, err) })
	carafe.OnError(app, text[error]("handled"))
	app.Route("/", func() error { return plainError{} })
	must(t, app.AppContext(t.Context()).With(func(ctx context.Context) error {
		if got := carafetest.NewClient(t, app).Get("/", carafetest.Context(ctx)).Text(); got != "handled" {
			t.Errorf("GET / = %q", got)
		}
		return nil
	}))
	if len(torn) != 2 || torn[0] != nil || torn[1] != nil {
		t.Errorf("teardown of the request and the outer context got %v, want nil twice", torn)
	}
}

func TestTrappedHTTPErrors(t *testing.T) {
	yes := true
	for _, tt := range []struct {
		name  string
		setup func(c *carafe.Config)
		path  string
		want  string // in the error that escapes; "" means a 400 without the key
	}{
		{"a missing key is a 400 that does not name it", func(*carafe.Config) {}, "/key", ""},
		{"in debug mode it escapes and names it", func(c *carafe.Config) { c.Debug = true }, "/key", "KeyError: 'missing_key'"},
		{"with TrapBadRequest it escapes too", func(c *carafe.Config) { c.Testing, c.TrapBadRequest = true, &yes }, "/key", "KeyError: 'missing_key'"},
		{"and so does an abort(400)", func(c *carafe.Config) { c.Testing, c.TrapBadRequest = true, &yes }, "/abort", "400 Bad Request"},
		{"with TrapHTTPErrors an abort(404) escapes", func(c *carafe.Config) { c.Testing, c.TrapHTTPErrors = true, true }, "/fail", "404 Not Found"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			app := quiet()
			tt.setup(&app.Config)
			app.Route("/key", func(c *carafe.Context) (string, error) { return c.Request.RequireForm("missing_key") }, carafe.Endpoint("key"))
			app.Route("/abort", func() error { return carafe.Abort(400) }, carafe.Endpoint("abort"))
			app.Route("/fail", func() error { return carafe.Abort(404) }, carafe.Endpoint("fail"))
			client := carafetest.NewClient(t, app)
			if tt.want == "" {
				if resp := client.Get(tt.path); resp.StatusCode != 400 || strings.Contains(resp.Text(), "missing_key") {
					t.Errorf("GET %s = %d %s", tt.path, resp.StatusCode, resp.Text())
				}
				return
			}
			var err error
			client.Get(tt.path, carafetest.WantError(&err))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("what escapes is %v, want %q in it", err, tt.want)
			}
		})
	}
}

func TestAFormWithoutMultipartIsExplainedInDebugMode(t *testing.T) {
	app := quiet()
	app.Config.Debug = true
	app.Post("/fail", func(c *carafe.Context) (string, error) {
		f, err := c.Request.RequireFile("foo")
		if err != nil {
			return "", err
		}
		return f.Filename, nil
	})
	var err error
	carafetest.NewClient(t, app).Post("/fail", carafetest.Form{"foo": {"index.txt"}}, carafetest.WantError(&err))
	for _, want := range []string{"no file contents were transmitted", "This was submitted: 'index.txt'"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want %q in it", err, want)
		}
	}
}

func TestABodyAboveTheLimitIsA413(t *testing.T) {
	app := quiet()
	app.Config.MaxContentLength = 50
	app.Post("/accept", func(c *carafe.Context) (string, error) {
		form, err := c.Request.Forms()
		return form.Get("myfile"), err
	})
	app.ErrorHandler(413, say("42"))
	resp := carafetest.NewClient(t, app).Post("/accept", carafetest.Form{"myfile": {strings.Repeat("foo", 50)}})
	if resp.Text() != "42" {
		t.Errorf("POST /accept = %d %q, want 42", resp.StatusCode, resp.Text())
	}
}

func TestAnUnansweredErrorIsLoggedOnceWithItsStack(t *testing.T) {
	var log strings.Builder
	app := quiet()
	app.Logger = slog.New(slog.NewTextHandler(&log, nil))
	app.Route("/broken", func() string { panic("secret detail") })
	carafetest.NewClient(t, app).Get("/broken")
	if n := strings.Count(log.String(), "Exception on /broken [GET]"); n != 1 {
		t.Errorf("it is logged %d times: %s", n, log.String())
	}
	if !strings.Contains(log.String(), "stack=") || !strings.Contains(log.String(), "errors_test.go") {
		t.Errorf("the log has no stack that leads here: %s", log.String())
	}
}

func TestAFailingStreamBreaksTheConnectionOff(t *testing.T) {
	app := quiet()
	var torn error
	app.TeardownRequest(func(_ *carafe.Context, err error) { torn = err })
	closed := false
	app.Route("/", func(c *carafe.Context) (*carafe.Response, error) {
		resp, err := carafe.NewResponse(carafe.Streamer(func(w http.ResponseWriter) error {
			_, _ = w.Write([]byte("first"))
			return plainError{}
		}))
		resp.OnClose(func() { closed = true })
		return resp, err
	})
	var err error
	resp := carafetest.NewClient(t, app).Get("/", carafetest.WantError(&err))
	if resp.Text() != "first" || err == nil || torn != error(plainError{}) || !closed {
		t.Errorf("body %q, error %v, teardown %v, closed %v", resp.Text(), err, torn, closed)
	}
}
