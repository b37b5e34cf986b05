//go:build linux

package proxies_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// A load sends requests and never tries again: each one without a good answer counts as lost.
type load struct {
	addr    string
	request string // as it goes over the wire
	clients int
	keep    bool // connections are kept
	think   time.Duration

	cancel context.CancelFunc
	done   sync.WaitGroup
	mu     sync.Mutex
	oks    []time.Time
	losses []string
	took   []time.Duration
}

const (
	getRequest  = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	postRequest = "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde"
)

func (l *load) begin() *load {
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	if l.think == 0 {
		l.think = 3 * time.Millisecond
	}
	for range l.clients {
		l.done.Go(func() { l.client(ctx) })
	}
	return l
}

func (l *load) end() *load {
	l.cancel()
	l.done.Wait()
	return l
}

func (l *load) client(ctx context.Context) {
	var c net.Conn
	var r *bufio.Reader
	for ctx.Err() == nil {
		began := time.Now()
		var err error
		if c == nil {
			c, r, err = dialBuffered(l.addr)
		}
		again := false
		if err == nil {
			again, err = l.one(c, r)
		}
		l.note(began, err)
		if c != nil && (!again || !l.keep) {
			c.Close()
			c = nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(l.think):
		}
	}
	if c != nil {
		c.Close()
	}
}

func dialBuffered(addr string) (net.Conn, *bufio.Reader, error) {
	c, err := net.DialTimeout("tcp", addr, 10*time.Second)
	if err != nil {
		return nil, nil, err
	}
	return c, bufio.NewReader(c), nil
}

// one sends a request and reads its answer. It reports whether the connection may be used again.
func (l *load) one(c net.Conn, r *bufio.Reader) (again bool, err error) {
	c.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := io.WriteString(c, l.request); err != nil {
		return false, err
	}
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return false, err
	}
	if resp.StatusCode != http.StatusOK {
		return false, fmt.Errorf("status %d", resp.StatusCode)
	}
	return !resp.Close, nil
}

func (l *load) note(began time.Time, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.losses = append(l.losses, err.Error())
		return
	}
	now := time.Now()
	l.oks = append(l.oks, now)
	l.took = append(l.took, now.Sub(began))
}

func (l *load) counts() (good, lost int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.oks), len(l.losses)
}

// hole is the longest time without a good answer.
func (l *load) hole() (longest time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	slices.SortFunc(l.oks, time.Time.Compare)
	for i := 1; i < len(l.oks); i++ {
		longest = max(longest, l.oks[i].Sub(l.oks[i-1]))
	}
	return longest
}

// progress waits until so many more requests have been answered.
func (l *load) progress(t *testing.T, n int) {
	t.Helper()
	before, _ := l.counts()
	until(t, fmt.Sprintf("%d more requests are answered", n), func() bool { good, _ := l.counts(); return good >= before+n })
}

func wantNoLoss(t *testing.T, name string, l *load) {
	t.Helper()
	good, lost := l.counts()
	if lost > 0 {
		t.Errorf("%s: %d of %d requests were lost; the first: %q", name, lost, good+lost, l.losses[:min(3, lost)])
	}
	t.Logf("%s: %d requests, %d lost, hole %v", name, good+lost, lost, l.hole().Round(time.Millisecond))
}
