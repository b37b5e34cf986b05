package server

import (
	"context"
	"log/slog"
	"slices"
	"syscall"
	"time"
)

// A worker is the master's side of one worker process.
type worker struct {
	id       int // running number: the lowest is the oldest
	slot     *slot
	child    child
	config   *Config
	state    state
	began    time.Time
	since    time.Time // ready since
	beatAt   time.Time
	last     beat
	deadline time.Time // of booting, or of leaving
	aborted  time.Time // when it was sent ABRT
	killed   bool
	expected bool   // it was told to end
	told     bool   // by a TERM of somebody else's
	early    int    // how often so before it said that it serves
	failed   string // why it says that it cannot serve
	limit    int64  // requests after which it is replaced
	scout    bool
	deaf     bool // it accepts no more
	mute     bool // a program that does not know the wire: see command.go
	watched  bool // it gives signs of life all the same
}

// life is how a worker gives signs of it.
func (w *worker) life() string {
	switch {
	case !w.mute:
		return "wire"
	case w.watched:
		return "watchdog"
	}
	return "none"
}

type state int

const (
	booting state = iota
	serving
	leaving
)

func (s state) String() string { return [...]string{"booting", "serving", "leaving"}[s] }

// A slot is a place for one worker, and the memory of how its workers fared.
type slot struct {
	worker    *worker // booting or serving; nil between
	successor *worker // replaces worker as soon as it is ready
	fails     int     // in a row
	notBefore time.Time
}

// Back-off of a slot: so many times a minute at most, and 24 boots of four slots in the first ten seconds.
const (
	backoffFirst  = 100 * time.Millisecond
	backoffFactor = 2.5
	backoffMax    = 10 * time.Second
	healthy       = time.Minute // after which failures are forgotten
	loopFails     = 3           // in a row are a crash loop
)

func (s *slot) failed(now time.Time) time.Duration {
	wait := float64(backoffFirst)
	for range s.fails {
		wait = min(wait*backoffFactor, float64(backoffMax))
	}
	s.fails++
	s.notBefore = now.Add(time.Duration(wait))
	return time.Duration(wait)
}

// fill brings the number of slots to the target and starts what is missing. The first worker ever starts alone: an app
// that is broken fails once, not once a worker.
func (m *master) fill(now time.Time) {
	for len(m.slots) > m.target {
		m.removeOldest()
	}
	for len(m.slots) < m.target {
		m.slots = append(m.slots, &slot{})
	}
	for _, s := range m.slots {
		if s.worker == nil && !m.paused && !now.Before(s.notBefore) {
			s.worker, _ = m.start(s, roleWorker, m.program, m.cfg, m.sockets)
			if !m.ever {
				return
			}
		}
		if !m.ever && s.worker != nil {
			return
		}
	}
}

// removeOldest takes away the slot with the oldest worker, an empty one first.
func (m *master) removeOldest() {
	oldest := slices.MinFunc(m.slots, func(a, b *slot) int { return a.age() - b.age() })
	m.slots = slices.DeleteFunc(m.slots, func(s *slot) bool { return s == oldest })
	m.vacate(oldest, "fewer workers")
}

func (s *slot) age() int {
	if s.worker == nil {
		return 0
	}
	return s.worker.id
}

// vacate makes a slot's workers leave.
func (m *master) vacate(s *slot, why string) {
	for _, w := range []*worker{s.worker, s.successor} {
		if w != nil {
			m.dismiss(w, why)
		}
	}
	s.worker, s.successor = nil, nil
}

// start launches a worker. A failure, which may be the system's (no processes, no descriptors), counts as the slot's.
func (m *master) start(s *slot, role string, p *program, c *Config, socks []*socket) (*worker, error) {
	m.lastID++
	w := &worker{id: m.lastID, slot: s, config: c, began: time.Now(), scout: role == roleScout}
	w.beatAt, w.deadline = w.began, w.began.Add(c.BootTimeout)
	if c.MaxRequests > 0 {
		w.limit = int64(c.MaxRequests + m.sys.jitter(c.MaxRequestsJitter+1))
	}
	m.user.Hooks.preSpawn(w.id)
	child, err := m.sys.launch(spec{id: w.id, slot: slices.Index(m.slots, s), role: role, program: p, sockets: socks, config: c, env: workerEnv(c)}, m.emit)
	if err != nil {
		m.log.Error("cannot start a worker", "err", err, "again_in", s.failed(time.Now()))
		if !m.ever && s.fails > 1 {
			m.fail(&ExitError{Code: 3, Err: err})
		}
		return nil, err
	}
	m.counts.boots++
	w.child = child
	m.workers[w.id] = w
	if !w.scout {
		m.configure(w)
	}
	m.log.Info("worker starts", "worker", child.PID())
	return w, nil
}

