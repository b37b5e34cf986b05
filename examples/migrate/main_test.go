package main

import (
	"bufio"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	carafetest "github.com/carafeweb/carafe/testing"
)

var flaskAddress = regexp.MustCompile(`Running on (http://127\.0\.0\.1:\d+)`)

// startNotes runs the Flask application with an empty database, and says where. The successor in this process uses the same
// database and secret key.
func startNotes(t *testing.T) (flask string) {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("did not run: there is no python3")
	}
	if out, err := exec.Command(python, "-c", "import flask").CombinedOutput(); err != nil {
		t.Skipf("did not run: python3 has no Flask: %s", out)
	}
	t.Setenv("NOTES_DATABASE", filepath.Join(t.TempDir(), "notes.sqlite"))
	t.Setenv("NOTES_SECRET_KEY", "shared by both")
	t.Setenv("PYTHONDONTWRITEBYTECODE", "1")
	if out, err := exec.Command(python, "-m", "flask", "--app", "notes", "init-db").CombinedOutput(); err != nil {
		t.Fatalf("init-db: %v\n%s", err, out)
	}
	run := exec.Command(python, "-m", "flask", "--app", "notes", "run", "--port", "0")
	stderr, err := run.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stderr)
	var reading sync.WaitGroup
	t.Cleanup(func() {
		_ = run.Process.Signal(syscall.SIGTERM)
		reading.Wait()
		_ = run.Wait() // ended by the signal
	})
	for lines.Scan() {
		if m := flaskAddress.FindStringSubmatch(lines.Text()); m != nil {
			reading.Go(func() {
				for lines.Scan() {
				}
			})
			return m[1]
		}
	}
	t.Fatal("Flask ended before it served")
	return ""
}

// frontOf serves the successor with the first so many routes ported.
func frontOf(t *testing.T, flask string, ported int) (site string) {
	t.Helper()
	app, err := newApp(flask, ported)
	if err != nil {
		t.Fatal(err)
	}
	app.Logger = slog.New(slog.DiscardHandler)
	return carafetest.Serve(t, app)
}

// A person has a browser with cookies, and sees pages.
type person struct {
	*testing.T
	http.Client
	site  string
	pages []string // all that were seen, without what differs from server to server
}

func newPerson(t *testing.T, site string) *person {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &person{T: t, Client: http.Client{Jar: jar}, site: site}
}

func (p *person) sees(resp *http.Response, err error) string {
	p.Helper()
	if err != nil {
		p.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		p.Fatal(err)
	}
	page := fmt.Sprintf("%d %s at %s\n%s", resp.StatusCode, resp.Header.Get("Content-Type"), resp.Request.URL.Path, body)
	p.pages = append(p.pages, strings.ReplaceAll(page, p.site, "http://SITE"))
	return page
}

func (p *person) opens(path string) string {
	p.Helper()
	return p.sees(p.Get(p.site + path))
}

func (p *person) sends(path string, form url.Values) string {
	p.Helper()
	return p.sees(p.PostForm(p.site+path, form))
}

// walk is what a person does at the site.
func (p *person) walk() {
	p.Helper()
	p.opens("/")
	p.sends("/notes", url.Values{"text": {"not yet"}}) // leads to the login
	p.sends("/login", nil)
	p.sends("/login", url.Values{"name": {"ada"}})
	p.sends("/login", url.Values{"name": {"nobody"}})
	p.sends("/login", url.Values{"name": {"ada"}, "password": {"wrong"}})
	p.sends("/login", url.Values{"name": {"ada"}, "password": {"ada"}})
	p.sends("/notes", url.Values{"text": {""}})
	p.sends("/notes", url.Values{"text": {"<tea> & ü"}})
	p.opens("/")
	p.opens("/notes.txt")
	p.opens("/nowhere")
	p.sends("/logout", nil)
}

