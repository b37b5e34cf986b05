package server

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// An ask is a question or an order from outside the loop; reply gets one answer, and has room for it.
type ask struct {
	line  string
	reply chan answer
}

type answer struct {
	text string
	err  error
}

// A question is one that workers answer.
type question struct {
	ask     ask
	waiting int
	texts   []string
	until   time.Time
}

// A Status is what a server says of itself.
type Status struct {
	PID           int            `json:"pid"`
	State         string         `json:"state"` // "starting", "serving", "reloading", "upgrading", "stopping", "paused"
	Uptime        float64        `json:"uptime_seconds"`
	Addresses     []string       `json:"addresses"`
	Wanted        int            `json:"workers_wanted"`
	Serving       int            `json:"workers_serving"`
	Requests      int64          `json:"requests"`
	Crashes       int64          `json:"crashes"`
	ReloadFailure string         `json:"reload_failure,omitempty"` // of the last reload, if it failed
	CrashLoop     bool           `json:"crash_loop"`
	Workers       []WorkerStatus `json:"workers"`
}

// A WorkerStatus is what is known of one worker.
type WorkerStatus struct {
	Worker   int     `json:"worker"`
	PID      int     `json:"pid"`
	State    string  `json:"state"`
	Uptime   float64 `json:"uptime_seconds"`
	Requests int64   `json:"requests"`
	Busy     int     `json:"busy"`
	Conns    int     `json:"conns"`
	Stuck    int     `json:"stuck"`
	Oldest   float64 `json:"oldest_seconds"`
	Memory   int64   `json:"memory"`
	Life     string  `json:"life"` // how it gives signs of life: "wire", "watchdog" (sd_notify), "none"
}

func (m *master) status() Status {
	s := Status{
		PID: os.Getpid(), State: m.state(), Uptime: time.Since(m.started).Seconds(), Addresses: m.addresses(), Wanted: m.target,
		Requests: m.counts.requests, Crashes: m.counts.crashes, ReloadFailure: m.failure,
	}
	for _, w := range m.workers {
		if w.state == serving {
			s.Serving++
		}
		s.Requests += w.last.Requests
		s.Workers = append(s.Workers, WorkerStatus{
			Worker: w.id, PID: w.child.PID(), State: w.state.String(), Uptime: time.Since(w.began).Seconds(), Requests: w.last.Requests,
			Busy: w.last.Busy, Conns: w.last.Conns, Stuck: w.last.Stuck, Oldest: w.last.Oldest.Seconds(), Memory: m.memory(w), Life: w.life(),
		})
	}
	slices.SortFunc(s.Workers, func(a, b WorkerStatus) int { return a.Worker - b.Worker })
	for _, slot := range m.slots {
		s.CrashLoop = s.CrashLoop || slot.fails >= loopFails
	}
	return s
}

func (m *master) state() string {
	switch {
	case m.stop != nil:
		return "stopping"
	case m.upgrade != nil:
		return "upgrading"
	case m.reload != nil:
		return "reloading"
	case m.paused:
		return "paused"
	case !m.ever:
		return "starting"
	}
	return "serving"
}

// answer acts on one line from the control socket or the metrics address.
func (m *master) answer(ctx context.Context, a ask) {
	verb, rest, _ := strings.Cut(strings.TrimSpace(a.line), " ")
	ok := func(text string) { a.reply <- answer{text: text} }
	switch verb {
	case "status":
		text, err := json.MarshalIndent(m.status(), "", "  ")
		a.reply <- answer{string(text) + "\n", err}
	case "metrics":
		ok(m.metrics())
	case "ready":
		if state := m.state(); state == "stopping" || state == "starting" || state == "paused" {
			a.reply <- answer{err: errors.New(state)}
			return
		}
		ok("ready\n")
	case "requests":
		m.question(a, "requests", 0)
	case "stack":
		pid, number, _ := strings.Cut(rest, " ")
		n, err := strconv.Atoi(pid)
		if err != nil {
			a.reply <- answer{err: errors.New("use: stack <pid> <number>, as requests shows them")}
			return
		}
		m.question(a, "stack "+number, n)
	case "reload":
		m.orderReload(a)
	case "scale":
		n, err := strconv.Atoi(rest)
		if err != nil || m.cfg.Workers == 0 {
			a.reply <- answer{err: fmt.Errorf("cannot scale to %q", rest)}
			return
		}
		m.setTarget(n)
		ok(fmt.Sprintf("%d workers\n", m.target))
	default:
		m.obey(ctx, verb, a)
	}
}

