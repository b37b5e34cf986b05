package carafe_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carafeweb/carafe"
)

func TestWhatAViewMayReturn(t *testing.T) {
	xfoo := http.Header{"X-Foo": {"Bar"}}
	tests := []struct {
		name   string
		value  any
		status int
		typ    string
		xfoo   string
		body   string
	}{
		{"text", "Hällo", 200, "text/html; charset=utf-8", "", "Hällo"},
		{"bytes", []byte("bytes"), 200, "text/html; charset=utf-8", "", "bytes"},
		{"body, status and headers", carafe.Reply("x", 400, http.Header{"X-Foo": {"Bar"}, "Content-Type": {"text/plain"}}), 400, "text/plain", "Bar", "x"},
		{"body and headers", carafe.Reply("x", xfoo), 200, "text/html; charset=utf-8", "Bar", "x"},
		{"body and status", carafe.Reply("x", 201), 201, "text/html; charset=utf-8", "", "x"},
		{"a response with headers replaced", carafe.Reply(replyWithHeader("X-Foo", "Baz"), xfoo), 200, "text/plain; charset=utf-8", "Bar", "r"},
		{"a response with its status overridden", carafe.Reply(carafe.Text("r"), 500), 500, "text/plain; charset=utf-8", "", "r"},
		{"a map", carafe.Reply(map[string]int{"a": 1}, 201), 201, "application/json", "", "{\"a\":1}\n"},
		{"a list", carafe.Reply([]string{"a"}, 201), 201, "application/json", "", "[\"a\"]\n"},
		{"an iterator", iter.Seq[string](func(yield func(string) bool) { _ = yield("He") && yield("llo") }), 200, "text/html; charset=utf-8", "", "Hello"},
		{"JSON of a number", carafe.JSON(3.14), 200, "application/json", "", "3.14\n"},
		{"JSON of null", carafe.JSON(nil), 200, "application/json", "", "null\n"},
		{"JSON of a decimal is text", carafe.JSON(big.NewFloat(0.5)), 200, "application/json", "", "\"0.5\"\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			app := hushed()
			app.Get("/", func() any { return tt.value })
			w := fetch(app, "/")
			if w.Code != tt.status || w.Header().Get("Content-Type") != tt.typ || w.Header().Get("X-Foo") != tt.xfoo || len(w.Header()["X-Foo"]) > 1 || w.Body.String() != tt.body {
				t.Errorf("%d %v %q, want %d %s X-Foo %q %q", w.Code, w.Header(), w.Body.String(), tt.status, tt.typ, tt.xfoo, tt.body)
			}
		})
	}
}

func replyWithHeader(name, value string) *carafe.Response {
	resp := carafe.Text("r")
	resp.Header.Set(name, value)
	return resp
}

func TestWhatAViewMayNotReturn(t *testing.T) {
	for value, told := range map[any]string{nil: "returned nil", true: "returned a bool", 7: "returned a int"} {
		app := hushed()
		app.Get("/", func() any { return value }, carafe.Endpoint("from_none"))
		_, err := app.MakeResponse(nil, value)
		if err == nil || !strings.Contains(err.Error(), strings.TrimPrefix(told, "returned ")) {
			t.Errorf("MakeResponse(%v): error %v", value, err)
		}
		if w := fetch(app, "/"); w.Code != 500 {
			t.Errorf("a view that returned %v: %d", value, w.Code)
		}
	}
	if _, err := carafe.New("x").MakeResponse(nil, "a", 200, http.Header{}, "more"); err == nil || !strings.Contains(err.Error(), "must have the form") {
		t.Errorf("four parts: error %v", err)
	}
}

func TestMakeResponseByHand(t *testing.T) {
	app := carafe.New("hand")
	check := func(what string, status int, typ, body string, values ...any) *carafe.Response {
		t.Helper()
		resp, err := app.MakeResponse(nil, values...)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		w := httptest.NewRecorder()
		one := hushed()
		one.Get("/", func() *carafe.Response { return resp })
		one.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if w.Code != status || w.Header().Get("Content-Type") != typ || w.Body.String() != body {
			t.Errorf("%s: %d %q %q, want %d %q %q", what, w.Code, w.Header().Get("Content-Type"), w.Body.String(), status, typ, body)
		}
		return resp
	}
	const html = "text/html; charset=utf-8"
	check("nothing", 200, html, "")
	check("a text", 200, html, "Awesome", "Awesome")
	check("a text and a status", 404, html, "W00t", "W00t", 404)
	ready := carafe.JSON(map[string]string{"msg": "W00t"})
	resp := check("a response, a status and headers", 400, "application/json", "{\"msg\":\"W00t\"}\n", ready, 400, [][2]string{{"X-Foo", "bar"}})
	if resp != ready || resp.Header.Get("X-Foo") != "bar" {
		t.Errorf("the response is another, or lacks its header: %v", resp.Header)
	}
}

// upperJSON is a provider of one's own.
type upperJSON struct{}

