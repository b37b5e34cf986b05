package carafe

import (
	"bytes"
	"errors"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"reflect"

	"github.com/carafeweb/carafe/wire"
)

// bodyLimits is how much of a body is taken; a negative limit is none.
type bodyLimits struct {
	content int64
	memory  int64
	parts   int
}

func (a *App) bodyLimits() bodyLimits {
	return bodyLimits{a.Config.MaxContentLength, a.Config.MaxFormMemorySize, a.Config.MaxFormParts}
}

// SetMaxContentLength changes Config.MaxContentLength for this request; negative means no limit. It must be called before
// the body is read.
//
// Source: flask.Request.max_content_length.
func (r *Request) SetMaxContentLength(n int64) {
	m := r.lazy()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.limits.content = n
	if b, ok := r.Body.(*limitedBody); ok {
		b.limit = n
	}
}

// SetMaxFormMemorySize changes Config.MaxFormMemorySize for this request; negative means no limit.
//
// Source: flask.Request.max_form_memory_size.
func (r *Request) SetMaxFormMemorySize(n int64) { r.limit(func(l *bodyLimits) { l.memory = n }) }

// SetMaxFormParts changes Config.MaxFormParts for this request; negative means no limit.
//
// Source: flask.Request.max_form_parts.
func (r *Request) SetMaxFormParts(n int) { r.limit(func(l *bodyLimits) { l.parts = n }) }

func (r *Request) limit(set func(*bodyLimits)) {
	m := r.lazy()
	m.mu.Lock()
	defer m.mu.Unlock()
	set(&m.limits)
}

// limitBody has the body of a request end with an error at Config.MaxContentLength, however it is read.
func (a *App) limitBody(w http.ResponseWriter, r *http.Request) *http.Request {
	if r.Body == nil || r.Body == http.NoBody {
		return r
	}
	limited := &struct {
		http.Request
		body limitedBody
	}{*r, limitedBody{src: r.Body, w: w, limit: a.Config.MaxContentLength, declared: r.ContentLength}}
	if onPlainServer(r) {
		limited.body.paced = limited.body.pace.start(w, r, &a.Config)
	}
	limited.Body = &limited.body
	return &limited.Request
}

// limitedBody is a body that ends in an *http.MaxBytesError at its limit. One that says beforehand that it is longer is not
// read at all.
type limitedBody struct {
	src      io.ReadCloser
	w        http.ResponseWriter
	limit    int64 // negative means none
	declared int64 // Content-Length, -1 if unknown
	reader   io.Reader
	err      error
	pace     bodyPace
	paced    bool // or somebody else keeps the time
}

func (b *limitedBody) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if b.reader == nil {
		b.start()
		return b.Read(p)
	}
	if !b.paced {
		n, err := b.reader.Read(p)
		b.err = b.fault(err)
		return n, b.err
	}
	n, err := b.pace.read(b.reader, p)
	if errors.Is(err, errBodyTooSlow) {
		b.w.Header().Set("Connection", "close") // what comes of it later is no request
	}
	b.err = b.fault(err)
	return n, b.err
}

// A bodyFault is why the body could not be read to its end. It reads as net/http's own error, and is it for errors.Is and
// errors.As, for code that knows no Carafe; a view that returns it, wrapped or not, answers what bodyError says, as a read of request.stream does in Flask.
type bodyFault struct{ err, answer error }

func (f *bodyFault) Error() string { return f.err.Error() }

func (f *bodyFault) Unwrap() []error { return []error{f.err, f.answer} }

// fault leaves alone what is not the client's fault: the end, a body that was closed, and what a reader has to say that somebody has put in
// the place of the server's.
func (b *limitedBody) fault(err error) error {
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, http.ErrBodyReadAfterClose) || !isClients(err) && !isServers(b.src) {
		return err
	}
	return &bodyFault{err, bodyError(err)}
}

// isClients says whether only a client brings an error about, or the way to it.
func isClients(err error) bool {
	var limit *http.MaxBytesError
	var way net.Error
	return errors.As(err, &limit) || errors.As(err, &way) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, errBodyTooSlow)
}

// isServers says whether a body is read from the connection itself: its errors are about what the client has sent. It is asked once a body has failed.
func isServers(body io.Reader) bool {
	t := reflect.TypeOf(body)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.PkgPath() == "net/http"
}

// start decides what the limit is: it may have been changed since the request came.
func (b *limitedBody) start() {
	switch {
	case b.limit < 0:
		b.reader = b.src
	case b.declared > b.limit:
		b.reader, b.err = b.src, b.fault(&http.MaxBytesError{Limit: b.limit})
		b.w.Header().Set("Connection", "close") // the rest is not worth reading
	default:
		b.reader = http.MaxBytesReader(b.w, b.src, b.limit)
	}
}

