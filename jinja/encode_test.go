package jinja_test

import (
	"errors"
	"testing"

	"github.com/carafeweb/carafe/jinja"
)

// TestEncodersOfText has each way to go on at a character that the encoding does not have. What is wanted is what Python prints.
func TestEncodersOfText(t *testing.T) {
	for _, tt := range []struct{ name, source, want string }{
		{"references", "{{ 'aéü€😀b'.encode('ascii', 'xmlcharrefreplace') }}", `b'a&#233;&#252;&#8364;&#128512;b'`},
		{"references where Latin-1 ends", "{{ 'é€'.encode('latin1', 'xmlcharrefreplace') }}", `b'\xe9&#8364;'`},
		{"backslashes", "{{ 'éü€😀a'.encode('ascii', 'backslashreplace') }}", `b'\\xe9\\xfc\\u20ac\\U0001f600a'`},
		{"question marks", "{{ 'aéü€b'.encode('ascii', 'replace') }}", `b'a???b'`},
		{"nothing", "{{ 'aéü€b'.encode('ascii', 'ignore') }}", `b'ab'`},
		{"an error that has one character", "{{ 'aé'.encode('ascii') }}", `UnicodeEncodeError: 'ascii' codec can't encode character '\xe9' in position 1: ordinal not in range(128)`},
		{"an error that has several", "{{ 'aéüb'.encode('ascii', 'strict') }}", `UnicodeEncodeError: 'ascii' codec can't encode characters in position 1-2: ordinal not in range(128)`},
		{"an error of Latin-1", "{{ 'é€'.encode('latin-1') }}", `UnicodeEncodeError: 'latin-1' codec can't encode character '\u20ac' in position 1: ordinal not in range(256)`},
		{"handlers of surrogates, which are in no text", "{{ 'é'.encode('ascii', 'surrogateescape') }}", `UnicodeEncodeError: 'ascii' codec can't encode character '\xe9' in position 0: ordinal not in range(128)`},
		{"a handler that nobody knows", "{{ 'é'.encode('ascii', 'nope') }}", `LookupError: unknown error handler name 'nope'`},
		{"a handler that Python alone knows", "{{ 'é'.encode('ascii', 'namereplace') }}", `LookupError: unknown error handler name 'namereplace'`},
		{"a handler that is not needed", "{{ 'e'.encode('ascii', 'nope') }}", `b'e'`},
		{"a handler that UTF-8 does not need", "{{ 'é'.encode('utf-8', 'nope') }}", `b'\xc3\xa9'`},
		{"references that grow", "{{ ('é' * 4000000).encode('ascii', 'xmlcharrefreplace') }}", "OverflowError: sequence is longer than 10000000 items"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := render(t, jinja.Options{Autoescape: func(string) bool { return false }}, tt.source, nil)
			if e := (*jinja.Error)(nil); errors.As(err, &e) {
				got = e.Kind + ": " + e.Message
			}
			if got != tt.want {
				t.Errorf("%s gives\n%.200s, want\n%s", tt.source, got, tt.want)
			}
		})
	}
}
