package jinja_test

import (
	"errors"
	"fmt"
	"html/template"
	"iter"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/carafeweb/carafe/jinja"
)

type role string

type level int

func (l level) String() string { return [...]string{"low", "high"}[l] }

type place struct {
	Street string `json:"street_line"`
	ZIP    string `json:"zip,omitempty" carafe:"postcode"`
}

type base struct{ CreatedBy string }

type account struct {
	base
	UserID   int
	HTMLBody template.HTML
	Role     role
	Level    level
	Home     *place
	Tags     []string
	Extra    map[string]int
	Since    time.Time
	Err      error
	secret   string
}

func (a account) FullName() string        { return "Ann <" + fmt.Sprint(a.UserID) + ">" }
func (a *account) Rename(s string) string { return "renamed " + s }
func (a account) Fail() (string, error)   { return "", errors.New("no luck") }
func (a account) Sum(ns ...int) (total int) {
	for _, n := range ns {
		total += n
	}
	return total
}
func (a account) Half(f float64) float64      { return f / 2 }
func (a account) Opts(kw jinja.Kwargs) string { return fmt.Sprint(kw["size"]) }

// id is a type like uuid.UUID: an array that prints itself.
type id [2]byte

func (i id) String() string { return fmt.Sprintf("%x-%x", i[0], i[1]) }

type icon struct{}

func (icon) HTML() template.HTML { return "<svg>" }
func (icon) String() string      { return "icon<" }

type stock struct{}

func (stock) All() iter.Seq[string] {
	return func(yield func(string) bool) { _ = yield("tea<") && yield("milk") }
}

