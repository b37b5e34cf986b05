package carafe_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carafeweb/carafe"
	carafetest "github.com/carafeweb/carafe/testing"
)

// rawUpstream is a server that has each connection to itself, as Flask's may behave, and net/http's does not.
func rawUpstream(t *testing.T, serve func(conn net.Conn, r *bufio.Reader)) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
				serve(conn, bufio.NewReader(conn))
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

// answerOnce reads a request and answers it, as if for more to come.
func answerOnce(conn net.Conn, r *bufio.Reader) error {
	request, err := http.ReadRequest(r)
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, request.Body); err != nil {
		return err
	}
	_, err = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok")
	return err
}

// sendRaw sends text, a request after which the connection ends, and returns all that comes back.
func sendRaw(t *testing.T, site, text string) string {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(site, "http://"))
	must(t, err)
	defer conn.Close()
	must(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	_, err = io.WriteString(conn, text)
	must(t, err)
	answer, err := io.ReadAll(conn)
	must(t, err)
	return string(answer)
}

func TestNamesThatWSGICannotTellApartDoNotGoUpstream(t *testing.T) {
	p := newUpstreamPair(t, func(w http.ResponseWriter, r *http.Request) {
		for name := range r.Header {
			fmt.Fprintln(w, strings.ToUpper(strings.ReplaceAll(name, "-", "_"))+"="+strings.Join(r.Header[name], ","))
		}
	})
	answer := sendRaw(t, carafetest.Serve(t, p.app), "GET /old HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\nX-Other: kept\r\n"+
		"X_Forwarded_For: 6.6.6.6\r\nx_forwarded-proto: gopher\r\nX-Forwarded_Host: evil.test\r\nX_Forwarded_Prefix: /evil\r\nFor_warded: x\r\n\r\n")
	for _, want := range []string{"X_FORWARDED_FOR=127.0.0.1\n", "X_FORWARDED_PROTO=http\n", "X_FORWARDED_HOST=a.test\n", "X_OTHER=kept\n"} {
		if !strings.Contains(answer, want) {
			t.Errorf("the upstream does not see %q:\n%s", want, answer)
		}
	}
	for _, forged := range []string{"6.6.6.6", "gopher", "evil", "FOR_WARDED"} {
		if strings.Contains(answer, forged) {
			t.Errorf("the upstream sees %q, which the client has put into a name with an underscore:\n%s", forged, answer)
		}
	}
}

// The upstream closes each connection when a second request comes on it, as it does if its time for idle ones is up just then.
func TestNoRequestIsLostToAConnectionThatTheUpstreamCloses(t *testing.T) {
	app := carafe.New("new")
	var log lockedBuffer
	app.Logger = slog.New(slog.NewTextHandler(&log, nil))
	app.Upstream(rawUpstream(t, func(conn net.Conn, r *bufio.Reader) {
		if answerOnce(conn, r) == nil {
			_, _ = http.ReadRequest(r)
		}
	}))
	site := carafetest.Serve(t, app)
	for i := range 50 {
		for _, ask := range []struct{ method, body string }{{"GET", ""}, {"POST", "a=b"}, {"GET", ""}, {"POST", ""}, {"GET", ""}, {"DELETE", ""}, {"GET", ""}, {"GET", "a body"}} {
			r, err := http.NewRequestWithContext(t.Context(), ask.method, site+"/old", strings.NewReader(ask.body))
			must(t, err)
			resp, err := http.DefaultClient.Do(r)
			must(t, err)
			body, err := io.ReadAll(resp.Body)
			must(t, err)
			must(t, resp.Body.Close())
			if string(body) != "ok" {
				t.Fatalf("round %d: %s with the body %q is a %d; the log says %s", i, ask.method, ask.body, resp.StatusCode, &log)
			}
		}
	}
}

func TestAnIdleConnectionUpstreamIsGivenUpBeforeTheUpstreamDoes(t *testing.T) {
	closed := make(chan error, 1)
	app := carafe.New("new")
	app.Upstream(rawUpstream(t, func(conn net.Conn, r *bufio.Reader) {
		_ = answerOnce(conn, r)
		_, err := r.ReadByte()
		closed <- err
	}))
	if got := carafetest.NewClient(t, app).Get("/old").Text(); got != "ok" {
		t.Fatalf("the upstream's answer is %q", got)
	}
	if err := <-closed; err != io.EOF {
		t.Errorf("after 30 s the idle connection is not closed: %v", err)
	}
}

