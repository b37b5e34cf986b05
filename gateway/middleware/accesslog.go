package middleware

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/carafeweb/carafe/gateway"
)

// AccessLog logs one line for each request when it has been answered: method, path without the query, status, bytes of
// the body, duration, client, and the RequestID if there is one. Queries, cookies and credentials are not logged, and
// the path is percent-encoded, so that nobody writes lines of his own.
//
// Levels: Error for 5xx and answers that broke off (status as far as it got, and aborted=true), Info for the rest.
type AccessLog struct {
	Log *slog.Logger // nil means slog.Default()

	Skip func(r *http.Request) bool // requests that are not logged, of a health check say; nil means none
}

// Wrap returns next with a log.
func (m AccessLog) Wrap(next http.Handler) http.Handler {
	log := loggerOf(m.Log)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if m.Skip != nil && m.Skip(r) {
			next.ServeHTTP(w, r)
			return
		}
		t, start, whole := gateway.Track(w, nil), time.Now(), false
		defer func() { logAccess(log, r, t, time.Since(start), whole) }()
		next.ServeHTTP(t, r)
		whole = true
	})
}

func logAccess(log *slog.Logger, r *http.Request, t *gateway.Tracker, elapsed time.Duration, whole bool) {
	status := t.Status()
	if status == 0 && whole && !t.Hijacked() {
		status = http.StatusOK
	}
	level := slog.LevelInfo
	if status >= 500 || !whole {
		level = slog.LevelError
	}
	attrs := []slog.Attr{
		slog.String("method", r.Method), slog.String("path", r.URL.EscapedPath()), slog.Int("status", status),
		slog.Int64("bytes", t.Bytes()), slog.Duration("took", elapsed), slog.String("client", gateway.RemoteAddr(r)),
	}
	if id := RequestIDOf(r.Context()); id != "" {
		attrs = append(attrs, slog.String("id", id))
	}
	if !whole {
		attrs = append(attrs, slog.Bool("aborted", true))
	}
	log.LogAttrs(r.Context(), level, "request", attrs...)
}
