package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"
)

// A load is what is done to one server, and what came of it.
type load struct {
	srv            *process
	conns, clients int
	reload         time.Duration
	group          sync.WaitGroup

	mu       sync.Mutex
	asked    map[string]int // by what was done
	reopened int            // connections that the server had closed between two requests
	reloads  int
	wrong    []string // answers that are not their request's
	failed   []string // requests without an answer, where there had to be one
	peak     *totals
}

func newLoad(srv *process, s *soak) *load {
	return &load{srv: srv, conns: s.conns, clients: s.clients, reload: s.reload, asked: map[string]int{}, peak: &totals{}}
}

// run opens the connections that are held, and then does it all at once, for so long. It returns when everybody has had the last answer,
// and has gone.
func (l *load) run(ctx context.Context, long time.Duration) {
	const holders = 16
	held := make([][]*client, holders)
	for n := range held {
		l.group.Go(func() { held[n] = l.openMany(ctx, n, (l.conns+holders-1-n)/holders) })
	}
	l.group.Wait()
	over, cancel := context.WithTimeout(ctx, long)
	defer cancel()
	for _, clients := range held {
		l.group.Go(func() { l.hold(over, clients) })
	}
	for n := range l.clients {
		l.group.Go(func() { l.fair(over, n) })
	}
	for n := range max(1, l.clients/2) {
		l.group.Go(func() { l.foul(over, n) })
		l.group.Go(func() { l.each(over, newClient(l.srv, fmt.Sprintf("r%d", n), n), "slow reader", (*client).slowReader) })
		l.group.Go(func() { l.each(over, newClient(l.srv, fmt.Sprintf("w%d", n), n), "slow writer", (*client).slowWriter) })
		l.group.Go(func() { l.each(over, newClient(l.srv, fmt.Sprintf("u%d", n), n), "upgrade", (*client).switchOver) })
	}
	l.group.Go(func() { l.watch(over) })
	if l.srv.name == "workers" && l.reload > 0 {
		l.group.Go(func() { l.reloadNowAndThen(over) })
	}
	l.group.Wait()
}

// note counts what was done, and keeps what went wrong.
func (l *load) note(what string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var wrong wrongAnswer
	switch {
	case err == nil:
		l.asked[what]++
	case errors.As(err, &wrong):
		l.wrong = append(l.wrong, err.Error())
	default:
		l.failed = append(l.failed, what+": "+err.Error())
	}
}

// holdRound is how long a round through all connections that are held takes: less than servers keep idle ones.
const holdRound = 20 * time.Second

// openMany makes so many clients, each of which has had an answer.
func (l *load) openMany(ctx context.Context, n, conns int) (all []*client) {
	for i := range conns {
		c := newClient(l.srv, fmt.Sprintf("h%d.%d", n, i), n)
		all = append(all, c)
		_, err := c.ask(ctx, kindNamed("text"))
		l.note("held connections", err)
	}
	return all
}

// hold keeps connections, and has each bring an answer in every round.
func (l *load) hold(ctx context.Context, clients []*client) {
	defer func() {
		for _, c := range clients {
			c.close()
		}
	}()
	for ctx.Err() == nil {
		began := time.Now()
		for i, c := range clients {
			pause(ctx, time.Until(began.Add(holdRound*time.Duration(i)/time.Duration(len(clients)))))
			if ctx.Err() != nil {
				return
			}
			reopened, err := c.ask(context.WithoutCancel(ctx), kindNamed("text"))
			l.note("held connections", err)
			l.noteReopened(reopened)
		}
		pause(ctx, time.Until(began.Add(holdRound)))
	}
}

func (l *load) noteReopened(yes bool) {
	if yes {
		l.mu.Lock()
		l.reopened++
		l.mu.Unlock()
	}
}

// fair asks for one thing after the other, on one connection, as one visitor.
func (l *load) fair(ctx context.Context, n int) {
	c := newClient(l.srv, fmt.Sprintf("c%d", n), n)
	defer c.close()
	for i := n; ctx.Err() == nil; i++ {
		k := &kinds[i%len(kinds)]
		reopened, err := c.ask(context.WithoutCancel(ctx), k)
		l.note(k.name, err)
		l.noteReopened(reopened)
	}
}

func (l *load) foul(ctx context.Context, n int) {
	c := newClient(l.srv, fmt.Sprintf("f%d", n), n)
	for i := n; ctx.Err() == nil; i++ {
		name, err := c.breakOff(context.WithoutCancel(ctx), i)
		l.note(name, err)
		pause(ctx, 10*time.Millisecond)
	}
}

// each does one thing again and again.
func (l *load) each(ctx context.Context, c *client, what string, do func(*client, context.Context) error) {
	for ctx.Err() == nil {
		l.note(what, do(c, context.WithoutCancel(ctx)))
		pause(ctx, 50*time.Millisecond)
	}
}

// watch remembers the highest figures.
func (l *load) watch(ctx context.Context) {
	for ctx.Err() == nil {
		if seen, err := l.srv.look("gc=0"); err == nil { // while workers change there may be none to ask
			l.peak.raise(seen)
		}
		pause(ctx, 500*time.Millisecond)
	}
}

func (l *load) reloadNowAndThen(ctx context.Context) {
	for {
		pause(ctx, l.reload)
		if ctx.Err() != nil {
			return
		}
		if err := l.srv.reload(); err != nil {
			l.note("reload", err)
			return
		}
		l.mu.Lock()
		l.reloads++
		l.mu.Unlock()
	}
}

// report prints what was done, and returns how much went wrong.
func (l *load) report(out io.Writer) int {
	sum := 0
	for _, n := range l.asked {
		sum += n
	}
	fmt.Fprintf(out, "  %d done:", sum)
	for _, what := range slices.Sorted(maps.Keys(l.asked)) {
		fmt.Fprintf(out, " %s %d;", what, l.asked[what])
	}
	fmt.Fprintf(out, "\n  %d connections closed between two requests, %d reloads, %d wrong answers, %d without an answer\n",
		l.reopened, l.reloads, len(l.wrong), len(l.failed))
	for kind, texts := range map[string][]string{"WRONG": l.wrong, "NO ANSWER": l.failed} {
		for _, text := range texts[:min(len(texts), 10)] {
			fmt.Fprintf(out, "  %s: %s\n", kind, text)
		}
	}
	return len(l.wrong) + len(l.failed)
}
