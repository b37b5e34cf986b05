package carafe_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/routing"
)

// standardError gives what f writes to standard error.
func standardError(t *testing.T, f func()) string {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	must(t, err)
	old := os.Stderr
	os.Stderr = file
	defer func() { os.Stderr = old }()
	f()
	must(t, file.Close())
	data, err := os.ReadFile(file.Name())
	must(t, err)
	return string(data)
}

func TestTheLoggerIsNamedAfterTheAppAndWritesToStandardError(t *testing.T) {
	app := carafe.New("shop")
	for _, tt := range []struct {
		debug bool
		lines int
	}{{false, 1}, {true, 2}} {
		app.Config.Debug = tt.debug
		text := standardError(t, func() {
			app.Log().Debug("grind")
			app.Log().Info("brew")
		})
		if strings.Count(text, "\n") != tt.lines || !strings.Contains(text, "msg=brew app=shop") {
			t.Errorf("debug %v: wrote %q, want %d lines", tt.debug, text, tt.lines)
		}
	}
	if first, second := app.Log(), app.Log(); first != second {
		t.Error("the logger is made anew each time")
	}
}

func TestALoggerOfTheProgramIsUsed(t *testing.T) {
	old := slog.Default()
	defer slog.SetDefault(old)
	var log bytes.Buffer
	mine := slog.New(slog.NewTextHandler(&log, nil))
	slog.SetDefault(mine)
	app := carafe.New("shop")
	if app.Log() != mine {
		t.Error("slog.SetDefault is not heeded")
	}
	other := slog.New(slog.DiscardHandler)
	if app.Logger = other; app.Log() != other {
		t.Error("App.Logger is not heeded")
	}
}

// loggingApp logs JSON, which is read back.
func loggingApp(log *bytes.Buffer) *carafe.App {
	app := carafe.New("logging")
	app.Logger = slog.New(slog.NewJSONHandler(log, nil))
	app.Get("/", func(c *carafe.Context) string { c.Logger().Info("in the view"); return "hello" }, carafe.Endpoint("index"))
	app.Get("/error", func() error { return errors.New("broken") }, carafe.Endpoint("error"))
	app.Get("/panic", func() string { panic("dropped\nFAKE LINE") }, carafe.Endpoint("panic"))
	app.Get("/cut", func() carafe.Streamer {
		return func(w http.ResponseWriter) error { _, _ = io.WriteString(w, "half"); return errors.New("no more") }
	}, carafe.Endpoint("cut"))
	return app
}

// logLines are the records of log.
func logLines(t *testing.T, log *bytes.Buffer) (records []map[string]any) {
	t.Helper()
	for line := range bytes.Lines(log.Bytes()) {
		var r map[string]any
		must(t, json.Unmarshal(line, &r))
		records = append(records, r)
	}
	return records
}

func TestAnExceptionIsLoggedOnce(t *testing.T) {
	var log bytes.Buffer
	app := loggingApp(&log)
	w := httptest.NewRecorder()
	app.ServeHTTP(w, httptest.NewRequest("GET", "/error", nil))
	records := logLines(t, &log)
	if w.Code != 500 || w.Body.Len() == 0 || len(records) != 1 || records[0]["msg"] != "Exception on /error [GET]" || records[0]["error"] != "broken" || records[0]["endpoint"] != "error" {
		t.Errorf("status %d, logged %s", w.Code, log.String())
	}
	log.Reset()
	app.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/panic", nil))
	if records := logLines(t, &log); len(records) != 1 || !strings.Contains(records[0]["stack"].(string), "loggingApp") {
		t.Errorf("logged %s", log.String())
	}
}

func TestLogExceptionTakesTheLogsPlace(t *testing.T) {
	var log bytes.Buffer
	app := loggingApp(&log)
	var got error
	app.LogException = func(_ *carafe.Context, err error) { got = err }
	w := httptest.NewRecorder()
	app.ServeHTTP(w, httptest.NewRequest("GET", "/error", nil))
	if w.Code != 500 || !strings.Contains(w.Body.String(), "Internal Server Error") || log.Len() != 0 || got == nil || got.Error() != "broken" {
		t.Errorf("status %d, logged %q, got %v", w.Code, log.String(), got)
	}
}

