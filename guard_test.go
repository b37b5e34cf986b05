package carafe_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carafeweb/carafe"
	carafetest "github.com/carafeweb/carafe/testing"
)

// A guardWatch is a guard whose findings are kept.
type guardWatch struct {
	carafe.Guard
	mu    sync.Mutex
	found []carafe.GuardFinding
}

func newGuardWatch() *guardWatch {
	w := &guardWatch{}
	w.Guard = carafe.Guard{Grace: 300 * time.Millisecond, Judging: &atomic.Int64{}, Report: func(f carafe.GuardFinding) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.found = append(w.found, f)
	}}
	return w
}

// findings waits until all requests that are over are judged.
func (w *guardWatch) findings() []carafe.GuardFinding {
	for w.Judging.Load() > 0 {
		time.Sleep(time.Millisecond)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.found)
}

// guardApp is an app that w watches.
func guardApp(w *guardWatch) *carafe.App {
	app := quiet()
	app.Guard(w.Guard)
	return app
}

// guardLine is the line of the caller, plus some.
func guardLine(plus int) int {
	_, _, line, _ := runtime.Caller(1)
	return line + plus
}

// wantFinding wants one finding of the kind, of this file's line, with each of the texts in its message.
func wantFinding(t *testing.T, found []carafe.GuardFinding, kind carafe.GuardKind, line int, texts ...string) {
	t.Helper()
	if len(found) != 1 {
		t.Fatalf("the guard has %d findings, want one %s: %v", len(found), kind, found)
	}
	f := found[0]
	if f.Kind != kind || !strings.HasSuffix(f.Site.File, "/guard_test.go") || f.Site.Line != line {
		t.Errorf("the finding is a %s at %s, want a %s at guard_test.go:%d: %v", f.Kind, f.Site, kind, line, f)
	}
	for _, text := range append(texts, fmt.Sprintf("guard_test.go:%d", line)) {
		if !strings.Contains(f.Message, text) {
			t.Errorf("the message is %q, want %q in it", f.Message, text)
		}
	}
}

func TestTheGuardNamesAGoroutineThatOutlivesItsRequest(t *testing.T) {
	w := newGuardWatch()
	app := guardApp(w)
	stop := make(chan struct{})
	defer close(stop)
	line := guardLine(2)
	app.Get("/cart/<int:id>", func(c *carafe.Context, id int) string {
		go func() { <-stop }()
		return "fine"
	}, carafe.Endpoint("cart"))
	carafetest.NewClient(t, app).Get("/cart/7")
	found := w.findings()
	wantFinding(t, found, carafe.GuardGoroutine, line, `view "cart" (GET /cart/7)`, "1 goroutine", "in chan receive", "c.Go", "c.Done()")
	if f := found[0]; f.Endpoint != "cart" || f.Method != "GET" || f.Path != "/cart/7" {
		t.Errorf("the finding is of %+v", f)
	}
}

func TestTheGuardFollowsGoroutinesOfGoroutines(t *testing.T) {
	w := newGuardWatch()
	app := guardApp(w)
	stop := make(chan struct{})
	defer close(stop)
	line := guardLine(6)
	app.Get("/", func() string {
		var group sync.WaitGroup
		group.Go(func() {
			go func() {
				for range 3 {
					go guardWait(stop)
				}
			}()
		})
		group.Wait()
		return "fine"
	}, carafe.Endpoint("index"))
	base := carafetest.Serve(t, app)
	for range 2 {
		hostileGet(t, base, "/")
	}
	wantFinding(t, w.findings(), carafe.GuardGoroutine, line, "3 goroutines")
}

func guardWait(stop chan struct{}) { <-stop }

func TestTheGuardNamesWhatALibraryRunsOfTheProgram(t *testing.T) {
	w := newGuardWatch()
	app := guardApp(w)
	stop := make(chan struct{})
	defer close(stop)
	var group sync.WaitGroup
	line := guardLine(2)
	app.Get("/", func() string {
		group.Go(func() { <-stop })
		return "fine"
	}, carafe.Endpoint("index"))
	carafetest.NewClient(t, app).Get("/")
	wantFinding(t, w.findings(), carafe.GuardGoroutine, line, "WaitGroup")
}

func TestTheGuardNamesAGoroutineThatIsAllTheLibrarys(t *testing.T) {
	w := newGuardWatch()
	app := guardApp(w)
	r, end := io.Pipe()
	defer end.Close()
	line := guardLine(2)
	app.Get("/", func() string {
		go io.ReadAll(r)
		return "fine"
	}, carafe.Endpoint("index"))
	carafetest.NewClient(t, app).Get("/")
	wantFinding(t, w.findings(), carafe.GuardGoroutine, line, "io.ReadAll")
}

