package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// dialers is how many connections are made at once.
const dialers = 4

// idlers are connections that have asked once, and then do nothing.
type idlers struct{ conns []net.Conn }

// openIdle opens n connections to addr and asks for /hello on each, so that the server knows it for one to be kept alive. There
// may be fewer: those that it refuses are left out.
func openIdle(addr string, n int) *idlers {
	var (
		mu  sync.Mutex
		out idlers
		all sync.WaitGroup
	)
	for d := range dialers {
		all.Go(func() {
			for i := d; i < n; i += dialers {
				conn, err := idleConn(addr)
				if err != nil {
					return // the others would not fare better, and each costs a timeout
				}
				mu.Lock()
				out.conns = append(out.conns, conn)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return &out
}

func idleConn(addr string) (net.Conn, error) {
	conn, err := net.DialTimeout("tcp", addr, 3*time.Second)
	if err != nil {
		return nil, err
	}
	if err := askOnce(conn, addr); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

func askOnce(conn net.Conn, addr string) error {
	if err := conn.SetDeadline(time.Now().Add(3 * time.Second)); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(conn, "GET /hello HTTP/1.1\r\nHost: %s\r\n\r\n", addr); err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReaderSize(conn, 512), nil)
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	return conn.SetDeadline(time.Time{})
}

// alive is how many of them the server still keeps.
func (i *idlers) alive() (n int) {
	for _, c := range i.conns {
		raw, err := c.(*net.TCPConn).SyscallConn()
		if err != nil {
			continue
		}
		_ = raw.Control(func(fd uintptr) {
			var b [1]byte
			_, _, err := unix.Recvfrom(int(fd), b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
			if err == unix.EAGAIN { // neither bytes nor an end
				n++
			}
		})
	}
	return n
}

// close closes all; by a reset, so that nothing of them is left waiting in the kernel.
func (i *idlers) close() {
	for _, c := range i.conns {
		_ = c.(*net.TCPConn).SetLinger(0)
		c.Close()
	}
}
