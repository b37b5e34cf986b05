package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// answerTime is how long anything may take.
const answerTime = 30 * time.Second

// A client asks on one connection, one request after the other.
type client struct {
	name   string
	srv    *process
	dialer net.Dialer
	count  int
	conn   net.Conn
	used   bool // the connection has brought an answer
	read   *bufio.Reader
	visitor
}

// newClient makes the nth client. Those that hold many connections have addresses of their own, for a pair of addresses has
// no more than some 28,000 ports.
func newClient(srv *process, name string, n int) *client {
	c := &client{name: name, srv: srv, read: bufio.NewReader(nil)}
	c.dialer.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(2+n%50))}
	return c
}

// nextID is an id that nobody else has.
func (c *client) nextID() string {
	c.count++
	return fmt.Sprintf("%s.%d", c.name, c.count)
}

// open makes a new connection, in place of the old one.
func (c *client) open(ctx context.Context) error {
	c.close()
	conn, err := c.dialer.DialContext(ctx, "tcp", c.srv.addr)
	if err == nil {
		c.conn, c.used = conn, false
	}
	return err
}

func (c *client) close() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// A wrongAnswer is one that does not belong to its request.
type wrongAnswer struct{ error }

// errReopened says that a connection that had been used was closed by the server before the next request came: that is its
// right, and a client asks again on another one.
var errReopened = errors.New("the connection was closed meanwhile")

// ask makes a request of a kind, on a new connection if the old one is gone. It returns whether that was so.
func (c *client) ask(ctx context.Context, k *kind) (reopened bool, err error) {
	id := c.nextID()
	if err = c.exchange(ctx, k, id); errors.Is(err, errReopened) {
		reopened = true
		err = c.exchange(ctx, k, id)
	}
	if err != nil {
		c.close()
	}
	return reopened, err
}

func (c *client) exchange(ctx context.Context, k *kind, id string) error {
	if c.conn == nil {
		if err := c.open(ctx); err != nil {
			return err
		}
	}
	r, err := k.make(id, &c.visitor)
	if err != nil {
		return err
	}
	r.Host = c.srv.addr
	r.Header.Set(idHeader, id)
	if err := c.conn.SetDeadline(time.Now().Add(answerTime)); err != nil {
		return err
	}
	c.read.Reset(c.conn)
	wrote := r.Write(c.conn)
	resp, err := http.ReadResponse(c.read, r)
	if err != nil {
		return c.lost(errors.Join(err, wrote))
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	c.used = true
	if resp.Close {
		c.close()
	}
	if err != nil {
		return fmt.Errorf("the answer to %s is cut: %w", id, err)
	}
	return verify(k, id, &c.visitor, resp, string(body))
}

// lost is what it means that no answer came.
func (c *client) lost(err error) error {
	var late net.Error
	if !c.used || errors.As(err, &late) && late.Timeout() {
		return err
	}
	c.close()
	return errReopened
}

// verify looks whether an answer is that to id.
func verify(k *kind, id string, v *visitor, resp *http.Response, body string) error {
	if resp.StatusCode != k.status {
		return wrongAnswer{fmt.Errorf("%s %s: status %d, want %d: %s", k.name, id, resp.StatusCode, k.status, short(body))}
	}
	if got := resp.Header.Get(idHeader); got != id {
		return wrongAnswer{fmt.Errorf("%s %s: the head says that it is the answer to %q", k.name, id, got)}
	}
	if err := k.check(id, v, resp, body); err != nil {
		return wrongAnswer{fmt.Errorf("%s %s: %w", k.name, id, err)}
	}
	return nil
}

// warm asks for everything once, so that what is made once is there before anything is measured.
func warm(ctx context.Context, srv *process) error {
	for n := range 10 { // enough for two workers to have had everything
		c := newClient(srv, fmt.Sprintf("warm%d", n), n)
		for i := range kinds {
			if _, err := c.ask(ctx, &kinds[i]); err != nil {
				return err
			}
		}
		c.close()
	}
	return nil
}
