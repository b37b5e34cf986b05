package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"
)

func itoa(n int) string { return strconv.Itoa(n) }

// A master owns the sockets and the workers. All its fields belong to the goroutine of run: signals, what children say,
// what they end with, questions and the ticker come to that one loop, which never waits for anything else, so that a
// signal is acted on at once whatever is under way.
//
// Source: Gunicorn's Arbiter. Unlike Gunicorn, reload and stop are states of the loop, not loops of their own.
type master struct {
	sys     *system
	user    Config  // as given to Run
	cfg     *Config // in force
	log     *logs
	closing sync.WaitGroup // log files that have been replaced, and are not written to the end yet
	program *program       // what workers are started from
	sockets []*socket
	retired []*socket // dropped by a reload; closed when the old workers have gone
	pidfile *pidfile

	signals chan os.Signal
	events  chan event
	asks    chan ask

	workers map[int]*worker // every one that has not ended
	slots   []*slot
	lastID  int
	target  int  // workers wanted
	scaled  int  // what TTIN and TTOU have changed of it
	paused  bool // WINCH
	ever    bool // a worker has been ready

	reload   *reload
	again    bool // HUP came during a reload
	failure  string
	upgrade  *upgrade
	parent   child   // the old master of an upgrade, until it has gone
	left     *socket // the old master's control socket, without the listener; nil if it has none
	relieved bool    // it has been told that this one serves
	owner    bool    // the sockets are not the old master's any more
	stop     *stop

	looked  time.Time // when the loop last looked at deadlines
	started time.Time
	asked   map[int]*question
	askID   int
	counts  counts
	sink    *statsd
	doors   *doors
	// controlAt is when the control socket is tried again that could not be taken over from an old master; zero if it was.
	controlAt time.Time
	waiters   []ask  // for the reload under way
	later     []ask  // for the one after it
	turns     []turn // reloads that are done but for old workers' last word
	watched   time.Time
	err       error // what run returns
}

// counts are totals for metrics: of workers that have ended, and of what the master did.
type counts struct {
	boots, crashes, timeouts, reloads, reloadFailures, recycled int64
	requests                                                    int64
	statuses                                                    [6]int64
	durations                                                   histogram
}

func newMaster(sys *system, user Config, cfg *Config, log *logs) *master {
	return &master{
		sys: sys, user: user, cfg: cfg, log: log,
		signals: make(chan os.Signal, 64), events: make(chan event, 256), asks: make(chan ask),
		owner: true, workers: map[int]*worker{}, asked: map[int]*question{}, target: max(1, cfg.Workers),
	}
}

// run is the loop. It returns when the last worker has gone after a stop.
func (m *master) run(ctx context.Context) error {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	m.started = time.Now()
	m.looked = m.started
	m.user.Hooks.workersChanged(m.target, 0)
	done := ctx.Done()
	for {
		m.manage(ctx, time.Now())
		if m.deserted() && len(m.workers) == 0 {
			return m.err
		}
		select {
		case s := <-m.signals:
			m.handle(ctx, s)
		case e := <-m.events:
			m.happened(ctx, e)
		case a := <-m.asks:
			m.answer(ctx, a)
		case <-ticker.C:
		case <-done:
			done = nil
			m.beginStop(stageLame, "context ended")
		}
	}
}

// emit hands an event to the loop from any goroutine.
func (m *master) emit(e event) { m.events <- e }

// manage does what time and the events so far ask for.
func (m *master) manage(ctx context.Context, now time.Time) {
	m.excuse(now)
	for _, w := range m.workers {
		m.judge(w, now)
	}
	m.checkUpgrade(now)
	m.checkTurns(now)
	if !m.controlAt.IsZero() {
		m.takeControl(now)
	}
	m.forgetQuestions(now)
	if m.stop != nil {
		m.checkStop(now)
		if m.lame() {
			m.fill(now) // whoever dies now is missed until the delay is over
		}
		return
	}
	m.fill(now)
	m.checkReload(ctx)
	m.recycle(now)
	m.retire()
	m.gauge(now)
}

// excuse lets nobody be judged for a time in which the master itself did not run: a suspended machine, a stopped group.
func (m *master) excuse(now time.Time) {
	if now.Sub(m.looked) > time.Second {
		m.log.Warn("the master was held up", "for", now.Sub(m.looked).Round(time.Millisecond))
		for _, w := range m.workers {
			w.beatAt = now
			if w.state == booting {
				w.deadline = w.deadline.Add(now.Sub(m.looked))
			}
		}
	}
	m.looked = now
}