func (m *master) configure(w *worker) {
	w.child.Send(message{Type: msgConfig, Config: w.config.values(), Worker: w.id, Limit: w.limit, Lame: m.stop != nil})
}

// ready notes that a worker serves; if it came to replace another, that one leaves now and not before.
func (m *master) ready(w *worker) {
	if w.state != booting {
		return
	}
	w.state, w.since, w.beatAt = serving, time.Now(), time.Now()
	m.log.Info("worker serves", "worker", w.child.PID(), "after", time.Since(w.began).Round(time.Millisecond))
	if !m.ever {
		m.ever = true
		m.announce()
		m.sys.served()
	}
	m.relieve()
	if s := w.slot; s.successor == w {
		old := s.worker
		s.worker, s.successor = w, nil
		m.counts.recycled++
		if old != nil {
			m.dismiss(old, "successor serves")
		}
	}
}

// announce tells the world that the server serves.
func (m *master) announce() {
	m.sys.notify("READY=1\nSTATUS=serving")
	m.user.Hooks.whenReady(m.addresses())
}

// relieve tells the old master of an upgrade that this one can do the work: all its workers serve.
func (m *master) relieve() {
	if m.parent == nil || m.relieved || len(m.slots) < m.target {
		return
	}
	for _, s := range m.slots {
		if s.worker == nil || s.worker.state != serving {
			return
		}
	}
	m.relieved = true
	m.parent.Send(message{Type: msgReady})
}

// heedEarly does for a worker that serves now what it was told before: it may have had connections already.
func (m *master) heedEarly(w *worker) {
	for ; w.early > 0 && w.state != booting; w.early-- {
		m.toldToLeave(w)
	}
}

// dismiss makes a worker leave: it drains if it serves, and is killed if it has nothing to lose.
func (m *master) dismiss(w *worker, why string) {
	if w.state == leaving {
		return
	}
	w.expected = true
	if w.state == booting {
		w.state = leaving
		m.kill(w)
		return
	}
	w.state = leaving
	w.deadline = time.Now().Add(w.config.GracefulTimeout + killAfter)
	m.log.Info("worker leaves", "worker", w.child.PID(), "why", why)
	w.child.Send(message{Type: msgDrain, Grace: w.config.GracefulTimeout, Empty: m.deserted() && !m.stop.handed || m.dropping(w), Final: m.final()})
}

// killAfter is what a worker gets beyond its time, to answer and name the requests that it cuts.
const killAfter = time.Second

func (m *master) kill(w *worker) {
	if !w.killed {
		w.killed = true
		w.child.Signal(syscall.SIGKILL)
	}
}

// overdue is how long a worker that beats each second may be silent before the others do not wait for it any more to take a
// connection. It is on the scoreboard again with the next one that it takes.
const overdue = 2500 * time.Millisecond

// judge looks whether a worker is past its time: to boot, to leave, or to give a sign of life. A silent worker is asked
// for the stacks of its goroutines by ABRT, and killed a second later.
func (m *master) judge(w *worker, now time.Time) {
	if w.state == serving && !w.mute && now.Sub(w.beatAt) > overdue {
		m.sys.forget(w.id)
	}
	switch {
	case w.state == booting && now.After(w.deadline):
		m.log.Error("worker does not come up", "worker", w.child.PID(), "timeout", w.config.BootTimeout)
		w.deadline = now.Add(time.Hour)
		m.kill(w)
	case w.state == leaving && now.After(w.deadline) && !w.killed:
		m.log.Error("worker did not leave in time", "worker", w.child.PID(), "busy", w.last.Busy)
		m.kill(w)
	case w.state == serving && !w.aborted.IsZero():
		if now.Sub(w.aborted) >= time.Second {
			m.kill(w)
		}
	case w.state == serving && (!w.mute || w.watched) && now.Sub(w.beatAt) > w.config.WorkerTimeout:
		m.counts.timeouts++
		m.log.Error("worker is silent", "worker", w.child.PID(), "timeout", w.config.WorkerTimeout, "busy", w.last.Busy)
		w.aborted = now
		w.child.Signal(syscall.SIGABRT)
	}
}

// toldToLeave is a worker that somebody sent TERM. It serves on until its successor does: a service manager, or a shell, sends TERM
// to all processes at once, and workers that all stopped accepting would leave a queue that nobody empties. A second TERM, and a
// program that does not know the wire, waits for nobody.
func (m *master) toldToLeave(w *worker) {
	if w.state == booting {
		w.early++
	}
	if w.state != serving {
		return
	}
	s := w.slot
	m.log.Info("worker was told to leave", "worker", w.child.PID())
	first := !w.told
	w.told, w.expected = true, true
	switch {
	case w.mute:
		w.state, w.deadline = leaving, time.Now().Add(w.config.GracefulTimeout+killAfter)
	case first && (m.reload == nil || !m.reload.owns(w)):
		if s.successor == nil {
			s.successor, _ = m.start(s, roleWorker, m.program, m.cfg, m.sockets)
		}
		return
	default:
		m.dismiss(w, "told to")
	}
	if s.worker == w {
		s.worker, s.successor = s.successor, nil
	}
}

