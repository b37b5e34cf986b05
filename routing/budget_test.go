package routing_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/carafeweb/carafe/routing"
)

// Each state of the index is visited at most once, so a search tries each dynamic part of
// the rules at most once, whatever the path; merging slashes searches twice.
func TestASearchTriesEachPartOnce(t *testing.T) {
	var siblings, tails, nested []*routing.Rule
	for i := range 2000 {
		siblings = append(siblings, rulesOf(fmt.Sprintf("/<hex:h>.%d", i))...)
		tails = append(tails, rulesOf(fmt.Sprintf("/<path:p>/%d", i))...)
	}
	for i := range 12 {
		nested = append(nested, rulesOf(deep("<%c>", i), deep("<int:%c>", i), deep("<any(a,'1'):%c>", i))...)
	}
	for _, tt := range []struct {
		name  string
		rules []*routing.Rule
		path  string
		most  int
	}{
		{"2000 sibling regexps and a long segment", siblings, "/" + strings.Repeat("f", 1000), 2000},
		{"2000 endings of a path", tails, strings.Repeat("/a", 1000), 2000},
		{"every segment fits three variables", nested, strings.Repeat("/1", 64), 3 * 12},
		{"the same with slashes to merge", copies(nested), strings.Repeat("//1", 64), 2 * 3 * 12},
		{"a path after a path", rulesOf("/<path:a>/<path:b>/<path:c>/x"), strings.Repeat("/a", 5000), 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := addAll(t, routing.Options{Converters: fuzzConverters}, tt.rules...)
			if steps := m.Steps("GET", tt.path); steps > tt.most {
				t.Errorf("%d steps, want at most %d", steps, tt.most)
			}
		})
	}
}

// deep is a rule of n+1 variables.
func deep(format string, n int) string {
	var b strings.Builder
	for i := range n + 1 {
		fmt.Fprintf(&b, "/"+format, 'a'+i)
	}
	return b.String()
}

// Within one part, variables that could be divided in very many ways take time linear in the
// text: a part is read once for each of its pieces. A backtracking matcher would not end here.
func TestAPartWithManyVariablesIsLinear(t *testing.T) {
	m := addAll(t, routing.Options{}, rulesOf(
		"/<a>-<b>-<c>-<d>-<e>-<f>-<g>-<int:h>!",
		"/<path:a>/<path:b>/<path:c>/<path:d>/<path:e>/<int:f>/end",
		"/x<int:a><int:b><int:c><int:d>y",
		"/f<float:a><float:b>-<string(minlength=5, maxlength=30000):c>.",
	)...)
	for _, path := range []string{
		"/" + strings.Repeat("-", 64<<10),
		"/" + strings.Repeat("a-", 32<<10) + "!",
		strings.Repeat("/a", 32<<10),
		strings.Repeat("/a", 32<<10) + "/end",
		strings.Repeat("/", 64<<10),
		"/x" + strings.Repeat("1", 64<<10),
		"/f" + strings.Repeat("1.1", 20<<10),
	} {
		var match routing.Match
		if err := m.Find(t0, &match, "", "GET", path, false); err == nil {
			t.Errorf("%.20q… of %d bytes matches %v", path, len(path), match.Rule)
		}
	}
}

// Long paths do match: places beyond 64 KB are looked for again when they are asked for.
func TestLongPaths(t *testing.T) {
	m := addAll(t, routing.Options{}, rulesOf("/s/<path:p>", "/d/<a>/<b>")...)
	long := strings.Repeat("abcdefg/", 20_000)
	var match routing.Match
	if err := m.Find(t0, &match, "", "GET", "/s/"+long, false); err != nil || match.Text(0) != long {
		t.Errorf("a path of %d bytes: %v, %d bytes", len(long)+3, err, len(match.Text(0)))
	}
	long = strings.Repeat("é", 40_000)
	if err := m.Find(t0, &match, "", "GET", "/d/"+long+"/b", false); err != nil || match.Text(0) != long || match.Text(1) != "b" {
		t.Errorf("a long segment: %v, %d bytes and %q", err, len(match.Text(0)), match.Text(1))
	}
}