// handle acts on one signal.
func (m *master) handle(ctx context.Context, s os.Signal) {
	name := signalName(s)
	m.log.Debug("signal", "name", name)
	switch name {
	case "TERM":
		m.beginStop(stageLame, "signal TERM")
	case "INT", "QUIT":
		m.beginStop(stageQuick, "signal "+name)
	case "HUP":
		m.beginReload()
	case "USR1":
		m.reopen()
	case "USR2":
		m.beginUpgrade()
	case "TTIN":
		m.scale(+1)
	case "TTOU":
		m.scale(-1)
	case "WINCH":
		m.pause()
	}
}

// reopen opens the log files again, here and in the workers.
func (m *master) reopen() {
	m.log.reopen()
	for _, w := range m.workers {
		w.child.Send(message{Type: msgReopen})
	}
	m.log.Info("log files opened again")
}

// scale changes the number of workers by one.
func (m *master) scale(by int) {
	if m.cfg.Workers == 0 {
		m.log.Warn("there are no workers to scale: workers is 0")
		m.paused = m.paused && by < 0
		return
	}
	if m.paused && by > 0 {
		m.log.Info("workers come back")
		m.paused = false
		return
	}
	m.setTarget(m.target + by)
}

func (m *master) setTarget(n int) {
	if n = min(max(n, 1), m.cfg.MaxWorkers); n == m.target {
		m.log.Warn("number of workers stays", "workers", n, "max", m.cfg.MaxWorkers)
		return
	}
	old := m.target
	m.target, m.scaled = n, n-m.cfg.Workers
	m.log.Info("number of workers changes", "from", old, "to", n)
	m.user.Hooks.workersChanged(n, old)
}

// pause drains all workers and keeps the master. Resizing a terminal sends WINCH too, so it does nothing there.
func (m *master) pause() {
	if m.sys.terminal() || m.stop != nil {
		return
	}
	m.log.Info("workers leave, the master stays: HUP or TTIN brings them back")
	m.paused = true
	m.abandonReload("signal WINCH")
	for _, s := range m.slots {
		m.vacate(s, "signal WINCH")
	}
}

// happened acts on what a child said, or on its end.
func (m *master) happened(ctx context.Context, e event) {
	switch {
	case e.id == upgradeID:
		m.upgradeHappened(e)
		return
	case e.id == parentID:
		m.promote(e)
		return
	case e.id == buildID:
		m.built(ctx, e)
		return
	}
	w := m.workers[e.id]
	if w == nil {
		return
	}
	if e.exit != nil {
		m.ended(w, e.exit)
		return
	}
	switch e.msg.Type {
	case msgHello:
		m.hello(ctx, w, e.msg)
	case msgReady:
		if w.mute = e.msg.Mute; w.mute && !m.suits(w) {
			return
		}
		m.ready(w)
		m.heedEarly(w)
	case msgBeat:
		w.watched = w.mute
		m.beat(w, e.msg.Beat)
	case msgFailed:
		w.failed = e.msg.Text
	case msgLeaving:
		m.toldToLeave(w)
	case msgDeaf:
		w.deaf = true
	case msgAnswer:
		m.collect(e.id, e.msg)
	}
}

func (m *master) beat(w *worker, b *beat) {
	w.beatAt = time.Now()
	if b != nil {
		w.last = *b
	}
}

// An ExitError is an error of Run that has an exit code of its own: 1 for a server that cannot start, 3 when its workers
// cannot, as Gunicorn's.
type ExitError struct {
	Code int   // for os.Exit, not 0
	Err  error // the cause, never nil
}

// Error is that of Err.
func (e *ExitError) Error() string { return e.Err.Error() }

// Unwrap is the error itself.
func (e *ExitError) Unwrap() error { return e.Err }

// ExitCode is what a process should exit with after Run returned err: 0 for nil, an [ExitError]'s code, else 1.
func ExitCode(err error) int {
	if err == nil {
		return 0
	}
	if e, ok := errors.AsType[*ExitError](err); ok {
		return e.Code
	}
	return 1
}

// bootError is what ends a server that never served.
func bootError(w *worker, x *exit) error {
	why := w.failed
	if why == "" {
		why = x.last
	}
	if why == "" {
		why = "it said nothing"
	}
	return &ExitError{Code: 3, Err: fmt.Errorf("server: the first worker did not come up (%s): %s", x, why)}
}
