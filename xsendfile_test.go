package carafe_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/carafeweb/carafe"
)

// xSendfileApp sends one file in every way there is.
func xSendfileApp(t *testing.T, use bool) (app *carafe.App, dir string) {
	t.Helper()
	dir = siteFolder(t)
	app = carafe.New("site", carafe.RootPath(dir))
	app.Config.UseXSendfile = use
	app.Get("/send", func() any { return carafe.SendFile("static/index.html") })
	app.Get("/asked", func() any { return carafe.SendFile("static/index.html", carafe.XSendfile(true)) })
	app.Get("/refused", func() any { return carafe.SendFile("static/index.html", carafe.XSendfile(false)) })
	app.Get("/below/<path:name>", func(name string) any { return carafe.SendFromDirectory("static", name) })
	app.Get("/fs", func() any { return carafe.SendFromFS(os.DirFS(dir), "static/index.html") })
	app.Get("/reader", func() any {
		return carafe.SendReader(strings.NewReader("<h1>Hello World!</h1>"), carafe.DownloadName("index.html"))
	})
	app.Get("/newline", func() any { return carafe.SendFile("static/a\nb.txt", carafe.DownloadName("a.txt")) })
	app.Get("/plain", func() any { return carafe.SendFile("static/index.html", carafe.Conditional(false)) })
	return app, dir
}

func TestFilesAreLeftToAServerThatIsSetUpForIt(t *testing.T) {
	const hello = "<h1>Hello World!</h1>"
	for _, tt := range []struct {
		name, path string
		use, named bool
	}{
		{"SendFile with the setting", "/send", true, true},
		{"SendFile without it", "/send", false, false},
		{"the option without the setting", "/asked", false, true},
		{"the option against the setting", "/refused", true, false},
		{"SendFromDirectory", "/below/index.html", true, true},
		{"a static file", "/static/index.html", true, true},
		{"a file without conditions", "/plain", true, true},
		{"a file of an fs.FS has no name outside of it", "/fs", true, false},
		{"a reader has no name", "/reader", true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			app, dir := xSendfileApp(t, tt.use)
			w := fetch(app, tt.path)
			name, body, length := "", hello, "21"
			if tt.named {
				name, body, length = filepath.Join(dir, "static/index.html"), "", "0"
			}
			if w.Code != 200 || w.Header().Get("X-Sendfile") != name || w.Body.String() != body || w.Header().Get("Content-Length") != length {
				t.Errorf("%d, X-Sendfile %q, Content-Length %s, %q; want 200, %q, %s, %q", w.Code, w.Header().Get("X-Sendfile"),
					w.Header().Get("Content-Length"), w.Body, name, length, body)
			}
			if got := w.Header().Get("Content-Type"); got != "text/html; charset=utf-8" {
				t.Errorf("Content-Type %q", got)
			}
		})
	}
}

func TestConditionsOfFilesThatAreLeftToTheServer(t *testing.T) {
	app, _ := xSendfileApp(t, true)
	first := fetch(app, "/send").Header()
	if first.Get("ETag") == "" || first.Get("Last-Modified") == "" || first.Get("Accept-Ranges") != "bytes" {
		t.Fatalf("the file is described by %v", first)
	}
	for _, tt := range []struct {
		name, header, value string
		status              int
		named               bool
	}{
		{"what the client has is a 304, and no server sends it", "If-None-Match", first.Get("ETag"), 304, false},
		{"what it may not change is a 412", "If-Match", `"other"`, 412, false},
		{"a range is the server's to serve", "Range", "bytes=1-2", 200, true},
		{"one that cannot be too", "Range", "bytes=100-", 200, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := fetch(app, "/send", tt.header, tt.value)
			if named := w.Header().Get("X-Sendfile") != ""; w.Code != tt.status || named != tt.named || w.Header().Get("Content-Range") != "" {
				t.Errorf("%d %v, want %d and named %v", w.Code, w.Header(), tt.status, tt.named)
			}
		})
	}
}

func TestAFileThatIsNotThereIsNotLeftToTheServer(t *testing.T) {
	app, dir := xSendfileApp(t, true)
	for _, path := range []string{"/below/none.txt", "/below/link.txt", "/below/fifo", "/static/link.txt", "/static/.env"} {
		if w := fetch(app, path); w.Code != 404 || w.Header().Get("X-Sendfile") != "" {
			t.Errorf("GET %s: %d, X-Sendfile %q, want a 404 alone", path, w.Code, w.Header().Get("X-Sendfile"))
		}
	}
	must(t, os.WriteFile(filepath.Join(dir, "static/a\nb.txt"), nil, 0o600))
	if w := fetch(app, "/newline"); w.Code != 500 || w.Header().Get("X-Sendfile") != "" {
		t.Errorf("a name that no header can have: %d %v, want a 500", w.Code, w.Header())
	}
}

// The server in front reads the answer as any other: what is promised is what comes, and the connection goes on.
func TestAnAnswerThatNamesAFileKeepsTheConnection(t *testing.T) {
	app, _ := xSendfileApp(t, true)
	server := httptest.NewServer(app)
	defer server.Close()
	client := &http.Client{Timeout: 10 * time.Second}
	for range 2 {
		resp, err := client.Get(server.URL + "/send")
		must(t, err)
		body, err := io.ReadAll(resp.Body)
		must(t, err)
		must(t, resp.Body.Close())
		if len(body) != 0 || resp.ContentLength != 0 || resp.Close {
			t.Errorf("%d bytes of %d, close %v, want nothing on a connection that goes on", len(body), resp.ContentLength, resp.Close)
		}
	}
}