func TestFindAllocates(t *testing.T) {
	t.Setenv(routing.RouterVariable, "") // the budget is the index's, whatever else is tried with gorilla/mux alone
	twenty := "/<v0>"
	path := "/w0"
	for i := 1; i < 20; i++ {
		twenty += fmt.Sprintf("/<v%d>", i)
		path += fmt.Sprintf("/w%d", i)
	}
	rules := rulesOf("/static/page", "/u/<int:id>", "/f/<float:f>", "/i/<uuid:u>", "/p/<path:p>", "/o/<any(a,b):x>", "/l/<string(length=2):l>",
		"/d/<a>.<b>", "/v/v<a>-<b>x", "/b/<x>/c", "/b/<int:y>/d", twenty)
	rules = append(rules, &routing.Rule{Rule: "/post", Endpoint: "post", Methods: []string{"POST"}})
	m := addAll(t, routing.Options{}, rules...)
	for _, tt := range []struct {
		name, path string
		want       error
	}{
		{"a static rule", "/static/page", nil},
		{"an int", "/u/12345", nil},
		{"a float", "/f/1.5", nil},
		{"a uuid", "/i/3f2504e0-4f89-11d3-9a0c-0305e82c3301", nil},
		{"a path", "/p/css/site.css", nil},
		{"a choice", "/o/b", nil},
		{"a length", "/l/de", nil},
		{"two variables in a segment", "/d/site.css", nil},
		{"two variables between static text", "/v/v1-2-3x", nil},
		{"a step back", "/b/7/c", nil},
		{"twenty variables", path, nil},
		{"nothing", "/nothing/of/the/kind", routing.ErrNotFound},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var match routing.Match
			if err := m.Find(t0, &match, "", "GET", tt.path, false); err != tt.want {
				t.Fatalf("%s: %v, want %v", tt.path, err, tt.want)
			}
			allocs := testing.AllocsPerRun(100, func() {
				_ = m.Find(t0, &match, "", "GET", tt.path, false)
				for i := range match.Len() {
					_ = match.Text(i)
				}
			})
			if allocs > 0 {
				t.Errorf("%s allocates %.0f times", tt.path, allocs)
			}
		})
	}
	t.Run("a wrong method", func(t *testing.T) {
		var match routing.Match
		if allocs := testing.AllocsPerRun(100, func() { _ = m.Find(t0, &match, "", "GET", "/post", false) }); allocs > 0 {
			t.Errorf("405 allocates %.0f times", allocs)
		}
	})
	t.Run("values without boxes", func(t *testing.T) {
		var match routing.Match
		allocs := testing.AllocsPerRun(100, func() {
			_ = m.Find(t0, &match, "", "GET", "/u/12345", false)
			_ = match.Int(0)
			_ = m.Find(t0, &match, "", "GET", "/f/1.5", false)
			_ = match.Float(0)
			_ = m.Find(t0, &match, "", "GET", "/i/3f2504e0-4f89-11d3-9a0c-0305e82c3301", false)
			_ = match.UUID(0)
		})
		if allocs > 0 {
			t.Errorf("typed values allocate %.0f times", allocs)
		}
	})
}

func TestBuildAllocates(t *testing.T) {
	m := addAll(t, routing.Options{}, rulesOf("/users/<int:id>/posts/<slug>")...)
	a, err := m.Bind("example.com", routing.BindOptions{})
	if err != nil {
		t.Fatal(err)
	}
	values := []routing.Pair{{Name: "id", Value: 700}, {Name: "slug", Value: "hello"}}
	allocs := testing.AllocsPerRun(100, func() {
		if _, err := a.Build("/users/<int:id>/posts/<slug>", values, routing.BuildOptions{}); err != nil {
			t.Fatal(err)
		}
	})
	if allocs > 2 {
		t.Errorf("Build allocates %.0f times, want at most 2", allocs)
	}
}
