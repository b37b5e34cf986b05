package middleware

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"

	"github.com/carafeweb/carafe/gateway"
)

// Recover turns a panic into a logged error and a 500 without its text, as long as nothing is out. Behind the first byte
// it logs, and panics on with http.ErrAbortHandler: the connection breaks, and no client takes half a page for a whole.
// http.ErrAbortHandler itself passes through unlogged.
type Recover struct {
	Log *slog.Logger // nil means slog.Default()

	// Page answers instead of the plain 500, if not nil. It is called when nothing is out; headers that the handler had
	// set are gone. What it is given is for the log, not for the client.
	Page func(w http.ResponseWriter, r *http.Request, recovered any)
}

// Wrap returns next under recovery.
func (m Recover) Wrap(next http.Handler) http.Handler {
	log := loggerOf(m.Log)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		before := w.Header().Clone()
		t := gateway.Track(w, nil)
		defer func() {
			p := recover()
			switch {
			case p == nil:
				return
			case p == http.ErrAbortHandler:
				panic(p)
			}
			log.LogAttrs(r.Context(), slog.LevelError, "panic", slog.String("method", r.Method), slog.String("path", r.URL.EscapedPath()),
				slog.String("panic", fmt.Sprint(p)), slog.String("stack", string(debug.Stack())))
			if t.Status() != 0 || t.Hijacked() {
				panic(http.ErrAbortHandler)
			}
			restore(w.Header(), before)
			m.answer(w, r, p)
		}()
		next.ServeHTTP(t, r)
	})
}

func (m *Recover) answer(w http.ResponseWriter, r *http.Request, p any) {
	if m.Page != nil {
		m.Page(w, r, p)
		return
	}
	http.Error(w, "Internal Server Error", http.StatusInternalServerError)
}

// restore makes h what it was.
func restore(h, before http.Header) {
	clear(h)
	for name, values := range before {
		h[name] = values
	}
}

func loggerOf(log *slog.Logger) *slog.Logger {
	if log == nil {
		return slog.Default()
	}
	return log
}
