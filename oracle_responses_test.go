package carafe_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/carafeweb/carafe"
)

// returned is an abstract view result of responses-cases.json.
type returned struct {
	Type        string
	Value       json.RawMessage
	Base64      []byte
	Items       json.RawMessage
	Chunks      json.RawMessage
	Written     []string
	Args        []returned
	Kwargs      json.RawMessage
	Body        *returned
	Status      json.RawMessage
	Headers     json.RawMessage
	Mimetype    *returned
	ContentType *returned `json:"content_type"`
	Location    string
	Code        int
	Name        string
	Description string
	Message     string
}

// responseCase is a line of responses-cases.json.
type responseCase struct {
	ID, Name string
	Request  struct {
		Method, Path string
		Headers      [][2]string
	}
	Returns returned
	Config  map[string]bool
	JSON    map[string]bool
	Methods []string
	// Handlers are the error handlers, by code or by class.
	Handlers []struct {
		Code    int
		Error   string
		Returns returned
	}
	Expect struct {
		Status      string
		Headers     [][2]string
		Body        *string
		BodyBase64  []byte           `json:"body_base64"`
		StreamError *json.RawMessage `json:"stream_error"`
	}
	Error *struct{ Type, Message string }

	verdict verdict
}

func TestOracleResponses(t *testing.T) {
	count := tally{kind: "responses"}
	for _, c := range readOracle[responseCase](t, "responses") {
		c.run(t)
		count.count(t, c.ID, c.Name, c.verdict)
	}
	count.log(t)
}

// pythonError stands for an error of Python of the class that RuntimeError is.
type pythonError struct{ message string }

func (e *pythonError) Error() string { return e.message }

func (c *responseCase) run(t *testing.T) {
	app := carafe.New("responses")
	app.Logger = slog.New(slog.DiscardHandler)
	no := false
	app.Config.PropagateErrors = &no
	c.configure(app)
	var unhandled error
	app.Signals.GotRequestException.Connect(func(_ context.Context, e carafe.RequestError) { unhandled = e.Err })
	methods := carafe.Methods(c.Methods)
	if methods == nil {
		methods = carafe.Methods{"GET", "POST", "PUT", "DELETE"}
	}
	app.Route("/", func(ctx *carafe.Context) (any, error) { return c.result(ctx, c.Returns) }, methods, carafe.Endpoint("view"))
	c.handlers(app)

	r := httptest.NewRequest(c.Request.Method, c.Request.Path, nil)
	for _, h := range c.Request.Headers {
		r.Header.Add(h[0], h[1])
	}
	w := httptest.NewRecorder()
	cut := serveUntilCut(app, w, r)
	c.compare(w, cut)
	if c.Error != nil && c.Handlers == nil && c.Expect.StreamError == nil && len(c.verdict.wrong) == 0 && c.verdict.reason == "" && unhandled == nil {
		c.verdict.wrongf("no error behind the answer, want %s: %s", c.Error.Type, c.Error.Message)
	}
}

// serveUntilCut serves r and says whether the connection was broken off.
func serveUntilCut(app *carafe.App, w http.ResponseWriter, r *http.Request) (cut bool) {
	defer func() {
		if v := recover(); v != nil {
			cut = v == http.ErrAbortHandler
			if !cut {
				panic(v)
			}
		}
	}()
	app.ServeHTTP(w, r)
	return false
}

func (c *responseCase) configure(app *carafe.App) {
	for key, on := range c.Config {
		switch key {
		case "DEBUG":
			app.Config.Debug = on
		case "TESTING":
			app.Config.Testing = on
		case "PROVIDE_AUTOMATIC_OPTIONS":
			app.Config.ProvideAutomaticOptions = on
		case "TRAP_HTTP_EXCEPTIONS":
			app.Config.TrapHTTPErrors = on
		case "TRAP_BAD_REQUEST_ERRORS":
			app.Config.TrapBadRequest = &on
		default:
			c.verdict.wrongf("a setting %s that the test does not know", key)
		}
	}
	std := app.JSON.(*carafe.StdJSON)
	for key, on := range c.JSON {
		switch key {
		case "ensure_ascii":
			std.UTF8 = !on
		case "compact":
			std.Indent, std.Dense = !on, on
		case "sort_keys":
			if !on {
				c.verdict.reason = "a Go map has no order of its own: its keys are always sorted"
				sorted, _ := json.Marshal(decode(json.RawMessage(*c.Expect.Body)))
				c.replaceBody(*c.Expect.Body, string(sorted)+"\n", c.verdict.reason)
			}
		default:
			c.verdict.wrongf("a JSON setting %s that the test does not know", key)
		}
	}
}

