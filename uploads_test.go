package carafe_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/carafeweb/carafe"
)

// hushed is an app that logs nothing.
func hushed(opts ...carafe.AppOption) *carafe.App {
	app := carafe.New("test", opts...)
	app.Logger = slog.New(slog.DiscardHandler)
	return app
}

// multipartBody is a form of files, given as name, filename and content.
func multipartBody(t *testing.T, files ...[3]string) (body *bytes.Buffer, typ string) {
	t.Helper()
	body = &bytes.Buffer{}
	w := multipart.NewWriter(body)
	for _, f := range files {
		part, err := w.CreateFormFile(f[0], f[1])
		if err == nil {
			_, err = io.WriteString(part, f[2])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return body, w.FormDataContentType()
}

func post(h http.Handler, target, typ string, body io.Reader) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", target, body)
	r.Header.Set("Content-Type", typ)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestUploadsAreKeptUntilTheRequestEnds(t *testing.T) {
	large := strings.Repeat("0123456789", 200_000)
	spool := t.TempDir()
	var kept *carafe.Upload
	app := hushed()
	app.Config.UploadDir = spool
	app.Post("/", func(c *carafe.Context) (string, error) {
		files, err := c.Request.Files()
		if err != nil {
			return "", err
		}
		var out strings.Builder
		for name, f := range files.All() {
			data, err := f.Bytes()
			if err != nil {
				return "", err
			}
			fmt.Fprintf(&out, "%s=%s:%d:%t;", name, f.Filename, len(data), string(data) == large || f.Size() == 5 && string(data) == "small")
		}
		kept = files.Get("b")
		if left, _ := os.ReadDir(spool); runtime.GOOS != "windows" && len(left) != 0 {
			return "", errors.New("the spool has a name that outlives a crash")
		}
		return out.String(), nil
	})
	body, typ := multipartBody(t, [3]string{"a", "a.txt", "small"}, [3]string{"b", "b.bin", large}, [3]string{"b", "c.bin", large})
	w := post(app, "/", typ, body)
	if want := "a=a.txt:5:true;b=b.bin:2000000:true;b=c.bin:2000000:true;"; w.Body.String() != want {
		t.Fatalf("the view read %q, want %q", w.Body.String(), want)
	}
	if _, err := kept.Bytes(); err == nil {
		t.Error("an upload can be read after its request")
	}
	if left, _ := os.ReadDir(spool); len(left) != 0 {
		t.Errorf("%d files are left of the uploads", len(left))
	}
}

func TestSavingUploads(t *testing.T) {
	dir := t.TempDir()
	app := hushed()
	app.Post("/", func(c *carafe.Context) (string, error) {
		f, err := c.Request.RequireFile("f")
		if err != nil {
			return "", err
		}
		root, err := os.OpenRoot(dir)
		if err != nil {
			return "", err
		}
		defer root.Close()
		name := carafe.SecureFilename(f.Filename)
		if err := f.SaveTo(root, "../"+name); err == nil {
			return "", errors.New("SaveTo left its root")
		}
		return name, errors.Join(f.Save(filepath.Join(dir, name)), f.SaveTo(root, "two-"+name))
	})
	body, typ := multipartBody(t, [3]string{"f", "../../My file.txt", "text"})
	if w := post(app, "/", typ, body); w.Body.String() != "My_file.txt" {
		t.Fatalf("answer %d %q", w.Code, w.Body.String())
	}
	for _, name := range []string{"My_file.txt", "two-My_file.txt"} {
		if data, err := os.ReadFile(filepath.Join(dir, name)); string(data) != "text" {
			t.Errorf("%s holds %q, error %v", name, data, err)
		}
	}
}

func TestPartsAreStreamed(t *testing.T) {
	app := hushed()
	app.Post("/", func(c *carafe.Context) (string, error) {
		var out strings.Builder
		for part, err := range c.Request.Parts() {
			if err != nil {
				return "", err
			}
			data, err := io.ReadAll(part)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(&out, "%s/%s=%s;", part.Name, part.Filename, data)
		}
		form, err := c.Request.Forms()
		return fmt.Sprintf("%s%d", out.String(), form.Len()), err
	})
	body, typ := multipartBody(t, [3]string{"a", "1", "one"}, [3]string{"b", "2", "two"})
	if got := post(app, "/", typ, body).Body.String(); got != "a/1=one;b/2=two;0" {
		t.Errorf("the view read %q", got)
	}
	if got := post(app, "/", "text/plain", strings.NewReader("x")).Code; got != 415 {
		t.Errorf("a body that is no multipart: %d, want 415", got)
	}
	if got := post(app, "/", typ, strings.NewReader("--broken")).Code; got != 400 {
		t.Errorf("a malformed body: %d, want 400", got)
	}
}

func TestBodyLimits(t *testing.T) {
	read := map[string]func(c *carafe.Context) error{
		"data":   func(c *carafe.Context) error { _, err := c.Request.Data(); return err },
		"form":   func(c *carafe.Context) error { _, err := c.Request.Forms(); return err },
		"json":   func(c *carafe.Context) error { _, err := c.Request.JSONValue(carafe.ForceJSON); return err },
		"stream": func(c *carafe.Context) error { _, err := io.Copy(io.Discard, c.Request.Stream()); return err },
		"raise": func(c *carafe.Context) error {
			c.Request.SetMaxContentLength(1 << 20)
			_, err := c.Request.Data()
			return err
		},
		"lower": func(c *carafe.Context) error {
			c.Request.SetMaxFormMemorySize(10)
			c.Request.SetMaxFormParts(1)
			_, err := c.Request.Forms()
			return err
		},
	}
	app := hushed()
	app.Config.MaxContentLength, app.Config.MaxFormMemorySize, app.Config.MaxFormParts = 1000, 200, 3
	app.Post("/<how>", func(c *carafe.Context, how string) (string, error) { return "ok", read[how](c) })
	server := httptest.NewServer(app)
	defer server.Close()
	field := func(n, size int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "--B\r\nContent-Disposition: form-data; name=\"f%d\"\r\n\r\n%s\r\n", i, strings.Repeat("x", size))
		}
		return b.String() + "--B--\r\n"
	}
	const form, parts = "application/x-www-form-urlencoded", "multipart/form-data; boundary=B"
	tests := []struct {
		name, how, typ, body string
		status               int
	}{
		{"a body at the limit", "data", "text/plain", strings.Repeat("x", 1000), 200},
		{"a body above it", "data", "text/plain", strings.Repeat("x", 1001), 413},
		{"a stream above it", "stream", "text/plain", strings.Repeat("x", 1001), 413},
		{"JSON above it", "json", "application/json", `"` + strings.Repeat("x", 1000) + `"`, 413},
		{"a view may raise the limit", "raise", "text/plain", strings.Repeat("x", 100_000), 200},
		{"an urlencoded form at the limit of fields", "form", form, "a=" + strings.Repeat("x", 198), 200},
		{"an urlencoded form above it", "form", form, "a=" + strings.Repeat("x", 199), 413},
		{"a field at the limit", "form", parts, field(1, 200), 200},
		{"a field above it", "form", parts, field(1, 201), 413},
		{"as many parts as may be", "form", parts, field(3, 1), 200},
		{"one part too many", "form", parts, field(4, 1), 413},
		{"a view may lower the limits of a form", "lower", parts, field(2, 1), 413},
		{"a view may lower the limit of a field", "lower", parts, field(1, 11), 413},
		{"a form that is not UTF-8", "form", form, "a=\xff", 400},
		{"multipart without an end", "form", parts, strings.TrimSuffix(field(1, 1), "--B--\r\n"), 400},
		{"multipart without a boundary", "form", "multipart/form-data", field(1, 1), 400},
	}
	for _, chunked := range []bool{false, true} {
		for _, tt := range tests {
			t.Run(fmt.Sprintf("%s, chunked %t", tt.name, chunked), func(t *testing.T) {
				var body io.Reader = strings.NewReader(tt.body)
				if chunked {
					body = io.MultiReader(body)
				}
				resp, err := http.Post(server.URL+"/"+tt.how, tt.typ, body)
				if err != nil {
					t.Fatal(err)
				}
				_ = resp.Body.Close()
				if resp.StatusCode != tt.status {
					t.Errorf("status %d, want %d", resp.StatusCode, tt.status)
				}
			})
		}
	}
}

