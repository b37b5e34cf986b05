package carafe_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/routing"
	carafetest "github.com/carafeweb/carafe/testing"
)

// A faultLog keeps the records at level Error.
type faultLog struct {
	mu      sync.Mutex
	records []slog.Record
}

func (l *faultLog) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelError }
func (l *faultLog) WithAttrs([]slog.Attr) slog.Handler               { return l }
func (l *faultLog) WithGroup(string) slog.Handler                    { return l }

func (l *faultLog) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.records = append(l.records, r.Clone())
	return nil
}

// texts are the records, one text each.
func (l *faultLog) texts() (texts []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.records {
		var b strings.Builder
		b.WriteString(r.Message)
		r.Attrs(func(a slog.Attr) bool { fmt.Fprintf(&b, " %s=%v", a.Key, a.Value); return true })
		texts = append(texts, b.String())
	}
	return texts
}

// A faultPlace is where user code fails, and what the client gets then: a status, or cutOff.
type faultPlace struct {
	name string
	want int
	set  func(app *carafe.App, fail func())
}

// cutOff is what a client gets whose answer had begun: a connection that ends in the middle.
const cutOff = -1

// faultView adds the view at /x, which does not fail by itself.
func faultView(app *carafe.App, view any) { app.Get("/x", view, carafe.Endpoint("x")) }

func fine() string { return "fine" }

type failingJSON func()

func (f failingJSON) MarshalJSON() ([]byte, error) { f(); return []byte("1"), nil }

type failingProvider func()

func (f failingProvider) Marshal(any) ([]byte, error)        { f(); return nil, nil }
func (f failingProvider) Unmarshal(data []byte, v any) error { f(); return nil }

type failingSessions struct{ open, save func() }

func (s failingSessions) Open(*carafe.Context) (*carafe.Session, error) {
	s.open()
	return carafe.NewSession(nil, true), nil
}
func (s failingSessions) Save(*carafe.Context, *carafe.Session, *carafe.Response) error {
	s.save()
	return nil
}

type failingConverter func()

func (f failingConverter) Parse(context.Context, string) (any, error) { f(); return nil, nil }
func (f failingConverter) Format(value any) (string, error)           { return fmt.Sprint(value), nil }

type failingReader func()

func (f failingReader) Read([]byte) (int, error) { f(); return 0, io.EOF }

type failingResponder func()

func (f failingResponder) Respond(*carafe.Context) (*carafe.Response, error) { f(); return nil, nil }

func nothing() {}