func (b *limitedBody) Close() error { return b.src.Close() }

// bodyError is what an error of reading or parsing a body means to the client: 413 over a limit, 400 if it broke off or
// is malformed.
func bodyError(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return nil
	}
	var limit *http.MaxBytesError
	var done *HTTPError
	switch {
	case errors.As(err, &done):
		return err
	case errors.As(err, &limit), errors.Is(err, wire.ErrTooManyParts), errors.Is(err, wire.ErrHeaderTooLarge), errors.Is(err, multipart.ErrMessageTooLarge):
		return &HTTPError{Code: http.StatusRequestEntityTooLarge, Cause: err}
	}
	if errors.Is(err, errBodyTooSlow) {
		return &HTTPError{Code: http.StatusRequestTimeout, Cause: err}
	}
	return &HTTPError{Code: http.StatusBadRequest, Cause: err}
}

// formTooLarge is the 413 of a form whose fields are over their limit.
func formTooLarge() error {
	return &HTTPError{Code: http.StatusRequestEntityTooLarge, Cause: errors.New("carafe: the form is over Config.MaxFormMemorySize")}
}

// bodyState is how far the body has been read.
type bodyState struct {
	taken bool // somebody reads it: Data, Stream, or the form
	kept  bool // data is the whole body
	data  []byte
	err   error
}

// Data is the whole body, read once and kept; the slice is the request's own. A body above the limit is a 413, one
// that broke off a 400. It is empty if [Request.Stream] or a multipart form has taken the body.
//
// Source: flask.Request.get_data. Unlike Flask's data attribute it is the raw body of a form too.
func (r *Request) Data() ([]byte, error) {
	m := r.lazy()
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.readAll(r, -1)
}

// readAll reads the body once; m.mu is held. A limit that is not negative is one more, for a form.
func (m *requestMore) readAll(r *Request, limit int64) ([]byte, error) {
	if !m.body.taken && r.Body != nil {
		m.body.taken, m.body.kept = true, true
		m.body.data, m.body.err = readBody(r, limit)
	}
	if limit >= 0 && int64(len(m.body.data)) > limit {
		return nil, formTooLarge()
	}
	return m.body.data, m.body.err
}

func readBody(r *Request, limit int64) ([]byte, error) {
	var src io.Reader = r.Body
	if limit >= 0 {
		if r.ContentLength > limit {
			return nil, formTooLarge()
		}
		src = io.LimitReader(src, limit+1)
	}
	data, err := readWhole(src, r.ContentLength)
	if limit >= 0 && int64(len(data)) > limit {
		return nil, formTooLarge()
	}
	return data, bodyError(err)
}

// pieceSize is how much of a long body is read at once.
const pieceSize = 1 << 20

// readWhole is io.ReadAll for a body of a declared length, -1 if none is. A length is a promise only: long ones are believed as they come, in
// pieces that are joined at the end. A buffer that doubles would take four times the limit for a body that turns out to be over it.
// What has come is returned with an error too, unless it is long and over the limit.
func readWhole(src io.Reader, declared int64) ([]byte, error) {
	first := int64(bytes.MinRead)
	if declared > 0 {
		first = min(declared+1, pieceSize) // one more, to meet the end without growing
	}
	var pieces [][]byte
	piece := make([]byte, 0, first)
	for {
		n, err := src.Read(piece[len(piece):cap(piece)])
		piece = piece[:len(piece)+n]
		switch {
		case err != nil && pieces == nil:
			return piece, err
		case err != nil && isTooLarge(err):
			return nil, err
		case err != nil:
			return bytes.Join(append(pieces, piece), nil), err
		case len(piece) == cap(piece):
			pieces = append(pieces, piece)
			piece = make([]byte, 0, min(2*cap(piece), pieceSize))
		}
	}
}

func isTooLarge(err error) bool {
	var limit *http.MaxBytesError
	return errors.As(err, &limit)
}

// Stream is the body, to be read by the caller: nothing is kept, so that neither Data nor the form have anything after that.
// Its errors are *HTTPError, as those of Data. If Data was called before, it is that.
//
// Source: flask.Request.stream.
func (r *Request) Stream() io.Reader {
	m := r.lazy()
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.body.kept:
		return bytes.NewReader(m.body.data)
	case r.Body == nil:
		return http.NoBody
	}
	m.body.taken = true
	return streamedBody{r.Body}
}

// streamedBody translates errors.
type streamedBody struct{ io.Reader }

func (s streamedBody) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if fault := bodyError(err); fault != nil {
		return n, fault
	}
	return n, err
}
