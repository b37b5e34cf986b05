package carafe_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/carafeweb/carafe"
	carafetest "github.com/carafeweb/carafe/testing"
)

func inputApp() *carafe.App {
	app := quiet()
	app.Route("/", func() string { return "root" }, carafe.Endpoint("index"), carafe.Methods{"GET", "POST"})
	app.Route("/t/<name>", func(name string) string { return fmt.Sprintf("%q", name) }, carafe.Endpoint("t"))
	app.Route("/p/<path:p>", func(p string) string { return fmt.Sprint(len(p)) }, carafe.Endpoint("p"))
	app.Route("/a/b", func() string { return "ab" }, carafe.Endpoint("ab"))
	app.Route("/body", func(c *carafe.Context) (string, error) { b, err := c.Request.Data(); return string(b), err }, carafe.Endpoint("body"), carafe.Methods{"GET", "POST"})
	return app
}

// raw sends bytes to a real server and reads the answer, or "" if the connection was closed without one.
func raw(t *testing.T, base, request string) (status int, header http.Header, body string) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	must(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, request)
	must(t, err)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0, nil, ""
	}
	defer resp.Body.Close()
	data, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header, string(data)
}

func TestOddRequestsHaveAnAnswer(t *testing.T) {
	base := carafetest.Serve(t, inputApp())
	long := strings.Repeat("a", 60<<10)
	for _, tt := range []struct {
		name, request string
		status        int
		want          string // in the body, or in Location
	}{
		{"an unknown method token", "BREW / HTTP/1.1\r\nHost: x\r\n\r\n", 405, "not allowed"},
		{"a method in lower case is another method", "get / HTTP/1.1\r\nHost: x\r\n\r\n", 405, "not allowed"},
		{"a method that is no token", "G@T / HTTP/1.1\r\nHost: x\r\n\r\n", 400, ""},
		{"invalid UTF-8 in the path becomes U+FFFD", "GET /t/%FF%FE HTTP/1.1\r\nHost: x\r\n\r\n", 200, "\"\uFFFD\uFFFD\""},
		{"an encoded NUL is a character like others", "GET /t/a%00b HTTP/1.1\r\nHost: x\r\n\r\n", 200, `"a\x00b"`},
		{"an encoded slash is a slash", "GET /t/a%2Fb HTTP/1.1\r\nHost: x\r\n\r\n", 404, ""},
		{"a broken escape", "GET /t/%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400, ""},
		{"dots are not resolved", "GET /t/.. HTTP/1.1\r\nHost: x\r\n\r\n", 200, `".."`},
		{"a path of 60 KB", "GET /p/" + long + " HTTP/1.1\r\nHost: x\r\n\r\n", 200, fmt.Sprint(len(long))},
		{"a path of 60 KB that nothing matches", "GET /" + long + " HTTP/1.1\r\nHost: x\r\n\r\n", 404, ""},
		{"doubled slashes are redirected", "GET /a//b?q=1 HTTP/1.1\r\nHost: x\r\n\r\n", 308, "/a/b?q=1"},
		{"and the client's Host is not repeated", "GET /a//b HTTP/1.1\r\nHost: x\r\n\r\n", 308, "<a href=\"/a/b\">"},
		{"nor with the port that one leaves out", "GET /a//b HTTP/1.1\r\nHost: X:80\r\n\r\n", 308, "<a href=\"/a/b\">"},
		{"but the name of this very machine is", "GET /a//b HTTP/1.1\r\nHost: localhost:81\r\n\r\n", 308, "<a href=\"http://localhost:81/a/b\">"},
		{"leading ones lead nowhere else", "GET //evil.example/.. HTTP/1.1\r\nHost: x\r\n\r\n", 404, ""},
		{"a Host with garbage", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, ""},
		{"a Host that is no name", "GET / HTTP/1.1\r\nHost: <script>\r\n\r\n", 400, ""},
		{"a Host that is odd and passes net/http", "GET /a//b HTTP/1.1\r\nHost: a_b..\r\n\r\n", 308, ""},
		{"no Host at all", "GET / HTTP/1.1\r\n\r\n", 400, ""},
		{"a body on GET", "GET /body HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody", 200, "body"},
		{"a body that nobody reads", "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody", 200, "root"},
		{"an empty query", "GET /? HTTP/1.1\r\nHost: x\r\n\r\n", 200, "root"},
		{"a query that is garbage", "GET /?%zz&;;=&&& HTTP/1.1\r\nHost: x\r\n\r\n", 200, "root"},
		{"an asterisk", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 200, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, header, body := raw(t, base, tt.request)
			if status != tt.status || !strings.Contains(body+header.Get("Location"), tt.want) {
				t.Errorf("the answer is %d %q to %q, want %d with %q", status, body, header.Get("Location"), tt.status, tt.want)
			}
			if status, _, body := raw(t, base, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); status != 200 || body != "root" {
				t.Errorf("the next request: %d %q", status, body)
			}
		})
	}
}

