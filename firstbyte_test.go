package carafe_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/carafeweb/carafe"
	carafetest "github.com/carafeweb/carafe/testing"
)

// A firstFault is an error with a handler of its own.
type firstFault struct{ name string }

func (e *firstFault) Error() string { return e.name }

// firstFailing is a stream whose first item is err.
func firstFailing(err error) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) { yield(nil, err) }
}

func TestABodyThatFailsBeforeItsFirstByteIsAnError(t *testing.T) {
	broken := errors.New("broken")
	for _, tt := range []struct {
		name string
		body any
		want string // status, and how the page begins if it is a handler's
	}{
		{"an iterator whose first item is an error", firstFailing(broken), "500"},
		{"an iterator of text whose first item is an error", iter.Seq2[string, error](func(yield func(string, error) bool) { yield("", broken) }), "500"},
		{"a function of that shape", func(yield func(string, error) bool) { yield("", broken) }, "500"},
		{"an iterator that panics", carafe.Stream(func(func([]byte) bool) { panic("broken") }), "500"},
		{"an iterator of text that panics", iter.Seq[string](func(func(string) bool) { panic("broken") }), "500"},
		{"empty pieces before the error", iter.Seq2[string, error](func(yield func(string, error) bool) { _ = yield("", nil) && yield("", broken) }), "500"},
		{"a reader", io.MultiReader(strings.NewReader(""), firstReader{broken}), "500"},
		{"a reader that aborts", firstReader{carafe.Abort(410)}, "410"},
		{"a streamer", carafe.Streamer(func(http.ResponseWriter) error { return broken }), "500"},
		{"a streamer that writes nothing first", carafe.Streamer(func(w http.ResponseWriter) error {
			_, _ = w.Write(nil)
			_, _ = io.WriteString(w, "")
			return broken
		}), "500"},
		{"a template", carafe.StreamTemplateString("{{ nope.x }}", nil), "500"},
		{"an abort is its own status", firstFailing(carafe.Abort(404)), "404"},
		{"an abort that is wrapped, too", firstFailing(fmt.Errorf("bean: %w", carafe.Abort(409))), "409"},
		{"an abort by panic", iter.Seq[string](func(func(string) bool) { panic(carafe.Abort(403)) }), "403"},
		{"an error with a handler", firstFailing(&firstFault{"no beans"}), "418 handled no beans"},
		{"a stream under another status", carafe.Reply(firstFailing(broken), 201, http.Header{"X-Dropped": {"1"}}), "500"},
		{"a response with headers", firstResponse(broken), "500"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			app := quiet()
			carafe.OnError(app, func(_ *carafe.Context, e *firstFault) (any, error) {
				return carafe.Reply("handled "+e.name, 418), nil
			})
			app.Get("/", func() any { return tt.body }, carafe.Endpoint("x"))
			resp, err := http.Get(carafetest.Serve(t, app) + "/")
			must(t, err)
			defer resp.Body.Close()
			page, err := io.ReadAll(resp.Body)
			must(t, err)
			got := fmt.Sprint(resp.StatusCode)
			if strings.HasPrefix(string(page), "handled") {
				got += " " + string(page)
			} else if !strings.Contains(string(page), "<h1>"+http.StatusText(resp.StatusCode)+"</h1>") {
				t.Errorf("the page of %s is %q", got, page)
			}
			if got != tt.want || resp.Header.Get("X-Dropped") != "" {
				t.Errorf("the client gets %s with the headers %v, want %s and nothing of what was dropped", got, resp.Header, tt.want)
			}
		})
	}
}

// firstReader fails at once.
type firstReader struct{ err error }

func (r firstReader) Read([]byte) (int, error) { return 0, r.err }

func firstResponse(err error) *carafe.Response {
	resp, _ := carafe.NewResponse(firstReader{err})
	resp.Header.Set("X-Dropped", "1")
	resp.Header.Set("Content-Length", "7")
	return resp
}

