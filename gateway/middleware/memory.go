package middleware

import (
	"context"
	"hash/maphash"
	"sync"
	"time"
)

// Memory is a Store of this process. The zero Memory is ready; do not copy it.
//
// It forgets a client when its bucket is empty, and holds at most about MaxKeys clients: beyond that it forgets some, who
// then start afresh, rather than grow with every address that an attacker can make up.
type Memory struct {
	MaxKeys int // zero means 100,000

	seed   maphash.Seed
	once   sync.Once
	shards [shards]shard
}

const shards = 64

// A shard is a part of the clients under a lock of its own.
type shard struct {
	mu    sync.Mutex
	empty map[string]time.Time // when each client's bucket will be empty: GCRA's theoretical arrival time
	sweep int                  // how many clients there may be before those with an empty bucket are looked for
}

// Take implements Store. The error is always nil.
func (m *Memory) Take(_ context.Context, key string, interval, burst time.Duration) (time.Duration, bool, error) {
	m.once.Do(func() { m.seed = maphash.MakeSeed() })
	s := &m.shards[maphash.String(m.seed, key)%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	filled := max(s.empty[key].Sub(now), 0)
	if filled+interval > burst {
		return filled, false, nil
	}
	if s.empty == nil {
		s.empty = make(map[string]time.Time)
	}
	s.empty[key] = now.Add(filled + interval)
	s.forget(now, m.perShard(), key)
	return filled + interval, true, nil
}

func (m *Memory) perShard() int {
	if m.MaxKeys <= 0 {
		return 100_000 / shards
	}
	return max(m.MaxKeys/shards, 1)
}

// forget drops clients with an empty bucket when there are twice as many clients as after the last time, so that each
// request pays for a constant part of it. If there are still more than limit, a quarter goes whoever it is,
// but for keep, who is being served.
func (s *shard) forget(now time.Time, limit int, keep string) {
	if len(s.empty) <= limit && len(s.empty) <= s.sweep {
		return
	}
	for key, empty := range s.empty {
		if !empty.After(now) {
			delete(s.empty, key)
		}
	}
	full := len(s.empty) > limit
	for key := range s.empty {
		if !full || len(s.empty) <= limit*3/4 {
			break
		}
		if key != keep {
			delete(s.empty, key)
		}
	}
	s.sweep = max(2*len(s.empty), 16)
}
