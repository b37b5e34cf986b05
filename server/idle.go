package server

import "time"

// answered is told when an answer has left and net/http waits for the next request.
func (g *guard) answered() {
	g.since.Store(int64(g.s.clock.now())) // first: idle since long ago is what [service.sweep] closes
	g.answers.Add(1)
}

// tired reports whether the connection has waited too long for a request: its first, or another.
func (g *guard) tired(now moment) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.heads != g.answers.Load() {
		return false // since is when it was idle before
	}
	limit := g.s.cfg.KeepAlive
	if !g.s.trusted.has(g.base.RemoteAddr()) {
		limit = min(limit, g.s.cfg.ClientKeepAlive)
	}
	if g.heads == 0 {
		limit = g.s.cfg.HeaderTimeout
	}
	return now-moment(g.since.Load()) > moment(limit)
}

// sweep closes connections that have waited too long.
func (s *service) sweep(stopped chan struct{}) {
	shortest := min(s.cfg.HeaderTimeout, max(s.cfg.KeepAlive, 0)+time.Second)
	t := time.NewTicker(min(max(shortest/8, 20*time.Millisecond), time.Second))
	defer t.Stop()
	for {
		select {
		case <-stopped:
			return
		case <-t.C:
			now := s.clock.now()
			s.guards.Range(func(key, _ any) bool {
				if g := key.(*guard); g.tired(now) {
					g.closeIfIdle()
				}
				return true
			})
		}
	}
}

// closeIfIdle closes the connection if no byte of a request is here or in the kernel.
func (g *guard) closeIfIdle() {
	g.mu.Lock()
	idle := !g.over && !g.partial && g.heads == g.answers.Load() && !g.aside.Load() && !readable(g.base.Conn)
	if idle {
		g.over = true
	}
	g.mu.Unlock()
	if idle {
		g.Conn.Close()
	}
}
