package middleware_test

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/carafeweb/carafe/gateway/middleware"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

var long = strings.Repeat("a line of coffee beans\n", 200)

// answer makes a handler that sends these headers ("Name: value") and body.
func answer(status int, body string, headers ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	})
}

// decode undoes a content coding.
func decode(t *testing.T, coding string, body io.Reader) string {
	t.Helper()
	switch coding {
	case "gzip":
		z, err := gzip.NewReader(body)
		if err != nil {
			t.Fatal(err)
		}
		body = z
	case "zstd":
		z, err := zstd.NewReader(body)
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		body = z
	}
	text, err := io.ReadAll(body)
	if err != nil {
		t.Fatalf("the %s body is damaged: %v", coding, err)
	}
	return string(text)
}

func TestCompressDecides(t *testing.T) {
	html := "Content-Type: text/html; charset=utf-8"
	tests := []struct {
		name, accept string
		h            http.Handler
		coding       string // "" is the plain answer
		vary         bool
	}{
		{"zstd comes before gzip", "gzip, deflate, br, zstd", answer(200, long, html), "zstd", true},
		{"gzip if that is all", "gzip", answer(200, long, html), "gzip", true},
		{"a client's weights decide", "gzip;q=1, zstd;q=0.5", answer(200, long, html), "gzip", true},
		{"a star is any", "*", answer(200, long, html), "zstd", true},
		{"a star of weight zero is none", "*;q=0", answer(200, long, html), "", true},
		{"weight zero is no", "gzip;q=0, zstd;q=0", answer(200, long, html), "", true},
		{"who prefers identity gets it", "identity, gzip;q=0.5", answer(200, long, html), "", true},
		{"a weight that is no number is no", "gzip;q=x", answer(200, long, html), "", true},
		{"without the header nothing is done", "", answer(200, long, html), "", true},
		{"a short answer stays", "gzip", answer(200, "short", html), "", true},
		{"a short answer by Content-Length stays", "gzip", answer(200, "short", html, "Content-Length: 5"), "", true},
		{"a long answer by Content-Length is compressed", "gzip", answer(200, long, html, "Content-Length: 4600"), "gzip", true},
		{"an image stays", "gzip", answer(200, long, "Content-Type: image/png"), "", false},
		{"a vector image is text", "gzip", answer(200, long, "Content-Type: image/svg+xml"), "gzip", true},
		{"a type is guessed before it is compressed", "gzip", answer(200, long), "gzip", true},
		{"a guessed archive stays", "gzip", answer(200, "PK\x03\x04"+long), "", false},
		{"what is encoded stays", "gzip", answer(200, long, html, "Content-Encoding: br"), "br", false},
		{"no-transform is kept", "gzip", answer(200, long, html, "Cache-Control: public, No-Transform"), "", false},
		{"a part stays", "gzip", answer(206, long, html, "Content-Range: bytes 0-4599/9999"), "", false},
		{"an error page is compressed like any", "gzip", answer(404, long, html), "gzip", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			plain := get(tt.h, "/").Body.String()
			w := get(middleware.Compress{}.Wrap(middleware.Compress{}.Wrap(tt.h)), "/", header("Accept-Encoding", tt.accept))
			coding := w.Header().Get("Content-Encoding")
			if coding != tt.coding {
				t.Fatalf("Accept-Encoding %q: coding %q, want %q", tt.accept, coding, tt.coding)
			}
			if got := decode(t, coding, w.Body); got != plain {
				t.Errorf("the body is %.40q…, want %.40q…", got, plain)
			}
			if vary := w.Header().Get("Vary") == "Accept-Encoding"; vary != tt.vary {
				t.Errorf("Vary is %q, want Accept-Encoding: %v", w.Header().Values("Vary"), tt.vary)
			}
			if coding != "" && coding != "br" && w.Header().Get("Content-Length") != "" {
				t.Errorf("Content-Length %s of the plain body is left on the %s one", w.Header().Get("Content-Length"), coding)
			}
		})
	}
}

func fileServer(t *testing.T) (*httptest.Server, string) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "beans.txt")
	if err := os.WriteFile(name, []byte(long), 0o600); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(middleware.Compress{}.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Etag", `"v1"`)
		http.ServeFile(w, r, name)
	})))
	t.Cleanup(srv.Close)
	return srv, name
}

