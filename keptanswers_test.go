package carafe_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/carafeweb/carafe"
)

// keptResponder answers with a Response that it keeps.
type keptResponder struct{ resp *carafe.Response }

func (k keptResponder) Respond(*carafe.Context) (*carafe.Response, error) { return k.resp, nil }

// Whatever a view hands out that it has kept, nothing of one visitor's answer is in the next one's.
func TestWhatIsKeptCollectsNothingOfOneVisitor(t *testing.T) {
	response, responder := carafe.HTML("kept"), keptResponder{carafe.HTML("kept")}
	fault := &carafe.HTTPError{Response: carafe.HTML("kept")}
	app := quiet()
	app.Config.SecretKey = "kept"
	app.BeforeRequest(func(c *carafe.Context) (any, error) {
		if name := c.Query("u"); name != "" {
			c.Session().Set("u", name)
		}
		return nil, nil
	})
	app.Get("/response", func() any { return response })
	app.Get("/responder", func() any { return responder })
	app.Get("/status", func() any { return carafe.Reply(responder, http.StatusCreated, http.Header{"X-Own": {"1"}}) })
	app.Get("/error", func() error { return fault }, carafe.Endpoint("error"))
	app.Get("/wrapped", func() error { return errors.Join(errors.New("wrapped"), fault) }, carafe.Endpoint("wrapped"))
	app.Get("/panic", func() string { panic(fault) }, carafe.Endpoint("panic"))
	for _, path := range []string{"/response", "/responder", "/status", "/error", "/wrapped", "/panic", "/responder"} {
		for _, query := range []string{"?u=alice", ""} {
			w := httptest.NewRecorder()
			app.ServeHTTP(w, httptest.NewRequest("GET", path+query, nil))
			cookies, want := w.Header().Values("Set-Cookie"), strings.Count(query, "alice")
			if len(cookies) != want {
				t.Errorf("GET %s%s sets %q, want %d cookies", path, query, cookies, want)
			}
			if own := w.Header().Get("X-Own"); (own != "") != (path == "/status") || (w.Code == http.StatusCreated) != (path == "/status") {
				t.Errorf("GET %s%s = %d with X-Own %q: status and headers of another answer", path, query, w.Code, own)
			}
		}
	}
}
