package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"testing"
	"time"
)

// BenchmarkWire is a request's whole way through net/http and a framework, without a socket: what is left of the table in
// docs/performance.md when the kernel, wrk and the network are taken away. cpu-ns/op is what the process used, so that a machine
// which is busy with other things disturbs it less:
//
//	go -C bench/http test -run - -bench Wire -cpu 1 -count 10
func BenchmarkWire(b *testing.B) {
	dir := b.TempDir()
	if err := writeSite(dir); err != nil {
		b.Fatal(err)
	}
	order := fmt.Sprintf("POST /orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(goodOrder), goodOrder)
	for _, what := range []struct{ name, request string }{
		{"hello", "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n"},
		{"json", "GET /users/42 HTTP/1.1\r\nHost: localhost\r\n\r\n"},
		{"bind", order},
		{"stream", "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n"},
	} {
		for _, by := range []struct {
			name string
			h    http.Handler
		}{{"nethttp", bare(dir)}, {"carafe", carafeApp(dir)}, {"carafe-without-nosniff", sniffed(dir)}, {"gin", ginEngine(dir)}, {"echo", echoServer(dir)}, {"chi", chiRouter(dir)}} {
			b.Run(what.name+"/"+by.name, func(b *testing.B) {
				b.ReportAllocs()
				conn := &wireConn{request: []byte(what.request), left: b.N, done: make(chan struct{}), interrupt: make(chan struct{}, 1)}
				listener := &wireListener{conn, make(chan struct{})}
				server := &http.Server{Handler: by.h}
				began := usedCPU()
				go server.Serve(listener) //nolint:errcheck // it ends with the benchmark
				<-conn.done
				b.ReportMetric(float64(usedCPU()-began)/float64(b.N), "cpu-ns/op")
				_ = server.Close()
				if conn.written < 100*b.N {
					b.Fatalf("%d bytes were written in answer to %d requests", conn.written, b.N)
				}
			})
		}
	}
}

// sniffed is the app without the header that the others do not send either.
func sniffed(dir string) http.Handler {
	app := carafeApp(dir)
	app.Config.NoSniff = false
	return app
}

func usedCPU() int64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return u.Utime.Nano() + u.Stime.Nano()
}

// A wireConn asks the same so many times, once the last answer has been read, and throws the answers away.
type wireConn struct {
	request   []byte
	sent      int // of the request at hand
	left      int
	written   int
	done      chan struct{}
	interrupt chan struct{} // net/http's wait for the client to leave is over
}

func (c *wireConn) Read(p []byte) (int, error) {
	if len(p) == 1 { // that wait
		<-c.interrupt
		return 0, os.ErrDeadlineExceeded
	}
	if c.left == 0 {
		close(c.done)
		c.left--
	}
	if c.left < 0 {
		return 0, io.EOF
	}
	n := copy(p, c.request[c.sent:])
	if c.sent += n; c.sent == len(c.request) {
		c.sent = 0
		c.left--
	}
	return n, nil
}

func (c *wireConn) SetReadDeadline(t time.Time) error {
	if !t.IsZero() && t.Before(time.Unix(1000, 0)) { // which is how net/http interrupts a read
		c.interrupt <- struct{}{}
	}
	return nil
}

func (c *wireConn) Write(p []byte) (int, error)      { c.written += len(p); return len(p), nil }
func (c *wireConn) Close() error                     { return nil }
func (c *wireConn) LocalAddr() net.Addr              { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
func (c *wireConn) RemoteAddr() net.Addr             { return c.LocalAddr() }
func (c *wireConn) SetDeadline(time.Time) error      { return nil }
func (c *wireConn) SetWriteDeadline(time.Time) error { return nil }

// A wireListener has one connection to give.
type wireListener struct {
	conn   net.Conn
	closed chan struct{}
}

func (l *wireListener) Accept() (net.Conn, error) {
	if c := l.conn; c != nil {
		l.conn = nil
		return c, nil
	}
	<-l.closed
	return nil, errors.New("closed")
}

func (l *wireListener) Close() error   { close(l.closed); return nil }
func (l *wireListener) Addr() net.Addr { return &net.TCPAddr{} }
