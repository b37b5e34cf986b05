package middleware_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carafeweb/carafe/gateway"
	"github.com/carafeweb/carafe/gateway/middleware"
)

var ok = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "coffee") })

// get calls h for a GET of path, after edit has changed the request.
func get(h http.Handler, path string, edit ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", path, nil)
	for _, e := range edit {
		e(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

// logger returns a logger and what it logs.
func logger() (*slog.Logger, *bytes.Buffer) {
	var b bytes.Buffer
	return slog.New(slog.NewTextHandler(&b, nil)), &b
}

func TestNewUUIDIsVersion7AndIncreases(t *testing.T) {
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	last := ""
	for range 20000 {
		id := middleware.NewUUID()
		if !form.MatchString(id) {
			t.Fatalf("%s is no UUID of version 7", id)
		}
		if id <= last {
			t.Fatalf("%s came after %s, want it to be greater", id, last)
		}
		last = id
	}
}

func TestRequestID(t *testing.T) {
	tests := []struct {
		name    string
		m       middleware.RequestID
		brought string
		kept    bool
	}{
		{"a client's name is not believed", middleware.RequestID{}, "mine", false},
		{"a trusted proxy's name is", middleware.RequestID{Trust: true}, "abc-1.2_3", true},
		{"but not one that could break a log", middleware.RequestID{Trust: true}, "a b", false},
		{"nor an endless one", middleware.RequestID{Trust: true}, strings.Repeat("a", 129), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var inContext, inHeader string
			h := tt.m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				inContext, inHeader = middleware.RequestIDOf(r.Context()), r.Header.Get("X-Request-Id")
			}))
			got := get(h, "/", header("X-Request-Id", tt.brought)).Header().Get("X-Request-Id")
			if got == "" || got != inContext || got != inHeader {
				t.Errorf("answer %q, context %q, request %q: want one name in all", got, inContext, inHeader)
			}
			if kept := got == tt.brought; kept != tt.kept {
				t.Errorf("brought %q, got %q: kept %v, want %v", tt.brought, got, kept, tt.kept)
			}
		})
	}
}

func TestRecoverAnswersOnlyWhileNothingIsOut(t *testing.T) {
	log, lines := logger()
	h := middleware.Recover{Log: log}.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Set-Cookie", "half=done")
		if r.URL.Path == "/late" {
			io.WriteString(w, "half")
		}
		panic("secret\nline")
	}))
	w := get(h, "/early")
	if w.Code != 500 || strings.Contains(w.Body.String(), "secret") || w.Header().Get("Set-Cookie") != "" {
		t.Errorf("early panic: %d %v %q, want a bare 500", w.Code, w.Header(), w.Body)
	}
	func() {
		defer func() {
			if p := recover(); p != http.ErrAbortHandler {
				t.Errorf("late panic: recovered %v, want http.ErrAbortHandler so that the connection breaks", p)
			}
		}()
		get(h, "/late")
	}()
	if n := strings.Count(lines.String(), "\n"); n != 2 || !strings.Contains(lines.String(), `secret\nline`) {
		t.Errorf("log has %d lines, want one a panic, quoted:\n%s", n, lines)
	}
}

func TestRecoverLetsAbortPassUnlogged(t *testing.T) {
	log, lines := logger()
	defer func() {
		if p := recover(); p != http.ErrAbortHandler || lines.Len() > 0 {
			t.Errorf("recovered %v, logged %q: want http.ErrAbortHandler and nothing", p, lines)
		}
	}()
	get(middleware.Recover{Log: log}.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })), "/")
}

func TestAccessLogLine(t *testing.T) {
	log, lines := logger()
	h := middleware.RequestID{}.Wrap(middleware.AccessLog{Log: log, Skip: func(r *http.Request) bool { return r.URL.Path == "/healthz" }}.Wrap(ok))
	get(h, "/healthz")
	get(h, "/a%0Ab?token=secret", header("Cookie", "s=secret"))
	line := lines.String()
	for _, want := range []string{"method=GET", "path=/a%0Ab", "status=200", "bytes=6", "client=192.0.2.1", "id=0"} {
		if !strings.Contains(line, want) {
			t.Errorf("log %q lacks %s", line, want)
		}
	}
	if strings.Contains(line, "secret") || strings.Count(line, "\n") != 1 {
		t.Errorf("log %q: want one line without query and cookies", line)
	}
}

