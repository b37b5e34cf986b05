package signing_test

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/carafeweb/carafe/signing"
)

type cookieCase struct {
	ID, Kind, Name, Cookie string
	SecretKey              any `json:"secret_key"`
	Fallbacks              []any
	Now, Lifetime          json.Number
	Session                any
	Expect                 struct {
		Cookie, JSON   string
		Compressed     bool
		LoadsAs        any `json:"loads_as"`
		Session        any
		Reason         string
		Error, Message string
	}
}

func TestOracleCookies(t *testing.T) {
	var n tally
	for _, c := range readGolden[cookieCase](t, "cookies") {
		switch c.Kind {
		case "sign":
			n.count(t, c.ID, c.Name, c.sign(t))
		case "open":
			n.count(t, c.ID, c.Name, c.open(t))
		case "refuse":
			n.count(t, c.ID, c.Name, c.refuse())
		default: // request, dump: what the root package does with the cookie
			n.leave(c.Kind)
		}
	}
	n.report(t, "cookies")
}

func goldenKey(t *testing.T, v any) []byte {
	t.Helper()
	switch key := fromGolden(t, v).(type) {
	case string:
		return []byte(key)
	case []byte:
		return key
	}
	t.Fatalf("golden data has a key %v", v)
	return nil
}

func goldenTime(t *testing.T, n json.Number) time.Time {
	t.Helper()
	seconds, err := strconv.ParseFloat(string(n), 64)
	if err != nil {
		t.Fatal(err)
	}
	return time.Unix(int64(math.Floor(seconds)), 0)
}

// lifetime is whole seconds, as Flask makes them of its setting, as far as a Duration reaches.
func (c *cookieCase) lifetime(t *testing.T) time.Duration {
	t.Helper()
	seconds, err := strconv.ParseFloat(string(c.Lifetime), 64)
	if err != nil {
		t.Fatal(err)
	}
	if seconds >= float64(math.MaxInt64/time.Second) {
		return signing.Forever - 1
	}
	return time.Duration(seconds) * time.Second
}

func (c *cookieCase) serializer(t *testing.T) (*signing.Serializer, error) {
	t.Helper()
	opts := signing.Options{Keys: signing.Keys{goldenKey(t, c.SecretKey)}}
	for _, key := range c.Fallbacks {
		opts.Keys = append(opts.Keys, goldenKey(t, key))
	}
	if err := opts.Check(); err != nil {
		return nil, err
	}
	return signing.NewSession(opts), nil
}

// unusable is the outcome for keys that Carafe does not take.
func (c *cookieCase) unusable(t *testing.T, err error) string {
	for _, key := range append([]any{c.SecretKey}, c.Fallbacks...) {
		if len(goldenKey(t, key)) == 0 {
			return "Unlike Flask, an empty key is refused, as anyone can sign with it"
		}
	}
	return fmt.Sprintf("keys refused: %v", err)
}

var loneSurrogate = regexp.MustCompile(`\\ud[89ab]..\\ud[c-f]..|\\ud[89a-f]..`)

// withoutLone is the JSON text with U+FFFD for each half of a surrogate pair alone.
func withoutLone(text string) string {
	return loneSurrogate.ReplaceAllStringFunc(text, func(s string) string {
		if len(s) == 12 {
			return s
		}
		return `\ufffd`
	})
}

var earlyDate = regexp.MustCompile(`" d":"\w{3}, \d\d \w{3} 00\d\d \d\d:\d\d:\d\d GMT"`)

