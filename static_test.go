package carafe_test

import (
	"embed"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/carafeweb/carafe"
)

//go:embed testdata/oracle/conditional-files.json
var embedded embed.FS

// siteFolder is a folder of static files with everything in it that must not get out.
func siteFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"secret.txt": "SECRET", "static/index.html": "<h1>Hello World!</h1>", "static/sub/inner.txt": "inner", "static/%2e%2e.txt": "pct",
		"static/.env": "SECRET", "static/.well-known/a.txt": "known", "static-secret/secret.txt": "SECRET", "static/app.js": "original", "static/app.js.br": "brotli", "static/app.js.gz": "gzip",
	} {
		full := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(full), 0o755), os.WriteFile(full, []byte(content), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	err := errors.Join(os.Symlink("../secret.txt", filepath.Join(dir, "static/link.txt")), os.Symlink("..", filepath.Join(dir, "static/linkdir")),
		os.Symlink("index.html", filepath.Join(dir, "static/home.html")), makeFIFO(filepath.Join(dir, "static/fifo")))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func fetch(h http.Handler, target string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", "/", nil)
	r.RequestURI = target
	u, err := r.URL.Parse(target)
	if err == nil {
		r.URL = u
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestStaticFilesStayInTheirFolder(t *testing.T) {
	app := carafe.New("site", carafe.RootPath(siteFolder(t)))
	tests := []struct {
		name, target string
		status       int
		body         string
	}{
		{"a file is served", "/static/index.html", 200, "<h1>Hello World!</h1>"},
		{"a file in a folder is served", "/static/sub/inner.txt", 200, "inner"},
		{"a name is decoded once", "/static/%252e%252e.txt", 200, "pct"},
		{"a symbolic link within the folder is followed", "/static/home.html", 200, "<h1>Hello World!</h1>"},
		{"well-known is not hidden", "/static/.well-known/a.txt", 200, "known"},
		{"a folder is not listed", "/static/sub", 404, ""},
		{"a folder with a slash is not listed", "/static/sub/", 404, ""},
		{"the folder itself is not listed", "/static/", 404, ""},
		{"encoded dots lead nowhere", "/static/%2e%2e/secret.txt", 404, ""},
		{"an encoded slash leads nowhere", "/static/..%2fsecret.txt", 404, ""},
		{"a backslash leads nowhere", "/static/..%5csecret.txt", 404, ""},
		{"dots behind a file lead nowhere", "/static/index.html/../../secret.txt", 404, ""},
		{"a sibling with the same beginning is another folder", "/static/..%2fstatic-secret/secret.txt", 404, ""},
		{"an absolute path is one below the folder", "/static/%2fetc%2fpasswd", 308, ""},
		{"a NUL ends nothing", "/static/index.html%00.png", 404, ""},
		{"overlong UTF-8 is no slash", "/static/..%c0%afsecret.txt", 404, ""},
		{"a symbolic link out is not followed", "/static/link.txt", 404, ""},
		{"a linked folder is not followed out", "/static/linkdir/secret.txt", 404, ""},
		{"a dotfile is hidden", "/static/.env", 404, ""},
		{"a FIFO does not hang", "/static/fifo", 404, ""},
		{"a name too long is not found", "/static/" + strings.Repeat("a", 5000), 404, ""},
		{"50,000 segments are not found", "/static/" + strings.Repeat("a/", 50000), 404, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := fetch(app, tt.target)
			if w.Code != tt.status || tt.body != "" && w.Body.String() != tt.body || strings.Contains(w.Body.String(), "SECRET") {
				t.Errorf("GET %.80s: %d %.80q, want %d %q", tt.target, w.Code, w.Body.String(), tt.status, tt.body)
			}
		})
	}
}

func TestSendFromDirectoryStaysInIt(t *testing.T) {
	dir := siteFolder(t)
	app := carafe.New("site", carafe.RootPath(dir))
	app.Get("/get", func(c *carafe.Context) any { return carafe.SendFromDirectory("static", c.Query("name")) })
	for name, want := range map[string]int{
		"index.html": 200, "sub/inner.txt": 200, "sub/../index.html": 200, "sub//inner.txt": 200, "": 404, ".": 404, "..": 404, "sub": 404, "/etc/passwd": 404, "//etc/passwd": 404,
		"../secret.txt": 404, "sub/../../secret.txt": 404, "%00": 404, "index.html%00": 404, "link.txt": 404, "linkdir/secret.txt": 404, "fifo": 404, "%ff%fe": 404,
		"C%3A%5CWindows": 404, strings.Repeat("..%2f", 20000) + "etc/passwd": 404, strings.Repeat("a", 5000): 404,
	} {
		w := fetch(app, "/get?name="+name)
		if w.Code != want || strings.Contains(w.Body.String(), "SECRET") {
			t.Errorf("send_from_directory(%.60q): %d %.60q, want %d", name, w.Code, w.Body.String(), want)
		}
	}
}

func TestStaticRoutes(t *testing.T) {
	dir := siteFolder(t)
	tests := []struct {
		name   string
		opts   []carafe.AppOption
		target string
		url    string // "" means that no such URL is built
	}{
		{"the folder static beside the app is served by itself", nil, "/static/index.html", "/static/index.html"},
		{"the path may be another", []carafe.AppOption{carafe.Static{Dir: "static", Path: "/foo"}}, "/foo/index.html", "/foo/index.html"},
		{"a slash at the end of the path is dropped", []carafe.AppOption{carafe.Static{Dir: "static", Path: "/foo/"}}, "/foo/index.html", "/foo/index.html"},
		{"the root itself may be the folder", []carafe.AppOption{carafe.Static{Dir: "."}}, "/static/index.html", "/index.html"},
		{"an absolute folder", []carafe.AppOption{carafe.Static{Dir: filepath.Join(dir, "static")}}, "/static/index.html", "/static/index.html"},
		{"a slash at the end of the folder is dropped", []carafe.AppOption{carafe.Static{Dir: "static/"}}, "/static/index.html", "/static/index.html"},
		{"a file system", []carafe.AppOption{carafe.Static{FS: fstest.MapFS{"index.html": {Data: []byte("<h1>Hello World!</h1>")}}}}, "/static/index.html", "/static/index.html"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			app := carafe.New("site", append([]carafe.AppOption{carafe.RootPath(dir)}, tt.opts...)...)
			app.Get("/url", func(c *carafe.Context) string { return c.URLFor("static", "filename", "index.html") })
			if tt.url != "/index.html" {
				app.Get("/<path:path>", func(path string) string { return path }, carafe.Endpoint("all"))
			}
			if w := fetch(app, tt.target); w.Body.String() != "<h1>Hello World!</h1>" {
				t.Errorf("GET %s: %d %q", tt.target, w.Code, w.Body.String())
			}
			if got := fetch(app, "/url").Body.String(); got != tt.url {
				t.Errorf("the URL is %q, want %q", got, tt.url)
			}
			if got := fetch(app, "/catch/all").Body.String(); tt.url != "/index.html" && got != "catch/all" {
				t.Errorf("the static route swallows /catch/all: %q", got)
			}
		})
	}
}

func TestStaticWithHostMatching(t *testing.T) {
	dir := siteFolder(t)
	app := carafe.New("site", carafe.RootPath(dir), carafe.HostMatching(true), carafe.Static{Dir: "static", Host: "example.com"})
	app.Get("/url", func(c *carafe.Context) string {
		return c.URLFor("static", "filename", "index.html", "_external", true)
	}, carafe.Host("<h>"), carafe.Defaults{})
	r := httptest.NewRequest("GET", "http://example.com/static/index.html", nil)
	w := httptest.NewRecorder()
	app.ServeHTTP(w, r)
	if w.Code != 200 {
		t.Errorf("the static host answers %d", w.Code)
	}
	other := httptest.NewRecorder()
	app.ServeHTTP(other, httptest.NewRequest("GET", "http://other.example/static/index.html", nil))
	if other.Code != 404 {
		t.Errorf("another host answers %d, want 404", other.Code)
	}
	for name, opts := range map[string][]carafe.AppOption{
		"a host without host matching": {carafe.Static{Dir: "static", Host: "example.com"}},
		"host matching without a host": {carafe.HostMatching(true), carafe.Static{Dir: "static"}},
		"both a folder and an FS":      {carafe.Static{Dir: "static", FS: embedded}},
		"a path without a slash":       {carafe.Static{Dir: "static", Path: "x"}},
	} {
		func() {
			defer func() {
				if _, ok := recover().(*carafe.SetupError); !ok {
					t.Errorf("%s: New did not panic with a SetupError", name)
				}
			}()
			carafe.New("site", append([]carafe.AppOption{carafe.RootPath(dir)}, opts...)...)
		}()
	}
}

func TestStaticFromAnEmbeddedFS(t *testing.T) {
	files, err := fs.Sub(embedded, "testdata/oracle")
	if err != nil {
		t.Fatal(err)
	}
	app := carafe.New("site", carafe.RootPath(t.TempDir()), carafe.Static{FS: files})
	whole := fetch(app, "/static/conditional-files.json")
	if whole.Code != 200 || whole.Header().Get("Content-Type") != "application/json" || whole.Header().Get("Last-Modified") != "" {
		t.Fatalf("an embedded file: %d %v", whole.Code, whole.Header())
	}
	part := fetch(app, "/static/conditional-files.json", "Range", "bytes=2-5")
	if part.Code != 206 || part.Body.String() != whole.Body.String()[2:6] {
		t.Errorf("a range of it: %d %q, want %q", part.Code, part.Body.String(), whole.Body.String()[2:6])
	}
}

func TestPrecompressedFiles(t *testing.T) {
	app := carafe.New("site", carafe.RootPath(siteFolder(t)), carafe.Static{Dir: "static", Precompressed: true})
	tests := []struct{ name, accept, coding, body string }{
		{"the smallest that the client takes", "gzip, br", "br", "brotli"},
		{"gzip for those who take nothing else", "gzip", "gzip", "gzip"},
		{"not what is refused", "br;q=0, gzip;q=0", "", "original"},
		{"nothing for those who say nothing", "", "", "original"},
	}
	etags := map[string]string{}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			header := []string{"Accept-Encoding", tt.accept}
			if tt.accept == "" {
				header = nil
			}
			w := fetch(app, "/static/app.js", header...)
			if w.Body.String() != tt.body || w.Header().Get("Content-Encoding") != tt.coding || w.Header().Get("Vary") != "Accept-Encoding" ||
				!strings.HasPrefix(w.Header().Get("Content-Type"), "text/javascript") || w.Header().Get("Content-Disposition") != "inline; filename=app.js" {
				t.Errorf("Accept-Encoding %q: %q %v, want %q in coding %q", tt.accept, w.Body.String(), w.Header(), tt.body, tt.coding)
			}
			if other, ok := etags[w.Header().Get("Etag")]; ok && other != tt.body {
				t.Errorf("%q and %q have the same ETag", other, tt.body)
			}
			etags[w.Header().Get("Etag")] = tt.body
		})
	}
}

