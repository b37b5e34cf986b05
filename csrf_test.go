package carafe_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/signing"
)

func csrfApp(kind carafe.CSRF) *carafe.App {
	app := carafe.New("csrf")
	app.Logger = slog.New(slog.DiscardHandler)
	app.Config.SecretKey = "testing key"
	app.Config.CSRF = kind
	app.Config.TrustedOrigins = []string{"https://good.test"}
	app.Route("/transfer", func(c *carafe.Context) string { return "done " + c.Form("to") }, carafe.Methods{"GET", "POST", "PUT", "DELETE"}, carafe.Endpoint("transfer"))
	app.Post("/hook/", func() string { return "hooked" }, carafe.CSRFOff, carafe.Endpoint("hook"))
	app.Post("/pay", func() string { return "paid" }, carafe.CSRFToken, carafe.Endpoint("pay"))
	app.Get("/form", func(c *carafe.Context) string { return c.CSRFToken() }, carafe.Endpoint("form"))
	app.Get("/login", func(c *carafe.Context) string { c.Session().Regenerate(); return "in" }, carafe.Endpoint("login"))
	return app
}

func crossPost(path, form string, headers ...string) *http.Request {
	r := httptest.NewRequest("POST", "http://example.com"+path, strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

func TestPostsFromOtherSitesAreRefused(t *testing.T) {
	for _, tt := range []struct {
		name, method, path string
		headers            []string
		want               int
	}{
		{"no browser", "POST", "/transfer", nil, 200},
		{"the same origin", "POST", "/transfer", []string{"Sec-Fetch-Site", "same-origin"}, 200},
		{"typed into the address bar", "POST", "/transfer", []string{"Sec-Fetch-Site", "none"}, 200},
		{"another site", "POST", "/transfer", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"a sister domain", "POST", "/transfer", []string{"Sec-Fetch-Site", "same-site"}, 403},
		{"another site, PUT", "PUT", "/transfer", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"another site, DELETE", "DELETE", "/transfer", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"a link from another site", "GET", "/transfer", []string{"Sec-Fetch-Site", "cross-site"}, 200},
		{"an old browser at home", "POST", "/transfer", []string{"Origin", "http://example.com"}, 200},
		{"an old browser elsewhere", "POST", "/transfer", []string{"Origin", "http://evil.test"}, 403},
		{"a hidden origin", "POST", "/transfer", []string{"Origin", "null"}, 403},
		{"the method overridden", "POST", "/transfer", []string{"Origin", "http://evil.test", "X-HTTP-Method-Override", "GET"}, 403},
		{"a trusted origin", "POST", "/transfer", []string{"Origin", "https://good.test", "Sec-Fetch-Site", "cross-site"}, 200},
		{"a trusted origin without TLS", "POST", "/transfer", []string{"Origin", "http://good.test"}, 403},
		{"what begins like a trusted origin", "POST", "/transfer", []string{"Origin", "https://good.test.evil.test"}, 403},
		{"another port of it", "POST", "/transfer", []string{"Origin", "https://good.test:8443"}, 403},
		{"an exempt route", "POST", "/hook/", []string{"Sec-Fetch-Site", "cross-site"}, 200},
		{"the redirect to an exempt route", "POST", "/hook", []string{"Sec-Fetch-Site", "cross-site"}, 308},
		{"below an exempt route", "POST", "/hook/x", []string{"Sec-Fetch-Site", "cross-site"}, 404},
	} {
		t.Run(tt.name, func(t *testing.T) {
			app := csrfApp(carafe.CSRFOrigin)
			hooked := false
			app.BeforeRequest(func(*carafe.Context) (any, error) { hooked = true; return nil, nil })
			r := crossPost(tt.path, "to=evil", tt.headers...)
			r.Method = tt.method
			w := httptest.NewRecorder()
			app.ServeHTTP(w, r)
			if w.Code != tt.want || tt.want == 403 && (strings.Contains(w.Body.String(), "done") || hooked) {
				t.Errorf("%s %s with %v: %d %q, hooks ran: %v; want %d", tt.method, tt.path, tt.headers, w.Code, w.Body, hooked, tt.want)
			}
		})
	}
}

func TestAnErrorHandlerAnswersForCSRF(t *testing.T) {
	app := csrfApp(carafe.CSRFOrigin)
	var cause error
	app.ErrorHandler(403, func(_ *carafe.Context, e *carafe.HTTPError) (any, error) {
		cause = e.Cause
		return carafe.Reply("no", 403), nil
	})
	w := httptest.NewRecorder()
	app.ServeHTTP(w, crossPost("/transfer", "", "Origin", "http://evil.test"))
	if w.Body.String() != "no" || cause == nil || !strings.Contains(cause.Error(), `Origin "http://evil.test"`) || !strings.Contains(cause.Error(), "Config.TrustedOrigins") {
		t.Errorf("%q, cause %v", w.Body, cause)
	}
}

func TestCSRFCanBeSwitchedOff(t *testing.T) {
	w := httptest.NewRecorder()
	csrfApp(carafe.CSRFOff).ServeHTTP(w, crossPost("/transfer", "to=x", "Sec-Fetch-Site", "cross-site"))
	if w.Code != 200 {
		t.Errorf("status %d", w.Code)
	}
}

func TestCSRFTokens(t *testing.T) {
	app := csrfApp(carafe.CSRFToken)
	now := time.Now().Truncate(time.Second)
	app.Clock = func() time.Time { return now }
	v, other := visit(t, app), visit(t, app)
	token, foreign := v.get("/form").Body.String(), other.get("/form").Body.String()
	form := func(token string) string { return url.Values{"csrf_token": {token}, "to": {"bob"}}.Encode() }
	for _, tt := range []struct {
		name string
		r    *http.Request
		want int
	}{
		{"in the form", crossPost("/transfer", form(token)), 200},
		{"in a header", crossPost("/transfer", "", "X-CSRFToken", token), 200},
		{"in the other header", crossPost("/transfer", "", "X-CSRF-Token", token, "Content-Type", "application/json"), 200},
		{"again", crossPost("/transfer", form(token)), 200},
		{"without one", crossPost("/transfer", "to=bob"), 403},
		{"without one, as JSON", crossPost("/transfer", "{}", "Content-Type", "application/json"), 403},
		{"changed", crossPost("/transfer", form(token[:len(token)-2]+"xx")), 403},
		{"cut", crossPost("/transfer", form(token[:20])), 403},
		{"another client's", crossPost("/transfer", form(foreign)), 403},
		{"right, from another site", crossPost("/transfer", form(token), "Sec-Fetch-Site", "cross-site"), 403},
		{"of a route that wants one", crossPost("/pay", form(token)), 200},
		{"of a route that wants none", crossPost("/hook/", ""), 200},
		{"in the query", crossPost("/transfer?csrf_token="+token, ""), 403},
	} {
		if w := v.do(tt.r); w.Code != tt.want {
			t.Errorf("a token %s: %d %q, want %d", tt.name, w.Code, w.Body, tt.want)
		}
	}
	now = now.Add(app.Config.PermanentSessionLifetime + time.Second)
	if w := v.do(crossPost("/transfer", form(token))); w.Code != 403 {
		t.Errorf("a token that is too old: %d", w.Code)
	}
	fresh := v.get("/form").Body.String()
	v.want("/login", "in")
	if w := v.do(crossPost("/transfer", form(fresh))); w.Code != 403 {
		t.Errorf("a token from before Regenerate: %d", w.Code)
	}
}

func TestCSRFTokensAreThoseOfFlaskWTF(t *testing.T) {
	app := csrfApp(carafe.CSRFToken)
	v := visit(t, app)
	token := v.get("/form").Body.String()
	wtf := signing.NewSerializer(signing.Options{Keys: signing.Keys{[]byte("testing key")}, Salt: "wtf-csrf-token"})
	secret, _, err := wtf.Load(token, time.Minute, time.Now())
	must(t, err)
	session, _, err := signing.NewSession(signing.Options{Keys: signing.Keys{[]byte("testing key")}}).Load(v.jar.Cookies(visitedSite)[0].Value, time.Minute, time.Now())
	must(t, err)
	if values := session.(map[string]any); values["csrf_token"] != secret || len(secret.(string)) != 64 {
		t.Errorf("the token has %v, the session %v", secret, values)
	}
}

func TestCSRFOptionsThatCannotBe(t *testing.T) {
	for name, app := range map[string]func() *carafe.App{
		"needs Config.SecretKey": func() *carafe.App {
			app := carafe.New("keyless")
			app.Post("/pay", func() string { return "" }, carafe.CSRFToken, carafe.Endpoint("pay"))
			return app
		},
		`carafe.CSRF("perhaps")`: func() *carafe.App {
			app := csrfApp("")
			app.Post("/perhaps", func() string { return "" }, carafe.CSRF("perhaps"), carafe.Endpoint("perhaps"))
			return app
		},
	} {
		var fault *carafe.SetupError
		if err := app().Freeze(); !errors.As(err, &fault) || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "csrf_test.go") {
			t.Errorf("Freeze gives %v, want it to say %q and where", err, name)
		}
	}
}
