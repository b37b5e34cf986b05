package gateway_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/carafeweb/carafe/gateway"
)

// findings collects what lint says.
type findings struct {
	mu  sync.Mutex
	all []gateway.Finding
}

func (f *findings) report(finding gateway.Finding) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = append(f.all, finding)
}

func (f *findings) String() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var lines []string
	for _, one := range f.all {
		lines = append(lines, one.String())
	}
	return strings.Join(lines, "\n")
}

// sets makes a handler that sets headers ("Name: value", under the very name), a status and a body.
func sets(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			w.Header()[name] = append(w.Header()[name], value)
		}
		w.WriteHeader(status)
		if body != "" {
			io.WriteString(w, body)
		}
	}
}

const plainText = "Content-Type: text/plain"

func TestLintOfHandlers(t *testing.T) {
	tests := []struct {
		name string
		h    http.HandlerFunc
		want string // "" means that lint is content
	}{
		{"a plain page is right", sets(200, "page", plainText), ""},
		{"a redirect by path is right", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/there", http.StatusFound) }, ""},
		{"an empty 204 is right", sets(204, ""), ""},
		{"a 304 with its ETag is right", sets(304, "", `Etag: W/"x"`, "Cache-Control: no-cache"), ""},
		{"trailers are right", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Trailer", "X-A, X-B")
			w.Header().Set("Content-Type", "text/plain")
			io.WriteString(w, "x")
			w.Header().Set("X-B", "1")
			w.Header().Set(http.TrailerPrefix+"X-C", "1")
		}, ""},
		{"a limited read is right", func(w http.ResponseWriter, r *http.Request) { io.ReadAll(http.MaxBytesReader(w, r.Body, 10)) }, ""},
		{"a second WriteHeader", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(201); w.WriteHeader(500) }, "WriteHeader(500) after status 201"},
		{"WriteHeader after the body", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			io.WriteString(w, "x")
			w.WriteHeader(404)
		}, "WriteHeader(404) after status 200"},
		{"a header that comes too late", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204); w.Header().Set("X-Late", "1") }, "X-Late was changed"},
		{"a body of another length", sets(200, "four", plainText, "Content-Length: 5"), "Content-Length is 5, but 4 bytes"},
		{"a length that is none", sets(200, "four", plainText, "Content-Length: four"), `"four" is no decimal`},
		{"a body without a type", sets(200, "page"), "without a Content-Type"},
		{"a body in a 204", sets(204, "page"), "a 204 must not have a body, 4 bytes"},
		{"a length of a 204", sets(204, "", "Content-Length: 3"), "a 204 has no Content-Length"},
		{"a body in a 304", sets(304, "page"), "a 304 must not have a body"},
		{"a type in a 304", sets(304, "", plainText), "no body for Content-Type"},
		{"an unquoted ETag", sets(200, "", "Etag: x"), "not in double quotes"},
		{"a lower case weak mark", sets(200, "", `Etag: w/"x"`), "upper case W/"},
		{"a Location with a blank", sets(302, "", "Location: /a b"), "no URI reference"},
		{"a Location with a backslash", sets(302, "", `Location: /\evil.test`), "no URI reference"},
		{"a line break in a value", sets(200, "", "X-A: a\nb"), "control character"},
		{"a colon in a name", sets(200, "", "X:A: a"), "no token"},
		{"a name in another spelling", sets(200, "", "x-a: a"), "under another spelling"},
		{"two lengths", sets(200, "", "Content-Length: 0", "Content-Length: 0"), "sent 2 times"},
		{"a header named Status", sets(200, "", "Status: 404"), "named Status"},
		{"a Transfer-Encoding", sets(200, "", "Transfer-Encoding: chunked"), "the server's to send"},
		{"an unlimited read", func(w http.ResponseWriter, r *http.Request) { io.ReadAll(r.Body) }, "MaxBytesReader"},
		{"an unlimited JSON decoder", func(w http.ResponseWriter, r *http.Request) { json.NewDecoder(r.Body).Decode(new(any)) }, "MaxBytesReader"},
		{"an unlimited buffer", func(w http.ResponseWriter, r *http.Request) { new(bytes.Buffer).ReadFrom(r.Body) }, "MaxBytesReader"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got findings
			h := gateway.Lint{Report: got.report}.Wrap(tt.h)
			h.ServeHTTP(quietWriter{httptest.NewRecorder()}, httptest.NewRequest("POST", "/", strings.NewReader(`{"a": 1}`)))
			if tt.want == "" && len(got.all) > 0 || !strings.Contains(got.String(), tt.want) {
				t.Errorf("lint says %q, want %q", &got, tt.want)
			}
			for _, f := range got.all {
				if filepath.Base(f.File) != "lint_test.go" || f.Rule == "" || f.Request != "POST /" {
					t.Errorf("%v points at %s for %q by rule %q, want a line of this file, the request and a rule", f.Message, f.File, f.Request, f.Rule)
				}
			}
		})
	}
}

