package carafe_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carafeweb/carafe"
)

func TestEventsAreWrittenAsTheStandardSays(t *testing.T) {
	app := hushed()
	app.Get("/", func(c *carafe.Context) *carafe.Response {
		return carafe.Events(func(yield func(carafe.Event) bool) {
			_ = yield(carafe.Event{ID: "1", Name: "news", Data: "two\nlines", Retry: 3 * time.Second}) &&
				yield(carafe.Event{Data: "after " + c.Request.LastEventID() + "\r\nCRLF"}) && yield(carafe.Event{})
		}, -1)
	})
	w := fetch(app, "/", "Last-Event-ID", "0")
	want := "id: 1\nevent: news\nretry: 3000\ndata: two\ndata: lines\n\ndata: after 0\ndata: CRLF\n\ndata: \n\n"
	if w.Body.String() != want || w.Header().Get("Content-Type") != "text/event-stream; charset=utf-8" || w.Header().Get("Cache-Control") != "no-cache" || !w.Flushed {
		t.Errorf("the stream is %q with %v, want %q", w.Body.String(), w.Header(), want)
	}
}

func TestAnEventCannotSmuggleAnother(t *testing.T) {
	app := hushed()
	app.Get("/", func() *carafe.Response {
		return carafe.Events(func(yield func(carafe.Event) bool) {
			yield(carafe.Event{ID: "1\ndata: evil", Data: "x"})
		}, -1)
	})
	w := httptest.NewRecorder()
	func() {
		defer func() {
			if v := recover(); v != http.ErrAbortHandler {
				t.Errorf("the connection was not broken off: %v", v)
			}
		}()
		app.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	}()
	if strings.Contains(w.Body.String(), "evil") {
		t.Errorf("the stream is %q", w.Body.String())
	}
}

func TestHeartbeatsGoOutWhileNothingHappens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := hushed()
		app.Get("/", func(c *carafe.Context) *carafe.Response {
			return carafe.Events(func(yield func(carafe.Event) bool) {
				time.Sleep(35 * time.Second)
				if yield(carafe.Event{Data: "late"}) {
					<-c.Done()
				}
			}, 10*time.Second)
		})
		ctx, leave := context.WithTimeout(t.Context(), 58*time.Second)
		defer leave()
		w := httptest.NewRecorder()
		app.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", "/", nil))
		if want := strings.Repeat(": \n\n", 3) + "data: late\n\n" + strings.Repeat(": \n\n", 2); w.Body.String() != want {
			t.Errorf("the stream is %q, want %q", w.Body.String(), want)
		}
	})
}

func TestStreamsReachTheClientPieceByPiece(t *testing.T) {
	next := make(chan string)
	closed := make(chan error, 1)
	app := hushed()
	app.TeardownRequest(func(_ *carafe.Context, err error) { closed <- err })
	app.Get("/", func(c *carafe.Context) any {
		return carafe.Stream(func(yield func([]byte) bool) {
			for s := range next {
				if !yield([]byte(s + c.Query("q"))) {
					return
				}
			}
		})
	})
	server := httptest.NewServer(app)
	defer server.Close()
	go func() { next <- "one" }() // the headers go out with the first piece
	resp, err := http.Get(server.URL + "/?q=!")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	in := bufio.NewReader(resp.Body)
	for _, piece := range []string{"one", "two"} {
		if piece != "one" {
			next <- piece
		}
		if got, err := in.ReadString('!'); got != piece+"!" {
			t.Fatalf("after %q was made the client has %q, error %v", piece, got, err)
		}
	}
	select {
	case err := <-closed:
		t.Fatalf("the request was torn down in the middle of its stream: %v", err)
	default:
	}
	close(next)
	if rest, err := io.ReadAll(in); len(rest) > 0 || err != nil {
		t.Errorf("the end is %q, error %v", rest, err)
	}
	if err := <-closed; err != nil {
		t.Errorf("teardown got %v", err)
	}
}

func TestAnErrorBeforeTheFirstByteIsAPage(t *testing.T) {
	app := hushed()
	app.Get("/header", func() *carafe.Response {
		resp := carafe.Text("body")
		resp.Header["X-Evil"] = []string{"a\r\nX-Injected: 1"}
		return resp
	})
	app.Get("/name", func() *carafe.Response {
		resp := carafe.Text("body")
		resp.Header["X Evil"] = []string{"1"}
		return resp
	})
	app.Get("/missing", func() any { return carafe.SendFile("no/such/file") })
	app.Get("/newline", func() any { return carafe.SendFile("go.mod", carafe.Attachment("a\nb")) })
	app.Get("/nameless", func() any { return carafe.SendReader(strings.NewReader("x")) })
	for _, path := range []string{"/header", "/name", "/missing", "/newline", "/nameless"} {
		w := fetch(app, path)
		if w.Code != 500 || w.Header().Get("X-Injected") != "" || !strings.Contains(w.Body.String(), "Internal Server Error") {
			t.Errorf("GET %s: %d %v %.80q, want a plain 500", path, w.Code, w.Header(), w.Body.String())
		}
	}
}

func TestHeadersAreCheckedWhereTheyAreSet(t *testing.T) {
	for name, value := range map[string]string{"X-A": "a\r\nb", "X-B": "a\nb", "X-C": "a\x00b", "X D": "a", "": "a", "X-E:": "a", "X-F": "a\x7fb"} {
		resp := carafe.Text("")
		if resp.SetHeader(name, value) == nil || resp.AddHeader(name, value) == nil || len(resp.Header) != 1 {
			t.Errorf("header %q: %q was accepted: %v", name, value, resp.Header)
		}
	}
	resp := carafe.Text("")
	if err := errors.Join(resp.SetHeader("X-A", "caf\u00e9\t1"), resp.AddHeader("x-a", "2")); err != nil || len(resp.Header["X-A"]) != 2 {
		t.Errorf("a good header: %v %v", err, resp.Header)
	}
}
