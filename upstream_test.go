package carafe_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/carafeweb/carafe"
	carafetest "github.com/carafeweb/carafe/testing"
)

// upstreamPair is an app with one ported page, and the old server behind it.
type upstreamPair struct {
	*testing.T
	app *carafe.App
	log lockedBuffer
}

func newUpstreamPair(t *testing.T, old http.HandlerFunc, timeout ...carafe.UpstreamTimeout) *upstreamPair {
	t.Helper()
	server := httptest.NewServer(old)
	t.Cleanup(server.Close)
	p := &upstreamPair{T: t, app: carafe.New("new")}
	p.app.Logger = slog.New(slog.NewTextHandler(&p.log, nil))
	p.app.Get("/ported", func() string { return "new" })
	p.app.Get("/folder/", func() string { return "new folder" }, carafe.Endpoint("folder"))
	p.app.Upstream(server.URL, timeout...)
	return p
}

// upstreamSays answers with what the old server was asked.
func upstreamSays(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	fmt.Fprintf(w, "%s %s %s", r.Method, r.RequestURI, body)
}

func TestWhatNoRuleTakesGoesUpstream(t *testing.T) {
	site := carafetest.Serve(t, newUpstreamPair(t, upstreamSays).app)
	for _, tt := range []struct {
		name, method, path, body string
		status                   int
		want                     string
	}{
		{"a rule's own path", "GET", "/ported", "", 200, "new"},
		{"an unknown path", "GET", "/old", "", 200, "GET /old "},
		{"the root", "GET", "/", "", 200, "GET / "},
		{"a method that the rule does not have, with its body", "POST", "/ported", "a=b", 200, "POST /ported a=b"},
		{"a path with encoded slashes, and a query that Go cannot read", "GET", "/a%2Fb/%C3%BC?x=1;y&z=%zz", "", 200, "GET /a%2Fb/%C3%BC?x=1;y&z=%zz "},
		{"a rule's path but for its slash", "GET", "/folder", "", 308, ""},
		{"OPTIONS of a rule's path", "OPTIONS", "/ported", "", 200, ""},
		{"OPTIONS of an unknown path", "OPTIONS", "/old", "", 200, "OPTIONS /old "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), tt.method, site+tt.path, strings.NewReader(tt.body))
			must(t, err)
			resp, err := http.DefaultTransport.RoundTrip(r)
			must(t, err)
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			must(t, err)
			if resp.StatusCode != tt.status || tt.status == 200 && string(body) != tt.want {
				t.Errorf("%s %s: %d %q, want %d %q", tt.method, tt.path, resp.StatusCode, body, tt.status, tt.want)
			}
		})
	}
}

func TestTheUpstreamSeesTheClientsRequest(t *testing.T) {
	var seen *http.Request
	p := newUpstreamPair(t, func(w http.ResponseWriter, r *http.Request) {
		seen = r
		http.SetCookie(w, &http.Cookie{Name: "b", Value: "2", Path: "/"})
		w.Header().Set("Location", "/next")
		w.WriteHeader(http.StatusFound)
	})
	shop := carafe.New("around")
	shop.Mount("/shop", p.app)
	client := carafetest.NewClient(t, shop, carafetest.Cookies(false))
	client.RemoteAddr = "203.0.113.9"
	resp := client.Get("https://shop.test:8443/shop/old?q=1", carafetest.Header{
		"Cookie": "a=1", "X-Forwarded-For": "6.6.6.6", "X-Forwarded-Prefix": "/evil", "X-Forwarded-Proto": "gopher", "Forwarded": "for=6.6.6.6", "X-Forwarded-Port": "1", "X-Other": "kept",
	})
	if resp.StatusCode != 302 || resp.Header.Get("Location") != "/next" || resp.Header.Get("Set-Cookie") != "b=2; Path=/" {
		t.Errorf("the answer came as %d %v", resp.StatusCode, resp.Header)
	}
	if seen.RequestURI != "/old?q=1" || seen.Host != "shop.test:8443" {
		t.Errorf("the upstream was asked for %q at %q", seen.RequestURI, seen.Host)
	}
	for name, want := range map[string]string{
		"Cookie": "a=1", "X-Other": "kept", "X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "shop.test:8443",
		"X-Forwarded-Prefix": "/shop", "X-Forwarded-Port": "", "Forwarded": "",
	} {
		if got := strings.Join(seen.Header[name], "|"); got != want {
			t.Errorf("the upstream saw %s: %q, want %q", name, got, want)
		}
	}
}

