package jinja_test

import (
	"errors"
	"testing"

	"github.com/carafeweb/carafe/jinja"
)

// TestWorkIsBounded gives the engine texts and numbers on which work that grows with their square,
// or with no bound at all, would outlast the test's own timeout.
func TestWorkIsBounded(t *testing.T) {
	for _, tt := range []struct{ name, source, want, kind string }{
		{"brackets that nothing closes", "{{ ('{' ~ '[' * 9999999).format() }}", "", "ValueError"},
		{"brackets of a Markup that nothing closes", "{{ (('{' ~ '[' * 9999999)|safe).format() }}", "", "ValueError"},
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
