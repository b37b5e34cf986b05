package server

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/carafeweb/carafe/gateway"
)

// A schemeHeader is a field by which a trusted proxy says that the client's connection is secure.
type schemeHeader struct{ name, value string }

func parseSchemeHeaders(pairs []string) ([]schemeHeader, error) {
	var list []schemeHeader
	for _, p := range pairs {
		name, value, ok := strings.Cut(p, "=")
		if !ok || !isToken([]byte(name)) || value == "" {
			return nil, fmt.Errorf("server: secure_scheme_headers has %q: use Name=value, as X-Forwarded-Proto=https", p)
		}
		list = append(list, schemeHeader{http.CanonicalHeaderKey(name), value})
	}
	return list, nil
}

// prepare makes of the request what the application is to see: no names with underscores, and what a trusted proxy says
// of scheme, client and host. From anybody else forwarding fields are passed on as the mere text that they are.
func (s *service) prepare(r *http.Request, g *guard) (*http.Request, *refusal) {
	if s.cfg.UnderscoreHeaders == "drop" && (g == nil || g.underscores.Load()) {
		for name := range r.Header {
			if strings.IndexByte(name, '_') >= 0 {
				delete(r.Header, name)
			}
		}
	}
	if (s.trusted.all || len(s.trusted.nets) > 0) && s.trusted.has(peerOf(r, g)) {
		var no *refusal
		if r, no = s.believe(r); no != nil {
			return r, no
		}
	}
	if s.cfg.RootPath == "" {
		return r, nil
	}
	shifted, ok := gateway.ShiftPrefix(r, s.cfg.RootPath)
	if !ok {
		return r, refuse(http.StatusNotFound, "there is nothing outside of the application's root")
	}
	return shifted, nil
}

// forwardingFields are what TrustedHeaders may hold.
var forwardingFields = []string{"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Prefix"}

// trustedField is a proxy's word in one field, "" if it is not to be believed.
func (s *service) trustedField(r *http.Request, name string) string {
	if v := r.Header[name]; len(v) == 1 && slices.Contains(s.cfg.TrustedHeaders, name) {
		return v[0]
	}
	return ""
}

// peerOf is who the connection is from.
func peerOf(r *http.Request, g *guard) net.Addr {
	if g != nil {
		return g.remote
	}
	a, err := net.ResolveTCPAddr("tcp", r.RemoteAddr)
	if err != nil {
		return &net.UnixAddr{}
	}
	return a
}

// believe takes a trusted proxy's word: URL.Scheme, RemoteAddr, Host, the script name.
func (s *service) believe(r *http.Request) (*http.Request, *refusal) {
	secure, plain := false, false
	for _, h := range s.schemes {
		if v := r.Header[h.name]; len(v) > 0 {
			if len(v) == 1 && strings.EqualFold(v[0], h.value) {
				secure = true
			} else {
				plain = true
			}
		}
	}
	switch {
	case secure && plain:
		return r, refuse(400, "the proxy's fields contradict each other about the scheme")
	case secure:
		r.URL.Scheme = "https"
	case plain:
		r.URL.Scheme = "http"
	}
	if client := s.client(r); client != "" {
		r.RemoteAddr = net.JoinHostPort(client, "0")
	}
	if v := s.trustedField(r, "X-Forwarded-Host"); v != "" && isHost(v) {
		r.Host = v
	}
	if v := s.trustedField(r, "X-Forwarded-Prefix"); isPrefix(v) {
		r = gateway.WithScriptName(r, strings.TrimSuffix(v, "/"))
	}
	return r, nil
}

// isPrefix reports whether a path can be put in front of others: one slash at its beginning, or a browser would take what
// follows for a host.
func isPrefix(v string) bool {
	return len(v) > 1 && v[0] == '/' && v[1] != '/' && v[1] != '\\' && all(v, inTarget)
}

// client is the last address in X-Forwarded-For that is not itself trusted.
func (s *service) client(r *http.Request) string {
	if !slices.Contains(s.cfg.TrustedHeaders, "X-Forwarded-For") {
		return ""
	}
	hops := strings.Split(strings.Join(r.Header["X-Forwarded-For"], ","), ",")
	found := ""
	for i := len(hops) - 1; i >= 0; i-- {
		ip := net.ParseIP(strings.TrimSpace(hops[i]))
		if ip == nil {
			break
		}
		found = ip.String()
		if s.trusted.all || !s.trusted.has(&net.TCPAddr{IP: ip}) {
			break
		}
	}
	return found
}

// refuse answers for the guard.
func (s *service) refuse(w http.ResponseWriter, r *http.Request, g *guard, no *refusal) {
	x := &exchange{s: s, w: w, guard: g, began: time.Now(), method: "-", path: "-", remote: r.RemoteAddr}
	r.Method, r.RequestURI = "-", "-"
	r.Header = http.Header{}
	s.requests.begin(x)
	defer x.end(r)
	s.log.Debug("request refused", "peer", x.remote, "status", no.status, "why", no.why)
	s.plain(x, no)
}

// plain answers a refusal with its reason, which never repeats what the client sent.
func (s *service) plain(x *exchange, no *refusal) {
	body := no.why + "\n"
	h := x.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if x.guard != nil {
		h.Set("Connection", "close")
	}
	x.WriteHeader(no.status)
	io.WriteString(x, body)
}

// hasControl reports whether a field value holds what it must not. Once per field of each answer.
func hasControl(v string) bool {
	for i := range len(v) {
		if c := v[i]; c < ' ' && c != '\t' || c == 0x7f {
			return true
		}
	}
	return false
}

func blankControls(v string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == 0x7f {
			return ' '
		}
		return r
	}, v)
}

func limitsOf(c *Config) limits {
	return limits{
		line: c.MaxRequestLine, fields: c.MaxHeaderFields, field: c.MaxHeaderFieldSize, head: c.MaxHeaderBytes, body: c.MaxBodyBytes,
		refuseUnderscore: c.UnderscoreHeaders == "refuse",
	}
}