// rawHandler writes messages and values as they are, as a careless handler may.
type rawHandler struct{ out *bytes.Buffer }

func (h rawHandler) Enabled(context.Context, slog.Level) bool { return true }
func (h rawHandler) WithAttrs([]slog.Attr) slog.Handler       { return h }
func (h rawHandler) WithGroup(string) slog.Handler            { return h }
func (h rawHandler) Handle(_ context.Context, r slog.Record) error {
	h.out.WriteString(r.Message)
	r.Attrs(func(a slog.Attr) bool {
		if a.Key != "stack" && a.Key != "error" {
			h.out.WriteString(" " + a.Value.String())
		}
		return true
	})
	h.out.WriteByte('\n')
	return nil
}

func TestNothingFromOutsideBeginsALine(t *testing.T) {
	var log bytes.Buffer
	app := loggingApp(&log)
	app.Logger = slog.New(rawHandler{&log})
	app.Config.RequestIDHeader = "X-Id"
	app.LogRequests()
	app.Get("/p/<path:rest>", func() error { return errors.New("broken") }, carafe.Endpoint("p"))
	for _, path := range []string{"x%0aFAKE", "x%0d%0aFAKE", "%1b]0;PWNED%07", "x%c2%85FAKE", "x%e2%80%a8FAKE", "%ff%fe", strings.Repeat("%0a", 5000)} {
		for _, prefix := range []string{"/nosuch/", "/p/"} {
			log.Reset()
			r := httptest.NewRequest("GET", prefix+path, nil)
			r.Header.Set("X-Id", "a\nFAKE")
			app.ServeHTTP(httptest.NewRecorder(), r)
			for line := range strings.Lines(log.String()) {
				if strings.HasPrefix(line, "FAKE") || !utf8.ValidString(line) || strings.ContainsAny(strings.TrimSuffix(line, "\n"), "\r\x1b\x07\u0085\u2028") || len(line) > 8<<10 {
					t.Errorf("GET %s%.20s logs %.200q (%d bytes)", prefix, path, line, len(line))
				}
			}
		}
	}
}

func TestOurOwnLinesAreQuotedToo(t *testing.T) {
	app := loggingApp(&bytes.Buffer{})
	app.Logger = nil
	text := standardError(t, func() {
		app.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/panic?x=%0aFAKE", nil))
	})
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if !strings.Contains(lines[0], `error="panic: dropped\nFAKE LINE"`) || len(lines) < 5 {
		t.Errorf("logged %s", text)
	}
	for _, line := range lines[1:] {
		if !strings.HasPrefix(line, "  | ") {
			t.Errorf("a line of the stack is %q", line)
		}
	}
}

func TestCredentialsOfAPanickingRequestAreNotLogged(t *testing.T) {
	var log bytes.Buffer
	app := loggingApp(&log)
	app.LogRequests()
	r := httptest.NewRequest("GET", "/panic?token=SECRET", nil)
	for _, name := range []string{"Authorization", "Cookie", "X-Api-Key"} {
		r.Header.Set(name, "session=SECRET")
	}
	app.ServeHTTP(httptest.NewRecorder(), r)
	if strings.Contains(log.String(), "SECRET") || log.Len() == 0 {
		t.Errorf("logged %s", log.String())
	}
}

func TestRequestLog(t *testing.T) {
	for _, tt := range []struct {
		name, target, endpoint, level string
		status, bytes                 float64
		cut                           bool
	}{
		{"a page", "/", "index", "INFO", 200, 5, false},
		{"a miss", "/nothing", "", "INFO", 404, 207, false},
		{"an error", "/error", "error", "WARN", 500, 265, false},
		{"a stream that breaks off", "/cut", "cut", "INFO", 200, 4, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var log bytes.Buffer
			app := loggingApp(&log)
			app.LogRequests()
			w := httptest.NewRecorder()
			func() {
				defer func() { _ = recover() }() // http.ErrAbortHandler, which the server would catch
				app.ServeHTTP(w, httptest.NewRequest("GET", tt.target, nil))
			}()
			records := logLines(t, &log)
			last := records[len(records)-1]
			cut, _ := last["cut"].(bool)
			if last["msg"] != "request" || last["method"] != "GET" || last["path"] != tt.target || last["endpoint"] != tt.endpoint || last["level"] != tt.level ||
				last["status"] != tt.status || last["bytes"] != tt.bytes || cut != tt.cut || last["duration"] == nil {
				t.Errorf("logged %v, want %+v", last, tt)
			}
			id := w.Header().Get("X-Request-Id")
			if u, err := uuid.Parse(id); err != nil || u.Version() != 7 {
				t.Errorf("the response's id is %q", id)
			}
			for _, r := range records {
				if r["request_id"] != id {
					t.Errorf("the record %v has not the id %s", r, id)
				}
			}
		})
	}
}