var faultPlaces = []faultPlace{
	{"a before-first-request function", 500, func(app *carafe.App, fail func()) {
		app.BeforeFirstRequest(func(c *carafe.Context) error {
			if c.Request.Path() == "/x" {
				fail()
			}
			return nil
		})
		faultView(app, fine)
	}},
	{"a before-request function", 500, func(app *carafe.App, fail func()) {
		app.BeforeRequest(onX(func() (any, error) { fail(); return nil, nil }))
		faultView(app, fine)
	}},
	{"a URL value preprocessor", 500, func(app *carafe.App, fail func()) {
		app.URLValuePreprocessor(func(_ *carafe.Context, endpoint string, _ carafe.Values) { ifX(endpoint, fail) })
		faultView(app, fine)
	}},
	{"a URL defaults function", 500, func(app *carafe.App, fail func()) {
		app.URLDefaults(func(*carafe.Context, string, carafe.Values) { fail() })
		faultView(app, func(c *carafe.Context) string { return c.URLFor("x") })
	}},
	{"a view", 500, func(app *carafe.App, fail func()) { faultView(app, func() string { fail(); return "" }) }},
	{"a view of net/http before the first byte", 500, func(app *carafe.App, fail func()) {
		faultView(app, func(http.ResponseWriter, *http.Request) { fail() })
	}},
	{"a view of net/http after the first byte", cutOff, func(app *carafe.App, fail func()) {
		faultView(app, func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, "part")
			_ = http.NewResponseController(w).Flush()
			fail()
		})
	}},
	{"an after function of the request", 500, func(app *carafe.App, fail func()) {
		failed := false
		faultView(app, func(c *carafe.Context) string {
			carafe.After(c, func(resp *carafe.Response) (*carafe.Response, error) {
				if !failed {
					failed = true // else it fails again for the page of the 500
					fail()
				}
				return resp, nil
			})
			return ""
		})
	}},
	{"an after-request function", 500, func(app *carafe.App, fail func()) {
		failed := false
		app.AfterRequest(func(c *carafe.Context, resp *carafe.Response) (*carafe.Response, error) {
			if c.Endpoint() == "x" && !failed {
				failed = true // else it fails again for the page of the 500
				fail()
			}
			return resp, nil
		})
		faultView(app, fine)
	}},
	{"a teardown-request function", 200, func(app *carafe.App, fail func()) {
		app.TeardownRequest(func(c *carafe.Context, _ error) { ifX(c.Endpoint(), fail) })
		faultView(app, fine)
	}},
	{"a teardown-app-context function", 200, func(app *carafe.App, fail func()) {
		first := true
		app.TeardownAppContext(func(*carafe.AppContext, error) {
			if first {
				first = false
				fail()
			}
		})
		faultView(app, fine)
	}},
	{"an error handler for a code", 500, func(app *carafe.App, fail func()) {
		app.ErrorHandler(410, func(*carafe.Context, *carafe.HTTPError) (any, error) { fail(); return nil, nil })
		faultView(app, func() error { return carafe.Abort(410) })
	}},
	{"an error handler for a type", 500, func(app *carafe.App, fail func()) {
		carafe.OnError(app, func(*carafe.Context, *net.AddrError) (any, error) { fail(); return nil, nil })
		faultView(app, func() error { return &net.AddrError{} })
	}},
	{"a template function", 500, func(app *carafe.App, fail func()) {
		app.TemplateGlobal("broken", func() string { fail(); return "" })
		faultView(app, func() any { return carafe.RenderString("{{ broken() }}", nil) })
	}},
	{"a template filter", 500, func(app *carafe.App, fail func()) {
		app.TemplateFilter("broken", func(string) string { fail(); return "" })
		faultView(app, func() any { return carafe.RenderString("{{ 'x'|broken }}", nil) })
	}},
	{"a context processor", 500, func(app *carafe.App, fail func()) {
		app.ContextProcessor(func(*carafe.Context) map[string]any { fail(); return nil })
		faultView(app, func() any { return carafe.RenderString("x", nil) })
	}},
	{"opening a session", 500, func(app *carafe.App, fail func()) {
		app.Sessions = failingSessions{fail, nothing}
		faultView(app, func(c *carafe.Context) string { c.Session().Get("x"); return "" })
	}},
	{"saving a session", 500, func(app *carafe.App, fail func()) {
		failed := false
		app.Sessions = failingSessions{nothing, func() {
			if !failed {
				failed = true
				fail()
			}
		}}
		faultView(app, func(c *carafe.Context) string { c.Session().Set("x", 1); return "" })
	}},
	{"a JSON marshaller", 500, func(app *carafe.App, fail func()) {
		faultView(app, func() any { return map[string]any{"x": failingJSON(fail)} })
	}},
	{"the JSON provider", 500, func(app *carafe.App, fail func()) {
		app.JSON = failingProvider(fail)
		faultView(app, func() any { return map[string]any{} })
	}},
	{"a receiver of RequestStarted", 500, func(app *carafe.App, fail func()) {
		app.Signals.RequestStarted.Connect(func(_ context.Context, c *carafe.Context) { ifX(c.Endpoint(), fail) })
		faultView(app, fine)
	}},
	{"a receiver of RequestFinished", 500, func(app *carafe.App, fail func()) {
		failed := false
		app.Signals.RequestFinished.Connect(func(_ context.Context, e carafe.RequestFinished) {
			if e.Context.Endpoint() == "x" && !failed {
				failed = true
				fail()
			}
		})
		faultView(app, fine)
	}},
	{"a receiver of RequestTearingDown", 200, func(app *carafe.App, fail func()) {
		app.Signals.RequestTearingDown.Connect(func(_ context.Context, e carafe.RequestError) { ifX(e.Context.Endpoint(), fail) })
		faultView(app, fine)
	}},
	{"a receiver of AppContextPopped", 200, func(app *carafe.App, fail func()) {
		first := true
		app.Signals.AppContextPopped.Connect(func(context.Context, *carafe.AppContext) {
			if first {
				first = false
				fail()
			}
		})
		faultView(app, fine)
	}},
	{"a receiver of AppContextPushed", 500, func(app *carafe.App, fail func()) {
		first := true
		app.Signals.AppContextPushed.Connect(func(context.Context, *carafe.AppContext) {
			if first {
				first = false
				fail()
			}
		})
		faultView(app, fine)
	}},
	{"a converter", 500, func(app *carafe.App, fail func()) {
		app.Converter("broken", func(routing.Arguments) (routing.Definition, error) {
			return routing.Definition{Converter: failingConverter(fail)}, nil
		})
		app.Get("/<broken:v>", func(c *carafe.Context) string { return "" }, carafe.Endpoint("x"))
	}},
	{"an iterator before its first piece", cutOff, func(app *carafe.App, fail func()) {
		faultView(app, func() any { return carafe.Stream(func(func([]byte) bool) { fail() }) })
	}},
	{"an iterator after its first piece", cutOff, func(app *carafe.App, fail func()) {
		faultView(app, func() any { return carafe.Stream(func(yield func([]byte) bool) { yield([]byte("part")); fail() }) })
	}},
	{"a reader", cutOff, func(app *carafe.App, fail func()) { faultView(app, func() io.Reader { return failingReader(fail) }) }},
	{"a responder", 500, func(app *carafe.App, fail func()) { faultView(app, func() any { return failingResponder(fail) }) }},
	{"a function of OnClose", 200, func(app *carafe.App, fail func()) {
		faultView(app, func() *carafe.Response { resp := carafe.Text("fine"); resp.OnClose(fail); return resp })
	}},
	{"a handler that is mounted", cutOff, func(app *carafe.App, fail func()) {
		app.Mount("/x", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { fail() }))
	}},
	{"a goroutine of Context.Go", 200, func(app *carafe.App, fail func()) {
		faultView(app, func(c *carafe.Context) string { c.Go(func(context.Context) { fail() }); return "" })
	}},
}