func TestNothingOfTheAppStandsBeforeTheUpstream(t *testing.T) {
	p := newUpstreamPair(t, func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n, err)
	})
	p.app.Config.MaxContentLength = 3
	p.app.BeforeRequest(func(*carafe.Context) (any, error) { return "the app's hook", nil })
	p.app.AfterRequest(func(_ *carafe.Context, resp *carafe.Response) (*carafe.Response, error) {
		return resp, resp.SetHeader("X-After", "1")
	})
	client := carafetest.NewClient(t, p.app)
	resp := client.Post("/upload", carafetest.Body(strings.Repeat("x", 1000)), carafetest.Header{"Sec-Fetch-Site": "cross-site"})
	if resp.Text() != "1000 <nil>" || resp.Header.Get("X-After") != "" {
		t.Errorf("an upload of 1000 bytes from another site: %d %q, X-After %q", resp.StatusCode, resp.Text(), resp.Header.Get("X-After"))
	}
	if got := client.Get("/ported"); got.Text() != "the app's hook" || got.Header.Get("X-After") != "1" {
		t.Errorf("the ported page: %q, want the app's hooks", got.Text())
	}
}

func TestAnUpstreamsStreamComesWhileItIsMade(t *testing.T) {
	next := make(chan struct{})
	p := newUpstreamPair(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "first")
		_ = http.NewResponseController(w).Flush()
		select {
		case <-next:
			fmt.Fprintln(w, "second")
		case <-r.Context().Done():
		}
	})
	resp, err := http.Get(carafetest.Serve(t, p.app) + "/stream")
	must(t, err)
	defer resp.Body.Close()
	lines := bufio.NewReader(resp.Body)
	if line, err := lines.ReadString('\n'); line != "first\n" {
		t.Fatalf("the first line is %q, %v", line, err)
	}
	close(next)
	if rest, err := io.ReadAll(lines); string(rest) != "second\n" || err != nil {
		t.Errorf("the rest is %q, %v", rest, err)
	}
}

func TestAConnectionIsUpgradedThroughTheApp(t *testing.T) {
	p := newUpstreamPair(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "websocket" {
			http.Error(w, "no upgrade", http.StatusBadRequest)
			return
		}
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		fmt.Fprint(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		_ = rw.Flush()
		line, _ := rw.ReadString('\n')
		fmt.Fprint(rw, "echo ", line)
		_ = rw.Flush()
	})
	conn, err := net.Dial("tcp", strings.TrimPrefix(carafetest.Serve(t, p.app), "http://"))
	must(t, err)
	defer conn.Close()
	must(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	fmt.Fprint(conn, "GET /ported HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	r := bufio.NewReader(conn)
	resp, err := http.ReadResponse(r, nil)
	must(t, err)
	if resp.StatusCode != 101 {
		t.Fatalf("the upgrade was answered with %d", resp.StatusCode)
	}
	fmt.Fprintln(conn, "hello")
	if line, err := r.ReadString('\n'); line != "echo hello\n" {
		t.Errorf("through the connection came %q, %v", line, err)
	}
}

// upstreamAway is an address at which nobody listens.
func upstreamAway(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return "http://" + l.Addr().String()
}

func TestAnUpstreamThatIsAwayIsA502ThatTeaches(t *testing.T) {
	app := carafe.New("new")
	var lines bytes.Buffer
	app.Logger = slog.New(slog.NewTextHandler(&lines, nil))
	away := upstreamAway(t)
	app.Upstream(away)
	app.Get("/ported", func() string { return "new" })
	app.ErrorHandler(502, func(_ *carafe.Context, e *carafe.HTTPError) (any, error) {
		return carafe.Reply("the old part is away", 502), nil
	})
	client := carafetest.NewClient(t, app)
	if resp := client.Get("/old"); resp.StatusCode != 502 || resp.Text() != "the old part is away" {
		t.Errorf("GET /old: %d %q, want the app's page for 502", resp.StatusCode, resp.Text())
	}
	for _, want := range []string{"no rule takes GET /old", away, "flask run --port " + away[strings.LastIndex(away, ":")+1:], "refused"} {
		if !strings.Contains(lines.String(), want) {
			t.Errorf("the log does not say %q:\n%s", want, &lines)
		}
	}
	if got := client.Get("/ported").Text(); got != "new" {
		t.Errorf("the ported page says %q", got)
	}
}

func TestAnUpstreamThatIsTooSlowIsA504(t *testing.T) {
	over := make(chan struct{})
	p := newUpstreamPair(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-over:
		case <-r.Context().Done():
		}
	}, carafe.UpstreamTimeout(20*time.Millisecond))
	defer close(over)
	resp := carafetest.NewClient(t, p.app).Get("/slow")
	if resp.StatusCode != 504 || !strings.Contains(p.log.String(), "UpstreamTimeout") {
		t.Errorf("%d, want 504; the log says %s", resp.StatusCode, &p.log)
	}
}

