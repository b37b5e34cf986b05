// Package middleware holds the middleware that most sites want and that the gateway's contract can do without.
//
// Each is a struct of settings whose zero value is sensible unless it says otherwise, with one method:
//
//	Wrap(next http.Handler) http.Handler
//
// so that middleware.Recover{}.Wrap is a plain func(http.Handler) http.Handler. Settings are read when Wrap is called;
// what it returns may be called from many goroutines. Settings that contradict each other make Wrap panic; each such
// panic is a thin shell over a method Check that returns the error.
//
// From outside to inside, this order works:
//
//	gateway.ProxyFix    whom the rest may believe
//	RequestID           a name for the log
//	AccessLog           sees the answer as it was sent
//	Recover             a panic becomes a 500 that is logged
//	SecureHeaders       also on errors
//	CORS, RateLimit     may answer without the application
//	Timeout             covers the application alone
//	Compress            nearest to it: lengths and ETags above are those that were sent
//
// No ResponseWriter of this package hides io.ReaderFrom, http.Flusher, http.Hijacker or Unwrap of the one it wraps.
package middleware
