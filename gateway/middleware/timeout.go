package middleware

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/carafeweb/carafe/gateway"
)

// Timeout gives each request a deadline. There is no second goroutine and no buffer: the handler learns of the deadline
// by its context, and what it does about it decides. If it returns without an answer after the deadline, the answer is
// 503; if it panics, that is Recover's. A handler that does not look at its context runs on.
//
// Unlike http.TimeoutHandler, nobody else writes while the handler does, and streams are not held back.
type Timeout struct {
	After time.Duration // zero or less means no deadline
}

// Wrap returns next with a deadline.
func (m Timeout) Wrap(next http.Handler) http.Handler {
	if m.After <= 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), m.After)
		defer cancel()
		t := gateway.Track(w, nil)
		next.ServeHTTP(t, r.WithContext(ctx))
		if t.Status() == 0 && !t.Hijacked() && errors.Is(ctx.Err(), context.DeadlineExceeded) && r.Context().Err() == nil {
			http.Error(t, "Service Unavailable", http.StatusServiceUnavailable)
		}
	})
}
