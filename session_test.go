package carafe_test

import (
	"errors"
	"html/template"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/signing"
)

// visitor is a browser as small as one can be: it keeps cookies.
type visitor struct {
	t   *testing.T
	app *carafe.App
	jar *cookiejar.Jar
}

var visitedSite = &url.URL{Scheme: "http", Host: "example.com", Path: "/"}

func visit(t *testing.T, app *carafe.App) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	must(t, err)
	return &visitor{t, app, jar}
}

func (v *visitor) do(r *http.Request) *httptest.ResponseRecorder {
	for _, c := range v.jar.Cookies(r.URL) {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	v.app.ServeHTTP(w, r)
	v.jar.SetCookies(r.URL, w.Result().Cookies())
	return w
}

func (v *visitor) get(path string) *httptest.ResponseRecorder {
	return v.do(httptest.NewRequest("GET", "http://example.com"+path, nil))
}

// want gets a path and compares the body.
func (v *visitor) want(path, body string) *httptest.ResponseRecorder {
	v.t.Helper()
	w := v.get(path)
	if got := w.Body.String(); got != body {
		v.t.Errorf("GET %s: %d %q, want %q", path, w.Code, got, body)
	}
	return w
}

// sessionApp has views that do to the session what the query says.
func sessionApp(t *testing.T) *carafe.App {
	t.Helper()
	app := carafe.New("sessions")
	app.Logger = slog.New(slog.DiscardHandler)
	app.Config.SecretKey = "testing key"
	app.Get("/set", func(c *carafe.Context) string {
		for name, values := range c.Request.Args().Map() {
			c.Session().Set(name, values[0])
		}
		return "set"
	}, carafe.Endpoint("set"))
	app.Get("/get/<name>", func(c *carafe.Context, name string) string {
		s, _ := c.Session().Get(name).(string)
		return s
	}, carafe.Endpoint("get"))
	app.Get("/permanent", func(c *carafe.Context) string {
		c.Session().SetPermanent(true)
		return "permanent"
	}, carafe.Endpoint("permanent"))
	app.Get("/clear", func(c *carafe.Context) string { c.Session().Clear(); return "clear" }, carafe.Endpoint("clear"))
	app.Get("/regenerate", func(c *carafe.Context) string { c.Session().Regenerate(); return "new" }, carafe.Endpoint("regenerate"))
	app.Get("/untouched", func() string { return "untouched" }, carafe.Endpoint("untouched"))
	return app
}

func TestSessionIsOpenedOnlyWhenItIsAskedFor(t *testing.T) {
	app := sessionApp(t)
	for _, tt := range []struct {
		name                        string
		touch                       func(s *carafe.Session)
		accessed, modified, hasVary bool
	}{
		{"nothing", nil, false, false, false},
		{"reading", func(s *carafe.Session) { s.Get("x") }, true, false, true},
		{"membership", func(s *carafe.Session) { s.Has("x") }, true, false, true},
		{"length", func(s *carafe.Session) { s.Len() }, true, false, true},
		{"set-default", func(s *carafe.Session) { s.SetDefault("x", 1) }, true, true, true},
		{"clearing", func(s *carafe.Session) { s.Clear() }, true, true, true},
		{"writing", func(s *carafe.Session) { s.Set("x", 1) }, true, true, true},
		{"popping what is not there", func(s *carafe.Session) { s.Pop("y") }, true, false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			app := sessionApp(t)
			var session *carafe.Session
			app.Get("/", func(c *carafe.Context) string {
				if tt.touch != nil {
					session = c.Session()
					tt.touch(session)
				}
				return ""
			}, carafe.Endpoint("index"))
			w := visit(t, app).get("/")
			if got := w.Header()["Vary"]; (len(got) == 1 && got[0] == "Cookie") != tt.hasVary || len(got) > 1 {
				t.Errorf("Vary is %q", got)
			}
			if session != nil && (session.Accessed() != tt.accessed || session.Modified() != tt.modified) {
				t.Errorf("accessed %v, modified %v, want %v and %v", session.Accessed(), session.Modified(), tt.accessed, tt.modified)
			}
		})
	}
	v := visit(t, app)
	v.want("/set?a=1", "set")
	v.want("/get/a", "1")
}