// obey carries out the orders that are signals too.
func (m *master) obey(_ context.Context, verb string, a ask) {
	switch verb {
	case "reopen":
		m.reopen()
	case "upgrade":
		m.beginUpgrade()
	case "stop":
		m.beginStop(stageLame, "control socket")
	case "quit":
		m.beginStop(stageQuick, "control socket")
	default:
		a.reply <- answer{err: fmt.Errorf("%q is no order: status, metrics, requests, stack, reload, reopen, scale, upgrade, stop, quit", verb)}
		return
	}
	a.reply <- answer{text: "ok\n"}
}

// orderReload begins a reload whose end is the answer.
func (m *master) orderReload(a ask) {
	if m.reload != nil {
		m.later = append(m.later, a)
		m.beginReload()
		return
	}
	m.waiters = append(m.waiters, a)
	m.beginReload()
	if m.reload == nil {
		m.tellWaiters(errors.New("no reload now: the server is " + m.state()))
	}
}

// tellWaiters answers those who wait for a reload.
func (m *master) tellWaiters(err error) {
	for _, a := range m.waiters {
		a.reply <- answer{"reloaded\n", err}
	}
	m.waiters = nil
}

// question passes a question on to the worker with a pid, or to all.
func (m *master) question(a ask, text string, pid int) {
	m.askID++
	q := &question{ask: a, until: time.Now().Add(time.Second)}
	for _, w := range m.workers {
		if w.state != booting && (pid == 0 || w.child.PID() == pid) {
			if w.child.Send(message{Type: msgAsk, ID: m.askID, Text: text}) == nil {
				q.waiting++
			}
		}
	}
	if q.waiting == 0 {
		a.reply <- answer{err: errors.New("there is no such worker")}
		return
	}
	m.asked[m.askID] = q
}

// collect takes a worker's part of an answer.
func (m *master) collect(msg message) {
	q := m.asked[msg.ID]
	if q == nil {
		return
	}
	q.texts = append(q.texts, msg.Text)
	if q.waiting--; q.waiting == 0 {
		delete(m.asked, msg.ID)
		q.ask.reply <- answer{text: strings.Join(q.texts, "")}
	}
}

// forgetQuestions answers with what has come, when a worker does not answer.
func (m *master) forgetQuestions(now time.Time) {
	for id, q := range m.asked {
		if now.After(q.until) {
			delete(m.asked, id)
			q.ask.reply <- answer{text: strings.Join(q.texts, "")}
		}
	}
}

// doors are the ways in for questions.
type doors struct {
	control *socket
	metrics *http.Server
	done    chan struct{}
}

// openDoors opens the control socket and the metrics address.
func (m *master) openDoors(ctx context.Context) (err error) {
	m.doors = &doors{done: make(chan struct{})}
	if m.parent == nil {
		if err := m.openControl(ctx, m.cfg.BindRetries); err != nil {
			return err
		}
	}
	if m.cfg.MetricsBind != "" {
		m.doors.metrics = &http.Server{Handler: m.metricsHandler(), ReadHeaderTimeout: 5 * time.Second}
		if err := m.openMetrics(ctx); err != nil {
			return err
		}
	}
	if m.cfg.StatsdAddr != "" {
		m.sink, err = newStatsd(m.cfg)
	}
	return err
}

