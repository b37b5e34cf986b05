package carafe

import (
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
)

// A Secret is a key or password. However it is printed, logged or marshalled it is "[secret]", so that a config that is
// shown gives nothing away; string(s) is the text itself.
type Secret string

const masked = "[secret]"

// String masks the secret, unless there is none.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return masked
}

// Format masks the secret under every verb of fmt.
func (s Secret) Format(f fmt.State, verb rune) {
	switch {
	case verb == 'v' && f.Flag('#'):
		fmt.Fprintf(f, "carafe.Secret(%q)", s.String())
	case verb == 'q':
		fmt.Fprintf(f, "%q", s.String())
	default:
		_, _ = io.WriteString(f, s.String())
	}
}

// MarshalText masks the secret in JSON and other texts.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText takes the text as it is.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = Secret(text)
	return nil
}

// LogValue masks the secret in logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Settings are the user's own, by upper-case name. Printed, they show no value whose name says that it is secret: one with
// KEY, SECRET, PASS, TOKEN, AUTH, CREDENTIAL, SIGNATURE, API or DSN in it, at any depth; nor a URL with a password.
type Settings map[string]any

// Format masks what is secret, under every verb.
func (s Settings) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "%v", s.masked()) }

// LogValue masks what is secret.
func (s Settings) LogValue() slog.Value { return slog.AnyValue(s.masked()) }

func (s Settings) masked() map[string]any { return maskMap(s) }

func maskMap(m map[string]any) map[string]any {
	out := make(map[string]any, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if inner, ok := m[k].(map[string]any); ok {
			out[k] = maskMap(inner)
		} else if out[k] = m[k]; soundsSecret(k) || hasPassword(m[k]) {
			out[k] = masked
		}
	}
	return out
}

// secretWords give a setting away as one that must not be shown. Source: Django's SafeExceptionReporterFilter.
var secretWords = []string{"KEY", "SECRET", "PASS", "TOKEN", "AUTH", "CREDENTIAL", "SIGNATURE", "API", "DSN"}

func soundsSecret(name string) bool {
	name = strings.ToUpper(name)
	return slices.ContainsFunc(secretWords, func(word string) bool { return strings.Contains(name, word) })
}

// hasPassword finds "postgres://user:password@host/shop".
func hasPassword(value any) bool {
	text, _ := value.(string)
	_, rest, ok := strings.Cut(text, "://")
	user, _, at := strings.Cut(rest, "@")
	return ok && at && strings.Contains(user, ":")
}