func TestAccessLogOfAPanic(t *testing.T) {
	log, lines := logger()
	defer func() {
		if recover() == nil || !strings.Contains(lines.String(), "level=ERROR") || !strings.Contains(lines.String(), "aborted=true") {
			t.Errorf("log of a panic: %q, want an error that says aborted, and the panic", lines)
		}
	}()
	get(middleware.AccessLog{Log: log}.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("x") })), "/")
}

func TestTimeoutAnswersForAHandlerThatGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := middleware.Timeout{After: time.Minute}.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
			case <-time.After(time.Hour):
				t.Error("the handler's context has no deadline")
			}
			if r.URL.Path == "/own" {
				w.WriteHeader(http.StatusGatewayTimeout)
			}
		}))
		start := time.Now()
		if w := get(h, "/"); w.Code != 503 || time.Since(start) != time.Minute {
			t.Errorf("a handler that gives up silently: %d after %v, want 503 after 1m0s", w.Code, time.Since(start))
		}
		if w := get(h, "/own"); w.Code != 504 {
			t.Errorf("a handler with an answer of its own: %d, want its 504", w.Code)
		}
	})
}

func TestTimeoutSaysNothingToAClientThatLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, leave := context.WithCancel(t.Context())
		h := middleware.Timeout{After: time.Minute}.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { leave(); <-r.Context().Done() }))
		w := get(h, "/", func(r *http.Request) { *r = *r.WithContext(ctx) })
		if w.Body.Len() > 0 {
			t.Errorf("body %q for a client that has left", w.Body)
		}
	})
}

func TestSecureHeaders(t *testing.T) {
	h := middleware.SecureHeaders{ReferrerPolicy: "-", ContentSecurity: "default-src 'self'", HSTS: time.Hour, HSTSSubdomains: true}.Wrap(ok)
	plain := get(h, "/").Header()
	want := map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "SAMEORIGIN", "Referrer-Policy": "",
		"Content-Security-Policy": "default-src 'self'", "Strict-Transport-Security": ""}
	for name, value := range want {
		if got := plain.Get(name); got != value {
			t.Errorf("%s is %q, want %q", name, got, value)
		}
	}
	forwarded := gateway.ProxyFix{Proto: 1}.Wrap(h)
	if got := get(forwarded, "/", header("X-Forwarded-Proto", "https")).Header().Get("Strict-Transport-Security"); got != "max-age=3600; includeSubDomains" {
		t.Errorf("HSTS behind a trusted proxy is %q, want max-age=3600; includeSubDomains", got)
	}
	if got := get(h, "/", header("X-Forwarded-Proto", "https")).Header().Get("Strict-Transport-Security"); got != "" {
		t.Errorf("HSTS for a client's own X-Forwarded-Proto is %q, want none", got)
	}
}

func TestCORS(t *testing.T) {
	h := middleware.CORS{Origins: []string{"https://*.example.com", "https://shop.test"}, Methods: []string{"PUT"}, Credentials: true}.Wrap(ok)
	tests := []struct {
		name, origin string
		allowed      bool
	}{
		{"a named origin may read", "https://shop.test", true},
		{"a subdomain may", "https://app.example.com", true},
		{"the same name by http may not", "http://shop.test", false},
		{"a name that only ends the same way may not", "https://evilexample.com", false},
		{"a name that only begins the same way may not", "https://shop.test.evil.com", false},
		{"null may not", "null", false},
		{"a subdomain's subdomain may", "https://a.b-c.example.com", true},
		{"the domain itself may not", "https://example.com", false},
		{"a subdomain without a name may not", "https://.example.com", false},
		{"a path that ends the same way may not", "https://evil.test/.example.com", false},
		{"a query may not", "https://evil.test?.example.com", false},
		{"a fragment may not", "https://evil.test#.example.com", false},
		{"a port in front may not", "https://evil.test:1.example.com", false},
		{"a user may not", "https://me@app.example.com", false},
		{"another port may not", "https://app.example.com:8443", false},
		{"blanks may not", "https://evil.test .example.com", false},
		{"two origins may not", "https://evil.test, https://app.example.com", false},
		{"characters beyond ASCII may not", "https://\u00fc.example.com", false},
		{"two dots may not", "https://a..example.com", false},
		{"scheme and host in capitals are the same", "HTTPS://Shop.Test", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := get(h, "/", header("Origin", tt.origin))
			want := ""
			if tt.allowed {
				want = tt.origin
			}
			if got := w.Header().Get("Access-Control-Allow-Origin"); got != want {
				t.Errorf("Origin %s: Access-Control-Allow-Origin %q, want %q", tt.origin, got, want)
			}
			if !strings.Contains(strings.Join(w.Header().Values("Vary"), ","), "Origin") {
				t.Errorf("Vary %q lacks Origin", w.Header().Values("Vary"))
			}
		})
	}
	for _, origin := range []string{"https://a.test", "<script>", "https://evil.test\t.x"} {
		if got := get(middleware.CORS{Origins: []string{"*"}}.Wrap(ok), "/", header("Origin", origin)).Header().Get("Access-Control-Allow-Origin"); got != "*" {
			t.Errorf("a CORS for everybody answers Origin %q with %q, want *", origin, got)
		}
	}
	if got := get(middleware.CORS{}.Wrap(ok), "/", header("Origin", "https://a.test")).Header().Get("Access-Control-Allow-Origin"); got != "" {
		t.Errorf("the zero CORS allows %q, want nobody", got)
	}
}

