package main

import (
	"fmt"
	"io"
	"strings"
)

// leastHello is what Carafe aims at: so many of net/http's requests a second.
const leastHello = 0.97

// writeAims says of each aim whether this run reached it.
func (r *report) writeAims(w io.Writer) {
	fmt.Fprint(w, "## The aims\n\n")
	for i := range r.tables {
		if t := &r.tables[i]; t.scenario.name == "hello" {
			writeHelloAim(w, t)
		}
	}
	fmt.Fprintf(w, "Carafe beside %s, all under the same http.Server: requests a second (more is better) and CPU for a request (less is better), "+
		"as ratios of Carafe's to the other's, median of the rounds. The aim is to be ahead in each.\n\n", strings.Join(peers, ", "))
	fmt.Fprintf(w, "| case | %s | aim |\n|---|%s---|\n", joined(peers, func(p string) string { return "to " + p + ": requests/s, CPU" }, " | "), strings.Repeat("--:|", len(peers)))
	for i := range r.tables {
		writePeerAims(w, &r.tables[i])
	}
	fmt.Fprintln(w)
}

func joined(list []string, f func(string) string, sep string) string {
	var out []string
	for _, x := range list {
		out = append(out, f(x))
	}
	return strings.Join(out, sep)
}

func writeHelloAim(w io.Writer, t *table) {
	c, base := t.row(ours), t.row(baseline)
	if c == nil || base == nil {
		return
	}
	rate, cpu := c.to(base, perSecond), c.to(base, cpuMicros)
	verdict := "**not reached**"
	if rate.median >= leastHello {
		verdict = "reached"
	}
	fmt.Fprintf(w, "Hello through Carafe, in requests a second of the bare net/http handler: %.3f (%.3f–%.3f), CPU for a request %.3f (%.3f–%.3f). The aim of %.2f is %s in this run.\n\n",
		rate.median, rate.least, rate.most, cpu.median, cpu.least, cpu.most, leastHello, verdict)
}

func writePeerAims(w io.Writer, t *table) {
	c := t.row(ours)
	if c == nil {
		return
	}
	var cells, behind []string
	for _, p := range peers {
		x := t.row(p)
		if x == nil {
			cells = append(cells, "–")
			continue
		}
		rate, cpu := c.to(x, perSecond).median, c.to(x, cpuMicros).median
		cells = append(cells, fmt.Sprintf("%.2f, %.2f", rate, cpu))
		if rate < 1 || cpu > 1 {
			behind = append(behind, p)
		}
	}
	verdict := "reached"
	if len(behind) > 0 {
		verdict = "**not reached**: " + strings.Join(behind, ", ")
	}
	fmt.Fprintf(w, "| %s | %s | %s |\n", t.scenario.title, strings.Join(cells, " | "), verdict)
}

// writeServers is the legend.
func (r *report) writeServers(w io.Writer) {
	fmt.Fprintf(w, `## The servers

- **net/http** is a handler without any router: it compares the path. What it cannot do itself (validation, sessions) is done by
  go-playground/validator and gorilla/sessions, as for gin, echo, chi and gorilla/mux.
- **Carafe** is the app as the handler of a plain http.Server, as gin, echo, chi and gorilla/mux are; gin without its logger.
- **Carafe, Run** is app.Run, the development server: it gives each request an id and logs it (here to /dev/null), and has timeouts.
- **Carafe, serve 0** and **serve 2** are server.Run in one process, and with two workers. It reads requests strictly, with limits and timeouts,
  and finishes what is in flight when it is told to stop. MaxConns is %d, for the 10,000 idle connections.
- **fiber** stands on fasthttp; its sessions lie in the server's memory and are not signed.
- **nginx** has one worker a CPU and is asked for what needs no application.
- **Flask** stands under Gunicorn with two processes of four threads (gthread); its order is validated by hand.
- Pages are html/template's, but Jinja2's in Flask and Carafe's Jinja in Carafe. The sessions of Carafe and Flask are the same signed cookie.
- 50 rows, 3 order lines, 10 chunks of 1 KB: the code of all of it is in [bench/http](../bench/http).
`, maxConns)
}
