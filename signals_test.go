package carafe_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/carafeweb/carafe"
)

func TestRequestSignalsComeInOrder(t *testing.T) {
	app := carafe.New("signals")
	var order []string
	app.Signals.RequestStarted.Connect(func(_ context.Context, c *carafe.Context) { order = append(order, "started "+c.Endpoint()) })
	app.Signals.RequestFinished.Connect(func(_ context.Context, e carafe.RequestFinished) {
		order = append(order, "finished "+e.Response.Header.Get("X-After"))
	})
	app.BeforeRequest(func(*carafe.Context) (any, error) { order = append(order, "before"); return nil, nil })
	app.AfterRequest(func(_ *carafe.Context, resp *carafe.Response) (*carafe.Response, error) {
		order = append(order, "after")
		resp.Header.Set("X-After", "stuff")
		return resp, nil
	})
	app.Get("/", func() string { order = append(order, "view"); return "ignored" }, carafe.Endpoint("index"))
	app.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	if want := []string{"started index", "before", "view", "after", "finished stuff"}; !reflect.DeepEqual(order, want) {
		t.Errorf("order %q, want %q", order, want)
	}
}

func TestSignalsOfARequestThatFails(t *testing.T) {
	app := carafe.New("signals")
	app.Logger = slog.New(slog.DiscardHandler)
	broken := errors.New("broken")
	var events []string
	app.Signals.GotRequestException.Connect(func(_ context.Context, e carafe.RequestError) {
		events = append(events, fmt.Sprint("exception ", e.Err))
	})
	app.Signals.AppContextPushed.Connect(func(context.Context, *carafe.AppContext) { events = append(events, "pushed") })
	app.Signals.AppContextTearingDown.Connect(func(_ context.Context, e carafe.AppTeardown) {
		events = append(events, fmt.Sprint("tearing down ", e.Err))
	})
	app.Signals.AppContextPopped.Connect(func(context.Context, *carafe.AppContext) { events = append(events, "popped") })
	app.Get("/", func() error { return broken }, carafe.Endpoint("index"))
	w := httptest.NewRecorder()
	app.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if want := []string{"pushed", "exception broken", "tearing down broken", "popped"}; w.Code != 500 || !reflect.DeepEqual(events, want) {
		t.Errorf("status %d, events %q, want %q", w.Code, events, want)
	}
}

func TestFlashSignal(t *testing.T) {
	app := sessionApp(t)
	var got []carafe.FlashMessage
	var sender *carafe.App
	app.Signals.MessageFlashed.Connect(func(ctx context.Context, m carafe.FlashMessage) { got, sender = append(got, m), carafe.CurrentApp(ctx) })
	app.Get("/", func(c *carafe.Context) string { c.Flash("This is a flash message", "notice"); return "" }, carafe.Endpoint("index"))
	visit(t, app).get("/")
	if want := []carafe.FlashMessage{{Category: "notice", Message: "This is a flash message"}}; !reflect.DeepEqual(got, want) || sender != app {
		t.Errorf("sent %v by %v", got, sender)
	}
}

func TestDisconnect(t *testing.T) {
	var s carafe.Signal[int]
	var got []string
	first := s.Connect(func(_ context.Context, n int) { got = append(got, fmt.Sprint("first ", n)) })
	second := s.Connect(func(_ context.Context, n int) { got = append(got, fmt.Sprint("second ", n)) })
	s.Send(t.Context(), 1)
	first()
	first() // does no harm
	s.Send(t.Context(), 2)
	if !s.Receivers() {
		t.Error("nobody listens, though second does")
	}
	second()
	s.Send(t.Context(), 3)
	if want := "first 1, second 1, second 2"; strings.Join(got, ", ") != want || s.Receivers() {
		t.Errorf("got %q, want %q; somebody listens: %v", got, want, s.Receivers())
	}
}

func TestConnectFromHearsOneApp(t *testing.T) {
	var placed carafe.Signal[string]
	one, two := carafe.New("one"), carafe.New("two")
	var got []string
	defer placed.ConnectFrom(one, func(_ context.Context, event string) { got = append(got, event) })()
	for _, app := range []*carafe.App{one, two} {
		must(t, app.AppContext(t.Context()).With(func(ctx context.Context) error { placed.Send(ctx, app.Name()); return nil }))
	}
	placed.Send(t.Context(), "nobody")
	if len(got) != 1 || got[0] != "one" {
		t.Errorf("heard %q, want one", got)
	}
}

func TestEachAppHasItsOwnSignals(t *testing.T) {
	one, two := carafe.New("one"), carafe.New("two")
	heard := 0
	one.Signals.RequestStarted.Connect(func(context.Context, *carafe.Context) { heard++ })
	two.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	if heard != 0 {
		t.Error("one app hears the other's requests")
	}
}

func TestSignalsWithoutReceiversAreFree(t *testing.T) {
	var s carafe.Signal[int]
	if n := testing.AllocsPerRun(100, func() { s.Send(t.Context(), 1) }); n != 0 {
		t.Errorf("sending to nobody allocates %v times", n)
	}
}

func TestSignalsMayChangeWhileTheyAreSent(t *testing.T) {
	var s carafe.Signal[int]
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				disconnect := s.Connect(func(context.Context, int) {})
				s.Send(t.Context(), 1)
				disconnect()
			}
		})
	}
	wg.Wait()
	if s.Receivers() {
		t.Error("somebody still listens")
	}
}

func ExampleSignal() {
	type Order struct{ ID int }
	var placed carafe.Signal[Order] // a package's variable, as a rule
	disconnect := placed.Connect(func(_ context.Context, o Order) { fmt.Println("order", o.ID) })
	placed.Send(context.Background(), Order{7})
	disconnect()
	placed.Send(context.Background(), Order{8})
	// Output: order 7
}