func TestCORSRefusesWhatWouldOpenTheSite(t *testing.T) {
	bad := []middleware.CORS{
		{Origins: []string{"*"}, Credentials: true},
		{Origins: []string{"https://*example.com"}},
		{Origins: []string{"https://shop.*"}},
		{Origins: []string{"shop.test"}},
		{Origins: []string{"https://shop.test/"}},
		{Origins: []string{"http://shop.test"}, Credentials: true},
	}
	for _, m := range bad {
		if err := m.Check(); err == nil {
			t.Errorf("Check of %+v is nil, want an error", m)
		}
	}
	good := middleware.CORS{Origins: []string{"http://localhost:3000", "https://*.example.com"}, Credentials: true}
	if err := good.Check(); err != nil {
		t.Errorf("Check of %+v: %v", good, err)
	}
}

func TestRateLimitIsALeakyBucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := middleware.RateLimit{Rate: 2, Per: time.Minute, Burst: 3}.Wrap(ok)
		steps := []struct {
			after            time.Duration
			status           int
			remaining, retry string
		}{
			{0, 200, "2", ""},
			{0, 200, "1", ""},
			{0, 200, "0", ""},
			{0, 429, "0", "30"},
			{29 * time.Second, 429, "0", "1"},
			{time.Second, 200, "0", ""},
			{time.Hour, 200, "2", ""},
		}
		for i, s := range steps {
			time.Sleep(s.after)
			w := get(h, "/")
			if w.Code != s.status || w.Header().Get("RateLimit-Remaining") != s.remaining || w.Header().Get("Retry-After") != s.retry {
				t.Errorf("step %d: %d, remaining %q, retry after %q; want %d, %q, %q", i, w.Code, w.Header().Get("RateLimit-Remaining"),
					w.Header().Get("Retry-After"), s.status, s.remaining, s.retry)
			}
		}
	})
}

func TestRateLimitTellsClientsApart(t *testing.T) {
	from := func(addr string) func(*http.Request) { return func(r *http.Request) { r.RemoteAddr = addr } }
	h := middleware.RateLimit{Rate: 1, Per: time.Hour}.Wrap(ok)
	steps := []struct {
		name, addr string
		status     int
	}{
		{"the first client", "192.0.2.1:1", 200},
		{"the same from another port", "192.0.2.1:2", 429},
		{"the same as IPv6", "[::ffff:192.0.2.1]:2", 429},
		{"another", "192.0.2.2:1", 200},
		{"an IPv6 household", "[2001:db8::1]:1", 200},
		{"its other address", "[2001:db8::ffff:2]:1", 429},
		{"its neighbour", "[2001:db8:0:1::1]:1", 200},
	}
	for _, s := range steps {
		if w := get(h, "/", from(s.addr), header("X-Forwarded-For", "203.0.113.7")); w.Code != s.status {
			t.Errorf("%s (%s): %d, want %d", s.name, s.addr, w.Code, s.status)
		}
	}
}

type brokenStore struct{}

func (brokenStore) Take(context.Context, string, time.Duration, time.Duration) (time.Duration, bool, error) {
	return 0, false, io.ErrUnexpectedEOF
}