// TestThePagesStayTheSameFromRouteToRoute walks through Flask alone, and then through each stage of the move: every page is the same.
func TestThePagesStayTheSameFromRouteToRoute(t *testing.T) {
	alone := newPerson(t, startNotes(t))
	alone.walk()
	want := alone.pages
	if all := strings.Join(want, "\n"); strings.Count(all, "Added.") != 1 || strings.Count(all, "400 text/html") != 2 {
		t.Fatalf("with Flask alone the one note was not added, or not two logins refused:\n%s", all)
	}
	for stage := range len(routes) + 1 {
		t.Run(fmt.Sprintf("%d ported", stage), func(t *testing.T) {
			p := newPerson(t, frontOf(t, startNotes(t), stage))
			p.walk()
			if len(p.pages) != len(want) {
				t.Fatalf("%d pages were seen, %d with Flask alone", len(p.pages), len(want))
			}
			for i, page := range p.pages {
				if page != want[i] {
					t.Errorf("page %d is\n%s\nand with Flask alone\n%s", i, page, want[i])
				}
			}
		})
	}
}

func TestWhoLogsInOnOneSidePostsOnTheOther(t *testing.T) {
	for _, tt := range []struct {
		name     string
		in, post func(flask, front *person) string
	}{
		{
			"in at Flask, a note at Carafe",
			func(flask, _ *person) string {
				return flask.sends("/login", url.Values{"name": {"bob"}, "password": {"bob"}})
			},
			func(_, front *person) string { return front.sends("/notes", url.Values{"text": {"hello"}}) },
		},
		{
			"in at Carafe, a note at Flask",
			func(_, front *person) string {
				return front.sends("/login", url.Values{"name": {"bob"}, "password": {"bob"}})
			},
			func(flask, _ *person) string { return flask.sends("/notes", url.Values{"text": {"hello"}}) },
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			site := startNotes(t)
			flask, front := newPerson(t, site), newPerson(t, frontOf(t, site, len(routes)))
			front.Jar = flask.Jar // one browser: cookies of 127.0.0.1 are for all of its ports
			if page := tt.in(flask, front); !strings.Contains(page, "Welcome.") {
				t.Fatalf("the login leads to %s", page)
			}
			if page := tt.post(flask, front); !strings.Contains(page, "Added.") || !strings.Contains(page, "hello (bob)") {
				t.Errorf("the note leads to %s", page)
			}
		})
	}
}

// TestAFlashOfOneSideIsShownByTheOther adds a note at Carafe, which flashes, and sees the message on Flask's page.
func TestAFlashOfOneSideIsShownByTheOther(t *testing.T) {
	site := startNotes(t)
	flask, front := newPerson(t, site), newPerson(t, frontOf(t, site, len(routes)))
	front.Jar = flask.Jar
	flask.sends("/login", url.Values{"name": {"ada"}, "password": {"ada"}})
	front.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	front.sends("/notes", url.Values{"text": {"hello"}})
	if page := flask.opens("/"); !strings.Contains(page, `<p class="success">Added.</p>`) {
		t.Errorf("Flask's page does not have the message:\n%s", page)
	}
}

func TestWhileFlaskIsAwayThePortedRoutesGoOn(t *testing.T) {
	t.Setenv("NOTES_DATABASE", filepath.Join(t.TempDir(), "notes.sqlite"))
	db, err := sql.Open("sqlite", os.Getenv("NOTES_DATABASE"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, password TEXT)"); err != nil {
		t.Fatal(err)
	}
	p := newPerson(t, frontOf(t, "http://127.0.0.1:1", 3))
	if page := p.opens("/login"); !strings.HasPrefix(page, "200 ") {
		t.Errorf("/login: %s", page)
	}
	if page := p.opens("/notes.txt"); !strings.HasPrefix(page, "502 ") {
		t.Errorf("/notes.txt: %s", page)
	}
}

func TestMoreRoutesThanThereAreCannotBePorted(t *testing.T) {
	if _, err := newApp("http://127.0.0.1:1", len(routes)+1); err == nil {
		t.Error("there is no error")
	}
}
