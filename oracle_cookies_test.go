package carafe_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"math"
	"math/big"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/signing"
)

// cookieCase is a line of cookies-cases.json of the kinds request and dump; package signing has the others.
type cookieCase struct {
	ID, Kind, Name string
	SecretKey      any `json:"secret_key"`
	Fallbacks      []any
	Now            json.Number
	Cookie         string
	Config         map[string]any
	Actions        [][]any
	Key            string
	Value          string
	Options        map[string]any
	Expect         struct {
		SetCookie      []string `json:"set_cookie"`
		Cookie         string
		Vary           []string
		Values         []any
		Header         string
		Error, Message string
	}

	t       *testing.T
	verdict verdict
}

func TestOracleCookies(t *testing.T) {
	count := tally{kind: "cookies"}
	for _, c := range readOracle[cookieCase](t, "cookies") {
		c.t = t
		switch c.Kind {
		case "request":
			c.request()
		case "dump":
			c.dump()
		case "sign", "open", "refuse": // TestOracleCookies of package signing
			continue
		default:
			c.verdict.wrongf("a kind %q that the test does not know", c.Kind)
		}
		count.count(t, c.ID, c.Name, c.verdict)
	}
	count.log(t)
}

func (c *cookieCase) now() time.Time {
	seconds, err := c.Now.Float64()
	must(c.t, err)
	whole, part := math.Modf(seconds)
	return time.Unix(int64(whole), int64(part*1e9))
}

// goldenAny is golden JSON with the values that JSON has not, as a session has them.
func goldenAny(t *testing.T, v any) any {
	t.Helper()
	switch v := v.(type) {
	case json.Number:
		if n, err := strconv.Atoi(string(v)); err == nil {
			return n
		}
		f, err := v.Float64()
		must(t, err)
		return f
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = goldenAny(t, v[i])
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for key, item := range v {
			if len(v) == 1 && strings.HasPrefix(key, "$") {
				return goldenTagged(t, key, item)
			}
			out[key] = goldenAny(t, item)
		}
		return out
	}
	return v
}

func goldenTagged(t *testing.T, key string, v any) any {
	t.Helper()
	switch key {
	case "$tuple":
		return signing.Tuple(goldenAny(t, v).([]any))
	case "$bytes":
		data, err := base64.StdEncoding.DecodeString(v.(string))
		must(t, err)
		return data
	case "$uuid":
		return uuid.MustParse(v.(string))
	case "$markup":
		return template.HTML(v.(string))
	case "$datetime":
		at, err := time.Parse(time.RFC3339Nano, v.(string))
		must(t, err)
		return at.UTC()
	case "$int":
		n, ok := new(big.Int).SetString(v.(string), 10)
		if !ok || n.IsInt64() {
			return goldenAny(t, json.Number(v.(string)))
		}
		return n
	}
	t.Fatalf("golden data has an unknown value %s", key)
	return nil
}

func (c *cookieCase) secret(v any) carafe.Secret {
	switch key := goldenAny(c.t, v).(type) {
	case string:
		return carafe.Secret(key)
	case []byte:
		return carafe.Secret(key)
	}
	return ""
}

// app has Flask's defaults, and the case's settings. Unlike Flask, a session's cookie is SameSite=Lax unless the config says
// otherwise (TestSessionCookieIsLaxByDefault), so that Flask's default is said here.
func (c *cookieCase) app() (*carafe.App, error) {
	app := carafe.New("golden")
	app.Logger = slog.New(slog.DiscardHandler)
	app.Clock = c.now
	app.Config.Testing = true
	app.Config.SecretKey = c.secret(c.SecretKey)
	for _, key := range c.Fallbacks {
		app.Config.SecretKeyFallbacks = append(app.Config.SecretKeyFallbacks, c.secret(key))
	}
	app.Config.SessionCookie.SameSite = ""
	settings, _ := goldenAny(c.t, c.Config).(map[string]any)
	return app, app.Config.FromMap(settings)
}

// request runs the actions in a view.
func (c *cookieCase) request() {
	app, err := c.app()
	if err != nil {
		c.verdict.wrongf("config: %v", err)
		return
	}
	var values []any
	app.Route("/", func(ctx *carafe.Context) (*carafe.Response, error) {
		resp := carafe.Text("ok")
		values = []any{}
		for _, action := range c.Actions {
			args, _ := goldenAny(c.t, action).([]any)
			v, read := c.act(ctx, resp, args)
			if read {
				values = append(values, v)
			}
		}
		return resp, nil
	}, carafe.Endpoint("golden"))
	r := httptest.NewRequest("GET", "/", nil)
	if c.Cookie != "" {
		r.Header.Set("Cookie", app.Config.SessionCookie.Name+"="+c.Cookie)
	}
	var failure error
	r = r.WithContext(carafe.CatchErrors(r.Context(), func(err error) { failure = err }))
	w := httptest.NewRecorder()
	app.ServeHTTP(w, r)
	if c.Expect.Error != "" {
		c.refused(failure, w)
		return
	}
	if failure != nil {
		c.verdict.wrongf("failed: %v", failure)
		return
	}
	c.same("set_cookie", anyOf(w.Header()["Set-Cookie"]), anyOf(c.Expect.SetCookie))
	c.same("vary", anyOf(w.Header()["Vary"]), anyOf(c.Expect.Vary))
	c.same("values", values, goldenAny(c.t, c.Expect.Values))
}