func TestAfterFunctionsSeeWhatTakesTheStreamsPlace(t *testing.T) {
	app := quiet()
	app.Config.SecretKey = "testing"
	var seen, finished []int
	app.AfterRequest(func(c *carafe.Context, resp *carafe.Response) (*carafe.Response, error) {
		seen = append(seen, resp.Status)
		c.Session().Set("visits", len(seen))
		resp.Header.Set("X-After", fmt.Sprint(len(seen)))
		return resp, nil
	})
	app.Signals.RequestFinished.Connect(func(_ context.Context, e carafe.RequestFinished) { finished = append(finished, e.Response.Status) })
	var torn []error
	app.TeardownRequest(func(_ *carafe.Context, err error) { torn = append(torn, err) })
	closed := 0
	app.Get("/", func() *carafe.Response {
		resp := firstResponse(carafe.Abort(503))
		resp.OnClose(func() { closed++ })
		return resp
	}, carafe.Endpoint("x"))
	client := carafetest.NewClient(t, app)
	resp := client.Get("/")
	if resp.StatusCode != 503 || resp.Header.Get("X-After") != "2" || len(resp.Header["Set-Cookie"]) != 1 {
		t.Errorf("the answer is %d with the headers %v, want a 503 that went through the hooks", resp.StatusCode, resp.Header)
	}
	if want := "[0 503] [0 503] [<nil>] 1"; fmt.Sprint(seen, finished, torn, closed) != want {
		t.Errorf("after functions saw, receivers were told, teardown got, closed: %v %v %v %d, want %s", seen, finished, torn, closed, want)
	}
	client.Session(func(s *carafe.Session) {
		if fmt.Sprint(s.Get("visits")) != "2" {
			t.Errorf("the session is %v, want what the second round has made of it", s.Values())
		}
	})
}

func TestAnAnswerThatFailsInTheStreamsPlace(t *testing.T) {
	failing := func(name string) any { return firstFailing(errors.New(name)) }
	for _, tt := range []struct {
		name  string
		setup func(app *carafe.App)
		want  string // status, page, lines in the log
	}{
		{"the handler's stream fails: 500 and its handler", func(app *carafe.App) {
			carafe.OnError(app, func(*carafe.Context, *firstFault) (any, error) { return failing("second"), nil })
			app.ErrorHandler(500, func(*carafe.Context, *carafe.HTTPError) (any, error) { return carafe.Reply("500 handled", 500), nil })
		}, "500 500 handled, 1 logged"},
		{"that of the 500 handler fails too: a plain 500", func(app *carafe.App) {
			carafe.OnError(app, func(*carafe.Context, *firstFault) (any, error) { return failing("second"), nil })
			app.ErrorHandler(500, func(*carafe.Context, *carafe.HTTPError) (any, error) { return failing("third"), nil })
		}, "500 plain, 2 logged"},
		{"a hook puts one in the place of everything: a plain 500", func(app *carafe.App) {
			app.AfterRequest(func(_ *carafe.Context, resp *carafe.Response) (*carafe.Response, error) {
				resp.SetStream(func(http.ResponseWriter) error { return errors.New("hook") })
				return resp, nil
			})
		}, "500 plain, 2 logged"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var log bytes.Buffer
			app := quiet()
			app.Logger = slog.New(slog.NewTextHandler(&log, nil))
			tt.setup(app)
			app.Get("/", func() any { return firstFailing(&firstFault{"first"}) }, carafe.Endpoint("x"))
			resp := carafetest.NewClient(t, app).Get("/")
			page := resp.Text()
			if strings.Contains(page, "<h1>Internal Server Error</h1>") {
				page = "plain"
			}
			if got := fmt.Sprintf("%d %s, %d logged", resp.StatusCode, page, strings.Count(log.String(), "level=ERROR")); got != tt.want {
				t.Errorf("the answer is %s, want %s; the log:\n%s", got, tt.want, &log)
			}
		})
	}
}

func TestAHooksStreamInPlaceOfAHandlersFails(t *testing.T) {
	app := quiet()
	app.AfterRequest(func(_ *carafe.Context, resp *carafe.Response) (*carafe.Response, error) {
		if resp.Status >= 500 {
			return resp, nil
		}
		return firstResponse(errors.New("hook")), nil
	})
	app.Get("/", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "begun")
		_ = http.NewResponseController(w).Flush()
	}, carafe.Endpoint("x"))
	resp := carafetest.NewClient(t, app).Get("/")
	if resp.StatusCode != 500 || resp.StreamErr != nil || resp.Header.Get("X-Dropped") != "" {
		t.Errorf("the answer is %d, cut off: %v, headers %v, want a whole 500", resp.StatusCode, resp.StreamErr, resp.Header)
	}
}