func TestTheGuardLetsGoroutinesBeThatMayGoOn(t *testing.T) {
	other := carafetest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "other") }))
	var stop chan struct{}
	for _, tt := range []struct {
		name string
		view func(c *carafe.Context) string
	}{
		{"work of Context.Go, and what that starts", func(c *carafe.Context) string {
			stop := stop
			c.Go(func(context.Context) { go guardWait(stop); <-stop })
			return ""
		}},
		{"one that ends when the request's context does", func(c *carafe.Context) string {
			go func() { <-c.Done() }()
			return ""
		}},
		{"one that still has some steps to go", func(c *carafe.Context) string {
			go func() {
				for range 10 {
					time.Sleep(time.Millisecond)
				}
			}()
			return ""
		}},
		{"the kept connections of an http.Client", func(c *carafe.Context) string {
			client := &http.Client{Transport: &http.Transport{}}
			resp, err := client.Get(other)
			if err == nil {
				_, err = io.ReadAll(resp.Body)
				_ = resp.Body.Close()
			}
			if err != nil {
				t.Error(err)
			}
			t.Cleanup(client.CloseIdleConnections)
			return ""
		}},
		{"one with labels of its own", func(c *carafe.Context) string {
			pprof.Do(context.Background(), pprof.Labels("worker", "1"), func(context.Context) { go guardWait(stop) })
			return ""
		}},
		{"net/http's own, which waits for the client to leave", func(c *carafe.Context) string {
			_, err := c.Request.Data()
			if err != nil {
				t.Error(err)
			}
			return ""
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newGuardWatch()
			app := guardApp(w)
			stop = make(chan struct{})
			defer close(stop) // before Serve waits for the work
			app.Route("/", tt.view, carafe.Endpoint("index"), carafe.Methods{"POST"})
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			base := carafetest.Serve(t, app)
			for range 3 { // on one connection
				resp, err := client.Post(base, "text/plain", strings.NewReader("text"))
				must(t, err)
				_, err = io.ReadAll(resp.Body)
				must(t, err)
				must(t, resp.Body.Close())
			}
			for _, f := range w.findings() {
				if f.Kind == carafe.GuardGoroutine {
					t.Errorf("the guard blames it: %v", f)
				}
			}
		})
	}
}

// Several requests at once: each is told of its own goroutines, and one that is well is not blamed for its neighbours'.
func TestTheGuardBlamesNobodyForTheGoroutinesOfOthers(t *testing.T) {
	w := newGuardWatch()
	app := guardApp(w)
	stop := make(chan struct{})
	app.Get("/well", func() string { return "fine" }, carafe.Endpoint("well"))
	app.Get("/ill", func() string { go guardWait(stop); return "fine" }, carafe.Endpoint("ill"))
	base := carafetest.Serve(t, app)
	defer close(stop)
	var group sync.WaitGroup
	for i := range 20 {
		path := []string{"/well", "/ill"}[i%2]
		group.Go(func() { hostileGet(t, base, path) })
	}
	group.Wait()
	found := w.findings()
	if len(found) != 1 || found[0].Endpoint != "ill" {
		t.Errorf("the findings are %v, want one, of the view that is ill", found)
	}
}

// In a bubble the time of grace passes at once, and only when nothing else can go on.
func TestTheGuardWorksInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := quiet()
		app.Get("/", func(c *carafe.Context) string {
			go func() {
				<-c.Done()
				time.Sleep(time.Second) // shorter than Grace
			}()
			return "fine"
		}, carafe.Endpoint("index"))
		carafetest.Guard(t, app)
		carafetest.NewClient(t, app).Get("/")
	})
}

