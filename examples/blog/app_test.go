package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/signing"
	carafetest "github.com/carafeweb/carafe/testing"
)

// blogUnderTest is an app with a database of its own, in which "test" has written a post and "other" has not.
type blogUnderTest struct {
	*testing.T
	app    *carafe.App
	db     *database
	client *carafetest.Client
}

// newBlog takes the database that BLOG_TEST_DATABASE names, whose tables are made anew, else one of SQLite's.
func newBlog(t *testing.T) *blogUnderTest {
	t.Helper()
	name := os.Getenv("BLOG_TEST_DATABASE")
	if name == "" {
		name = filepath.Join(t.TempDir(), "blog.sqlite")
	}
	app, err := newApp(map[string]any{"TESTING": true, "DATABASE": name})
	if err != nil {
		t.Fatal(err)
	}
	app.Logger = slog.New(slog.DiscardHandler)
	db, err := openDatabase(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	b := &blogUnderTest{t, app, db, carafetest.NewClient(t, app)}
	if err := app.RunCommand(t.Context(), t.Output(), "init-db"); err != nil {
		t.Fatal(err)
	}
	for id, name := range []string{"test", "other"} {
		hash, err := signing.GeneratePasswordHash(name, signing.PasswordOptions{Method: "pbkdf2:sha256:1000"})
		if err != nil {
			t.Fatal(err)
		}
		b.exec("INSERT INTO users (username, password) VALUES ($1, $2)", name, hash)
		if id == 0 {
			b.exec("INSERT INTO posts (title, body, author_id, created) VALUES ($1, $2, 1, '2018-01-01 00:00:00')", "test title", "test\nbody")
		}
	}
	return b
}

func (b *blogUnderTest) exec(query string, args ...any) {
	b.Helper()
	if _, err := b.db.ExecContext(b.Context(), query, args...); err != nil {
		b.Fatalf("%s: %v", query, err)
	}
}

// value is the single value that a query gives, as text.
func (b *blogUnderTest) value(query string, args ...any) string {
	b.Helper()
	var v any
	if err := b.db.QueryRowContext(b.Context(), query, args...).Scan(&v); err != nil {
		b.Fatalf("%s: %v", query, err)
	}
	return fmt.Sprint(v)
}

func (b *blogUnderTest) login(name, password string) *carafetest.Response {
	b.Helper()
	return b.client.Post("/auth/login", carafetest.Form{"username": {name}, "password": {password}})
}

// shows asks for a page and checks that it is there and has all of the texts.
func (b *blogUnderTest) shows(resp *carafetest.Response, texts ...string) {
	b.Helper()
	if resp.StatusCode != 200 {
		b.Errorf("%s: status %d, want 200", resp.Request.URL, resp.StatusCode)
	}
	for _, text := range texts {
		if !strings.Contains(resp.Text(), text) {
			b.Errorf("%s: there is no %q in the page:\n%s", resp.Request.URL, text, resp.Text())
		}
	}
}

func (b *blogUnderTest) leadsTo(resp *carafetest.Response, want string) {
	b.Helper()
	if got := resp.Header.Get("Location"); resp.StatusCode != 302 || got != want {
		b.Errorf("%s: status %d to %q, want 302 to %q", resp.Request.URL, resp.StatusCode, got, want)
	}
}

func TestTheFactoryTakesItsConfigFromTheTest(t *testing.T) {
	t.Setenv("BLOG_DATABASE", filepath.Join(t.TempDir(), "from", "environment.sqlite"))
	app, err := newApp(nil)
	if err != nil {
		t.Fatal(err)
	}
	if app.Config.Testing {
		t.Error("the app is testing although nobody said so")
	}
	if !newBlog(t).app.Config.Testing {
		t.Error("TESTING was not heard")
	}
}

func TestAKeyThatEverybodyKnowsIsToldAtTheStart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "blog.sqlite")
	before := slog.Default()
	t.Cleanup(func() { slog.SetDefault(before) })
	for _, tt := range []struct {
		name   string
		config map[string]any
		told   bool
	}{
		{"nobody has set it", map[string]any{}, true},
		{"it is set", map[string]any{"SECRET_KEY": "0b7e1c"}, false},
		{"in debug mode", map[string]any{"DEBUG": true}, false},
		{"in a test", map[string]any{"TESTING": true}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var log bytes.Buffer
			slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
			tt.config["DATABASE"] = file
			if _, err := newApp(tt.config); err != nil {
				t.Fatal(err)
			}
			if told := strings.Contains(log.String(), "level=WARN") && strings.Contains(log.String(), "BLOG_SECRET_KEY"); told != tt.told {
				t.Errorf("the log is %q; want a warning: %v", &log, tt.told)
			}
		})
	}
}

func TestHello(t *testing.T) {
	if got := newBlog(t).client.Get("/hello").Text(); got != "Hello, World!" {
		t.Errorf("/hello says %q", got)
	}
}

func TestTheStylesheetIsServed(t *testing.T) {
	b := newBlog(t)
	b.shows(b.client.Get("/static/style.css"), "--accent")
}
