// Command http measures Carafe beside its peers as real servers on loopback, asked by wrk, and writes docs/performance.md and
// docs/performance.svg.
//
//	go -C bench/http run .                                          # all cases, all servers
//	go -C bench/http run . -only hello,json -servers carafe,nethttp -rounds 9 -out /tmp
//
// Each server is a process of its own: this binary again, nginx, or Gunicorn. In each round all servers have their turn, and
// another one begins each time, so that what the machine does besides hits everybody alike; medians are shown.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	serveIfAsked()
	rounds := flag.Int("rounds", 3, "how often each server has its turn in each case")
	seconds := flag.Int("seconds", 1, "how long a turn is")
	only := flag.String("only", "", "the cases, separated by commas: hello json bind static session template stream newconn idle1000 idle10000; empty means all")
	servers := flag.String("servers", "", "the servers: nethttp carafe run serve0 serve2 gin echo chi gorilla fiber nginx flask; empty means all")
	out := flag.String("out", "../../docs", "the folder that performance.md and performance.svg are written into")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	b := &bench{
		scenarios: chosen(scenarios(), func(s scenario) string { return s.name }, *only),
		servers:   chosen(contestants(), func(c contestant) string { return c.word }, *servers),
		rounds:    max(1, *rounds), seconds: max(1, *seconds), progress: os.Stderr,
	}
	if err := b.run(ctx, *out); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// A bench is one run.
type bench struct {
	scenarios       []scenario
	servers         []contestant
	rounds, seconds int
	progress        io.Writer

	dir     string
	running []*process
}

// run measures, and writes the report into out.
func (b *bench) run(ctx context.Context, out string) (err error) {
	if len(b.scenarios) == 0 || len(b.servers) == 0 {
		return errors.New("no such case, or no such server: see -help")
	}
	if _, err := exec.LookPath("wrk"); err != nil {
		return errors.New("wrk is not installed, and nothing is measured without it (Debian: apt-get install wrk)")
	}
	turns := len(b.scenarios) * len(b.servers) * b.rounds
	ctx, cancel := context.WithTimeout(ctx, time.Minute+time.Duration(turns*(b.seconds+8))*time.Second)
	defer cancel()
	r := report{
		rounds: b.rounds, seconds: b.seconds, began: time.Now(), loads: [2]string{load()},
		partial: len(b.scenarios) < len(scenarios()) || len(b.servers) < len(contestants()),
	}
	openFiles()
	defer b.stop()
	if r.absent, err = b.start(); err != nil {
		return err
	}
	r.machine = machine(b.dir)
	for _, s := range b.scenarios {
		t, err := b.table(ctx, s)
		if err != nil {
			return err
		}
		r.tables = append(r.tables, t)
	}
	r.took, r.loads[1] = time.Since(r.began), load()
	return r.save(out)
}

// start makes the site and starts the servers; absent are those that cannot run here.
func (b *bench) start() (absent []string, err error) {
	if b.dir, err = os.MkdirTemp("", "benchhttp"); err != nil {
		return nil, err
	}
	if err := writeSite(b.dir); err != nil {
		return nil, err
	}
	addresses, err := freeAddresses(len(b.servers))
	if err != nil {
		return nil, err
	}
	for i, c := range b.servers {
		p, err := start(c, addresses[i], b.dir)
		if err != nil {
			fmt.Fprintln(b.progress, err)
			absent = append(absent, fmt.Sprintf("%s: %v", c.name, err))
			continue
		}
		b.running = append(b.running, p)
	}
	return absent, nil
}

func (b *bench) stop() {
	for _, p := range b.running {
		p.stop()
	}
	if b.dir != "" {
		os.RemoveAll(b.dir)
	}
}

// table measures one case, in interleaved rounds. A server whose answer is not right is not measured: its figures would be lies.
// Neither is one that has failed, in later rounds: all samples of a row are of the same rounds as its neighbours'.
func (b *bench) table(ctx context.Context, s scenario) (table, error) {
	t := table{scenario: s}
	var asked []*process
	for _, p := range b.running {
		if p.asks(&s) {
			asked = append(asked, p)
			t.rows = append(t.rows, row{server: p.contestant, err: p.check(&s)})
		}
	}
	for n := range b.rounds {
		for turn := range asked {
			i := (turn + n) % len(asked)
			if t.rows[i].err != nil {
				continue
			}
			got, err := measure(ctx, asked[i], &s, b.dir, b.seconds)
			if ctx.Err() != nil {
				return t, ctx.Err()
			}
			if err != nil {
				fmt.Fprintln(b.progress, err)
				t.rows[i].err = err
				continue
			}
			t.rows[i].samples = append(t.rows[i].samples, got)
			fmt.Fprintf(b.progress, "%-10s %d/%d %-16s %8.0f/s  p99 %8v  CPU %v\n", s.name, n+1, b.rounds, asked[i].name, got.perSecond, got.p99, got.cpu)
		}
	}
	return t, nil
}

// save writes the page and the chart.
func (r *report) save(out string) error {
	for name, write := range map[string]func(io.Writer){"performance.md": r.write, "performance.svg": r.writeChart} {
		f, err := os.Create(filepath.Join(out, name))
		if err != nil {
			return err
		}
		write(f)
		if err := f.Close(); err != nil {
			return err
		}
	}
	return nil
}
