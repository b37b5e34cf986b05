package carafe_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/carafeweb/carafe"
	carafetest "github.com/carafeweb/carafe/testing"
)

// lengthHandler declares a length and writes another, or not.
func lengthHandler(declare string, send int, between func(w http.ResponseWriter)) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", declare)
		between(w)
		_, _ = io.WriteString(w, strings.Repeat("x", send))
	}
}

func lengthOf(n int) string { return strconv.Itoa(n) }

// A body whose length is not what its Content-Length says is a 500 as long as nothing was sent, and a connection that is cut later; the
// log says so once.
func TestABodyOfAnotherLengthThanDeclaredIsAnError(t *testing.T) {
	const big = 200 << 10
	nothing := func(http.ResponseWriter) {}
	flush := func(w http.ResponseWriter) { w.(http.Flusher).Flush() }
	stream := func(declare string, send int) func() *carafe.Response {
		return func() *carafe.Response {
			resp, err := carafe.NewResponse(carafe.Streamer(func(w http.ResponseWriter) error {
				_, _ = io.WriteString(w, strings.Repeat("x", send)) // an error of it is not passed on
				return nil
			}))
			if err != nil {
				panic(err)
			}
			resp.Header.Set("Content-Length", declare)
			return resp
		}
	}
	for _, tt := range []struct {
		name string
		view any
		want int // the status, or cutOff
		body int // bytes of the body of a 200
	}{
		{"a handler that writes less", lengthHandler("10", 3, nothing), 500, 0},
		{"a handler that writes more", lengthHandler("3", 10, nothing), 500, 0},
		{"a handler that writes nothing", lengthHandler("10", 0, nothing), 500, 0},
		{"a handler that writes what it says", lengthHandler("10", 10, nothing), 200, 10},
		{"a handler that says what is no length", lengthHandler("abc", 3, nothing), 200, 3},
		{"a handler that says a negative length", lengthHandler("-1", 3, nothing), 200, 3},
		{"a handler with a 204", lengthHandler("10", 0, func(w http.ResponseWriter) { w.WriteHeader(204) }), 204, 0},
		{"a handler that has flushed and writes less", lengthHandler("10", 3, flush), cutOff, 0},
		{"a handler that has flushed and writes more", lengthHandler("3", 10, flush), cutOff, 0},
		{"a handler that has flushed and writes what it says", lengthHandler("10", 10, flush), 200, 10},
		{"a large answer that is shorter", lengthHandler(lengthOf(big+1), big, nothing), cutOff, 0},
		{"a large answer that is longer", lengthHandler(lengthOf(big-1), big, nothing), cutOff, 0},
		{"a large answer as long as it says", lengthHandler(lengthOf(big), big, nothing), 200, big},
		{"a stream that is shorter", stream("10", 3), cutOff, 0},
		{"a stream that is longer", stream("3", 10), cutOff, 0},
		{"a stream that is empty", stream("3", 0), 500, 0},
		{"a stream as long as it says", stream("10", 10), 200, 10},
		{"a Response that says another length than its body's", func() *carafe.Response {
			resp := carafe.Text("xxx")
			resp.Header.Set("Content-Length", "10")
			return resp
		}, 200, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			app, log := viewLog()
			faultView(app, tt.view)
			base := carafetest.Serve(t, app)
			status, body := hostileGet(t, base, "/x")
			if status != tt.want || status == 200 && len(body) != tt.body {
				t.Errorf("the client gets %d and %d bytes, want %d and %d (%d is an answer that was cut off)", status, len(body), tt.want, tt.body, cutOff)
			}
			records := 1
			if tt.want == 200 || tt.want == 204 {
				records = 0
			} else if texts := log.texts(); len(texts) != 1 || !strings.Contains(texts[0], "Content-Length says") || !strings.Contains(texts[0], "endpoint=x") {
				t.Errorf("the log has %q, want what is wrong and where", texts)
			}
			wantService(t, base, log, records)
		})
	}
}

// An answer that a hook has put in the place of a handler's has its own length, and no fault of the handler's.
func TestAnAnswerInPlaceOfAHandlersHasItsOwnLength(t *testing.T) {
	app, log := viewLog()
	app.AfterRequest(func(c *carafe.Context, resp *carafe.Response) (*carafe.Response, error) {
		if c.Endpoint() == "x" {
			resp.SetText("replaced by a hook")
		}
		return resp, nil
	})
	faultView(app, lengthHandler("3", 3, func(http.ResponseWriter) {}))
	base := carafetest.Serve(t, app)
	if status, body := hostileGet(t, base, "/x"); status != 200 || body != "replaced by a hook" {
		t.Errorf("GET /x = %d %q", status, body)
	}
	wantService(t, base, log, 0)
}

