package carafe_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carafeweb/carafe"
)

// storeApp is sessionApp with a store.
func storeApp(t *testing.T, store carafe.SessionStore) *carafe.App {
	app := sessionApp(t)
	app.Config.SecretKey = "" // an id needs no signature
	app.Sessions = &carafe.ServerSessions{Store: store}
	return app
}

// stores makes each of the stores that are here.
var stores = map[string]func(t *testing.T) carafe.SessionStore{
	"memory": func(*testing.T) carafe.SessionStore { return &carafe.MemoryStore{} },
	"files": func(t *testing.T) carafe.SessionStore {
		return &carafe.FileStore{Dir: filepath.Join(t.TempDir(), "sessions")}
	},
}

func TestStoresKeepTheirPromises(t *testing.T) {
	for name, store := range stores {
		t.Run(name, func(t *testing.T) {
			if err := carafe.CheckSessionStore(t.Context(), store(t)); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("two processes' files in one folder", func(t *testing.T) {
		dir := t.TempDir()
		if err := carafe.CheckSessionStore(t.Context(), &carafe.FileStore{Dir: dir}, &carafe.FileStore{Dir: dir}); err != nil {
			t.Error(err)
		}
	})
}

// brokenStore forgets what it is told.
type brokenStore struct{ carafe.MemoryStore }

func (*brokenStore) Update(context.Context, string, time.Time, func([]byte) ([]byte, error)) error {
	return nil
}

func TestCheckSessionStoreFindsABrokenOne(t *testing.T) {
	err := carafe.CheckSessionStore(t.Context(), &brokenStore{})
	for _, want := range []string{`after Update, Load by store 0 gives "" and error <nil>, want "one"`, "of 10 updates of writer a, 0 are left"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want it to say %q", err, want)
		}
	}
}

func TestServerSessions(t *testing.T) {
	for name, store := range stores {
		t.Run(name, func(t *testing.T) {
			v := visit(t, storeApp(t, store(t)))
			v.want("/get/a", "")
			if len(v.jar.Cookies(visitedSite)) != 0 {
				t.Error("reading an empty session sent a cookie")
			}
			w := v.want("/set?a=1", "set")
			if line := w.Header().Get("Set-Cookie"); !strings.HasSuffix(line, "; HttpOnly; Path=/; SameSite=Lax") || w.Header().Get("Vary") != "Cookie" {
				t.Errorf("Set-Cookie %q, Vary %q", line, w.Header().Get("Vary"))
			}
			v.want("/set?b=2", "set")
			v.want("/get/a", "1")
			v.want("/get/b", "2")
			old := v.jar.Cookies(visitedSite)
			v.want("/clear", "clear")
			if len(v.jar.Cookies(visitedSite)) != 0 {
				t.Error("clearing left the cookie")
			}
			v.jar.SetCookies(visitedSite, old)
			v.want("/get/a", "") // the store has forgotten it too
		})
	}
}

func TestASessionCannotBeFixed(t *testing.T) {
	v := visit(t, storeApp(t, &carafe.MemoryStore{}))
	planted := strings.Repeat("A", 43)
	for _, value := range []string{planted, "short", strings.Repeat("é", 43), planted + "A"} {
		v.jar.SetCookies(visitedSite, []*http.Cookie{{Name: "session", Value: value}})
		v.want("/set?user=alice", "set")
		if got := v.jar.Cookies(visitedSite)[0].Value; got == value || len(got) != 43 {
			t.Errorf("after a planted id %q the id is %q", value, got)
		}
	}
	before := v.jar.Cookies(visitedSite)
	v.want("/regenerate", "new")
	if after := v.jar.Cookies(visitedSite); after[0].Value == before[0].Value {
		t.Error("Regenerate kept the id")
	}
	v.want("/get/user", "alice")
	v.jar.SetCookies(visitedSite, before)
	v.want("/get/user", "") // whoever knew the old id is out
}

func TestTheStoreDoesNotKnowIds(t *testing.T) {
	dir := t.TempDir()
	v := visit(t, storeApp(t, &carafe.FileStore{Dir: dir}))
	v.want("/set?user=alice", "set")
	id := v.jar.Cookies(visitedSite)[0].Value
	for _, e := range filesIn(t, dir) {
		data, err := os.ReadFile(filepath.Join(dir, e))
		must(t, err)
		if strings.Contains(e+string(data), id) {
			t.Errorf("the file %s has the id", e)
		}
		info, err := os.Stat(filepath.Join(dir, e))
		must(t, err)
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("the file %s can be read by others: %v", e, info.Mode())
		}
	}
}

func filesIn(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// sessionFiles leaves out the locks.
func sessionFiles(t *testing.T, dir string) (names []string) {
	for _, name := range filesIn(t, dir) {
		if !strings.HasPrefix(name, "lock-") {
			names = append(names, name)
		}
	}
	return names
}

func TestServerSessionsExpireByTheAppsClock(t *testing.T) {
	start := time.Now().Truncate(time.Second) // the visitor's cookies go by the machine's clock
	now := start
	clock := func() time.Time { return now }
	dir := t.TempDir()
	memory := &carafe.MemoryStore{Clock: clock}
	files := &carafe.FileStore{Dir: dir, Clock: clock}
	for name, store := range map[string]carafe.SessionStore{"memory": memory, "files": files} {
		t.Run(name, func(t *testing.T) {
			now = start
			app := storeApp(t, store)
			app.Clock = clock
			app.Config.PermanentSessionLifetime = time.Hour
			v := visit(t, app)
			v.want("/set?a=1", "set")
			now = now.Add(time.Hour - time.Second)
			v.want("/get/a", "1")
			now = now.Add(2 * time.Second)
			v.want("/get/a", "")
			v.want("/permanent", "permanent")
			for range 3 { // each response puts the end off
				now = now.Add(50 * time.Minute)
				v.want("/untouched", "untouched")
			}
			now = now.Add(50 * time.Minute)
			if v.want("/get/a", ""); len(v.jar.Cookies(visitedSite)) == 0 {
				t.Error("a permanent session in use has ended")
			}
		})
	}
	now = now.Add(2 * time.Hour)
	if memory.Len() != 0 {
		t.Errorf("%d expired sessions are in memory", memory.Len())
	}
	must(t, os.WriteFile(filepath.Join(dir, "new-123"), nil, 0o600))
	old := time.Now().Add(-2 * time.Hour)
	must(t, os.Chtimes(filepath.Join(dir, "new-123"), old, old))
	must(t, files.Sweep())
	if left := sessionFiles(t, dir); left != nil {
		t.Errorf("after Sweep there still are %v", left)
	}
}

func TestMemoryStoreIsLimited(t *testing.T) {
	store := &carafe.MemoryStore{Limit: 3}
	for i := range 10 {
		key := hex.EncodeToString([]byte(fmt.Sprintf("%032d", i)))
		must(t, store.Update(t.Context(), key, time.Now().Add(time.Duration(i+1)*time.Hour), func([]byte) ([]byte, error) { return []byte("x"), nil }))
	}
	if store.Len() != 3 {
		t.Errorf("%d sessions are kept, want 3", store.Len())
	}
	last := hex.EncodeToString([]byte(fmt.Sprintf("%032d", 9)))
	if data, _ := store.Load(t.Context(), last); data == nil {
		t.Error("the session that lasts longest is gone")
	}
}

func TestFileStoreRefusesNamesThatAreNoKeys(t *testing.T) {
	store := &carafe.FileStore{Dir: t.TempDir()}
	for _, key := range []string{"", "../../etc/passwd", "lock-1", strings.Repeat("g", 64)} {
		if data, err := store.Load(t.Context(), key); err == nil {
			t.Errorf("Load(%q) gives %q and no error", key, data)
		}
	}
}

// meanwhile serves a request that waits in its view, after it has read the session, until others are through.
func meanwhile(t *testing.T, v *visitor, path string, others func()) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest("GET", "http://example.com"+path, nil)
	for _, c := range v.jar.Cookies(visitedSite) {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	var done sync.WaitGroup
	done.Go(func() { v.app.ServeHTTP(w, r) })
	waiting.reached <- struct{}{}
	others()
	waiting.proceed <- struct{}{}
	done.Wait()
	return w
}

var waiting = struct{ reached, proceed chan struct{} }{make(chan struct{}), make(chan struct{})}

func TestRequestsOfOneSessionAtOnce(t *testing.T) {
	for name, store := range stores {
		t.Run(name, func(t *testing.T) {
			app := storeApp(t, store(t))
			app.Get("/slow", func(c *carafe.Context) string {
				c.Session().Get("a")
				<-waiting.reached
				<-waiting.proceed
				c.Session().Set("slow", "yes")
				c.Session().Delete("b")
				return "slow"
			}, carafe.Endpoint("slow"))
			v := visit(t, app)
			v.want("/set?a=1&b=2", "set")
			meanwhile(t, v, "/slow", func() { v.want("/set?a=3&c=4", "set") })
			for name, want := range map[string]string{"a": "3", "b": "", "c": "4", "slow": "yes"} {
				v.want("/get/"+name, want)
			}

			w := meanwhile(t, v, "/slow", func() { v.want("/clear", "clear") })
			if line := w.Header().Get("Set-Cookie"); line != "" || w.Code != 200 {
				t.Errorf("a request that ends after the session does answers %d, cookie %q", w.Code, line)
			}
			v.want("/set?x=1", "set")
			old := v.jar.Cookies(visitedSite)
			meanwhile(t, v, "/slow", func() { v.want("/regenerate", "new") })
			v.want("/get/slow", "")
			v.jar.SetCookies(visitedSite, old)
			v.want("/get/x", "") // the old id does not come back
		})
	}
}

// goneStore is a store whose machine does not answer.
type goneStore struct{ carafe.MemoryStore }

var errGone = errors.New("connection refused")

func (*goneStore) Load(context.Context, string) ([]byte, error) { return nil, errGone }

func (*goneStore) Update(context.Context, string, time.Time, func([]byte) ([]byte, error)) error {
	return errGone
}

func TestAStoreThatIsGoneIsAnError(t *testing.T) {
	app := storeApp(t, &goneStore{})
	carafe.OnError(app, func(*carafe.Context, error) (any, error) { return carafe.Reply("come back later", 503), nil })
	v := visit(t, app)
	if w := v.want("/set?a=1", "come back later"); w.Code != 503 {
		t.Errorf("saving: status %d, want what the error's handler answers", w.Code)
	}
	v.jar.SetCookies(visitedSite, []*http.Cookie{{Name: "session", Value: strings.Repeat("A", 43)}})
	if w := v.want("/get/a", "come back later"); w.Code != 503 {
		t.Errorf("opening: status %d, want what the error's handler answers", w.Code)
	}
	if w := v.want("/untouched", "untouched"); w.Code != 200 {
		t.Errorf("a page that does not use the session: status %d", w.Code)
	}
}

// faultyStore has a fault in its code.
type faultyStore struct{ carafe.MemoryStore }

func (*faultyStore) Load(context.Context, string) ([]byte, error) { panic("nil map in the store") }

// A store that is away is an outage: its log has what happened, once, and no stack of Carafe's. A store that panics is a fault, wherever it is met.
func TestTheLogTellsAStoreThatIsAwayFromOneThatIsBroken(t *testing.T) {
	places := []struct {
		name, path string
		status     int
	}{
		{"a view that asks for the session", "/view", 500},
		{"a hook that asks for it", "/hook", 500},
		{"a flash", "/flash", 500},
		{"a template", "/page", 500},
		{"a stream before its first byte", "/stream", 500},
		{"work that outlives the request", "/work", 200},
		{"a teardown function", "/teardown", 200},
	}
	for _, tt := range places {
		t.Run(tt.name, func(t *testing.T) {
			for _, store := range []carafe.SessionStore{&goneStore{}, &faultyStore{}} {
				log, status := sessionPlaces(t, store, tt.path)
				_, broken := store.(*faultyStore)
				want := "opening the session: connection refused"
				if broken {
					want = "nil map in the store"
				} else if status != tt.status {
					t.Errorf("%T: status %d, want %d", store, status, tt.status)
				}
				if !strings.Contains(log, want) || strings.Contains(log, "goroutine ") != broken {
					t.Errorf("%T: logged %q; want %q, with a stack: %v", store, log, want, broken)
				}
			}
		})
	}
}

// sessionPlaces asks an app whose views and hooks open the session in many places, and returns its log.
func sessionPlaces(t *testing.T, store carafe.SessionStore, path string) (log string, status int) {
	t.Helper()
	app := storeApp(t, store)
	var out bytes.Buffer
	app.Logger = slog.New(slog.NewTextHandler(&out, nil))
	app.Get("/view", func(c *carafe.Context) any { return c.Session().Get("a") })
	app.Get("/hook", func() string { return "hooked" })
	app.BeforeRequest(func(c *carafe.Context) (any, error) {
		if c.Request.URL.Path == "/hook" {
			c.Session().Get("a")
		}
		return nil, nil
	})
	app.Get("/flash", func(c *carafe.Context) string { c.Flash("hello"); return "flashed" })
	app.Get("/page", func() any { return carafe.RenderString("{{ session.a }}", nil) })
	app.Get("/stream", func(c *carafe.Context) iter.Seq[string] {
		return func(yield func(string) bool) { yield(fmt.Sprint(c.Session().Get("a"))) }
	})
	app.Get("/work", func(c *carafe.Context) string {
		c.Go(func(context.Context) { c.Session().Get("a") })
		return "at work"
	})
	app.Get("/teardown", func() string { return "torn" })
	app.TeardownRequest(func(c *carafe.Context, _ error) {
		if c.Request.URL.Path == "/teardown" {
			c.Session().Get("a")
		}
	})
	r := httptest.NewRequest("GET", path, nil)
	r.AddCookie(&http.Cookie{Name: "session", Value: strings.Repeat("A", 43)})
	w := httptest.NewRecorder()
	app.ServeHTTP(w, r)
	must(t, app.Drain(t.Context()))
	return out.String(), w.Code
}

func TestServerSessionsNeedAStore(t *testing.T) {
	app := carafe.New("storeless")
	app.Sessions = &carafe.ServerSessions{}
	if err := app.Freeze(); err == nil || !strings.Contains(err.Error(), "Store is nil") {
		t.Errorf("Freeze gives %v", err)
	}
}
