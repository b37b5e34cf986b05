package redis

import (
	"context"
	"fmt"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// Limits is a store of middleware.RateLimit in Redis, so that a limit holds for all processes and machines together:
//
//	middleware.RateLimit{Rate: 10, Store: redis.NewLimits(client)}.Wrap(handler)
//
// Make it with [NewLimits]; it is safe for concurrent use. Each request is one script in Redis, which no other can come between, by
// Redis' own clock: the machines' clocks need not agree. A client's key is gone when its bucket is empty.
//
// A server that is gone or does not answer is an *UnavailableError after Timeout at the latest, and RateLimit then does what its
// Unavailable says.
type Limits struct {
	// Prefix stands before every key. NewLimits sets "carafe:limit:".
	Prefix string
	// Timeout is how long one request may wait for Redis. NewLimits sets 250 ms: a limit is not worth waiting for as long as a
	// session is. Zero waits as long as the request does. See [Store] for ContextTimeoutEnabled.
	Timeout time.Duration

	client goredis.UniversalClient
}

// NewLimits makes a store of a client, which stays the caller's to close.
func NewLimits(client goredis.UniversalClient) *Limits {
	return &Limits{Prefix: "carafe:limit:", Timeout: 250 * time.Millisecond, client: client}
}

// take is GCRA. The value is when the bucket will be empty, in microseconds of Unix time: whole numbers, which a float64, Lua's
// only number, holds exactly until the year 2255.
var take = goredis.NewScript(`
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local filled = math.max(tonumber(redis.call('GET', KEYS[1]) or 0) - now, 0)
local more = filled + tonumber(ARGV[1])
if more > tonumber(ARGV[2]) then
	return {filled, 0}
end
redis.call('SET', KEYS[1], string.format('%.0f', now + more), 'PX', math.ceil(more / 1000))
return {more, 1}
`)

// Take implements middleware.Store. Time is counted in microseconds: an interval that is shorter counts as one.
func (l *Limits) Take(ctx context.Context, key string, interval, burst time.Duration) (filled time.Duration, ok bool, err error) {
	ctx, cancel := within(ctx, l.Timeout)
	defer cancel()
	one := max(interval/time.Microsecond, 1)
	all := one * max(burst/max(interval, 1), 1) // as many requests as without rounding
	got, err := take.Run(ctx, l.client, []string{l.Prefix + key}, int64(one), int64(all)).Int64Slice()
	if err != nil {
		return 0, false, explained(err)
	}
	if len(got) != 2 {
		return 0, false, &UnavailableError{fmt.Errorf("a script's answer has %d parts, want 2", len(got))}
	}
	return time.Duration(got[0]) * time.Microsecond, got[1] == 1, nil
}
