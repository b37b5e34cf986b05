package devserver

import (
	"net"
	"net/http"
	"sync"
	"time"
)

// A countedListener counts the connections that were accepted. [http.Server.Shutdown] closes those that have not sent anything
// yet, and one that was accepted a moment ago may have; so a program that drains waits until it knows what became of each.
type countedListener struct {
	net.Listener
	mu       sync.Mutex
	accepted int
}

func (l *countedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil {
		l.mu.Lock()
		l.accepted++
		l.mu.Unlock()
	}
	return conn, err
}

func (l *countedListener) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.accepted
}

// conns is what is known of the connections of a server.
type conns struct {
	mu      sync.Mutex
	seen    int // that the server has taken over from the listener
	states  map[net.Conn]http.ConnState
	changed time.Time
	moved   chan struct{} // gets a value, if there is room, after each change
}

// trackConns puts itself before the server's own ConnState.
func trackConns(srv *http.Server) *conns {
	c := &conns{states: map[net.Conn]http.ConnState{}, moved: make(chan struct{}, 1)}
	next := srv.ConnState
	srv.ConnState = func(conn net.Conn, state http.ConnState) {
		c.note(conn, state)
		if next != nil {
			next(conn, state)
		}
	}
	return c
}

func (c *conns) note(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateNew:
		c.seen++
		c.states[conn] = state
	case http.StateClosed, http.StateHijacked:
		delete(c.states, conn)
	default:
		c.states[conn] = state
	}
	c.changed = time.Now()
	select {
	case c.moved <- struct{}{}:
	default:
	}
}

// wait returns when all connections are closed, or when those left have done nothing for a while, or after grace. Until then
// a client that goes on with a connection is answered, and told to close it.
func (c *conns) wait(l *countedListener, grace time.Duration) {
	end := time.Now().Add(grace)
	for {
		open, busy, since := c.tally(l)
		pause := time.Until(end)
		if !busy {
			pause = min(pause, lingers-since)
		}
		if open == 0 || pause <= 0 {
			return
		}
		select {
		case <-c.moved:
		case <-time.After(pause):
		}
	}
}

func (c *conns) tally(l *countedListener) (open int, busy bool, since time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	open = len(c.states) + l.count() - c.seen
	busy = l.count() > c.seen
	for _, state := range c.states {
		busy = busy || state == http.StateActive
	}
	return open, busy, time.Since(c.changed)
}
