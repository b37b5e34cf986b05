package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// A reload is a new generation coming up beside the old. Its first worker is a scout: it runs the binary on disk, reads the
// configuration anew and says what that comes to. Only then do the others start; only when all serve do the old leave; and
// whatever fails before that, only the new ones go.
//
// Source: Gunicorn's Arbiter.reload. Unlike Gunicorn, a reload that fails in any way leaves the server as it was.
type reload struct {
	program *program
	config  *Config   // nil until the scout has said
	sockets []*socket // of the new configuration
	added   []*socket // those among them that the old one has not
	slots   []*slot
	cancel  func() // ends Config.Build
}

func (r *reload) owns(w *worker) bool { return slices.Contains(r.slots, w.slot) }

// beginReload starts a reload. One that is asked for during another runs after it; more are the same one.
func (m *master) beginReload() {
	switch {
	case m.stop != nil:
		return
	case m.upgrade != nil:
		m.log.Warn("no reload during an upgrade")
		return
	case m.reload != nil:
		m.again = true
		return
	}
	m.log.Info("reload")
	m.counts.reloads++
	m.sys.notify("RELOADING=1\n" + monotonic())
	m.user.Hooks.onReload()
	m.log.reopen()
	m.reload = &reload{}
	if len(m.cfg.Command) > 0 {
		m.reloadCommand()
		return
	}
	p, err := m.sys.openProgram()
	if err != nil {
		m.refuseReload("the binary cannot be opened", err.Error())
		return
	}
	m.reload.program = p
	m.scout()
}

// scout starts the first worker of a reload.
func (m *master) scout() {
	s := &slot{}
	m.reload.slots = []*slot{s}
	m.startNew(s, roleScout, m.cfg, m.sockets)
}

// startNew starts a worker of a reload, or refuses the reload: then it reports false.
func (m *master) startNew(s *slot, role string, c *Config, socks []*socket) bool {
	w, err := m.start(s, role, m.reload.program, c, socks)
	if err != nil {
		m.refuseReload("no worker can be started", err.Error())
		return false
	}
	s.worker = w
	return true
}

// hello is the scout's word on what the binary's configuration comes to.
func (m *master) hello(ctx context.Context, w *worker, msg message) {
	r := m.reload
	if r == nil || !r.owns(w) || r.config != nil {
		return
	}
	c, err := m.user.with(msg.Config)
	if err == nil {
		c, err = c.resolved()
	}
	if err == nil {
		err = m.sameKind(c)
	}
	if err != nil {
		m.refuseReload("the new configuration is no good", err.Error())
		return
	}
	if (c.Workers == 0) != (m.cfg.Workers == 0) {
		m.log.Warn("whether there are workers does not change by a reload", "workers", m.cfg.Workers)
		c.Workers = m.cfg.Workers
	}
	if !m.adoptConfig(ctx, c) {
		return
	}
	w.config = c
	if len(r.added) > 0 || len(r.sockets) != len(m.sockets) {
		m.replaceScout(w)
		return
	}
	m.configure(w)
}

// sameKind refuses to change between workers that are this program and workers that are another: a new master can do that.
func (m *master) sameKind(c *Config) error {
	if (len(c.Command) == 0) != (len(m.cfg.Command) == 0) {
		return errors.New("server: whether there is a command does not change by a reload: use USR2, or start anew")
	}
	return nil
}

// adoptConfig takes a reload's configuration and binds what it adds. It reports false if that ended the reload. An address in
// use is not tried again, as at the start: the loop would wait, and whoever reloads can do so again.
func (m *master) adoptConfig(ctx context.Context, c *Config) bool {
	r := m.reload
	once := *c
	once.BindRetries = 0
	var err error
	if r.sockets, r.added, err = m.rebind(ctx, &once); err != nil {
		m.refuseReload("the new addresses cannot be bound", err.Error())
		return false
	}
	r.config = c
	return true
}

// replaceScout starts the first worker again, with the sockets of the new addresses.
func (m *master) replaceScout(w *worker) {
	w.slot = &slot{}
	m.dismiss(w, "addresses have changed")
	s := m.reload.slots[0]
	m.startNew(s, roleWorker, m.reload.config, m.reload.sockets)
}

// rebind binds what is new among the addresses and keeps what is old. Sockets that somebody else made always stay.
func (m *master) rebind(ctx context.Context, c *Config) (all, added []*socket, err error) {
	for _, s := range m.sockets {
		if s.foreign {
			all = append(all, s)
		}
	}
	if len(all) > 0 {
		return all, nil, nil
	}
	for _, b := range c.Bind {
		if i := slices.IndexFunc(m.sockets, func(s *socket) bool { return s.bind == b }); i >= 0 {
			all = append(all, m.sockets[i])
			continue
		}
		s, err := m.sys.bind(ctx, c, b)
		if err != nil {
			closeAll(added, true)
			return nil, nil, err
		}
		all, added = append(all, s), append(added, s)
	}
	return all, added, nil
}

// checkReload starts the rest of the new workers when the first serves, and lets the old leave when all do.
func (m *master) checkReload(context.Context) {
	r := m.reload
	if r == nil || r.config == nil {
		return
	}
	for _, s := range r.slots {
		if s.worker == nil || s.worker.state != serving {
			return
		}
	}
	want := m.wanted(r.config)
	if len(r.slots) >= want {
		m.commit(want)
		return
	}
	for len(r.slots) < want {
		s := &slot{}
		r.slots = append(r.slots, s)
		if !m.startNew(s, roleWorker, r.config, r.sockets) {
			return
		}
	}
}

