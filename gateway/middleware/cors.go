package middleware

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/rs/cors"
)

// CORS lets pages of other origins read this site's answers. The zero CORS lets none.
//
// A preflight is answered here and does not reach the handler. github.com/rs/cors does the work.
type CORS struct {
	// Origins may read: "https://app.example.com", or with one "*" in place of a part of the host,
	// "https://*.example.com". "*" alone is every origin, without credentials.
	Origins []string

	Methods []string // beyond GET, HEAD and POST
	Headers []string // that a page may send, beyond the plain ones; "*" alone means any
	Expose  []string // headers of the answer that a page may read, beyond the plain ones

	// Credentials sends cookies along and lets the page read the answer to them.
	Credentials bool

	// MaxAge is how long a browser may remember a preflight's answer. Zero means its own default (5 s).
	MaxAge time.Duration
}

// Check returns the error that Wrap panics with: credentials for every origin, an origin that no browser sends.
func (m CORS) Check() error {
	if m.Credentials && slices.Contains(m.Origins, "*") {
		return errors.New(`middleware: CORS: Credentials for every origin ("*") would let any page act as the user: name the origins`)
	}
	for _, origin := range m.Origins {
		if err := checkOrigin(origin, m.Credentials); err != nil {
			return fmt.Errorf("middleware: CORS: %w", err)
		}
	}
	return nil
}

func checkOrigin(origin string, credentials bool) error {
	if origin == "*" {
		return nil
	}
	u, err := url.Parse(strings.Replace(origin, "*", "x", 1))
	switch {
	case err != nil || u.Scheme == "" || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.User != nil:
		return fmt.Errorf(`origin %q: want a scheme and a host, like "https://app.example.com"`, origin)
	case strings.Count(origin, "*") > 1:
		return fmt.Errorf(`origin %q has more than one "*"`, origin)
	case strings.Contains(origin, "*") && !strings.Contains(origin, "://*."):
		return fmt.Errorf(`origin %q: "*" stands for whole labels in front only, as in "https://*.example.com": anybody can register the rest`, origin)
	case credentials && u.Scheme == "http" && !isLoopback(u.Hostname()):
		return fmt.Errorf(`origin %q: with Credentials, a page that anybody on the way can change may act as the user: use https`, origin)
	}
	return nil
}

func isLoopback(host string) bool {
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || host == "127.0.0.1" || host == "::1"
}

// Wrap returns next behind the origins' check.
func (m CORS) Wrap(next http.Handler) http.Handler {
	if err := m.Check(); err != nil {
		panic(err)
	}
	if len(m.Origins) == 0 {
		return next // rs/cors takes an empty list for every origin
	}
	options := cors.Options{
		AllowedMethods:   append([]string{"GET", "HEAD", "POST"}, m.Methods...),
		AllowedHeaders:   m.Headers,
		ExposedHeaders:   m.Expose,
		AllowCredentials: m.Credentials,
		MaxAge:           int(m.MaxAge.Seconds()),
	}
	if slices.Contains(m.Origins, "*") {
		options.AllowedOrigins = []string{"*"}
	} else {
		options.AllowOriginFunc = m.allows
	}
	return cors.New(options).Handler(next)
}

// allows reports whether origin is one of m.Origins. The matching of rs/cors lets its "*" stand for any text, so that for
// "https://*.example.com" the answer to the Origin "https://evil.test/.example.com" would repeat that: no browser sends it, and a
// cache or a log in between need not read it as one does.
func (m CORS) allows(origin string) bool {
	origin = strings.ToLower(origin)
	return slices.ContainsFunc(m.Origins, func(allowed string) bool {
		before, after, wild := strings.Cut(strings.ToLower(allowed), "*")
		if !wild {
			return origin == before
		}
		rest, ok := strings.CutPrefix(origin, before)
		if !ok {
			return false
		}
		labels, ok := strings.CutSuffix(rest, after)
		return ok && areLabels(labels)
	})
}

// areLabels reports whether s is what stands in front of a domain in a host's name: labels, with dots between them.
func areLabels(s string) bool {
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}
