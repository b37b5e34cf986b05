package carafe_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/blueprints"
	"github.com/carafeweb/carafe/gateway"
	carafetest "github.com/carafeweb/carafe/testing"
)

type failingText func()

func (f failingText) MarshalText() ([]byte, error) { f(); return []byte("1"), nil }

// A failingBound is a text that says how it fails when it is bound.
type failingBound struct{}

func (*failingBound) UnmarshalText(text []byte) error { faultValues[string(text)](); return nil }

type failingRefresh struct {
	failingSessions
	refresh func()
}

func (f failingRefresh) Refresh(*carafe.Context) bool { f.refresh(); return true }

// failingCloser reads a text, or fails behind it, and then fails to close.
type failingCloser struct {
	io.Reader
	read, close func()
}

func (f failingCloser) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	if err == io.EOF {
		f.read()
	}
	return n, err
}

func (f failingCloser) Close() error { f.close(); return nil }

type failingClass struct{ fail func() }

func (f *failingClass) Get(*carafe.Context) string { f.fail(); return "" }
func (f *failingClass) Broken() string             { f.fail(); return "" }

// once fails the first time only: what fails each time also fails for the page of the 500.
func once(fail func()) func() {
	failed := false
	return func() {
		if !failed {
			failed = true
			fail()
		}
	}
}