func TestRequestsAreNotLoggedUnlessToldTo(t *testing.T) {
	var log bytes.Buffer
	app := loggingApp(&log)
	w := httptest.NewRecorder()
	app.ServeHTTP(w, httptest.NewRequest("GET", "/nothing", nil))
	if log.Len() != 0 || w.Header().Get("X-Request-Id") != "" {
		t.Errorf("logged %s, id %q", log.String(), w.Header().Get("X-Request-Id"))
	}
}

func TestTheLogTellsTheDuration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		app := loggingApp(&log)
		app.LogRequests()
		app.Get("/slow", func() string { time.Sleep(250 * time.Millisecond); return "" }, carafe.Endpoint("slow"))
		app.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/slow", nil))
		if got := logLines(t, &log)[0]["duration"]; got != float64(250*time.Millisecond) {
			t.Errorf("the duration is %v", got)
		}
	})
}

func TestRequestIDs(t *testing.T) {
	for _, tt := range []struct {
		name, header, sent string
		taken              bool
	}{
		{"a proxy's that is trusted", "X-Request-Id", "abc-123/4=", true},
		{"one from outside", "", "abc-123", false},
		{"one with a space", "X-Request-Id", "a b", false},
		{"one with a line break", "X-Request-Id", "a\nb", false},
		{"one with markup", "X-Request-Id", "<b>", false},
		{"one that is too long", "X-Request-Id", strings.Repeat("a", 129), false},
		{"none", "X-Request-Id", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			app := loggingApp(&bytes.Buffer{})
			app.Config.RequestIDHeader = tt.header
			var ids []string
			app.ErrorHandler(404, func(c *carafe.Context, _ *carafe.HTTPError) (any, error) {
				ids = append(ids, c.RequestID(), c.RequestID(), c.Copy().RequestID())
				return "", nil
			})
			r := httptest.NewRequest("GET", "/nothing", nil)
			r.Header.Set("X-Request-Id", tt.sent)
			app.ServeHTTP(httptest.NewRecorder(), r)
			if ids[0] != ids[1] || ids[0] != ids[2] || ids[0] == "" {
				t.Fatalf("one request has the ids %q", ids)
			}
			if (ids[0] == tt.sent) != tt.taken {
				t.Errorf("sent %q, the id is %q", tt.sent, ids[0])
			}
		})
	}
}

// capableWriter can all that a server's writer can.
type capableWriter struct {
	*httptest.ResponseRecorder
	calls []string
}

func (w *capableWriter) ReadFrom(r io.Reader) (int64, error) {
	w.calls = append(w.calls, "ReadFrom")
	return io.Copy(w.ResponseRecorder.Body, r)
}

func (w *capableWriter) FlushError() error { w.calls = append(w.calls, "Flush"); return nil }

func (w *capableWriter) SetWriteDeadline(time.Time) error {
	w.calls = append(w.calls, "Deadline")
	return nil
}

