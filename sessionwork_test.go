package carafe_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/carafeweb/carafe"
	carafetest "github.com/carafeweb/carafe/testing"
)

// sessionWorkApp is an app that keeps sessions, and what it logs.
func sessionWorkApp(t *testing.T) (*carafe.App, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	app := carafe.New("work")
	app.Config.SecretKey = "k"
	app.Logger = slog.New(slog.NewTextHandler(&log, nil))
	return app, &log
}

// sessionChange tries a change, and returns what it panicked with.
func sessionChange(s *carafe.Session, change func(*carafe.Session)) (err error) {
	defer func() { err, _ = recover().(error) }()
	change(s)
	return nil
}

func TestWorkThatOutlivesTheResponseReadsTheSessionAndCannotChangeIt(t *testing.T) {
	app, log := sessionWorkApp(t)
	answered := make(chan struct{})
	changes := map[string]func(*carafe.Session){
		"Set":          func(s *carafe.Session) { s.Set("user", 8) },
		"SetDefault":   func(s *carafe.Session) { s.SetDefault("other", 8) },
		"Update":       func(s *carafe.Session) { s.Update(map[string]any{"user": 8}) },
		"Pop":          func(s *carafe.Session) { s.Pop("user") },
		"Delete":       func(s *carafe.Session) { s.Delete("user") },
		"Clear":        func(s *carafe.Session) { s.Clear() },
		"Regenerate":   func(s *carafe.Session) { s.Regenerate() },
		"SetPermanent": func(s *carafe.Session) { s.SetPermanent(true) },
		"SetModified":  func(s *carafe.Session) { s.SetModified(true) },
		"Flash":        nil,
	}
	work := func(c *carafe.Context) string {
		c.Go(func(ctx context.Context) {
			<-answered
			s := carafe.CurrentContext(ctx).Session()
			for name, change := range changes {
				if change == nil {
					change = func(*carafe.Session) { c.Flash("late") }
				}
				if err := sessionChange(s, change); !errors.Is(err, carafe.ErrSessionSaved) {
					t.Errorf("%s after the response: %v, want ErrSessionSaved", name, err)
				}
			}
			if got := s.Get("user"); fmt.Sprint(got) != "7" || s.Len() != 1 {
				t.Errorf("the session after the response has user %v and %d values, want 7 alone", got, s.Len())
			}
			s.Set("user", 9) // and nobody recovers
		})
		return "ok"
	}
	app.Get("/change", func(c *carafe.Context) string { c.Session().Set("user", 7); return work(c) })
	app.Get("/idle", work, carafe.Endpoint("idle"))
	client := carafetest.NewClient(t, app)
	client.Get("/change")
	client.Get("/idle") // where the work is the first to ask for the session
	close(answered)
	if err := app.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(log.String(), carafe.ErrSessionSaved.Error()); got != 2 {
		t.Errorf("the log says %d times what is wrong, want twice:\n%s", got, log)
	}
	client.Session(func(s *carafe.Session) {
		if got := fmt.Sprint(s.Get("user")); got != "7" {
			t.Errorf("the next request reads user %s, want 7", got)
		}
	})
}

// Whatever a goroutine was told to have changed is in the cookie, and everything else it was told to have come too late.
func TestAChangeOfWorkIsSavedOrRefused(t *testing.T) {
	for _, sessions := range []carafe.SessionInterface{carafe.CookieSessions{}, &carafe.ServerSessions{Store: &carafe.MemoryStore{}}} {
		app, _ := sessionWorkApp(t)
		app.Sessions = sessions
		const workers = 4
		last := make([]int, workers)
		app.Get("/", func(c *carafe.Context) string {
			var started sync.WaitGroup
			started.Add(workers)
			for i := range workers {
				c.Go(func(context.Context) {
					for n := 1; ; n++ {
						err := sessionChange(c.Session(), func(s *carafe.Session) { s.Set(fmt.Sprint("worker", i), n) })
						if n == 1 {
							started.Done()
						}
						if err != nil {
							return
						}
						last[i] = n
						_, _ = c.Session().Keys(), c.FlashedMessages()
					}
				})
			}
			started.Wait()
			return "ok"
		})
		client := carafetest.NewClient(t, app)
		client.Get("/")
		if err := app.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		client.Session(func(s *carafe.Session) {
			for i, n := range last {
				if got := fmt.Sprint(s.Get(fmt.Sprint("worker", i))); got != fmt.Sprint(n) {
					t.Errorf("%T: worker %d was told that %d is set, and %s is saved", sessions, i, n, got)
				}
			}
		})
	}
}

func TestAStreamedPageShowsFlashesThatTheNextOneShowsToo(t *testing.T) {
	app, _ := sessionWorkApp(t)
	app.Get("/flash", func(c *carafe.Context) string { c.Flash("saved"); return "" })
	app.Get("/stream", func(c *carafe.Context) iter.Seq[string] {
		return func(yield func(string) bool) { yield(fmt.Sprint(c.FlashedMessages())) }
	}, carafe.Endpoint("stream"))
	app.Get("/page", func(c *carafe.Context) string { return fmt.Sprint(c.FlashedMessages()) }, carafe.Endpoint("page"))
	client := carafetest.NewClient(t, app)
	client.Get("/flash")
	for _, path := range []string{"/stream", "/page"} {
		if got := client.Get(path).Text(); got != "[{message saved}]" {
			t.Errorf("GET %s: %q, want the message", path, got)
		}
	}
	if got := client.Get("/page").Text(); got != "[]" {
		t.Errorf("GET /page again: %q, want no message", got)
	}
}

func TestATeardownFunctionIsToldThatItsChangeIsLost(t *testing.T) {
	app, log := sessionWorkApp(t)
	app.TeardownRequest(func(c *carafe.Context, _ error) { c.Session().Set("late", true) })
	app.Get("/", func(c *carafe.Context) string { c.Session().Set("early", true); return "ok" })
	client := carafetest.NewClient(t, app)
	if got := client.Get("/").Text(); got != "ok" {
		t.Errorf("the response is %q, want ok", got)
	}
	if !strings.Contains(log.String(), carafe.ErrSessionSaved.Error()) {
		t.Errorf("the log does not say that the session was saved already:\n%s", log)
	}
}

func TestAnErrorPageMayChangeTheSessionOfTheResponseItReplaces(t *testing.T) {
	app, _ := sessionWorkApp(t)
	app.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	app.Get("/", func(c *carafe.Context) (*carafe.Response, error) {
		c.Session().Set("user", 7)
		resp := carafe.Text("ok")
		resp.Header["X-Broken"] = []string{"a\nb"} // found when the session is saved already
		return resp, nil
	})
	app.ErrorHandler(500, func(c *carafe.Context, _ *carafe.HTTPError) (any, error) {
		c.Flash("it failed")
		return carafe.Reply("sorry", 500), nil
	})
	client := carafetest.NewClient(t, app)
	if got := client.Get("/"); got.StatusCode != 500 || got.Text() != "sorry" {
		t.Fatalf("GET /: %d %q, want the handler's page", got.StatusCode, got.Text())
	}
	client.Session(func(s *carafe.Session) {
		if s.Get("user") == nil || s.Get("_flashes") == nil {
			t.Errorf("the next request's session is %v, want user and flashes", s.Values())
		}
	})
}
