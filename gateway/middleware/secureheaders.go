package middleware

import (
	"cmp"
	"fmt"
	"net/http"
	"time"

	"github.com/carafeweb/carafe/gateway"
)

// SecureHeaders sets the headers that keep browsers from helping an attacker. They are set before the handler runs, which
// may change or delete each for its own answer. "-" as a setting leaves that header out.
type SecureHeaders struct {
	ContentTypeOptions string // X-Content-Type-Options; "" means nosniff
	FrameOptions       string // X-Frame-Options; "" means SAMEORIGIN
	ReferrerPolicy     string // Referrer-Policy; "" means strict-origin-when-cross-origin
	OpenerPolicy       string // Cross-Origin-Opener-Policy; "" means same-origin
	ContentSecurity    string // Content-Security-Policy; "" means none, as only the site knows what it loads
	Permissions        string // Permissions-Policy; "" means none

	// HSTS is how long a browser shall insist on https: Strict-Transport-Security, on https answers only (a trusted proxy's
	// scheme counts). Zero means none: it cannot be taken back before it is over.
	HSTS           time.Duration
	HSTSSubdomains bool // includeSubDomains
}

// Wrap returns next with the headers.
func (m SecureHeaders) Wrap(next http.Handler) http.Handler {
	fixed := m.fixed()
	hsts := m.hsts()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		for _, field := range fixed {
			h[field[0]] = []string{field[1]}
		}
		if hsts != "" && gateway.Scheme(r) == "https" {
			h["Strict-Transport-Security"] = []string{hsts}
		}
		next.ServeHTTP(w, r)
	})
}

// fixed are the headers that are the same for every answer, in pairs of name and value.
func (m *SecureHeaders) fixed() (fields [][2]string) {
	for _, field := range [...][3]string{
		{"X-Content-Type-Options", m.ContentTypeOptions, "nosniff"},
		{"X-Frame-Options", m.FrameOptions, "SAMEORIGIN"},
		{"Referrer-Policy", m.ReferrerPolicy, "strict-origin-when-cross-origin"},
		{"Cross-Origin-Opener-Policy", m.OpenerPolicy, "same-origin"},
		{"Content-Security-Policy", m.ContentSecurity, "-"},
		{"Permissions-Policy", m.Permissions, "-"},
	} {
		if value := cmp.Or(field[1], field[2]); value != "-" {
			fields = append(fields, [2]string{field[0], value})
		}
	}
	return fields
}

func (m *SecureHeaders) hsts() string {
	if m.HSTS <= 0 {
		return ""
	}
	value := fmt.Sprintf("max-age=%d", int64(m.HSTS.Seconds()))
	if m.HSTSSubdomains {
		value += "; includeSubDomains"
	}
	return value
}
