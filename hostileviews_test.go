package carafe_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carafeweb/carafe"
	carafetest "github.com/carafeweb/carafe/testing"
)

// A viewLog is an app with its log, and with a view at /ok.
func viewLog() (*carafe.App, *faultLog) {
	app, log := carafe.New("views"), &faultLog{}
	app.Logger = slog.New(log)
	app.Get("/ok", fine, carafe.Endpoint("ok"))
	return app, log
}

// wantService wants /ok to be answered, and a log with so many records.
func wantService(t *testing.T, base string, log *faultLog, records int) {
	t.Helper()
	if status, body := hostileGet(t, base, "/ok"); status != 200 || body != "fine" {
		t.Errorf("the next request is answered with %d %q", status, body)
	}
	if texts := log.texts(); len(texts) != records {
		t.Errorf("the log has %d records, want %d:\n%s", len(texts), records, strings.Join(texts, "\n"))
	}
}

// A Response that is kept and returned for every request is copied for each: nothing of one visitor is in the answer to another.
func TestHostileKeptResponses(t *testing.T) {
	page := carafe.Text("page")
	data := carafe.JSON(map[string]int{"a": 1})
	replaced := carafe.Text("replaced")
	fault := carafe.Abort(409, "kept")
	for name, tt := range map[string]struct {
		set  func(app *carafe.App)
		want string
	}{
		"returned by a view": {func(app *carafe.App) { faultView(app, func() *carafe.Response { return page }) }, "page"},
		"with JSON":          {func(app *carafe.App) { faultView(app, func() (any, int) { return data, 201 }) }, "{\"a\":1}\n"},
		"returned by a before hook": {func(app *carafe.App) {
			app.BeforeRequest(onX(func() (any, error) { return page, nil }))
			faultView(app, fine)
		}, "page"},
		"an error that is kept": {func(app *carafe.App) { faultView(app, func() error { return fault }) }, "kept"},
		"put there by an after hook": {func(app *carafe.App) {
			app.AfterRequest(func(c *carafe.Context, resp *carafe.Response) (*carafe.Response, error) { return replaced, nil })
			faultView(app, fine)
		}, "replaced"},
		"in a Reply with its headers": {func(app *carafe.App) {
			faultView(app, func() any { return carafe.Reply(page, 202, http.Header{"X-Reply": {"1"}}) })
		}, "page"},
	} {
		t.Run(name, func(t *testing.T) {
			app, log := viewLog()
			app.Config.SecretKey = "key"
			app.AfterRequest(func(c *carafe.Context, resp *carafe.Response) (*carafe.Response, error) {
				resp.Header.Add("X-Visitor", c.Query("visitor"))
				return resp, nil
			})
			app.BeforeRequest(func(c *carafe.Context) (any, error) {
				if v := c.Query("visitor"); v != "0" && v != "" {
					c.Session().Set("visitor", v)
				}
				return nil, nil
			})
			tt.set(app)
			base := carafetest.Serve(t, app)
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			ask := func(visitor string) {
				resp, err := client.Get(base + "/x?visitor=" + visitor)
				if err != nil {
					t.Error(err)
					return
				}
				defer resp.Body.Close()
				var body strings.Builder
				_ = resp.Write(&body)
				if got := resp.Header["X-Visitor"]; len(got) > 1 || len(got) == 1 && got[0] != visitor {
					t.Errorf("visitor %s gets what others have got: %q", visitor, got)
				}
				if cookies := len(resp.Header["Set-Cookie"]); visitor == "0" && cookies != 0 || cookies > 1 {
					t.Errorf("visitor %s gets %d cookies", visitor, cookies)
				}
				if !strings.Contains(body.String(), tt.want) {
					t.Errorf("visitor %s gets %q, want %q", visitor, body.String(), tt.want)
				}
			}
			var group sync.WaitGroup
			for i := range 12 {
				group.Go(func() { ask(fmt.Sprint(i % 4)) })
			}
			group.Wait()
			ask("0")
			if texts := log.texts(); len(texts) != 0 {
				t.Errorf("the log has %q", texts)
			}
		})
	}
}

// What is changed in a kept Response after its view has returned it is for later answers only.
func TestHostileChangesOfAResponseThatWasReturned(t *testing.T) {
	app, log := viewLog()
	page := carafe.Text("first")
	faultView(app, func() *carafe.Response { return page })
	app.AfterRequest(func(c *carafe.Context, resp *carafe.Response) (*carafe.Response, error) {
		if c.Endpoint() == "x" {
			page.SetText("later")
			page.Header.Set("Content-Type", "text/later")
			page.Status = 299
		}
		return resp, nil
	})
	base := carafetest.Serve(t, app)
	if status, body := hostileGet(t, base, "/x"); status != 200 || body != "first" {
		t.Errorf("the answer that was under way is %d %q, want what the view returned", status, body)
	}
	if status, body := hostileGet(t, base, "/x"); status != 299 || body != "later" {
		t.Errorf("the next answer is %d %q, want what the Response is now", status, body)
	}
	wantService(t, base, log, 0)
}