func TestAClientsFaultIsNotTheUpstreams(t *testing.T) {
	for _, tt := range []struct {
		name    string
		set     func(*carafe.App)
		request string
		leaves  bool // the client closes its half of the connection
		status  int
	}{
		{"a body that breaks off", nil, "POST /old HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100\r\n\r\nabc", true, 400},
		{"a chunk that is none", nil, "POST /old HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", false, 400},
		{"a body that does not come", func(a *carafe.App) { a.Config.BodyTimeout = 20 * time.Millisecond }, "POST /old HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100\r\n\r\nabc", false, 408},
		{"a body that a middleware limits", func(a *carafe.App) {
			a.Use(func(next http.Handler) http.Handler { return http.MaxBytesHandler(next, 3) })
		}, "POST /old HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nabcde", false, 413},
		{"a protocol whose name is no name", nil, "GET /old HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: w\xc3\xa4bsocket\r\n\r\n", false, 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newUpstreamPair(t, upstreamSays)
			if tt.set != nil {
				tt.set(p.app)
			}
			conn, err := net.Dial("tcp", strings.TrimPrefix(carafetest.Serve(t, p.app), "http://"))
			must(t, err)
			defer conn.Close()
			must(t, conn.SetDeadline(time.Now().Add(time.Minute)))
			_, err = io.WriteString(conn, tt.request)
			must(t, err)
			if tt.leaves {
				must(t, conn.(*net.TCPConn).CloseWrite())
			}
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			must(t, err)
			defer resp.Body.Close()
			if resp.StatusCode != tt.status || strings.Contains(p.log.String(), "ERROR") {
				t.Errorf("%d, want %d, and no ERROR of the upstream in the log: %s", resp.StatusCode, tt.status, &p.log)
			}
		})
	}
}

// A slowUpload is a body whose pieces take longer to come than Config.BodyTimeout leaves before the deadline is moved, and the connection
// that it comes by, whose deadlines it notes.
type slowUpload struct {
	*httptest.ResponseRecorder
	pieces    int
	deadlines []time.Time
}

func (u *slowUpload) SetReadDeadline(t time.Time) error {
	u.deadlines = append(u.deadlines, t)
	return nil
}

func (u *slowUpload) Read(p []byte) (int, error) {
	if u.pieces--; u.pieces < 0 {
		return 0, io.EOF
	}
	time.Sleep(2 * time.Millisecond)
	p[0] = 'x'
	return 1, nil
}

func TestAnUploadUpstreamMayTakeLongerThanBodyTimeout(t *testing.T) {
	p := newUpstreamPair(t, upstreamSays)
	p.app.Config.BodyTimeout, p.app.Config.BodyMinRate = time.Millisecond, -1
	u := &slowUpload{ResponseRecorder: httptest.NewRecorder(), pieces: 5}
	r := httptest.NewRequest("POST", "/old", io.NopCloser(u)).WithContext(context.WithValue(t.Context(), http.ServerContextKey, &http.Server{}))
	r.ContentLength = 5
	p.app.ServeHTTP(u, r)
	if got := u.Body.String(); got != "POST /old xxxxx" {
		t.Errorf("the upload is answered with %d %q", u.Code, got)
	}
	slices.SortFunc(u.deadlines, time.Time.Compare)
	moved := slices.DeleteFunc(slices.Compact(u.deadlines), time.Time.IsZero)
	if len(moved) < 5 {
		t.Errorf("the deadline for reading was %d moments, %v, want one for each piece at least: the upload would be cut off", len(moved), moved)
	}
}

func TestAnAnswerUpstreamWithoutATypeStaysWithout(t *testing.T) {
	p := newUpstreamPair(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Content-Type"] = nil
		if typ := r.URL.Query().Get("type"); typ != "" {
			w.Header().Set("Content-Type", typ)
		}
		fmt.Fprint(w, "<!doctype html><p>text")
	})
	site := carafetest.Serve(t, p.app)
	for query, want := range map[string][]string{"": nil, "?type=text/x-own": {"text/x-own"}} {
		resp, err := http.Get(site + "/old" + query)
		must(t, err)
		must(t, resp.Body.Close())
		if got := resp.Header["Content-Type"]; !slices.Equal(got, want) {
			t.Errorf("/old%s came with Content-Type %q, want %q as the upstream has sent it", query, got, want)
		}
	}
}

