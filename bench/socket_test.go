package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	inARow  = 100 // requests of a turn, over each connection
	atOnce  = 8   // connections
	aTurn   = inARow * atOnce
	request = "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n"
)

// A conn asks one server over one connection.
type conn struct {
	net.Conn
	answer []byte // room for exactly one
}

func dial(tb testing.TB, h http.Handler) *conn {
	tb.Helper()
	server := httptest.NewServer(h)
	tb.Cleanup(server.Close)
	c, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { c.Close() })
	if _, err := io.WriteString(c, request); err != nil {
		tb.Fatal(err)
	}
	var answer []byte
	for !bytes.HasSuffix(answer, []byte(hello)) {
		var b [1]byte
		if _, err := io.ReadFull(c, b[:]); err != nil {
			tb.Fatal(err)
		}
		answer = append(answer, b[0])
	}
	return &conn{c, answer}
}

func (c *conn) ask(tb testing.TB) {
	_, err := io.WriteString(c, request)
	if err == nil {
		_, err = io.ReadFull(c, c.answer)
	}
	if err != nil {
		tb.Error(err)
	}
}

// BenchmarkHelloOverASocket has a bare handler of net/http and the frameworks that stand on it answer in turns over loopback, and reports
// the median CPU time of each for a request, the client's share included, in microseconds; and how many requests Carafe answers in
// what the bare handler takes for one, of CPU time and of the time that passes.
//
//	go test -run xxx -bench Socket -benchtime 100x -count 3
func BenchmarkHelloOverASocket(b *testing.B) {
	list := []contestant{{"bare", http.HandlerFunc(writeHello), nil}}
	for _, c := range text("/hello") {
		if c.handler != nil {
			list = append(list, c)
		}
	}
	conns := make([][atOnce]*conn, len(list))
	for i, x := range list {
		for k := range conns[i] {
			conns[i][k] = dial(b, x.handler)
		}
	}
	cpu, passed := make([][]float64, len(list)), make([][]float64, len(list))
	for n := 0; b.Loop(); n++ {
		for turn := range conns { // another one begins each time
			i := (turn + n) % len(conns)
			start, used := time.Now(), cpuTime(b)
			var all sync.WaitGroup
			for _, c := range conns[i] {
				all.Go(func() {
					for range inARow {
						c.ask(b)
					}
				})
			}
			all.Wait()
			passed[i] = append(passed[i], float64(time.Since(start)))
			cpu[i] = append(cpu[i], float64(cpuTime(b)-used))
		}
	}
	for i := range list {
		slices.Sort(cpu[i])
		slices.Sort(passed[i])
		b.ReportMetric(middle(cpu[i])/1000/aTurn, fmt.Sprintf("cpu-µs/%s", bytes.ReplaceAll([]byte(list[i].framework), []byte(" "), []byte("-"))))
	}
	b.ReportMetric(middle(cpu[0])/middle(cpu[1]), "cpu-ratio")
	b.ReportMetric(middle(passed[0])/middle(passed[1]), "time-ratio")
}

func middle(sorted []float64) float64 { return sorted[len(sorted)/2] }

// cpuTime is what the process has used.
func cpuTime(tb testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