func (c *cookieCase) sign(t *testing.T) string {
	s, err := c.serializer(t)
	if err != nil {
		return c.unusable(t, err)
	}
	session, now := fromGolden(t, c.Session), goldenTime(t, c.Now)
	cookie, err := s.Dump(session, now)
	if c.Expect.Error != "" {
		if err == nil {
			return fmt.Sprintf("signed as %s, Flask refuses with %s: %s", cookie, c.Expect.Error, c.Expect.Message)
		}
		return ""
	}
	if err != nil {
		return fmt.Sprintf("Dump(%s): %v", describe(session), err)
	}
	payload := readPayload(t, cookie)
	lone := withoutLone(c.Expect.JSON) != c.Expect.JSON
	switch {
	case payload != withoutLone(c.Expect.JSON):
		return fmt.Sprintf("payload is\n\t%s, Flask's is\n\t%s", payload, c.Expect.JSON)
	case lone:
		return "Unlike Flask, half a surrogate pair is signed as U+FFFD, since a Go string cannot hold it"
	case strings.HasPrefix(cookie, ".") != c.Expect.Compressed:
		return fmt.Sprintf("cookie is %s; Flask's, compressed: %v, is %s", cookie, c.Expect.Compressed, c.Expect.Cookie)
	case len(payload) <= signing.LongestDeflated && cookie != c.Expect.Cookie:
		return fmt.Sprintf("cookie is\n\t%s, Flask's is\n\t%s", cookie, c.Expect.Cookie)
	}
	return c.comesBack(t, s, cookie, payload)
}

// comesBack opens both our own cookie and Flask's.
func (c *cookieCase) comesBack(t *testing.T, s *signing.Serializer, cookie, payload string) string {
	want := fromGolden(t, c.Session)
	if c.Expect.LoadsAs != nil {
		want = fromGolden(t, c.Expect.LoadsAs)
	}
	for _, text := range []string{cookie, c.Expect.Cookie} {
		got, signed, err := s.Load(text, 0, goldenTime(t, c.Now))
		if err != nil {
			return fmt.Sprintf("Load(%s): %v", text, err)
		}
		if !signed.Equal(goldenTime(t, c.Now)) {
			return fmt.Sprintf("Load(%s): signed at %v, not %v", text, signed, goldenTime(t, c.Now))
		}
		if describe(got) == describe(want) {
			continue
		}
		if earlyDate.MatchString(payload) && describe(got) == describe(fromGolden(t, c.Session)) {
			return "Unlike Flask, a date of a year below 100 comes back as it was"
		}
		return fmt.Sprintf("Load(%s) is\n\t%s, Flask's is\n\t%s", text, describe(got), describe(want))
	}
	return ""
}

// readPayload is the JSON of a cookie, read without the package under test.
func readPayload(t *testing.T, cookie string) string {
	t.Helper()
	text, compressed := strings.CutPrefix(cookie, ".")
	text, _, _ = strings.Cut(text, ".")
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatalf("payload of %s: %v", cookie, err)
	}
	if !compressed {
		return string(data)
	}
	zr, err := zlib.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("payload of %s: %v", cookie, err)
	}
	data, err = io.ReadAll(zr)
	if err != nil {
		t.Fatalf("payload of %s: %v", cookie, err)
	}
	return string(data)
}

// className is the class of itsdangerous that err stands for.
func className(err error) string {
	var (
		expired    *signing.SignatureExpired
		badTime    *signing.BadTimeSignature
		bad        *signing.BadSignature
		badPayload *signing.BadPayload
	)
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &expired):
		return "SignatureExpired"
	case errors.As(err, &badTime):
		return "BadTimeSignature"
	case errors.As(err, &bad):
		return "BadSignature"
	case errors.As(err, &badPayload):
		return "BadPayload"
	}
	return fmt.Sprintf("%T", err)
}

func (c *cookieCase) open(t *testing.T) string {
	s, err := c.serializer(t)
	if err != nil {
		return c.unusable(t, err)
	}
	now, lifetime := goldenTime(t, c.Now), c.lifetime(t)
	_, _, err = s.Load(c.Cookie, lifetime, now)
	reason, _, _ := strings.Cut(c.Expect.Reason, " ")
	if got := className(err); got != reason {
		if outcome := openedElse(reason, err); outcome != "" {
			return outcome
		}
		return fmt.Sprintf("Load(%q) gives %s (%v), Flask %s", c.Cookie, got, err, c.Expect.Reason)
	}
	// The session is what a request reads: the text as the Cookie header gives it.
	v, _, err := s.Load(headerValue(c.Cookie), lifetime, now)
	got, ok := asSession(v)
	var badPayload *signing.BadPayload
	switch {
	case errors.As(err, &badPayload) || err == nil && !ok:
		// Flask fails with a 500; here the root package takes the error for an empty session.
		if c.Expect.Error == "" {
			return fmt.Sprintf("Load(%q): %v, value %v; Flask opens %s", c.Cookie, err, v, describe(fromGolden(t, c.Expect.Session)))
		}
		return ""
	case err != nil:
		got = map[string]any{}
	}
	if c.Expect.Error != "" {
		return fmt.Sprintf("Load(%q) is %s, Flask fails with %s", c.Cookie, describe(got), c.Expect.Error)
	}
	if want := fromGolden(t, c.Expect.Session); describe(got) != describe(want) {
		return fmt.Sprintf("Load(%q) is\n\t%s, Flask's is\n\t%s", c.Cookie, describe(got), describe(want))
	}
	return ""
}