func TestTheGuardNamesWritesAfterTheResponse(t *testing.T) {
	for _, tt := range []struct {
		name string
		view func(start func(write func())) any
	}{
		{"to a handler's writer", func(start func(write func())) any {
			return func(w http.ResponseWriter, r *http.Request) { start(func() { fmt.Fprint(w, "late") }) }
		}},
		{"to a handler's writer that streams", func(start func(write func())) any {
			return func(w http.ResponseWriter, r *http.Request) {
				w.(http.Flusher).Flush()
				start(func() { fmt.Fprint(w, "late") })
			}
		}},
		{"by a handler's Flush", func(start func(write func())) any {
			return func(w http.ResponseWriter, r *http.Request) { start(w.(http.Flusher).Flush) }
		}},
		{"to a Streamer's writer", func(start func(write func())) any {
			return func() carafe.Streamer {
				return func(w http.ResponseWriter) error { start(func() { fmt.Fprint(w, "late") }); return nil }
			}
		}},
		{"by a Streamer's Flush", func(start func(write func())) any {
			return func() carafe.Streamer {
				return func(w http.ResponseWriter) error { start(w.(http.Flusher).Flush); return nil }
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newGuardWatch()
			app := guardApp(w)
			release, written := make(chan struct{}), make(chan struct{})
			app.Get("/", tt.view(func(write func()) {
				go func() { <-release; write(); close(written) }()
			}), carafe.Endpoint("index"))
			line := guardLine(-2)
			base := carafetest.Serve(t, app)
			hostileGet(t, base, "/")
			close(release)
			<-written
			found := w.findings()
			if len(found) != 1 || found[0].Kind != carafe.GuardLateWrite || found[0].Endpoint != "index" {
				t.Fatalf("the findings are %v, want a late write", found)
			}
			if f := found[0]; !strings.HasSuffix(f.Site.File, "guard_test.go") || f.Site.Line >= guardLine(0) || f.Site.Line == line && strings.Contains(tt.name, "writer") {
				t.Errorf("the late write is at %s, want the line that writes: %v", f.Site, f)
			}
		})
	}
}

func TestTheGuardNamesTheUseOfAFinishedWriter(t *testing.T) {
	for _, tt := range []struct {
		name string
		kind carafe.GuardKind
		use  func(w http.ResponseWriter)
	}{
		{"Header", carafe.GuardFinishedWriter, func(w http.ResponseWriter) { w.Header().Set("X", "late") }},
		{"WriteHeader", carafe.GuardLateWrite, func(w http.ResponseWriter) { w.WriteHeader(500) }},
		{"Write", carafe.GuardLateWrite, func(w http.ResponseWriter) {
			if n, err := w.Write([]byte("late")); n != 0 || err == nil {
				t.Errorf("Write = %d, %v", n, err)
			}
		}},
		{"WriteString", carafe.GuardLateWrite, func(w http.ResponseWriter) {
			if _, err := io.WriteString(w, "late"); err == nil {
				t.Error("WriteString gives no error")
			}
		}},
		{"ReadFrom", carafe.GuardLateWrite, func(w http.ResponseWriter) {
			if _, err := io.Copy(w, struct{ io.Reader }{strings.NewReader("late")}); err == nil {
				t.Error("ReadFrom gives no error")
			}
		}},
		{"Flush", carafe.GuardLateWrite, func(w http.ResponseWriter) { w.(http.Flusher).Flush() }},
		{"Hijack", carafe.GuardFinishedWriter, func(w http.ResponseWriter) {
			if _, _, err := w.(http.Hijacker).Hijack(); err == nil {
				t.Error("Hijack gives no error")
			}
		}},
		{"Push", carafe.GuardFinishedWriter, func(w http.ResponseWriter) {
			if err := w.(http.Pusher).Push("/", nil); err == nil {
				t.Error("Push gives no error")
			}
		}},
		{"Unwrap", carafe.GuardFinishedWriter, func(w http.ResponseWriter) {
			if err := http.NewResponseController(w).SetReadDeadline(time.Time{}); err == nil {
				t.Error("a deadline gives no error")
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newGuardWatch()
			app := guardApp(w)
			app.Get("/", fine, carafe.Endpoint("index"))
			var kept http.ResponseWriter
			app.Use(func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { kept = w; next.ServeHTTP(w, r) })
			})
			rec := httptest.NewRecorder()
			app.ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
			tt.use(kept)
			found := w.findings()
			if len(found) != 1 || found[0].Kind != tt.kind || !strings.Contains(found[0].Message, tt.name+" ") && !strings.Contains(found[0].Message, tt.name+",") {
				t.Errorf("the findings are %v, want a %s that names %s", found, tt.kind, tt.name)
			}
			if got := rec.Body.String(); got != "fine" || rec.Header().Get("X") != "" {
				t.Errorf("the answer became %q with %v", got, rec.Header())
			}
		})
	}
}