func (c *responseCase) handlers(app *carafe.App) {
	for _, h := range c.Handlers {
		answer := func(ctx *carafe.Context) (any, error) { return c.result(ctx, h.Returns) }
		code := h.Code
		if code == 0 {
			code = classCodes[h.Error]
		}
		switch {
		case code != 0:
			app.ErrorHandler(code, func(ctx *carafe.Context, _ *carafe.HTTPError) (any, error) { return answer(ctx) })
		case h.Error == "HTTPException":
			carafe.OnError(app, func(ctx *carafe.Context, _ *carafe.HTTPError) (any, error) { return answer(ctx) })
		case h.Error == "RuntimeError":
			carafe.OnError(app, func(ctx *carafe.Context, _ *pythonError) (any, error) { return answer(ctx) })
		case h.Error == "Exception":
			carafe.OnError(app, func(ctx *carafe.Context, _ error) (any, error) { return answer(ctx) })
		default:
			c.verdict.wrongf("an error class %s that the test does not know", h.Error)
		}
	}
}

// classCodes are Werkzeug's exceptions.
var classCodes = map[string]int{
	"BadRequest": 400, "BadRequestKeyError": 400, "SecurityError": 400, "BadHost": 400, "ClientDisconnected": 400, "Unauthorized": 401, "Forbidden": 403,
	"NotFound": 404, "MethodNotAllowed": 405, "NotAcceptable": 406, "RequestTimeout": 408, "Conflict": 409, "Gone": 410, "LengthRequired": 411,
	"PreconditionFailed": 412, "RequestEntityTooLarge": 413, "RequestURITooLarge": 414, "UnsupportedMediaType": 415,
	"RequestedRangeNotSatisfiable": 416, "ExpectationFailed": 417, "ImATeapot": 418, "MisdirectedRequest": 421, "UnprocessableEntity": 422,
	"Locked": 423, "FailedDependency": 424, "PreconditionRequired": 428, "TooManyRequests": 429, "RequestHeaderFieldsTooLarge": 431,
	"UnavailableForLegalReasons": 451, "InternalServerError": 500, "NotImplemented": 501, "BadGateway": 502, "ServiceUnavailable": 503,
	"GatewayTimeout": 504, "HTTPVersionNotSupported": 505,
}

// result puts an abstract result into Go.
func (c *responseCase) result(ctx *carafe.Context, r returned) (any, error) {
	switch r.Type {
	case "abort":
		return nil, c.abort(ctx, r)
	case "raise error":
		return nil, &pythonError{r.Message}
	case "raise":
		var e returned
		if err := json.Unmarshal(r.Value, &e); err != nil {
			return nil, err
		}
		return nil, c.exception(e)
	case "exception":
		return c.exception(r), nil
	case "make_response":
		values := make([]any, len(r.Args))
		for i, a := range r.Args {
			values[i] = c.part(a, i)
		}
		return ctx.App().MakeResponse(ctx, values...)
	case "jsonify":
		return c.jsonify(r)
	case "response", "base response":
		return c.response(ctx, r)
	}
	return c.part(r, 0), nil
}

func (c *responseCase) jsonify(r returned) (any, error) {
	var kwargs map[string]any
	if r.Kwargs != nil {
		kwargs, _ = c.plain(decode(r.Kwargs)).(map[string]any)
	}
	args := make([]any, len(r.Args))
	for i, a := range r.Args {
		args[i] = c.part(a, -1)
	}
	switch {
	case len(kwargs) > 0 && len(args) > 0:
		return nil, errors.New("jsonify() behavior undefined when passed both args and kwargs")
	case len(args) == 1:
		return carafe.JSON(args[0]), nil
	case len(args) > 0:
		return carafe.JSON(args), nil
	case kwargs == nil && len(args) == 0:
		return carafe.JSON(nil), nil
	}
	return carafe.JSON(kwargs), nil
}

func (c *responseCase) abort(ctx *carafe.Context, r returned) error {
	switch a := r.Args[0]; a.Type {
	case "int":
		code, _ := strconv.Atoi(string(a.Value))
		var detail []string
		for _, more := range r.Args[1:] {
			s, _ := c.part(more, 1).(string)
			detail = append(detail, s)
		}
		return carafe.Abort(code, detail...)
	case "response":
		resp, err := c.response(ctx, a)
		if err != nil {
			return err
		}
		return carafe.AbortWith(resp.(*carafe.Response))
	default:
		return fmt.Errorf("abort of a %s is a programming error", a.Type)
	}
}

func (c *responseCase) exception(r returned) *carafe.HTTPError {
	code, ok := classCodes[r.Name]
	if !ok {
		c.verdict.wrongf("an exception %s that the test does not know", r.Name)
	}
	return &carafe.HTTPError{Code: code, Description: r.Description}
}