var moreFaultPlaces = []faultPlace{
	{"a before-request function of a blueprint", 500, func(app *carafe.App, fail func()) {
		bp := blueprints.New("bp")
		bp.BeforeRequest(func(*carafe.Context) (any, error) { fail(); return nil, nil })
		bp.Get("/x", fine, carafe.Endpoint("x"))
		app.RegisterBlueprint(bp)
	}},
	{"an after-request function of a blueprint", 500, func(app *carafe.App, fail func()) {
		fail = once(fail)
		bp := blueprints.New("bp")
		bp.AfterRequest(func(_ *carafe.Context, resp *carafe.Response) (*carafe.Response, error) { fail(); return resp, nil })
		bp.Get("/x", fine, carafe.Endpoint("x"))
		app.RegisterBlueprint(bp)
	}},
	{"a teardown function of a blueprint", 200, func(app *carafe.App, fail func()) {
		bp := blueprints.New("bp")
		bp.TeardownRequest(func(*carafe.Context, error) { fail() })
		bp.Get("/x", fine, carafe.Endpoint("x"))
		app.RegisterBlueprint(bp)
	}},
	{"a teardown function behind an answer that was cut off", cutOff, func(app *carafe.App, fail func()) {
		app.TeardownRequest(func(c *carafe.Context, _ error) { ifX(c.Endpoint(), fail) })
		faultView(app, func(w http.ResponseWriter, _ *http.Request) {
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		})
	}},
	{"a view that is a class", 500, func(app *carafe.App, fail func()) { faultView(app, &failingClass{fail}) }},
	{"a view with a variable", 500, func(app *carafe.App, fail func()) {
		app.Get("/<name>", func(c *carafe.Context, name string) (string, error) { ifX(name, fail); return "fine", nil }, carafe.Endpoint("x"))
	}},
	{"an application of the gateway before the first byte", 500, func(app *carafe.App, fail func()) {
		faultView(app, gateway.ApplicationFunc(func(gateway.Environ, gateway.StartResponse) (gateway.Body, error) { fail(); return nil, nil }))
	}},
	{"an error handler for every error", 500, func(app *carafe.App, fail func()) {
		fail = once(fail)
		carafe.OnError(app, func(*carafe.Context, error) (any, error) { fail(); return carafe.Reply("", 500), nil })
		faultView(app, func() (string, error) { return "", carafe.Abort(418) })
	}},
	{"a template test", 500, func(app *carafe.App, fail func()) {
		app.TemplateTest("broken", func(string) bool { fail(); return true })
		faultView(app, func() any { return carafe.RenderString("{{ 'x' is broken }}", nil) })
	}},
	{"a template function of a stream after the first byte", cutOff, func(app *carafe.App, fail func()) {
		app.TemplateGlobal("broken", func() string { fail(); return "" })
		faultView(app, func() any { return carafe.StreamTemplateString(strings.Repeat("part", 20_000)+"{{ broken() }}", nil) })
	}},
	{"a method that a template calls", 500, func(app *carafe.App, fail func()) {
		faultView(app, func() any { return carafe.RenderString("{{ x.Broken() }}", map[string]any{"x": &failingClass{fail}}) })
	}},
	{"a receiver of BeforeRenderTemplate", 500, func(app *carafe.App, fail func()) {
		app.Signals.BeforeRenderTemplate.Connect(func(context.Context, carafe.TemplateRender) { fail() })
		faultView(app, func() any { return carafe.RenderString("x", nil) })
	}},
	{"a receiver of TemplateRendered", 500, func(app *carafe.App, fail func()) {
		app.Signals.TemplateRendered.Connect(func(context.Context, carafe.TemplateRender) { fail() })
		faultView(app, func() any { return carafe.RenderString("x", nil) })
	}},
	{"a receiver of MessageFlashed", 500, func(app *carafe.App, fail func()) {
		app.Config.SecretKey = "key"
		app.Signals.MessageFlashed.Connect(func(context.Context, carafe.FlashMessage) { fail() })
		faultView(app, func(c *carafe.Context) string { c.Flash("x"); return "" })
	}},
	{"a receiver of AppContextTearingDown", 200, func(app *carafe.App, fail func()) {
		fail = once(fail)
		app.Signals.AppContextTearingDown.Connect(func(context.Context, carafe.AppTeardown) { fail() })
		faultView(app, fine)
	}},
	{"an iterator of texts before its first piece", 500, func(app *carafe.App, fail func()) {
		faultView(app, func() iter.Seq[string] { return func(func(string) bool) { fail() } })
	}},
	{"an iterator of texts after its first piece", cutOff, func(app *carafe.App, fail func()) {
		faultView(app, func() iter.Seq[string] { return func(yield func(string) bool) { yield("part"); fail() } })
	}},
	{"an iterator with errors before its first piece", 500, func(app *carafe.App, fail func()) {
		faultView(app, func() iter.Seq2[[]byte, error] { return func(func([]byte, error) bool) { fail() } })
	}},
	{"an iterator with errors after its first piece", cutOff, func(app *carafe.App, fail func()) {
		faultView(app, func() iter.Seq2[string, error] {
			return func(yield func(string, error) bool) { yield("part", nil); fail() }
		})
	}},
	{"an iterator of events before the first, which the client is connected for", cutOff, func(app *carafe.App, fail func()) {
		faultView(app, func() *carafe.Response { return carafe.Events(func(func(carafe.Event) bool) { fail() }) })
	}},
	{"an iterator of events after the first", cutOff, func(app *carafe.App, fail func()) {
		faultView(app, func() *carafe.Response {
			return carafe.Events(func(yield func(carafe.Event) bool) { yield(carafe.Event{Data: "x"}); fail() })
		})
	}},
	{"a Streamer before its first byte", 500, func(app *carafe.App, fail func()) {
		faultView(app, func() carafe.Streamer { return func(http.ResponseWriter) error { fail(); return nil } })
	}},
	{"a Streamer after its first byte", cutOff, func(app *carafe.App, fail func()) {
		faultView(app, func() carafe.Streamer {
			return func(w http.ResponseWriter) error { fmt.Fprint(w, "part"); fail(); return nil }
		})
	}},
	{"a reader after its first piece", cutOff, func(app *carafe.App, fail func()) {
		faultView(app, func() io.Reader { return failingCloser{strings.NewReader("part"), fail, nothing} })
	}},
	{"a reader that is closed", 200, func(app *carafe.App, fail func()) {
		faultView(app, func() io.Reader { return failingCloser{strings.NewReader("whole"), nothing, fail} })
	}},
	{"a JSON marshaller of a Response", 500, func(app *carafe.App, fail func()) {
		faultView(app, func() *carafe.Response { return carafe.JSON(map[string]any{"x": failingJSON(fail)}) })
	}},
	{"a marshaller of a map that a view returns", 500, func(app *carafe.App, fail func()) {
		faultView(app, func() map[string]any {
			return map[string]any{"big": strings.Repeat("x", 100_000), "x": failingText(fail)}
		})
	}},
	{"a marshaller in a stream of JSON lines after the first", cutOff, func(app *carafe.App, fail func()) {
		faultView(app, func(c *carafe.Context) iter.Seq2[[]byte, error] {
			return func(yield func([]byte, error) bool) {
				for _, v := range []any{1, failingJSON(fail)} {
					data, err := c.App().JSON.Marshal(v)
					if !yield(data, err) {
						return
					}
				}
			}
		})
	}},
	{"refreshing a session", 500, func(app *carafe.App, fail func()) {
		app.Sessions = failingRefresh{failingSessions{nothing, nothing}, once(fail)}
		faultView(app, fine)
	}},
	{"a function for URLs that cannot be built", 500, func(app *carafe.App, fail func()) {
		app.OnURLBuildError(func(*carafe.Context, *carafe.URLBuildFailure) (string, error) { fail(); return "", nil })
		faultView(app, func(c *carafe.Context) string { return c.URLFor("nowhere") })
	}},
	{"a route of gorilla/mux", 500, func(app *carafe.App, fail func()) {
		app.Router().HandleFunc("/x", func(http.ResponseWriter, *http.Request) { fail() })
	}},
	{"a view after it was hijacked", cutOff, func(app *carafe.App, fail func()) {
		faultView(app, func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				panic(err)
			}
			defer conn.Close()
			fail()
		})
	}},
}

