package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// A foul is something that a client should not do, or a program cannot help. It returns an error only where the server has answered what
// it must not: that a connection is cut is what is wanted.
type foul struct {
	name string
	do   func(ctx context.Context, c *client, id string) error
}

// fouls are what clients do that break off.
var fouls = []foul{
	{"silence", func(context.Context, *client, string) error { return nil }},
	{"half a head", saying("GET /text/%s HTTP/1.1\r\nHost: localhost\r\nX-Half: ")},
	{"half a body", saying("POST /body HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n%s")},
	{"half a chunk", saying("POST /body HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n%s")},
	{"half an upload", halfUpload},
	{"half a stream read", halfRead},
	{"waiting, then gone", saying("GET /wait HTTP/1.1\r\nHost: localhost\r\nX-Soak-Id: %s\r\n\r\n")},
	{"gone before the answer", saying("GET /page/%s HTTP/1.1\r\nHost: localhost\r\n\r\n")},
	{"no HTTP", refused("HELLO %s\r\n\r\n")},
	{"two lengths", refused("POST /body HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /text/smuggled-%s HTTP/1.1\r\nHost: localhost\r\n\r\n")},
	{"a panic midway", panicMidway},
}

// saying says something, and a moment later nothing more.
func saying(format string) func(context.Context, *client, string) error {
	return func(ctx context.Context, c *client, id string) error {
		_, _ = fmt.Fprintf(c.conn, format, id) // it may be refused before it is all out
		pause(ctx, 20*time.Millisecond)
		return nil
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// halfUpload sends more than the server keeps in memory, so that there is a temporary file, but not all.
func halfUpload(ctx context.Context, c *client, id string) error {
	head := "POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=B\r\nContent-Length: 3000000\r\n\r\n" +
		"--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + id + "\"\r\n\r\n"
	_, _ = c.conn.Write(append([]byte(head), bytes.Repeat([]byte("x"), 700_000)...))
	pause(ctx, 20*time.Millisecond)
	return nil
}

func halfRead(_ context.Context, c *client, id string) error {
	_, _ = fmt.Fprintf(c.conn, "GET /stream/%s HTTP/1.1\r\nHost: localhost\r\n\r\n", id)
	_, _ = io.CopyN(io.Discard, c.conn, 10_000)
	return nil
}

// refused sends what must not be answered with a success for what is in it.
func refused(format string) func(context.Context, *client, string) error {
	return func(_ context.Context, c *client, id string) error {
		_, _ = fmt.Fprintf(c.conn, format, id)
		answer, err := io.ReadAll(c.conn)
		var late net.Error
		if errors.As(err, &late) && late.Timeout() {
			return fmt.Errorf("the connection stays open: %s", short(string(answer)))
		}
		if text := string(answer); strings.Contains(text, "text of smuggled") || strings.Contains(text, "text of HELLO") {
			return wrongAnswer{fmt.Errorf("what was hidden in a request was answered: %s", short(text))}
		}
		return nil
	}
}

// panicMidway wants the client to see that the answer is not whole.
func panicMidway(_ context.Context, c *client, id string) error {
	_, _ = fmt.Fprintf(c.conn, "GET /panic-late HTTP/1.1\r\nHost: localhost\r\nX-Soak-Id: %s\r\n\r\n", id)
	c.read.Reset(c.conn)
	resp, err := http.ReadResponse(c.read, nil)
	if err != nil {
		return nil // cut before the head was out
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err == nil && resp.StatusCode == http.StatusOK {
		return wrongAnswer{fmt.Errorf("an answer that panicked midway looks whole: %d bytes", len(body))}
	}
	return nil
}

// breakOff does the nth foul on a connection of its own, and ends it: every second time by a reset.
func (c *client) breakOff(ctx context.Context, n int) (string, error) {
	f := fouls[n%len(fouls)]
	if err := c.open(ctx); err != nil {
		return f.name, err
	}
	defer c.close()
	if err := c.conn.SetDeadline(time.Now().Add(answerTime)); err != nil {
		return f.name, err
	}
	err := f.do(ctx, c, c.nextID())
	if conn, ok := c.conn.(*net.TCPConn); ok && n/len(fouls)%2 == 0 {
		_ = conn.SetLinger(0) // the next close is a reset
	}
	return f.name, err
}
