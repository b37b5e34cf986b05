package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// A report is what goes into performance.md.
type report struct {
	tables  []table
	machine []string
	absent  []string // servers that did not run, with the reason
	rounds  int
	seconds int
	began   time.Time
	took    time.Duration
	loads   [2]string // before and after
	partial bool      // not all cases, or not all servers
}

const (
	baseline = "net/http"
	ours     = "Carafe"
)

// peers are those that the aims name.
var peers = []string{"gin", "echo", "chi"}

func (r *report) write(w io.Writer) {
	fmt.Fprint(w, "# Performance\n\n<!-- made by: go -C bench/http run . -->\n\n")
	fmt.Fprint(w, "Real servers on loopback, each a process of its own, asked by wrk in turns. One command measures and writes this page:\n\n    go -C bench/http run .\n\n")
	r.writeHow(w)
	r.writeAims(w)
	fmt.Fprint(w, "![requests a second of each server in each case](performance.svg)\n\n")
	for i := range r.tables {
		r.writeTable(w, &r.tables[i])
	}
	r.writeServers(w)
}

func (r *report) writeHow(w io.Writer) {
	fmt.Fprintf(w, "## How\n\nMeasured on %s, in %s, on\n\n", r.began.UTC().Format("2 January 2006 at 15:04 UTC"), r.took.Round(time.Second))
	for _, line := range r.machine {
		fmt.Fprintf(w, "- %s\n", line)
	}
	fmt.Fprintf(w, "- load average before %s, after %s\n\n", r.loads[0], r.loads[1])
	fmt.Fprintf(w, `%d rounds of %d s. In each round of a case all servers have their turn, and another one begins each time. wrk has one thread and %d
connections, and asks as fast as it is answered; it shares the CPUs with the server, so that requests a second are those of both
together, and the latencies are those of a machine that is busy. Figures are medians of the rounds, with the least and the most in brackets.
"to net/http" is the median of the ratios, round by round. CPU is what the server's processes used for a request, user and system, wrk not
counted. Memory is the resident size at the end of a turn, processes of one server added up: what they share is counted in each.

Before anything is measured, every server's answers in every case are checked: the same status and text from all, the second
visit counted in the session, bad input refused, as many chunks as pieces (but for fiber: fasthttp itself decides when it sends).
A server whose answer is another is left out of the case, and named below its table.

`, r.rounds, r.seconds, connections)
	if r.partial {
		fmt.Fprint(w, "This run was **not** of all cases and servers.\n\n")
	}
	for _, line := range r.absent {
		fmt.Fprintf(w, "**Did not run:** %s.\n\n", line)
	}
}

func (r *report) writeTable(w io.Writer, t *table) {
	fmt.Fprintf(w, "## %s\n\n", t.scenario.title)
	fmt.Fprint(w, "| | requests/s | to net/http | p50 ms | p99 ms | CPU µs | CPU to net/http | memory MiB |\n|---|--:|--:|--:|--:|--:|--:|--:|\n")
	base := t.row(baseline)
	for i := range t.rows {
		x := &t.rows[i]
		if len(x.samples) == 0 {
			fmt.Fprintf(w, "| %s | did not run | | | | | | |\n", x.server.name)
			continue
		}
		rate, cpu := x.of(perSecond), x.of(cpuMicros)
		fmt.Fprintf(w, "| %s | %s (%s–%s) | %s | %.2f | %.2f | %.1f (%.1f–%.1f) | %s | %.0f |\n", bold(x.server.name),
			thousands(rate.median), thousands(rate.least), thousands(rate.most), ratio(x, base, perSecond),
			x.of(p50Millis).median, x.of(p99Millis).median, cpu.median, cpu.least, cpu.most, ratio(x, base, cpuMicros), x.of(megabytes).median)
	}
	fmt.Fprintln(w)
	writeTroubles(w, t)
}

// writeTroubles are the lines below a table.
func writeTroubles(w io.Writer, t *table) {
	for i := range t.rows {
		x := &t.rows[i]
		if x.err != nil {
			fmt.Fprintf(w, "%s: %s.\n\n", x.server.name, strings.ReplaceAll(x.err.Error(), "\n", " "))
		}
		if n := x.failed(); n > 0 {
			fmt.Fprintf(w, "%s left %s requests without a good answer.\n\n", x.server.name, thousands(float64(n)))
		}
	}
	if t.scenario.idle == 0 {
		return
	}
	var held []string
	all := true
	for i := range t.rows {
		if x := &t.rows[i]; len(x.samples) > 0 && x.leastIdle() < t.scenario.idle {
			all = false
			held = append(held, fmt.Sprintf("%s %s", x.server.name, thousands(float64(x.leastIdle()))))
		}
	}
	if all {
		fmt.Fprintf(w, "All servers still held all %s at the end of each turn.\n\n", thousands(float64(t.scenario.idle)))
		return
	}
	fmt.Fprintf(w, "Fewer than %s were still open at the end of a turn of: %s.\n\n", thousands(float64(t.scenario.idle)), strings.Join(held, ", "))
}

func bold(name string) string {
	if strings.HasPrefix(name, ours) {
		return "**" + name + "**"
	}
	return name
}

func ratio(x, base *row, figure func(sample) float64) string {
	if base == nil {
		return ""
	}
	return fmt.Sprintf("%.2f", x.to(base, figure).median)
}

// thousands writes 12345 as 12,345.
func thousands(v float64) string {
	s := fmt.Sprintf("%.0f", v)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
