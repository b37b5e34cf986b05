package carafe_test

import (
	"bytes"
	"html/template"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/carafeweb/carafe"
)

func TestJSONIsReadStrictly(t *testing.T) {
	tests := []struct {
		name     string
		provider carafe.StdJSON
		text     string
		ok       bool
	}{
		{"a document", carafe.StdJSON{}, `{"a": [1, "x", null]}`, true},
		{"a byte order mark is skipped", carafe.StdJSON{}, "\xef\xbb\xbf{}", true},
		{"nothing", carafe.StdJSON{}, "", false},
		{"something behind it", carafe.StdJSON{}, `{"a":1}xyz`, false},
		{"a second document", carafe.StdJSON{}, `{} {}`, false},
		{"NaN", carafe.StdJSON{}, `[NaN]`, false},
		{"Infinity", carafe.StdJSON{}, `[-Infinity]`, false},
		{"a number that is too large", carafe.StdJSON{}, `[1e999999]`, false},
		{"what is not UTF-8", carafe.StdJSON{}, "\"\xff\xfe\"", false},
		{"UTF-16", carafe.StdJSON{}, "\xff\xfe{\x00}\x00", false},
		{"single quotes", carafe.StdJSON{}, `{'a':1}`, false},
		{"as deep as may be", carafe.StdJSON{}, strings.Repeat("[", 500) + strings.Repeat("]", 500), true},
		{"deeper", carafe.StdJSON{}, strings.Repeat("[", 501) + strings.Repeat("]", 501), false},
		{"two million brackets", carafe.StdJSON{}, strings.Repeat("[", 2_000_000), false},
		{"brackets in a text are no depth", carafe.StdJSON{MaxDepth: 1}, `["[[[[\"[["]`, true},
		{"a depth of one's own", carafe.StdJSON{MaxDepth: 2}, `[[[]]]`, false},
		{"a size of one's own", carafe.StdJSON{MaxSize: 5}, `[1,2,3]`, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var v any
			if err := tt.provider.Unmarshal([]byte(tt.text), &v); (err == nil) != tt.ok {
				t.Errorf("%.40q: error %v, want ok %t", tt.text, err, tt.ok)
			}
		})
	}
}