func numbers(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

func ann() *account {
	return &account{
		base: base{"root"}, UserID: 7, HTMLBody: "<p>", Role: "ad<min", Level: 1, Home: &place{"Main St", "123"},
		Tags: []string{"b", "a"}, Extra: map[string]int{"y": 2, "x": 1}, Since: time.Date(2024, 2, 3, 4, 5, 6, 0, time.UTC),
		Err: errors.New("bad <x>"), secret: "s3cret",
	}
}

func TestGoValues(t *testing.T) {
	var nobody *account
	n := 5
	data := map[string]any{
		"a": ann(), "v": *ann(), "nobody": nobody, "ptr": &n, "id": id{1, 255}, "icon": icon{}, "stock": stock{},
		"seq": numbers(3), "ip": netip.MustParseAddr("::1"), "u8": uint64(1) << 63, "f32": float32(0.5), "fn": strings.ToUpper,
		"accounts": []account{*ann()}, "byID": map[int]string{10: "ten", 9: "nine"}, "d": 90 * time.Second, "bytes": []byte("<b>"),
		"pairs": [][2]any{{"k", 1}}, "any": []any{1, "two", nil, 3.5, true}, "level": level(0),
		"pair2": iter.Seq2[string, int](func(yield func(string, int) bool) { yield("k", 9) }),
	}
	for _, tt := range []struct{ name, source, want string }{
		{"a field by its Go name", "{{ a.UserID }}", "7"},
		{"a field in snake case", "{{ a.user_id }} {{ a.html_body }}", "7 <p>"},
		{"a field by its json tag", "{{ a.home.street_line }}", "Main St"},
		{"a field by its carafe tag", "{{ a.home.postcode }} {{ a.home.zip }}", "123 123"},
		{"a field of an embedded struct", "{{ a.created_by }}", "root"},
		{"an unexported field is not there", "{{ a.secret }}|{{ a['secret'] }}", "|"},
		{"an item is a field too", "{{ a['UserID'] }}", "7"},
		{"a method needs parentheses", "{{ a.full_name() }} {{ a.FullName() }}", "Ann &lt;7&gt; Ann &lt;7&gt;"},
		{"a pointer method of a value works on a copy", "{{ v.rename('x') }}", "renamed x"},
		{"a variadic method takes any number", "{{ a.sum() }} {{ a.sum(1, 2, 3) }}", "0 6"},
		{"an int argument becomes a float", "{{ a.half(3) }}", "1.5"},
		{"keyword arguments arrive as Kwargs", "{{ a.opts(size='xl') }}", "xl"},
		{"a named string is text", "{{ a.role }} {{ a.role|upper }} {{ a.role == 'ad<min' }}", "ad&lt;min AD&lt;MIN True"},
		{"a number that prints itself is still a number", "{{ a.level }} {{ a.level + 1 }} {{ a.level == 1 }}", "high 2 True"},
		{"zero that prints itself is false", "{{ 'yes' if level else 'no' }}", "no"},
		{"a nil pointer is none", "{{ nobody is none }} {{ nobody }}", "True None"},
		{"a pointer is followed", "{{ ptr + 1 }}", "6"},
		{"an array that prints itself", "{{ id }} {{ id == id }}", "1-ff True"},
		{"a value with HTML of its own", "{{ icon }} {{ icon ~ '' }}", "<svg> icon&lt;"},
		{"a value with All is a loop's", "{% for s in stock %}{{ s }},{% endfor %}", "tea&lt;,milk,"},
		{"an iter.Seq runs once", "{% for i in seq %}{{ loop.revindex }}{% endfor %}|{{ seq|list }}", "321|[]"},
		{"an iter.Seq2 gives pairs", "{% for k, v in pair2 %}{{ k }}{{ v }}{% endfor %}", "k9"},
		{"a TextMarshaler prints so", "{{ ip }}", "::1"},
		{"a large unsigned number keeps its value", "{{ u8 }} {{ f32 }}", "9223372036854775808 0.5"},
		{"a Go function is called", "{{ fn('x') }} {{ ['a']|map('upper')|join }}", "X A"},
		{"structs in slices are not copied", "{% for x in accounts %}{{ x.user_id }}{{ x.rename('y') }}{% endfor %}", "7renamed y"},
		{"a list of Go's is a list", "{{ a.tags }} {{ a.tags|sort }} {{ a.tags[0] }} {{ a.tags|length }} {{ 'a' in a.tags }}", "[&#39;b&#39;, &#39;a&#39;] [&#39;a&#39;, &#39;b&#39;] b 2 True"},
		{"a Go map has sorted keys", "{{ a.extra }} {{ a.extra.x }} {% for k, v in a.extra.items() %}{{ k }}{{ v }}{% endfor %}", "{&#39;x&#39;: 1, &#39;y&#39;: 2} 1 x1y2"},
		{"a map's number keys sort as numbers", "{{ byID[9] }} {{ byID.keys()|list }}", "nine [9, 10]"},
		{"a time is a datetime", "{{ a.since.year }} {{ a.since.strftime('%d.%m.%Y') }} {{ a.since }}", "2024 03.02.2024 2024-02-03 04:05:06+00:00"},
		{"a duration prints as Go's", "{{ d }}", "1m30s"},
		{"an error prints its text, escaped", "{{ a.err }}", "bad &lt;x&gt;"},
		{"bytes print as Python's", "{{ bytes }} {{ bytes.decode() }}", "b&#39;&lt;b&gt;&#39; &lt;b&gt;"},
		{"a struct shows nothing of itself", "{{ a }} {{ [a]|string }}", "&lt;jinja_test.account object&gt; [&lt;jinja_test.account object&gt;]"},
		{"arrays unpack", "{% for k, v in pairs %}{{ k }}{{ v }}{% endfor %}", "k1"},
		{"any holds anything", "{{ any }}", "[1, &#39;two&#39;, None, 3.5, True]"},
		{"sorting by a field in snake case", "{{ accounts|map(attribute='user_id')|list }} {{ accounts|sum('user_id') }}", "[7] 7"},
		{"tojson encodes structs by their tags", "{{ a.home|tojson }}", `{"street_line": "Main St", "zip": "123"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			data["seq"] = once(numbers(3))
			got, err := render(t, jinja.Options{}, tt.source, data)
			if err != nil || got != tt.want {
				t.Errorf("%s renders as %q (%v), want %q", tt.source, got, err, tt.want)
			}
		})
	}
}

// once is a sequence that is empty the second time, as a database cursor is.
func once(seq iter.Seq[int]) iter.Seq[int] {
	return func(yield func(int) bool) {
		s := seq
		seq = func(func(int) bool) {}
		s(yield)
	}
}

func render(t *testing.T, opts jinja.Options, source string, data map[string]any) (string, error) {
	t.Helper()
	env, err := jinja.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	tmpl, err := env.FromString(source)
	if err != nil {
		return "", err
	}
	return tmpl.Render(data)
}

func TestGoErrors(t *testing.T) {
	for _, tt := range []struct{ name, source, kind, message string }{
		{"a method's error ends the render", "{{ a.fail() }}", "RuntimeError", "no luck"},
		{"an argument that does not fit", "{{ a.half('x') }}", "TypeError", "cannot use str as float64"},
		{"too many arguments", "{{ a.full_name(1) }}", "TypeError", "takes 0 arguments but 1 were given"},
		{"a keyword where there is none", "{{ a.full_name(x=1) }}", "TypeError", "takes no keyword argument 'x'"},
		{"a Go slice is not changed", "{{ a.tags.append('x') }}", "TypeError", "cannot be changed by a template"},
		{"a Go map is not changed", "{{ a.extra.update(x=2) }}", "TypeError", "cannot be changed by a template"},
		{"a panic of a Go function is an error", "{{ boom() }}", "RuntimeError", "panic: oh no"},
		{"a missing attribute names the Go type", "{{ a.nope.x }}", "UndefinedError", "'jinja_test.account object' has no attribute 'nope'"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := render(t, jinja.Options{}, "\n"+tt.source, map[string]any{"a": ann(), "boom": func() string { panic("oh no") }})
			var e *jinja.Error
			if !errors.As(err, &e) || e.Kind != tt.kind || !strings.Contains(e.Message, tt.message) || e.Line != 2 {
				t.Errorf("%s fails with %v, want a %s on line 2 that says %q", tt.source, err, tt.kind, tt.message)
			}
		})
	}
}

func TestErrorsOfGoFunctionsUnwrap(t *testing.T) {
	cause := errors.New("database is down")
	_, err := render(t, jinja.Options{}, "{{ load() }}", map[string]any{"load": func() (string, error) { return "", cause }})
	if !errors.Is(err, cause) {
		t.Errorf("the error of a Go function is %v, want one that wraps %v", err, cause)
	}
}

func TestContextOfGoFunctions(t *testing.T) {
	where := func(c *jinja.Context, name string) string {
		v, ok := c.Lookup(name)
		return fmt.Sprintf("%s %t %v %t", c.Template(), c.Autoescape(), v, ok)
	}
	env := jinja.MustNew(jinja.Options{
		Loader: jinja.Map{"a.txt": "{% set y = 2 %}{{ where('x') }} {{ where('y') }} {{ where('z') }}"}, Globals: map[string]any{"where": where},
	})
	tmpl, err := env.Template("a.txt")
	if err != nil {
		t.Fatal(err)
	}
	got, err := tmpl.Render(map[string]any{"x": 1})
	if want := "a.txt false 1 true a.txt false 2 true a.txt false <nil> false"; got != want {
		t.Errorf("a function sees %q (%v), want %q", got, err, want)
	}
}

func TestBadFunctionsAreRefused(t *testing.T) {
	for _, tt := range []struct {
		name string
		opts jinja.Options
		want string
	}{
		{"a filter that is no function", jinja.Options{Filters: map[string]any{"f": 3}}, `filter "f" is a int: want a function`},
		{"a filter without a value", jinja.Options{Filters: map[string]any{"f": func() string { return "" }}}, "want a function of the value"},
		{"a filter with two results", jinja.Options{Filters: map[string]any{"f": func(string) (string, int) { return "", 0 }}}, "a result and an error"},
		{"a test that is not a bool", jinja.Options{Tests: map[string]any{"t": func(string) string { return "" }}}, "returns bool"},
		{"an extension that is not there", jinja.Options{Extensions: []string{"jinja2.ext.debug"}}, `no extension named "jinja2.ext.debug": there are do, i18n, loopcontrols`},
		{"two delimiters that are the same", jinja.Options{Delimiters: jinja.Delimiters{BlockStart: "{{"}}, "must be different"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := jinja.New(tt.opts); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("New says %v, want %q", err, tt.want)
			}
		})
	}
}
