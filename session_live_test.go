package carafe_test

import (
	"bufio"
	"encoding/json"
	"html/template"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/signing"
)

// flask is a Flask app in a Python of its own.
type flask struct {
	t   *testing.T
	in  io.Writer
	out *bufio.Reader
}

// flaskQuestion is what it is asked; see testdata/live_flask.py.
type flaskQuestion struct {
	Key       string         `json:"key"`
	Fallbacks []string       `json:"fallbacks,omitempty"`
	Cookie    string         `json:"cookie,omitempty"`
	Now       int64          `json:"now,omitempty"`
	Set       map[string]any `json:"set,omitempty"`
	Flash     [][2]string    `json:"flash,omitempty"`
	Flashed   bool           `json:"flashed,omitempty"`
	Permanent *bool          `json:"permanent,omitempty"`
	Types     bool           `json:"types,omitempty"`
}

type flaskAnswer struct {
	Values    map[string]any
	Permanent bool
	Flashed   [][2]string
	Cookie    string
	Line      string
}

// startFlask reports false, and logs it, where there is no Python with Flask.
func startFlask(t *testing.T) (*flask, bool) {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Log("did not run: there is no python3")
		return nil, false
	}
	if out, err := exec.Command(python, "-c", "import flask").CombinedOutput(); err != nil {
		t.Logf("did not run: python3 has no Flask: %s", out)
		return nil, false
	}
	cmd := exec.Command(python, filepath.Join("testdata", "live_flask.py"))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		must(t, in.Close())
		must(t, cmd.Wait())
	})
	return &flask{t, in, bufio.NewReader(out)}, true
}

func (f *flask) ask(q flaskQuestion) (a flaskAnswer) {
	f.t.Helper()
	data, err := json.Marshal(q)
	must(f.t, err)
	_, err = f.in.Write(append(data, '\n'))
	must(f.t, err)
	line, err := f.out.ReadBytes('\n')
	must(f.t, err)
	must(f.t, json.Unmarshal(line, &a))
	return a
}

// carafeView runs a view on a session that came in a cookie; it gives the cookie that is sent.
func carafeView(t *testing.T, cookie string, set func(*carafe.App), view func(c *carafe.Context)) (value, line string) {
	t.Helper()
	app := carafe.New("live")
	set(app)
	app.Get("/", func(c *carafe.Context) string { view(c); return "ok" }, carafe.Endpoint("index"))
	r := httptest.NewRequest("GET", "/", nil)
	if cookie != "" {
		r.AddCookie(&http.Cookie{Name: "session", Value: cookie})
	}
	w := httptest.NewRecorder()
	app.ServeHTTP(w, r)
	if w.Code != 200 {
		t.Fatalf("Carafe answers %d %s", w.Code, w.Body)
	}
	line = w.Header().Get("Set-Cookie")
	value, _, _ = strings.Cut(strings.TrimPrefix(line, "session="), ";")
	return value, line
}

func keyed(key string, fallbacks ...carafe.Secret) func(*carafe.App) {
	return func(a *carafe.App) { a.Config.SecretKey, a.Config.SecretKeyFallbacks = carafe.Secret(key), fallbacks }
}