func TestAClientThatLeavesDuringTheResponseEndsIt(t *testing.T) {
	app := inputApp()
	started, ended := make(chan struct{}), make(chan error, 1)
	app.TeardownRequest(func(_ *carafe.Context, err error) { ended <- err })
	app.Route("/endless", func() any {
		return carafe.Stream(func(yield func([]byte) bool) {
			chunk := make([]byte, 64<<10)
			for yield(chunk) {
				select {
				case <-started:
				default:
					close(started)
				}
			}
		})
	}, carafe.Endpoint("endless"))
	base := carafetest.Serve(t, app)
	conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	must(t, err)
	_, err = io.WriteString(conn, "GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
	must(t, err)
	<-started
	must(t, conn.Close())
	if err := <-ended; err == nil {
		t.Error("teardown got no error for a body that was cut off")
	}
}

func TestAHandlerThatWritesAfterItReturnedDoesNoHarm(t *testing.T) {
	app := inputApp()
	release, late := make(chan struct{}), make(chan error, 1)
	app.Route("/late", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "in time")
		go func() {
			<-release
			_, err := w.Write([]byte("too late"))
			late <- err
		}()
	}, carafe.Endpoint("late"))
	base := carafetest.Serve(t, app)
	if _, _, body := raw(t, base, "GET /late HTTP/1.1\r\nHost: x\r\n\r\n"); body != "in time" {
		t.Errorf("the answer is %q", body)
	}
	close(release)
	if err := <-late; err == nil {
		t.Error("the late write succeeded")
	}
}

func TestAHandlersStreamGoesThroughTheHooks(t *testing.T) {
	app := quiet()
	app.AfterRequest(func(_ *carafe.Context, resp *carafe.Response) (*carafe.Response, error) {
		resp.Header.Set("X-After", "seen")
		return resp, nil
	})
	next := make(chan struct{})
	app.Route("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "first")
		w.(http.Flusher).Flush()
		<-next
		fmt.Fprint(w, "second")
	}, carafe.Endpoint("x"))
	base := carafetest.Serve(t, app)
	resp, err := http.Get(base + "/")
	must(t, err)
	defer resp.Body.Close()
	first := make([]byte, 5)
	_, err = io.ReadFull(resp.Body, first)
	must(t, err)
	close(next)
	rest, err := io.ReadAll(resp.Body)
	must(t, err)
	if string(first)+string(rest) != "firstsecond" || resp.Header.Get("X-After") != "seen" {
		t.Errorf("%q and %q with X-After %q", first, rest, resp.Header.Get("X-After"))
	}
}

func TestAPanicOfAHandlerThatHasStreamedBreaksTheConnection(t *testing.T) {
	app := quiet()
	app.Route("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "first")
		w.(http.Flusher).Flush()
		panic("boom")
	}, carafe.Endpoint("x"))
	base := carafetest.Serve(t, app)
	resp, err := http.Get(base + "/")
	must(t, err)
	defer resp.Body.Close()
	if _, err := io.ReadAll(resp.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the body ends with %v, want an unexpected end", err)
	}
}

func TestAnUntrustedHostIsA400(t *testing.T) {
	app := inputApp()
	app.Config.TrustedHosts = []string{"example.com", ".internal.example"}
	for host, want := range map[string]int{
		"example.com": 200, "EXAMPLE.com:8000": 200, "a.internal.example": 200, "internal.example": 200, "evil.example": 400, "example.com.evil": 400, "": 400,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = host
		w := httptest.NewRecorder()
		app.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("Host %q: %d, want %d", host, w.Code, want)
		}
	}
}
