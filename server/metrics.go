package server

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// totals are the sums over all workers, those that have ended too.
func (m *master) totals() (t counts, busy, conns, stuck, backlog int, memory int64) {
	t = m.counts
	for _, w := range m.workers {
		b := &w.last
		t.requests += b.Requests
		for i, n := range b.Statuses {
			t.statuses[i] += n
		}
		for i, n := range b.Durations.Counts {
			t.durations.Counts[i] += n
		}
		t.durations.Sum += b.Durations.Sum
		busy, conns, stuck, memory = busy+b.Busy, conns+b.Conns, stuck+b.Stuck, memory+b.Memory
		backlog = max(backlog, b.Backlog)
	}
	return t, busy, conns, stuck, backlog, memory
}

// metrics is the server in Prometheus' text format.
func (m *master) metrics() string {
	t, busy, conns, stuck, backlog, memory := m.totals()
	var b strings.Builder
	one := func(name, kind, help string, v any) {
		fmt.Fprintf(&b, "# HELP carafe_%s %s\n# TYPE carafe_%s %s\ncarafe_%s %v\n", name, help, name, kind, name, v)
	}
	states := map[state]int{}
	busyWorkers := 0
	for _, w := range m.workers {
		states[w.state]++
		if w.last.Busy > 0 {
			busyWorkers++
		}
	}
	fmt.Fprint(&b, "# HELP carafe_workers Workers by state.\n# TYPE carafe_workers gauge\n")
	for _, s := range []state{booting, serving, leaving} {
		fmt.Fprintf(&b, "carafe_workers{state=%q} %d\n", s.String(), states[s])
	}
	one("workers_wanted", "gauge", "Workers that there should be.", m.target)
	one("workers_busy", "gauge", "Workers with a request in flight.", busyWorkers)
	one("requests_busy", "gauge", "Requests in flight.", busy)
	one("requests_stuck", "gauge", "Requests running on after their time.", stuck)
	one("connections", "gauge", "Open connections.", conns)
	one("backlog", "gauge", "Longest accept queue.", backlog)
	one("memory_bytes", "gauge", "Resident memory of all workers.", memory)
	one("requests_total", "counter", "Requests answered.", t.requests)
	fmt.Fprint(&b, "# HELP carafe_responses_total Answers by class of status.\n# TYPE carafe_responses_total counter\n")
	for class := 1; class < len(t.statuses); class++ {
		fmt.Fprintf(&b, "carafe_responses_total{class=\"%dxx\"} %d\n", class, t.statuses[class])
	}
	fmt.Fprint(&b, "# HELP carafe_request_seconds Duration of requests.\n# TYPE carafe_request_seconds histogram\n")
	var sum int64
	for i, n := range t.durations.Counts {
		sum += n
		bound := "+Inf"
		if i < len(durationBounds) {
			bound = strconv.FormatFloat(durationBounds[i].Seconds(), 'g', -1, 64)
		}
		fmt.Fprintf(&b, "carafe_request_seconds_bucket{le=%q} %d\n", bound, sum)
	}
	fmt.Fprintf(&b, "carafe_request_seconds_sum %g\ncarafe_request_seconds_count %d\n", t.durations.Sum, sum)
	one("worker_boots_total", "counter", "Workers started.", t.boots)
	one("worker_crashes_total", "counter", "Workers that ended by themselves.", t.crashes)
	one("worker_timeouts_total", "counter", "Workers that were silent too long.", t.timeouts)
	one("worker_recycled_total", "counter", "Workers replaced for what they had done.", t.recycled)
	one("reloads_total", "counter", "Reloads begun.", t.reloads)
	one("reload_failures_total", "counter", "Reloads that were refused.", t.reloadFailures)
	return b.String()
}

// metricsHandler answers on the private address.
func (m *master) metricsHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		text, err := m.ask("metrics", time.Second)
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		io.WriteString(w, text)
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		text, err := m.ask("ready", time.Second)
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		io.WriteString(w, text)
	})
	return mux
}

// A statsd sends metrics by datagrams, and never waits or tries again.
type statsd struct {
	conn   net.Conn
	prefix string
	tags   string
	before counts
	last   time.Time
}

func newStatsd(c *Config) (*statsd, error) {
	network, addr := "udp", c.StatsdAddr
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		network, addr = "unixgram", path
	}
	conn, err := net.Dial(network, addr)
	if err != nil {
		return nil, fmt.Errorf("server: statsd_addr: %w", err)
	}
	s := &statsd{conn: conn, prefix: c.StatsdPrefix}
	if s.prefix != "" && !strings.HasSuffix(s.prefix, ".") {
		s.prefix += "."
	}
	if len(c.StatsdTags) > 0 {
		s.tags = "|#" + strings.Join(c.StatsdTags, ",")
	}
	return s, nil
}

// gauge sends what statsd wants each second, and the watchdog its sign of life.
func (m *master) gauge(now time.Time) {
	m.watchdog(now)
	s := m.sink
	if s == nil || now.Sub(s.last) < time.Second {
		return
	}
	s.last = now
	t, busy, conns, _, backlog, _ := m.totals()
	var b strings.Builder
	put := func(name string, v int64, kind string) {
		if kind != "c" || v > 0 {
			fmt.Fprintf(&b, "%scarafe.%s:%d|%s%s\n", s.prefix, name, v, kind, s.tags)
		}
	}
	put("workers", int64(len(m.workers)), "g")
	put("requests.busy", int64(busy), "g")
	put("connections", int64(conns), "g")
	put("backlog", int64(backlog), "g")
	put("requests", t.requests-s.before.requests, "c")
	for class := 1; class < len(t.statuses); class++ {
		put(fmt.Sprintf("request.status.%dxx", class), t.statuses[class]-s.before.statuses[class], "c")
	}
	if n := t.requests - s.before.requests; n > 0 {
		put("request.duration", int64((t.durations.Sum-s.before.durations.Sum)*1000)/n, "ms")
	}
	s.before = t
	s.conn.SetWriteDeadline(time.Now().Add(repeatPatience))
	io.WriteString(s.conn, strings.TrimSuffix(b.String(), "\n"))
}

// watchdog tells systemd that the loop runs, twice in the time that it asks for.
func (m *master) watchdog(now time.Time) {
	usec, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64)
	if err != nil || usec <= 0 || now.Sub(m.watched) < time.Duration(usec)*time.Microsecond/2 {
		return
	}
	m.watched = now
	m.sys.notify(watchdogState)
}