func TestHashedURLs(t *testing.T) {
	dir := siteFolder(t)
	app := carafe.New("site", carafe.RootPath(dir), carafe.Static{Dir: "static", Hash: true})
	app.Get("/url", func(c *carafe.Context) string { return c.URLFor("static", "filename", c.Query("f")) })
	url := fetch(app, "/url?f=index.html").Body.String()
	if !strings.HasPrefix(url, "/static/index.html?v=") {
		t.Fatalf("the URL %q has no hash", url)
	}
	if got := fetch(app, url).Header().Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
		t.Errorf("under its hash: Cache-Control %q", got)
	}
	for _, other := range []string{"/static/index.html", "/static/index.html?v=0123456789abcdef"} {
		if got := fetch(app, other).Header().Get("Cache-Control"); got != "no-cache" {
			t.Errorf("GET %s: Cache-Control %q, want no-cache", other, got)
		}
	}
	later := time.Now().Add(time.Hour)
	file := filepath.Join(dir, "static/index.html")
	if err := errors.Join(os.WriteFile(file, []byte("changed"), 0o644), os.Chtimes(file, later, later)); err != nil {
		t.Fatal(err)
	}
	if changed := fetch(app, "/url?f=index.html").Body.String(); changed == url {
		t.Errorf("the file has changed, its URL %q has not", url)
	}
	if got := fetch(app, "/url?f=missing.txt").Body.String(); got != "/static/missing.txt" {
		t.Errorf("the URL of a file that is not there is %q", got)
	}
}

