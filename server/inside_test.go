//go:build unix

package server_test

import (
	"context"
	"net"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carafeweb/carafe/server"
)

// A server of one process cannot kill its worker: a start that is given up must end by itself, or be left behind with nothing in
// its hands.
func TestAStartInOneProcessThatIsGivenUpNeitherServesNorHoldsSockets(t *testing.T) {
	for _, tt := range []struct {
		name string
		init func(ctx context.Context, over chan struct{}) error
		want []string
	}{
		{"a hook that heeds its context", func(ctx context.Context, _ chan struct{}) error { <-ctx.Done(); return ctx.Err() },
			[]string{"failed", "ended by exit code 1: context canceled"}},
		{"a hook that takes no notice, and succeeds after it was given up", func(context.Context, chan struct{}) error { time.Sleep(500 * time.Millisecond); return nil },
			[]string{"failed", "ended by exit code 1: context canceled"}},
		{"a hook that does not return", func(_ context.Context, over chan struct{}) error { <-over; return nil },
			[]string{"ended by signal killed: it does not heed its context"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				over, begun := make(chan struct{}), make(chan struct{})
				hooks := server.Hooks{WorkerInit: func(ctx context.Context) error { close(begun); return tt.init(ctx, over) }}
				kill, said, err := server.LaunchInside(hooks, l)
				if err != nil {
					t.Fatal(err)
				}
				<-begun
				kill()
				sleep(2 * time.Second)
				l.Close()
				if c, err := net.Dial("tcp", l.Addr().String()); err == nil {
					c.Close()
					t.Error("the socket is open still: whoever comes waits for an answer that nobody will give")
				}
				close(over)
				sleep(time.Second)
				var got []string
				for len(said) > 0 {
					got = append(got, <-said)
				}
				if !slices.Equal(got, tt.want) {
					t.Errorf("it said %q, want %q", got, tt.want)
				}
			})
		})
	}
}

func TestAServerOfOneProcessThatDoesNotComeUpInTimeEnds(t *testing.T) {
	over := make(chan struct{})
	defer close(over)
	cfg := server.Config{
		Bind: []string{"127.0.0.1:0"}, ErrorLog: t.TempDir() + "/log", BootTimeout: time.Millisecond,
		Hooks: server.Hooks{WorkerInit: func(context.Context) error { <-over; return nil }},
	}
	if err := server.Run(t.Context(), http.NotFoundHandler(), cfg); server.ExitCode(err) != 3 {
		t.Errorf("Run returns %v with exit code %d, want 3 after BootTimeout", err, server.ExitCode(err))
	}
}
