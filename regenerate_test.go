package carafe_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/carafeweb/carafe"
)

// A request that gives its session another id meets another one that changes or ends it meanwhile.
func TestASessionThatIsGivenAnotherIDMeanwhile(t *testing.T) {
	var app *carafe.App
	ask := func(path, cookie string) (sent, body string) {
		r := httptest.NewRequest("GET", path, nil)
		if cookie != "" {
			r.AddCookie(&http.Cookie{Name: "session", Value: cookie})
		}
		w := httptest.NewRecorder()
		app.ServeHTTP(w, r)
		for _, c := range w.Result().Cookies() {
			if c.Name == "session" {
				sent = c.Value
			}
		}
		return sent, w.Body.String()
	}
	app = quiet()
	app.Config.SecretKey = "regenerate"
	app.Sessions = &carafe.ServerSessions{Store: &carafe.MemoryStore{}}
	app.Get("/login", func(c *carafe.Context) string { c.Session().Set("user", "al"); return "" }, carafe.Endpoint("login"))
	app.Get("/logout", func(c *carafe.Context) string { c.Session().Clear(); return "" }, carafe.Endpoint("logout"))
	app.Get("/cart", func(c *carafe.Context) string { c.Session().Set("cart", 2); return "" }, carafe.Endpoint("cart"))
	app.Get("/renew", func(c *carafe.Context) string { c.Session().Regenerate(); return "" }, carafe.Endpoint("renew"))
	app.Get("/show", func(c *carafe.Context) string { return fmt.Sprint(c.Session().Values()) }, carafe.Endpoint("show"))
	app.Get("/meanwhile/<path:other>", func(c *carafe.Context, other string) string {
		c.Session().Regenerate()
		r, _ := c.Request.RequireCookie("session")
		ask("/"+other, r)
		return ""
	}, carafe.Endpoint("meanwhile"))
	for _, tt := range []struct{ other, want string }{
		{"show", "map[user:al]"},
		{"cart", "map[cart:2 user:al]"},
		{"logout", ""},
		{"renew", ""},
	} {
		old, _ := ask("/login", "")
		renewed, _ := ask("/meanwhile/"+tt.other, old)
		if tt.want == "" {
			if renewed != "" {
				t.Errorf("after /%s meanwhile the session is there again, under another id", tt.other)
			}
			continue
		}
		if _, shows := ask("/show", renewed); shows != tt.want || renewed == old || renewed == "" {
			t.Errorf("after /%s meanwhile the new id %q has %s, want %s", tt.other, renewed, shows, tt.want)
		}
		if _, shows := ask("/show", old); shows != "map[]" {
			t.Errorf("the old id still has %s", shows)
		}
	}
}
