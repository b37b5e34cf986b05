package server

import (
	"sync/atomic"
	"time"
)

// A moment is a time since a worker's start, in nanoseconds.
type moment int64

// never is longer ago than anything that is waited for.
const never = moment(-1 << 62)

// A clock says what time it is within beatEvery: it costs a load, where asking the system several times for each request
// costs more than all of a guard's checks.
type clock struct {
	epoch time.Time
	at    atomic.Int64
}

func (c *clock) now() moment { return moment(c.at.Load()) }

// beatEvery is how often a worker's clock is set, and how long a handler runs before its client is looked after.
const beatEvery = 50 * time.Millisecond

// pulse sets the clock, and has the connections of handlers that have run for a while looked at: until then nobody would
// notice that a client has left.
func (s *service) pulse(stopped chan struct{}) {
	t := time.NewTicker(beatEvery)
	defer t.Stop()
	for {
		select {
		case <-stopped:
			return
		case now := <-t.C:
			s.clock.at.Store(int64(now.Sub(s.clock.epoch)))
			s.requests.each(now.Add(-beatEvery/2), func(x *exchange) {
				if x.guard != nil && !x.guard.look.Swap(true) {
					x.guard.nudge()
				}
			})
		}
	}
}