// quietWriter is a recorder that takes invalid statuses.
type quietWriter struct{ *httptest.ResponseRecorder }

func TestLintNamesTheLine(t *testing.T) {
	var got findings
	var line int
	h := gateway.Lint{Report: got.report}.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(204)
		_, _, line, _ = runtime.Caller(0)
		w.WriteHeader(204)
	}))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	if len(got.all) != 1 || got.all[0].Line != line+1 {
		t.Errorf("lint says %q, want one finding at line %d", &got, line+1)
	}
}

func TestLintAfterTheHandlerHasReturned(t *testing.T) {
	var got findings
	var kept http.ResponseWriter
	var body io.Reader
	h := gateway.Lint{Report: got.report}.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { kept, body = w, r.Body }))
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest("POST", "/", strings.NewReader("x")))
	kept.Write([]byte("late"))
	kept.WriteHeader(500)
	body.Read(make([]byte, 1))
	if len(got.all) != 3 || rec.Body.Len() > 0 {
		t.Errorf("lint says %q and %q was written, want three findings and nothing", &got, rec.Body)
	}
}

func TestLintOfApplications(t *testing.T) {
	tests := []struct {
		name string
		app  gateway.ApplicationFunc
		want string
	}{
		{"PEP 3333's simple application is right", hello, ""},
		{"a generator that starts late is right", lazy, ""},
		{"a file wrapper is right", wrapped, ""},
		{"a status without a reason's space", startedWith("200", text), "three digits, a space"},
		{"a hop-by-hop header", startedWith("200 OK", http.Header{"Connection": {"close"}, "Content-Type": {"text/plain"}}), "hop-by-hop"},
		{"a length that is wrong", startedWith("200 OK", http.Header{"Content-Length": {"3"}, "Content-Type": {"text/plain"}}), "longer"},
		{"no start_response", func(gateway.Environ, gateway.StartResponse) (gateway.Body, error) { return nil, nil }, "never called"},
		{"a block before start_response", func(gateway.Environ, gateway.StartResponse) (gateway.Body, error) { return gateway.Text("x"), nil }, "before start_response"},
		{"a second start_response", func(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
			start("200 OK", text.Clone(), nil)
			_, err := start("200 OK", text.Clone(), nil)
			return nil, err
		}, "called again"},
		{"a closed input", func(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
			env.Input().Close()
			_, err := start("204 No Content", nil, nil)
			return nil, err
		}, "closed wsgi.input"},
		{"closed errors", func(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
			env["wsgi.errors"].(io.Closer).Close()
			_, err := start("204 No Content", nil, nil)
			return nil, err
		}, "closed wsgi.errors"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got findings
			rec := &record{}
			srv := httptest.NewUnstartedServer(gateway.Handler(gateway.Lint{Report: got.report}.Application(tt.app)))
			srv.Config.ErrorLog = log.New(rec, "", 0)
			srv.Start()
			ask(rule{}, srv.URL)
			srv.Close() // the body is closed when the client has its answer already
			if said := got.String() + rec.String(); tt.want == "" && len(got.all) > 0 || !strings.Contains(said, tt.want) {
				t.Errorf("lint says %q, want %q", said, tt.want)
			}
		})
	}
}