func TestAPreflightGoesWhereItsRequestWill(t *testing.T) {
	p := newUpstreamPair(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Methods", "POST")
		fmt.Fprint(w, "upstream")
	})
	p.app.Get("/half", func() string { return "" }, carafe.Endpoint("half"), carafe.AutomaticOptions(false))
	p.app.Route("/own", func() string { return "the view" }, carafe.Endpoint("own"), carafe.Methods{"GET", "OPTIONS"})
	p.app.Router().HandleFunc("/ported", func(http.ResponseWriter, *http.Request) {}).Methods("PUT")
	client := carafetest.NewClient(t, p.app)
	for _, tt := range []struct{ name, path, method, want string }{
		{"for a method of a rule", "/ported", "GET", ""},
		{"for HEAD, which comes with GET", "/ported", "HEAD", ""},
		{"for a method of a route of the router", "/ported", "PUT", ""},
		{"for a method that the upstream has", "/ported", "POST", "upstream"},
		{"for an unknown path", "/old", "GET", "upstream"},
		{"for no method: OPTIONS alone", "/ported", "", ""},
		{"OPTIONS alone, where the rule leaves it to the upstream", "/half", "", "upstream"},
		{"where the view answers OPTIONS", "/own", "POST", "the view"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			header := carafetest.Header{"Origin": "http://localhost"}
			if tt.method != "" {
				header["Access-Control-Request-Method"] = tt.method
			}
			if resp := client.Options(tt.path, header); resp.StatusCode != 200 || resp.Text() != tt.want {
				t.Errorf("%d %q, want %q", resp.StatusCode, resp.Text(), tt.want)
			}
		})
	}
}

func TestAPathThatIsHalfPortedAllowsTheMethodsOfBoth(t *testing.T) {
	p := newUpstreamPair(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/ported":
			w.Header().Set("Allow", "POST, OPTIONS")
			w.Header().Add("Allow", "GET")
			w.Header().Set("X-Seen", r.Header.Get("Cookie"))
			if r.Method != "OPTIONS" {
				w.WriteHeader(405)
			}
		case "/old":
			w.Header().Set("Allow", "POST, OPTIONS")
		default:
			http.NotFound(w, r)
		}
	})
	p.app.Get("/whole", func() string { return "" }, carafe.Endpoint("whole"))
	p.app.Get("/left", func() string { return "" }, carafe.Endpoint("left"), carafe.AutomaticOptions(false))
	client := carafetest.NewClient(t, p.app)
	for _, tt := range []struct {
		name, method, path string
		status             int
		allow              string
	}{
		{"OPTIONS of a path of both", "OPTIONS", "/ported", 200, "GET, HEAD, OPTIONS, POST"},
		{"OPTIONS of a path that the upstream does not know any more", "OPTIONS", "/whole", 200, "GET, HEAD, OPTIONS"},
		{"OPTIONS of a path that is the upstream's alone, as it came", "OPTIONS", "/old", 200, "POST, OPTIONS"},
		{"a method that neither has", "DELETE", "/ported", 405, "GET, HEAD, OPTIONS, POST"},
		{"OPTIONS that is left to the upstream, which has no such path", "OPTIONS", "/left", 404, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp := client.Open(tt.method, tt.path, carafetest.Header{"Content-Type": "text/plain"}, carafetest.Body("what belongs to the request"))
			if got := strings.Join(resp.Header["Allow"], "|"); resp.StatusCode != tt.status || got != tt.allow {
				t.Errorf("%s %s: %d, Allow %q; want %d %q", tt.method, tt.path, resp.StatusCode, got, tt.status, tt.allow)
			}
		})
	}
}

