// Package session_test measures one request that reads the session and writes it again, beside gorilla/sessions:
//
//	go test -bench . -benchmem
package session_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gorilla/sessions"

	"github.com/carafeweb/carafe"
)

// payload is what the session has besides the counter.
var payload = map[string]any{"user": "alice", "theme": "dark", "cart": "7,9,12"}

// writer throws away the body and keeps headers.
type writer struct{ h http.Header }

func (w writer) Header() http.Header               { return w.h }
func (w writer) Write(p []byte) (int, error)       { return len(p), nil }
func (w writer) WriteString(s string) (int, error) { return len(s), nil }
func (w writer) WriteHeader(int)                   {}

func withCarafe(interfaces carafe.SessionInterface) http.Handler {
	app := carafe.New("bench")
	app.Config.SecretKey = "0123456789abcdef0123456789abcdef"
	if interfaces != nil {
		app.Sessions = interfaces
	}
	app.Get("/", func(c *carafe.Context) string {
		s := c.Session()
		n, _ := s.Get("n").(int)
		if n == 0 {
			s.Update(payload)
		}
		s.Set("n", n+1)
		return "ok"
	}, carafe.Endpoint("index"))
	return app
}

func withGorilla() http.Handler {
	store := sessions.NewCookieStore([]byte("0123456789abcdef0123456789abcdef"))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, _ := store.Get(r, "session")
		n, _ := s.Values["n"].(int)
		if n == 0 {
			for k, v := range payload {
				s.Values[k] = v
			}
		}
		s.Values["n"] = n + 1
		if err := s.Save(r, w); err != nil {
			http.Error(w, err.Error(), 500)
			return
		}
		_, _ = io.WriteString(w, "ok")
	})
}

// TestBothRemember shows that the two do the same work.
func TestBothRemember(t *testing.T) {
	for name, h := range map[string]http.Handler{"carafe": withCarafe(nil), "gorilla": withGorilla(), "carafe memory": withCarafe(&carafe.ServerSessions{Store: &carafe.MemoryStore{}})} {
		cookie := firstCookie(h)
		r := httptest.NewRequest("GET", "/", nil)
		r.AddCookie(cookie)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != 200 || w.Body.String() != "ok" || w.Header().Get("Set-Cookie") == "" {
			t.Errorf("%s: %d %q %v", name, w.Code, w.Body, w.Header())
		}
	}
}

func firstCookie(h http.Handler) *http.Cookie {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	return w.Result().Cookies()[0]
}

func bench(b *testing.B, h http.Handler) {
	cookie := firstCookie(h)
	w := writer{http.Header{}}
	r := httptest.NewRequest("GET", "/", nil)
	r.AddCookie(cookie)
	b.ReportAllocs()
	for b.Loop() {
		clear(w.h)
		anew := *r // since gorilla keeps the session in the request's context
		h.ServeHTTP(w, &anew)
	}
}

func BenchmarkReadWrite(b *testing.B) {
	b.Run("carafe", func(b *testing.B) { bench(b, withCarafe(nil)) })
	b.Run("gorilla", func(b *testing.B) { bench(b, withGorilla()) })
	b.Run("carafe-memory", func(b *testing.B) {
		bench(b, withCarafe(&carafe.ServerSessions{Store: &carafe.MemoryStore{}}))
	})
	// What making the request costs, which is in all of the above.
	b.Run("nothing", func(b *testing.B) {
		bench(b, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header()["Set-Cookie"] = []string{"session=x"} }))
	})
}
