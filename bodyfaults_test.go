package carafe_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/carafeweb/carafe"
)

// A view may read the body as net/http gives it, and return what went wrong: what the client did is answered as the client's fault.
func TestABodyThatIsReadAsItIsAnswersForItself(t *testing.T) {
	views := map[string]func(*carafe.Context) (string, error){
		"io.ReadAll": func(c *carafe.Context) (string, error) {
			data, err := io.ReadAll(c.Request.Body)
			return string(data), err
		},
		"json.Decoder, wrapped": func(c *carafe.Context) (string, error) {
			var v any
			if err := json.NewDecoder(c.Request.Body).Decode(&v); err != nil {
				return "", fmt.Errorf("reading the order: %w", err)
			}
			return fmt.Sprint(v), nil
		},
	}
	for _, tt := range []struct {
		name, request string
		outer         bool // http.MaxBytesHandler around the app
		status        int
	}{
		{"a body that fits", "Content-Length: 4\r\n\r\n\"ab\"", false, 200},
		{"one that says that it is too long", "Content-Length: 99\r\n\r\n\"ab", false, 413},
		{"one that turns out to be", "Transfer-Encoding: chunked\r\n\r\n20\r\n\"" + strings.Repeat("x", 31) + "\r\n0\r\n\r\n", false, 413},
		{"one that is too long for a handler around the app", "Content-Length: 9\r\n\r\n\"1234567\"", true, 413},
		{"a broken chunk", "Transfer-Encoding: chunked\r\n\r\nzz\r\n", false, 400},
		{"one that breaks off", "Content-Length: 9\r\n\r\n\"ab", false, 400},
		{"one that stops", "Content-Length: 9\r\nX-Stop: yes\r\n\r\n\"ab", false, 408},
	} {
		for name, view := range views {
			t.Run(tt.name+", by "+name, func(t *testing.T) {
				var log bytes.Buffer
				app := carafe.New("raw")
				app.Logger = slog.New(slog.NewTextHandler(&log, nil))
				app.Config.MaxContentLength = 16
				if tt.status == 408 { // a moment that ends whatever comes; for the others it never does
					app.Config.BodyTimeout = 50 * time.Millisecond
				}
				app.Post("/", view)
				var h http.Handler = app
				if tt.outer {
					h = http.MaxBytesHandler(app, 5)
				}
				if status := bodyFaultStatus(t, h, tt.request); status != tt.status || log.Len() > 0 {
					t.Errorf("status %d, logged %q; want %d and nothing", status, log.String(), tt.status)
				}
			})
		}
	}
}

// bodyFaultStatus sends a request's end; what does not say that it stops is closed behind it.
func bodyFaultStatus(t *testing.T, h http.Handler, request string) int {
	t.Helper()
	server := httptest.NewServer(h)
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	must(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n"+request)
	must(t, err)
	if !strings.Contains(request, "X-Stop") {
		must(t, conn.(*net.TCPConn).CloseWrite())
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	must(t, err)
	resp.Body.Close()
	return resp.StatusCode
}

// What a reader in the place of the body has to say is no fault of the client's.
func TestABodyThatSomebodyHasReplacedFailsAsTheAppsFault(t *testing.T) {
	var log bytes.Buffer
	app := carafe.New("raw")
	app.Logger = slog.New(slog.NewTextHandler(&log, nil))
	app.Post("/", func(c *carafe.Context) (string, error) {
		_, err := io.ReadAll(c.Request.Body)
		return "", err
	})
	replaced := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = io.NopCloser(iotest.ErrReader(errors.New("the disk is broken")))
		app.ServeHTTP(w, r)
	})
	if status := bodyFaultStatus(t, replaced, "Content-Length: 4\r\n\r\nbody"); status != 500 || !strings.Contains(log.String(), "the disk is broken") {
		t.Errorf("status %d, logged %q; want a 500 and the error", status, log.String())
	}
}

// Code that knows no Carafe finds net/http's own error, and its text.
func TestABodysLimitIsNetHTTPsError(t *testing.T) {
	var met error
	app := carafe.New("raw")
	app.Config.MaxContentLength = 3
	app.Post("/", func(c *carafe.Context) string { _, met = io.ReadAll(c.Request.Body); return "" })
	app.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/", strings.NewReader("four")))
	var limit *http.MaxBytesError
	if !errors.As(met, &limit) || limit.Limit != 3 || met.Error() != limit.Error() {
		t.Errorf("the body ends in %v, want an *http.MaxBytesError", met)
	}
	app = carafe.New("misuse")
	app.Config.PropagateErrors = new(bool)
	app.Post("/", func(c *carafe.Context) (string, error) {
		_ = c.Request.Body.Close()
		_, err := io.ReadAll(c.Request.Body)
		return "", err
	})
	server := httptest.NewServer(app)
	defer server.Close()
	resp, err := server.Client().Post(server.URL, "text/plain", strings.NewReader("text"))
	must(t, err)
	resp.Body.Close()
	if resp.StatusCode != 500 {
		t.Errorf("a view that reads what it has closed itself: %d, want 500", resp.StatusCode)
	}
}
