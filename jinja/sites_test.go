package jinja_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/carafeweb/carafe/jinja"
)

var update = flag.Bool("update", false, "record what real Jinja2 makes of testdata/sites")

// A site is a few templates, the pages of it to render, and the data for them.
type site struct {
	Files map[string]string `json:"files"`
	Pages []string          `json:"pages"`
	Data  json.RawMessage   `json:"data"`
}

// readSites reads testdata/sites/*.site: sections that begin with "-- name --", of which "pages"
// lists the pages and "data" is the JSON they are rendered with.
func readSites(t *testing.T) map[string]site {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", "sites", "*.site"))
	if err != nil || len(paths) < 20 {
		t.Fatalf("found %d sites (%v), want at least 20", len(paths), err)
	}
	sites := map[string]site{}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		sites[strings.TrimSuffix(filepath.Base(path), ".site")] = parseSite(string(b))
	}
	return sites
}

func parseSite(src string) site {
	s := site{Files: map[string]string{}}
	for _, part := range strings.Split("\n"+src, "\n-- ")[1:] {
		head, body, _ := strings.Cut(part, "\n")
		switch name := strings.TrimSuffix(head, " --"); name {
		case "pages":
			s.Pages = strings.Fields(body)
		case "data":
			s.Data = json.RawMessage(body)
		default:
			s.Files[name] = body
		}
	}
	return s
}

func (s site) render(t *testing.T, page string) (string, error) {
	t.Helper()
	env := jinja.MustNew(jinja.Options{
		Loader: jinja.Map(s.Files), Extensions: []string{"do", "loopcontrols", "i18n"}, Globals: map[string]any{"url_for": fakeURLFor},
	})
	tmpl, err := env.Template(page)
	if err != nil {
		return "", err
	}
	return tmpl.Render(decodeDict(t, s.Data))
}

// TestSites renders realistic sites and compares every byte with what real Jinja2 made of them.
func TestSites(t *testing.T) {
	want := map[string]map[string]string{}
	b, err := os.ReadFile(filepath.Join("testdata", "sites", "want.json"))
	if err != nil && !*update {
		t.Fatal(err)
	}
	json.Unmarshal(b, &want)
	sites := readSites(t)
	if live := liveSites(t, sites); live != nil {
		if *update {
			want = live
			writeWant(t, live)
		}
		if !maps.EqualFunc(live, want, maps.Equal[map[string]string]) {
			t.Error("testdata/sites/want.json is not what Jinja2 makes of the sites: run go test -run TestSites -update")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(sites)) {
		for _, page := range sites[name].Pages {
			t.Run(name+"/"+page, func(t *testing.T) {
				got, err := sites[name].render(t, page)
				if err != nil || got != want[name][page] {
					t.Errorf("the page is\n%s\n(%v), but Jinja2 makes\n%s", got, err, want[name][page])
				}
			})
		}
	}
}

// liveSites renders the sites with real Jinja2, where there is a Python that has it; else nil.
func liveSites(t *testing.T, sites map[string]site) map[string]map[string]string {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil || exec.Command(python, "-c", "import jinja2; assert jinja2.__version__ == '3.1.6'").Run() != nil {
		return nil
	}
	in, err := json.Marshal(sites)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, filepath.Join("testdata", "sites", "render.py"))
	cmd.Stdin = bytes.NewReader(in)
	cmd.Env = append(os.Environ(), "PYTHONIOENCODING=utf-8", "PYTHONDONTWRITEBYTECODE=1")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("Jinja2 fails: %v\n%s", err, err.(*exec.ExitError).Stderr)
	}
	live := map[string]map[string]string{}
	if err := json.Unmarshal(out, &live); err != nil {
		t.Fatal(err)
	}
	return live
}

func writeWant(t *testing.T, want map[string]map[string]string) {
	t.Helper()
	b, err := json.MarshalIndent(want, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("testdata", "sites", "want.json"), append(b, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}