// Panics of what user code panics with most, in the places that come less often; see TestHostileFaultsOfUserCode.
func TestHostileFaultsElsewhere(t *testing.T) { // LIFE-20
	for _, place := range moreFaultPlaces {
		for _, name := range []string{"an error", "a text", "nil", "an error of the runtime"} {
			t.Run(place.name+" panics with "+name, func(t *testing.T) {
				t.Parallel()
				tryFault(t, place, faultValues[name])
			})
		}
	}
}

// What is bound fails by what the client has sent, and is no fault of the client's all the same.
func TestHostileFaultsOfWhatIsBound(t *testing.T) {
	for _, name := range []string{"an error", "a text", "nil", "an error of the runtime"} {
		app, log := viewLog()
		app.Post("/x", func(in struct {
			Q failingBound `form:"q" json:"q"`
		}) string {
			return "bound"
		}, carafe.Endpoint("x"))
		client := carafetest.NewClient(t, app)
		for _, body := range []carafetest.RequestOption{carafetest.Form{"q": {name}}, carafetest.JSON(map[string]string{"q": name})} {
			before := len(log.texts())
			resp := client.Post("/x", body)
			texts := log.texts()[before:]
			if resp.StatusCode != 500 || strings.Contains(resp.Text(), "SECRET") || len(texts) != 1 || !strings.Contains(texts[0], "hostileplaces_test.go:") {
				t.Errorf("a field that panics with %s: %d %q, and the log has %q", name, resp.StatusCode, resp.Text(), texts)
			}
		}
	}
}

