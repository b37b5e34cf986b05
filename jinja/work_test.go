package jinja_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/carafeweb/carafe/jinja"
)

// TestWorkIsBounded gives the engine texts and numbers on which work that grows with their square,
// or with no bound at all, would outlast the test's own timeout.
func TestWorkIsBounded(t *testing.T) {
	for _, tt := range []struct{ name, source, want, kind string }{
		{"brackets that nothing closes", "{{ ('{' ~ '[' * 9999999).format() }}", "", "ValueError"},
		{"brackets of a Markup that nothing closes", "{{ (('{' ~ '[' * 9999999)|safe).format() }}", "", "ValueError"},
		{"grouped zeros of an integer", "{{ '{:09999999,}'.format(1)|length }}", "9999999", ""},
		{"grouped zeros of a float", "{{ '{:09999998,.1f}'.format(-1)|length }}", "9999998", ""},
		{"powers that are nearly zero", "{% for i in range(1000000) %}{% if (2.5 + i) ** 1e-300 != 1 %}{{ i }}{% endif %}{% endfor %}", "", ""},
		{"a split from the right", "{{ ('a,' * 3000000).rsplit(',')|length }}", "3000001", ""},
		{"a split at blanks from the right", "{{ ('a ' * 3000000).rsplit(none, 2999999)|length }}", "3000000", ""},
		{"a strip of many characters", "{{ ('a' * 9000000).strip('b' * 9000000 ~ 'a')|length }}", "0", ""},
		{"brackets around an address", "{{ ('a' ~ '(' * 4000000 ~ 'b' ~ ')' * 4000000)|urlize|length }}", "8000002", ""},
		{"fields of many keywords", "{% set ns = namespace(d={}) %}{% for i in range(300000) %}{{ ns.d.update({'k%d' % i: ''}) or '' }}{% endfor %}{{ ('{k299999}' * 1000000).format(**ns.d) }}", "", ""},
		{"a word that begins with blanks it is not broken at", "{{ ('x ' ~ '\u00a0' * 4000000 ~ 'a')|wordwrap(1) }}", "x\na", ""},
		{"a word that ends with them", "{{ ('x ' ~ 'a' * 1500000 ~ '\u00a0' * 4000000)|wordwrap(1)|length }}", "3000001", ""},
		{"a translation that grows", "{{ ('a' * 10000).translate({97: 'b' * 1000000})|length }}", "", "OverflowError"},
		{"a safe separator between texts", "{{ (','|safe).join(['a' * 1000000] * 10000)|length }}", "", "OverflowError"},
		{"a key that indents", "{{ {'k' * 1000000: range(100000)|list}|pprint|length }}", "", "OverflowError"},
		{"a sort by many attributes", "{{ range(100000)|sort(attribute='a,' * 100000)|length }}", "", "OverflowError"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := render(t, jinja.Options{}, tt.source, nil)
			var e *jinja.Error
			errors.As(err, &e)
			if tt.kind == "" && (got != tt.want || err != nil) {
				t.Errorf("%s prints %.100q, %.300v, want %q", tt.source, got, err, tt.want)
			} else if tt.kind != "" && (e == nil || e.Kind != tt.kind) {
				t.Errorf("%s ends with %.300v, want a %s", tt.source, err, tt.kind)
			}
		})
	}
}

func TestBracesWithoutAnEnd(t *testing.T) {
	for _, source := range []string{"{0[}", "{0[a", "{0[", "{0[a]", "{0[a][", "{0.b[c", "{[[[", "{0"} {
		_, err := render(t, jinja.Options{}, "{{ s.format([1]) }}", map[string]any{"s": source})
		var e *jinja.Error
		if !errors.As(err, &e) || e.Kind != "ValueError" || e.Message != "expected '}' before end of string" {
			t.Errorf("%q.format([1]) ends with %v, want that a } is expected before the end", source, err)
		}
	}
}

// TestGroupedZeros holds widths against Python's rule: as many digits as fill the width, and one
// more where it would begin with a separator. The lengths are what Python 3.11 prints.
func TestGroupedZeros(t *testing.T) {
	for _, tt := range []struct{ source, want string }{
		{"{{ '{:010,}'.format(1) }}", "00,000,001"},
		{"{{ '{:09,}'.format(1) }}", "0,000,001"},
		{"{{ '{:08,}'.format(1) }}", "0,000,001"},
		{"{{ '{:07,}'.format(1) }}", "000,001"},
		{"{{ '{:04,}'.format(1) }}", "0,001"},
		{"{{ '{:02,}'.format(123) }}", "123"},
		{"{{ '{:01,}'.format(1234) }}", "1,234"},
		{"{{ '{:05,}'.format(-1) }}", "-0,001"},
		{"{{ '{:+09,}'.format(1) }}", "+0,000,001"},
		{"{{ '{:#012_x}'.format(255) }}", "0x0_0000_00ff"},
		{"{{ '{:#011_x}'.format(255) }}", "0x0000_00ff"},
		{"{{ '{:011_b}'.format(5) }}", "0_0000_0101"},
		{"{{ '{:012,.2f}'.format(3.5) }}", "0,000,003.50"},
		{"{{ '{:013,.2f}'.format(3.5) }}", "00,000,003.50"},
		{"{{ '{:09,%}'.format(0.5) }}", "50.000000%"},
		{"{{ '{:010,}'.format(1e999) }}", "0000000inf"},
		{"{{ '{:x=10,}'.format(1) }}", "xxxxxxxxx1"},
		{"{{ '{:08,}'.format(1234567) }}", "1,234,567"},
	} {
		if got, err := render(t, jinja.Options{}, tt.source, nil); got != tt.want || err != nil {
			t.Errorf("%s prints %q (%v), want %q", tt.source, got, err, tt.want)
		}
	}
	for width := range 60 {
		source := "{{ ('{:0' ~ w ~ ',}').format(7) }}"
		got, err := render(t, jinja.Options{}, source, map[string]any{"w": width})
		if err != nil || len(got) < width || len(got) > width+1 || len(got) > width && width > 1 && !strings.HasPrefix(got, "0,") {
			t.Errorf("%s of width %d prints %q (%v), which is not that wide", source, width, got, err)
		}
	}
}
