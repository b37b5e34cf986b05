package middleware

import (
	"context"
	"errors"
	"log/slog"
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
type RateLimit struct {
	Rate  int           // requests each Per; it must be positive
	Per   time.Duration // zero means a second
	Burst int           // zero means Rate

	// Key names the client; "" is not limited. Nil means the client's address as gateway.RemoteAddr knows it (put a ProxyFix
	// in front behind a proxy), of IPv6 the first 64 bits: one household has them all.
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
		if l.allows(w, r) {
			next.ServeHTTP(w, r)
		}
	})
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
		l.key = addressKey
	}
	if l.store == nil {
		l.store = new(Memory)
	}
	l.interval = max(m.Per/time.Duration(m.Rate), 1)
	l.burst = l.interval * time.Duration(m.Burst)
	l.limit = strconv.Itoa(m.Burst)
	return l
}

// allows answers, by 429 as a rule, or reports true.
func (l *limiter) allows(w http.ResponseWriter, r *http.Request) bool {
	key := l.key(r)
	if key == "" {
		return true
	}
	filled, ok, err := l.store.Take(r.Context(), key, l.interval, l.burst)
	if err != nil {
		l.log.LogAttrs(r.Context(), slog.LevelError, "rate limit store", slog.String("error", err.Error()))
		if l.unavailable != nil {
			l.unavailable.ServeHTTP(w, r)
		}
		return l.unavailable == nil
	}
	h := w.Header()
	h.Set("RateLimit-Limit", l.limit)
	h.Set("RateLimit-Remaining", strconv.FormatInt(int64(max(l.burst-filled, 0)/l.interval), 10))
	h.Set("RateLimit-Reset", seconds(filled))
	if !ok {
		h.Set("Retry-After", seconds(filled+l.interval-l.burst))
		http.Error(w, "Too Many Requests", http.StatusTooManyRequests)
	}
	return ok
}

// seconds rounds up: a client that comes back too early is sent away again.
func seconds(d time.Duration) string {
	return strconv.FormatInt(int64(math.Ceil(d.Seconds())), 10)
}

func addressKey(r *http.Request) string {
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
