package carafe

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/carafeweb/carafe/routing"
	"github.com/carafeweb/carafe/wire"
)

// checkHeader refuses what would end a header line early, and what no header can hold: CR, LF, NUL and the
// other control characters but tab (RFC 9110, 5.5).
func checkHeader(name, value string) error {
	if !isToken(name) {
		return fmt.Errorf("carafe: %q cannot be the name of a header", name)
	}
	for i := 0; i < len(value); i++ {
		if b := value[i]; b < ' ' && b != '\t' || b == 0x7f {
			return fmt.Errorf("carafe: the value %q of header %s has a control character", value, name)
		}
	}
	return nil
}

// checkHeaders is checkHeader for all of h.
func checkHeaders(h http.Header) error {
	for k, vs := range h {
		for _, v := range vs {
			if err := checkHeader(k, v); err != nil {
				return err
			}
		}
	}
	return nil
}

// check is why the response cannot be sent: what a constructor or a setter could not return, or a header that somebody put into
// the map by hand. It comes before the first byte, so that the answer is a 500 and not half of something.
func (resp *Response) check() error {
	if resp.err != nil {
		return resp.err
	}
	return checkHeaders(resp.Header)
}

// isToken says whether s is a token (RFC 9110, 5.6.2), as header names, methods and cookie names are.
func isToken(s string) bool { return wire.IsToken(s) }

// addVary adds fields to the Vary header of h that are not there yet, whatever their case.
func addVary(h http.Header, fields ...string) {
	var have []string
	for _, f := range append(h[headerVary], fields...) {
		for f := range strings.SplitSeq(f, ",") {
			if f = strings.TrimSpace(f); f != "" && !containsFold(have, f) {
				have = append(have, f)
			}
		}
	}
	if len(have) > 0 {
		h[headerVary] = []string{strings.Join(have, ", ")}
	}
}

func containsFold(list []string, s string) bool {
	for _, l := range list {
		if strings.EqualFold(l, s) {
			return true
		}
	}
	return false
}

// uriSafe are the characters that a URI may hold as they are, next to letters and digits.
const uriSafe = "-._~%!#$&'()*+,/:;=?@"

// iriToURI percent-encodes what a URI cannot hold; what is encoded already stays. The host of an
// absolute one keeps its brackets.
//
// Source: werkzeug.urls.iri_to_uri.
func iriToURI(iri string) string {
	start := 0
	if i := strings.Index(iri, "://"); i > 0 && !strings.ContainsAny(iri[:i], "/?#") {
		start = i + len("://")
		if end := strings.IndexAny(iri[start:], "/?#"); end >= 0 {
			start += end
		} else {
			start = len(iri)
		}
	}
	var b strings.Builder
	for i := start; i < len(iri); i++ {
		if isURIByte(iri[i]) {
			b.WriteByte(iri[i])
		} else {
			fmt.Fprintf(&b, "%%%02X", iri[i])
		}
	}
	return asciiHost(iri[:start]) + b.String()
}

func isURIByte(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || strings.IndexByte(uriSafe, b) >= 0
}

// asciiHost writes a scheme and host with the labels of the host in ASCII (IDNA).
func asciiHost(origin string) string {
	scheme, host, ok := strings.Cut(origin, "://")
	if !ok || host == "" {
		return origin
	}
	user, host, ok := cutLast(host, "@")
	if !ok {
		user, host = "", user
	} else {
		user += "@"
	}
	if ascii, err := routing.ASCIIHost(host); err == nil {
		host = ascii
	}
	return scheme + "://" + user + host
}
