package devserver

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// A Child is the program's side of the reloader: what its parent has handed to it.
type Child struct {
	handover
	gate    *gate
	drained chan struct{} // closed when there is a newer program
	stopped chan struct{} // closed when the session is over
	once    struct{ drain, stop sync.Once }

	listener net.Listener
	err      error // why there is no listener
	mu       sync.Mutex
	ready    *os.File // nil once ready has been said
}

// inherited is taken before main, so that a program which is stuck in its set-up, or never serves, ends with its parent all the same.
var inherited = takeOver(os.Getenv(handoverVariable))

func takeOver(text string) *Child {
	if text == "" || !supported {
		return nil
	}
	_ = os.Unsetenv(handoverVariable) // what the program starts is no child of ours
	c := &Child{drained: make(chan struct{}), stopped: make(chan struct{})}
	if err := json.Unmarshal([]byte(text), &c.handover); err != nil {
		return nil
	}
	for _, fd := range []int{c.Socket, c.Life, c.Ready} {
		keepPrivate(fd)
	}
	socket := os.NewFile(uintptr(c.Socket), "socket")
	c.listener, c.err = net.FileListener(socket)
	_ = socket.Close()
	c.ready = os.NewFile(uintptr(c.Ready), "ready")
	c.gate = &gate{generation: c.Generation, secret: c.Secret, editor: c.Editor}
	go c.listen(os.NewFile(uintptr(c.Life), "life"))
	outliveParent()
	return c
}

// Inherited says whether this process was started by [Watch], and is to serve on its parent's socket.
func Inherited() (*Child, bool) { return inherited, inherited != nil }

// listen follows what the parent says, to its end.
func (c *Child) listen(life *os.File) {
	lines := bufio.NewReader(life)
	dec := json.NewDecoder(lines)
	for {
		var msg message
		if dec.Decode(&msg) != nil {
			c.orphaned()
		}
		switch {
		case msg.Problem != nil:
			c.gate.problem.Store(msg.Problem)
		case msg.Clear:
			c.gate.problem.Store(nil)
		case msg.Drain:
			c.once.drain.Do(func() { close(c.drained) })
		case msg.Stop:
			c.once.stop.Do(func() { close(c.stopped) })
		}
	}
}

// orphaned ends the process at once: whoever killed the parent wants its port, and does not expect a second process on it.
func (c *Child) orphaned() {
	if strings.HasPrefix(filepath.Base(c.Scratch), scratchPrefix) {
		_ = os.RemoveAll(c.Scratch)
	}
	os.Exit(1)
}

// Addr is the address of the socket, nil if it could not be taken over.
func (c *Child) Addr() net.Addr {
	if c.listener == nil {
		return nil
	}
	return c.listener.Addr()
}

// First says whether no program of the parent has served yet: this is the one to print the PIN.
func (c *Child) First() bool { return c.handover.First }

// Color says whether the parent's output is a terminal, which takes colours.
func (c *Child) Color() bool { return c.handover.Color }

// PIN is that of the debugger, which stays the same over restarts.
func (c *Child) PIN() string { return c.handover.PIN }

// Certificate is the one that the parent wants TLS to be spoken with, nil for plain HTTP.
func (c *Child) Certificate() (*tls.Certificate, error) {
	if c.Cert == "" {
		return nil, nil
	}
	cert, err := tls.X509KeyPair([]byte(c.Cert), []byte(c.Key))
	return &cert, err
}

// lingers is for how long connections that are kept alive, but not used, hold up the end of a program for which there is a newer one.
const lingers = 2 * time.Second

// Serve tells the parent that the program is ready and serves with srv, whose Handler it wraps and whose Addr is of no account, until
// the parent says that there is a newer program, or that all is over, or ctx ends; then it finishes what is in flight, for
// grace at most, and returns nil. It is called once.
func (c *Child) Serve(ctx context.Context, srv *http.Server, grace time.Duration) error {
	if c.err != nil {
		return fmt.Errorf("devserver: the parent's socket cannot be taken over: %w", c.err)
	}
	if err := c.secure(srv); err != nil {
		return err
	}
	l := &countedListener{Listener: c.listener}
	c.gate.next, c.gate.upstream = srv.Handler, newUpstream(l.Addr(), srv.TLSConfig != nil, c.Secret)
	srv.Handler = c.gate
	conns := trackConns(srv)
	served := make(chan error, 1)
	go func() {
		if srv.TLSConfig != nil {
			served <- srv.ServeTLS(l, "", "")
			return
		}
		served <- srv.Serve(l)
	}()
	c.sayReady()
	select {
	case err := <-served:
		return err
	case <-c.drained:
		c.gate.draining.Store(true)
		_ = c.listener.Close()
		<-served
		conns.wait(l, grace)
	case <-c.stopped:
	case <-ctx.Done():
	}
	return shutDown(ctx, srv, grace)
}

func (c *Child) secure(srv *http.Server) error {
	cert, err := c.Certificate()
	if cert != nil && err == nil {
		if srv.TLSConfig == nil {
			srv.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		srv.TLSConfig.Certificates = []tls.Certificate{*cert}
	}
	return err
}

// sayReady writes the byte that the parent waits for.
func (c *Child) sayReady() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ready != nil {
		_, _ = c.ready.Write([]byte{1})
		_ = c.ready.Close()
		c.ready = nil
	}
}

func shutDown(ctx context.Context, srv *http.Server, grace time.Duration) error {
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	err := srv.Shutdown(limit)
	if errors.Is(err, context.DeadlineExceeded) {
		err = srv.Close()
	}
	return err
}