// ended is the end of a worker process.
func (m *master) ended(w *worker, x *exit) {
	delete(m.workers, w.id)
	m.sys.forget(w.id)
	w.deaf = true
	m.remember(w)
	uptime := time.Since(w.began).Round(time.Millisecond)
	level := x.level(w)
	if level == slog.LevelError {
		m.counts.crashes++
	}
	about := []any{"worker", w.child.PID(), "by", x.String(), "uptime", uptime, "busy", w.last.Busy, "conns", w.last.Conns}
	if x.signal == "killed" && !w.killed {
		about = append(about, "note", "perhaps out of memory")
	}
	if x.last != "" && level == slog.LevelError {
		about = append(about, "said", x.last)
	}
	m.log.Log(context.Background(), level, "worker ended", about...)
	m.user.Hooks.childExit(w, x)
	if m.stop != nil && !m.lame() {
		return
	}
	if m.reload != nil && m.reload.owns(w) {
		m.refuseReload("a new worker did not come up ("+x.String()+")", firstOf(w.failed, x.last))
		return
	}
	m.vacated(w, x)
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// vacated settles what an end means for the worker's slot: when its next worker may start.
func (m *master) vacated(w *worker, x *exit) {
	s := w.slot
	switch w {
	case s.successor:
		s.successor = nil
	case s.worker:
		s.worker, s.successor = s.successor, nil
	default:
		return
	}
	now := time.Now()
	if !m.ever && !w.expected {
		m.fail(bootError(w, x))
		return
	}
	lived := w.state != booting && now.Sub(w.since) >= healthy
	if lived {
		s.fails = 0
	}
	// A worker that was well and was killed from outside is no sign of a broken app.
	if w.expected || w.state != booting && (lived || x.signal == "killed" || x.signal == "terminated" || !w.aborted.IsZero()) {
		return
	}
	wait := s.failed(now)
	if s.fails >= loopFails {
		m.log.Error("crash loop", "failures", s.fails, "again_in", wait)
	}
	if f := m.cfg.FailAfter; f > 0 && s.fails >= f {
		m.fail(&ExitError{Code: 3, Err: bootError(w, x)})
	}
}

// fail ends the server with an error.
func (m *master) fail(err error) {
	if m.err == nil {
		m.err = err
	}
	m.beginStop(stageQuick, "failure")
}

// recycle replaces one worker that has done enough, successor first, and never two at once.
func (m *master) recycle(now time.Time) {
	if m.reload != nil || m.upgrade != nil || slices.ContainsFunc(m.slots, func(s *slot) bool { return s.successor != nil }) {
		return
	}
	for _, w := range m.workers {
		if w.state == leaving && w.expected && w.deadline.After(now) && w.slot.worker != nil && w.slot.worker != w {
			return // one that was recycled is still draining
		}
	}
	for _, s := range m.slots {
		w := s.worker
		if w == nil || w.state != serving || now.Before(s.notBefore) {
			continue
		}
		if why := m.exhausted(w); why != "" {
			m.log.Info("worker is to be replaced", "worker", w.child.PID(), "why", why, "requests", w.last.Requests, "memory", m.memory(w))
			s.successor, _ = m.start(s, roleWorker, m.program, m.cfg, m.sockets)
			return
		}
	}
}

// memory is a worker's resident bytes: by its own word, or the system's, whichever is more.
func (m *master) memory(w *worker) int64 {
	return max(w.last.Memory, m.sys.resident(w.child.PID()))
}

// exhausted says why a worker has done enough, "" if it has not.
func (m *master) exhausted(w *worker) string {
	switch c := w.config; {
	case w.told:
		return "told to leave"
	case w.limit > 0 && w.last.Requests >= w.limit:
		return "max_requests"
	case c.MaxMemory > 0 && m.memory(w) > c.MaxMemory:
		return "max_memory"
	case c.RequestTimeout > 0 && w.last.Stuck >= c.MaxStuck:
		return "stuck requests"
	}
	return ""
}

// remember adds an ended worker's totals to the server's.
func (m *master) remember(w *worker) {
	m.counts.requests += w.last.Requests
	for i, n := range w.last.Statuses {
		m.counts.statuses[i] += n
	}
	for i, n := range w.last.Durations.Counts {
		m.counts.durations.Counts[i] += n
	}
	m.counts.durations.Sum += w.last.Durations.Sum
}
