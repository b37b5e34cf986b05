package carafe

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A Challenge is what a 401 asks the client for, in its WWW-Authenticate header.
//
// Source: werkzeug.datastructures.WWWAuthenticate.
type Challenge struct {
	Scheme string      // "Basic", "Bearer", "Digest" …
	Params [][2]string // name and value, quoted as needed, in the order in which they are sent
	Token  string      // instead of parameters; "" means none
}

// String is the value of the header.
func (ch Challenge) String() string {
	scheme := ch.Scheme
	if scheme != "" {
		scheme = strings.ToUpper(scheme[:1]) + strings.ToLower(scheme[1:])
	}
	if ch.Token != "" {
		return scheme + " " + ch.Token
	}
	items := make([]string, len(ch.Params))
	for i, p := range ch.Params {
		quoted := scheme == "Digest" && digestQuoted[p[0]] || !isToken(p[1])
		value := p[1]
		if quoted && !strings.HasSuffix(p[0], "*") {
			value = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
		}
		items[i] = p[0] + "=" + value
	}
	return strings.TrimSpace(scheme + " " + strings.Join(items, ", "))
}

// digestQuoted are the parameters that Digest always quotes (RFC 7616, 3.3).
var digestQuoted = map[string]bool{"realm": true, "domain": true, "nonce": true, "opaque": true, "qop": true}

// Unauthorized is a 401 that asks for one of the challenges.
//
// Source: werkzeug.exceptions.Unauthorized.
func Unauthorized(challenges ...Challenge) *HTTPError {
	e := &HTTPError{Code: http.StatusUnauthorized, Header: http.Header{}}
	for _, ch := range challenges {
		e.Header.Add("WWW-Authenticate", ch.String())
	}
	return e
}

// RetryAfter is an HTTP error, 429 or 503 as a rule, that says in how long the client may try again: whole seconds,
// rounded up; zero says nothing.
//
// Source: werkzeug.exceptions._RetryAfter.
func RetryAfter(code int, wait time.Duration) *HTTPError {
	e := &HTTPError{Code: code}
	if wait > 0 {
		seconds := (wait + time.Second - 1) / time.Second
		e.Header = http.Header{"Retry-After": {strconv.FormatInt(int64(seconds), 10)}}
	}
	return e
}
