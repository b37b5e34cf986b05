package devserver_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carafeweb/carafe/devserver"
)

// localRequest is a browser's on this machine.
func localRequest(method, target, body string) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Host, r.RemoteAddr = "localhost:5000", "127.0.0.1:1234"
	r.Header.Set("Accept", "text/html,*/*;q=0.8")
	return r
}

func answer(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestWhoIsThisMachine(t *testing.T) {
	for _, tt := range []struct {
		name string
		edit func(r *http.Request)
		want bool
	}{
		{"a browser", func(r *http.Request) {}, true},
		{"by a name below localhost", func(r *http.Request) { r.Host = "shop.localhost:80" }, true},
		{"by IPv6", func(r *http.Request) { r.Host, r.RemoteAddr = "[::1]:5000", "[::1]:9" }, true},
		{"by IPv4 in IPv6", func(r *http.Request) { r.RemoteAddr = "[::ffff:127.0.0.1]:9" }, true},
		{"by the name it listens on", func(r *http.Request) { r.Host = "dev.example" }, true},
		{"another peer", func(r *http.Request) { r.RemoteAddr = "192.0.2.7:1" }, false},
		{"a peer on a socket file", func(r *http.Request) { r.RemoteAddr = "@" }, false},
		{"no peer", func(r *http.Request) { r.RemoteAddr = "" }, false},
		{"a foreign host", func(r *http.Request) { r.Host = "evil.example" }, false},
		{"a host that looks local", func(r *http.Request) { r.Host = "localhost.evil.example" }, false},
		{"a host that ends like one", func(r *http.Request) { r.Host = "evillocalhost" }, false},
		{"no host", func(r *http.Request) { r.Host = "" }, false},
		{"behind a proxy", func(r *http.Request) { r.Header.Set("X-Forwarded-For", "127.0.0.1") }, false},
		{"behind another proxy", func(r *http.Request) { r.Header.Set("Forwarded", "for=127.0.0.1") }, false},
		{"a script of another site", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, false},
		{"a script of another port", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") }, false},
		{"a link on another site", func(r *http.Request) {
			r.Header.Set("Sec-Fetch-Site", "cross-site")
			r.Header.Set("Sec-Fetch-Mode", "navigate")
		}, true},
	} {
		r := localRequest("GET", "/", "")
		tt.edit(r)
		if got := devserver.IsLocal(r, []string{"", "dev.example"}); got != tt.want {
			t.Errorf("%s: local %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestAPanicOfAPlainHandlerIsShown(t *testing.T) {
	d := devserver.NewDebugger(devserver.DebuggerOptions{})
	h := d.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/late" {
			_, _ = io.WriteString(w, "begun")
		}
		panic(fmt.Errorf("<script>alert(1)</script>: %w", io.ErrUnexpectedEOF))
	}))
	w := answer(h, localRequest("GET", "/", ""))
	page := w.Body.String()
	for _, want := range []string{"&lt;script&gt;alert(1)&lt;/script&gt;", "unexpected EOF", "debugger_test.go:", "TestAPanicOfAPlainHandlerIsShown"} {
		if w.Code != 500 || !strings.Contains(page, want) {
			t.Errorf("status %d, a page without %s:\n%s", w.Code, want, page)
		}
	}
	if strings.Contains(page, "<script>alert") || !strings.Contains(w.Header().Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("the message is not escaped, or nothing keeps it from running: %v", w.Header())
	}
	r := localRequest("GET", "/", "")
	r.Header.Set("Accept", "*/*")
	if w := answer(h, r); !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") || w.Header().Get("Cache-Control") != "no-store" || !strings.Contains(w.Body.String(), "Stack, innermost first:") {
		t.Errorf("curl gets %v\n%s", w.Header(), w.Body)
	}
	for name, r := range map[string]*http.Request{"a foreign host": foreignRequest(), "an answer that has begun": localRequest("GET", "/late", "")} {
		if v := panicOf(func() { answer(h, r) }); v == nil {
			t.Errorf("%s: the panic is kept from the server", name)
		}
	}
}

func foreignRequest() *http.Request {
	r := localRequest("GET", "/", "")
	r.Host = "evil.example"
	return r
}

func panicOf(f func()) (v any) {
	defer func() { v = recover() }()
	f()
	return nil
}

func TestAnAbortedRequestIsTheServersOwn(t *testing.T) {
	d := devserver.NewDebugger(devserver.DebuggerOptions{})
	h := d.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	if v := panicOf(func() { answer(h, localRequest("GET", "/", "")) }); v != http.ErrAbortHandler {
		t.Errorf("http.ErrAbortHandler becomes %v", v)
	}
}

