package middleware

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/carafeweb/carafe/gateway"
)

// RateLimit answers 429 to a client that asks too often. It is GCRA, a leaky bucket that needs one time per client: Rate
// requests each Per on the long run, and up to Burst at once after a rest.
//
// Every answer says where the client stands: RateLimit-Limit (Burst), RateLimit-Remaining, RateLimit-Reset (seconds until
// the bucket is empty again), and a 429 also Retry-After, in seconds, rounded up.
//
// It stands in front of a whole handler. Where one page is to be limited, such as a login, ask [RateLimit.Guard] where it is known which
// page it is.
type RateLimit struct {
	Rate  int           // requests each Per; it must be positive
	Per   time.Duration // zero means a second
	Burst int           // zero means Rate

	// Key names the client; "" is not limited. Nil means AddressKey.
	//
	// It must not compare paths to tell what is limited: a router takes more than one path for a page ("//auth/login" is "/auth/login" to
	// package routing), and whoever writes the other one is not counted. Limit the page by Guard, after routing.
	Key func(r *http.Request) string

	// Store keeps the clients' times. Nil means a new Memory: the limit holds for each process by itself.
	Store Store

	// Unavailable answers when the Store fails. Nil lets the request through: a shop that sells without its limits is better
	// than one that does not sell. Where the limit guards something, such as a login, answer 503.
	Unavailable http.Handler

	Log *slog.Logger // for a Store that fails; nil means slog.Default()
}

// A Store remembers when each client's bucket will be empty. It must be safe for concurrent use.
type Store interface {
	// Take takes one request of a client from its bucket, at once or not at all. interval is the time that one request
	// fills, burst how much time fits in. It returns for how long the bucket is filled afterwards, and whether the request
	// fitted; if not, nothing changes.
	Take(ctx context.Context, key string, interval, burst time.Duration) (filled time.Duration, ok bool, err error)
}

// Check returns the error that Wrap panics with.
func (m RateLimit) Check() error {
	if m.Rate <= 0 || m.Per < 0 || m.Burst < 0 {
		return errors.New("middleware: RateLimit: Rate must be positive, Per and Burst not negative")
	}
	return nil
}

// Wrap returns next behind the limit.
func (m RateLimit) Wrap(next http.Handler) http.Handler {
	if err := m.Check(); err != nil {
		panic(err)
	}
	l := newLimiter(m)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refusal := l.refusal(w.Header(), r)
		if refusal == nil {
			refusal = next
		}
		refusal.ServeHTTP(w, r)
	})
}

// Guard is the limit without a handler, for a place where more is known than the request, such as a hook that knows the endpoint. Each call
// of the function takes one request of the client from its bucket, and returns nil if it may go on, else what answers it: with 429, or as
// Unavailable does. It may be called from many goroutines. Guard panics as Wrap does.
//
// Only the answers of refused requests say where the client stands.
func (m RateLimit) Guard() func(r *http.Request) http.Handler {
	if err := m.Check(); err != nil {
		panic(err)
	}
	l := newLimiter(m)
	return func(r *http.Request) http.Handler {
		h := http.Header{}
		refusal := l.refusal(h, r)
		if refusal == nil {
			return nil
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			maps.Copy(w.Header(), h)
			refusal.ServeHTTP(w, r)
		})
	}
}

// A limiter is a RateLimit with its defaults worked out.
type limiter struct {
	interval, burst time.Duration
	limit           string
	key             func(r *http.Request) string
	store           Store
	unavailable     http.Handler
	log             *slog.Logger
}

func newLimiter(m RateLimit) *limiter {
	l := &limiter{key: m.Key, store: m.Store, unavailable: m.Unavailable, log: loggerOf(m.Log)}
	if m.Per == 0 {
		m.Per = time.Second
	}
	if m.Burst == 0 {
		m.Burst = m.Rate
	}
	if l.key == nil {
		l.key = AddressKey
	}
	if l.store == nil {
		l.store = new(Memory)
	}
	l.interval = max(m.Per/time.Duration(m.Rate), 1)
	l.burst = l.interval * time.Duration(m.Burst)
	l.limit = strconv.Itoa(m.Burst)
	return l
}

// refusal takes a request from its bucket, writes into h where its client stands, and is what answers it instead, nil if it may go on.
func (l *limiter) refusal(h http.Header, r *http.Request) http.Handler {
	key := l.key(r)
	if key == "" {
		return nil
	}
	filled, ok, err := l.store.Take(r.Context(), key, l.interval, l.burst)
	if err != nil {
		l.log.LogAttrs(r.Context(), slog.LevelError, "rate limit store", slog.String("error", err.Error()))
		return l.unavailable
	}
	h.Set("RateLimit-Limit", l.limit)
	h.Set("RateLimit-Remaining", strconv.FormatInt(int64(max(l.burst-filled, 0)/l.interval), 10))
	h.Set("RateLimit-Reset", seconds(filled))
	if ok {
		return nil
	}
	h.Set("Retry-After", seconds(filled+l.interval-l.burst))
	return tooMany
}

var tooMany = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "Too Many Requests", http.StatusTooManyRequests)
})

// seconds rounds up: a client that comes back too early is sent away again.
func seconds(d time.Duration) string {
	return strconv.FormatInt(int64(math.Ceil(d.Seconds())), 10)
}

// AddressKey is the client's address as gateway.RemoteAddr knows it (put a ProxyFix in front behind a proxy), of IPv6 the first 64 bits: one
// household has them all. A Key of your own may fall back on it.
func AddressKey(r *http.Request) string {
	text := gateway.RemoteAddr(r)
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return text
	}
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		net, _ := addr.Prefix(64)
		return net.Addr().String()
	}
	return addr.String()
}