// wanted is the number of workers after a reload: what TTIN and TTOU have added holds unless the setting itself changed.
func (m *master) wanted(c *Config) int {
	n := max(1, c.Workers)
	if c.Workers == m.cfg.Workers {
		n += m.scaled
	}
	return min(max(n, 1), c.MaxWorkers)
}

// commit makes the new generation the server.
func (m *master) commit(want int) {
	r := m.reload
	m.adoptLogs(r.config)
	m.retired = append(m.retired, slices.DeleteFunc(slices.Clone(m.sockets), func(s *socket) bool { return slices.Contains(r.sockets, s) })...)
	old, before := m.slots, m.target
	if r.config.Workers != m.cfg.Workers {
		m.scaled = 0
	} else if m.scaled != 0 {
		m.log.Info("TTIN and TTOU hold on", "workers", want, "configured", r.config.Workers)
	}
	m.program.close()
	m.program, m.cfg, m.sockets, m.slots, m.target = r.program, r.config, r.sockets, r.slots, want
	m.reload, m.failure, m.paused = nil, "", false
	for _, s := range old {
		m.vacate(s, "reload")
	}
	m.log.Info("reloaded", "workers", want)
	m.sys.notify("READY=1\nSTATUS=serving")
	if before != want {
		m.user.Hooks.workersChanged(want, before)
	}
	m.turn()
	m.settled()
}

// A turn is a reload that is done but for old workers that may still accept. Who asked for it is answered when none does, so that
// what is sent after the answer meets the new generation. A worker that does not say so, because it is frozen, is waited for until a time.
type turn struct {
	asks  []ask
	old   []*worker
	until time.Time
}

// turn has those who wait for the reload wait for its old workers. Programs that do not know the wire cannot say that they accept
// no more: those are not waited for.
func (m *master) turn() {
	if len(m.waiters) == 0 {
		return
	}
	t := turn{asks: m.waiters, until: time.Now().Add(turnTime)}
	for _, w := range m.workers {
		if w.state == leaving && !w.mute && !w.killed {
			t.old = append(t.old, w)
		}
	}
	m.waiters, m.turns = nil, append(m.turns, t)
}

const turnTime = 5 * time.Second

// checkTurns answers those whose reload is done.
func (m *master) checkTurns(now time.Time) {
	m.turns = slices.DeleteFunc(m.turns, func(t turn) bool {
		if now.Before(t.until) && slices.ContainsFunc(t.old, func(w *worker) bool { return !w.deaf }) {
			return false
		}
		tell(t.asks, nil)
		return true
	})
}

// settled runs the reload that was asked for meanwhile.
func (m *master) settled() {
	if m.again {
		m.again = false
		m.waiters, m.later = m.later, nil
		m.beginReload()
	}
}

// adoptLogs takes the new configuration's log files. The scout has opened them already, so a failure is one of this moment.
func (m *master) adoptLogs(c *Config) {
	l, err := openLogs(c, 0)
	if err != nil {
		m.log.Error("log files stay as they are", "err", err)
		return
	}
	old := *m.log
	*m.log = *l
	m.closing.Go(old.close) // which may have to wait
}

// closeLogs writes what is still to be written, to the log files in force and to those of before a reload.
func (m *master) closeLogs() {
	m.closing.Go(m.log.close)
	m.closing.Wait()
}

// refuseReload ends a reload that has failed: the new workers go, the old never noticed.
func (m *master) refuseReload(why, detail string) {
	m.counts.reloadFailures++
	m.failure = fmt.Sprintf("%s: %s", why, detail)
	m.log.Error("reload failed, the old workers stay", "why", why, "detail", detail)
	m.dropReload()
	m.sys.notify("READY=1\nSTATUS=reload failed: " + oneLine(m.failure))
	m.tellWaiters(errors.New(m.failure))
	m.settled()
}

func (m *master) dropReload() {
	r := m.reload
	m.reload = nil
	if r.cancel != nil {
		r.cancel()
	}
	for _, s := range r.slots {
		m.vacate(s, "reload failed")
	}
	closeAll(r.added, true)
	r.program.close()
}

// abandonReload ends a reload because something more important came.
func (m *master) abandonReload(why string) {
	if m.reload != nil {
		m.log.Info("reload is abandoned", "why", why)
		m.again = false
		m.dropReload()
		m.waiters, m.later = append(m.waiters, m.later...), nil
		m.tellWaiters(errors.New(why))
	}
}

// dropping reports whether a worker holds addresses that the server gives up, whose queues only it will empty.
func (m *master) dropping(*worker) bool { return len(m.retired) > 0 }

// retire closes the master's end of sockets that were given up, once nobody accepts from them.
func (m *master) retire() {
	if len(m.retired) == 0 {
		return
	}
	m.giveUp(m.retired)
	m.retired = nil
}

// addresses are where the server listens.
func (m *master) addresses() []string {
	var list []string
	for _, s := range m.sockets {
		if s.path != "" {
			list = append(list, s.path) // the listener's own word is the name before the renaming
			continue
		}
		list = append(list, s.listener.Addr().String())
	}
	return list
}
