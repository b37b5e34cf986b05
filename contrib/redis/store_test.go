package redis_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/contrib/redis"
)

// server is a redis-server of the test's own, on a socket in a temporary folder.
type server struct {
	t    *testing.T
	dir  string
	path string
	cmd  *exec.Cmd
}

func start(t *testing.T) *server {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("there is no redis-server: apt-get install redis-server")
	}
	dir, err := os.MkdirTemp("", "carafe-redis") // t.TempDir is too long for the name of a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &server{t: t, dir: dir, path: path}
	s.start()
	t.Cleanup(s.kill)
	return s
}

func (s *server) socket() string { return filepath.Join(s.dir, "s") }

// start returns when the server answers. What it has is on disk before it says so.
func (s *server) start() {
	s.t.Helper()
	s.cmd = exec.Command(s.path, "--port", "0", "--unixsocket", s.socket(), "--dir", s.dir, "--appendonly", "yes", "--appendfsync", "always", "--save", "")
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	client := s.client()
	defer client.Close()
	for deadline := time.Now().Add(20 * time.Second); client.Ping(s.t.Context()).Err() != nil; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatal("redis-server does not answer after 20 s")
		}
	}
}

func (s *server) kill() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

func (s *server) client() *goredis.Client {
	return goredis.NewClient(&goredis.Options{Network: "unix", Addr: s.socket(), ContextTimeoutEnabled: true})
}

func (s *server) store() *redis.Store {
	client := s.client()
	s.t.Cleanup(func() { _ = client.Close() })
	return redis.New(client)
}

func TestTheStoreKeepsItsPromises(t *testing.T) {
	s := start(t)
	one, two := s.store(), s.store() // as of two machines
	one.Timeout, two.Timeout = 30*time.Second, 30*time.Second
	if err := carafe.CheckSessionStore(t.Context(), one, two); err != nil {
		t.Error(err)
	}
}

// site is an app with the store, and what one client's browser has.
type site struct {
	t      *testing.T
	app    *carafe.App
	cookie *http.Cookie
}

func newSite(t *testing.T, store carafe.SessionStore) *site {
	app := carafe.New("site")
	app.Logger = slog.New(slog.DiscardHandler)
	app.Sessions = &carafe.ServerSessions{Store: store}
	app.Config.PermanentSessionLifetime = time.Hour
	app.Get("/set/<value>", func(c *carafe.Context, value string) string { c.Session().Set("a", value); return "set" }, carafe.Endpoint("set"))
	app.Get("/get", func(c *carafe.Context) string { v, _ := c.Session().Get("a").(string); return v }, carafe.Endpoint("get"))
	return &site{t: t, app: app}
}

func (s *site) get(path string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", path, nil)
	if s.cookie != nil {
		r.AddCookie(s.cookie)
	}
	w := httptest.NewRecorder()
	s.app.ServeHTTP(w, r)
	if cookies := w.Result().Cookies(); len(cookies) > 0 {
		s.cookie = cookies[0]
	}
	return w
}

func (s *site) want(path string, status int, body string) {
	s.t.Helper()
	if w := s.get(path); w.Code != status || body != "" && w.Body.String() != body {
		s.t.Errorf("GET %s: %d %q, want %d %q", path, w.Code, w.Body, status, body)
	}
}

func TestSessionsOutliveARestartOfRedis(t *testing.T) {
	s := start(t)
	site := newSite(t, s.store())
	site.want("/set/before", 200, "set")
	s.kill()
	site.want("/get", 500, "")
	s.start()
	site.want("/get", 200, "before")
	site.want("/set/after", 200, "set")
	site.want("/get", 200, "after")
}

func TestSessionsExpireInRedis(t *testing.T) {
	s := start(t)
	store := s.store()
	client := s.client()
	defer client.Close()
	site := newSite(t, store)
	site.want("/set/x", 200, "set")
	keys, err := client.Keys(t.Context(), store.Prefix+"*").Result()
	if err != nil || len(keys) != 1 {
		t.Fatalf("Redis has the keys %v, error %v", keys, err)
	}
	if ttl := client.TTL(t.Context(), keys[0]).Val(); ttl < 59*time.Minute || ttl > time.Hour {
		t.Errorf("the session ends in %v, want an hour", ttl)
	}
	ctx := t.Context()
	if err := store.Update(ctx, "short", time.Now().Add(50*time.Millisecond), func([]byte) ([]byte, error) { return []byte("x"), nil }); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; {
		if data, err := store.Load(ctx, "short"); data == nil && err == nil {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("what should have ended after 50 ms is still %q, error %v", data, err)
		}
	}
}

func TestARedisThatDoesNotAnswerIsAnErrorNotAHang(t *testing.T) {
	for name, stop := range map[string]func(s *server) error{
		"gone":    func(s *server) error { s.kill(); return nil },
		"stopped": func(s *server) error { return s.cmd.Process.Signal(syscall.SIGSTOP) },
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			store := s.store()
			store.Timeout = 300 * time.Millisecond
			site := newSite(t, store)
			var failure error
			carafe.OnError(site.app, func(_ *carafe.Context, err *redis.UnavailableError) (any, error) {
				failure = err
				return carafe.Reply("come back later", 503), nil
			})
			site.want("/set/x", 200, "set")
			if err := stop(s); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			site.want("/get", 503, "come back later")
			site.cookie = nil
			site.want("/set/y", 500, "") // as in Flask, what fails after the view only has handlers for 500
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("two requests took %v, want 300 ms each", took)
			}
			if failure == nil {
				t.Error("the handler of *redis.UnavailableError was not asked")
			}
		})
	}
}

func TestTheErrorOfAnUpdatesFunctionPasses(t *testing.T) {
	store := start(t).store()
	mine := errors.New("mine")
	err := store.Update(context.Background(), "k", time.Now().Add(time.Hour), func([]byte) ([]byte, error) { return nil, mine })
	if !errors.Is(err, mine) || errors.As(err, new(*redis.UnavailableError)) {
		t.Errorf("the error is %v", err)
	}
}
