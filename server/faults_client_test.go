//go:build linux

package server_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Scenarios D of prefork-faults.md: clients. Number 34 is TestOracleHTTPRequests.

func TestFault30SlowClientsDoNotStopOthers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.serve(2, "--header-timeout", "1.5", "--body-timeout", "1.5", "--body-min-rate", "100", "--write-timeout", "1")
	calm := (&load{addr: s.addr, clients: 2}).begin()
	calm.progress(t, 200)
	calm.end()
	l := (&load{addr: s.addr, clients: 2}).begin()
	n := 100
	if rounds(t) > 1 {
		n = 1000
	}
	heads := open(t, s.addr, n, "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
	bodies := open(t, s.addr, n/2, "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
	open(t, s.addr, 10, "GET /file?mb=64 HTTP/1.1\r\nHost: x\r\n\r\n") // never read
	trickle := time.NewTicker(200 * time.Millisecond)
	defer trickle.Stop()
	for end := time.Now().Add(slow(4 * time.Second)); time.Now().Before(end); {
		<-trickle.C
		for _, c := range append(heads, bodies...) {
			c.Write([]byte("a")) // fails when the server has had enough
		}
	}
	wantNoLoss(t, l.end())
	before, during := calm.p99(time.Time{}, time.Now()), l.p99(time.Time{}, time.Now())
	t.Logf("p99 %v alone, %v beside %d slow clients", before, during, n+n/2+10)
	if code := status(t, heads[0]); code != 408 {
		t.Errorf("a slow head got %d, want 408", code)
	}
	if code := status(t, bodies[0]); code != 408 {
		t.Errorf("a slow body got %d, want 408", code)
	}
	s.until("no connection is left", func() bool {
		conns := 0
		for _, w := range s.status().Workers {
			conns += w.Conns
		}
		return conns == 0
	})
}

// status is the status of the answer that waits on a connection.
func status(t *testing.T, c net.Conn) int {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(patience))
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Errorf("no answer: %v", err)
		return 0
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

func TestFault31SilentConnectionsDoNotStopOthersAndAreClosed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.serve(2, "--header-timeout", "1", "--keep-alive", "1")
	silent := open(t, s.addr, 40, "")
	idle := open(t, s.addr, 10, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	l := (&load{addr: s.addr}).begin()
	l.progress(t, 100)
	wantNoLoss(t, l.end())
	for _, c := range silent {
		if got := readAll(c); got != "" {
			t.Errorf("a silent connection was told %q, want it closed without a word", got)
		}
	}
	for _, c := range idle {
		if got := readAll(c); !strings.HasPrefix(got, "HTTP/1.1 200 ") || strings.Count(got, "HTTP/1.1") != 1 {
			t.Errorf("an idle connection got %q, want one answer and the end", got)
		}
	}
}

func TestFault32ClientsThatLeaveInTheMiddleOfAnUploadHarmNobody(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.serve(2)
	l := (&load{addr: s.addr}).begin()
	for i, c := range open(t, s.addr, 50, "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"+strings.Repeat("x", 1000)) {
		if i%2 == 0 {
			c.(*net.TCPConn).SetLinger(0) // RST
			c.Close()
			continue
		}
		c.(*net.TCPConn).CloseWrite()
		if code := status(t, c); code != 400 {
			t.Errorf("an upload cut short got %d, want 400: it must not count as whole", code)
		}
	}
	s.until("nothing is left of them", func() bool {
		busy := 0
		for _, w := range s.status().Workers {
			busy += w.Busy
		}
		return busy <= l.clients
	})
	wantNoLoss(t, l.end())
	if s.logged("goroutine ") || s.logged("ERROR") {
		t.Error("the log has an error or a stack for clients that left")
	}
}

func TestFault33HugeHeadsAreRefusedAndTheClientCanReadWhy(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.serve(1)
	for _, tt := range []struct {
		name, request string
		want          int
	}{
		{"a request line of 5 kB", "GET /" + strings.Repeat("a", 5000) + " HTTP/1.1\r\nHost: x\r\n\r\n", 414},
		{"a field of 9 kB", "GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("a", 9000) + "\r\n\r\n", 431},
		{"150 fields", "GET / HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X: y\r\n", 150) + "\r\n", 431},
		{"2 MB of fields", "GET / HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X: "+strings.Repeat("a", 8000)+"\r\n", 250) + "\r\n", 431},
		{"a line of 2 MB", "GET /" + strings.Repeat("a", 2<<20), 414},
	} {
		c := open(t, s.addr, 1, "")[0]
		go io.WriteString(c, tt.request)
		if code := status(t, c); code != tt.want {
			t.Errorf("%s: status %d, want %d", tt.name, code, tt.want)
		}
	}
}

func TestFault35LongLivedConnectionsAreSharedFairly(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.serve(4)
	for _, c := range open(t, s.addr, 40, "GET / HTTP/1.1\r\nHost: x\r\n\r\n") {
		if code := status(t, c); code != 200 {
			t.Fatalf("status %d", code)
		}
	}
	s.until("the heartbeats tell of all connections", func() bool {
		sum := 0
		for _, w := range s.status().Workers {
			sum += w.Conns
		}
		return sum == 40
	})
	for _, w := range s.status().Workers {
		t.Logf("worker %d holds %d of 40", w.PID, w.Conns)
		if w.Conns > 16 {
			t.Errorf("worker %d holds %d of 40 connections, more than 40 %%", w.PID, w.Conns)
		}
	}
}

func TestBodiesTooLargeAre413(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.serve(1, "--max-body-bytes", "1k")
	for name, request := range map[string]string{
		"a length":          "Content-Length: 2000\r\n\r\n" + strings.Repeat("x", 2000),
		"chunks":            "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("100\r\n"+strings.Repeat("x", 256)+"\r\n", 8) + "0\r\n\r\n",
		"one chunk, unsent": "Transfer-Encoding: chunked\r\n\r\nfffffff\r\n",
	} {
		if code, body, err := fetch(s.addr, "POST /upload HTTP/1.1\r\nHost: x\r\n"+request); err != nil || code != 413 {
			t.Errorf("%s: %d %q, %v", name, code, body, err)
		}
	}
	if code, body, err := fetch(s.addr, fmt.Sprintf("POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", 1024, strings.Repeat("x", 1024))); code != 200 || strings.TrimSpace(body) != "1024" {
		t.Errorf("a body of the limit's size: %d %q, %v, want 200", code, body, err)
	}
}
