package main

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/gateway/middleware"
)

// sends a form to a path as it stands on the wire, from an address.
func (b *blogUnderTest) sends(app http.Handler, method, path, from string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/", strings.NewReader("username=test&password=guessed"))
	r.URL.Path, r.RequestURI, r.RemoteAddr = path, path, from
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	app.ServeHTTP(w, r)
	return w
}

func TestAttemptsToLogInAreCountedHoweverThePathIsWritten(t *testing.T) {
	b := newBlog(t)
	b.app.BeforeRequest(limitLogins(middleware.RateLimit{Rate: 2, Per: time.Hour}))
	for _, tt := range []struct {
		name, method, path, from string
		status                   int
	}{
		{"the first attempt", "POST", "/auth/login", "192.0.2.1:1", 200},
		{"the second, of two slashes", "POST", "//auth/login", "192.0.2.1:1", 200},
		{"one too many", "POST", "/auth/login", "192.0.2.1:1", 429},
		{"one too many, of two slashes", "POST", "//auth/login", "192.0.2.1:1", 429},
		{"one too many, of three slashes", "POST", "///auth/login", "192.0.2.1:1", 429},
		{"another address", "POST", "//auth/login", "192.0.2.2:1", 200},
		{"the form itself", "GET", "/auth/login", "192.0.2.1:1", 200},
		{"another page", "POST", "/auth/register", "192.0.2.1:1", 200},
		{"a household's first", "POST", "/auth/login", "[2001:db8::1]:1", 200},
		{"its second, from its other address", "POST", "/auth/login", "[2001:db8::ffff:2]:1", 200},
		{"its third", "POST", "/auth/login", "[2001:db8::3]:1", 429},
	} {
		if w := b.sends(b.app, tt.method, tt.path, tt.from); w.Code != tt.status {
			t.Errorf("%s: %s %s: status %d, want %d", tt.name, tt.method, tt.path, w.Code, tt.status)
		}
	}
}

func TestNobodyLogsInUncountedWhileRedisIsAway(t *testing.T) {
	b := newBlog(t)
	var log bytes.Buffer
	app := carafe.New("blog", carafe.Templates{FS: folder("templates")})
	app.Logger = slog.New(slog.NewTextHandler(&log, nil))
	if err := app.Config.FromMap(map[string]any{"SECRET_KEY": "key", "REDIS": "unix://" + filepath.Join(t.TempDir(), "none")}); err != nil {
		t.Fatal(err)
	}
	if err := shareByRedis(app); err != nil {
		t.Fatal(err)
	}
	app.RegisterBlueprint((&site{b.db}).auth())
	if w := b.sends(app, "POST", "/auth/login", "192.0.2.1:1"); w.Code != 503 || !strings.Contains(w.Body.String(), "not possible just now") {
		t.Errorf("status %d, want a 503 that says so:\n%s", w.Code, w.Body)
	}
	if !strings.Contains(log.String(), "rate limit store") {
		t.Errorf("the app's log does not have the store's error: %q", &log)
	}
}
