package redis_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/carafeweb/carafe/contrib/redis"
	"github.com/carafeweb/carafe/gateway/middleware"
)

var _ middleware.Store = (*redis.Limits)(nil)

func (s *server) limits() *redis.Limits {
	client := s.client()
	s.t.Cleanup(func() { _ = client.Close() })
	l := redis.NewLimits(client)
	l.Timeout = 30 * time.Second // of a busy machine; the default is for production
	return l
}

func TestLimitsOfTwoMachinesAreOne(t *testing.T) {
	s := start(t)
	machines := []*redis.Limits{s.limits(), s.limits()}
	const burst = 20
	var allowed atomic.Int32
	var all sync.WaitGroup
	for i := range 10 {
		all.Go(func() {
			for range 10 {
				_, ok, err := machines[i%2].Take(t.Context(), "client", time.Hour, burst*time.Hour)
				if err != nil {
					t.Error(err)
				}
				if ok {
					allowed.Add(1)
				}
			}
		})
	}
	all.Wait()
	if n := allowed.Load(); n != burst {
		t.Errorf("100 requests at once by two machines: %d are let through, want the burst of %d", n, burst)
	}
	if _, ok, err := machines[0].Take(t.Context(), "another", time.Hour, time.Hour); !ok || err != nil {
		t.Errorf("another client: %v, %v; want its own bucket", ok, err)
	}
}

func TestLimitsSayHowFullTheBucketIs(t *testing.T) {
	l := start(t).limits()
	for i := range 3 {
		filled, ok, err := l.Take(t.Context(), "client", time.Hour, 3*time.Hour)
		want := time.Duration(i+1) * time.Hour
		if err != nil || !ok || filled > want || filled < want-time.Minute {
			t.Errorf("request %d: filled for %v, %v, %v; want about %v", i+1, filled, ok, err, want)
		}
	}
	filled, ok, err := l.Take(t.Context(), "client", time.Hour, 3*time.Hour)
	if err != nil || ok || filled > 3*time.Hour || filled < 3*time.Hour-time.Minute {
		t.Errorf("one too many: filled for %v, %v, %v; want it refused, and nothing changed", filled, ok, err)
	}
}

func TestLimitsTakeIntervalsOfAnyLength(t *testing.T) {
	l := start(t).limits()
	for _, interval := range []time.Duration{1, 333, 1500, 333_333_333, 24 * 365 * time.Hour} {
		for i := range 5 {
			if _, ok, err := l.Take(t.Context(), interval.String(), interval, 5*interval); !ok || err != nil {
				t.Errorf("an interval of %v: request %d of 5 at once: %v, %v; want it let through", interval, i+1, ok, err)
			}
		}
	}
}

func TestLimitsFillUpAgainAndLeaveNothingBehind(t *testing.T) {
	s := start(t)
	l, client := s.limits(), s.client()
	defer client.Close()
	const interval = 100 * time.Millisecond
	began := time.Now()
	if _, ok, err := l.Take(t.Context(), "client", interval, interval); !ok || err != nil {
		t.Fatal(ok, err)
	}
	for deadline := began.Add(20 * time.Second); ; {
		_, ok, err := l.Take(t.Context(), "client", interval, interval)
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("no second request is let through: %v", err)
		}
		if ok {
			break
		}
	}
	if took := time.Since(began); took < interval-5*time.Millisecond {
		t.Errorf("the second request is let through after %v, want %v", took, interval)
	}
	for deadline := time.Now().Add(20 * time.Second); client.Exists(t.Context(), l.Prefix+"client").Val() != 0; {
		if time.Now().After(deadline) {
			t.Fatal("the key is still there when its bucket is empty")
		}
	}
}

func TestRateLimitOfAnHTTPServerByRedis(t *testing.T) {
	limit := middleware.RateLimit{Rate: 2, Per: time.Hour, Store: start(t).limits()}
	h := limit.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "beans") }))
	for i, want := range []int{200, 200, 429} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if w.Code != want || w.Header().Get("RateLimit-Limit") != "2" || w.Header().Get("RateLimit-Remaining") != fmt.Sprint(max(1-i, 0)) {
			t.Errorf("request %d: %d with %v, want %d", i+1, w.Code, w.Header(), want)
		}
		if after := w.Header().Get("Retry-After"); (after != "") != (want == 429) {
			t.Errorf("request %d: Retry-After %q", i+1, after)
		}
	}
}

func TestRateLimitsHaveADefinedOutcomeWithoutRedis(t *testing.T) {
	for name, stop := range map[string]func(s *server) error{
		"gone":    func(s *server) error { s.kill(); return nil },
		"stopped": func(s *server) error { return s.cmd.Process.Signal(syscall.SIGSTOP) },
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			l := s.limits()
			l.Timeout = 300 * time.Millisecond
			if err := stop(s); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			_, ok, err := l.Take(t.Context(), "client", time.Hour, time.Hour)
			if ok || !errors.As(err, new(*redis.UnavailableError)) {
				t.Errorf("Take: %v, %v; want an *UnavailableError", ok, err)
			}
			var log bytes.Buffer
			open := middleware.RateLimit{Rate: 1, Store: l, Log: slog.New(slog.NewTextHandler(&log, nil))}
			closed := open
			closed.Unavailable = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				http.Error(w, "come back later", http.StatusServiceUnavailable)
			})
			for want, limit := range map[int]middleware.RateLimit{200: open, 503: closed} {
				w := httptest.NewRecorder()
				limit.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
				if w.Code != want {
					t.Errorf("status %d, want %d", w.Code, want)
				}
			}
			if n := strings.Count(log.String(), "Redis is unavailable"); n != 2 {
				t.Errorf("the log %q names the fault %d times, want it for each request", &log, n)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("three requests took %v, want 300 ms each", took)
			}
		})
	}
}