func anyOf(list []string) []any {
	out := []any{}
	for _, s := range list {
		out = append(out, s)
	}
	return out
}

func (c *cookieCase) same(what string, got, want any) {
	if !reflect.DeepEqual(got, want) {
		c.verdict.wrongf("%s %#v, want %#v", what, got, want)
	}
}

// refused checks what fails in Flask.
func (c *cookieCase) refused(failure error, w *httptest.ResponseRecorder) {
	switch c.Expect.Error {
	case "KeyError":
		c.verdict.reason = "Delete and Pop of a name without a value change nothing"
		if failure != nil || !c.changes() && len(w.Header()["Set-Cookie"]) > 0 {
			c.verdict.wrongf("failed with %v, sent %q", failure, w.Header()["Set-Cookie"])
		}
	case "BadPayload", "BadData":
		c.verdict.reason = "a correctly signed but broken cookie is an empty session"
		if failure != nil {
			c.verdict.wrongf("failed: %v", failure)
		}
	case "ValueError":
		c.verdict.reason = "what a cookie cannot have is a fault of the set-up, with every request a 500"
		if failure == nil || !strings.Contains(failure.Error(), "faults in its set-up") || !strings.Contains(failure.Error(), "SameSite") {
			c.verdict.wrongf("failed with %v, want a fault of the set-up about SameSite", failure)
		}
	case "RuntimeError":
		if !errors.Is(failure, carafe.ErrNoSession) || !strings.Contains(c.Expect.Message, "no secret key was set") {
			c.verdict.wrongf("failed with %v, want %v", failure, carafe.ErrNoSession)
		}
	case "TypeError":
		if e := new(signing.UnsupportedValue); !errors.As(failure, &e) {
			c.verdict.wrongf("failed with %v, want an UnsupportedValue", failure)
		}
	default:
		c.verdict.wrongf("an error %s that the test does not know; failed with %v", c.Expect.Error, failure)
	}
}

// changes says whether an action but Delete and Pop may change the session, or its cookie is refreshed with every answer.
func (c *cookieCase) changes() bool {
	return c.Cookie != "" || slices.ContainsFunc(c.Actions, func(a []any) bool {
		return !slices.Contains([]any{"del", "pop", "get", "contains", "len", "vary"}, a[0])
	})
}

// act does one action; read says that it has a value.
func (c *cookieCase) act(ctx *carafe.Context, resp *carafe.Response, args []any) (v any, read bool) {
	text := func(i int) string { s, _ := args[i].(string); return s }
	switch text(0) {
	case "flash":
		category := []string{}
		if len(args) > 2 {
			category = append(category, text(2))
		}
		ctx.Flash(text(1), category...)
	case "flashed":
		return c.flashed(ctx, args[1:]), true
	case "vary":
		resp.Vary(text(1))
	default:
		return c.actOnSession(ctx.Session(), text, args)
	}
	return nil, false
}

func (c *cookieCase) flashed(ctx *carafe.Context, filter []any) any {
	var categories []string
	for _, f := range filter {
		switch f := f.(type) {
		case string:
			categories = append(categories, f)
		case []any:
			for _, s := range f {
				categories = append(categories, fmt.Sprint(s))
			}
		}
	}
	out := []any{}
	for _, m := range ctx.FlashedMessages(categories...) {
		out = append(out, signing.Tuple{m.Category, m.Message})
	}
	return out
}

func (c *cookieCase) actOnSession(s *carafe.Session, text func(int) string, args []any) (v any, read bool) {
	switch text(0) {
	case "get":
		return s.Get(text(1)), true
	case "contains":
		return s.Has(text(1)), true
	case "len":
		return s.Len(), true
	case "set":
		s.Set(text(1), args[2])
	case "update":
		s.Update(args[1].(map[string]any))
	case "setdefault":
		return s.SetDefault(text(1), args[2]), true
	case "pop":
		v, ok := s.Pop(text(1))
		if !ok && len(args) > 2 {
			v = args[2]
		}
		return v, true
	case "clear":
		s.Clear()
	case "del":
		s.Delete(text(1))
	case "append":
		s.Values()[text(1)] = append(s.Get(text(1)).([]any), args[2])
	case "modified":
		s.SetModified(args[1].(bool))
	case "permanent":
		s.SetPermanent(args[1].(bool))
	default:
		c.verdict.wrongf("an action %q that the test does not know", args)
	}
	return nil, false
}