// A view that never returns holds nobody else up, and is told when its client has left.
func TestHostileViewThatDoesNotReturn(t *testing.T) {
	app, log := viewLog()
	entered, left := make(chan struct{}), make(chan struct{})
	faultView(app, func(c *carafe.Context) string {
		close(entered)
		<-c.Done()
		close(left)
		<-t.Context().Done() // for ever, as far as the server knows
		return ""
	})
	base := carafetest.Serve(t, app)
	conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	must(t, err)
	_, err = fmt.Fprint(conn, "GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n")
	must(t, err)
	<-entered
	wantService(t, base, log, 0)
	must(t, conn.Close())
	select {
	case <-left:
	case <-time.After(20 * time.Second):
		t.Error("the view is not told that its client has left")
	}
	wantService(t, base, log, 0)
}

// A goroutine that a view leaves behind, and that keeps the Context, goes on reading its own request, and cannot reach the answer.
func TestHostileGoroutineWithAFinishedContext(t *testing.T) {
	app, log := viewLog()
	type seen struct{ path, name, header string }
	over, results := make(chan struct{}), make(chan seen, 20)
	app.Get("/leak/<name>", func(c *carafe.Context, name string) string {
		go func() {
			<-over
			c.G().Set("late", name)
			carafe.After(c, func(resp *carafe.Response) (*carafe.Response, error) {
				t.Error("an After that came too late ran")
				return resp, nil
			})
			results <- seen{c.Request.Path(), c.Param("name"), c.Request.Header.Get("X-Name")}
		}()
		return name
	}, carafe.Endpoint("leak"))
	base := carafetest.Serve(t, app)
	for i := range cap(results) {
		name := fmt.Sprint("n", i)
		req, err := http.NewRequestWithContext(t.Context(), "GET", base+"/leak/"+name, nil)
		must(t, err)
		req.Header.Set("X-Name", name)
		resp, err := http.DefaultClient.Do(req)
		must(t, err)
		must(t, resp.Body.Close())
	}
	close(over)
	for range cap(results) {
		if s := <-results; s.path != "/leak/"+s.name || s.header != s.name {
			t.Errorf("a Context whose request is over reads %+v", s)
		}
	}
	wantService(t, base, log, 0)
}

// Two goroutines of a handler that write at once spoil no more than their own answer; what one writes after the end is refused.
func TestHostileWritesOfTwoGoroutines(t *testing.T) {
	app, log := viewLog()
	release, late := make(chan struct{}), make(chan error, 1)
	const lines = 2000
	faultView(app, func(w http.ResponseWriter, _ *http.Request) {
		var group sync.WaitGroup
		for _, line := range []string{"aaaaaaaaa\n", "bbbbbbbbb\n"} {
			group.Go(func() {
				for range lines {
					fmt.Fprint(w, line)
				}
			})
		}
		group.Wait()
		go func() {
			<-release
			_, err := fmt.Fprint(w, "late")
			late <- err
		}()
	})
	base := carafetest.Serve(t, app)
	status, body := hostileGet(t, base, "/x")
	if a, b := strings.Count(body, "aaaaaaaaa\n"), strings.Count(body, "bbbbbbbbb\n"); status != 200 || a != lines || b != lines || len(body) != 20*lines {
		t.Errorf("the answer has status %d, %d bytes, %d lines of one goroutine and %d of the other, want %d of each and no more", status, len(body), a, b, lines)
	}
	close(release)
	if err := <-late; err == nil {
		t.Error("a write after the answer is taken as if somebody could read it")
	}
	wantService(t, base, log, 0)
}

// A server that is told to stop does not wait for such a view for ever, and says that it gave up.
func TestHostileWorkThatIsNotDone(t *testing.T) {
	app, log := viewLog()
	stopped := make(chan struct{})
	faultView(app, func(c *carafe.Context) string {
		c.Go(func(ctx context.Context) { <-ctx.Done(); close(stopped) })
		return "fine"
	})
	base := carafetest.Serve(t, app)
	if status, _ := hostileGet(t, base, "/x"); status != 200 {
		t.Errorf("status %d", status)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := app.Drain(ctx); err == nil {
		t.Error("Drain says that all work is done")
	}
	<-stopped
	wantService(t, base, log, 0)
}
