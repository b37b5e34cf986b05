package carafe_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/carafeweb/carafe"
)

// trace records what runs for one request.
type trace struct{ events []string }

func (tr *trace) add(event string, err error) {
	if err != nil {
		event += ": " + err.Error()
	}
	tr.events = append(tr.events, event)
}

// tracedWriter records the moment of writing.
type tracedWriter struct {
	*httptest.ResponseRecorder
	tr *trace
}

func (w tracedWriter) WriteHeader(code int) {
	w.tr.add(fmt.Sprintf("write %d", code), nil)
	w.ResponseRecorder.WriteHeader(code)
}

// tracedSessions records when the session is saved.
type tracedSessions struct{ tr *trace }

func (tracedSessions) Open(*carafe.Context) (*carafe.Session, error) {
	return carafe.NewSession(nil, true), nil
}

func (tracedSessions) Refresh(*carafe.Context) bool { return true }

func (s tracedSessions) Save(*carafe.Context, *carafe.Session, *carafe.Response) error {
	s.tr.add("session saved", nil)
	return nil
}

// tracedScope is a blueprint as small as one can be.
type tracedScope struct {
	carafe.Scaffold
	routes []func(r *carafe.Registrar) error
}

func newTracedScope() *tracedScope {
	s := &tracedScope{}
	s.Scaffold = carafe.NewScaffold(s)
	return s
}

func (s *tracedScope) Closed(string) error { return nil }

func (s *tracedScope) AddRoute(site carafe.Site, rule string, view any, opts []carafe.RouteOption) error {
	s.routes = append(s.routes, func(r *carafe.Registrar) error {
		var settings carafe.RouteSettings
		for _, o := range opts {
			o.ApplyRoute(&settings)
		}
		return r.AddRoute(site, "bp", rule, view, settings)
	})
	return nil
}

func (s *tracedScope) Register(r *carafe.Registrar, _ []carafe.BlueprintOption) error {
	if _, err := r.Claim("bp", s); err != nil {
		return err
	}
	r.Adopt("bp", &s.Scaffold)
	for _, add := range s.routes {
		if err := add(r); err != nil {
			return err
		}
	}
	return nil
}

// tracedBody is a struct whose conversion to JSON shows when make_response runs.
type tracedBody struct{ tr *trace }

func (b tracedBody) MarshalJSON() ([]byte, error) {
	b.tr.add("make_response", nil)
	return []byte("{}"), nil
}

func tracedApp(tr *trace) *carafe.App {
	app := carafe.New("traced")
	app.Logger = slog.New(slog.DiscardHandler)
	app.Sessions = tracedSessions{tr}
	bp := newTracedScope()
	scopes := map[string]*carafe.Scaffold{"app": &app.Scaffold, "bp": &bp.Scaffold}
	for _, name := range []string{"app", "bp"} {
		scopes[name].URLValuePreprocessor(func(*carafe.Context, string, carafe.Values) { tr.add("preprocessor "+name, nil) })
	}
	tracedHooks(tr, &app.Scaffold, "app 1")
	tracedHooks(tr, &app.Scaffold, "app 2")
	tracedHooks(tr, &bp.Scaffold, "bp")
	app.BeforeFirstRequest(func(*carafe.Context) error { tr.add("before-first-request", nil); return nil })
	app.TeardownAppContext(func(_ *carafe.AppContext, err error) { tr.add("teardown-app-context", err) })
	app.ErrorHandler(404, func(*carafe.Context, *carafe.HTTPError) (any, error) {
		tr.add("handler 404", nil)
		return carafe.Reply("gone", 404), nil
	})
	app.ErrorHandler(500, func(*carafe.Context, *carafe.HTTPError) (any, error) {
		tr.add("handler 500", nil)
		return carafe.Reply("broken", 500), nil
	})
	tracedSignals(tr, &app.Signals)
	tracedRoutes(tr, &bp.Scaffold)
	app.RegisterBlueprint(bp)
	return app
}

func tracedHooks(tr *trace, s *carafe.Scaffold, name string) {
	s.BeforeRequest(func(c *carafe.Context) (any, error) {
		if c.Query("answer") == name {
			tr.add("before "+name+" answers", nil)
			return "early", nil
		}
		tr.add("before "+name, nil)
		return nil, nil
	})
	failed := false
	s.AfterRequest(func(c *carafe.Context, resp *carafe.Response) (*carafe.Response, error) {
		if c.Query("fail") == name && !failed {
			failed = true
			tr.add("after "+name+" fails", nil)
			return nil, errors.New("after")
		}
		tr.add("after "+name, nil)
		return resp, nil
	})
	s.TeardownRequest(func(_ *carafe.Context, err error) { tr.add("teardown "+name, err) })
}

