package carafe_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/blueprints"
	"github.com/carafeweb/carafe/signing"
	carafetest "github.com/carafeweb/carafe/testing"
)

// What is set up is refused once the app serves, and what may change is locked, whatever the number of requests meanwhile.
func TestHostileSetupWhileServing(t *testing.T) { // LIFE-23
	app := quiet()
	app.Config.SecretKey = "key"
	app.Get("/", func(c *carafe.Context) string {
		c.G().Set("x", 1)
		c.Session().Set("x", 1)
		_ = c.App().Config.Get("MY_SETTING")
		return c.URLFor("index")
	}, carafe.Endpoint("index"))
	client := carafetest.NewClient(t, app)
	if code := client.Get("/").StatusCode; code != 200 {
		t.Fatalf("the first request: %d", code)
	}
	setup := map[string]func(){
		"Route":              func() { app.Get("/late", fine, carafe.Endpoint("late")) },
		"BeforeRequest":      func() { app.BeforeRequest(func(*carafe.Context) (any, error) { return nil, nil }) },
		"TeardownAppContext": func() { app.TeardownAppContext(func(*carafe.AppContext, error) {}) },
		"ErrorHandler": func() {
			app.ErrorHandler(404, func(*carafe.Context, *carafe.HTTPError) (any, error) { return "", nil })
		},
		"OnError":           func() { carafe.OnError(app, func(*carafe.Context, error) (any, error) { return "", nil }) },
		"RegisterBlueprint": func() { app.RegisterBlueprint(blueprints.New("late")) },
		"Use":               func() { app.Use(func(next http.Handler) http.Handler { return next }) },
		"Mount":             func() { app.Mount("/m", http.NotFoundHandler()) },
		"TemplateGlobal":    func() { app.TemplateGlobal("late", 1) },
		"TemplateFilter":    func() { app.TemplateFilter("late", strings.ToUpper) },
		"Converter":         func() { app.Converter("late", hostileRegex) },
		"Command":           func() { app.Command("late", fineCommand) },
		"Guard":             func() { app.Guard(carafe.Guard{}) },
	}
	settings := map[string]func() error{
		"Set":        func() error { return app.Config.Set("MY_SETTING", 1) },
		"Set, known": func() error { return app.Config.Set("DEBUG", true) },
		"FromMap":    func() error { return app.Config.FromMap(map[string]any{"MY_SETTING": 1}) },
		"FromStruct": func() error { return app.Config.FromStruct(struct{ MySetting int }{1}) },
		"FromEnv":    func() error { return app.Config.FromEnv("") },
	}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 200 {
				w := httptest.NewRecorder()
				app.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
				if w.Code != 200 || w.Body.String() != "/" {
					t.Errorf("a request meanwhile is answered with %d %q", w.Code, w.Body)
				}
			}
		})
		group.Go(func() {
			for range 200 {
				app.Signals.RequestStarted.Connect(func(context.Context, *carafe.Context) {})()
			}
		})
		group.Go(func() {
			for name, late := range setup {
				wantRefusal(t, name, late)
			}
			for name, set := range settings {
				if err := set(); err == nil || !strings.Contains(err.Error(), "first request") {
					t.Errorf("Config.%s is taken while the app serves: %v", name, err)
				}
			}
		})
	}
	group.Wait()
	if app.Config.Debug || app.Config.Get("MY_SETTING") != nil {
		t.Errorf("a setting has changed: Debug %v, MY_SETTING %v", app.Config.Debug, app.Config.Get("MY_SETTING"))
	}
	copied := app.Config
	if err := copied.Set("MY_SETTING", 1); err != nil || app.Config.Get("MY_SETTING") != nil {
		t.Errorf("a copy for another app: %v", err)
	}
}

func fineCommand(*carafe.AppContext, []string, io.Writer) error { return nil }

// wantRefusal wants a panic that says that set-up is over.
func wantRefusal(t *testing.T, name string, late func()) {
	defer func() {
		if err, ok := recover().(*carafe.SetupError); !ok || !strings.Contains(err.Error(), "can no longer be called") {
			t.Errorf("%s is taken while the app serves: %v", name, err)
		}
	}()
	late()
}

