package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// slowReader asks for a stream and takes it in small bites. What it has in the end has to be all of it.
func (c *client) slowReader(ctx context.Context) error {
	if err := c.open(ctx); err != nil {
		return err
	}
	defer c.close()
	if conn, ok := c.conn.(*net.TCPConn); ok {
		_ = conn.SetReadBuffer(4096) // or the kernel would take the whole stream at once
	}
	k := kindNamed("stream")
	return c.slowly(k, nil, func(r io.Reader) io.Reader { return &bites{ctx: ctx, r: r} })
}

// slowWriter sends a body in small bites.
func (c *client) slowWriter(ctx context.Context) error {
	if err := c.open(ctx); err != nil {
		return err
	}
	defer c.close()
	return c.slowly(kindNamed("body"), func(r io.Reader) io.Reader { return &bites{ctx: ctx, r: io.LimitReader(r, 1<<20), first: 40} }, nil)
}

func kindNamed(name string) *kind {
	for i := range kinds {
		if kinds[i].name == name {
			return &kinds[i]
		}
	}
	panic("there is no kind " + name)
}

// slowly is exchange with the body of the request or of the answer as a filter leaves it.
func (c *client) slowly(k *kind, up, down func(io.Reader) io.Reader) error {
	id := c.nextID()
	r, err := k.make(id, &c.visitor)
	if err != nil {
		return err
	}
	r.Host = c.srv.addr
	r.Header.Set(idHeader, id)
	if up != nil {
		r.Body = io.NopCloser(up(r.Body))
	}
	if err := c.conn.SetDeadline(time.Now().Add(2 * answerTime)); err != nil {
		return err
	}
	if err := r.Write(c.conn); err != nil {
		return err
	}
	var src io.Reader = c.conn
	if down != nil {
		src = down(src)
	}
	resp, err := http.ReadResponse(bufio.NewReaderSize(src, 2048), r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("the answer to %s is cut: %w", id, err)
	}
	return verify(k, id, &c.visitor, resp, string(body))
}

// bites gives little at a time, with a pause before each, as often as first says; later, and when the soak ends, it gives what there is.
type bites struct {
	ctx   context.Context
	r     io.Reader
	first int // 0 means 100
	count int
}

func (b *bites) Read(p []byte) (int, error) {
	b.count++
	most := b.first
	if most == 0 {
		most = 100
	}
	if b.count <= most && b.ctx.Err() == nil {
		pause(b.ctx, 20*time.Millisecond)
		p = p[:min(len(p), 512)]
	}
	return b.r.Read(p)
}

// switchOver takes a connection over to another protocol, in which each line comes back with the id of the request that began it.
func (c *client) switchOver(ctx context.Context) error {
	if err := c.open(ctx); err != nil {
		return err
	}
	defer c.close()
	if err := c.conn.SetDeadline(time.Now().Add(answerTime)); err != nil {
		return err
	}
	id := c.nextID()
	_, err := fmt.Fprintf(c.conn, "GET /upgrade HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: echo\r\n%s: %s\r\n\r\n", idHeader, id)
	if err != nil {
		return err
	}
	c.read.Reset(c.conn)
	resp, err := http.ReadResponse(c.read, nil)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusSwitchingProtocols || resp.Header.Get(idHeader) != id {
		return wrongAnswer{fmt.Errorf("upgrade %s: status %d for %q", id, resp.StatusCode, resp.Header.Get(idHeader))}
	}
	for n := range 5 {
		line := fmt.Sprintf("line %d\n", n)
		if _, err := io.WriteString(c.conn, line); err != nil {
			return err
		}
		got, err := c.read.ReadString('\n')
		if err != nil {
			return err
		}
		if got != id+" "+line {
			return wrongAnswer{fmt.Errorf("upgrade %s: %q came back for %q", id, got, line)}
		}
	}
	return nil
}