// onX is a before function for the endpoint x only.
func onX(f func() (any, error)) func(*carafe.Context) (any, error) {
	return func(c *carafe.Context) (any, error) {
		if c.Endpoint() != "x" {
			return nil, nil
		}
		return f()
	}
}

func ifX(endpoint string, f func()) {
	if endpoint == "x" {
		f()
	}
}

type unprintable struct{}

func (unprintable) Error() string { panic("an error that cannot be printed") }

type endless struct{}

func (endless) String() string { select {} }

// faultValues are what user code panics with.
var faultValues = map[string]func(){
	"an error": func() { panic(errors.New("SECRET")) },
	"a text":   func() { panic("SECRET") },
	"nil":      func() { panic(nil) },
	//lint:ignore SA5000 a fault of user code
	"an error of the runtime":          func() { var m map[string]int; m["SECRET"] = 1 },
	"a value of its own":               func() { panic(struct{ secret string }{"SECRET"}) },
	"an error whose Error panics":      func() { panic(unprintable{}) },
	"a value whose String never comes": func() { panic(endless{}) },
}

func TestHostileFaultsOfUserCode(t *testing.T) { // LIFE-20, LIFE-21
	for _, place := range faultPlaces {
		for name, fail := range faultValues {
			t.Run(place.name+" panics with "+name, func(t *testing.T) {
				t.Parallel()
				tryFault(t, place, fail)
			})
		}
	}
}