// A firstFS has one file that cannot be read when it is told so.
type firstFS struct{ broken bool }

type firstFile struct {
	fs.File
	io.ReaderAt
	fsys *firstFS
}

func (f *firstFS) Open(name string) (fs.File, error) { return &firstFile{fsys: f}, nil }
func (f *firstFile) Stat() (fs.FileInfo, error)      { return firstInfo{}, nil }
func (f *firstFile) Close() error                    { return nil }
func (f *firstFile) Read(p []byte) (int, error)      { return 0, errors.New("not by this way") }
func (f *firstFile) ReadAt(p []byte, off int64) (int, error) {
	if f.fsys.broken {
		return 0, errors.New("the disk is broken")
	}
	return strings.NewReader("text").ReadAt(p, off)
}
func (f *firstFile) Seek(offset int64, whence int) (int64, error) { return offset, nil }

type firstInfo struct{ fs.FileInfo }

func (firstInfo) Mode() fs.FileMode  { return 0o444 }
func (firstInfo) Size() int64        { return 4 }
func (firstInfo) ModTime() time.Time { return time.Unix(1e9, 0) }

// TestAFileThatCannotBeReadIsAnError has the second and third answer's headers put among the server's at once.
func TestAFileThatCannotBeReadIsAnError(t *testing.T) {
	files := &firstFS{}
	app := carafe.New("test", carafe.Static{FS: files})
	app.Logger = slog.New(slog.DiscardHandler)
	app.Use(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Outer", "1")
			w.Header().Set("Cache-Control", "no-store")
			next.ServeHTTP(w, r)
		})
	})
	client := carafetest.NewClient(t, app)
	for i, want := range []int{200, 200, 500} {
		files.broken = want == 500
		resp := client.Get("/static/a.txt")
		if resp.StatusCode != want || resp.StreamErr != nil || resp.Header.Get("X-Outer") != "1" {
			t.Errorf("answer %d is %d, cut off: %v, headers %v, want %d", i, resp.StatusCode, resp.StreamErr, resp.Header, want)
		}
		if want == 500 && (resp.Header.Get("Etag") != "" || resp.Header.Get("Cache-Control") != "no-store") {
			t.Errorf("the page of the error has the headers %v, want none of the file's", resp.Header)
		}
	}
}

func TestAClientThatLeftBeforeTheFirstByteIsNotAnswered(t *testing.T) {
	var log bytes.Buffer
	app := quiet()
	app.Logger = slog.New(slog.NewTextHandler(&log, nil))
	var torn error
	app.TeardownRequest(func(_ *carafe.Context, err error) { torn = err })
	ctx, leave := context.WithCancel(t.Context())
	app.Get("/", func(c *carafe.Context) any {
		leave()
		return firstFailing(c.Err())
	}, carafe.Endpoint("x"))
	w := httptest.NewRecorder()
	if cut := serveUntilCut(app, w, httptest.NewRequestWithContext(ctx, "GET", "/", nil)); !cut || w.Body.Len() > 0 || log.Len() > 0 || !errors.Is(torn, context.Canceled) {
		t.Errorf("cut off: %v, body %q, teardown got %v, log %q, want nothing but the end", cut, w.Body, torn, &log)
	}
	late, done := context.WithTimeout(t.Context(), time.Nanosecond)
	defer done()
	<-late.Done()
	w = httptest.NewRecorder()
	if cut := serveUntilCut(app, w, httptest.NewRequestWithContext(late, "GET", "/", nil)); cut || w.Code != 500 {
		t.Errorf("a deadline of the server's own: status %d, cut off: %v, want a 500 for a client that is there", w.Code, cut)
	}
}

