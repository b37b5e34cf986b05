package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
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
	asked   map[int]int // pids by number of the workers whose answer is to come
	one     bool        // it is for one worker, which has something to say or there is nothing to say
	texts   []string
	missing []string // who has nothing to say, and why
	until   time.Time
}

// A Status is what a server says of itself.
type Status struct {
	PID           int            `json:"pid"`                      // the master's
	State         string         `json:"state"`                    // "starting", "serving", "reloading", "upgrading", "stopping", "paused"
	Uptime        float64        `json:"uptime_seconds"`           // since it started
	Addresses     []string       `json:"addresses"`                // that it listens at
	Wanted        int            `json:"workers_wanted"`           // how many there should be
	Serving       int            `json:"workers_serving"`          // how many accept requests
	Requests      int64          `json:"requests"`                 // answered since the start, by all workers
	Crashes       int64          `json:"crashes"`                  // of workers, since the start
	ReloadFailure string         `json:"reload_failure,omitempty"` // of the last reload, if it failed
	CrashLoop     bool           `json:"crash_loop"`               // whether a worker keeps ending soon after it began
	Workers       []WorkerStatus `json:"workers"`                  // by number
}

// A WorkerStatus is what is known of one worker.
type WorkerStatus struct {
	Worker   int     `json:"worker"`         // its number, never given again
	PID      int     `json:"pid"`            // its process
	State    string  `json:"state"`          // "booting", "serving", "leaving"
	Uptime   float64 `json:"uptime_seconds"` // since it started
	Requests int64   `json:"requests"`       // answered
	Busy     int     `json:"busy"`           // requests in flight
	Conns    int     `json:"conns"`          // open connections
	Stuck    int     `json:"stuck"`          // requests running on after RequestTimeout
	Oldest   float64 `json:"oldest_seconds"` // age of the oldest in flight; 0 if there is none
	Memory   int64   `json:"memory"`         // resident bytes, 0 if not known
	Life     string  `json:"life"`           // how it gives signs of life: "wire", "watchdog" (sd_notify), "none"
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

// table is the workers for people, one a line.
func (m *master) table() string {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "PID\tSTATE\tUPTIME\tREQUESTS\tBUSY\tCONNS\tSTUCK\tOLDEST\tMEMORY\tLIFE")
	seconds := func(s float64) time.Duration { return time.Duration(s * float64(time.Second)).Round(time.Millisecond) }
	for _, w := range m.status().Workers {
		fmt.Fprintf(t, "%d\t%s\t%v\t%d\t%d\t%d\t%d\t%v\t%dM\t%s\n", w.PID, w.State, seconds(w.Uptime), w.Requests, w.Busy, w.Conns, w.Stuck,
			seconds(w.Oldest), w.Memory>>20, w.Life)
	}
	t.Flush()
	return b.String()
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
	case "workers":
		ok(m.table())
	case "requests":
		m.question(a, "requests", 0)
	case "stack":
		var n, request int
		if fields, err := fmt.Sscanf(rest, "%d %d", &n, &request); fields < 2 || err != nil {
			a.reply <- answer{err: errors.New("use: stack <pid> <number>, as requests shows them")}
			return
		}
		m.question(a, fmt.Sprintf("stack %d", request), n)
	case "reload":
		m.orderReload(a)
	case "scale":
		n, err := strconv.Atoi(rest)
		if err != nil || m.cfg.Workers == 0 {
			a.reply <- answer{err: fmt.Errorf("cannot scale to %q", rest)}
			return
		}
		if m.paused {
			m.log.Info("workers come back")
			m.paused = false
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
		if err := m.beginUpgrade(); err != nil {
			a.reply <- answer{err: err}
			return
		}
	case "stop":
		m.beginStop(stageLame, "control socket")
	case "quit":
		m.beginStop(stageQuick, "control socket")
	default:
		a.reply <- answer{err: fmt.Errorf("%q is no order: status, workers, metrics, requests, stack, reload, reopen, scale, upgrade, stop, quit", verb)}
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

// tellWaiters answers those who wait for the reload under way.
func (m *master) tellWaiters(err error) {
	tell(m.waiters, err)
	m.waiters = nil
}

// tell answers orders to reload.
func tell(asks []ask, err error) {
	for _, a := range asks {
		a.reply <- answer{"reloaded\n", err}
	}
}

// question passes a question on to the worker with a pid, or to all.
func (m *master) question(a ask, text string, pid int) {
	m.askID++
	q := &question{ask: a, asked: map[int]int{}, one: pid != 0, until: time.Now().Add(time.Second)}
	found := pid == 0
	for _, w := range m.workers {
		if w.state == booting || pid != 0 && w.child.PID() != pid {
			continue
		}
		found = true
		if w.child.Send(message{Type: msgAsk, ID: m.askID, Text: text}) == nil {
			q.asked[w.id] = w.child.PID()
		} else {
			q.missing = append(q.missing, fmt.Sprintf("%d cannot be asked", w.child.PID()))
		}
	}
	if !found {
		a.reply <- answer{err: fmt.Errorf("there is no worker %d", pid)}
		return
	}
	m.asked[m.askID] = q
	m.settleQuestion(m.askID)
}

// collect takes a worker's part of an answer.
func (m *master) collect(worker int, msg message) {
	if q := m.asked[msg.ID]; q != nil {
		delete(q.asked, worker)
		q.texts = append(q.texts, msg.Text)
		m.settleQuestion(msg.ID)
	}
}

// settleQuestion answers a question when nobody is left who may have something to say. Who had nothing is named.
func (m *master) settleQuestion(id int) {
	q := m.asked[id]
	if len(q.asked) > 0 {
		return
	}
	delete(m.asked, id)
	text := strings.Join(q.texts, "")
	if q.one && text == "" {
		q.ask.reply <- answer{err: errors.New(firstOf(strings.Join(q.missing, ""), "there is no such request any more"))}
		return
	}
	for _, who := range q.missing {
		text += who + "\n"
	}
	q.ask.reply <- answer{text: text}
}

// forgetQuestions answers with what has come, when a worker does not answer.
func (m *master) forgetQuestions(now time.Time) {
	for id, q := range m.asked {
		if now.After(q.until) {
			for _, pid := range q.asked {
				q.missing = append(q.missing, fmt.Sprintf("%d does not answer", pid))
			}
			clear(q.asked)
			m.settleQuestion(id)
		}
	}
}