// hostileRandom are what is made of random numbers, by what it is for.
var hostileRandom = map[string]func() (string, error){
	"the id of a session on the server": func() (string, error) {
		app := quiet()
		app.Sessions = &carafe.ServerSessions{Store: &carafe.MemoryStore{}}
		app.Get("/", func(c *carafe.Context) string { c.Session().Set("x", 1); return "" }, carafe.Endpoint("index"))
		w := httptest.NewRecorder()
		app.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		return w.Header().Get("Set-Cookie"), nil
	},
	"the secret of a CSRF token": func() (string, error) {
		app := quiet()
		app.Config.SecretKey = "key"
		app.Get("/", func(c *carafe.Context) string { return c.CSRFToken() }, carafe.Endpoint("index"))
		w := httptest.NewRecorder()
		app.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if w.Code != 200 {
			return "", fmt.Errorf("status %d", w.Code)
		}
		return w.Body.String(), nil
	},
	"the id of a request": func() (string, error) {
		app := quiet()
		app.Get("/", func(c *carafe.Context) string { return c.RequestID() }, carafe.Endpoint("index"))
		w := httptest.NewRecorder()
		app.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if w.Code != 200 {
			return "", fmt.Errorf("status %d", w.Code)
		}
		return w.Body.String(), nil
	},
	"the salt of a password": func() (string, error) {
		return signing.GeneratePasswordHash("password", signing.PasswordOptions{Method: "pbkdf2:sha256:1"})
	},
	"the boundary of several ranges": func() (string, error) {
		app := quiet()
		app.Get("/", func() any { return carafe.SendFile("LICENSE") }, carafe.Endpoint("index"))
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Range", "bytes=0-1,5-6")
		app.ServeHTTP(w, r)
		return w.Header().Get("Content-Type"), nil
	},
}

type failingRandom struct{}

func (failingRandom) Read([]byte) (int, error) { return 0, errors.New("no randomness today") }

const randomEnv = "CARAFE_TEST_FAILING_RANDOM"

// When random numbers fail, nothing is made of what is there instead: the request fails, or the program ends, as crypto/rand has it.
func TestHostileRandomnessThatFails(t *testing.T) { // LIFE-24
	if what := os.Getenv(randomEnv); what != "" { // the child
		rand.Reader = failingRandom{}
		uuid.SetRand(failingRandom{})
		made, err := hostileRandom[what]()
		if err != nil {
			fmt.Println("FAILED:", err)
			return
		}
		fmt.Println("MADE:", made)
		return
	}
	for what, make := range hostileRandom {
		t.Run(what, func(t *testing.T) {
			first, err := make()
			must(t, err)
			second, err := make()
			must(t, err)
			if first == "" || first == second {
				t.Errorf("two in a row are %q and %q", first, second)
			}
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHostileRandomnessThatFails$")
			cmd.Env = append(os.Environ(), randomEnv+"="+what)
			out, err := cmd.CombinedOutput()
			dead := err != nil && bytes.Contains(out, []byte("crypto/rand: failed to read random data"))
			if bytes.Contains(out, []byte("MADE:")) || !dead && !bytes.Contains(out, []byte("FAILED:")) {
				t.Errorf("without randomness: %v\n%s", err, out)
			}
		})
	}
}

// Who tries names and passwords learns neither by the answer nor by the work whether there is such an account.
func TestHostileLogins(t *testing.T) { // LIFE-27
	hash, err := signing.GeneratePasswordHash("right", signing.PasswordOptions{})
	must(t, err)
	users := map[string]string{"ann": hash}
	app := quiet()
	app.Get("/", func(c *carafe.Context) (string, error) {
		a, _ := c.Request.Authorization()
		if ok, err := signing.CheckPasswordHash(users[a.Username()], a.Password()); !ok || err != nil {
			return "", carafe.Unauthorized(carafe.Challenge{Scheme: "Basic", Params: [][2]string{{"realm", "site"}}})
		}
		return "welcome", nil
	}, carafe.Endpoint("index"))
	client := carafetest.NewClient(t, app)
	ask := func(user, password string) (answer string, work uint64) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		resp := client.Get("/", carafetest.BasicAuth(user, password))
		runtime.ReadMemStats(&after)
		return fmt.Sprint(resp.StatusCode, resp.Header, resp.Text()), after.TotalAlloc - before.TotalAlloc
	}
	if got, _ := ask("ann", "right"); !strings.HasSuffix(got, "welcome") {
		t.Fatalf("the right password: %s", got)
	}
	wrong, work := ask("ann", "wrong")
	for _, user := range []string{"bob", "", "ann ", "Ann"} {
		got, cost := ask(user, "wrong")
		if got != wrong || !strings.HasPrefix(got, "401") {
			t.Errorf("the user %q is told %s, and ann %s", user, got, wrong)
		}
		if cost < work/2 || cost > work*2 { // scrypt is 32 MiB of memory, which no machine is faster at because it is not busy
			t.Errorf("a password of the unknown user %q takes %d bytes of work, one of ann's %d", user, cost, work)
		}
	}
}