// debuggerAsk is a page's request for its secrets.
func debuggerAsk(d *devserver.Debugger, id, pin string, cookies ...*http.Cookie) (auth bool, message, html string, set []*http.Cookie) {
	body, _ := json.Marshal(map[string]string{"id": id, "secret": d.PageSecret(), "pin": pin})
	r := localRequest("POST", devserver.UnlockPath, string(body))
	for _, c := range cookies {
		r.AddCookie(c)
	}
	w := answer(d.Handler(http.NotFoundHandler()), r)
	var got struct {
		Auth          bool
		Message, HTML string
	}
	_ = json.Unmarshal(w.Body.Bytes(), &got)
	return got.Auth, got.Message, got.HTML, w.Result().Cookies()
}

func debuggerReport(d *devserver.Debugger) (id, page string) {
	_, html := d.Page(&devserver.Report{Type: "t", Message: "m", Secrets: []devserver.Section{{Name: "Environment", Rows: []devserver.Row{{Name: "HOME", Value: "<b>/root</b>"}}}}})
	_, rest, _ := strings.Cut(string(html), `data-report="`)
	id, _, _ = strings.Cut(rest, `"`)
	return id, string(html)
}

func TestSecretsAreBehindThePIN(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := devserver.NewDebugger(devserver.DebuggerOptions{PIN: "123-456-789", Secret: "s"})
		id, page := debuggerReport(d)
		if strings.Contains(page, "HOME") {
			t.Error("the page has its secrets in it")
		}
		if auth, _, html, _ := debuggerAsk(d, id, ""); auth || html != "" {
			t.Error("the secrets are given without a PIN")
		}
		if auth, message, _, _ := debuggerAsk(d, id, "987-654-321"); auth || message != "This is not the PIN." {
			t.Errorf("a wrong PIN: %v, %q", auth, message)
		}
		auth, _, html, cookies := debuggerAsk(d, id, "123456789")
		if !auth || !strings.Contains(html, "HOME") || !strings.Contains(html, "&lt;b&gt;/root") || len(cookies) != 1 || !cookies[0].HttpOnly || cookies[0].SameSite != http.SameSiteStrictMode {
			t.Fatalf("the right PIN: %v, %s, %v", auth, html, cookies)
		}
		if auth, _, _, _ := debuggerAsk(d, id, "", cookies...); !auth {
			t.Error("the cookie does not open the lock")
		}
		other := devserver.NewDebugger(devserver.DebuggerOptions{PIN: "123-456-789", Secret: "s"}) // the next program of the same parent
		otherID, _ := debuggerReport(other)
		if auth, _, _, _ := debuggerAsk(other, otherID, "", cookies...); !auth {
			t.Error("the cookie does not open the lock after a reload")
		}
		if auth, message, _, _ := debuggerAsk(other, id, "", cookies...); auth || !strings.Contains(message, "has been replaced") {
			t.Errorf("the error of a program that is gone: %v, %q", auth, message)
		}
		forged := *cookies[0]
		forged.Value = "9" + forged.Value
		if auth, _, _, _ := debuggerAsk(d, id, "", &forged); auth {
			t.Error("a cookie with another time opens the lock")
		}
		time.Sleep(8 * 24 * time.Hour)
		if auth, _, _, _ := debuggerAsk(d, id, "", cookies...); auth {
			t.Error("a cookie of last week opens the lock")
		}
	})
}

func TestWrongPINsTakeTimeAndEndInALock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := devserver.NewDebugger(devserver.DebuggerOptions{PIN: "123-456-789"})
		id, _ := debuggerReport(d)
		for i := 1; i <= 11; i++ {
			start := time.Now()
			debuggerAsk(d, id, "0")
			want := 500 * time.Millisecond
			if i > 6 {
				want = 5 * time.Second
			}
			if took := time.Since(start); took != want {
				t.Errorf("wrong PIN number %d takes %s, want %s", i, took, want)
			}
		}
		if auth, message, _, _ := debuggerAsk(d, id, "123-456-789"); auth || !strings.Contains(message, "Too many wrong PINs") {
			t.Errorf("after eleven wrong PINs the right one gives %v, %q", auth, message)
		}
	})
}

func TestThePINIsAskedForByOurPagesOnly(t *testing.T) {
	d := devserver.NewDebugger(devserver.DebuggerOptions{})
	for name, r := range map[string]*http.Request{
		"no secret": localRequest("POST", devserver.UnlockPath, `{"id":"x","pin":"1"}`),
		"no JSON":   localRequest("POST", devserver.UnlockPath, "pin=1"),
		"GET":       localRequest("GET", devserver.UnlockPath, ""),
		"too large": localRequest("POST", devserver.UnlockPath, `{"id":"`+strings.Repeat("x", 1<<20)),
	} {
		if w := answer(d.Handler(http.NotFoundHandler()), r); w.Code != http.StatusBadRequest {
			t.Errorf("%s: status %d, want 400", name, w.Code)
		}
	}
	r := localRequest("POST", devserver.UnlockPath, "{}")
	r.Host = "evil.example"
	if w := answer(d.Handler(http.NotFoundHandler()), r); w.Code != http.StatusNotFound {
		t.Errorf("a foreign host reaches the debugger: %d", w.Code)
	}
}

