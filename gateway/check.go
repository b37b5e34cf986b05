package gateway

import (
	"fmt"
	"net/http"
	"strings"
)

// checkStart checks the arguments of start_response and returns the status code.
func checkStart(status string, headers http.Header) (int, error) {
	code, err := parseStatus(status)
	if err != nil {
		return 0, err
	}
	for name, values := range headers {
		if err := checkHeader(name, values); err != nil {
			return 0, err
		}
	}
	return code, nil
}

// parseStatus reads "404 Not Found". Unlike PEP 3333, 1xx is refused: it is never a final answer.
func parseStatus(status string) (int, error) {
	if len(status) < 4 || status[3] != ' ' || !isDigits(status[:3]) {
		return 0, fmt.Errorf("gateway: status %q: want three digits, a space and a reason", status)
	}
	if !isText(status) {
		return 0, fmt.Errorf("gateway: status %q holds a control character", status)
	}
	code := int(status[0]-'0')*100 + int(status[1]-'0')*10 + int(status[2]-'0')
	if code < 200 {
		return 0, fmt.Errorf("gateway: status %q is no final answer: want 200 to 999", status)
	}
	return code, nil
}

func checkHeader(name string, values []string) error {
	if !isToken(name) {
		return fmt.Errorf("gateway: header name %q is no token (RFC 9110 section 5.6.2)", name)
	}
	if IsHopByHop(name) {
		return fmt.Errorf("gateway: header %s is hop-by-hop: it is the server's, not the application's", name)
	}
	for _, value := range values {
		if !isText(value) {
			return fmt.Errorf("gateway: header %s: value %q holds a control character", name, value)
		}
	}
	return nil
}

// IsHopByHop reports whether a header concerns one connection only, so that an Application must not send it.
// Unlike wsgiref, it does not take "Trailers", a misprint of RFC 2616; Trailer announces trailers and is allowed.
//
// Source: RFC 9110 section 7.6.1, wsgiref.util.is_hop_by_hop.
func IsHopByHop(name string) bool {
	for _, hop := range hopByHop {
		if strings.EqualFold(name, hop) {
			return true
		}
	}
	return false
}

var hopByHop = [...]string{
	"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "Te",
	"Transfer-Encoding", "Upgrade",
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// isText reports that s holds no control character. Unlike PEP 3333, a tab may stand inside (RFC 9110 section 5.5).
func isText(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' && s[i] != '\t' || s[i] == 0x7f {
			return false
		}
	}
	return true
}

// isToken reports whether s is a token of RFC 9110 section 5.6.2: what methods and header names are made of.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' {
			continue
		}
		if strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}
