package carafe_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/carafeweb/carafe"
)

// errorCase is a line of errors-cases.json.
type errorCase struct {
	ID, Kind, Name, Class string
	Code                  int
	Method                string
	Description           json.RawMessage
	Challenges            []json.RawMessage `json:"www_authenticate"`
	Length                *int
	RetryAfter            json.RawMessage `json:"retry_after"`
	NewURL                string          `json:"new_url"`
	ValidMethods          []string        `json:"valid_methods"`
	Reason, Text          string
	View                  string
	Debug                 bool
	Config                map[string]any
	Request               struct {
		Method, Path string
		Data         json.RawMessage
		ContentType  string `json:"content_type"`
	}
	Expect struct {
		Status  string
		Headers [][2]string
		Body    string
	}
	Logged *struct{ Type, Message string }
}

func TestOracleErrors(t *testing.T) {
	count := tally{kind: "errors"}
	for _, c := range readOracle[errorCase](t, "errors") {
		var v verdict
		switch c.Kind {
		case "exception":
			v = c.exception(t)
		case "flask":
			v = c.flask(t)
		default:
			v.wrongf("a kind %q that the test does not know", c.Kind)
		}
		count.count(t, c.ID, c.Name, v)
	}
	count.log(t)
}

// exception answers a request with the error itself.
func (c *errorCase) exception(t *testing.T) (v verdict) {
	e := c.httpError(t, &v)
	app := carafe.New("errors")
	app.Logger = slog.New(slog.DiscardHandler)
	app.Route("/", func() error { return e })
	w := httptest.NewRecorder()
	app.ServeHTTP(w, httptest.NewRequest(c.Method, "/", nil))
	if e.Response == nil {
		if e.Name() != c.Reason {
			v.wrongf("name %q, want %q", e.Name(), c.Reason)
		}
		if c.Description == nil && strings.HasSuffix(c.Text, ": None") {
			v.reason = "an HTTPError with neither Description nor HTML says its code's own text"
			c.Expect.Body = strings.Replace(c.Expect.Body, "<p></p>", "<p>"+ownText(c.Code)+"</p>", 1)
		} else if e.Error() != c.Text {
			v.wrongf("text %q, want %q", e.Error(), c.Text)
		}
	}
	if final := c.Code >= 200 && c.Code <= 999; !final && c.Code != 101 {
		v.reason = "a status that cannot be final on the wire is a 500"
		if w.Code != 500 {
			v.wrongf("status %d, want 500", w.Code)
		}
		return v
	}
	c.compare(w, &v)
	return v
}

func ownText(code int) string {
	e := &carafe.HTTPError{Code: code}
	_, text, _ := strings.Cut(e.Error(), ": ")
	return text
}

// httpError makes Carafe's form of the exception.
func (c *errorCase) httpError(t *testing.T, v *verdict) *carafe.HTTPError {
	e := &carafe.HTTPError{Code: c.Code, Header: http.Header{}}
	if d := string(c.Description); strings.HasPrefix(d, "{") {
		var m struct {
			Markup template.HTML `json:"$markup"`
		}
		must(t, json.Unmarshal(c.Description, &m))
		e.HTML = m.Markup
	} else if d != "" && d != "null" {
		must(t, json.Unmarshal(c.Description, &e.Description))
	}
	if e.Description == "" && strings.HasPrefix(c.Name, "own class") {
		_, e.Description, _ = strings.Cut(c.Text, ": ")
		if e.Description == "None" {
			e.Description = ""
		}
	}
	switch {
	case c.Challenges != nil:
		u := carafe.Unauthorized(c.challenges(t)...)
		u.Description, u.HTML = e.Description, e.HTML
		return u
	case c.NewURL != "":
		e.Response = carafe.Redirect(c.NewURL, c.Code)
		e.Code = 0
	case c.RetryAfter != nil:
		e.Header = c.retryAfter(t)
	case c.Length != nil:
		e.Header.Set("Content-Range", fmt.Sprintf("bytes */%d", *c.Length))
	case c.ValidMethods != nil:
		e.Header.Set("Allow", strings.Join(c.ValidMethods, ", "))
	}
	return e
}

func (c *errorCase) retryAfter(t *testing.T) http.Header {
	var seconds int
	if json.Unmarshal(c.RetryAfter, &seconds) == nil {
		return carafe.RetryAfter(c.Code, time.Duration(seconds)*time.Second).Header
	}
	var date struct {
		Datetime time.Time `json:"$datetime"`
	}
	must(t, json.Unmarshal(c.RetryAfter, &date))
	return http.Header{"Retry-After": {date.Datetime.UTC().Format(http.TimeFormat)}}
}

// challenges reads [type, {parameters in order}, token].
func (c *errorCase) challenges(t *testing.T) []carafe.Challenge {
	var out []carafe.Challenge
	for _, raw := range c.Challenges {
		var parts []json.RawMessage
		must(t, json.Unmarshal(raw, &parts))
		var ch carafe.Challenge
		must(t, json.Unmarshal(parts[0], &ch.Scheme))
		dec := json.NewDecoder(strings.NewReader(string(parts[1])))
		dec.Token()
		for dec.More() {
			name, err := dec.Token()
			must(t, err)
			var value string
			must(t, dec.Decode(&value))
			ch.Params = append(ch.Params, [2]string{name.(string), value})
		}
		if len(parts) > 2 {
			must(t, json.Unmarshal(parts[2], &ch.Token))
		}
		out = append(out, ch)
	}
	return out
}

