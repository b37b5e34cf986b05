package server

import (
	"bytes"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// limits are what the scanner holds clients to.
type limits struct {
	line, fields, field, head int
	body                      int64 // 0 is none
	refuseUnderscore          bool
	tls                       tlsParts
}

// A scanner follows a stream of HTTP/1 requests: heads, which it checks whole, and bodies, whose framing it follows.
//
// Source: RFC 9112; Gunicorn's http/message.py for what is refused beyond it.
type scanner struct {
	lim    *limits
	state  scanState
	remain int64 // of a body with a length, or of a chunk
	chunk  chunkReader
	heads  int

	underscores bool // some name has had one
}

type scanState int

const (
	inHead scanState = iota
	inLength
	inChunks
)

func (s *scanner) inBody() bool { return s.state != inHead }

// run follows b and returns how many of its bytes may pass. A head passes whole or not at all: what is left over is to be
// given again with more behind it. After a refusal nothing may follow.
func (s *scanner) run(b []byte) (pass int, no *refusal) {
	for pass < len(b) {
		switch rest := b[pass:]; s.state {
		case inHead:
			n, no := s.head(rest)
			if n == 0 || no != nil {
				return pass, no
			}
			pass += n
			s.heads++
		case inLength:
			n := min(int64(len(rest)), s.remain)
			pass += int(n)
			if s.remain -= n; s.remain == 0 {
				s.state = inHead
			}
		case inChunks:
			n, done, no := s.chunk.run(rest, s.lim)
			pass += n
			if no != nil {
				return pass, no
			}
			if done {
				s.state = inHead
			}
		}
	}
	return pass, nil
}

// head checks one head at the start of b and returns its length, 0 if it is not all there.
func (s *scanner) head(b []byte) (int, *refusal) {
	h := head{lim: s.lim, length: -1}
	pos := 0
	for line := 0; ; line++ {
		end := bytes.IndexByte(b[pos:], '\n')
		if end < 0 {
			return 0, h.tooLong(line, len(b)-pos, len(b))
		}
		text := b[pos : pos+end]
		pos += end + 1
		if no := h.tooLong(line, end+1, pos); no != nil {
			return 0, no
		}
		if len(text) == 0 || text[len(text)-1] != '\r' {
			return 0, refuse(400, "a line does not end in CR LF")
		}
		text = text[:len(text)-1]
		switch {
		case line == 0:
			if no := h.requestLine(text); no != nil {
				return 0, no
			}
		case len(text) == 0:
			if no := h.whole(); no != nil {
				return 0, no
			}
			s.underscores = s.underscores || h.underscores
			return pos, s.begin(&h)
		default:
			if no := h.field(text); no != nil {
				return 0, no
			}
		}
	}
}

// begin sets the scanner on the body that a head announces.
func (s *scanner) begin(h *head) *refusal {
	switch {
	case h.chunked:
		s.state, s.chunk = inChunks, chunkReader{}
	case h.length > 0:
		if s.lim.body > 0 && h.length > s.lim.body {
			return refuse(http.StatusRequestEntityTooLarge, "the body is too large")
		}
		s.state, s.remain = inLength, h.length
	}
	return nil
}

// head is what is known of a request's head while it is read line by line.
type head struct {
	lim                          *limits
	minor                        byte // of HTTP/1.x
	fields                       int
	hosts, types, lengths, codes int // how often the field came
	length                       int64
	chunked                      bool
	underscores                  bool // in a name
}

// tooLong holds the bytes so far against the limits, of the line that is number line and of the whole.
func (h *head) tooLong(line, length, whole int) *refusal {
	switch {
	case line == 0 && length > h.lim.line+2:
		return refuse(http.StatusRequestURITooLong, "the request line is too long")
	case line > 0 && length > h.lim.field:
		return refuse(http.StatusRequestHeaderFieldsTooLarge, "a header field is too long")
	case whole > h.lim.head+h.lim.line:
		return refuse(http.StatusRequestHeaderFieldsTooLarge, "the header is too long")
	}
	return nil
}

func (h *head) requestLine(line []byte) *refusal {
	method, rest, ok := bytes.Cut(line, []byte(" "))
	target, version, ok2 := bytes.Cut(rest, []byte(" "))
	switch {
	case !ok || !ok2:
		return refuse(400, "the request line is not: method, target, version")
	case !isToken(method):
		return refuse(400, "the method is no token")
	case len(version) != 8 || string(version[:5]) != "HTTP/" || version[6] != '.' || !isDigit(version[5]) || !isDigit(version[7]):
		return refuse(400, "the version is not HTTP's")
	case version[5] != '1' || version[7] > '1':
		return refuse(http.StatusHTTPVersionNotSupported, "the version is neither HTTP/1.0 nor HTTP/1.1")
	}
	h.minor = version[7]
	return checkTarget(method, target)
}

// checkTarget is RFC 9112 3.2: which form of target goes with which method.
func checkTarget(method, target []byte) *refusal {
	if !all(target, inTarget) {
		return refuse(400, "the target holds a character that no URI has")
	}
	switch {
	case string(method) == http.MethodConnect:
		return refuse(http.StatusNotImplemented, "this server is no tunnel")
	case len(target) > 0 && target[0] == '/':
		return nil
	case string(target) == "*":
		if string(method) != http.MethodOptions {
			return refuse(400, "the target * is for OPTIONS")
		}
		return nil
	}
	u, err := url.Parse(string(target))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Opaque != "" || u.User != nil || u.Host == "" || !isHost(u.Host) {
		return refuse(400, "the target is neither a path nor an http address")
	}
	return nil
}

func (h *head) field(line []byte) *refusal {
	if h.fields++; h.fields > h.lim.fields {
		return refuse(http.StatusRequestHeaderFieldsTooLarge, "there are too many header fields")
	}
	if line[0] == ' ' || line[0] == '\t' {
		return refuse(400, "a header line is folded")
	}
	name, value, ok := bytes.Cut(line, []byte(":"))
	if !ok || !isToken(name) {
		return refuse(400, "a header line is not: name, colon, value")
	}
	if !all(value, inValue) {
		return refuse(400, "a header value holds a control character")
	}
	if bytes.IndexByte(name, '_') >= 0 {
		if h.lim.refuseUnderscore {
			return refuse(400, "a header name has an underscore")
		}
		h.underscores = true
	}
	return h.known(name, trimmed(value))
}

// trimmed is a field's value without the white space around it. bytes.Trim would prepare its set of two for every field, at
// two parts in a hundred of a small request.
func trimmed(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

// known looks at the fields on which framing and routing depend.
func (h *head) known(name, value []byte) *refusal {
	switch len(name) {
	case len("Host"):
		if equalFold(name, "host") {
			h.hosts++
			if len(value) > 0 && !isPlainHost(value) && !isHost(string(value)) {
				return refuse(400, "Host is no host")
			}
		}
	case len("Content-Type"):
		if equalFold(name, "content-type") {
			h.types++
		}
	case len("Content-Length"):
		if equalFold(name, "content-length") {
			return h.contentLength(value)
		}
	case len("Transfer-Encoding"):
		if equalFold(name, "transfer-encoding") {
			return h.transferEncoding(value)
		}
	}
	return nil
}

func (h *head) contentLength(value []byte) *refusal {
	h.lengths++
	for _, c := range value {
		if !isDigit(c) {
			return refuse(400, "Content-Length is no number")
		}
	}
	n, err := strconv.ParseInt(string(value), 10, 64)
	if err != nil {
		return refuse(400, "Content-Length is no number")
	}
	h.length = n
	return nil
}

func (h *head) transferEncoding(value []byte) *refusal {
	h.codes++
	if !equalFold(value, "chunked") {
		return refuse(http.StatusNotImplemented, "a transfer coding other than chunked")
	}
	h.chunked = true
	return nil
}

// whole is what can be said when all fields are there.
func (h *head) whole() *refusal {
	switch {
	case h.minor == '1' && h.hosts != 1, h.hosts > 1:
		return refuse(400, "there must be one Host")
	case h.lengths > 1:
		return refuse(400, "Content-Length comes more than once")
	case h.types > 1:
		return refuse(400, "Content-Type comes more than once")
	case h.codes > 1:
		return refuse(400, "Transfer-Encoding comes more than once")
	case h.codes > 0 && h.lengths > 0:
		return refuse(400, "Content-Length comes with Transfer-Encoding")
	case h.codes > 0 && h.minor == '0':
		return refuse(400, "Transfer-Encoding comes in HTTP/1.0")
	}
	return nil
}

// isPlainHost is what most hosts are, without a string made for each request: a name with a port, or none.
func isPlainHost(b []byte) bool {
	name, port, _ := bytes.Cut(b, []byte(":"))
	n := 0
	for _, c := range port {
		if !isDigit(c) || n > 65535 {
			return false
		}
		n = n*10 + int(c-'0')
	}
	return n <= 65535 && all(name, inHost)
}

// isHost is RFC 3986's host with an optional port up to 65535.
func isHost(s string) bool {
	host, port, found := s, "", false
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 0 {
			return false
		}
		if a, err := netip.ParseAddr(s[1:end]); err != nil || !a.Is6() || a.Zone() != "" {
			return false
		}
		host = ""
		if port, found = strings.CutPrefix(s[end+1:], ":"); !found && s[end+1:] != "" {
			return false
		}
	} else {
		host, port, found = strings.Cut(s, ":")
	}
	if !all(host, inHost) {
		return false
	}
	if found && port != "" {
		_, err := strconv.ParseUint(port, 10, 16)
		return err == nil
	}
	return true
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// What a byte may be part of. Once per byte of each head: a table costs a load where comparisons cost branches.
const (
	inToken    = 1 << iota // RFC 9110's tchar
	inHost                 // RFC 3986's reg-name
	inValue                // a field's value
	inTarget               // a request's target
	underscore             // "_" itself
)

var classes = func() (t [256]byte) {
	for i := range t {
		c := byte(i)
		word := isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'z'
		if word || c < 0x80 && strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0 {
			t[c] |= inToken
		}
		if word || strings.IndexByte("-._~%!$&'()*+,;=", c) >= 0 && c < 0x80 {
			t[c] |= inHost
		}
		if c >= ' ' && c != 0x7f || c == '\t' {
			t[c] |= inValue
		}
		if c > ' ' && c != 0x7f && c != '#' {
			t[c] |= inTarget
		}
	}
	t['_'] |= underscore
	return t
}()

// all reports whether every byte is of a class.
func all[T []byte | string](b T, class byte) bool {
	for i := range len(b) {
		if classes[b[i]]&class == 0 {
			return false
		}
	}
	return true
}

func isToken(b []byte) bool { return len(b) > 0 && all(b, inToken) }

// equalFold compares ASCII without regard to case; lower is in lower case. bytes.EqualFold would take the Kelvin sign for k.
func equalFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}