// What the upstream does to the question is nothing to a client that asks the app about its own path.
func TestOptionsOfAPortedPathOutlivesAnUpstreamThatBreaksOff(t *testing.T) {
	over := make(chan struct{})
	p := newUpstreamPair(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", "POST, OPTIONS")
		switch r.URL.Path {
		case "/broken":
			w.Header().Set("Content-Length", "10")
			_, _ = io.WriteString(w, "abc")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		case "/endless":
			_ = http.NewResponseController(w).Flush()
			select {
			case <-r.Context().Done(): // the body is not waited for
			case <-over:
			}
		}
	})
	t.Cleanup(func() { close(over) })
	p.app.Get("/broken", func() string { return "" }, carafe.Endpoint("broken"))
	p.app.Get("/endless", func() string { return "" }, carafe.Endpoint("endless"))
	server := httptest.NewServer(p.app) // as in production: there a proxy's fault is a panic
	defer server.Close()
	for _, path := range []string{"/broken", "/endless"} {
		r, err := http.NewRequest("OPTIONS", server.URL+path, nil)
		must(t, err)
		resp, err := http.DefaultClient.Do(r)
		must(t, err)
		_ = resp.Body.Close()
		if got := resp.Header.Get("Allow"); resp.StatusCode != 200 || got != "GET, HEAD, OPTIONS, POST" {
			t.Errorf("OPTIONS %s: %d, Allow %q; want 200 and the methods of both", path, resp.StatusCode, got)
		}
	}
}

func TestOptionsOfAPortedPathNeedsNoUpstream(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	app := carafe.New("alone")
	app.Get("/ported", func() string { return "" })
	app.Upstream("http://" + listener.Addr().String())
	must(t, listener.Close())
	if resp := carafetest.NewClient(t, app).Options("/ported"); resp.StatusCode != 200 || resp.Header.Get("Allow") != "GET, HEAD, OPTIONS" {
		t.Errorf("with the upstream away: %d, Allow %q", resp.StatusCode, resp.Header.Get("Allow"))
	}
}

func TestTheLogSaysWhatTheUpstreamDid(t *testing.T) {
	broken := rawUpstream(t, func(conn net.Conn, r *bufio.Reader) { _, _ = http.ReadRequest(r) })
	half := rawUpstream(t, func(conn net.Conn, r *bufio.Reader) {
		_, _ = http.ReadRequest(r)
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
	})
	noHTTP := rawUpstream(t, func(conn net.Conn, r *bufio.Reader) {
		_, _ = http.ReadRequest(r)
		_, _ = io.WriteString(conn, "220 mail.test ESMTP\r\n")
	})
	for _, tt := range []struct {
		name, target string
		timeout      time.Duration
		status       int // 0 means that the answer breaks off
		want         []string
		never        string
	}{
		{"it dies before its answer", broken, 0, 502, []string{"level=ERROR", "took GET /old", "broke off before it began", broken, "path=/old"}, "is it running"},
		{"it does not speak HTTP", noHTTP, 0, 502, []string{"level=ERROR", "took GET /old", "or is none", "malformed HTTP"}, "is it running"},
		{"it dies within its answer", half, 0, 0, []string{"level=WARN", "the answer of the upstream broke off", "method=GET", "path=/old", "upstream=" + half, "unexpected EOF"}, "httputil"},
		{"it does not take the connection in time", half, time.Nanosecond, 502, []string{"level=ERROR", "is it running there", "timeout"}, "UpstreamTimeout"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			app := carafe.New("new")
			var log lockedBuffer
			app.Logger = slog.New(slog.NewTextHandler(&log, nil))
			app.Upstream(tt.target, carafe.UpstreamTimeout(tt.timeout))
			resp, err := http.Get(carafetest.Serve(t, app) + "/old")
			code := 0
			if err == nil {
				defer resp.Body.Close()
				code = resp.StatusCode
				_, err = io.ReadAll(resp.Body)
			}
			if (err != nil) != (tt.status == 0) || err == nil && code != tt.status {
				t.Errorf("the answer is a %d, read with the error %v", code, err)
			}
			for _, want := range tt.want {
				if !strings.Contains(log.String(), want) {
					t.Errorf("the log does not say %q:\n%s", want, &log)
				}
			}
			if strings.Contains(log.String(), tt.never) || strings.Count(log.String(), "\n") != 1 {
				t.Errorf("the log says %q, or more than one thing:\n%s", tt.never, &log)
			}
		})
	}
}
