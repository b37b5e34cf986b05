package gateway

import (
	"io"
	"sync"
)

// maxFCGIInput is how much of a request's body is held for an application that does not read it. Beyond it the connection
// waits, and with it the news that the client has left.
const maxFCGIInput = 256 << 10

// An fcgiInput is standard input between the connection that brings it and the application that reads it: an io.Pipe
// with room.
type fcgiInput struct {
	mu    sync.Mutex
	moved sync.Cond // signals every change
	buf   []byte
	end   error // what Read says when buf is empty; nil means that more will come
	gone  bool  // the reader has closed
}

func newFCGIInput() *fcgiInput {
	in := &fcgiInput{}
	in.moved.L = &in.mu
	return in
}

// feed adds content, which is not kept. It waits for room, and drops what nobody will read.
func (in *fcgiInput) feed(content []byte) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for len(in.buf) >= maxFCGIInput && !in.gone && in.end == nil {
		in.moved.Wait()
	}
	if !in.gone && in.end == nil {
		in.buf = append(in.buf, content...)
		in.moved.Broadcast()
	}
}

// finish ends the input with err, io.EOF if it is whole. Only the first end counts, unless the input is cut off later.
func (in *fcgiInput) finish(err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.end == nil {
		in.end = err
	}
	in.moved.Broadcast()
}

// whole reports whether all of the input has come, read or not.
func (in *fcgiInput) whole() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.end != nil
}

func (in *fcgiInput) Read(p []byte) (int, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for len(in.buf) == 0 && in.end == nil && !in.gone {
		in.moved.Wait()
	}
	if in.gone {
		return 0, io.ErrClosedPipe
	}
	if len(in.buf) == 0 {
		return 0, in.end
	}
	n := copy(p, in.buf)
	in.buf = in.buf[n:]
	in.moved.Broadcast()
	return n, nil
}

func (in *fcgiInput) Close() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.gone, in.buf = true, nil
	in.moved.Broadcast()
	return nil
}