func TestJSONIsWrittenAsFlaskDoes(t *testing.T) {
	type inner struct {
		X int `json:"x,omitempty"`
		N int
	}
	type record struct {
		inner
		B    string            `json:"b"`
		A    *time.Time        `json:"a"`
		M    map[int]time.Time `json:"m,omitempty"`
		L    []time.Time       `json:"l,omitempty"`
		Skip string            `json:"-"`
		S    int               `json:",string"`
	}
	day := time.Date(1973, 3, 11, 6, 30, 45, 0, time.UTC)
	away := time.FixedZone("", -8*3600)
	id := uuid.MustParse("c0ffee00-0000-4000-8000-000000000001")
	tests := []struct {
		name     string
		provider carafe.StdJSON
		value    any
		want     string
	}{
		{"compact, sorted, in ASCII", carafe.StdJSON{}, map[string]any{"b": "☃😀", "a": []int{1}}, `{"a":[1],"b":"\u2603\ud83d\ude00"}`},
		{"characters as they are", carafe.StdJSON{UTF8: true}, "☃", `"☃"`},
		{"indented", carafe.StdJSON{Indent: true}, map[string]int{"a": 1}, "{\n  \"a\": 1\n}"},
		{"HTML is text", carafe.StdJSON{}, template.HTML("<p>test</p>"), `"<p>test</p>"`},
		{"a UUID is text", carafe.StdJSON{}, id, `"c0ffee00-0000-4000-8000-000000000001"`},
		{"times are RFC 3339", carafe.StdJSON{}, day, `"1973-03-11T06:30:45Z"`},
		{"times are Flask's on request", carafe.StdJSON{FlaskTypes: true}, day, `"Sun, 11 Mar 1973 06:30:45 GMT"`},
		{"zones become GMT", carafe.StdJSON{FlaskTypes: true}, day.In(away), `"Sun, 11 Mar 1973 06:30:45 GMT"`},
		{"times anywhere", carafe.StdJSON{FlaskTypes: true}, record{inner: inner{N: 2}, B: "x", A: &day, M: map[int]time.Time{1: day}, L: []time.Time{day}, S: 5},
			`{"N":2,"S":"5","a":"Sun, 11 Mar 1973 06:30:45 GMT","b":"x","l":["Sun, 11 Mar 1973 06:30:45 GMT"],"m":{"1":"Sun, 11 Mar 1973 06:30:45 GMT"}}`},
		{"what marshals itself is left alone", carafe.StdJSON{FlaskTypes: true}, map[string]any{"id": id, "raw": []byte("hi"), "nil": nil}, `{"id":"c0ffee00-0000-4000-8000-000000000001","nil":null,"raw":"aGk="}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.provider.Marshal(tt.value)
			if err != nil || string(got) != tt.want+"\n" {
				t.Errorf("%v is %s (error %v), want %s", tt.value, got, err, tt.want)
			}
			var b bytes.Buffer
			if err := tt.provider.MarshalTo(&b, tt.value); err != nil || b.String() != string(got) {
				t.Errorf("MarshalTo writes %s (error %v)", b.String(), err)
			}
		})
	}
	for _, v := range []any{math.NaN(), math.Inf(1), []float64{math.Inf(-1)}} {
		if _, err := (&carafe.StdJSON{}).Marshal(v); err == nil {
			t.Errorf("%v was written as JSON", v)
		}
	}
}

func TestJSONComesBackFromAFile(t *testing.T) {
	var b bytes.Buffer
	p := &carafe.StdJSON{}
	in := map[string]any{"name": "Flask", "n": 1.5}
	if err := p.MarshalTo(&b, in); err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := p.UnmarshalFrom(&b, &out); err != nil || out["name"] != "Flask" || out["n"] != 1.5 {
		t.Errorf("it came back as %v, error %v", out, err)
	}
}

func TestJSONIsIndentedInDebugMode(t *testing.T) {
	app := hushed()
	app.Config.Debug = true
	app.Get("/", func() any { return map[int]int{10: 1, 9: 2} })
	if got, want := fetch(app, "/").Body.String(), "{\n  \"10\": 1,\n  \"9\": 2\n}\n"; got != want {
		t.Errorf("in debug mode: %q, want %q", got, want)
	}
	app = hushed()
	app.Config.Debug, app.JSON = true, &carafe.StdJSON{Dense: true}
	app.Get("/", func() any { return map[string]int{"a": 1} })
	if got, want := fetch(app, "/").Body.String(), "{\"a\":1}\n"; got != want {
		t.Errorf("with a dense provider: %q, want %q", got, want)
	}
}

func TestWhyJSONCannotBeReadIsToldInDebugModeOnly(t *testing.T) {
	for debug, told := range map[bool]bool{false: false, true: true} {
		app := hushed()
		no := false
		app.Config.Debug, app.Config.PropagateErrors = debug, &no
		app.Post("/", func(c *carafe.Context) (string, error) {
			var v any
			return "", c.Request.JSON(&v)
		})
		w := post(app, "/", "application/json", strings.NewReader(""))
		if w.Code != 400 || strings.Contains(w.Body.String(), "Failed to decode JSON object") != told {
			t.Errorf("debug %t: %d %q", debug, w.Code, w.Body.String())
		}
	}
}

func TestJSONOfOtherTypes(t *testing.T) {
	app := hushed()
	app.Post("/", func(c *carafe.Context) (s string, err error) {
		err = c.Request.JSON(&s)
		return s, err
	})
	app.Post("/silent", func(c *carafe.Context) (s string, err error) {
		s = "unchanged"
		err = c.Request.JSON(&s, carafe.SilentJSON)
		return s, err
	})
	app.Post("/force", func(c *carafe.Context) (s string, err error) {
		err = c.Request.JSON(&s, carafe.ForceJSON)
		return s, err
	})
	for _, tt := range []struct {
		path, typ, body string
		status          int
		want            string
	}{
		{"/", "application/x+json", `"foo"`, 200, "foo"}, {"/", "text/json", `"foo"`, 415, ""}, {"/", "application/json", `foo`, 400, ""},
		{"/silent", "text/plain", `x`, 200, "unchanged"}, {"/silent", "application/json", `x`, 200, "unchanged"}, {"/force", "text/plain", `"foo"`, 200, "foo"},
	} {
		if w := post(app, tt.path, tt.typ, strings.NewReader(tt.body)); w.Code != tt.status || tt.want != "" && w.Body.String() != tt.want {
			t.Errorf("POST %s %s %s: %d %q, want %d %q", tt.path, tt.typ, tt.body, w.Code, w.Body.String(), tt.status, tt.want)
		}
	}
}

func TestJSONOfBasicTypesComesBack(t *testing.T) {
	for _, v := range []any{0.0, -1.0, 1.0, 23.0, 3.14, "s", "longer string", true, false, nil, []any{1.0, "x", nil}, map[string]any{"a": 0.0, "c": nil, "d": "hi"}} {
		app := hushed()
		app.Get("/", func() *carafe.Response { return carafe.JSON(v) })
		w := fetch(app, "/")
		var got any
		if err := (&carafe.StdJSON{}).Unmarshal(w.Body.Bytes(), &got); err != nil || !reflect.DeepEqual(got, v) || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%v was sent as %q, type %q, error %v", v, w.Body.String(), w.Header().Get("Content-Type"), err)
		}
	}
}