func TestTheRequestLogHidesNothingOfTheWriter(t *testing.T) {
	var log bytes.Buffer
	app := loggingApp(&log)
	app.Gateway = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.(http.Flusher).Flush()
		n, err := io.Copy(w, io.LimitReader(strings.NewReader("12345"), 5))
		if n != 5 || err != nil {
			t.Errorf("copied %d, %v", n, err)
		}
		must(t, http.NewResponseController(w).SetWriteDeadline(time.Time{}))
		if _, _, err := http.NewResponseController(w).Hijack(); !errors.Is(err, http.ErrNotSupported) {
			t.Errorf("Hijack of what cannot gives %v", err)
		}
		if w.(interface{ Unwrap() http.ResponseWriter }).Unwrap() == nil {
			t.Error("Unwrap gives nothing")
		}
	})
	app.LogRequests()
	w := &capableWriter{ResponseRecorder: httptest.NewRecorder()}
	app.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if got := strings.Join(w.calls, " "); got != "Flush ReadFrom Deadline" || logLines(t, &log)[0]["bytes"] != 5.0 {
		t.Errorf("the server's writer was asked for %q, logged %s", got, log.String())
	}
}

func TestARequestThatIsLoggedCostsLittle(t *testing.T) {
	t.Setenv(routing.RouterVariable, "")
	app := carafe.New("quiet")
	app.Logger = slog.New(slog.DiscardHandler)
	app.Get("/", func() string { return "hello" }, carafe.Endpoint("index"))
	count := func() float64 {
		r, w := httptest.NewRequest("GET", "/", nil), &nullWriter{http.Header{}}
		return testing.AllocsPerRun(100, func() { app.ServeHTTP(w, r) })
	}
	if n := count(); n > 4 {
		t.Errorf("without the log a request allocates %v times, want 4 at most", n)
	}
	app = carafe.New("logged")
	app.Logger = slog.New(slog.DiscardHandler)
	app.Get("/", func() string { return "hello" }, carafe.Endpoint("index"))
	app.LogRequests()
	if n := count(); n > 12 {
		t.Errorf("with the log a request allocates %v times, want 12 at most", n)
	}
}

// A view that heeds its context is not to fill the log with errors whenever somebody closes a window.
func TestAClientThatLeavesIsNoErrorInTheLog(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault error // beside or in place of the context's
		left  bool  // whether the client has
		want  string
	}{
		{"the client has left, and the view says so", context.Canceled, true, "INFO The client left before the answer on /query [GET]"},
		{"a database wraps it", fmt.Errorf("query: %w", context.Canceled), true, "INFO The client left before the answer on /query [GET]"},
		{"the client has left, and something else is wrong", errors.New("disk full"), true, "ERROR Exception on /query [GET]"},
		{"something of the view's own was cancelled", context.Canceled, false, "ERROR Exception on /query [GET]"},
		{"the view was too slow", context.DeadlineExceeded, true, "ERROR Exception on /query [GET]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var records []string
			app := carafe.New("shop")
			app.Logger = slog.New(recordHandler(func(r slog.Record) { records = append(records, r.Level.String()+" "+r.Message) }))
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			app.Get("/query", func(c *carafe.Context) error {
				if tt.left {
					leave()
					<-c.Done()
				}
				return tt.fault
			})
			app.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", "/query", nil))
			if len(records) != 1 || records[0] != tt.want {
				t.Errorf("the log has %q, want %q", records, tt.want)
			}
		})
	}
}

// A server that ends a request because its time is up says so in the cause of its context: that is an error of the app.
func TestARequestThatTheServerEndsIsAnErrorInTheLog(t *testing.T) {
	var records []string
	app := carafe.New("shop")
	app.Logger = slog.New(recordHandler(func(r slog.Record) { records = append(records, r.Level.String()+" "+r.Message) }))
	ctx, end := context.WithCancelCause(t.Context())
	app.Get("/query", func(c *carafe.Context) error {
		end(errors.New("the request's time is up"))
		<-c.Done()
		return fmt.Errorf("query: %w", c.Err())
	})
	app.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", "/query", nil))
	if len(records) != 1 || records[0] != "ERROR Exception on /query [GET]" {
		t.Errorf("the log has %q, want an error", records)
	}
}

// recordHandler hands each record on.
type recordHandler func(slog.Record)

func (recordHandler) Enabled(context.Context, slog.Level) bool { return true }

func (h recordHandler) Handle(_ context.Context, r slog.Record) error { h(r); return nil }

func (h recordHandler) WithAttrs([]slog.Attr) slog.Handler { return h }

func (h recordHandler) WithGroup(string) slog.Handler { return h }
