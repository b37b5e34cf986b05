package carafe_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"

	"github.com/carafeweb/carafe"
)

func debugHook(c *carafe.Context) (any, error) {
	c.Session().Set("user", "ada")
	return nil, nil
}

var errDebugged = errors.New("the stock is <empty>")

func debugOrder(c *carafe.Context) (string, error) {
	if _, err := c.Request.Data(); err != nil {
		return "", err
	}
	return "", fmt.Errorf("ordering: %w", errDebugged)
}

func debugApp() *carafe.App {
	app := quiet()
	app.Config.SecretKey = "not-for-eyes"
	app.BeforeRequest(debugHook)
	app.Post("/orders/<int:id>", debugOrder)
	app.Get("/panic", func() string { panic("here") }, carafe.Endpoint("panics"))
	app.Get("/template", func() any { return carafe.RenderString("a\n{{ x.y.z }}", nil) }, carafe.Endpoint("template"))
	app.ErrorHandler(403, func(*carafe.Context, *carafe.HTTPError) (any, error) { return "no", nil })
	return app
}

// debugAsk is a browser's request on this machine; "Name: value" pairs are headers.
func debugAsk(h http.Handler, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.RemoteAddr, r.Host = "127.0.0.1:9", "localhost:5000"
	r.Header.Set("Accept", "text/html")
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		if name == "Host" {
			r.Host = value
			continue
		}
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestTheDebuggerTellsWhatIsKnownOfAnError(t *testing.T) {
	h := debugApp().Debugged("123-456-789")
	w := debugAsk(h, "POST", "/orders/7?page=2&token=hush-query", `{"name":"tea","password":"hush-json","deep":[{"api_key":"hush-deep"}]}`,
		"Content-Type: application/json", "Authorization: Bearer hush-header", "Cookie: a=hush-cookie", "X-Plain: visible")
	page := w.Body.String()
	if w.Code != 500 || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("status %d, %v", w.Code, w.Header())
	}
	for _, want := range []string{
		"*fmt.wrapError", "ordering: the stock is &lt;empty&gt;", "*errors.errorString", "carafe_test.debugOrder", "debugpage_test.go:", "/orders/&lt;int:id&gt;",
		"7 (int)", "carafe_test.debugHook", "X-Plain", "visible", "[secret]", "&#34;name&#34;: &#34;tea&#34;", "curl -i", "func TestPostOrders7(t *testing.T)",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, secret := range []string{"hush-json", "hush-deep", "hush-header", "hush-cookie", "not-for-eyes", "ada (string)", "<empty>"} {
		if strings.Contains(page, secret) {
			t.Errorf("the page has %q in it:\n%s", secret, page)
		}
	}
	if t.Failed() {
		t.Log(page)
	}
}

func TestTheDebuggerShowsPanicsAndTemplates(t *testing.T) {
	h := debugApp().Debugged("1")
	if page := debugAsk(h, "GET", "/panic", "").Body.String(); !strings.Contains(page, "panic: string") || !strings.Contains(page, "debugApp.func") || !strings.Contains(page, "calls in libraries") {
		t.Errorf("the page of a panic:\n%s", page)
	}
	if page := debugAsk(h, "GET", "/template", "").Body.String(); !strings.Contains(page, "a template given as text:2") || !strings.Contains(page, "{{ x.y.z }}") || !strings.Contains(page, "UndefinedError") {
		t.Errorf("the page of a template:\n%s", page)
	}
}

func TestClientsThatAreNoBrowserGetTheMessageTheirWay(t *testing.T) {
	h := debugApp().Debugged("1")
	w := debugAsk(h, "POST", "/orders/7", "", "Accept: application/json")
	var problem struct{ Detail string }
	if err := json.Unmarshal(w.Body.Bytes(), &problem); err != nil || w.Code != 500 || problem.Detail != "*fmt.wrapError: ordering: the stock is <empty>" || w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("an API client: %d %v %s", w.Code, w.Header(), w.Body)
	}
	if w := debugAsk(h, "POST", "/orders/7", "", "Accept: */*"); w.Code != 500 || !strings.HasPrefix(w.Body.String(), "*fmt.wrapError: ordering: the stock is <empty>") || w.Header().Get("Content-Type") != "text/plain; charset=utf-8" || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("curl: %d %v %s", w.Code, w.Header(), w.Body)
	}
}

func TestOthersAndOtherModesGetThePlainPage(t *testing.T) {
	plain := debugAsk(debugApp(), "GET", "/panic", "").Body.String()
	h := debugApp().Debugged("1")
	for name, headers := range map[string][]string{
		"a foreign host": {"Host: evil.example"}, "a proxy": {"X-Forwarded-For: 127.0.0.1"}, "a script of another site": {"Sec-Fetch-Site: cross-site"},
	} {
		if w := debugAsk(h, "GET", "/panic", "", headers...); w.Code != 500 || w.Body.String() != plain {
			t.Errorf("%s gets %d\n%s", name, w.Code, w.Body)
		}
		if w := debugAsk(h, "GET", "/orders/x", "", headers...); w.Code != 404 || strings.Contains(w.Body.String(), "orders") {
			t.Errorf("%s gets of a missing page %d\n%s", name, w.Code, w.Body)
		}
	}
	app := debugApp()
	off := app.Debugged("1")
	app.Config.Debug = false
	if w := debugAsk(off, "GET", "/panic", ""); w.Body.String() != plain {
		t.Errorf("with debug mode off:\n%s", w.Body)
	}
}