// dump writes a cookie.
func (c *cookieCase) dump() {
	cookie := &http.Cookie{Name: c.Key, Value: c.Value, Path: "/"}
	want := c.Expect.Header
	for option, v := range c.Options {
		c.option(cookie, option, goldenAny(c.t, v), &want)
	}
	got, err := carafe.CookieHeader(cookie, c.now())
	control := strings.ContainsFunc(c.Value, func(r rune) bool { return r >= 0x1a && r <= 0x1f })
	switch {
	case !isCookieName(c.Key):
		c.refusedCookie(err, "a name that is no token is an error")
	case strings.HasPrefix(c.Key, "__Host-") && (cookie.Domain != "" || cookie.Path != "/"):
		c.refusedCookie(err, "what browsers drop for its prefix is an error")
	case c.Expect.Error != "":
		if err == nil {
			c.verdict.wrongf("wrote %q, want the error %s", got, c.Expect.Message)
		}
	case err != nil && strings.ContainsAny(cookie.Domain, "; /_,"):
		c.refusedCookie(err, "what is no host name cannot be the domain")
	case err != nil:
		c.verdict.wrongf("failed: %v", err)
	case control:
		c.verdict.reason = "1A to 1F are escaped, as other control characters are"
		if strings.ContainsFunc(got, func(r rune) bool { return r < ' ' }) {
			c.verdict.wrongf("wrote a control character in %q", got)
		}
	case got != want:
		c.verdict.wrongf("wrote %q, want %q", got, want)
	}
}

func isCookieName(s string) bool {
	return s != "" && (&http.Cookie{Name: s, Value: "x"}).Valid() == nil
}

func (c *cookieCase) refusedCookie(err error, reason string) {
	c.verdict.reason = reason
	if err == nil {
		c.verdict.wrongf("was written, want an error")
	}
}

// option puts an option of Werkzeug's into the cookie.
func (c *cookieCase) option(cookie *http.Cookie, option string, v any, want *string) {
	text, _ := v.(string)
	on, _ := v.(bool)
	switch option {
	case "max_age":
		c.maxAge(cookie, v, want)
	case "expires":
		c.expires(cookie, v)
	case "path":
		if cookie.Path = text; v != nil && text == "" {
			c.verdict.reason = "an empty path is left out, which means the same (RFC 6265, 5.2.4)"
			*want = strings.Replace(*want, "; Path=", "", 1)
		}
	case "domain":
		cookie.Domain = text
	case "secure":
		cookie.Secure = on
	case "httponly":
		cookie.HttpOnly = on
	case "partitioned":
		cookie.Partitioned = on
	case "samesite":
		modes := map[string]http.SameSite{"": 0, "lax": http.SameSiteLaxMode, "strict": http.SameSiteStrictMode, "none": http.SameSiteNoneMode}
		mode, ok := modes[strings.ToLower(text)]
		if !ok {
			mode = 99
		}
		cookie.SameSite = mode
	case "max_size": // says when to warn: TestLargeCookiesAreWarnedOf
	case "sync_expires":
		if _, given := c.Options["expires"]; !on && !given {
			c.verdict.reason = "Expires goes with Max-Age always, for browsers that only heed one"
			expires := "; Expires=" + c.now().Add(c.age()).UTC().Format(http.TimeFormat)
			*want = strings.Replace(*want, "; Max-Age=", expires+"; Max-Age=", 1)
		}
	default:
		c.verdict.wrongf("an option %q that the test does not know", option)
	}
}

// age is the max_age of the case, not below zero.
func (c *cookieCase) age() time.Duration {
	n, _ := c.Options["max_age"].(json.Number)
	seconds, _ := n.Float64()
	return time.Duration(max(math.Trunc(seconds), 0)) * time.Second
}

// maxAge is in whole seconds; 0 and less is net/http's -1.
func (c *cookieCase) maxAge(cookie *http.Cookie, v any, want *string) {
	var seconds float64
	switch v := v.(type) {
	case nil:
		return
	case int:
		seconds = float64(v)
	case float64:
		seconds = math.Trunc(v)
	}
	if cookie.MaxAge = int(seconds); seconds <= 0 {
		cookie.MaxAge = -1
	}
	if seconds < 0 {
		c.verdict.reason = "a negative age is written as 0"
		*want = strings.Replace(*want, fmt.Sprintf("Max-Age=%d", int(seconds)), "Max-Age=0", 1)
		past := c.now().Add(time.Duration(seconds) * time.Second)
		*want = strings.Replace(*want, past.UTC().Format(http.TimeFormat), c.now().UTC().Format(http.TimeFormat), 1)
	}
}

func (c *cookieCase) expires(cookie *http.Cookie, v any) {
	switch v := v.(type) {
	case time.Time:
		cookie.Expires = v
	case int:
		cookie.Expires = time.Unix(int64(v), 0)
	case float64:
		cookie.Expires = time.Unix(int64(v), 0)
	case string:
		at, err := http.ParseTime(v)
		if err != nil {
			c.verdict.wrongf("expires %q is no time", v)
		}
		cookie.Expires = at
	}
}