func TestHeadersWaitForTheFirstByte(t *testing.T) {
	for _, tt := range []struct {
		name  string
		write func(w http.ResponseWriter)
		begun bool
	}{
		{"nothing", func(http.ResponseWriter) {}, false},
		{"no bytes", func(w http.ResponseWriter) { _, _ = w.Write(nil) }, false},
		{"no text", func(w http.ResponseWriter) { _, _ = io.WriteString(w, "") }, false},
		{"a reader of nothing", func(w http.ResponseWriter) { _, _ = io.Copy(w, firstReader{io.EOF}) }, false},
		{"a deadline", func(w http.ResponseWriter) { _ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) }, false},
		{"a byte", func(w http.ResponseWriter) { _, _ = w.Write([]byte("x")) }, true},
		{"a flush", func(w http.ResponseWriter) { w.(http.Flusher).Flush() }, true},
		{"a flush by its controller", func(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() }, true},
		{"a status", func(w http.ResponseWriter) { w.WriteHeader(404) }, true},
		{"a reader", func(w http.ResponseWriter) {
			_, _ = io.Copy(w, io.LimitReader(bufio.NewReader(strings.NewReader("x")), 1))
		}, true},
	} {
		tr := &trace{}
		app := quiet()
		app.Get("/", func() (any, int) {
			return carafe.Streamer(func(w http.ResponseWriter) error {
				tt.write(w)
				tr.add("written", nil)
				return nil
			}), 203
		}, carafe.Endpoint("x"))
		app.ServeHTTP(tracedWriter{httptest.NewRecorder(), tr}, httptest.NewRequest("GET", "/", nil))
		want := "[written write 203]"
		if tt.begun {
			want = "[write 203 written]"
		}
		if got := fmt.Sprint(tr.events); got != want {
			t.Errorf("a stream that writes %s: %s, want %s", tt.name, got, want)
		}
	}
}

func TestAStreamersHeaderIsForTrailers(t *testing.T) {
	app := quiet()
	app.Get("/", func() (*carafe.Response, error) {
		resp, err := carafe.NewResponse(carafe.Streamer(func(w http.ResponseWriter) error {
			w.Header().Set("X-Early", "1")
			w.Header().Set("Content-Type", "image/png")
			_, err := io.WriteString(w, "text")
			w.Header().Set("X-Announced", "2")
			w.Header().Set(http.TrailerPrefix+"X-Sum", "4")
			return err
		}))
		resp.Header.Set("Trailer", "X-Announced")
		return resp, err
	}, carafe.Endpoint("x"))
	resp, err := http.Get(carafetest.Serve(t, app) + "/")
	must(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	must(t, err)
	if h := resp.Header; string(body) != "text" || h.Get("X-Early") != "" || h.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("the answer is %q with the headers %v, want those that were settled before", body, h)
	}
	if tr := resp.Trailer; tr.Get("X-Announced") != "2" || tr.Get("X-Sum") != "4" || len(tr) != 2 {
		t.Errorf("the trailers are %v", tr)
	}
}

// A firstSink is a server that can send files by itself.
type firstSink struct {
	discardWriter
	direct *int64
}

func (s firstSink) ReadFrom(r io.Reader) (n int64, err error) {
	n, err = io.Copy(io.Discard, r)
	*s.direct += n
	return n, err
}

func TestTheServerSendsWhatFollowsAFilesFirstPiece(t *testing.T) {
	app := quiet()
	app.Get("/", func() any { return carafe.SendFile("LICENSE") }, carafe.Endpoint("x"))
	w := firstSink{discardWriter{http.Header{}}, new(int64)}
	app.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if length := w.header.Get("Content-Length"); fmt.Sprint(*w.direct+512) != length {
		t.Errorf("the server was left %d bytes of %s, want all but the first 512", *w.direct, length)
	}
}

func TestAStreamAllocatesOneWriter(t *testing.T) {
	app := quiet()
	body := []byte("piece")
	app.Get("/", func() any {
		return carafe.Streamer(func(w http.ResponseWriter) error { _, err := w.Write(body); return err })
	}, carafe.Endpoint("x"))
	w := discardWriter{http.Header{}}
	r := httptest.NewRequest("GET", "/", nil)
	app.ServeHTTP(w, r)
	budget := 6.0 // the context, the streamer, the response, the writer, what a view of any costs
	if poolsLeak {
		budget *= 2
	}
	if got := testing.AllocsPerRun(100, func() { app.ServeHTTP(w, r) }); got > budget {
		t.Errorf("a stream makes %.0f allocations, want at most %.0f", got, budget)
	}
}