func TestAnUpstreamThatDiesBeforeItsAnswerIsA502(t *testing.T) {
	p := newUpstreamPair(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	if got := carafetest.NewClient(t, p.app).Get("/dies").StatusCode; got != 502 {
		t.Errorf("status %d, want 502", got)
	}
}

func TestAnAnswerThatBreaksOffUpstreamBreaksOffForTheClient(t *testing.T) {
	p := newUpstreamPair(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "half")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	resp, err := http.Get(carafetest.Serve(t, p.app) + "/breaks")
	must(t, err)
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("the client takes %q for the whole answer", body)
	}
}

func TestAForeignHostIsNotPassedUpstream(t *testing.T) {
	p := newUpstreamPair(t, upstreamSays)
	p.app.Config.TrustedHosts = []string{"localhost"}
	if got := carafetest.NewClient(t, p.app).Get("/old", carafetest.Header{"Host": "evil.test"}).StatusCode; got != 400 {
		t.Errorf("status %d, want 400", got)
	}
}

func TestWhatGoesUpstreamIsExplained(t *testing.T) {
	p := newUpstreamPair(t, upstreamSays)
	e, err := p.app.Explain("GET", "/old")
	must(t, err)
	for _, step := range e.Steps {
		if step.Kind == "view" && strings.Contains(step.Text, "upstream") {
			return
		}
	}
	t.Errorf("of GET /old it is said: %+v", e.Steps)
}

func TestAnUpstreamThatCannotBeIsRefused(t *testing.T) {
	for _, tt := range []struct{ name, target, want string }{
		{"no scheme", "127.0.0.1:5001", "first path segment in URL cannot contain colon"},
		{"no host", "http://", "give a URL like http://127.0.0.1:5001"},
		{"another scheme", "ftp://old.test", "give a URL like http://127.0.0.1:5001"},
		{"a query", "http://old.test/?a=1", "give scheme, host and path alone"},
		{"a password, which is not repeated", "http://u:secret@old.test", "http://u:xxxxx@old.test"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			defer func() {
				fault, _ := recover().(*carafe.SetupError)
				if fault == nil || !strings.Contains(fault.Error(), tt.want) || strings.Contains(fault.Error(), "secret") {
					t.Errorf("Upstream(%q) says %v, want %q", tt.target, fault, tt.want)
				}
			}()
			carafe.New("new").Upstream(tt.target)
		})
	}
	defer func() {
		if fault, _ := recover().(*carafe.SetupError); fault == nil || !strings.Contains(fault.Error(), "there can be one") {
			t.Errorf("a second upstream says %v", fault)
		}
	}()
	app := carafe.New("new")
	app.Upstream("http://one.test")
	app.Upstream("http://two.test")
}

func ExampleApp_Upstream() {
	flask := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "Flask answers ", r.URL.Path)
	}))
	defer flask.Close()

	app := carafe.New("shop")
	app.Get("/", func() string { return "Carafe answers /" })
	app.Upstream(flask.URL)

	for _, path := range []string{"/", "/orders"} {
		w := httptest.NewRecorder()
		app.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		fmt.Println(w.Body)
	}
	// Output:
	// Carafe answers /
	// Flask answers /orders
}