func TestVaryOfTheViewIsKept(t *testing.T) {
	app := sessionApp(t)
	app.Get("/", func(c *carafe.Context) *carafe.Response {
		c.Session().Get("x")
		resp := carafe.Text("")
		resp.Vary("Accept-Encoding", "Accept-Language")
		return resp
	}, carafe.Endpoint("index"))
	if got := visit(t, app).get("/").Header()["Vary"]; !reflect.DeepEqual(got, []string{"Accept-Encoding, Accept-Language, Cookie"}) {
		t.Errorf("Vary is %q", got)
	}
}

func TestSessionCookieIsLaxByDefault(t *testing.T) {
	w := visit(t, sessionApp(t)).get("/set?a=1")
	if line := w.Header().Get("Set-Cookie"); !strings.HasSuffix(line, "; HttpOnly; Path=/; SameSite=Lax") {
		t.Errorf("Set-Cookie is %q", line)
	}
}

func TestSessionCookieHasTheConfigsAttributes(t *testing.T) {
	for _, tt := range []struct {
		name   string
		config map[string]any
		set    string
		clear  string
	}{
		{"the application's root is the path", map[string]any{"APPLICATION_ROOT": "/foo"}, "HttpOnly; Path=/foo; SameSite=Lax", "HttpOnly; Path=/foo; SameSite=Lax"},
		{"the path is the setting's", map[string]any{"APPLICATION_ROOT": "/foo", "SESSION_COOKIE_PATH": "/bar"}, "HttpOnly; Path=/bar; SameSite=Lax", "HttpOnly; Path=/bar; SameSite=Lax"},
		{
			"all of them, also when it is deleted",
			map[string]any{
				"SESSION_COOKIE_DOMAIN": ".example.com", "SESSION_COOKIE_HTTPONLY": false, "SESSION_COOKIE_SECURE": true,
				"SESSION_COOKIE_PARTITIONED": true, "SESSION_COOKIE_SAMESITE": "Lax", "SESSION_COOKIE_PATH": "/",
			},
			"Domain=example.com; Secure; Path=/; SameSite=Lax; Partitioned", "Domain=example.com; Secure; Path=/; SameSite=Lax; Partitioned",
		},
		{"None leaves SameSite out", map[string]any{"SESSION_COOKIE_SAMESITE": nil}, "HttpOnly; Path=/", "HttpOnly; Path=/"},
		{"SameSite strict", map[string]any{"SESSION_COOKIE_SAMESITE": "strict"}, "HttpOnly; Path=/; SameSite=Strict", "HttpOnly; Path=/; SameSite=Strict"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			app := sessionApp(t)
			must(t, app.Config.FromMap(tt.config))
			set := visit(t, app).get("/set?a=1").Header().Get("Set-Cookie")
			if _, got, _ := strings.Cut(set, "; "); got != tt.set {
				t.Errorf("setting: %q, want %q", got, tt.set)
			}
			gone := visit(t, app).get("/clear").Header().Get("Set-Cookie")
			want := "session=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; " + tt.clear
			if domain, rest, ok := strings.Cut(tt.clear, "; "); ok && strings.HasPrefix(domain, "Domain=") {
				want = "session=; " + domain + "; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; " + rest
			}
			if gone != want {
				t.Errorf("deleting: %q, want %q", gone, want)
			}
		})
	}
}

func TestWithoutASecretKeyTheSessionCanOnlyBeRead(t *testing.T) {
	app := sessionApp(t)
	app.Config.SecretKey = ""
	app.Config.SecretKeyFallbacks = []carafe.Secret{"old"} // do not make up for it
	var panicked any
	app.Get("/try/<how>", func(c *carafe.Context, how string) string {
		defer func() { panicked = recover() }()
		s := c.Session()
		if v := s.Get("missing"); v != nil || s.Len() != 0 || !s.Null() {
			t.Errorf("a null session has %v, length %d, Null %v", v, s.Len(), s.Null())
		}
		map[string]func(){
			"read": func() {}, "set": func() { s.Set("a", 1) }, "pop": func() { s.Pop("a") }, "clear": s.Clear, "permanent": func() { s.SetPermanent(true) },
			"update": func() { s.Update(nil) }, "delete": func() { s.Delete("a") }, "regenerate": s.Regenerate, "default": func() { s.SetDefault("a", 1) },
			"flash": func() { c.Flash("x") }, "token": func() { c.CSRFToken() },
		}[how]()
		return ""
	}, carafe.Endpoint("try"))
	for _, how := range []string{"set", "pop", "clear", "permanent", "update", "delete", "regenerate", "default", "flash", "token"} {
		w := visit(t, app).get("/try/" + how)
		err, _ := panicked.(error)
		if !errors.Is(err, carafe.ErrNoSession) || !strings.Contains(err.Error(), "session is unavailable") || !strings.Contains(err.Error(), "Config.SecretKey") {
			t.Errorf("%s: panicked with %v, want ErrNoSession", how, panicked)
		}
		if w.Header().Get("Set-Cookie") != "" {
			t.Errorf("%s: a null session was saved", how)
		}
	}
	if visit(t, app).get("/try/read"); panicked != nil {
		t.Errorf("reading panicked with %v", panicked)
	}
}

