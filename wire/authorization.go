package wire

import (
	"encoding/base64"
	"strings"
)

// Authorization is the credentials of an Authorization header: parameters, or a token.
//
// Source: werkzeug.datastructures.Authorization.
type Authorization struct {
	Scheme     string // lower case: "basic", "bearer", "digest" …
	Parameters Params // of Digest and its like; "username" and "password" of Basic
	Token      string // of Bearer and its like
	HasToken   bool   // there is a token, perhaps an empty one, and no parameters
}

// ParseAuthorization reads an Authorization header. ok is false for a missing one, and for Basic credentials that cannot be
// decoded.
//
// Source: Authorization.from_header. Unlike Flask's, the Base64 of Basic credentials must be well-formed: no characters
// from outside the alphabet are skipped.
func ParseAuthorization(field string) (a Authorization, ok bool) {
	if field == "" {
		return a, false
	}
	scheme, rest, _ := strings.Cut(field, " ")
	a.Scheme, rest = strings.ToLower(scheme), strings.TrimSpace(rest)
	switch {
	case a.Scheme == "basic":
		return a.basic(rest)
	case strings.Contains(strings.TrimRight(rest, "="), "="):
		a.Parameters = ParseDict(rest)
		return a, true
	}
	a.Token, a.HasToken = rest, true
	return a, true
}

func (a Authorization) basic(text string) (Authorization, bool) {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || ValidText(string(raw)) != string(raw) {
		return Authorization{}, false
	}
	user, password, _ := strings.Cut(string(raw), ":")
	a.Parameters = Params{{Name: "username", Value: user}, {Name: "password", Value: password}}
	return a, true
}

// Username is that of Basic or Digest credentials.
func (a Authorization) Username() string {
	s, _ := a.Parameters.Get("username")
	return s
}

// Password is that of Basic credentials.
func (a Authorization) Password() string {
	s, _ := a.Parameters.Get("password")
	return s
}
