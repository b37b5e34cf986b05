package carafe_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/carafeweb/carafe"
)

// A client that reads nothing must not hold up a request that is over, nor those who wait for the end of all requests.
func TestAWriteThatIsLeftBehindDoesNotHoldTheRequestUp(t *testing.T) {
	pour := func(w io.Writer, stuck chan<- struct{}) {
		piece := make([]byte, 1<<20)
		for i := 0; ; i++ {
			if i == 1 {
				close(stuck) // in the write that comes now, or a later one
			}
			if _, err := w.Write(piece); err != nil {
				return
			}
		}
	}
	for name, view := range map[string]any{
		"a Streamer's": func() carafe.Streamer {
			return func(w http.ResponseWriter) error {
				stuck := make(chan struct{})
				go pour(w, stuck)
				<-stuck
				time.Sleep(50 * time.Millisecond) // until the buffers of the system are full
				return errors.New("gave up")
			}
		},
		"a handler's": func(w http.ResponseWriter, r *http.Request) {
			stuck := make(chan struct{})
			go pour(w, stuck)
			<-stuck
			time.Sleep(50 * time.Millisecond)
		},
	} {
		t.Run(name, func(t *testing.T) {
			app := quiet()
			app.Get("/", view, carafe.Endpoint("x"))
			over := make(chan struct{})
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer close(over)
				app.ServeHTTP(w, r)
			}))
			defer srv.Close()
			conn, err := net.Dial("tcp", srv.Listener.Addr().String())
			must(t, err)
			defer conn.Close()
			_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
			must(t, err)
			select {
			case <-over:
			case <-time.After(30 * time.Second):
				t.Error("the request is held up by its client")
			}
		})
	}
}

// Most examples of server-sent events set Connection: keep-alive.
func TestAnAnswerCannotKeepAConnectionThatHasToEnd(t *testing.T) {
	app := quiet()
	app.Config.CSRF = carafe.CSRFOff
	app.Post("/sse", func() any {
		return carafe.Reply("data", http.Header{"Connection": {"keep-alive"}})
	}, carafe.Endpoint("sse"))
	srv := httptest.NewServer(app)
	defer srv.Close()
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	must(t, err)
	defer conn.Close()
	must(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	_, err = io.WriteString(conn, "POST /sse HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"+
		"POST /sse HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
	must(t, err)
	answers, err := io.ReadAll(conn)
	if n := strings.Count(string(answers), "HTTP/1.1 "); err != nil || n != 1 || !strings.Contains(string(answers), "Connection: close\r\n") {
		t.Errorf("a request that is framed in two ways, and what follows it, have %d answers, %v:\n%s", n, err, answers)
	}
}

// In HTTP/2 a deadline that has passed ends the body for good.
func TestAViewMayTakeItsTimeBeforeItReadsABody(t *testing.T) {
	for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
		app := quiet()
		app.Config.CSRF = carafe.CSRFOff
		app.Config.BodyTimeout = 300 * time.Millisecond
		working := make(chan struct{})
		app.Post("/", func(c *carafe.Context) (string, error) {
			time.Sleep(400 * time.Millisecond)
			close(working)
			data, err := c.Request.Data()
			return c.Request.Proto + " " + string(data), err
		}, carafe.Endpoint("x"))
		srv := httptest.NewUnstartedServer(app)
		srv.EnableHTTP2 = proto == "HTTP/2.0"
		srv.StartTLS()
		defer srv.Close()
		body, send := io.Pipe()
		go func() {
			io.WriteString(send, "early, ")
			<-working
			io.WriteString(send, "late")
			send.Close()
		}()
		resp, err := srv.Client().Post(srv.URL, "text/plain", body)
		must(t, err)
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(text) != proto+" early, late" {
			t.Errorf("%s: %d %q", proto, resp.StatusCode, text)
		}
	}
}