func TestKeysAreRotated(t *testing.T) {
	app := sessionApp(t)
	app.Config.SecretKey = "0 key"
	v := visit(t, app)
	v.want("/set?a=1", "set")
	app.Config.SecretKey, app.Config.SecretKeyFallbacks = "+1 key", []carafe.Secret{"0 key"}
	v.want("/get/a", "1")
	v.want("/set?b=2", "set") // signs with the current key
	app.Config.SecretKeyFallbacks = nil
	v.want("/get/a", "1")
	app.Config.SecretKey = "0 key"
	v.want("/get/a", "")
}

func TestPermanentSessionsExpire(t *testing.T) {
	app := sessionApp(t)
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	app.Clock = func() time.Time { return now }
	v := visit(t, app)
	if line := v.get("/permanent").Header().Get("Set-Cookie"); !strings.Contains(line, "; Expires=Sun, 01 Feb 2026 00:00:00 GMT;") {
		t.Errorf("a permanent session's cookie is %q", line)
	}
	app = sessionApp(t)
	app.Clock = func() time.Time { return now }
	v = visit(t, app)
	if line := v.get("/set?a=1").Header().Get("Set-Cookie"); strings.Contains(line, "Expires") {
		t.Errorf("another session's cookie is %q", line)
	}
	now = now.Add(31 * 24 * time.Hour)
	v.want("/get/a", "1") // an age equal to the lifetime is good
	now = now.Add(time.Second)
	v.want("/get/a", "")
	now = now.Add(-31*24*time.Hour - 2*time.Second)
	v.want("/get/a", "") // dated in the future
}

func TestPermanentSessionsAreRefreshed(t *testing.T) {
	for _, tt := range []struct {
		permanent, refresh, want bool
	}{{true, true, true}, {true, false, false}, {false, true, false}, {false, false, false}} {
		app := sessionApp(t)
		app.Config.SessionRefreshEachRequest = tt.refresh
		v := visit(t, app)
		v.want("/set?a=1", "set")
		if tt.permanent {
			v.want("/permanent", "permanent")
		}
		for _, path := range []string{"/get/a", "/untouched"} {
			w := v.get(path)
			if got := w.Header().Get("Set-Cookie") != ""; got != tt.want {
				t.Errorf("permanent %v, refresh %v: GET %s sends a cookie: %v", tt.permanent, tt.refresh, path, got)
			}
			if vary := w.Header().Get("Vary"); tt.want && vary != "Cookie" {
				t.Errorf("permanent %v, refresh %v: GET %s has Vary %q", tt.permanent, tt.refresh, path, vary)
			}
		}
	}
}

func TestSessionIsSavedAfterTheAfterFunctions(t *testing.T) {
	app := sessionApp(t)
	app.AfterRequest(func(c *carafe.Context, resp *carafe.Response) (*carafe.Response, error) {
		c.Session().Set("foo", "42")
		return resp, nil
	})
	v := visit(t, app)
	v.want("/get/foo", "")
	v.want("/get/foo", "42")
}

