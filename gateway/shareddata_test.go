package gateway_test

import (
	"embed"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/carafeweb/carafe/gateway"
)

//go:embed doc.go
var embedded embed.FS

// sharedSite makes a folder with all that must not be served, and shares it.
func sharedSite(t *testing.T) http.Handler {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"secret.txt": "secret", "pub/beans.txt": "beans", "pub/app.js": "let x", "pub/app.js.map": "map", "pub/.env": "secret",
		"pub/sub/page.html": "<p>", "pub/sub/.git/config": "secret", "pub/odd.zzz": "?",
	} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	os.Symlink(filepath.Join(dir, "secret.txt"), filepath.Join(dir, "pub/out.txt"))
	os.Symlink("beans.txt", filepath.Join(dir, "pub/in.txt"))
	if err := makeFIFO(filepath.Join(dir, "pub/pipe.txt")); err != nil {
		t.Fatal(err)
	}
	pub, err := gateway.Dir(filepath.Join(dir, "pub"))
	if err != nil {
		t.Fatal(err)
	}
	one, err := gateway.OneFile(filepath.Join(dir, "pub/beans.txt"))
	if err != nil {
		t.Fatal(err)
	}
	shared := gateway.SharedData{Exports: map[string]fs.FS{"/static": pub, "/robots.txt": one, "/code": embedded}, Disallow: []string{"*.map", "*.bak"}}
	return shared.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "next") }))
}

func TestSharedData(t *testing.T) {
	site := sharedSite(t)
	tests := []struct{ name, method, path, want string }{
		{"a file", "GET", "/static/beans.txt", "beans"},
		{"a file below", "GET", "/static/sub/page.html", "<p>"},
		{"a single file", "GET", "/robots.txt", "beans"},
		{"nothing below a single file", "GET", "/robots.txt/beans.txt", "next"},
		{"a link inside", "GET", "/static/in.txt", "beans"},
		{"a link that leads out", "GET", "/static/out.txt", "next"},
		{"a pipe", "GET", "/static/pipe.txt", "next"},
		{"a folder", "GET", "/static/sub", "next"},
		{"a folder with a slash", "GET", "/static/sub/", "next"},
		{"the export itself", "GET", "/static", "next"},
		{"the export with a slash", "GET", "/static/", "next"},
		{"dots", "GET", "/static/../secret.txt", "next"},
		{"escaped dots", "GET", "/static/%2e%2e/secret.txt", "next"},
		{"an escaped slash", "GET", "/static/..%2fsecret.txt", "next"},
		{"a backslash", "GET", `/static/..%5csecret.txt`, "next"},
		{"NUL", "GET", "/static/beans.txt%00", "next"},
		{"bytes that are no text", "GET", "/static/%ff%fe", "next"},
		{"an endless name", "GET", "/static/" + strings.Repeat("a", 5000), "next"},
		{"an absolute name", "GET", "/static//etc/passwd", "next"},
		{"a dot file", "GET", "/static/.env", "next"},
		{"a dot folder", "GET", "/static/sub/.git/config", "next"},
		{"a disallowed pattern", "GET", "/static/app.js.map", "next"},
		{"another path that begins the same", "GET", "/staticbeans.txt", "next"},
		{"a trailing slash is no file", "GET", "/static/beans.txt/", "next"},
		{"another method", "POST", "/static/beans.txt", "next"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, "/", nil)
			r.URL.Path = tt.path
			if u, err := r.URL.Parse(tt.path); err == nil && strings.Contains(tt.path, "%") {
				r.URL.Path = u.Path
			}
			w := httptest.NewRecorder()
			site.ServeHTTP(w, r)
			if got := w.Body.String(); got != tt.want {
				t.Errorf("%s %s: %.60q, want %q", tt.method, tt.path, got, tt.want)
			}
		})
	}
}

func TestSharedDataHeaders(t *testing.T) {
	site := sharedSite(t)
	ask := func(path string, headers ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", path, nil)
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			r.Header.Set(name, value)
		}
		w := httptest.NewRecorder()
		site.ServeHTTP(w, r)
		return w
	}
	w := ask("/static/beans.txt")
	h := w.Header()
	if h.Get("Cache-Control") != "max-age=43200, public" || h.Get("Content-Type") != "text/plain; charset=utf-8" || h.Get("Last-Modified") == "" {
		t.Errorf("headers %v, want 12 h of public cache, text/plain, Last-Modified", h)
	}
	if expires, err := http.ParseTime(h.Get("Expires")); err != nil || time.Until(expires) < 11*time.Hour {
		t.Errorf("Expires %q, want in 12 h", h.Get("Expires"))
	}
	if got := ask("/static/beans.txt", "If-None-Match: "+h.Get("Etag")).Code; got != 304 {
		t.Errorf("asked again with ETag %s: %d, want 304", h.Get("Etag"), got)
	}
	if got := ask("/static/beans.txt", "Range: bytes=1-2"); got.Code != 206 || got.Body.String() != "ea" {
		t.Errorf("bytes 1-2: %d %q, want 206 ea", got.Code, got.Body)
	}
	if got := ask("/static/odd.zzz").Header().Get("Content-Type"); got != "application/octet-stream" {
		t.Errorf("an unknown extension is %q, want application/octet-stream", got)
	}
	code := ask("/code/doc.go")
	if !strings.Contains(code.Body.String(), "package gateway") || code.Header().Get("Last-Modified") == "" {
		t.Errorf("an embedded file: %.40q, Last-Modified %q", code.Body, code.Header().Get("Last-Modified"))
	}
}

func TestProfilerWritesAFilePerRequest(t *testing.T) {
	dir := t.TempDir()
	var line strings.Builder
	p := gateway.Profiler{Dir: dir, Stream: &line}
	h := p.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/outer" { // a request inside of a profiled one has to be served too
			p.Wrap(echo("inner")).ServeHTTP(w, httptest.NewRequest("GET", "/inner", nil))
		}
	}))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/outer", nil))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/../../etc/pa%00sswd", nil))
	files, _ := filepath.Glob(filepath.Join(dir, "*.prof"))
	if len(files) != 2 || !strings.HasPrefix(filepath.Base(files[0]), "GET.") {
		t.Fatalf("profiles %q, want one of each request by its method", files)
	}
	for _, f := range files {
		if data, err := os.ReadFile(f); err != nil || !strings.HasPrefix(string(data), "\x1f\x8b") {
			t.Errorf("%s begins with %.4q, want a gzipped profile", f, data)
		}
	}
	if !strings.Contains(w.Body.String(), "inner") || strings.Count(line.String(), "\n") != 2 {
		t.Errorf("inner answer %q, lines %q", w.Body, line.String())
	}
}
