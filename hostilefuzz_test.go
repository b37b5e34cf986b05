package carafe_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/wire"
)

// FuzzStaticPath: what a static folder answers to any path is a file of it, at its one URL, or nothing.
func FuzzStaticPath(f *testing.F) {
	for _, s := range []string{"a.txt", "sub/b.txt", "../secret", "..%2fsecret", "sub/../a.txt", "./a.txt", "a.txt/", "//a.txt", ".env", "link", "a.txt\x00", "\xff", "a.txt;x", `sub\b.txt`} {
		f.Add(s)
	}
	top := f.TempDir()
	for name, text := range map[string]string{"root/a.txt": "FILE a.txt", "root/sub/b.txt": "FILE sub/b.txt", "root/.env": "SECRET", "secret": "SECRET"} {
		full := filepath.Join(top, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			f.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o600); err != nil {
			f.Fatal(err)
		}
	}
	_ = os.Symlink("../secret", filepath.Join(top, "root", "link"))
	app := quiet(carafe.Static{Dir: filepath.Join(top, "root"), Path: "/static"})
	f.Fuzz(func(t *testing.T, name string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.URL = &url.URL{Path: "/static/" + name}
		w := httptest.NewRecorder()
		app.ServeHTTP(w, r)
		switch body := w.Body.String(); {
		case w.Code == 200 && body != "FILE "+name:
			t.Errorf("/static/%q is answered with %q", name, body)
		case w.Code >= 500 || strings.Contains(body, "SECRET"):
			t.Errorf("/static/%q = %d %q", name, w.Code, body)
		}
	})
}

// FuzzTemplateName: a name finds a template of the folder, or none.
func FuzzTemplateName(f *testing.F) {
	for _, s := range []string{"page.html", "sub/page.html", "../secret", "./page.html", "/page.html", "sub/../page.html", "page.html\x00", "", ".", `..\secret`, "{{ x }}"} {
		f.Add(s)
	}
	top := f.TempDir()
	for name, text := range map[string]string{"templates/page.html": "PAGE", "templates/sub/page.html": "PAGE", "secret": "SECRET"} {
		full := filepath.Join(top, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			f.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o600); err != nil {
			f.Fatal(err)
		}
	}
	app := quiet(carafe.Templates{Dir: filepath.Join(top, "templates")})
	f.Fuzz(func(t *testing.T, name string) {
		text, err := app.Render(t.Context(), name, nil)
		if err == nil && text != "PAGE" {
			t.Errorf("template %q is %q", name, text)
		}
		if err == nil && path.Base(name) != "page.html" {
			t.Errorf("a template is found by the name %q", name)
		}
	})
}

// FuzzFormPairs: urlencoded text is read in linear time and memory, as text; what url.ParseQuery takes too reads alike.
func FuzzFormPairs(f *testing.F) {
	for _, s := range []string{"a=1&b=2", "a", "=", "&&", "%zz", "a=%ff", "+", "a=b=c", "%", "%4", "a;b", "é=é"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ours := url.Values{}
		n := 0
		for name, value := range wire.FormPairs(text) {
			n++
			if !utf8.ValidString(name) || !utf8.ValidString(value) {
				t.Errorf("%q has the pair %q=%q, which is no text", text, name, value)
			}
			ours.Add(name, value)
		}
		if n > strings.Count(text, "&")+1 {
			t.Errorf("%q has %d pairs", text, n)
		}
		theirs, err := url.ParseQuery(text)
		if err != nil {
			return
		}
		for name, values := range theirs {
			if utf8.ValidString(name) && utf8.ValidString(strings.Join(values, "")) && len(ours[name]) < len(values) {
				t.Errorf("%q: %q is %q, and net/url has %q", text, name, ours[name], values)
			}
		}
	})
}

// FuzzRedirectTarget: what is taken for safe stays where it is, by net/url's reading and after the changes that browsers make.
func FuzzRedirectTarget(f *testing.F) {
	for _, s := range []string{"/x", "//evil.test", `/\evil.test`, "http:evil.test", "http://good.test/x", "///evil", "\t//evil.test", "javascript:1", "http://good.test@evil.test", "x:y", "\n0", "0\r"} {
		f.Add(s)
	}
	base := &url.URL{Scheme: "http", Host: "good.test", Path: "/dir/page"}
	f.Fuzz(func(t *testing.T, target string) {
		if !carafe.SafeRedirect(target, "good.test") {
			return
		}
		for _, s := range []string{strings.TrimSpace(target), strings.ReplaceAll(strings.TrimSpace(target), `\`, "/")} {
			u, err := base.Parse(s)
			if err != nil || !strings.EqualFold(u.Host, "good.test") || u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
				t.Errorf("%q is taken for safe, and leads to %v, %v", target, u, err)
			}
		}
		resp := carafe.Redirect(target)
		if strings.ContainsAny(resp.Header.Get("Location"), "\r\n\x00") {
			t.Errorf("Location is %q", resp.Header.Get("Location"))
		}
	})
}

// FuzzURLValues: a URL built with any value is one line, stays on the host, and leads back to the value.
func FuzzURLValues(f *testing.F) {
	for _, s := range []string{"x", "//evil", "a/../..", "\r\n", "?q#f", "\x00", "é", "%2f", ".", ".."} {
		f.Add(s)
	}
	app := quiet()
	app.Config.ServerName = "good.test"
	app.Get("/name/<name>", func(name string) *carafe.Response { return carafe.Text(name) }, carafe.Endpoint("name"))
	f.Fuzz(func(t *testing.T, value string) {
		built, err := app.URLFor("name", "name", value, "other", value)
		if err != nil {
			return
		}
		u, err := url.Parse(built)
		if err != nil || u.Host != "good.test" || strings.ContainsAny(built, "\r\n\x00 ") || !strings.HasPrefix(u.Path, "/name/") {
			t.Fatalf("with %q the URL is %q, %v", value, built, err)
		}
		if !utf8.ValidString(value) || strings.Contains(value, "/") || value == "" {
			return
		}
		w := httptest.NewRecorder()
		app.ServeHTTP(w, httptest.NewRequest(http.MethodGet, built, nil))
		if w.Code == 200 && w.Body.String() != value || w.Code >= 500 {
			t.Errorf("%q leads to %d %q, want %q", built, w.Code, w.Body.String(), value)
		}
	})
}