func TestSessionKeepsTypes(t *testing.T) {
	id := uuid.MustParse("6d2a9b9e-5a5c-4d1c-9f0f-0d0b3a1b2c3d")
	values := map[string]any{
		"tuple": signing.Tuple{1, 2}, "bytes": []byte{0xff}, "markup": template.HTML("<b>"), "uuid": id, "int": 7, "float": 1.5, "none": nil,
		"time": time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), "list": []any{1, "x"}, "tag t": map[string]any{" t": "not a tuple"},
		"tag t__": map[string]any{" t__": "not a tuple"}, "tag di": map[string]any{" di": "not a dict"},
	}
	app := sessionApp(t)
	app.Get("/keep", func(c *carafe.Context) string { c.Session().Update(values); return "" }, carafe.Endpoint("keep"))
	var back map[string]any
	app.Get("/back", func(c *carafe.Context) string { back = c.Session().Values(); return "" }, carafe.Endpoint("back"))
	v := visit(t, app)
	v.get("/keep")
	v.get("/back")
	if !reflect.DeepEqual(back, values) {
		t.Errorf("came back as %#v", back)
	}
}

// urlSessions is a SessionInterface of a user's own, which sees what the URL matched.
type urlSessions struct {
	endpoint string
	session  *carafe.Session
	err      error
}

func (u *urlSessions) Open(c *carafe.Context) (*carafe.Session, error) {
	u.endpoint = c.Endpoint() + c.Param("name") + c.Params()["name"].(string)
	return u.session, u.err
}

func (u *urlSessions) Save(_ *carafe.Context, s *carafe.Session, resp *carafe.Response) error {
	resp.Header.Set("X-Saved", strings.Join(s.Keys(), ","))
	return nil
}

func TestASessionInterfaceSeesTheEndpoint(t *testing.T) {
	app := sessionApp(t)
	sessions := &urlSessions{}
	app.Sessions = sessions
	w := visit(t, app).want("/get/x", "")
	if w.Code != 200 || sessions.endpoint != "getxx" || w.Header().Get("X-Saved") != "" {
		t.Errorf("status %d, endpoint %q, saved %q: a session that is not there is a null session", w.Code, sessions.endpoint, w.Header().Get("X-Saved"))
	}
	sessions.session = carafe.NewSession(map[string]any{"x": "found"}, false)
	if w := visit(t, app).want("/get/x", "found"); w.Header().Get("X-Saved") != "x" {
		t.Errorf("saved %q", w.Header().Get("X-Saved"))
	}
}

func TestASessionThatCannotBeOpenedIsAnErrorOfThoseWhoAskForIt(t *testing.T) {
	app := sessionApp(t)
	gone := errors.New("the store is gone")
	app.Sessions = &urlSessions{err: gone}
	var ended error
	app.TeardownRequest(func(_ *carafe.Context, err error) { ended = err })
	w := visit(t, app).get("/get/x")
	if w.Code != 500 || !errors.Is(ended, gone) {
		t.Errorf("status %d, ended with %v", w.Code, ended)
	}
	if w := visit(t, app).get("/untouched"); w.Code != 200 {
		t.Errorf("a page that does not use the session has status %d", w.Code)
	}
}

func TestASessionThatCannotBeSavedLosesNothingElse(t *testing.T) {
	app := sessionApp(t)
	var log strings.Builder
	app.Logger = slog.New(slog.NewTextHandler(&log, nil))
	app.Get("/bad", func(c *carafe.Context) string {
		c.Session().Set("cart", []any{1, make(chan int)})
		return "saved"
	}, carafe.Endpoint("bad"))
	finished := 0
	app.AfterRequest(func(_ *carafe.Context, resp *carafe.Response) (*carafe.Response, error) {
		resp.Header.Set("X-After", "kept")
		finished++
		return resp, nil
	})
	w := visit(t, app).get("/bad")
	if w.Code != 500 || w.Header().Get("X-After") != "kept" || w.Header().Get("Set-Cookie") != "" {
		t.Errorf("status %d, headers %v: want a 500 that has all but the session", w.Code, w.Header())
	}
	if !strings.Contains(log.String(), `[\"cart\"][1]`) || strings.Count(log.String(), "\n") != 1 {
		t.Errorf("the log is %s, want one line that names the key", log.String())
	}
}

