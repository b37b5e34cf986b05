package carafe_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/carafeweb/carafe"
)

// TestAStaticFileIsTheSameWhoeverLooks compares files that go to the wire at once with those that an after function could see.
func TestAStaticFileIsTheSameWhoeverLooks(t *testing.T) {
	dir := siteFolder(t)
	now := time.Unix(1_800_000_000, 0)
	for name, set := range map[string]func(*carafe.App){
		"as it comes":     func(*carafe.App) {},
		"with a max-age":  func(a *carafe.App) { a.Config.SendFileMaxAge = time.Hour },
		"left to servers": func(a *carafe.App) { a.Config.UseXSendfile = true },
		"asked for each file": func(a *carafe.App) {
			a.FileMaxAge = func(name string) (time.Duration, bool) { return time.Minute, filepath.Ext(name) == ".html" }
		},
	} {
		build := func(seen bool) http.Handler {
			app := carafe.New("site", carafe.RootPath(dir))
			app.Clock = func() time.Time { return now }
			set(app)
			if seen {
				app.AfterRequest(func(_ *carafe.Context, resp *carafe.Response) (*carafe.Response, error) { return resp, nil })
			}
			app.Use(func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Cache-Control", "private")
					w.Header().Set("X-Outer", "yes")
					next.ServeHTTP(w, r)
					w.Header()["Etag"][0] = `"changed"` // what is sent is another's memory
				})
			})
			return app
		}
		direct, seen := build(false), build(true)
		for _, path := range []string{"/static/index.html", "/static/app.js", "/static/index.html?v=1"} {
			for _, method := range []string{"GET", "GET", "HEAD", "GET"} { // the first one has the headers made
				answers := make([]string, 2)
				for i, h := range []http.Handler{direct, seen} {
					w := httptest.NewRecorder()
					h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
					answers[i] = fmt.Sprint(w.Code, w.Result().Header, w.Body)
				}
				if answers[0] != answers[1] {
					t.Errorf("%s, %s %s: unseen\n%s\nseen\n%s", name, method, path, answers[0], answers[1])
				}
			}
		}
	}
}

func TestAStaticFileIsReadAnewWhenItChanges(t *testing.T) {
	dir := siteFolder(t)
	app := carafe.New("site", carafe.RootPath(dir))
	for _, text := range []string{"one", "three", "two"} {
		must(t, os.WriteFile(filepath.Join(dir, "static/index.html"), []byte(text), 0o600))
		for range 2 {
			w := fetch(app, "/static/index.html")
			if w.Body.String() != text || w.Header().Get("Content-Length") != fmt.Sprint(len(text)) {
				t.Errorf("the file is %q, the answer %q of %s bytes", text, w.Body, w.Header().Get("Content-Length"))
			}
		}
	}
}
