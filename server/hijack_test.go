package server_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/carafeweb/carafe/server"
)

// echoServer serves a handler that takes each connection over and sends every line back, in a goroutine that outlives it.
func echoServer(t *testing.T) (addr string, stop func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stop, err = server.Serve(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\n\r\n")
		go func() {
			defer c.Close()
			for {
				line, err := rw.ReadString('\n')
				if err != nil {
					return
				}
				io.WriteString(c, line)
			}
		}()
	}), server.Config{DrainIdle: 10 * time.Millisecond}, l)
	if err != nil {
		t.Fatal(err)
	}
	return l.Addr().String(), stop
}

// takenOver is a connection that echoServer's handler has taken over.
type takenOver struct {
	t *testing.T
	net.Conn
	in *bufio.Reader
}

func takeOver(t *testing.T, addr string) *takenOver {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	k := &takenOver{t, c, bufio.NewReader(c)}
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if resp, err := http.ReadResponse(k.in, nil); err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("no connection was taken over: %v", err)
	}
	return k
}

func (k *takenOver) echoes(when string) {
	k.t.Helper()
	io.WriteString(k, when+"\n")
	if line, err := k.in.ReadString('\n'); line != when+"\n" {
		k.t.Errorf("%s: the connection said %q, %v", when, line, err)
	}
}

// refused waits until nobody listens any more: then the server is on its way out.
func refused(t *testing.T, addr string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			return
		}
		c.Close()
		if time.Now().After(end) {
			t.Fatal("the server goes on listening")
		}
	}
}

func TestAWorkerThatLeavesWaitsForWhatHandlersHaveTakenOver(t *testing.T) {
	t.Parallel()
	addr, stop := echoServer(t)
	k := takeOver(t, addr)
	k.echoes("before")
	left := make(chan struct{})
	go func() { stop(); close(left) }()
	refused(t, addr)
	k.echoes("while the worker leaves")
	select {
	case <-left:
		t.Fatal("the worker has left, and a handler still has a connection")
	default:
	}
	k.Close()
	<-left
}

func TestWhatHandlersHaveTakenOverIsCutAfterTheGraceTime(t *testing.T) {
	t.Parallel()
	addr, stop := echoServer(t)
	k := takeOver(t, addr)
	k.echoes("before")
	began := time.Now()
	stop()
	if took := time.Since(began); took < 1900*time.Millisecond {
		t.Errorf("the worker left after %v, want its grace of 2 s", took)
	}
	if line, err := k.in.ReadString('\n'); err != io.EOF {
		t.Errorf("the connection said %q, %v; want its end", line, err)
	}
}

// Websockets find out by deadlines that their client has gone.
func TestDeadlinesHoldOnWhatHandlersHaveTakenOver(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 2)
	stop, err := server.Serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			failed <- err
			return
		}
		defer c.Close()
		c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		_, err = rw.ReadByte()
		failed <- err
		c.SetReadDeadline(time.Time{})
		go func() { c.SetReadDeadline(time.Now().Add(50 * time.Millisecond)) }() // while it is read
		_, err = c.Read(make([]byte, 1))
		failed <- err
	}), server.Config{}, l)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	for _, when := range []string{"set before the read", "set during the read"} {
		select {
		case err := <-failed:
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("a deadline %s: the read ends with %v", when, err)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("a deadline %s does not end the read", when)
		}
	}
}
