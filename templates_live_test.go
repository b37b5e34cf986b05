package carafe_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/blueprints"
)

var updateTutorial = flag.Bool("update-tutorial", false, "record what real Flask makes of testdata/tutorial")

// tutorialSite is testdata/tutorial/pages.json: the application's data, and what is asked of it.
type tutorialSite struct {
	Secret   string
	Site     string
	User     map[string]any
	Posts    []map[string]any
	Requests []tutorialRequest
}

type tutorialRequest struct {
	Name  string
	Path  string
	User  bool
	Form  map[string]string
	Flash [][2]string
}

// app is render.py's application in Go, about to answer r.
func (s *tutorialSite) app(r *tutorialRequest) *carafe.App {
	app := carafe.New("tutorial", carafe.RootPath(filepath.Join("testdata", "tutorial")))
	app.Config.SecretKey = carafe.Secret(s.Secret)
	app.Config.Set("SITE", s.Site)
	app.BeforeRequest(func(c *carafe.Context) (any, error) {
		c.G().Set("user", nil)
		if r.User {
			c.G().Set("user", s.User)
		}
		c.Session().Set("visits", 2)
		for _, f := range r.Flash {
			c.Flash(f[1], f[0])
		}
		return nil, nil
	})
	form := carafe.Methods{"GET", "POST"}
	page := func(name string) func() any { return func() any { return carafe.Render(name, nil) } }
	auth := blueprints.New("auth", carafe.URLPrefix("/auth"))
	auth.Route("/login", page("auth/login.html"), form, carafe.Endpoint("login"))
	auth.Route("/register", page("auth/register.html"), form, carafe.Endpoint("register"))
	auth.Route("/logout", page(""), carafe.Endpoint("logout"))
	blog := blueprints.New("blog")
	blog.Route("/", func(c *carafe.Context) any {
		posts := s.Posts
		if c.Query("empty") != "" {
			posts = nil
		}
		return carafe.Render("blog/index.html", map[string]any{"posts": posts})
	}, carafe.Endpoint("index"))
	blog.Route("/create", page("blog/create.html"), form, carafe.Endpoint("create"))
	blog.Route("/<int:id>/update", func(id int) any {
		for _, p := range s.Posts {
			if p["id"] == id {
				return carafe.Render("blog/update.html", map[string]any{"post": p})
			}
		}
		return carafe.Abort(404)
	}, form, carafe.Endpoint("update"))
	blog.Route("/<int:id>/delete", func(id int) string { return "" }, carafe.Methods{"POST"}, carafe.Endpoint("delete"))
	app.RegisterBlueprint(auth)
	app.RegisterBlueprint(blog)
	app.Route("/", nil, carafe.Endpoint("index"), carafe.BuildOnly(true))
	return app
}

// answer is the status and the page.
func (s *tutorialSite) answer(r *tutorialRequest) string {
	req := httptest.NewRequest("GET", r.Path, nil)
	if r.Form != nil {
		sent := url.Values{}
		for name, v := range r.Form {
			sent.Set(name, v)
		}
		req = httptest.NewRequest("POST", r.Path, strings.NewReader(sent.Encode()))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	req.Host = "localhost"
	w := httptest.NewRecorder()
	s.app(r).ServeHTTP(w, req)
	return strconv.Itoa(w.Code) + "\n" + w.Body.String()
}

// readTutorial reads the site.
func readTutorial(t *testing.T) *tutorialSite {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "tutorial", "pages.json"))
	must(t, err)
	s := &tutorialSite{}
	must(t, json.Unmarshal(b, s))
	for _, p := range s.Posts {
		for _, name := range []string{"id", "author_id"} {
			p[name] = int(p[name].(float64))
		}
		p["created"], err = time.Parse("2006-01-02T15:04:05", p["created"].(string))
		must(t, err)
	}
	return s
}

// liveTutorial is what real Flask answers, nil where there is no Python with Flask 3.1.3.
func liveTutorial(t *testing.T) map[string]string {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil || exec.Command(python, "-c", "import importlib.metadata as m; assert m.version('flask') == '3.1.3'").Run() != nil {
		t.Log("compared with the record: there is no python3 with Flask 3.1.3")
		return nil
	}
	cmd := exec.Command(python, filepath.Join("testdata", "tutorial", "render.py"))
	cmd.Env = append(os.Environ(), "PYTHONIOENCODING=utf-8", "PYTHONDONTWRITEBYTECODE=1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("Flask fails: %v\n%s", err, stderr.String())
	}
	live := map[string]string{}
	must(t, json.Unmarshal(out, &live))
	return live
}

// A templates folder of Flask's tutorial's kind makes the same bytes in both, with url_for, flashes, forms, session and g in it.
func TestATutorialsTemplatesMakeFlasksPages(t *testing.T) {
	record := filepath.Join("testdata", "tutorial", "want.json")
	want := map[string]string{}
	if live := liveTutorial(t); live != nil && *updateTutorial {
		b, err := json.MarshalIndent(live, "", " ")
		must(t, err)
		must(t, os.WriteFile(record, append(b, '\n'), 0o644))
		want = live
	} else {
		b, err := os.ReadFile(record)
		must(t, err)
		must(t, json.Unmarshal(b, &want))
		if live != nil && !maps.Equal(live, want) {
			t.Errorf("%s is not what Flask makes: go test -run Tutorial -update-tutorial .", record)
		}
	}
	site := readTutorial(t)
	if len(site.Requests) != len(want) {
		t.Errorf("%d requests, but %d recorded", len(site.Requests), len(want))
	}
	for _, r := range site.Requests {
		if got := site.answer(&r); got != want[r.Name] || !strings.HasPrefix(got, strconv.Itoa(http.StatusOK)) {
			t.Errorf("%s: Carafe answers\n%s\nand Flask\n%s", r.Name, got, want[r.Name])
		}
	}
}