func TestFlaskAndCarafeShareSessionsLive(t *testing.T) {
	f, ok := startFlask(t)
	if !ok {
		return
	}
	yes := true
	a := f.ask(flaskQuestion{Key: "k", Set: map[string]any{"user": "ann", "n": 1}, Flash: [][2]string{{"info", "from Flask"}}, Permanent: &yes, Types: true})
	var flashes []carafe.FlashMessage
	cookie, line := carafeView(t, a.Cookie, keyed("k"), func(c *carafe.Context) {
		s := c.Session()
		want := map[string]any{
			"user": "ann", "n": 1, "_permanent": true, "tuple": signing.Tuple{1, signing.Tuple{2}}, "bytes": []byte{0xff}, "markup": template.HTML("<b>"),
			"uuid": uuid.UUID{15: 7}, "time": time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), "_flashes": []any{signing.Tuple{"info", "from Flask"}},
		}
		if got := s.Values(); !reflect.DeepEqual(got, want) || !s.Permanent() || s.Fresh() {
			t.Errorf("Carafe reads %#v, want %#v", got, want)
		}
		flashes = c.FlashedMessages()
		s.Set("n", s.Get("n").(int)+1)
		c.Flash("from Carafe", "ok")
	})
	if len(flashes) != 1 || flashes[0] != (carafe.FlashMessage{Category: "info", Message: "from Flask"}) {
		t.Errorf("Carafe shows %v", flashes)
	}
	back := f.ask(flaskQuestion{Key: "k", Cookie: cookie, Flashed: true})
	if back.Values["n"] != 2.0 || back.Values["user"] != "ann" || !back.Permanent || len(back.Flashed) != 1 || back.Flashed[0] != [2]string{"ok", "from Carafe"} {
		t.Errorf("Flask reads back %+v", back)
	}
	// Flask's own attributes, but for the value and the second it was written in.
	attributes := func(line string) (names []string) {
		for part := range strings.SplitSeq(line, "; ") {
			name, _, _ := strings.Cut(part, "=")
			names = append(names, name)
		}
		return names
	}
	if got, want := attributes(line), attributes(a.Line); !reflect.DeepEqual(got, want) {
		t.Errorf("Carafe's cookie has %q, Flask's %q", got, want)
	}
}

func TestKeysAreRotatedBetweenFlaskAndCarafeLive(t *testing.T) {
	f, ok := startFlask(t)
	if !ok {
		return
	}
	value := func(c *carafe.Context) any { return c.Session().Get("a") }
	old := f.ask(flaskQuestion{Key: "old", Set: map[string]any{"a": "1"}})
	cookie, _ := carafeView(t, old.Cookie, keyed("new", "old"), func(c *carafe.Context) {
		if got := value(c); got != "1" {
			t.Errorf("Carafe with the old key as a fallback reads %v", got)
		}
		c.Session().Set("a", "2")
	})
	if got := f.ask(flaskQuestion{Key: "new", Cookie: cookie}); got.Values["a"] != "2" {
		t.Errorf("Flask with the new key alone reads %v", got.Values)
	}
	if got := f.ask(flaskQuestion{Key: "old", Cookie: cookie}); len(got.Values) != 0 {
		t.Errorf("Flask with the old key alone reads %v", got.Values)
	}
	mine, _ := carafeView(t, "", keyed("old"), func(c *carafe.Context) { c.Session().Set("a", "3") })
	if got := f.ask(flaskQuestion{Key: "new", Fallbacks: []string{"older", "old"}, Cookie: mine}); got.Values["a"] != "3" {
		t.Errorf("Flask with the old key among its fallbacks reads %v", got.Values)
	}
}

func TestSessionsExpireBetweenFlaskAndCarafeLive(t *testing.T) {
	f, ok := startFlask(t)
	if !ok {
		return
	}
	start := time.Unix(1_700_000_000, 0)
	lifetime := 31 * 24 * time.Hour
	at := func(now time.Time) func(*carafe.App) {
		return func(a *carafe.App) {
			a.Config.SecretKey = "k"
			a.Clock = func() time.Time { return now }
		}
	}
	theirs := f.ask(flaskQuestion{Key: "k", Now: start.Unix(), Set: map[string]any{"a": "1"}})
	mine, _ := carafeView(t, "", at(start), func(c *carafe.Context) { c.Session().Set("a", "1") })
	if mine != theirs.Cookie {
		t.Errorf("Carafe writes %q, Flask %q", mine, theirs.Cookie)
	}
	for _, tt := range []struct {
		after time.Duration
		alive bool
	}{{0, true}, {lifetime, true}, {lifetime + time.Second, false}, {-time.Second, false}} {
		now := start.Add(tt.after)
		if got := f.ask(flaskQuestion{Key: "k", Now: now.Unix(), Cookie: mine}); (got.Values["a"] == "1") != tt.alive {
			t.Errorf("after %v Flask reads %v", tt.after, got.Values)
		}
		carafeView(t, theirs.Cookie, at(now), func(c *carafe.Context) {
			if got := c.Session().Get("a"); (got == "1") != tt.alive {
				t.Errorf("after %v Carafe reads %v", tt.after, got)
			}
		})
	}
}
