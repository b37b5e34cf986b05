package routing_test

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/carafeweb/carafe/routing"
)

// A picker turns fuzz data into choices; beyond its end it chooses the first.
type picker struct{ data []byte }

func (p *picker) below(n int) int {
	if len(p.data) == 0 {
		return 0
	}
	b := p.data[0]
	p.data = p.data[1:]
	return int(b) % n
}

func pick[T any](p *picker, from []T) T { return from[p.below(len(from))] }

var (
	pieces = []string{"a", "<%s>", "b", "<int:%s>", "ab", "<path:%s>", "a<%s>", "<%s>.a", "<float:%s>", "<any(a,b):%s>",
		"<string(length=2):%s>", "<int(signed=True,max=5):%s>", "<hex:%s>", "{a}", "<string(minlength=0):%s>", "<two:%s>", "50%"}
	texts = []string{"a", "b", "ab", "", "1", "12", "-7", "1.5", "a.a", "aa", "ab.a", "{a}", "50%", "é", "9999999999999999999",
		"\n", "\xff", "..", "ba", "f0"}
	ruleMethods = [][]string{nil, nil, {"GET"}, {"POST"}, {"GET", "PURGE"}}
	no          = false
	overrides   = []*bool{nil, nil, nil, nil, &no}
)

func (p *picker) rule(n int) routing.Rule {
	var b strings.Builder
	names := []string{"p", "q", "r", "s"}
	for i := range 1 + p.below(3) {
		piece := pick(p, pieces)
		if strings.Contains(piece, "%s") {
			piece = fmt.Sprintf(piece, names[i])
		}
		b.WriteString("/" + piece)
	}
	b.WriteString([]string{"", "/", ""}[p.below(3)])
	return routing.Rule{Rule: b.String(), Endpoint: fmt.Sprint(n), Methods: pick(p, ruleMethods), StrictSlashes: pick(p, overrides),
		MergeSlashes: pick(p, overrides), Websocket: false, Subdomain: pick(p, []string{"", "", "", "", "api", "<u>"})}
}

func (p *picker) path() string {
	var b strings.Builder
	for range p.below(5) {
		b.WriteString("/" + pick(p, texts))
	}
	return b.String()
}

var fuzzConverters = map[string]routing.ConverterFunc{
	"hex": func(routing.Arguments) (routing.Definition, error) {
		return routing.Definition{Regexp: "[0-9a-f]+"}, nil
	},
	"two": func(routing.Arguments) (routing.Definition, error) {
		return routing.Definition{Regexp: "([^/]+)/.+"}, nil
	},
}

// answer tells all that a match says, in words that compare.
func answer(m *routing.Map, domain, method, path string) string {
	var match routing.Match
	err := m.Find(t0, &match, domain, method, path, false)
	if err != nil {
		var redirect *routing.RequestRedirect
		if errors.As(err, &redirect) {
			a := routing.Adapter{Map: m, ServerName: "h", ScriptName: "/"}
			return fmt.Sprint(a.Complete(&match, method, err))
		}
		return err.Error()
	}
	return fmt.Sprint(match.Rule.Endpoint, match.Values())
}

// FuzzIndexAgainstMux keeps the index and gorilla/mux in agreement on random rules.
func FuzzIndexAgainstMux(f *testing.F) {
	f.Add([]byte("12"), []byte("abcdef"))
	f.Add([]byte{2, 5, 0, 0, 1, 9, 2, 7, 7, 1}, []byte{4, 0, 1, 2, 3, 3, 3, 3, 4, 4, 4})
	f.Add([]byte{2, 1, 5, 1, 0, 0, 0, 1, 1, 1, 0, 0, 0}, []byte{3, 0, 3, 1, 2, 0, 3})
	f.Fuzz(func(t *testing.T, rules, paths []byte) {
		pair := pairFor(t, rules)
		q := &picker{paths}
		for range 4 {
			path := q.path()
			method := pick(q, []string{"GET", "POST", "PURGE"})
			domain := pick(q, []string{"", "", "api", "x"})
			want := answer(pair.index, domain, method, path)
			if got := answer(pair.alone, domain, method, path); got != want {
				t.Fatalf("rules %s\n%s %q on %q: gorilla/mux alone says %s, the index %s", pair.listing, method, path, domain, got, want)
			}
		}
	})
}

// A pair is the same rules twice: with the index, and with gorilla/mux alone.
type pair struct {
	index, alone *routing.Map
	listing      string
}

// pairs keeps pairs between runs of the fuzz function, which mostly change the paths only:
// registering routes costs a hundred times what matching does.
var pairs = map[string]pair{}

func pairFor(t *testing.T, data []byte) pair {
	p := &picker{data}
	opts := routing.Options{LooseSlashes: p.below(5) == 4, KeepSlashes: p.below(5) == 4, Converters: fuzzConverters}
	var rules []routing.Rule
	listing := fmt.Sprint(opts.LooseSlashes, opts.KeepSlashes, " ")
	for i := range 1 + p.below(4) {
		r := p.rule(i)
		rules = append(rules, r)
		listing += fmt.Sprintf("%s %v %v %v %s; ", r.Rule, r.Methods, r.StrictSlashes != nil, r.MergeSlashes != nil, r.Subdomain)
	}
	if known, ok := pairs[listing]; ok {
		return known
	}
	made := pair{index: routing.New(opts), listing: listing}
	opts.MuxOnly = true
	made.alone = routing.New(opts)
	for _, r := range rules {
		other := r
		if a, b := made.index.Add(&r), made.alone.Add(&other); a != nil || b != nil {
			t.Fatalf("%s: %v, %v", r.Rule, a, b)
		}
	}
	if len(pairs) > 2000 {
		clear(pairs)
	}
	pairs[listing] = made
	return made
}