func TestLargeCookiesAreWarnedOf(t *testing.T) {
	for _, tt := range []struct{ limit, warnings int }{{4093, 0}, {100, 1}, {0, 0}} {
		app := sessionApp(t)
		var log strings.Builder
		app.Logger = slog.New(slog.NewTextHandler(&log, nil))
		app.Config.MaxCookieSize = tt.limit
		app.Get("/cookie", func() (*carafe.Response, error) {
			resp := carafe.Text("")
			return resp, resp.SetCookie(&http.Cookie{Name: "foo", Value: strings.Repeat("x", 200)})
		}, carafe.Endpoint("cookie"))
		w := visit(t, app).get("/cookie")
		if w.Header().Get("Set-Cookie") == "" {
			t.Errorf("limit %d: the cookie was not sent", tt.limit)
		}
		if n := strings.Count(log.String(), "cookie is too large"); n != tt.warnings {
			t.Errorf("limit %d: %d warnings, want %d: %s", tt.limit, n, tt.warnings, log.String())
		}
	}
}

func TestCookiesFromOutsideNeverFail(t *testing.T) {
	app := sessionApp(t)
	v := visit(t, app)
	v.get("/set?user=alice")
	good := v.jar.Cookies(visitedSite)[0].Value
	other := signing.NewSession(signing.Options{Keys: signing.Keys{[]byte("testing key")}, Salt: "another"})
	salted, err := other.Dump(map[string]any{"user": "alice"}, time.Now())
	must(t, err)
	list, err := signing.NewSession(signing.Options{Keys: signing.Keys{[]byte("testing key")}}).Dump([]any{"alice"}, time.Now())
	must(t, err)
	future, err := signing.NewSession(signing.Options{Keys: signing.Keys{[]byte("testing key")}}).Dump(map[string]any{"user": "alice"}, time.Now().Add(time.Hour))
	must(t, err)
	bomb, err := signing.NewSession(signing.Options{Keys: signing.Keys{[]byte("testing key")}, MaxPayload: 64 << 20}).Dump(map[string]any{"user": strings.Repeat("a", 32<<20)}, time.Now())
	must(t, err)
	for name, cookie := range map[string]string{
		"empty": "", "cut": good[:len(good)/2], "longer": good + "x", "without a signature": good[:strings.LastIndexByte(good, '.')],
		"another payload": "eyJ1c2VyIjoiYWRtaW4ifQ" + good[strings.IndexByte(good, '.'):], "dots": strings.Repeat(".", 4000),
		"large": strings.Repeat("a", 60000), "another salt": salted, "no map": list, "the future": future, "a zip bomb, rightly signed": bomb,
		"junk": "\xff\xfe\x80", "percent": "W10.%00.x",
	} {
		r := httptest.NewRequest("GET", "/get/user", nil)
		r.Header["Cookie"] = []string{"session=" + cookie}
		w := httptest.NewRecorder()
		app.ServeHTTP(w, r)
		if w.Code != 200 || w.Body.String() != "" {
			t.Errorf("a cookie that is %s: %d %q, want an empty session", name, w.Code, w.Body)
		}
	}
	v.want("/get/user", "alice")
}

func TestCookieSessionAllocations(t *testing.T) {
	app := sessionApp(t)
	app.Get("/count", func(c *carafe.Context) string {
		n, _ := c.Session().Get("n").(int)
		c.Session().Set("n", n+1)
		return "ok"
	}, carafe.Endpoint("count"))
	v := visit(t, app)
	v.get("/count")
	r := httptest.NewRequest("GET", "/count", nil)
	r.AddCookie(v.jar.Cookies(visitedSite)[0])
	w := &nullWriter{http.Header{}}
	n := testing.AllocsPerRun(200, func() {
		clear(w.h)
		app.ServeHTTP(w, r)
	})
	if n > 40 { // 22 without the race detector, under which pools forget
		t.Errorf("reading and writing a session allocates %v times a request, want 40 at most", n)
	}
	t.Logf("%v allocations", n)
}

type nullWriter struct{ h http.Header }

func (n *nullWriter) Header() http.Header                 { return n.h }
func (n *nullWriter) Write(p []byte) (int, error)         { return len(p), nil }
func (n *nullWriter) WriteString(s string) (int, error)   { return len(s), nil }
func (n *nullWriter) WriteHeader(int)                     {}
func (n *nullWriter) ReadFrom(r io.Reader) (int64, error) { return io.Copy(io.Discard, r) }

