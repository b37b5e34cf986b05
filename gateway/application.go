package gateway

import (
	"io"
	"iter"
	"net/http"
)

// An Application is what a gateway calls once per request: PEP 3333's application object.
//
// env belongs to the request: the application may change it, and nobody reads it afterwards. start must be called
// before the first block of the body, at the latest while that block is being made. A nil Body is an empty one.
//
// An error is what an exception is in Python: the server logs it to env["wsgi.errors"], answers 500 if nothing is out
// yet and otherwise breaks the connection, so that a client never takes half an answer for a whole one. ServeGateway is
// called from many goroutines at once unless env["wsgi.multithread"] is false.
//
// Source: PEP 3333, "The Application/Framework Side".
type Application interface {
	ServeGateway(env Environ, start StartResponse) (Body, error)
}

// ApplicationFunc lets a plain function be an Application.
type ApplicationFunc func(env Environ, start StartResponse) (Body, error)

// ServeGateway calls f.
func (f ApplicationFunc) ServeGateway(env Environ, start StartResponse) (Body, error) {
	return f(env, start)
}

// StartResponse begins the answer: PEP 3333's start_response callable.
//
// status is "404 Not Found": three digits from 200 to 999, a space, and a reason, which may be empty. headers is the
// server's from then on; nil means none; names need not be canonical. Both are checked at once but sent only with the
// first block that is not empty, or at the end of the body.
//
// excInfo is nil, except in an error handler that wants to replace an answer already begun. Calling start a second time
// without it is an error. With it, the second call replaces the first as long as nothing is out; afterwards start
// returns excInfo itself, which the application should return in its turn.
//
// The writer is PEP 3333's write(), for imperative code: each Write reaches the client before it returns. Prefer a Body.
// A server may offer more by interfaces (http.Flusher, io.ReaderFrom); a middleware that wraps the writer hides them.
//
// The error of start is sticky: an application that does not look at it gets a 500 all the same.
//
// Source: PEP 3333, "The start_response() Callable".
type StartResponse func(status string, headers http.Header, excInfo error) (io.Writer, error)

// A Body is the answer's blocks: PEP 3333's iterable of byte strings.
//
// Blocks is ranged over at most once. Every block that is not empty is transmitted before the next is asked for. An
// error ends the body as an error of the Application would. A block may be reused by the body once the loop goes on.
//
// Close is called exactly once by the server, whatever happened: at the end, after an error, when the client has left,
// and when Blocks was never called. A middleware that returns another Body passes Close on.
//
// A Body may also have Size() int64, the sum of all blocks in bytes or a negative number: then the server can set
// Content-Length (PEP 3333, "Handling the Content-Length Header").
type Body interface {
	Blocks() iter.Seq2[[]byte, error]
	Close() error
}

// List is a Body that is all there: Python's list of byte strings. Close does nothing.
type List [][]byte

// Text is the List of one block that holds s, the body of the simplest application.
func Text(s string) List { return List{[]byte(s)} }

// Blocks yields the elements in order.
func (l List) Blocks() iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for _, block := range l {
			if !yield(block, nil) {
				return
			}
		}
	}
}

// Close does nothing.
func (l List) Close() error { return nil }

// Size is the sum of the elements' lengths in bytes.
func (l List) Size() int64 {
	var n int64
	for _, block := range l {
		n += int64(len(block))
	}
	return n
}

// Stream is a Body whose blocks are made while they are sent: Python's generator.
//
// close is called by Close, whether or not the blocks were ever asked for; nil means that there is nothing to release.
func Stream(blocks iter.Seq2[[]byte, error], close func() error) Body {
	return &stream{blocks, close}
}

type stream struct {
	blocks iter.Seq2[[]byte, error]
	close  func() error
}

func (s *stream) Blocks() iter.Seq2[[]byte, error] { return s.blocks }

func (s *stream) Close() error {
	if s.close == nil {
		return nil
	}
	return s.close()
}

// fileBlock is the block size of a file sent block by block, as in Werkzeug's FileWrapper.
const fileBlock = 8192

// File is a Body made of the rest of r: PEP 3333's wsgi.file_wrapper, also found under that key of the environ.
//
// The server may transmit it without reading blocks, by io.ReaderFrom and so by sendfile(2). Close closes r when it is
// an io.Closer. size is the number of bytes that r will yield, or negative if that is not known.
func File(r io.Reader, size int64) *FileBody { return &FileBody{r, size} }

// A FileBody is what File returns.
type FileBody struct {
	r    io.Reader
	size int64
}

// Blocks yields the file in blocks of 8 KiB; they share one buffer.
func (f *FileBody) Blocks() iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		buf := make([]byte, fileBlock)
		for {
			n, err := f.r.Read(buf)
			if n > 0 && !yield(buf[:n], nil) {
				return
			}
			if err != nil {
				if err != io.EOF {
					yield(nil, err)
				}
				return
			}
		}
	}
}

// WriteTo copies the file to w by the fastest way that both ends know.
func (f *FileBody) WriteTo(w io.Writer) (int64, error) { return io.Copy(w, f.r) }

// Size is the size that File was given.
func (f *FileBody) Size() int64 { return f.size }

// Close closes the reader if it can be closed.
func (f *FileBody) Close() error {
	if c, ok := f.r.(io.Closer); ok {
		return c.Close()
	}
	return nil
}