func (upperJSON) Marshal(v any) ([]byte, error) { return []byte(fmt.Sprintf("<%v>", v)), nil }
func (upperJSON) Unmarshal(data []byte, dst any) error {
	return json.Unmarshal([]byte(strings.ToUpper(string(data))), dst)
}

func TestAProviderOfOnesOwnReadsAndWrites(t *testing.T) {
	app := hushed()
	app.JSON = upperJSON{}
	app.Post("/", func(c *carafe.Context) (any, error) {
		v, err := c.Request.JSONValue()
		return carafe.JSON(v), err
	})
	if got := post(app, "/", "application/json", strings.NewReader(`{"a": "b"}`)).Body.String(); got != "<map[A:B]>" {
		t.Errorf("it answers %q", got)
	}
}

// closing counts how often it is closed.
type closing struct {
	io.Reader
	closed int
}

func (c *closing) Close() error { c.closed++; return nil }

func TestAStreamedReaderIsClosedOnce(t *testing.T) {
	for _, method := range []string{"GET", "HEAD"} {
		body := &closing{Reader: strings.NewReader("Hello World!")}
		app := hushed()
		app.Get("/", func() io.Reader { return body })
		w := httptest.NewRecorder()
		app.ServeHTTP(w, httptest.NewRequest(method, "/", nil))
		if body.closed != 1 || method == "GET" && w.Body.String() != "Hello World!" {
			t.Errorf("%s: closed %d times, body %q", method, body.closed, w.Body.String())
		}
	}
}

func TestAStreamReadsTheSession(t *testing.T) {
	app := hushed()
	app.Config.SecretKey = "secret"
	app.Get("/", func(c *carafe.Context) any {
		c.Session().Set("name", "flask")
		return carafe.Stream(func(yield func([]byte) bool) {
			name, _ := c.Session().Get("name").(string)
			yield([]byte(name))
		})
	})
	if got := fetch(app, "/").Body.String(); got != "flask" {
		t.Errorf("the stream is %q", got)
	}
}

func TestSendFileAndResources(t *testing.T) {
	dir := siteFolder(t)
	app := hushed(carafe.RootPath(dir))
	app.Get("/", func() any { return carafe.SendFile("static/index.html") })
	w := fetch(app, "/")
	if w.Body.String() != "<h1>Hello World!</h1>" || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("%q as %q", w.Body.String(), w.Header().Get("Content-Type"))
	}
	f, err := app.OpenResource("static/index.html")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if data, _ := io.ReadAll(f); string(data) != "<h1>Hello World!</h1>" {
		t.Errorf("the resource is %q", data)
	}
	for _, name := range []string{"../" + filepath.Base(dir) + "/secret.txt", "/etc/passwd", ""} {
		if f, err := app.OpenResource(name); err == nil {
			t.Errorf("the resource %q was opened", name)
			_ = f.Close()
		}
	}
}

func TestRedirectAndAbortNeedNoApp(t *testing.T) {
	if resp := carafe.Redirect("https://localhost", 307); resp.Status != 307 || resp.Header.Get("Location") != "https://localhost" {
		t.Errorf("%d %v", resp.Status, resp.Header)
	}
	var he *carafe.HTTPError
	if err := carafe.Abort(401); !errors.As(err, &he) || he.Code != 401 {
		t.Errorf("Abort(401) is %v", err)
	}
	if err := carafe.Abort(900); errors.As(err, &he) && he.Code == 900 || err == nil {
		t.Errorf("Abort(900) is %v", err)
	}
}

// folder is a blueprint that has nothing but static files.
type folder struct{ st carafe.Static }

func (f folder) Register(r *carafe.Registrar, _ []carafe.BlueprintOption) error {
	if _, err := r.Claim("admin", f); err != nil {
		return err
	}
	return r.AddStatic(carafe.Site{}, "admin", "/admin", f.st, carafe.RouteSettings{})
}

func TestABlueprintHasStaticFilesOfItsOwn(t *testing.T) {
	dir := t.TempDir()
	if err := errors.Join(os.MkdirAll(filepath.Join(dir, "files/css"), 0o755), os.WriteFile(filepath.Join(dir, "files/css/test.css"), []byte("/* nested file */"), 0o644)); err != nil {
		t.Fatal(err)
	}
	app := hushed(carafe.RootPath(dir))
	app.Config.SendFileMaxAge = 3600e9
	app.RegisterBlueprint(folder{carafe.Static{Dir: "files", Path: "/static"}})
	app.Get("/url", func(c *carafe.Context) string { return c.URLFor("admin.static", "filename", "css/test.css") })
	w := fetch(app, "/admin/static/css/test.css")
	if w.Body.String() != "/* nested file */" || w.Header().Get("Cache-Control") != "public, max-age=3600" {
		t.Errorf("%d %q %v", w.Code, w.Body.String(), w.Header())
	}
	if got := fetch(app, "/url").Body.String(); got != "/admin/static/css/test.css" {
		t.Errorf("the URL is %q", got)
	}
}
