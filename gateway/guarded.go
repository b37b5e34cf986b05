package gateway

import "context"

type guardedKey struct{}

// WithGuard marks the context of a connection whose server lets nothing through but requests that are framed in one way only, and
// keeps the time of their bodies. An application then need not do so itself, as it must behind a plain http.Server.
//
// Package server marks its connections.
func WithGuard(ctx context.Context) context.Context {
	return context.WithValue(ctx, guardedKey{}, true)
}

// Guarded reports whether ctx is below one that WithGuard has marked.
func Guarded(ctx context.Context) bool { return ctx.Value(guardedKey{}) != nil }