func TestTheGuardNamesUploadsThatNobodyReads(t *testing.T) {
	file := carafetest.File("photo", "sea.jpg", "the bytes")
	for _, tt := range []struct {
		name string
		view func(c *carafe.Context) (any, error)
		send []carafetest.RequestOption
		want string // in the message; "" means there is none
	}{
		{"a file that is parsed and not read", func(c *carafe.Context) (any, error) { return c.Form("album"), nil }, []carafetest.RequestOption{file}, `the file "sea.jpg" that was uploaded as "photo" (9 bytes)`},
		{"a file of which only the name is looked at, and a redirect", func(c *carafe.Context) (any, error) {
			u, err := c.Request.RequireFile("photo")
			return carafe.Redirect("/" + u.Filename), err
		}, []carafetest.RequestOption{file}, "302"},
		{"a form that nobody opens", func(*carafe.Context) (any, error) { return "", nil }, []carafetest.RequestOption{file}, `a body of type "multipart/form-data"`},
		{"a raw body that nobody reads", func(*carafe.Context) (any, error) { return "", nil }, []carafetest.RequestOption{carafetest.Body("text")}, "without reading any of it"},
		{"a file that is read", func(c *carafe.Context) (any, error) {
			u, err := c.Request.RequireFile("photo")
			if err != nil {
				return nil, err
			}
			return u.Bytes()
		}, []carafetest.RequestOption{file}, ""},
		{"a file that is saved", func(c *carafe.Context) (any, error) {
			u, err := c.Request.RequireFile("photo")
			if err != nil {
				return nil, err
			}
			return "", u.Save(t.TempDir() + "/x")
		}, []carafetest.RequestOption{file}, ""},
		{"a field without a file", func(c *carafe.Context) (any, error) { return c.Form("album"), nil }, []carafetest.RequestOption{carafetest.File("photo", "", "")}, ""},
		{"an empty file", func(c *carafe.Context) (any, error) { return c.Form("album"), nil }, []carafetest.RequestOption{carafetest.File("photo", "empty", "")}, ""},
		{"a refusal", func(c *carafe.Context) (any, error) { return nil, carafe.Abort(403) }, []carafetest.RequestOption{file}, ""},
		{"a redirect to the login", func(c *carafe.Context) (any, error) { return carafe.Redirect("/login"), nil }, []carafetest.RequestOption{file}, ""},
		{"a body that is read", func(c *carafe.Context) (any, error) { return c.Request.Data() }, []carafetest.RequestOption{carafetest.Body("text")}, ""},
		{"parts that are read as they come", func(c *carafe.Context) (any, error) {
			for part, err := range c.Request.Parts() {
				if err != nil {
					return nil, err
				}
				_, _ = io.Copy(io.Discard, part)
			}
			return "", nil
		}, []carafetest.RequestOption{file}, ""},
		{"fields that nobody needs", func(*carafe.Context) (any, error) { return "", nil }, []carafetest.RequestOption{carafetest.Form{"a": {"b"}}}, ""},
		{"JSON that nobody needs", func(*carafe.Context) (any, error) { return "", nil }, []carafetest.RequestOption{carafetest.JSON(1)}, ""},
		{"no body", func(*carafe.Context) (any, error) { return "", nil }, nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newGuardWatch()
			app := guardApp(w)
			app.Post("/", tt.view, carafe.Endpoint("index"))
			carafetest.NewClient(t, app).Post("/", tt.send...)
			found := w.findings()
			if tt.want == "" && len(found) > 0 {
				t.Errorf("the findings are %v, want none", found)
			}
			if tt.want != "" && (len(found) != 1 || found[0].Kind != carafe.GuardUnreadUpload || !strings.Contains(found[0].Message, tt.want) || !strings.HasPrefix(found[0].Site.String(), "guard_test.go:")) {
				t.Errorf("the findings are %v, want an upload with %q", found, tt.want)
			}
		})
	}
}

func TestTheGuardNamesSlowHooks(t *testing.T) {
	const slow = 700 * time.Millisecond
	for kind, set := range map[string]func(app *carafe.App, wait func()) int{
		"before-first-request function": func(app *carafe.App, wait func()) int {
			app.BeforeFirstRequest(func(*carafe.Context) error { wait(); return nil })
			return guardLine(-1)
		},
		"before-request function": func(app *carafe.App, wait func()) int {
			app.BeforeRequest(func(*carafe.Context) (any, error) { wait(); return nil, nil })
			return guardLine(-1)
		},
		"URL value preprocessor": func(app *carafe.App, wait func()) int {
			app.URLValuePreprocessor(func(*carafe.Context, string, carafe.Values) { wait() })
			return guardLine(-1)
		},
		"URL defaults function": func(app *carafe.App, wait func()) int {
			app.URLDefaults(func(*carafe.Context, string, carafe.Values) { wait() })
			return guardLine(-1)
		},
		"after-request function": func(app *carafe.App, wait func()) int {
			app.AfterRequest(func(_ *carafe.Context, resp *carafe.Response) (*carafe.Response, error) { wait(); return resp, nil })
			return guardLine(-1)
		},
		"teardown-request function": func(app *carafe.App, wait func()) int {
			app.TeardownRequest(func(*carafe.Context, error) { wait(); panic(errors.New("slow, and it fails")) })
			return guardLine(-1)
		},
		"teardown-app-context function": func(app *carafe.App, wait func()) int {
			app.TeardownAppContext(func(*carafe.AppContext, error) { wait() })
			return guardLine(-1)
		},
		"context processor": func(app *carafe.App, wait func()) int {
			app.ContextProcessor(func(*carafe.Context) map[string]any { wait(); return nil })
			return guardLine(-1)
		},
	} {
		t.Run(kind, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newGuardWatch()
				app := guardApp(w)
				line := set(app, func() { time.Sleep(slow) })
				app.BeforeRequest(func(*carafe.Context) (any, error) { time.Sleep(slow / 2); return nil, nil }) // which is in time
				app.Get("/", func(c *carafe.Context) any { return carafe.RenderString(c.URLFor("index"), nil) }, carafe.Endpoint("index"))
				client := carafetest.NewClient(t, app)
				client.Get("/")
				client.Get("/") // it is told once
				wantFinding(t, w.findings(), carafe.GuardSlowHook, line, "the "+kind, "took 700ms", "longer than 500ms", "GET /")
			})
		})
	}
}

func TestTheGuardLooksForNoMoreThanItIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newGuardWatch()
		w.SlowHook = time.Hour
		w.Without = []carafe.GuardKind{carafe.GuardUnreadUpload, carafe.GuardGoroutine}
		app := guardApp(w)
		stop := make(chan struct{})
		app.BeforeRequest(func(*carafe.Context) (any, error) { time.Sleep(time.Minute); return nil, nil })
		app.Post("/", func() string { go guardWait(stop); return "" }, carafe.Endpoint("index"))
		carafetest.NewClient(t, app).Post("/", carafetest.Body("text"))
		if found := w.findings(); len(found) > 0 {
			t.Errorf("the guard finds %v", found)
		}
		close(stop)
	})
}

// CARAFE_GUARD=1 logs each finding once, and the answers are those of an app without a guard.
func TestTheGuardOfTheEnvironmentLogs(t *testing.T) {
	for value, want := range map[string]int{"1": 1, "true": 1, "0": 0, "": 0, "no": 0} {
		t.Run("CARAFE_GUARD="+value, func(t *testing.T) {
			t.Setenv("CARAFE_GUARD", value)
			var log strings.Builder
			app := carafe.New("guarded")
			app.Logger = slog.New(slog.NewTextHandler(&log, nil))
			app.Post("/", func() string { return "taken" }, carafe.Endpoint("index"))
			client := carafetest.NewClient(t, app)
			for range 3 {
				if got := client.Post("/", carafetest.Body("text")); got.Text() != "taken" || got.StatusCode != 200 {
					t.Errorf("the answer is %d %q", got.StatusCode, got.Text())
				}
			}
			if got := strings.Count(log.String(), "carafe: guard: view"); got != want {
				t.Errorf("the log has %d findings, want %d:\n%s", got, want, log.String())
			}
			if want > 0 && !strings.Contains(log.String(), "level=WARN") {
				t.Errorf("the log is %s", log.String())
			}
		})
	}
}

func TestAGuardComesBeforeTheFirstRequest(t *testing.T) {
	app := quiet()
	must(t, app.Freeze())
	wantSetupPanic(t, "can no longer be called", func() { app.Guard(carafe.Guard{}) })
}

// What is mounted is watched too, by its path.
func TestTheGuardWatchesWhatIsMounted(t *testing.T) {
	w := newGuardWatch()
	app := guardApp(w)
	stop := make(chan struct{})
	defer close(stop)
	line := guardLine(1)
	app.Mount("/m", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { go guardWait(stop) }))
	carafetest.NewClient(t, app).Get("/m/x")
	wantFinding(t, w.findings(), carafe.GuardGoroutine, line, "GET /m/x has left")
}

// A guarded app explains itself, and names its hooks, as one without a guard.
func TestAGuardedAppExplainsItselfAlike(t *testing.T) {
	explained := func(guarded bool) string {
		app := quiet()
		if guarded {
			app.Guard(carafe.Guard{})
		}
		app.BeforeRequest(func(*carafe.Context) (any, error) { return nil, nil })
		app.TeardownRequest(func(*carafe.Context, error) {})
		app.Get("/", fine, carafe.Endpoint("index"))
		e, err := app.Explain("GET", "/")
		must(t, err)
		return fmt.Sprint(e)
	}
	if with, without := explained(true), explained(false); with != without {
		t.Errorf("with a guard:\n%s\nwithout:\n%s", with, without)
	}
}
