package carafe_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/carafeweb/carafe"
)

// handlerAnswer is what a client reads of an answer, but for its date.
func handlerAnswer(t *testing.T, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	defer server.Close()
	var interim []string
	trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		delete(h, "Date")
		interim = append(interim, fmt.Sprint(code, h))
		return nil
	}}
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), "GET", server.URL, nil)
	must(t, err)
	resp, err := server.Client().Do(req)
	must(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	must(t, err)
	resp.Header.Del("Date")
	return fmt.Sprintf("%v %d %v %q trailers %v", interim, resp.StatusCode, resp.Header, body, resp.Trailer)
}

// A handler that is a view answers as it does when net/http serves it.
func TestAHandlerAnswersAsUnderNetHTTP(t *testing.T) {
	big := strings.Repeat("x", 100<<10)
	for _, tt := range []struct {
		name string
		h    http.HandlerFunc
		want string // part of the answer
	}{
		{"a header that is set after the status is not sent", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Before", "yes")
			w.WriteHeader(201)
			w.Header().Set("X-After", "no")
			io.WriteString(w, "made")
		}, "201"},
		{"nor one that is changed after the first byte", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Changed", "before")
			io.WriteString(w, "text")
			w.Header().Set("X-Changed", "after")
			w.Header().Del("Content-Type")
			w.Header().Add("X-Changed", "more")
		}, "before"},
		{"an announced trailer", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Trailer", "X-Sum, x-other")
			w.Header().Add("Trailer", "X-Never")
			io.WriteString(w, "text")
			w.Header().Set("X-Sum", "4")
			w.Header().Set("X-Other", "o")
		}, "X-Sum:[4]"},
		{"a trailer with the prefix", func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "text")
			w.(http.Flusher).Flush()
			w.Header().Set(http.TrailerPrefix+"X-Sum", "4")
		}, "X-Sum:[4]"},
		{"one that is set before the body", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set(http.TrailerPrefix+"X-Sum", "4")
			io.WriteString(w, "text")
		}, "X-Sum:[4]"},
		{"trailers of both kinds after a large body", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Trailer", "X-Sum")
			io.WriteString(w, big)
			io.WriteString(w, big)
			w.Header().Set("X-Sum", "4")
			w.Header().Set(http.TrailerPrefix+"X-More", "5")
		}, "X-More:[5]"},
		{"a length leaves no place for a trailer", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "4")
			io.WriteString(w, "text")
			w.Header().Set(http.TrailerPrefix+"X-Sum", "4")
		}, "Content-Length:[4]"},
		{"a header before the hints is in both answers", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", "</a.css>; rel=preload")
			w.WriteHeader(103)
			w.Header().Set("X-Final", "yes")
			io.WriteString(w, "text")
		}, "103"},
		{"no status and no body", func(w http.ResponseWriter, r *http.Request) { w.Header().Set("X-Only", "yes") }, "200"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			outer := func(next http.Handler) http.Handler { // sets what the handler may set too
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Link", "</outer.css>; rel=preload")
					w.Header().Set("X-Outer", "yes")
					w.Header().Set("X-Content-Type-Options", "nosniff") // the one header that the app adds where nobody has
					next.ServeHTTP(w, r)
				})
			}
			app := carafe.New("handlers")
			app.Get("/", tt.h, carafe.Endpoint("index"))
			app.Use(outer)
			want, got := handlerAnswer(t, outer(tt.h)), handlerAnswer(t, app)
			if got != want {
				t.Errorf("through the app:\n%s\nby net/http alone:\n%s", got, want)
			}
			if !strings.Contains(got, tt.want) {
				t.Errorf("the answer is %s, want %s in it", got, tt.want)
			}
		})
	}
}

func TestHintsLeaveWhatMiddlewareHasSet(t *testing.T) {
	app := carafe.New("handlers")
	app.Get("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</hint.css>; rel=preload")
		w.WriteHeader(103)
		w.Header().Del("Link")
		io.WriteString(w, "text")
	}, carafe.Endpoint("index"))
	app.Use(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", "</outer.css>; rel=preload")
			next.ServeHTTP(w, r)
		})
	})
	got := handlerAnswer(t, app)
	hint, final, _ := strings.Cut(got, "]] ")
	if !strings.Contains(hint, "/hint.css") || !strings.Contains(final, "/outer.css") {
		t.Errorf("the answers are %s, want the hint of the handler, and then middleware's", got)
	}
}

func TestATrailerGoesWithTheResponseItBelongsTo(t *testing.T) {
	for _, flush := range []bool{false, true} {
		app := carafe.New("handlers")
		app.Get("/", func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "text")
			if flush {
				w.(http.Flusher).Flush()
			}
			w.Header().Set(http.TrailerPrefix+"X-Sum", "4")
		}, carafe.Endpoint("index"))
		app.AfterRequest(func(*carafe.Context, *carafe.Response) (*carafe.Response, error) {
			return carafe.Text("another"), nil
		})
		if got := handlerAnswer(t, app); !strings.Contains(got, `"another"`) || strings.Contains(got, "X-Sum") {
			t.Errorf("flushed %v: the answer is %s, want another without a trailer", flush, got)
		}
	}
}

