package carafe_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/carafeweb/carafe"
)

func TestAcceptDecidesHowAnErrorAnswers(t *testing.T) {
	app := carafe.New("test")
	app.Get("/fault", func(in struct {
		N int `query:"n" validate:"required"`
	}) string {
		return ""
	})
	const page, problem, text = "text/html; charset=utf-8", "application/problem+json", "text/plain; charset=utf-8"
	tests := []struct {
		name, accept    string
		notFound, fault string // the types of the answers
	}{
		{"no header", "", page, problem},
		{"anything", "*/*", page, problem},
		{"a browser", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", page, page},
		{"XHTML", "application/xhtml+xml", page, page},
		{"JSON", "application/json", problem, problem},
		{"problem details", "application/problem+json", problem, problem},
		{"a dialect of JSON", "application/vnd.tea+json", problem, problem},
		{"JSON in capitals", "Application/JSON", problem, problem},
		{"an API client that takes anything", "application/json, text/plain, */*", problem, problem},
		{"JSON rather than HTML", "text/html;q=0.5, application/json", problem, problem},
		{"HTML rather than JSON", "text/html, application/json;q=0.5", page, page},
		{"both alike", "text/html, application/json", page, problem},
		{"any application", "application/*", problem, problem},
		{"any text", "text/*", page, page},
		{"text", "text/plain", text, text},
		{"text rather than JSON", "text/plain, application/json;q=0.5", text, text},
		{"JSON rather than text", "text/plain;q=0.5, application/json", problem, problem},
		{"text, and anything else too", "text/plain, */*;q=0.1", page, problem},
		{"what no error is", "image/png", text, text},
		{"anything but HTML", "*/*, text/html;q=0", problem, problem},
		{"anything but JSON", "*/*, application/json;q=0, application/problem+json;q=0", page, page},
		{"a quality that is none", "application/json;q=high, text/html", page, page},
		{"an empty list", " , ", text, text},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for target, want := range map[string]string{"/none": tt.notFound, "/fault": tt.fault} {
				c := call{method: "GET", target: target}
				if tt.accept != "" {
					c.header = "Accept: " + tt.accept
				}
				w := send(app, c)
				if got := w.Header().Get("Content-Type"); got != want {
					t.Errorf("GET %s with Accept %q is answered in %s, want %s", target, tt.accept, got, want)
				}
				if got, want := strings.Contains(w.Header().Get("Vary"), "Accept"), tt.accept != ""; got != want {
					t.Errorf("GET %s with Accept %q: Vary is %q", target, tt.accept, w.Header().Get("Vary"))
				}
			}
		})
	}
}

func TestProblemDetailsOfAnHTTPError(t *testing.T) {
	app := carafe.New("test")
	app.Get("/teapot", func() (string, error) { return "", carafe.Abort(418, "short <and> stout") })
	app.Get("/broken", func() (string, error) { return "", errors.New("secret cause") })
	app.Post("/post", func() string { return "" })
	tests := []struct {
		target string
		status int
		want   string
	}{
		{"/teapot", 418, `{"type":"about:blank","title":"I'm a teapot","status":418,"detail":"short <and> stout"}`},
		{"/broken", 500, `{"type":"about:blank","title":"Internal Server Error","status":500,"detail":"The server encountered an internal error and was unable to complete your request. Either the server is overloaded or there is an error in the application."}`},
		{"/post", 405, `{"type":"about:blank","title":"Method Not Allowed","status":405,"detail":"The method is not allowed for the requested URL."}`},
	}
	for _, tt := range tests {
		w := send(app, call{"GET", tt.target, "Accept: application/json", ""})
		if got := strings.TrimSpace(w.Body.String()); w.Code != tt.status || got != tt.want {
			t.Errorf("GET %s gives %d %s, want %d %s", tt.target, w.Code, got, tt.status, tt.want)
		}
	}
	if w := send(app, call{"GET", "/post", "Accept: application/json", ""}); !strings.Contains(w.Header().Get("Allow"), "POST") {
		t.Errorf("a 405 in problem details has Allow %q", w.Header().Get("Allow"))
	}
}

func TestFaultsAreEscapedOnThePage(t *testing.T) {
	app := carafe.New("test")
	app.Post("/", func(in struct {
		carafe.Strict
		N int `json:"n"`
	}) string {
		return ""
	})
	const markup = `<script>alert(1)</script>`
	w := send(app, call{"POST", "/", asJSON + "Accept: text/html", `{"` + markup + `":1,"n":2}`})
	if w.Code != 422 || strings.Contains(w.Body.String(), markup) || !strings.Contains(w.Body.String(), "&lt;script&gt;") {
		t.Errorf("the page of a fault whose name is markup: %d %s", w.Code, w.Body)
	}
	w = send(app, call{"POST", "/", asJSON + "Accept: text/plain", `{"a\nb":1,"n":2}`})
	if want := "422 Unprocessable Entity\n\nThe request has 1 fault.\n- a b is not a known field\n"; w.Body.String() != want {
		t.Errorf("the text of a fault is %q, want %q", w.Body, want)
	}
}

func TestHandlersOfFaultsWin(t *testing.T) {
	bind := func(in struct {
		N int `query:"n" validate:"required"`
	}) string {
		return ""
	}
	byType := carafe.New("type")
	byType.Get("/", bind)
	byType.ErrorHandler(422, func(*carafe.Context, *carafe.HTTPError) (any, error) { return "by code", nil })
	carafe.OnError(byType, func(_ *carafe.Context, e *carafe.ValidationError) (any, error) {
		return carafe.Reply(map[string]any{"bad": e.Faults[0].Name}, 418), nil
	})
	byCode := carafe.New("code")
	byCode.Get("/", bind)
	byCode.ErrorHandler(422, func(_ *carafe.Context, e *carafe.HTTPError) (any, error) {
		return carafe.Reply(e.Name(), e.Code), nil
	})
	passOn := carafe.New("pass on")
	passOn.Get("/", bind)
	carafe.OnError(passOn, func(_ *carafe.Context, e *carafe.ValidationError) (any, error) { return nil, e })
	wrapped := carafe.New("wrapped")
	wrapped.Get("/", func() (string, error) {
		return "", errors.Join(errors.New("while signing up"), carafe.Invalid("name", "the name is taken"))
	})
	tests := []struct {
		app    *carafe.App
		status int
		want   string
	}{
		{byType, 418, `{"bad":"n"}`},
		{byCode, 422, "Unprocessable Entity"},
		{passOn, 422, `"rule":"required"`},
		{wrapped, 422, `[{"name":"name","rule":"validate","message":"the name is taken"}]`},
	}
	for _, tt := range tests {
		if w := send(tt.app, get("")); w.Code != tt.status || !strings.Contains(w.Body.String(), tt.want) {
			t.Errorf("%s: a fault is answered with %d %s, want %d and %s", tt.app.Name(), w.Code, w.Body, tt.status, tt.want)
		}
	}
}

func TestA415SaysWhatToSend(t *testing.T) {
	app := carafe.New("test")
	app.Post("/", func(in signup) string { return "" })
	w := send(app, call{"POST", "/", "Content-Type: text/plain\nAccept: application/json", "x"})
	var p struct {
		Status int
		Detail string
	}
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != http.StatusUnsupportedMediaType || p.Detail != "Send application/json." {
		t.Errorf("text for a struct of JSON gives %d %s", w.Code, w.Body)
	}
}