func TestAMissedRouteNamesTheNearestRules(t *testing.T) {
	app := debugApp()
	app.AfterRequest(func(_ *carafe.Context, resp *carafe.Response) (*carafe.Response, error) {
		resp.Header.Set("X-After", "ran")
		return resp, nil
	})
	h := app.Debugged("1")
	w := debugAsk(h, "POST", "/orders/%3Cb%3E", "")
	for _, want := range []string{"404 Not Found", "/orders/&lt;int:id&gt;", "&#34;&lt;b&gt;&#34; does not fit", "debugpage_test.go:"} {
		if w.Code != 404 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%d, a page without %s\n%s", w.Code, want, w.Body)
		}
	}
	if w.Header().Get("X-After") != "ran" {
		t.Error("the after-request functions do not run for the page")
	}
	w = debugAsk(h, "GET", "/orders/7", "")
	if w.Code != 405 || w.Header().Get("Allow") != "OPTIONS, POST" || !strings.Contains(w.Body.String(), "it allows OPTIONS, POST") || !strings.Contains(w.Body.String(), "it takes OPTIONS, POST, not GET") {
		t.Errorf("a 405: %d %v\n%s", w.Code, w.Header(), w.Body)
	}
	if w := debugAsk(h, "GET", "/nothing", "", "Accept: application/json"); w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("an API client gets %v", w.Header())
	}
}

func TestTheCopiedGoTestIsGo(t *testing.T) {
	h := debugApp().Debugged("1")
	for _, target := range []string{"/orders/7?q=`\"", "/orders/1"} {
		page := debugAsk(h, "POST", target, "a`b\n\"c\"", "Content-Type: text/plain", "X-Odd: \"'`\\").Body.String()
		_, rest, _ := strings.Cut(page, `<pre id="test" hidden>`)
		source, _, _ := strings.Cut(rest, "</pre>")
		source = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&#34;", `"`, "&#39;", "'", "&amp;", "&", "&#43;", "+").Replace(source)
		if _, err := parser.ParseFile(token.NewFileSet(), "x_test.go", "package x\n"+source, 0); err != nil || !strings.Contains(source, "carafetest.Body(") {
			t.Errorf("the test of %s does not parse: %v\n%s", target, err, source)
		}
	}
}

func TestShellWordsAreReadAsTheyWere(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash is installed")
	}
	for _, word := range []string{"plain", "it's", `a\b'c`, "two\nlines\ttab", "$HOME `id` \"x\"", "\x01\x7f\x1b[31m", "é€", "\xff\xfe", "!x", "'"} {
		got, err := exec.Command(bash, "-c", "printf %s "+carafe.ShellQuote(word)).Output()
		if err != nil || string(got) != word {
			t.Errorf("%q is written %s, which bash reads as %q (%v)", word, carafe.ShellQuote(word), got, err)
		}
	}
}

func TestTheRequestLogIsWerkzeugs(t *testing.T) {
	var out bytes.Buffer
	r := httptest.NewRequest("GET", "/a?b=c", nil)
	r.RemoteAddr = "127.0.0.1:9"
	carafe.LogLine(&out, r, 200)
	r.RequestURI = "/\x1b[31m\\x\u2028"
	carafe.LogLine(&out, r, 404)
	want := "127.0.0.1 - - [01/Mar/2026 12:00:00] \"GET /a?b=c HTTP/1.1\" 200 -\n127.0.0.1 - - [01/Mar/2026 12:00:00] \"GET /\\x1b[31m\\\\x\\x2028 HTTP/1.1\" 404 -\n"
	if out.String() != want {
		t.Errorf("the log is\n%swant\n%s", out.String(), want)
	}
}

func TestWhereTheServerSaysThatItRuns(t *testing.T) {
	tcp := func(ip string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: 80} }
	for _, tt := range []struct {
		addr   net.Addr
		secure bool
		want   string
	}{
		{tcp("127.0.0.1"), false, "http://127.0.0.1:80"}, {tcp("::1"), true, "https://[::1]:80"},
		{&net.UnixAddr{Name: "/s", Net: "unix"}, false, "http+unix:///s"}, {tcp("0.0.0.0"), false, "all addresses (0.0.0.0)"},
	} {
		if got := carafe.RunsOn(tt.addr, tt.secure); got[0] != tt.want {
			t.Errorf("%v: %v, want %s", tt.addr, got, tt.want)
		}
	}
}

func TestRunWantsACertificateForItsKey(t *testing.T) {
	for opt, want := range map[carafe.TLS]string{
		{Key: "key.pem"}:                    "there is a key and no certificate",
		{Cert: "adhoc", Key: "key.pem"}:     "does not go with an ad-hoc certificate",
		{Cert: "none.pem", Key: "none.key"}: "none.pem",
	} {
		if err := quiet().Run(carafe.Addr("127.0.0.1:0"), opt); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Run with %+v returned %v, want %q", opt, err, want)
		}
	}
}

func TestADebuggedRequestKeepsItsBody(t *testing.T) {
	app := quiet()
	app.Post("/", func(c *carafe.Context) ([]byte, error) { return c.Request.Data() }, carafe.Endpoint("x"))
	body := strings.Repeat("x", 200_000)
	if w := debugAsk(app.Debugged("1"), "POST", "/", body); w.Body.String() != body {
		t.Errorf("a body of %d bytes comes back with %d", len(body), w.Body.Len())
	}
}