func TestMaxAgeOfFiles(t *testing.T) {
	dir := siteFolder(t)
	hook := func(string) (time.Duration, bool) { return 10 * time.Second, true }
	tests := []struct {
		name   string
		static carafe.Static
		config time.Duration
		hook   func(string) (time.Duration, bool)
		want   string
	}{
		{"nothing is said by default", carafe.Static{Dir: "static"}, 0, nil, "no-cache"},
		{"the config says", carafe.Static{Dir: "static"}, time.Hour, nil, "public, max-age=3600"},
		{"the hook wins over the config", carafe.Static{Dir: "static"}, time.Hour, hook, "public, max-age=10"},
		{"the folder's own wins over the hook", carafe.Static{Dir: "static", MaxAge: 100 * time.Second}, time.Hour, hook, "public, max-age=100"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			app := carafe.New("site", carafe.RootPath(dir), tt.static)
			app.Config.SendFileMaxAge, app.FileMaxAge = tt.config, tt.hook
			if got := fetch(app, "/static/index.html").Header().Get("Cache-Control"); got != tt.want {
				t.Errorf("Cache-Control %q, want %q", got, tt.want)
			}
		})
	}
}

// readerFrom counts what reaches the server's own ReadFrom.
type readerFrom struct {
	http.ResponseWriter
	file bool
}