func TestASessionInterfaceMayChooseTheCookiesName(t *testing.T) {
	app := sessionApp(t)
	app.Sessions = carafe.CookieSessions{Name: func(c *carafe.Context) string {
		if strings.HasPrefix(c.Request.URL.Path, "/set") || c.Query("part") == "a" {
			return "a"
		}
		return "b"
	}}
	app.Get("/other", func(c *carafe.Context) string { c.Session().Set("n", "616"); return "" }, carafe.Endpoint("other"))
	v := visit(t, app)
	v.get("/set?n=42")
	v.get("/other")
	v.want("/get/n?part=a", "42")
	v.want("/get/n", "616")
}

// dish is a type of a user's own in a session.
type dish struct{ name string }

func TestSessionsKeepTypesOfTheUsersOwn(t *testing.T) {
	app := sessionApp(t)
	app.Sessions = carafe.CookieSessions{Signing: &signing.Options{Codec: signing.TaggedJSON{Tags: []signing.Tag{{
		Key:    " f",
		Encode: func(v any) (any, bool) { d, ok := v.(dish); return d.name, ok },
		Decode: func(v any) (any, error) { return dish{v.(string)}, nil },
	}}}}}
	app.Get("/eat", func(c *carafe.Context) string { c.Session().Set("dish", dish{"bar"}); return "" }, carafe.Endpoint("eat"))
	app.Get("/eaten", func(c *carafe.Context) string { return c.Session().Get("dish").(dish).name }, carafe.Endpoint("eaten"))
	v := visit(t, app)
	v.get("/eat")
	v.want("/eaten", "bar")

	app = carafe.New("clash")
	clash := signing.Tag{Key: " d", Encode: func(any) (any, bool) { return nil, false }, Decode: func(v any) (any, error) { return v, nil }}
	app.Sessions = carafe.CookieSessions{Signing: &signing.Options{Codec: signing.TaggedJSON{Tags: []signing.Tag{clash}}}}
	if err := app.Freeze(); err == nil || !strings.Contains(err.Error(), `" d"`) {
		t.Errorf("a tag that is taken gives the fault %v", err)
	}
}

func TestAnAppBelowAPrefixHasItsOwnCookiePath(t *testing.T) {
	app := sessionApp(t)
	app.Config.ApplicationRoot = "/bar"
	w := httptest.NewRecorder()
	http.StripPrefix("/bar", app).ServeHTTP(w, httptest.NewRequest("GET", "/bar/set?a=1", nil))
	if line := w.Header().Get("Set-Cookie"); !strings.Contains(line, "; Path=/bar;") {
		t.Errorf("Set-Cookie is %q", line)
	}
}

func TestACopiedContextHasTheSameSession(t *testing.T) {
	app := sessionApp(t)
	app.Get("/", func(c *carafe.Context) string {
		c.Session().Set("a", "1")
		if got := c.Copy().Session().Get("a"); got != "1" {
			t.Errorf("the copy's session has %v", got)
		}
		return ""
	}, carafe.Endpoint("index"))
	visit(t, app).get("/")
}

func TestCookiesOfAResponse(t *testing.T) {
	resp := carafe.Text("")
	must(t, resp.SetCookie(&http.Cookie{Name: "a", Value: "x y"}))
	must(t, resp.DeleteCookie(&http.Cookie{Name: "b", Path: "/admin", Value: "gone"}))
	want := []string{`a="x y"; Path=/`, "b=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/admin"}
	if got := resp.Header["Set-Cookie"]; !reflect.DeepEqual(got, want) {
		t.Errorf("Set-Cookie %q, want %q", got, want)
	}
	for _, c := range []*http.Cookie{
		{Name: "a b"}, {Name: ""}, {Name: "a\r\nb"}, {Name: "a", Domain: "x; Max-Age=9"}, {Name: "a", SameSite: 99},
		{Name: "__Host-a", Domain: "example.com"}, {Name: "__Host-a", Path: "/x"},
	} {
		if err := resp.SetCookie(c); err == nil || len(resp.Header["Set-Cookie"]) != 2 {
			t.Errorf("the cookie %+v was taken: %v", c, resp.Header["Set-Cookie"])
		}
	}
	must(t, resp.SetCookie(&http.Cookie{Name: "c", Value: "v", Path: "/; Domain=evil.test"}))
	if got := resp.Header["Set-Cookie"][2]; got != "c=v; Path=/%3B%20Domain=evil.test" {
		t.Errorf("Set-Cookie %q", got)
	}
}
