package jinja_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/carafeweb/carafe/jinja"
)

// shelf is a Mapping with a method and a secret field.
type shelf struct{ books map[string]int }

func (s shelf) Item(key string) (any, bool) { n, ok := s.books[key]; return n, ok }
func (s shelf) Keys() []string              { return []string{"go", "python"} }
func (s shelf) Total() int                  { return s.books["go"] + s.books["python"] }

func boundEnvironment() *jinja.Environment {
	return jinja.MustNew(jinja.Options{
		Loader: jinja.Map{
			"macros.html":  `{% macro who() %}{{ visitor }} {{ link('home', b=1, a=2) }}{% endmacro %}`,
			"page.html":    `{% from "macros.html" import who %}{{ who() }}`,
			"include.html": `{% include "name.html" without context %}`,
			"name.html":    `{{ visitor|default('nobody') }}`,
		},
		Globals: map[string]any{
			"visitor": jinja.Live(func(bound any) (any, bool) { return bound, bound != nil }),
			"range":   jinja.Live(func(any) (any, bool) { return "taken", true }),
			"link": jinja.Function(func(c *jinja.Context, args []any, kw []jinja.Keyword) (any, error) {
				if len(args) != 1 {
					return nil, errors.New("one name is wanted")
				}
				return fmt.Sprint(args[0], " for ", c.Bound(), " with ", kw), nil
			}),
			"shelf": shelf{map[string]int{"go": 3, "python": 4}},
		},
	})
}

func TestWhatARenderIsBoundTo(t *testing.T) {
	env := boundEnvironment()
	for _, tt := range []struct{ name, source, want string }{
		{"a live global is made of it", `{{ visitor }}`, "Ann"},
		{"a macro that is imported without context sees it", `{% include "page.html" %}`, "Ann home for Ann with [{b 1} {a 2}]"},
		{"an include without context sees it", `{% include "include.html" %}`, "Ann"},
		{"a live global takes the name of a built-in one", `{{ range }}`, "taken"},
		{"a function gets its keywords in the order of the call", `{{ link('x', z=1, y=none) }}`, "x for Ann with [{z 1} {y &lt;nil&gt;}]"},
		{"a mapping gives items and attributes", `{{ shelf.go }} {{ shelf['python'] }} {{ shelf.total() }} {{ shelf['nope'] is defined }} {{ shelf[1] is defined }}`, "3 4 7 False False"},
		{"a mapping is counted, searched and run over", `{{ shelf|length }} {{ 'go' in shelf }} {{ 'c' in shelf }} {% for k in shelf %}{{ k }};{% endfor %}`, "2 True False go;python;"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tmpl, err := env.FromString(tt.source)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 { // the second time with modules that are kept
				got, err := tmpl.Bind("Ann").Append(nil, nil)
				if string(got) != tt.want || err != nil {
					t.Errorf("%s: %q, %v, want %q", tt.source, got, err, tt.want)
				}
			}
			var b strings.Builder
			if err := tmpl.Bind("Ann").StreamTo(&b, nil); b.String() != tt.want || err != nil {
				t.Errorf("%s streamed: %q, %v, want %q", tt.source, b.String(), err, tt.want)
			}
		})
	}
}

func TestALiveGlobalMayBeUndefined(t *testing.T) {
	env := boundEnvironment()
	tmpl, err := env.FromString(`[{{ visitor }}] {{ visitor is defined }}`)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := tmpl.Render(nil); got != "[] False" || err != nil {
		t.Errorf("bound to nothing: %q, %v, want the name to be undefined", got, err)
	}
}

func TestAFunctionsErrorIsTheCause(t *testing.T) {
	tmpl, err := boundEnvironment().FromString("\n{{ link() }}")
	if err != nil {
		t.Fatal(err)
	}
	_, err = tmpl.Bind("Ann").Append(nil, nil)
	var e *jinja.Error
	if !errors.As(err, &e) || e.Line != 2 || e.Cause == nil || e.Cause.Error() != "one name is wanted" {
		t.Errorf("link() without a name: %v, want line 2 and the function's error as cause", err)
	}
}

func TestEncodersOfToJSON(t *testing.T) {
	type point struct{ X, Y int }
	data := map[string]any{"v": []any{1.0, point{1, 2}, time.Unix(0, 0).UTC(), "<a'&>"}}
	mark := func(v any) ([]byte, error) { return fmt.Appendf(nil, `{"b":"%T","a":[]}`, v), nil }
	for _, tt := range []struct {
		name, source, want string
		opts               jinja.Options
	}{
		{"JSONValue encodes what the engine has no form for", `{{ v|tojson }}`,
			`[1.0, {"a": [], "b": "jinja_test.point"}, {"a": [], "b": "time.Time"}, "\u003ca\u0027\u0026\u003e"]`, jinja.Options{JSONValue: mark}},
		{"JSON encodes everything and keeps its order", `{{ v|tojson }}`, `{"b": "[]interface {}", "a": []}`, jinja.Options{JSON: mark, JSONValue: mark}},
		{"an indent is kept to", `{{ v|tojson(2) }}`, "{\n  \"b\": \"[]interface {}\",\n  \"a\": []\n}", jinja.Options{JSON: mark}},
	} {
		tmpl, err := jinja.MustNew(tt.opts).FromString(tt.source)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := tmpl.Render(data); got != tt.want || err != nil {
			t.Errorf("%s: %s, %v, want %s", tt.name, got, err, tt.want)
		}
	}
}