func tracedSignals(tr *trace, s *carafe.Signals) {
	s.AppContextPushed.Connect(func(context.Context, *carafe.AppContext) { tr.add("signal AppContextPushed", nil) })
	s.AppContextPopped.Connect(func(context.Context, *carafe.AppContext) { tr.add("signal AppContextPopped", nil) })
	s.RequestStarted.Connect(func(context.Context, *carafe.Context) { tr.add("signal RequestStarted", nil) })
	s.RequestFinished.Connect(func(context.Context, carafe.RequestFinished) { tr.add("signal RequestFinished", nil) })
	s.GotRequestException.Connect(func(context.Context, carafe.RequestError) { tr.add("signal GotRequestException", nil) })
	s.RequestTearingDown.Connect(func(_ context.Context, e carafe.RequestError) { tr.add("signal RequestTearingDown", e.Err) })
	s.AppContextTearingDown.Connect(func(_ context.Context, e carafe.AppTeardown) { tr.add("signal AppContextTearingDown", e.Err) })
}

func tracedRoutes(tr *trace, s *carafe.Scaffold) {
	s.Route("/", func(c *carafe.Context) tracedBody {
		tr.add("view", nil)
		if c.Query("after") != "" {
			carafe.After(c, func(resp *carafe.Response) (*carafe.Response, error) {
				tr.add("after this request", nil)
				return resp, nil
			})
		}
		return tracedBody{tr}
	}, carafe.Endpoint("ok"))
	s.Route("/error", func() error { tr.add("view fails", nil); return errors.New("broken") })
	s.Route("/panic", func() string { tr.add("view panics", nil); panic("broken") })
	s.Route("/stream", func() iter.Seq[string] {
		tr.add("view", nil)
		return func(yield func(string) bool) {
			tr.add("first piece", nil)
			yield("1")
			tr.add("second piece", nil)
			yield("2")
		}
	})
	s.Route("/first", func() iter.Seq2[string, error] {
		tr.add("view", nil)
		return func(yield func(string, error) bool) {
			tr.add("first piece fails", nil)
			yield("", errors.New("broken"))
		}
	})
}

func TestLifecycle(t *testing.T) {
	doc, err := os.ReadFile("docs/lifecycle.md")
	must(t, err)
	for _, tt := range []struct{ scenario, target string }{
		{"success", "/?after=1"},
		{"404", "/nothing"},
		{"before", "/?answer=app+2"},
		{"error", "/error"},
		{"panic", "/panic"},
		{"after", "/?fail=app+2"},
		{"stream", "/stream"},
		{"first", "/first"},
	} {
		t.Run(tt.scenario, func(t *testing.T) {
			m := regexp.MustCompile("(?s)```trace " + tt.scenario + "\n(.*?)\n```").FindSubmatch(doc)
			if m == nil {
				t.Fatalf("docs/lifecycle.md has no trace of %q", tt.scenario)
			}
			tr := &trace{}
			app := tracedApp(tr)
			if tt.scenario != "success" { // the first request of the app is that of the success
				app.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
				tr.events = nil
			}
			app.ServeHTTP(tracedWriter{httptest.NewRecorder(), tr}, httptest.NewRequest("GET", tt.target, nil))
			if got, want := strings.Join(tr.events, "\n"), string(m[1]); got != want {
				t.Errorf("GET %s ran\n%s\n\ndocs/lifecycle.md says\n%s", tt.target, got, want)
			}
		})
	}
}

func TestTenStepsAreToldAlike(t *testing.T) {
	step := regexp.MustCompile(`(?m)^(?://)? *(\d+)\. +(.+)$`)
	var told []string
	for _, file := range []string{"docs/lifecycle.md", "doc.go", "app.go"} {
		data, err := os.ReadFile(file)
		must(t, err)
		var steps []string
		for _, m := range step.FindAllSubmatch(data, -1) {
			steps = append(steps, string(m[1])+". "+string(m[2]))
		}
		if len(steps) != 10 {
			t.Fatalf("%s lists %d steps, want 10: %q", file, len(steps), steps)
		}
		if told == nil {
			told = steps
		}
		for i := range steps {
			if steps[i] != told[i] {
				t.Errorf("%s says %q where docs/lifecycle.md says %q", file, steps[i], told[i])
			}
		}
	}
}

var _ http.ResponseWriter = tracedWriter{}