// FuzzRuleText: whatever text a rule has, Add refuses it or what it accepts works.
func FuzzRuleText(f *testing.F) {
	for _, text := range []string{"/", "/<x>", "/<int(min=2, max=9):n>/<path:p>/e/", `/<any("a)b", c):x>-<float:f>.<uuid:u>`, "/<string(length=2):l>",
		"//a//", "/<", "/>", "/<a>/<a>", "/{x}%d", "/<int(0,):x>"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 300 {
			return // long lengths in arguments make long samples
		}
		r := &routing.Rule{Rule: text, Endpoint: "e"}
		m := routing.New(routing.Options{})
		if err := m.Add(r); err != nil {
			var refused *routing.RuleError
			if !errors.As(err, &refused) {
				t.Fatalf("Add(%q) = %v, want a *RuleError", text, err)
			}
			return
		}
		if len(m.Check()) > 0 || strings.Contains(text, "length") {
			return
		}
		path := r.Sample()
		var match routing.Match
		if err := m.Find(t0, &match, "", "GET", path, false); err != nil {
			if strings.ContainsAny(text, "()") || strings.Contains(path, "/") {
				return // limits of numbers, items with slashes
			}
			t.Fatalf("rule %q accepts %q by its own account, but Find says %v", text, path, err)
		}
		a := routing.Adapter{Map: m, ServerName: "h", ScriptName: "/"}
		if _, err := a.Build("e", match.Pairs(), routing.BuildOptions{}); err != nil {
			t.Fatalf("rule %q matches %q but does not build from %v: %v", text, path, match.Pairs(), err)
		}
	})
}

var pathRules = rulesOf("/", "/a", "/a/", "/<x>", "/<int:n>/<y>", "/<path:p>/e", "/<path:p>/f/", "/s/<path:p>", "/<a>-<b>", "/<a>-<int:b>.<c>/<d>",
	"/u/<uuid:u>", "/t/<string(minlength=2, maxlength=4):x>", "/f/<float(signed=True):f>", "/x//y")

// FuzzPath: no path makes the index panic, work too much, or answer other than gorilla/mux.
func FuzzPath(f *testing.F) {
	for _, path := range []string{"", "/", "//", "/a/../b", "/%2F", "/\xff\xfe", "/a\x00b", "/a/b/c/e", "/1-2-3", "/a//b//e", "/s/" + strings.Repeat("a/", 50), "/x-1.2/d"} {
		f.Add(path)
	}
	index := addAll(f, routing.Options{}, copies(pathRules)...)
	alone := addAll(f, routing.Options{MuxOnly: true}, copies(pathRules)...)
	f.Add("\xbe-0.0/0")
	f.Fuzz(func(t *testing.T, path string) {
		if path = routing.DecodedPath(path); path != "" && path[0] != '/' { // as every server hands it over
			path = "/" + path
		}
		want := answer(index, "", "GET", path)
		if steps := index.Steps("GET", path); steps > 4*len(pathRules) {
			t.Errorf("%q takes %d steps", path, steps)
		}
		if got := answer(alone, "", "GET", path); got != want {
			t.Errorf("%q: gorilla/mux alone says %s, the index %s", path, got, want)
		}
	})
}

func copies(rules []*routing.Rule) []*routing.Rule {
	var out []*routing.Rule
	for _, r := range rules {
		out = append(out, &routing.Rule{Rule: r.Rule, Endpoint: r.Endpoint, Methods: r.Methods})
	}
	return out
}

// FuzzBuildThenMatch: a URL that is built leads back to the endpoint and the values.
func FuzzBuildThenMatch(f *testing.F) {
	f.Add("a", 7, 1.5, "x/y")
	f.Add("é ?#%", -3, 0.0001, "a//b")
	f.Add(".", 1<<62, 1e15, "e\x00")
	m := addAll(f, routing.Options{}, &routing.Rule{Rule: "/t/<x>/<int(signed=True):n>", Endpoint: "t"},
		&routing.Rule{Rule: "/f/<float(signed=True):f>/<path:p>", Endpoint: "f"})
	a, err := m.Bind("h", routing.BindOptions{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, x string, n int, fl float64, p string) {
		if x != "" && !strings.Contains(x, "/") {
			roundTrip(t, &a, "t", routing.Values{"x": x, "n": n})
		}
		text, _ := a.Build("f", []routing.Pair{{Name: "f", Value: fl}, {Name: "p", Value: p}}, routing.BuildOptions{})
		plain := !strings.ContainsAny(text[:strings.Index(text[3:], "/")+3], "ein") && fl != 0
		if plain && p != "" && p[0] != '/' && !strings.Contains(p, "\n") {
			roundTrip(t, &a, "f", routing.Values{"f": fl, "p": p})
		}
	})
}

func roundTrip(t *testing.T, a *routing.Adapter, endpoint string, values routing.Values) {
	t.Helper()
	text, err := a.Build(endpoint, values.Pairs(), routing.BuildOptions{})
	if err != nil {
		t.Fatalf("Build(%v): %v", values, err)
	}
	path, err := url.PathUnescape(text)
	if err != nil {
		t.Fatalf("Build(%v) = %q: %v", values, text, err)
	}
	match, err := a.Match(t0, "GET", path)
	if err != nil {
		t.Fatalf("Build(%v) = %q, which does not match: %v", values, text, err)
	}
	if got := match.Values(); match.Rule.Endpoint != endpoint || fmt.Sprint(got) != fmt.Sprint(values) {
		t.Fatalf("Build(%v) = %q, which matches %s %v", values, text, match.Rule.Endpoint, got)
	}
}