// response makes a Response by hand.
func (c *responseCase) response(ctx *carafe.Context, r returned) (any, error) {
	body := any("")
	if r.Body != nil {
		body = c.part(*r.Body, 0)
	}
	resp, err := ctx.App().MakeResponse(ctx, body)
	if err != nil {
		return nil, err
	}
	resp.Header = http.Header{"Content-Type": {"text/html; charset=utf-8"}}
	if r.Type == "base response" {
		resp.SetMediaType("text/plain")
	}
	if r.Mimetype != nil {
		resp.SetMediaType(c.part(*r.Mimetype, 0).(string))
	}
	if r.ContentType != nil {
		resp.Header.Set("Content-Type", c.part(*r.ContentType, 0).(string))
	}
	var rest []any
	if r.Status != nil {
		rest = append(rest, c.part(decodeReturned(r.Status), 1))
	}
	if r.Headers != nil {
		rest = append(rest, c.part(decodeReturned(r.Headers), 2))
	}
	if rest == nil {
		return resp, nil
	}
	return ctx.App().MakeResponse(ctx, append([]any{resp}, rest...)...)
}

// compare checks the answer against what is expected, under the rules by which Carafe differs.
func (c *responseCase) compare(w *httptest.ResponseRecorder, cut bool) {
	c.applyRules(w)
	code, _ := strconv.Atoi(strings.TrimSpace(strings.SplitN(c.Expect.Status, " ", 2)[0]))
	if w.Code != code {
		c.verdict.wrongf("status %d, want %s", w.Code, c.Expect.Status)
	}
	body := string(c.Expect.BodyBase64)
	if c.Expect.Body != nil {
		body = *c.Expect.Body
	}
	if w.Body.String() != body {
		c.verdict.wrongf("body %q, want %q", w.Body, body)
	}
	if got, want := headerLines(headersLikeFlasks(w.Code, w.Header())), headerLines(c.Expect.Headers); strings.Join(got, "\n") != strings.Join(want, "\n") {
		c.verdict.wrongf("headers %q, want %q", got, want)
	}
	if want := c.Expect.StreamError != nil; cut != want {
		c.verdict.wrongf("cut off: %v, want %v", cut, want)
	}
}

// applyRules changes the expectation where Carafe is unlike Flask on purpose.
func (c *responseCase) applyRules(w *httptest.ResponseRecorder) {
	number, phrase, _ := strings.Cut(strings.TrimSpace(c.Expect.Status), " ")
	code, err := strconv.Atoi(number)
	switch {
	case c.hasWSGI():
		c.verdict.reason = "what an Application answers is kept, unless it uses write(), and so has a Content-Length"
		if c.Expect.Body != nil && c.Returns.Written == nil && !slices.ContainsFunc(c.Expect.Headers, func(h [2]string) bool { return h[0] == "Content-Length" }) {
			c.Expect.Headers = append(c.Expect.Headers, [2]string{"Content-Length", strconv.Itoa(len(*c.Expect.Body))})
		}
	case err != nil || strings.HasPrefix(number, "+") || code == 0:
		c.expect500("a status must begin with a number")
	case code < 200 && code != 101 || code > 999:
		c.expect500("a status that cannot be final on the wire is an error")
	case strings.ContainsAny(phrase, "\r\n") || !standardPhrase(code, phrase):
		c.verdict.reason = "net/http writes the standard reason phrases"
	}
	if c.Expect.StreamError != nil && c.Expect.BodyBase64 == nil && (c.Expect.Body == nil || *c.Expect.Body == "") {
		c.expect500("a body that fails before its first byte is an error like any other; Flask leaves it to the server")
	}
	for i, h := range c.Expect.Headers {
		if h[0] == "Content-Length" && c.Expect.Body != nil && c.Request.Method != "HEAD" && h[1] != strconv.Itoa(len(*c.Expect.Body)) {
			c.verdict.reason = "Content-Length is that of the body"
			c.Expect.Headers[i][1] = strconv.Itoa(len(*c.Expect.Body))
		}
	}
}

func (c *responseCase) hasWSGI() bool {
	return c.Returns.Type == "wsgi" || strings.Contains(string(c.Returns.Items), `"type": "wsgi"`) || strings.Contains(string(c.Returns.Items), `"type":"wsgi"`)
}

// standardPhrase says whether Flask's status line has the phrase of the code, or that it has none.
func standardPhrase(code int, phrase string) bool {
	name := (&carafe.HTTPError{Code: code}).Name()
	return strings.EqualFold(phrase, name) || name == "Unknown Error" && phrase == "UNKNOWN"
}

func (c *responseCase) expect500(reason string) {
	page := "<!doctype html>\n<html lang=en>\n<title>500 Internal Server Error</title>\n<h1>Internal Server Error</h1>\n<p>" + ownText(500) + "</p>\n"
	c.verdict.reason, c.Error = reason, nil
	c.Expect.Status, c.Expect.Body, c.Expect.BodyBase64, c.Expect.StreamError = "500 INTERNAL SERVER ERROR", &page, nil, nil
	c.Expect.Headers = [][2]string{{"Content-Type", "text/html; charset=utf-8"}, {"Content-Length", strconv.Itoa(len(page))}}
	if c.Request.Method == "HEAD" {
		page = ""
	}
}