// openedElse is the purpose of an error that is not Flask's, "" if there is none.
func openedElse(reason string, err error) string {
	var badTime *signing.BadTimeSignature
	switch {
	case errors.Is(err, signing.ErrTooLarge):
		return "Unlike Flask, a payload is inflated up to MaxPayload only"
	case errors.As(err, &badTime) && strings.HasSuffix(reason, "Error"):
		return "Unlike Flask, a time after the year 9999 is a BadTimeSignature, not a bare " + reason
	case reason == "ok" && err != nil && strings.Contains(err.Error(), `tag " m" around`):
		return "Unlike Flask, a markup tag around a list, map or another tag is a BadPayload"
	}
	return ""
}

var cookieEscape = regexp.MustCompile(`\\([0-3][0-7]{2}|.)`)

// headerValue is what Werkzeug's parse_cookie makes of the value.
func headerValue(text string) string {
	text, _, _ = strings.Cut(text, ";")
	text = strings.TrimSpace(text)
	if len(text) < 2 || text[0] != '"' || text[len(text)-1] != '"' {
		return text
	}
	return cookieEscape.ReplaceAllStringFunc(text[1:len(text)-1], func(s string) string {
		if len(s) == 2 {
			return s[1:]
		}
		n, _ := strconv.ParseUint(s[1:], 8, 8) // three octal digits below 400, by the pattern
		return string([]byte{byte(n)})
	})
}

// asSession is Python's dict(v), which is what Flask makes of a payload.
func asSession(v any) (map[string]any, bool) {
	switch v := v.(type) {
	case map[string]any:
		return v, true
	case nil:
		return map[string]any{}, true
	case []any:
		out := map[string]any{}
		for _, item := range v {
			pair, ok := item.([]any)
			if !ok || len(pair) != 2 {
				return nil, false
			}
			key, ok := pair[0].(string)
			if !ok {
				return nil, false
			}
			out[key] = pair[1]
		}
		return out, true
	case string:
		return map[string]any{}, v == ""
	}
	return nil, false
}

// refuse writes a Go value of the kind nearest to the Python type that the case names.
func (c *cookieCase) refuse() string {
	var v any = struct{ Name string }{c.Name}
	switch {
	case strings.Contains(c.Expect.Message, " complex "):
		v = complex(1, 2)
	case strings.Contains(c.Expect.Message, " set "):
		v = map[string]struct{}{"a": {}}
	case strings.Contains(c.Expect.Message, " function "):
		v = func() {}
	case strings.Contains(c.Expect.Message, " generator "):
		v = make(chan int)
	case strings.Contains(c.Expect.Message, "keys must be"), strings.Contains(c.Expect.Message, "not supported between"):
		v = map[any]any{1: 1, "a": 2}
	case strings.Contains(c.Expect.Message, "ecursion"), strings.Contains(c.Expect.Message, "ircular"):
		loop := map[string]any{}
		loop["loop"] = loop
		v = loop
	}
	s := signing.NewSession(signing.Options{Keys: signing.Keys{[]byte("dev key")}})
	text, err := s.Dump(map[string]any{"x": []any{1, v}}, time.Unix(1700000000, 0))
	var unsupported *signing.UnsupportedValue
	if !errors.As(err, &unsupported) {
		return fmt.Sprintf("a %T is signed as %q, error %v; Flask refuses: %s", v, text, err, c.Expect.Message)
	}
	if !strings.HasPrefix(unsupported.Path, `["x"][1]`) {
		return fmt.Sprintf("a %T is refused without the path to it: %v", v, err)
	}
	return ""
}
