package jinja_test

import (
	"errors"
	"testing"

	"github.com/carafeweb/carafe/jinja"
)

// TestWordsOfFormattingErrors holds messages against Python's, letter by letter.
func TestWordsOfFormattingErrors(t *testing.T) {
	for _, tt := range []struct{ name, source, want string }{
		{"two characters", "{{ '%c' % 'ab' }}", "TypeError: %c requires int or char"},
		{"a fraction", "{{ '%c' % 1.5 }}", "TypeError: %c requires int or char"},
		{"a character of a Markup", "{{ ('%c'|safe) % 'x' }}", "TypeError: %c requires int or char"},
		{"a number beyond Unicode", "{{ '%c' % 0x110000 }}", "OverflowError: %c arg not in range(0x110000)"},
		{"a number below it", "{{ '%c' % -1 }}", "OverflowError: %c arg not in range(0x110000)"},
		{"a number beyond Unicode in braces", "{{ '{:c}'.format(0x110000) }}", "OverflowError: %c arg not in range(0x110000)"},
		{"a text for a number", "{{ '%x' % 'a' }}", "TypeError: %x format: an integer is required, not str"},
		{"a percent sign of the template", "{{ '%d' % '%d' }}", "TypeError: %d format: a real number is required, not str"},
		{"a block that begins with one", "{% %d %}", "TemplateSyntaxError: tag name expected"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := render(t, jinja.Options{}, tt.source, nil)
			var e *jinja.Error
			if !errors.As(err, &e) || e.Kind+": "+e.Message != tt.want {
				t.Errorf("%s prints %q and ends with %v, want %s", tt.source, got, err, tt.want)
			}
		})
	}
}
