package jinja_test

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/carafeweb/carafe/jinja"
)

// numberCase is a case of testdata/arithmetic.json, which testdata/arithmetic.py has from real Jinja2: what a template makes, or the kind
// of its error.
type numberCase struct{ Template, Expect, Error string }

// numbersIn is what the cases are rendered with.
var numbersIn = map[string]any{"one": "1", "eff": "f", "ten": 10, "two": 2, "huge": 1e308, "five": 5.5, "nan": math.NaN()}

// complexNumber is how Python prints one.
var complexNumber = regexp.MustCompile(`j\)?$`)

// differs is why Carafe does otherwise on purpose, and whether it does what it means to.
func (c *numberCase) differs(got, kind string) (reason string, right bool) {
	switch {
	case strings.Contains(c.Template, "range("):
		return "Unlike Python, the bounds of a range and its length must fit an int64", kind == "OverflowError"
	case complexNumber.MatchString(c.Expect):
		return "Unlike Python, there are no complex numbers", kind == "ValueError"
	}
	return "", false
}

func TestNumbersAreJinja2s(t *testing.T) {
	data, err := os.ReadFile("testdata/arithmetic.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []numberCase
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	differ := 0
	for _, c := range cases {
		got, err := render(t, jinja.Options{Autoescape: func(string) bool { return false }}, c.Template, numbersIn)
		kind := errorKind(err)
		if kind == c.Error && (kind != "" || got == c.Expect) {
			continue
		}
		if reason, right := c.differs(got, kind); right {
			t.Logf("%s: %s", c.Template, reason)
			differ++
			continue
		}
		t.Errorf("%s gives %.200q, error %.200v; Jinja2 has %.200q %s", c.Template, got, err, c.Expect, c.Error)
	}
	t.Logf("%d cases, %d differ on purpose", len(cases), differ)
}

// errorKind is the Python name of a render's error, "" if there is none.
func errorKind(err error) string {
	if e := (*jinja.Error)(nil); errors.As(err, &e) {
		return e.Kind
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// TestCountsAreBounded asks for more than there is memory for, with counts that Python would try.
func TestCountsAreBounded(t *testing.T) {
	for _, source := range []string{
		"{{ lipsum(1, true, 10**12, 1) }}", "{{ lipsum(2**33, true, 20, 2**31) }}", "{{ lipsum(10**12) }}", "{{ lipsum(10**4, true, 10**4, 10**4) }}",
		`{{ "\t\t".expandtabs(10**12) }}`, "{{ [1]|tojson(indent=10**12) }}", "{{ [[1]]|pprint|indent(10**12) }}", "{{ 'x' * 10**9 }}", "{{ 10**9 * 'x' }}",
		"{{ [1]|batch(10**9, 'x')|list }}", "{{ [1]|slice(10**9)|list }}", "{{ (5).to_bytes(10**12, 'big') }}", "{{ 'x'.ljust(10**12) }}", "{{ 'x'.zfill(10**12) }}",
		"{{ '%*d'|format(10**12, 1) }}", "{{ '%.*f'|format(10**12, 1) }}", "{{ '{:.999999999f}'.format(1.5) }}", "{{ '{:<{}}'.format(1, 10**12) }}", "{{ range(10**12)|list }}",
		"{{ 'a'|indent(10**7, true)|indent(10**7, true)|indent(10**7, true) }}", "{{ ('f' * 100000)|int(0, 16) }}", "{{ 'a,' * 10**7 }}", "{{ ('x' * 10**6).join(['y'] * 10**6) }}",
		"{{ (['y'] * 10**6)|join('x' * 10**6) }}", "{{ ('\n' * 10**6)|indent(10**6, true, true) }}", "{{ ('x' * 10**6)|replace('', 'y' * 10**6) }}", "{{ (10**50000) * (10**50000) }}",
	} {
		start := time.Now()
		got, err := render(t, jinja.Options{}, source, nil)
		if kind := errorKind(err); kind != "OverflowError" && kind != "ValueError" {
			t.Errorf("%s gives %d bytes, error %.200v; want an OverflowError or a ValueError", source, len(got), err)
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%s takes %v before it is refused", source, took)
		}
	}
}