// fetch makes a request without the transport's own decompression.
func fetch(t *testing.T, method, url string, headers ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	resp, err := (&http.Transport{DisableCompression: true}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func TestCompressKeepsRangesAndETagsRight(t *testing.T) {
	srv, _ := fileServer(t)
	const gz = "Accept-Encoding: gzip"
	resp, body := fetch(t, "GET", srv.URL, gz)
	if resp.Header.Get("Etag") != `W/"v1"` || resp.Header.Get("Accept-Ranges") != "" || decode(t, "gzip", strings.NewReader(body)) != long {
		t.Errorf("compressed: %v, want the weak ETag and no Accept-Ranges", resp.Header)
	}
	resp, _ = fetch(t, "GET", srv.URL, gz, `If-None-Match: W/"v1"`)
	if resp.StatusCode != 304 || resp.Header.Get("Etag") != `W/"v1"` {
		t.Errorf("asked again with the weak ETag: %d %q, want 304 and the same ETag", resp.StatusCode, resp.Header.Get("Etag"))
	}
	resp, body = fetch(t, "GET", srv.URL, gz, "Range: bytes=2-5")
	if resp.StatusCode != 206 || body != long[2:6] || resp.Header.Get("Content-Encoding") != "" || resp.Header.Get("Etag") != `"v1"` {
		t.Errorf("a range: %d %q %v, want bytes 2-5 of the plain file with the strong ETag", resp.StatusCode, body, resp.Header)
	}
	resp, body = fetch(t, "GET", srv.URL, gz, "Range: bytes=2-5", `If-Range: W/"v1"`)
	if resp.StatusCode != 200 || body != long {
		t.Errorf("a range of the compressed answer: %d %.20q, want the whole plain file: the weak ETag names other bytes", resp.StatusCode, body)
	}
	get, _ := fetch(t, "GET", srv.URL, gz)
	head, _ := fetch(t, "HEAD", srv.URL, gz)
	for _, name := range []string{"Etag", "Content-Encoding", "Vary", "Content-Type"} {
		if get.Header.Get(name) != head.Header.Get(name) {
			t.Errorf("HEAD has %s %q, GET has %q", name, head.Header.Get(name), get.Header.Get(name))
		}
	}
	if head.ContentLength == int64(len(long)) {
		t.Errorf("HEAD promises the plain length %d with Content-Encoding gzip", head.ContentLength)
	}
}

func TestCompressedStreamArrivesWhenItIsFlushed(t *testing.T) {
	for _, coding := range []string{"gzip", "zstd"} {
		t.Run(coding, func(t *testing.T) {
			next := make(chan bool)
			srv := httptest.NewServer(middleware.Compress{}.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream")
				io.WriteString(w, "data: 1\n")
				w.(http.Flusher).Flush()
				<-next
				io.WriteString(w, "data: 2\n")
			})))
			defer srv.Close()
			r, _ := http.NewRequest("GET", srv.URL, nil)
			r.Header.Set("Accept-Encoding", coding)
			resp, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			var plain io.Reader
			if coding == "gzip" {
				plain, err = gzip.NewReader(resp.Body)
			} else {
				plain, err = zstd.NewReader(resp.Body, zstd.WithDecoderConcurrency(1))
			}
			if err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewReader(plain)
			if first, err := lines.ReadString('\n'); first != "data: 1\n" {
				t.Fatalf("before the handler goes on: %q, %v; want the flushed line", first, err)
			}
			close(next)
			if second, _ := lines.ReadString('\n'); second != "data: 2\n" {
				t.Errorf("then: %q, want the second line", second)
			}
		})
	}
}

func TestCompressLeavesABrokenAnswerBroken(t *testing.T) {
	srv := httptest.NewServer(middleware.Compress{}.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		io.WriteString(w, long)
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})))
	defer srv.Close()
	resp, err := http.Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("a cut answer of %d bytes was taken for whole", len(body))
	}
}

// readerFrom tells whether the file reached the server's writer as a file.
type readerFrom struct {
	*httptest.ResponseRecorder
	got io.Reader
}

func (w *readerFrom) ReadFrom(r io.Reader) (int64, error) {
	w.got = r
	return io.Copy(w.ResponseRecorder.Body, r)
}

func TestNoMiddlewareHidesWhatTheWriterCan(t *testing.T) {
	log, _ := logger()
	all := map[string]func(http.Handler) http.Handler{
		"RequestID": middleware.RequestID{}.Wrap, "AccessLog": middleware.AccessLog{Log: log}.Wrap, "Recover": middleware.Recover{Log: log}.Wrap,
		"SecureHeaders": middleware.SecureHeaders{}.Wrap, "CORS": middleware.CORS{Origins: []string{"*"}}.Wrap, "Compress": middleware.Compress{}.Wrap,
		"RateLimit": middleware.RateLimit{Rate: 1}.Wrap, "Timeout": middleware.Timeout{After: time.Minute}.Wrap,
	}
	for name, wrap := range all {
		t.Run(name, func(t *testing.T) {
			w := &readerFrom{ResponseRecorder: httptest.NewRecorder()}
			src := struct{ io.Reader }{bytes.NewReader(make([]byte, 100_000))}
			wrap(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				rw.Header().Set("Content-Type", "video/mp4")
				if _, ok := rw.(http.Flusher); !ok {
					t.Error("http.Flusher is hidden")
				}
				if u, ok := rw.(interface{ Unwrap() http.ResponseWriter }); rw != http.ResponseWriter(w) && (!ok || u.Unwrap() == nil) {
					t.Error("Unwrap is missing")
				}
				if n, err := io.Copy(rw, src); n != 100_000 || err != nil {
					t.Errorf("copied %d bytes, %v", n, err)
				}
			})).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
			if w.got != io.Reader(src) {
				t.Errorf("io.ReaderFrom is hidden: the writer was given %T", w.got)
			}
		})
	}
}