func TestLintOfEnvirons(t *testing.T) {
	good := gateway.EnvironOf(httptest.NewRequest("GET", "/", nil))
	tests := []struct {
		name, key string
		value     any // nil removes the key
		want      string
	}{
		{"a whole environ is right", "X", "y", ""},
		{"a missing key", "SERVER_NAME", nil, "lacks SERVER_NAME"},
		{"a missing input", "wsgi.input", nil, "lacks wsgi.input"},
		{"another version", "wsgi.version", [2]int{2, 0}, "wsgi.version"},
		{"a number among the CGI keys", "SERVER_PORT", 80, "is a int, want a string"},
		{"a script name without a slash", "SCRIPT_NAME", "app", "does not begin with a slash"},
		{"a script name that is the root", "SCRIPT_NAME", "/", "the root is"},
		{"a path without a slash", "PATH_INFO", "x", "does not begin with a slash"},
		{"no path at all", "PATH_INFO", "", "both SCRIPT_NAME and PATH_INFO"},
		{"a header under the body's name", "HTTP_CONTENT_LENGTH", "1", "its name is CONTENT_LENGTH"},
		{"a length that is none", "CONTENT_LENGTH", "x", "no decimal"},
		{"another scheme", "wsgi.url_scheme", "ftp", "want http or https"},
		{"a method with a blank", "REQUEST_METHOD", "G T", "no method"},
		{"an input that cannot be read", "wsgi.input", 1, "want an io.Reader"},
		{"errors that cannot be written", "wsgi.errors", 1, "want an io.Writer"},
		{"a flag that is no bool", "wsgi.run_once", 1, "want a bool"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got findings
			env := make(gateway.Environ)
			for k, v := range good {
				env[k] = v
			}
			env[tt.key] = tt.value
			if tt.value == nil {
				delete(env, tt.key)
			}
			start := func(string, http.Header, error) (io.Writer, error) { return io.Discard, nil }
			gateway.Lint{Report: got.report}.Application(gateway.ApplicationFunc(hello)).ServeGateway(env, start)
			if tt.want == "" && len(got.all) > 0 || !strings.Contains(got.String(), tt.want) {
				t.Errorf("lint says %q, want %q", &got, tt.want)
			}
		})
	}
}

func TestLintOfServersThatMistreatABody(t *testing.T) {
	var got findings
	app := gateway.Lint{Report: got.report}.Application(gateway.ApplicationFunc(hello))
	start := func(string, http.Header, error) (io.Writer, error) { return io.Discard, nil }
	body, _ := app.ServeGateway(gateway.EnvironOf(httptest.NewRequest("GET", "/", nil)), start)
	for range 2 {
		for range body.Blocks() {
		}
		body.Close()
	}
	for _, want := range []string{"used after it was closed", "ranged over twice", "closed twice"} {
		if !strings.Contains(got.String(), want) {
			t.Errorf("lint says %q, want %q in it", &got, want)
		}
	}
	var leak findings
	func() {
		app := gateway.Lint{Report: leak.report}.Application(gateway.ApplicationFunc(hello))
		app.ServeGateway(gateway.EnvironOf(httptest.NewRequest("GET", "/", nil)), start)
	}()
	if !eventually(func() bool { runtime.GC(); return strings.Contains(leak.String(), "never closed") }) {
		t.Errorf("lint says %q of a body that nobody closes, want never closed", &leak)
	}
}

func ExampleLint() {
	lint := gateway.Lint{Report: func(f gateway.Finding) { fmt.Println(f.Message) }}
	h := lint.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", "v1")
		w.WriteHeader(http.StatusNoContent)
	}))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	// Output: ETag v1 is not in double quotes
}

func TestRulesUnderLintFindNothingInRightApplications(t *testing.T) {
	right := slices.DeleteFunc(slices.Clone(rules), func(r rule) bool { return r.status >= 500 || r.broken || r.method == "HEAD" })
	for _, r := range right {
		var got findings
		srv := httptest.NewServer(gateway.Handler(gateway.Lint{Report: got.report}.Application(r.app)))
		checkRule(t, r, srv.URL)
		srv.Close()
		for _, f := range got.all {
			allowed := func(part string) bool { return strings.Contains(f.Message, part) }
			if !slices.ContainsFunc([]string{"without a Content-Type", "another spelling", "MaxBytesReader"}, allowed) {
				t.Errorf("%s: lint says %v of an application that is right", r.name, f)
			}
		}
	}
}