func (w *readerFrom) ReadFrom(r io.Reader) (int64, error) {
	if l, ok := r.(*io.LimitedReader); ok {
		_, w.file = l.R.(*os.File)
	}
	return w.ResponseWriter.(io.ReaderFrom).ReadFrom(r)
}

func (w *readerFrom) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func TestFilesReachTheSystemsSendfile(t *testing.T) {
	dir := siteFolder(t)
	big := strings.Repeat("0123456789abcdef", 1<<16)
	if err := os.WriteFile(filepath.Join(dir, "static/big.bin"), []byte(big), 0o644); err != nil {
		t.Fatal(err)
	}
	app := carafe.New("site", carafe.RootPath(dir))
	app.Get("/send", func() any { return carafe.SendFile("static/big.bin") })
	app.AfterRequest(func(_ *carafe.Context, resp *carafe.Response) (*carafe.Response, error) {
		return resp, resp.SetHeader("X-After", "1")
	})
	var last *readerFrom
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		last = &readerFrom{ResponseWriter: w}
		app.ServeHTTP(last, r)
	}))
	defer server.Close()
	for _, tt := range []struct{ path, ranges, want string }{
		{"/static/big.bin", "", big}, {"/send", "", big}, {"/static/big.bin", "bytes=100-70000", big[100:70001]},
	} {
		req, _ := http.NewRequest("GET", server.URL+tt.path, nil)
		if tt.ranges != "" {
			req.Header.Set("Range", tt.ranges)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || string(body) != tt.want || resp.Header.Get("X-After") != "1" {
			t.Errorf("GET %s %s: %d bytes, error %v, want %d bytes", tt.path, tt.ranges, len(body), err, len(tt.want))
		}
		if !last.file {
			t.Errorf("GET %s %s: the server's ReadFrom was not given the *os.File itself", tt.path, tt.ranges)
		}
	}
}

func BenchmarkStaticFile(b *testing.B) {
	dir := b.TempDir()
	_ = os.Mkdir(filepath.Join(dir, "static"), 0o755)
	file := filepath.Join(dir, "static/page.html")
	_ = os.WriteFile(file, []byte(strings.Repeat("<p>text</p>\n", 800)), 0o644)
	app := carafe.New("site", carafe.RootPath(dir))
	alone := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, err := os.Open(file)
		if err != nil {
			panic(err)
		}
		defer f.Close()
		info, _ := f.Stat()
		http.ServeContent(w, r, "page.html", info.ModTime(), f)
	})
	for name, h := range map[string]http.Handler{"carafe": app, "ServeContent": alone} {
		b.Run(name, func(b *testing.B) {
			server := httptest.NewServer(h)
			defer server.Close()
			client := server.Client()
			b.ReportAllocs()
			for b.Loop() {
				resp, err := client.Get(server.URL + "/static/page.html")
				if err != nil {
					b.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
		})
	}
}