// Cookies that Flask has signed are what package signing reads of them, also in a session; and what the session writes opens again.
func TestHostileSessionsOfFlask(t *testing.T) { // SESS-44
	tried := 0
	for _, c := range readOracle[cookieCase](t, "cookies") {
		cookie := cmp.Or(c.Cookie, c.Expect.Cookie)
		key, ok := c.SecretKey.(string)
		seconds, err := strconv.ParseFloat(string(c.Now), 64)
		if !ok || err != nil || c.Kind != "open" && c.Kind != "sign" {
			continue
		}
		now := time.Unix(int64(seconds), 0)
		session := signing.NewSession(signing.Options{Keys: signing.Keys{[]byte(key)}})
		want, _, err := session.Load(cookie, carafe.DefaultConfig().PermanentSessionLifetime, now)
		values, isMap := want.(map[string]any)
		if err != nil || !isMap || len(values) == 0 {
			continue // TestOracleCookies has what does not open
		}
		tried++
		got, written := flaskSession(t, cookie, key, now)
		if !reflect.DeepEqual(got, values) && fmt.Sprint(got) != fmt.Sprint(values) { // NaN is not itself
			t.Errorf("%s: the session has %v, want %v", c.ID, got, values)
		}
		again, _, err := session.Load(written, time.Hour, now)
		if m, ok := again.(map[string]any); err != nil || !ok || m["seen"] != true || len(m) != len(values)+1 {
			t.Errorf("%s: what is written opens as %v, %v", c.ID, again, err)
		}
	}
	if tried < 50 {
		t.Errorf("%d sessions of Flask were tried, want more", tried)
	}
	now := time.Unix(1_750_000_000, 0)
	plain := func(text string) string {
		s, err := signing.NewSession(signing.Options{Keys: signing.Keys{[]byte("key")}, Codec: hostileText(text)}).Dump(nil, now)
		must(t, err)
		return s
	}
	if got, _ := flaskSession(t, plain(`{"x":{" os":"system"}}`), "key", now); !reflect.DeepEqual(got, map[string]any{"x": map[string]any{" os": "system"}}) {
		t.Errorf("a tag that nobody knows is read as %#v, want what it is", got)
	}
	for _, depth := range []int{signing.MaxDepth, 1 << 16} {
		if got, _ := flaskSession(t, plain(`{"x":`+strings.Repeat("[", depth)+strings.Repeat("]", depth)+"}"), "key", now); len(got) != 0 {
			t.Errorf("a session %d deep is read", depth)
		}
	}
}

// flaskSession is what an app reads of a session cookie, and the cookie that it answers with.
func flaskSession(t *testing.T, cookie, key string, now time.Time) (values map[string]any, set string) {
	t.Helper()
	app := quiet()
	app.Config.SecretKey, app.Config.MaxCookieSize = carafe.Secret(key), 0
	app.Clock = func() time.Time { return now }
	app.Get("/", func(c *carafe.Context) string {
		values = maps.Clone(c.Session().Values())
		c.Session().Set("seen", true)
		return ""
	}, carafe.Endpoint("index"))
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Cookie", "session="+cookie)
	app.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		set = c.Value
	}
	return values, set
}

// hostileText is a codec that writes one text, whatever it is given.
type hostileText string

func (h hostileText) Append(b []byte, _ any) ([]byte, error) { return append(b, h...), nil }
func (h hostileText) Decode([]byte) (any, error)             { return nil, errors.New("it is for writing") }
