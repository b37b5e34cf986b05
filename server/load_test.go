//go:build linux

package server_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// get asks for a path on a connection of its own.
func (s *site) get(path string) (int, string, error) {
	return fetch(s.addr, "GET "+path+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
}

func fetch(addr, request string) (int, string, error) {
	c, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		return 0, "", err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(60 * time.Second))
	if _, err := io.WriteString(c, request); err != nil {
		return 0, "", err
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), err
}

// A load sends requests and never tries again: each one without a good answer counts as lost.
type load struct {
	addr    string
	path    string
	clients int
	think   time.Duration
	keep    bool // connections are kept

	cancel context.CancelFunc
	done   sync.WaitGroup
	mu     sync.Mutex
	oks    []ok
	losses []string
	conns  int
	bodies map[string]int
	halt   time.Duration // the longest time for which the load itself did not run
}

type ok struct {
	at   time.Time
	took time.Duration
}

// begin starts the load; end stops it.
func (l *load) begin() *load {
	if l.path == "" {
		l.path = "/"
	}
	if l.clients == 0 {
		l.clients = 4
	}
	if l.think == 0 {
		l.think = 3 * time.Millisecond
	}
	l.bodies = map[string]int{}
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	for range l.clients {
		l.done.Go(func() { l.client(ctx) })
	}
	l.done.Go(func() { l.watch(ctx) })
	return l
}

// watch measures how long the machine let the load stand still: so long nobody could be answered, whatever the server did.
func (l *load) watch(ctx context.Context) {
	t := time.NewTicker(5 * time.Millisecond)
	defer t.Stop()
	for last := time.Now(); ; {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			now := time.Now()
			l.mu.Lock()
			l.halt = max(l.halt, now.Sub(last))
			l.mu.Unlock()
			last = now
		}
	}
}

// wantNoHole fails when nobody was answered for too long.
func (l *load) wantNoHole(t *testing.T) {
	t.Helper()
	if bar := slow(250*time.Millisecond) + l.halt; l.hole() > bar {
		t.Errorf("hole of %v, bar %v, of which the machine stood still for %v", l.hole(), bar, l.halt)
	}
}

func (l *load) end() *load {
	l.cancel()
	l.done.Wait()
	return l
}

func (l *load) client(ctx context.Context) {
	var c net.Conn
	var r *bufio.Reader
	used := 0
	for ctx.Err() == nil {
		began := time.Now()
		if c == nil {
			var err error
			if c, err = net.DialTimeout("tcp", l.addr, 10*time.Second); err != nil {
				l.lose("dial: " + err.Error())
				c = nil
				time.Sleep(l.think)
				continue
			}
			r, used = bufio.NewReader(c), 0
			l.mu.Lock()
			l.conns++
			l.mu.Unlock()
		}
		again, body, err := l.one(c, r)
		if err != nil {
			l.lose(fmt.Sprintf("request %d of its connection: %v", used+1, err))
		} else {
			l.good(began, body)
		}
		used++
		if err != nil || !again {
			c.Close()
			c = nil
		}
		time.Sleep(l.think)
	}
	if c != nil {
		c.Close()
	}
}

// one is one request on a connection; again says that the connection may be used again.
func (l *load) one(c net.Conn, r *bufio.Reader) (again bool, body string, err error) {
	closing := "Connection: close\r\n"
	if l.keep {
		closing = ""
	}
	c.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n", l.path, closing); err != nil {
		return false, "", err
	}
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		return false, "", err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return false, "", err
	}
	if resp.StatusCode != http.StatusOK {
		return false, "", fmt.Errorf("status %d: %s", resp.StatusCode, data)
	}
	return l.keep && !resp.Close, strings.TrimSpace(string(data)), nil
}

func (l *load) lose(why string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.losses = append(l.losses, why)
}

func (l *load) good(began time.Time, body string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.oks = append(l.oks, ok{time.Now(), time.Since(began)})
	l.bodies[body]++
}

// lost is the number of requests without a good answer.
func (l *load) lost() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.losses)
}

// total is the number of all requests.
func (l *load) total() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.losses) + len(l.oks)
}

// hole is the longest time without any good answer.
func (l *load) hole() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	var longest time.Duration
	for i := 1; i < len(l.oks); i++ {
		longest = max(longest, l.oks[i].at.Sub(l.oks[i-1].at))
	}
	return longest
}

// p99 is the latency that one request in a hundred exceeds, of those answered between two moments.
func (l *load) p99(from, to time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []time.Duration
	for _, o := range l.oks {
		if o.at.After(from) && o.at.Before(to) {
			all = append(all, o.took)
		}
	}
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[len(all)*99/100]
}

// progress waits until so many more requests have been answered.
func (l *load) progress(t *testing.T, n int) {
	t.Helper()
	want := l.total() + n
	for end := time.Now().Add(patience); l.total() < want; time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the load made no progress: %d requests, %d lost, first losses %q", l.total(), l.lost(), l.some())
		}
	}
}

func (l *load) some() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.losses[:min(3, len(l.losses))]
}

// bothLoads runs a scenario with connections that are closed after each request and with ones that are kept.
func bothLoads(t *testing.T, f func(t *testing.T, keep bool)) {
	t.Helper()
	for _, keep := range []bool{false, true} {
		name := "with a connection for each request"
		if keep {
			name = "with connections that are kept"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range rounds(t) {
				f(t, keep)
			}
		})
	}
}

// wantNoLoss fails when the load has lost anything.
func wantNoLoss(t *testing.T, l *load) {
	t.Helper()
	if n := l.lost(); n > 0 {
		t.Errorf("%d of %d requests were lost; the first: %q", n, l.total(), l.some())
	}
	if l.total() == 0 {
		t.Error("the load sent no request at all")
	}
	t.Logf("%d requests on %d connections, %d lost, hole %v", l.total(), l.conns, l.lost(), l.hole().Round(time.Millisecond))
}