// openControl opens the control socket. The new master of an upgrade does so when the old one has handed over: before that
// the upgrade may fail, and the old one must still be within reach. retries are for who has no loop to keep waiting.
func (m *master) openControl(ctx context.Context, retries int) (err error) {
	path := m.cfg.ControlSocket
	if path == "" || m.doors.control != nil {
		return nil
	}
	c := *m.cfg
	c.SocketMode, c.User, c.Group, c.BindRetries = m.cfg.ControlSocketMode, "", "", retries
	if m.parent != nil {
		os.Remove(path) // the old master's
	}
	if m.doors.control, err = listen(ctx, &c, "unix:"+path); err == nil {
		go m.attend(m.doors.control.listener)
	}
	return err
}

func (m *master) openMetrics(ctx context.Context) error {
	c := *m.cfg
	c.ReusePort = false
	s, err := listen(ctx, &c, c.MetricsBind)
	if err == nil {
		go m.doors.metrics.Serve(s.listener)
	} else if m.parent != nil {
		go m.inheritMetrics(ctx, &c)
		err = nil
	}
	return err
}

// inheritMetrics takes the metrics address when the old master of an upgrade has left it. It has a configuration of its own, for
// the loop may take another meanwhile.
func (m *master) inheritMetrics(ctx context.Context, c *Config) {
	b, err := parseBind(c.MetricsBind)
	if err != nil {
		return // it has been checked
	}
	retry := time.NewTicker(100 * time.Millisecond)
	defer retry.Stop()
	for {
		select {
		case <-m.doors.done:
			return
		case <-retry.C:
			if s, err := tryListen(ctx, c, b); err == nil {
				m.doors.metrics.Serve(s.listener)
				return
			}
		}
	}
}

func (m *master) closeDoors() {
	close(m.doors.done)
	if m.doors.control != nil {
		m.doors.control.close(true)
	}
	if m.doors.metrics != nil {
		m.doors.metrics.Close()
	}
}

// ask puts a question to the loop from another goroutine.
func (m *master) ask(line string, patience time.Duration) (string, error) {
	a := ask{line: line, reply: make(chan answer, 1)}
	select {
	case m.asks <- a:
	case <-m.doors.done:
		return "", errors.New("the server has stopped")
	}
	select {
	case r := <-a.reply:
		return r.text, r.err
	case <-m.doors.done:
		return "", errors.New("the server has stopped")
	case <-time.After(patience):
		return "", errors.New("no answer in time")
	}
}

// attend serves the control socket: a line in, an answer out, and the end.
func (m *master) attend(l net.Listener) {
	for {
		c, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil: // no descriptors: orders are wanted most when something is wrong
			select {
			case <-m.doors.done:
				return
			case <-time.After(100 * time.Millisecond):
			}
			continue
		}
		go func() {
			defer c.Close()
			c.SetReadDeadline(time.Now().Add(5 * time.Second))
			line, err := bufio.NewReader(c).ReadString('\n')
			if err != nil {
				return
			}
			text, err := m.ask(line, 10*time.Minute)
			if err != nil {
				fmt.Fprintf(c, "error: %v\n", err)
				return
			}
			fmt.Fprintf(c, "ok\n%s", text)
		}()
	}
}

// Control sends one order to the control socket of a running server and returns its answer: "status" (a [Status] in JSON),
// "metrics", "requests" (one a line: pid, number, client, method, path, age), "stack <pid> <number>", "reload" (returns
// when it is done, with an error if it was refused), "reopen", "scale <workers>", "upgrade", "stop", "quit".
func Control(socket, order string) (string, error) {
	c, err := net.Dial("unix", socket)
	if err != nil {
		return "", fmt.Errorf("server: no server at %s: %w", socket, err)
	}
	defer c.Close()
	if _, err := fmt.Fprintf(c, "%s\n", order); err != nil {
		return "", err
	}
	var text strings.Builder
	if _, err := bufio.NewReader(c).WriteTo(&text); err != nil {
		return "", err
	}
	if rest, ok := strings.CutPrefix(text.String(), "ok\n"); ok {
		return rest, nil
	}
	return "", errors.New("server: " + strings.TrimSpace(strings.TrimPrefix(text.String(), "error: ")))
}