// hostileBody makes a body of a given size without storing it: unit again and again between head and tail.
type hostileBody struct {
	head, unit, tail string
	left             int64
	at               int // in unit
}

func (h *hostileBody) Read(p []byte) (n int, err error) {
	for n < len(p) {
		switch {
		case h.head != "":
			k := copy(p[n:], h.head)
			h.head, n = h.head[k:], n+k
		case h.left > 0:
			k := copy(p[n:], h.unit[h.at:])
			h.at, h.left, n = (h.at+k)%len(h.unit), h.left-int64(k), n+k
		case h.tail != "":
			k := copy(p[n:], h.tail)
			h.tail, n = h.tail[k:], n+k
		default:
			return n, io.EOF
		}
	}
	return n, nil
}

func TestAGigabyteOfHostileBodyTakes64Megabytes(t *testing.T) {
	if testing.Short() {
		t.Log("the short form reads 64 MB")
	}
	size := int64(1 << 30)
	if testing.Short() {
		size = 64 << 20
	}
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(64 << 20))
	const file = "--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f\"\r\n\r\n"
	views := map[string]func(c *carafe.Context) error{
		"parts": func(c *carafe.Context) error {
			for p, err := range c.Request.Parts() {
				if err != nil {
					return err
				}
				if _, err := io.Copy(io.Discard, p); err != nil {
					return err
				}
			}
			return nil
		},
		"form": func(c *carafe.Context) error { _, err := c.Request.Forms(); return err },
		"data": func(c *carafe.Context) error { _, err := c.Request.Data(); return err },
	}
	app := hushed()
	app.Config.UploadDir = t.TempDir()
	app.Post("/<how>", func(c *carafe.Context, how string) (string, error) {
		if how != "data" {
			c.Request.SetMaxContentLength(-1)
		}
		return "ok", views[how](c)
	})
	tests := []struct {
		name, how, typ, head, unit, tail string
		status                           int
	}{
		{"a file of near-boundaries, streamed", "parts", "multipart/form-data; boundary=B", file, strings.Repeat("\r\n--", 256), "\r\n--B--\r\n", 200},
		{"a file without a line break, streamed", "parts", "multipart/form-data; boundary=B", file, strings.Repeat("x", 1024), "\r\n--B--\r\n", 200},
		{"a field", "form", "multipart/form-data; boundary=B", strings.Replace(file, `; filename="f"`, "", 1), strings.Repeat("x", 1024), "\r\n--B--\r\n", 413},
		{"the header of a part", "form", "multipart/form-data; boundary=B", "--B\r\n", "X: " + strings.Repeat("x", 1019) + "\r\n", "", 413},
		{"parts", "form", "multipart/form-data; boundary=B", "", file + "x\r\n", "--B--\r\n", 413},
		{"the preamble", "form", "multipart/form-data; boundary=B", "", strings.Repeat("-", 1024), "", 400},
		{"an urlencoded form", "form", "application/x-www-form-urlencoded", "", strings.Repeat("a=1&", 256), "", 413},
		{"a raw body", "data", "text/plain", "", strings.Repeat("x", 1024), "", 413},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			peak := watchHeap(t)
			w := post(app, "/"+tt.how, tt.typ, io.MultiReader(&hostileBody{head: tt.head, unit: tt.unit, tail: tt.tail, left: size}))
			if w.Code != tt.status {
				t.Errorf("status %d %.200q, want %d", w.Code, w.Body.String(), tt.status)
			}
			limit := uint64(64 << 20)
			if poolsLeak { // the race detector has shadows and pools that forget
				limit *= 2
			}
			if most := peak(); most > limit {
				t.Errorf("the heap grew to %d MB", most>>20)
			}
		})
	}
}

// watchHeap samples the heap until what it returns is called, which gives the most that it was.
func watchHeap(t *testing.T) func() uint64 {
	t.Helper()
	var most atomic.Uint64
	stop, done := make(chan struct{}), make(chan struct{})
	sample := func() {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		most.Store(max(most.Load(), m.HeapAlloc))
	}
	go func() {
		defer close(done)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				sample()
			}
		}
	}()
	return func() uint64 {
		close(stop)
		<-done
		sample()
		return most.Load()
	}
}
