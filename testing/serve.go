package carafetest

import (
	"context"
	"errors"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/carafeweb/carafe"
)

// stopTimeout is how long requests may go on after the test.
const stopTimeout = 5 * time.Second

// Serve serves h, an App as a rule, on a free port of 127.0.0.1 until the test is over, and returns "http://127.0.0.1:port". Then requests
// in flight are waited for, and an app's background work.
func Serve(t testing.TB, h http.Handler) (baseURL string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("cannot listen: %v", err)
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil {
			t.Errorf("requests are still in flight %v after the test: %v", stopTimeout, errors.Join(err, srv.Close()))
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("the server: %v", err)
		}
		if app, ok := h.(*carafe.App); ok {
			if err := app.Drain(ctx); err != nil {
				t.Errorf("background work of the app is still going on after the test: %v", err)
			}
		}
	})
	return "http://" + l.Addr().String()
}