func (c *errorCase) compare(w *httptest.ResponseRecorder, v *verdict) {
	code, _ := strconv.Atoi(strings.Fields(c.Expect.Status)[0])
	if w.Code != code {
		v.wrongf("status %d, want %d", w.Code, code)
	}
	if c.Expect.Body != w.Body.String() {
		v.wrongf("body %q, want %q", w.Body, c.Expect.Body)
	}
	want := c.Expect.Headers
	for i, h := range want {
		if h[0] == "Content-Length" && v.reason != "" {
			want[i][1] = strconv.Itoa(len(c.Expect.Body))
		}
	}
	if got, want := headerLines(headersLikeFlasks(w.Code, w.Header())), headerLines(want); strings.Join(got, "\n") != strings.Join(want, "\n") {
		v.wrongf("headers %q, want %q", got, want)
	}
}

var (
	reAccess = regexp.MustCompile(`^flask\.request\.(\w+)\["([^"]*)"\](?:\.\w+)?$`)
	reReturn = regexp.MustCompile(`^return "([^"]*)"\s*$`)
	reAbort  = regexp.MustCompile(`^flask\.abort\((\d+)(?:, ?"([^"]*)")?\)$`)
	reRaise  = regexp.MustCompile(`^raise (\w+)\("([^"]*)"\)$`)
)

// view puts the case's line of Python into Go.
func (c *errorCase) view(v *verdict) func(*carafe.Context) (any, error) {
	return func(ctx *carafe.Context) (any, error) {
		src := strings.TrimSpace(c.View)
		if m := reAccess.FindStringSubmatch(src); m != nil {
			return access(ctx, m[1], m[2])
		}
		if m := reReturn.FindStringSubmatch(src); m != nil {
			return m[1], nil
		}
		if m := reAbort.FindStringSubmatch(src); m != nil {
			code, _ := strconv.Atoi(m[1])
			if m[2] == "" {
				return nil, carafe.Abort(code)
			}
			return nil, carafe.Abort(code, m[2])
		}
		if m := reRaise.FindStringSubmatch(src); m != nil {
			return nil, errors.New(m[2])
		}
		switch src {
		case "flask.request.get_json()", "flask.request.json":
			var dst any
			return dst, ctx.Request.JSON(&dst)
		case "1 / 0":
			zero := len(ctx.Query("none"))
			return 1 / zero, nil
		}
		v.wrongf("a view that the test cannot put into Go: %s", src)
		return nil, errors.New("untranslated")
	}
}

func access(c *carafe.Context, where, key string) (any, error) {
	switch where {
	case "form":
		return c.Request.RequireForm(key)
	case "args":
		return c.Request.RequireQuery(key)
	case "files":
		f, err := c.Request.RequireFile(key)
		if err != nil {
			return nil, err
		}
		return f.Filename, nil
	case "cookies":
		return c.Request.RequireCookie(key)
	}
	return nil, fmt.Errorf("no %s in %s: a programming error, which is what a KeyError there is", key, where)
}

// flask serves the case's view.
func (c *errorCase) flask(t *testing.T) (v verdict) {
	app := carafe.New("errors")
	app.Logger = slog.New(slog.DiscardHandler)
	app.Config.Debug = c.Debug
	no := false
	app.Config.PropagateErrors = &no
	for key, value := range c.Config {
		on := value == true
		switch key {
		case "TRAP_BAD_REQUEST_ERRORS":
			app.Config.TrapBadRequest = &on
		case "TRAP_HTTP_EXCEPTIONS":
			app.Config.TrapHTTPErrors = on
		default:
			v.wrongf("a setting %s that the test does not know", key)
		}
	}
	var logged error
	app.Signals.GotRequestException.Connect(func(_ context.Context, e carafe.RequestError) { logged = e.Err })
	app.Route("/", c.view(&v), carafe.Methods{"GET", "POST"})
	r := httptest.NewRequest(c.Request.Method, c.Request.Path, strings.NewReader(requestData(t, c.Request.Data)))
	if c.Request.ContentType != "" {
		r.Header.Set("Content-Type", c.Request.ContentType)
	}
	w := httptest.NewRecorder()
	app.ServeHTTP(w, r)
	if strings.Contains(c.Expect.Body, "Failed to decode JSON object: ") {
		v.reason = "the reason why JSON cannot be read is in encoding/json's words"
		c.Expect.Body = regexp.MustCompile(`Failed to decode JSON object: .*</p>`).ReplaceAllLiteralString(c.Expect.Body,
			regexp.MustCompile(`Failed to decode JSON object: .+</p>`).FindString(w.Body.String()))
	}
	c.compare(w, &v)
	c.compareLogged(logged, &v)
	return v
}

// compareLogged wants an error behind each 500 that has one, an HTTP error with its very text. The texts of
// Python's own errors are Python's.
func (c *errorCase) compareLogged(logged error, v *verdict) {
	switch {
	case c.Logged == nil && logged != nil:
		v.wrongf("the error %v was not answered", logged)
	case c.Logged != nil && logged == nil:
		v.wrongf("no error behind the 500, want %s", c.Logged.Type)
	case c.Logged != nil && regexp.MustCompile(`^\d{3} `).MatchString(c.Logged.Message) && logged.Error() != c.Logged.Message:
		v.wrongf("behind the 500 is %q, want %q", logged, c.Logged.Message)
	}
}

func requestData(t *testing.T, raw json.RawMessage) string {
	if raw == nil {
		return ""
	}
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var b struct {
		Bytes string `json:"$bytes"`
	}
	must(t, json.Unmarshal(raw, &b))
	data, err := base64.StdEncoding.DecodeString(b.Bytes)
	must(t, err)
	return string(data)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