func TestAnOldProgramShowsWhatIsWrongWithTheNewSource(t *testing.T) {
	p := &devserver.Problem{ID: 3, Kind: "build", Dir: "/src", Output: "./x.go:1:1: <b>broken</b>\n", Diagnostics: []devserver.Diagnostic{{File: "/src/x.go", Line: 1, Message: "<b>broken</b>"}}}
	app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "old answer from "+r.RemoteAddr)
	})
	h := devserver.Gate(app, "secret", p)
	w := answer(h, localRequest("GET", "/", ""))
	if w.Code != 500 || !strings.Contains(w.Body.String(), "&lt;b&gt;broken") || strings.Contains(w.Body.String(), "<b>broken") {
		t.Errorf("a browser gets %d\n%s", w.Code, w.Body)
	}
	for name, edit := range map[string]func(r *http.Request){
		"an API client":     func(r *http.Request) { r.Header.Set("Accept", "application/json") },
		"a form":            func(r *http.Request) { r.Method = "POST" },
		"a script's fetch":  func(r *http.Request) { r.Header.Set("Sec-Fetch-Mode", "cors") },
		"a browser, remote": func(r *http.Request) { r.RemoteAddr = "192.0.2.7:1" },
	} {
		r := localRequest("GET", "/", "")
		edit(r)
		if w := answer(h, r); w.Code != 200 || w.Header().Get(devserver.HeaderStale) != "the build failed" || !strings.HasPrefix(w.Body.String(), "old answer") {
			t.Errorf("%s gets %d %v %s", name, w.Code, w.Header(), w.Body)
		}
	}
	if w := answer(h, localRequest("GET", devserver.StatePath, "")); strings.TrimSpace(w.Body.String()) != `{"state":"problem-3"}` {
		t.Errorf("the state is %s", w.Body)
	}
	if w := answer(devserver.Gate(app, "secret", nil), localRequest("GET", "/", "")); w.Code != 200 || w.Header().Get(devserver.HeaderStale) != "" {
		t.Errorf("without a problem: %d %v", w.Code, w.Header())
	}
}

func TestAPeersAddressIsBelievedWithTheSecretOnly(t *testing.T) {
	app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, r.RemoteAddr, r.Header[devserver.HeaderPeer])
	})
	h := devserver.Gate(app, "secret", nil)
	for value, want := range map[string]string{"secret 192.0.2.7:99": "192.0.2.7:99[]", "wrong 127.0.0.1:1": "192.0.2.1:1[]", "secret": "192.0.2.1:1[]", " 127.0.0.1:1": "192.0.2.1:1[]"} {
		r := localRequest("GET", "/", "")
		r.RemoteAddr = "192.0.2.1:1"
		r.Header.Set(devserver.HeaderPeer, value)
		if got := answer(h, r).Body.String(); got != want {
			t.Errorf("a request that says %q is from %s, want %s", value, got, want)
		}
	}
}

func TestCertificates(t *testing.T) {
	cert, err := devserver.Certificate("adhoc", "", "dev.example", "192.0.2.7")
	if err != nil {
		t.Fatal(err)
	}
	leaf := cert.Leaf
	if leaf == nil {
		parsed := *cert
		leaf, err = parseLeaf(parsed.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, host := range []string{"localhost", "shop.localhost", "127.0.0.1", "::1", "dev.example", "192.0.2.7"} {
		if err := leaf.VerifyHostname(host); err != nil {
			t.Errorf("the ad-hoc certificate is not for %s: %v", host, err)
		}
	}
	if _, err := devserver.Certificate("adhoc", "key.pem"); err == nil || !strings.Contains(err.Error(), "name the certificate's file too") {
		t.Errorf("a key with adhoc: %v", err)
	}
	if _, err := devserver.Certificate(filepath.Join(t.TempDir(), "none.pem"), ""); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

func TestListeningOnASocketFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "s")
	l, err := devserver.Listen("unix:" + name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := devserver.Listen("unix://" + name); err == nil {
		t.Error("a socket that somebody listens on is taken away")
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	if l, err = devserver.Listen("unix://" + name); err != nil {
		t.Fatalf("a socket file that nobody listens on: %v", err)
	}
	l.Close()
}

func TestWatchRefusesWhatCannotBeWatched(t *testing.T) {
	if err := devserver.Watch(t.Context(), devserver.Project{Dir: filepath.Join(t.TempDir(), "none")}, devserver.Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", err)
	}
	if err := devserver.Watch(t.Context(), devserver.Project{Dir: t.TempDir()}, devserver.Options{Addr: "256.0.0.1:http"}); err == nil || !strings.Contains(err.Error(), "cannot listen on 256.0.0.1:http") {
		t.Errorf("an address that is none: %v", err)
	}
	if _, child := devserver.Inherited(); child {
		t.Error("a test says that it was started by a reloader")
	}
}