func tryFault(t *testing.T, place faultPlace, fail func()) {
	app := carafe.New("faults")
	log := &faultLog{}
	app.Logger = slog.New(log)
	tornDown := make(chan string, 8)
	app.TeardownRequest(func(c *carafe.Context, _ error) { tornDown <- c.Request.Path() })
	place.set(app, fail)
	app.Get("/ok", fine, carafe.Endpoint("ok"))
	base := carafetest.Serve(t, app)

	status, body := hostileGet(t, base, "/x")
	if status != place.want {
		t.Errorf("the client gets %d %q, want %d (%d is an answer that was cut off)", status, body, place.want, cutOff)
	}
	for _, never := range []string{"SECRET", "goroutine", ".go:", "panic"} {
		if strings.Contains(body, never) {
			t.Errorf("the client is told %q", body)
		}
	}
	if !strings.Contains(place.name, "mounted") {
		select {
		case path := <-tornDown:
			if path != "/x" {
				t.Errorf("teardown ran for %s", path)
			}
		case <-time.After(20 * time.Second):
			t.Error("teardown never ran")
		}
	}
	if status, body := hostileGet(t, base, "/ok"); status != 200 || body != "fine" {
		t.Errorf("the next request is answered with %d %q", status, body)
	}
	wantOneRecord(t, app, log)
}

// wantOneRecord wants one record of the fault, with where it was.
func wantOneRecord(t *testing.T, app *carafe.App, log *faultLog) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	must(t, app.Drain(ctx)) // what Context.Go has started
	records := log.texts()
	if len(records) != 1 || !strings.Contains(records[0], "panic") || !strings.Contains(records[0], "hostilefaults_test.go:") && !strings.Contains(records[0], "<template>:1") {
		t.Errorf("the log has %d records, want one that says what and where:\n%s", len(records), strings.Join(records, "\n---\n"))
	}
}

// hostileGet is the answer on a connection of its own, or cutOff if it ends in the middle.
func hostileGet(t *testing.T, base, path string) (status int, body string) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	must(t, err)
	defer conn.Close()
	must(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path)
	must(t, err)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return cutOff, ""
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return cutOff, string(data)
	}
	return resp.StatusCode, string(data)
}

func TestHostileEndsThatAreNoFaults(t *testing.T) { // LIFE-21
	for name, end := range map[string]func(){
		"http.ErrAbortHandler": func() { panic(http.ErrAbortHandler) },
		"runtime.Goexit":       runtime.Goexit,
	} {
		t.Run(name, func(t *testing.T) {
			app := carafe.New("ends")
			log := &faultLog{}
			app.Logger = slog.New(log)
			tornDown := make(chan error, 1)
			app.TeardownRequest(func(c *carafe.Context, err error) { ifX(c.Endpoint(), func() { tornDown <- err }) })
			faultView(app, func() string { end(); return "" })
			app.Get("/ok", fine, carafe.Endpoint("ok"))
			base := carafetest.Serve(t, app)
			if status, body := hostileGet(t, base, "/x"); name == "http.ErrAbortHandler" && status != cutOff {
				t.Errorf("the client gets %d %q, want nothing", status, body)
			}
			select {
			case err := <-tornDown:
				if err == nil {
					t.Error("teardown is told that all went well")
				}
			case <-time.After(20 * time.Second):
				t.Error("teardown never ran")
			}
			if status, _ := hostileGet(t, base, "/ok"); status != 200 || len(log.texts()) != 0 {
				t.Errorf("the next request is answered with %d, and the log has %q", status, log.texts())
			}
		})
	}
}