func TestAFailureAfterTheFirstByteIsLoggedOnce(t *testing.T) {
	broken := errors.New("the database is gone")
	for name, view := range map[string]any{
		"a stream's error": func() any {
			return carafe.Streamer(func(w http.ResponseWriter) error {
				io.WriteString(w, "begun")
				w.(http.Flusher).Flush()
				return broken
			})
		},
		"a stream's panic": func() any {
			return carafe.Streamer(func(w http.ResponseWriter) error {
				io.WriteString(w, "begun")
				w.(http.Flusher).Flush()
				panic(broken)
			})
		},
		"a handler's panic": func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "begun")
			w.(http.Flusher).Flush()
			panic(broken)
		},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			app := carafe.New("broken")
			app.Logger = slog.New(slog.NewTextHandler(&log, nil))
			app.Get("/", view, carafe.Endpoint("index"))
			var torn []error
			app.TeardownRequest(func(_ *carafe.Context, err error) { torn = append(torn, err) })
			server := httptest.NewServer(app)
			resp, err := server.Client().Get(server.URL)
			must(t, err)
			if body, err := io.ReadAll(resp.Body); err == nil {
				t.Errorf("the body %q looks whole", body)
			}
			resp.Body.Close()
			server.Close() // and waits for the walk's end
			if n := strings.Count(log.String(), broken.Error()); n == 0 || strings.Count(log.String(), "level=ERROR") != 1 {
				t.Errorf("the log has it other than once:\n%s", &log)
			}
			if len(torn) != 1 || !strings.Contains(fmt.Sprint(torn[0]), broken.Error()) || reflect.TypeOf(torn[0]).Name() == "loggedError" {
				t.Errorf("teardown was given %v, want the error alone", torn)
			}
		})
	}
}

// What an http.ResponseController does under net/http it does for a handler that is a view, before the answer has begun and after.
func TestAHandlersControllerReachesTheConnection(t *testing.T) {
	long := time.Unix(1, 0)
	acts := []struct {
		name string
		do   func(rc *http.ResponseController, r *http.Request) string
	}{
		{"a deadline for reading that is over ends the body", func(rc *http.ResponseController, r *http.Request) string {
			set := rc.SetReadDeadline(long)
			_, err := io.ReadAll(r.Body)
			return fmt.Sprint(set, errors.Is(err, os.ErrDeadlineExceeded))
		}},
		{"a deadline for writing that is over breaks the connection off", func(rc *http.ResponseController, _ *http.Request) string {
			return fmt.Sprint(rc.SetWriteDeadline(long))
		}},
		{"a deadline that is taken back is none", func(rc *http.ResponseController, _ *http.Request) string {
			return fmt.Sprint(rc.SetWriteDeadline(long), rc.SetWriteDeadline(time.Time{}))
		}},
		{"full duplex", func(rc *http.ResponseController, _ *http.Request) string { return fmt.Sprint(rc.EnableFullDuplex()) }},
	}
	for _, tt := range acts {
		for _, flushed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, flushed before: %v", tt.name, flushed), func(t *testing.T) {
				h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					rc := http.NewResponseController(w)
					if flushed {
						_ = rc.Flush()
					}
					io.WriteString(w, tt.do(rc, r))
				})
				app := carafe.New("view")
				app.Config.BodyTimeout, app.Config.BodyMinRate = -1, -1 // which have deadlines of their own
				app.Post("/", h)
				if bare, ours := controllerAnswer(t, h), controllerAnswer(t, app); ours != bare {
					t.Errorf("the view's answer is\n%s\nnet/http's\n%s", ours, bare)
				}
			})
		}
	}
}

// controllerAnswer posts the beginning of a body, and says what came.
func controllerAnswer(t *testing.T, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	must(t, err)
	defer conn.Close()
	fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: site.test\r\nContent-Length: 9\r\nConnection: close\r\n\r\nhalf")
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return "no answer"
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return fmt.Sprintf("%d %q %v", resp.StatusCode, body, err)
}

func TestAHandlersControllerIsSilentAfterwards(t *testing.T) {
	var kept *http.ResponseController
	app := carafe.New("view")
	app.Get("/", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { kept = http.NewResponseController(w) }))
	server := httptest.NewServer(app)
	defer server.Close()
	resp, err := server.Client().Get(server.URL)
	must(t, err)
	resp.Body.Close()
	if err := kept.SetWriteDeadline(time.Unix(1, 0)); err == nil {
		t.Error("a deadline was set for a connection that may be with the next request")
	}
}

// The variables of the rule are PathValues, as those of a pattern of http.ServeMux are.
func TestAHandlerHasTheVariablesAsPathValues(t *testing.T) {
	show := func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s|%s|%s|%s", r.PathValue("id"), r.PathValue("name"), r.PathValue("page"), r.PathValue("none"))
	}
	app := carafe.New("values")
	app.Get("/float/<float:id>/<name>", show, carafe.Endpoint("float"))
	app.Get("/page/<int:id>", show, carafe.Endpoint("page"), carafe.Defaults{"page": 1})
	app.Get("/plain", show, carafe.Endpoint("plain"))
	app.Get("/returned/<id>", func() http.Handler { return http.HandlerFunc(show) }, carafe.Endpoint("returned"))
	for path, want := range map[string]string{
		"/float/1.50/a%20b": "1.50|a b||", "/page/007": "007||1|", "/plain": "|||", "/returned/x": "x|||",
	} {
		w := httptest.NewRecorder()
		app.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if got := w.Body.String(); got != want {
			t.Errorf("GET %s has the path values %q, want %q", path, got, want)
		}
	}
	var after string
	mux := http.NewServeMux()
	mux.HandleFunc("/{id}/{rest...}", func(w http.ResponseWriter, r *http.Request) {
		app.ServeHTTP(w, r)
		after = r.PathValue("id")
	})
	mux.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/page/7", nil))
	if after != "page" {
		t.Errorf("the ServeMux around the app has %q for its own {id} afterwards, want \"page\"", after)
	}
	r := httptest.NewRequest("GET", "/page/7", nil)
	r.SetPathValue("id", "outer")
	app.ServeHTTP(httptest.NewRecorder(), r)
	if got := r.PathValue("id"); got != "outer" {
		t.Errorf("who has set a path value by itself reads %q afterwards, want its own", got)
	}
}