// Where a fault comes while another is answered, each is in the log once, and the client gets a plain 500.
func TestHostileFaultsOfFaults(t *testing.T) {
	first := errors.New("the first fault")
	for name, set := range map[string]func(app *carafe.App, fail func()){
		"a receiver of GotRequestException": func(app *carafe.App, fail func()) {
			app.Signals.GotRequestException.Connect(func(context.Context, carafe.RequestError) { fail() })
		},
		"an error handler for 500": func(app *carafe.App, fail func()) {
			app.ErrorHandler(500, func(*carafe.Context, *carafe.HTTPError) (any, error) { fail(); return nil, nil })
		},
		"an after-request function, each time": func(app *carafe.App, fail func()) {
			app.AfterRequest(func(c *carafe.Context, resp *carafe.Response) (*carafe.Response, error) {
				ifX(c.Endpoint(), fail)
				return resp, nil
			})
		},
		"a teardown-request function": func(app *carafe.App, fail func()) {
			app.TeardownRequest(func(c *carafe.Context, _ error) { ifX(c.Endpoint(), fail) })
		},
		"an error handler that streams": func(app *carafe.App, fail func()) {
			app.ErrorHandler(500, func(*carafe.Context, *carafe.HTTPError) (any, error) {
				return carafe.Stream(func(func([]byte) bool) { fail() }), nil
			})
		},
	} {
		for what, fail := range map[string]func(){"a text": faultValues["a text"], "nil": faultValues["nil"]} {
			t.Run(name+" panics with "+what, func(t *testing.T) {
				app, log := viewLog()
				set(app, fail)
				faultView(app, func() error { return first })
				base := carafetest.Serve(t, app)
				if status, body := hostileGet(t, base, "/x"); status != 500 || strings.Contains(body, "SECRET") || strings.Contains(body, "fault") {
					t.Errorf("the client gets %d %q, want a plain 500", status, body)
				}
				wantService(t, base, log, 2)
				count := func(part string) (n int) {
					for _, text := range log.texts() {
						if strings.Contains(text, part) {
							n++
						}
					}
					return n
				}
				if count("first fault") < 1 || count("panic") != 1 {
					t.Errorf("the log has\n%s\nwant the first fault, and the panic once", strings.Join(log.texts(), "\n"))
				}
			})
		}
	}
}

// A logger of the user's that panics does not take the answer away.
func TestHostileLogsThatFail(t *testing.T) {
	for name, set := range map[string]func(app *carafe.App){
		"LogException": func(app *carafe.App) { app.LogException = func(*carafe.Context, error) { panic("a log that fails") } },
		"an error that cannot be printed": func(app *carafe.App) {
			app.LogException = nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			app, log := viewLog()
			set(app)
			faultView(app, func() error { return unprintable{} })
			base := carafetest.Serve(t, app)
			if status, _ := hostileGet(t, base, "/x"); status != 500 {
				t.Errorf("status %d, want 500", status)
			}
			wantService(t, base, log, 1)
		})
	}
}

// The log's handler prints what it is given: an error whose Error panics must not take the process with it.
func TestHostileErrorsInARealLog(t *testing.T) {
	for name, newHandler := range map[string]func(w io.Writer) slog.Handler{
		"text": func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) },
		"JSON": func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			app := carafe.New("log")
			app.Logger = slog.New(newHandler(&out))
			faultView(app, func() error { return unprintable{} })
			app.Get("/ok", fine, carafe.Endpoint("ok"))
			client := carafetest.NewClient(t, app)
			if code := client.Get("/x").StatusCode; code != 500 {
				t.Errorf("status %d, want 500", code)
			}
			if code := client.Get("/ok").StatusCode; code != 200 || strings.Count(out.String(), "Exception on /x") != 1 {
				t.Errorf("the next is %d, and the log has %q", code, out.String())
			}
		})
	}
}

// A view whose goroutine panics ends the process, as any Go program's: what is started with Context.Go does not, also late.
func TestHostileBackgroundWorkThatFailsLate(t *testing.T) {
	app, log := viewLog()
	answered := make(chan struct{})
	faultView(app, func(c *carafe.Context) string {
		c.Go(func(context.Context) { <-answered; panic("SECRET") })
		return "fine"
	})
	base := carafetest.Serve(t, app)
	status, _ := hostileGet(t, base, "/x")
	close(answered)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	must(t, app.Drain(ctx))
	if texts := log.texts(); status != 200 || len(texts) != 1 || !slices.ContainsFunc(texts, func(s string) bool { return strings.Contains(s, "hostileplaces_test.go:") }) {
		t.Errorf("status %d, and the log has %q, want one record with the place", status, texts)
	}
	wantService(t, base, log, 1)
}