func TestRateLimitDoesAsItIsToldWhenItsStoreFails(t *testing.T) {
	log, lines := logger()
	h := middleware.RateLimit{Rate: 1, Store: brokenStore{}, Log: log}.Wrap(ok)
	if w := get(h, "/"); w.Code != 200 || !strings.Contains(lines.String(), "unexpected EOF") {
		t.Errorf("a broken store: %d, log %q; want 200 and the error", w.Code, lines)
	}
	closed := middleware.RateLimit{Rate: 1, Store: brokenStore{}, Log: log, Unavailable: http.NotFoundHandler()}.Wrap(ok)
	if w := get(closed, "/"); w.Code != 404 {
		t.Errorf("a broken store with an answer of its own for that: %d, want the 404", w.Code)
	}
	if err := (middleware.RateLimit{}).Check(); err == nil {
		t.Error("a RateLimit without a rate passes Check")
	}
}

func TestRateLimitGuardsWhatAHookKnows(t *testing.T) {
	log, lines := logger()
	unavailable := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	limit := middleware.RateLimit{Rate: 1, Per: time.Hour, Log: log, Unavailable: unavailable}
	from := func(guard func(*http.Request) http.Handler, addr string) http.Handler {
		r := httptest.NewRequest("POST", "//auth/login", nil)
		r.RemoteAddr = addr
		return guard(r)
	}
	guard := limit.Guard()
	if h := from(guard, "[2001:db8::1]:1"); h != nil {
		t.Errorf("the first request is refused: %d", get(h, "/").Code)
	}
	h := from(guard, "[2001:db8::2]:1")
	if h == nil {
		t.Fatal("the second request of an IPv6 household is let through")
	}
	if w := get(h, "/"); w.Code != 429 || w.Header().Get("Retry-After") == "" || w.Header().Get("RateLimit-Remaining") != "0" {
		t.Errorf("the second request of a household: %d with %v, want a 429 that says when", w.Code, w.Header())
	}
	if h := from(guard, "[2001:db8:0:1::1]:1"); h != nil {
		t.Errorf("the neighbour is refused: %d", get(h, "/").Code)
	}

	limit.Store = brokenStore{}
	if h := from(limit.Guard(), "192.0.2.1:1"); h == nil || get(h, "/").Code != 503 || !strings.Contains(lines.String(), "unexpected EOF") {
		t.Errorf("a store that fails: %v, log %q; want Unavailable's answer and the error", h, lines)
	}
	limit.Unavailable = nil
	if h := from(limit.Guard(), "192.0.2.1:1"); h != nil {
		t.Errorf("a store that fails, without Unavailable: %d, want nothing", get(h, "/").Code)
	}
}

func TestAKeyMayFallBackOnTheAddress(t *testing.T) {
	key := func(r *http.Request) string {
		if name := r.Header.Get("X-Name"); name != "" {
			return "name " + name
		}
		return middleware.AddressKey(r)
	}
	h := middleware.RateLimit{Rate: 1, Per: time.Hour, Key: key}.Wrap(ok)
	from := func(addr string) func(*http.Request) { return func(r *http.Request) { r.RemoteAddr = addr } }
	for i, s := range []struct {
		name, addr string
		status     int
	}{{"", "[2001:db8::1]:1", 200}, {"", "[2001:db8::2]:1", 429}, {"ada", "[2001:db8::2]:1", 200}, {"ada", "192.0.2.1:1", 429}} {
		if w := get(h, "/", from(s.addr), header("X-Name", s.name)); w.Code != s.status {
			t.Errorf("request %d, of %q at %s: %d, want %d", i+1, s.name, s.addr, w.Code, s.status)
		}
	}
}

func TestMemoryStaysBoundedAndCountsExactly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &middleware.Memory{MaxKeys: 640}
		for i := range 100_000 {
			store.Take(t.Context(), strings.Repeat("k", i%7)+string(rune(i)), time.Hour, time.Hour)
		}
		if n := middleware.Clients(store); n > 640 {
			t.Errorf("%d clients are remembered, want no more than 640", n)
		}
		var passed sync.Map
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				if _, ok, _ := store.Take(t.Context(), "one", time.Hour, 7*time.Hour); ok {
					passed.Store(i, true)
				}
			})
		}
		wg.Wait()
		n := 0
		passed.Range(func(any, any) bool { n++; return true })
		if n != 7 {
			t.Errorf("%d of 50 requests at once passed a burst of 7", n)
		}
	})
}