// A client that leaves in the middle of a file is no fault of the handler's, although it was sent less than was declared.
func TestAClientThatLeavesIsNoWrongLength(t *testing.T) {
	app, log := viewLog()
	left, done := make(chan struct{}), make(chan struct{})
	faultView(app, func(w http.ResponseWriter, _ *http.Request) {
		defer close(done)
		w.Header().Set("Content-Length", "100000000")
		w.(http.Flusher).Flush()
		<-left
		for range 1000 { // until the server sees that nobody is there
			if _, err := io.WriteString(w, strings.Repeat("x", 100_000)); err != nil {
				return
			}
		}
	})
	base := carafetest.Serve(t, app)
	resp, err := http.Get(base + "/x")
	must(t, err)
	must(t, resp.Body.Close())
	close(left)
	<-done
	wantService(t, base, log, 0)
}

// The answer to a HEAD says the length that a GET's has, as under net/http.
func TestHeadOfAHandlerHasTheLengthOfItsGet(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(dir+"/x.txt", []byte("hello world"), 0o600))
	for name, h := range map[string]http.Handler{
		"http.ServeContent": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.ServeContent(w, r, "x.txt", time.Time{}, strings.NewReader("hello world"))
		}),
		"http.FileServer": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.URL.Path = "/x.txt"
			http.FileServer(http.Dir(dir)).ServeHTTP(w, r)
		}),
		"a handler that writes the body all the same": lengthHandler("11", 11, func(http.ResponseWriter) {}),
		"a handler that says no length":               http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello world") }),
	} {
		app := quiet()
		app.Get("/", h, carafe.Endpoint("index"))
		for _, method := range []string{"GET", "HEAD"} {
			if got := carafetest.NewClient(t, app).Open(method, "/"); got.StatusCode != 200 || got.Header.Get("Content-Length") != "11" || (len(got.Text()) == 0) != (method == "HEAD") {
				t.Errorf("%s of %s: %d, Content-Length %q, %q", method, name, got.StatusCode, got.Header.Get("Content-Length"), got.Text())
			}
		}
	}
}

// What a goroutine of a Streamer writes at the same time as the Streamer, or after it, spoils neither the process nor another answer.
func TestHostileWritesOfTwoGoroutinesOfAStream(t *testing.T) {
	app, log := viewLog()
	const lines = 2000
	release, late := make(chan struct{}), make(chan error, 2)
	app.Get("/x", carafe.View(func(*carafe.Context) (any, error) {
		return carafe.Streamer(func(w http.ResponseWriter) error {
			done := make(chan error)
			go func() {
				_, err := io.Copy(w, &lengthLines{line: "bbbbbbbbb\n", n: lines})
				done <- err
			}()
			for range lines {
				if _, err := io.WriteString(w, "aaaaaaaaa\n"); err != nil {
					return err
				}
			}
			go func() {
				<-release
				_, err := io.WriteString(w, "late")
				late <- err
				late <- http.NewResponseController(w).Flush()
			}()
			return <-done
		}), nil
	}), carafe.Endpoint("x"))
	base := carafetest.Serve(t, app)
	status, body := hostileGet(t, base, "/x")
	if a, b := strings.Count(body, "aaaaaaaaa\n"), strings.Count(body, "bbbbbbbbb\n"); status != 200 || a != lines || b != lines || len(body) != 20*lines {
		t.Errorf("the answer has status %d, %d bytes, %d lines of one goroutine and %d of the other, want %d of each and no more", status, len(body), a, b, lines)
	}
	close(release)
	for range cap(late) {
		if err := <-late; err == nil {
			t.Error("a write after the stream's end is taken as if somebody could read it")
		}
	}
	wantService(t, base, log, 0)
}

// lengthLines reads as n lines, one at a time.
type lengthLines struct {
	line string
	n    int
}

func (l *lengthLines) Read(p []byte) (int, error) {
	if l.n == 0 {
		return 0, io.EOF
	}
	l.n--
	return copy(p, l.line), nil
}

// A reader may flush what was written before it goes on, also within io.Copy.
func TestAReaderMayFlushWhileItIsCopied(t *testing.T) {
	for name, view := range map[string]any{
		"a stream": func() carafe.Streamer {
			return func(w http.ResponseWriter) error { _, err := io.Copy(w, &lengthFlusher{w: w}); return err }
		},
		"a handler": func(w http.ResponseWriter, _ *http.Request) {
			if _, err := io.Copy(w, &lengthFlusher{w: w}); err != nil {
				panic(err)
			}
		},
	} {
		app := quiet()
		app.Get("/", view, carafe.Endpoint("index"))
		srv := httptest.NewServer(app)
		resp, err := http.Get(srv.URL)
		must(t, err)
		body, err := io.ReadAll(resp.Body)
		must(t, errors.Join(err, resp.Body.Close()))
		srv.Close()
		if string(body) != "onetwothree" {
			t.Errorf("%s answers %q", name, body)
		}
	}
}

// lengthFlusher flushes w before each piece.
type lengthFlusher struct {
	w http.ResponseWriter
	n int
}

func (f *lengthFlusher) Read(p []byte) (int, error) {
	pieces := []string{"one", "two", "three"}
	if f.n == len(pieces) {
		return 0, io.EOF
	}
	f.w.(http.Flusher).Flush()
	f.n++
	return copy(p, pieces[f.n-1]), nil
}
