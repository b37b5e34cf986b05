package server

import (
	"bytes"
	"runtime"
	"strconv"
	"sync"
	"time"
)

// A registry knows the requests in flight, oldest first, and the totals of those that have ended. Safe for concurrent use.
type registry struct {
	mu     sync.Mutex
	first  *exchange
	final  *exchange
	busy   int
	stuck  int
	begun  int64
	totals beat
	limit  int64
	full   chan struct{} // gets a token when limit is reached
}

func newRegistry() *registry { return &registry{full: make(chan struct{}, 1)} }

// begin puts a request in. Once per request: everything under the lock is a few stores.
func (g *registry) begin(x *exchange) {
	g.mu.Lock()
	g.begun++
	x.number = g.begun
	x.before = g.final
	if g.final != nil {
		g.final.after = x
	} else {
		g.first = x
	}
	g.final = x
	g.busy++
	g.mu.Unlock()
}

// end takes a request out and counts it.
func (g *registry) end(x *exchange, took time.Duration) {
	g.mu.Lock()
	if x.before != nil {
		x.before.after = x.after
	} else {
		g.first = x.after
	}
	if x.after != nil {
		x.after.before = x.before
	} else {
		g.final = x.before
	}
	x.before, x.after = nil, nil
	g.busy--
	if x.stuck {
		g.stuck--
	}
	g.totals.Requests++
	class := x.status / 100
	if class > 5 {
		class = 0
	}
	g.totals.Statuses[class]++
	g.totals.Durations.add(took)
	reached := g.totals.Requests == g.limit
	g.mu.Unlock()
	if reached {
		select {
		case g.full <- struct{}{}:
		default:
		}
	}
}

// beat is the registry's part of a heartbeat.
func (g *registry) beat() *beat {
	g.mu.Lock()
	defer g.mu.Unlock()
	b := g.totals
	b.Busy, b.Stuck = g.busy, g.stuck
	if g.first != nil {
		b.Oldest = time.Since(g.first.began)
	}
	return &b
}

// list is the requests in flight, oldest first.
func (g *registry) list() []*exchange {
	g.mu.Lock()
	defer g.mu.Unlock()
	var all []*exchange
	for x := g.first; x != nil; x = x.after {
		all = append(all, x)
	}
	return all
}

// each calls f, which must not wait, for the requests that began before a moment.
func (g *registry) each(before time.Time, f func(*exchange)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for x := g.first; x != nil && x.began.Before(before); x = x.after {
		f(x)
	}
}

// overdue is the requests that began before a moment and have not been found stuck yet; now they are.
func (g *registry) overdue(before time.Time) []*exchange {
	g.mu.Lock()
	defer g.mu.Unlock()
	var late []*exchange
	for x := g.first; x != nil && x.began.Before(before); x = x.after {
		if !x.stuck && !x.hijacked {
			x.stuck = true
			g.stuck++
			late = append(late, x)
		}
	}
	return late
}

// goroutineID is the number of the calling goroutine, by which its stack is found in a dump. About a microsecond, so it is
// asked once a connection.
func goroutineID() uint64 {
	var buf [64]byte
	text, _ := bytes.CutPrefix(buf[:runtime.Stack(buf[:], false)], []byte("goroutine "))
	number, _, _ := bytes.Cut(text, []byte(" "))
	id, _ := strconv.ParseUint(string(number), 10, 64)
	return id
}

// stackOf is the stack of one goroutine, "" if it has gone. It stops the world: for a request that is stuck.
func stackOf(id uint64) string {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	head := []byte("goroutine " + strconv.FormatUint(id, 10) + " ")
	for part := range bytes.SplitSeq(buf, []byte("\n\n")) {
		if bytes.HasPrefix(part, head) {
			return string(part)
		}
	}
	return ""
}
