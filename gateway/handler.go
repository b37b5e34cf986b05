package gateway

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"reflect"
	"strconv"
)

// Handler makes an http.Handler of an Application: the server's side of the contract, over net/http's writer.
//
// Blocks are flushed one by one; wsgi.input may be read until the last. Content-Length is set when the Body knows its Size and nothing was written before it.
// For HEAD, 204 and 304 the body is asked for its first block at most, then closed. An error or a missing start_response
// is logged to wsgi.errors and answered by 500 in plain text without the reason; after the first byte it panics with
// http.ErrAbortHandler, so that the client sees a broken answer. A panic of the application passes through, after Close.
//
// Headers that middleware around Handler has put into the ResponseWriter go out too, unless the application sets them.
// The reason phrase of the status is checked, but net/http writes its own.
//
// Source: PEP 3333, "The Server/Gateway Side"; wsgiref.handlers.BaseHandler.
func Handler(app Application) http.Handler { return &handler{app: app} }

type handler struct {
	app  Application
	vars map[string]string // what a CGI or FastCGI web server said; nil under net/http, and with it all below

	multithread, multiprocess, runOnce bool
	errors                             io.Writer // wsgi.errors
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	resp := &responder{w: w, bodiless: r.Method == http.MethodHead, hasInput: r.ContentLength != 0}
	b := environBuilder{boxer: &resp.boxer}
	env := b.build(r)
	env[KeyResponseWriter], env[keyServer] = w, resp
	if h.vars != nil {
		h.addServer(env)
	}
	resp.log = env.Errors()
	if len(w.Header()) > 0 {
		resp.original = maps.Clone(w.Header())
	}
	if err := resp.run(h.app, env); err != nil {
		resp.fail(err, r)
	}
}

// addServer says what a web server's process is, and what it told.
func (h *handler) addServer(env Environ) {
	env[KeyMultithread], env[KeyMultiprocess], env[KeyRunOnce] = h.multithread, h.multiprocess, h.runOnce
	env[KeyErrors] = h.errors
	addVars(env, h.vars)
}

// Errors that the server's side of the contract reports for a broken Application. They are programming errors: the
// client sees a 500, the log the text.
var (
	ErrNotStarted     = errors.New("gateway: the application sent no start_response before its body")
	ErrStartedTwice   = errors.New("gateway: start_response called again without excInfo")
	ErrTooLong        = errors.New("gateway: the body is longer than its Content-Length")
	ErrTooShort       = errors.New("gateway: the body is shorter than its Content-Length")
	errClientGone     = errors.New("gateway: the client has left")
	errorText         = "A server error occurred. Please contact the administrator.\n"
	serverErrorHeader = http.Header{"Content-Type": {"text/plain; charset=utf-8"}, "X-Content-Type-Options": {"nosniff"}}
)

// A responder is one answer on its way: wsgiref's BaseHandler without the environ.
type responder struct {
	w        http.ResponseWriter
	log      io.Writer   // wsgi.errors
	original http.Header // what w.Header() held before the application, to go back to
	status   int         // 0 until start_response
	sent     bool        // the header is out
	bodiless bool        // the answer has no body whatever the application yields
	hasInput bool        // the request may have a body
	length   int64       // Content-Length, -1 if there is none
	written  int64       // bytes of the body
	err      error       // the first error of start or write; sticky
	boxer    boxer       // the environ's strings
	bridge   bridge      // for the first FromHandler that env comes to: with the answer's state it is one allocation
	bridged  bool        // it is taken
}

// run calls app and transmits what it returns.
func (s *responder) run(app Application, env Environ) error {
	body, err := app.ServeGateway(env, s.start)
	if body == nil {
		if err == nil {
			err = s.finish()
		}
		return err
	}
	defer func() { // also when a panic passes through
		if err := body.Close(); err != nil {
			fmt.Fprintf(s.log, "gateway: closing the body: %v\n", err)
		}
	}()
	if err != nil {
		return err
	}
	return s.transmit(body)
}

// start is the StartResponse of this answer.
func (s *responder) start(status string, headers http.Header, excInfo error) (io.Writer, error) {
	if err := s.restart(excInfo); err != nil {
		return s, err
	}
	code, err := checkStart(status, headers)
	if err != nil {
		s.err = err
		return s, err
	}
	s.takeHeaders(headers)
	s.status = code
	return s, nil
}

// restart decides whether start may be called now.
func (s *responder) restart(excInfo error) error {
	switch {
	case excInfo != nil && s.sent:
		s.err = excInfo
		return excInfo
	case excInfo == nil && s.status != 0:
		s.err = ErrStartedTwice
		return s.err
	case excInfo != nil:
		s.err = nil // a failed start is what error handlers replace
	}
	return nil
}

// takeHeaders puts headers into the writer. If they are the writer's own map, as FromHandler's are, nothing is copied.
func (s *responder) takeHeaders(headers http.Header) {
	own := s.w.Header()
	if reflect.ValueOf(own).UnsafePointer() == reflect.ValueOf(headers).UnsafePointer() {
		return
	}
	clear(own)
	maps.Copy(own, s.original)
	for name, values := range headers {
		own[http.CanonicalHeaderKey(name)] = values
	}
}

// Write is PEP 3333's write(): p is on its way to the client when it returns.
func (s *responder) Write(p []byte) (int, error) {
	s.duplex()
	n, err := s.write(p)
	if err == nil && n > 0 && !s.bodiless {
		err = s.FlushError()
	}
	return n, err
}

// write leaves p to net/http's buffer: FromHandler's handlers flush when they want to.
func (s *responder) write(p []byte) (int, error) {
	if err := s.writable(int64(len(p))); err != nil || len(p) == 0 {
		return 0, err
	}
	n, err := s.w.Write(p)
	return s.wrote(n, err, len(p))
}

func (s *responder) writeString(text string) (int, error) {
	if err := s.writable(int64(len(text))); err != nil || text == "" {
		return 0, err
	}
	n, err := io.WriteString(s.w, text)
	return s.wrote(n, err, len(text))
}

// wrote accounts for a write of want bytes. Of an answer without a body net/http drops it, but works out Content-Length
// and Content-Type for HEAD.
func (s *responder) wrote(n int, err error, want int) (int, error) {
	if s.bodiless {
		return want, nil
	}
	s.written += int64(n)
	return n, s.lost(err)
}

// ReadFrom writes all of r, by sendfile(2) if r is a file and the connection can.
func (s *responder) ReadFrom(r io.Reader) (int64, error) {
	s.duplex()
	n, err := s.readFrom(r)
	if err == nil && n > 0 {
		err = s.FlushError()
	}
	return n, err
}

func (s *responder) readFrom(r io.Reader) (int64, error) {
	if err := s.writable(0); err != nil {
		return 0, err
	}
	s.sendHeader()
	if s.bodiless {
		return 0, nil
	}
	n, err := copyTo(s.w, s.limit(r))
	s.written += n
	if err == nil && s.length >= 0 && s.written == s.length {
		err = s.overrun(r)
	}
	return n, err
}

// limit cuts r at Content-Length, which net/http does not in its ReadFrom. An io.LimitedReader that is short enough
// stays what it is: inside another one, its file is not found by sendfile.
func (s *responder) limit(r io.Reader) io.Reader {
	if s.length < 0 {
		return r
	}
	left := s.length - s.written
	if l, ok := r.(*io.LimitedReader); ok && l.N <= left {
		return r
	}
	return io.LimitReader(r, left)
}

// overrun reports a reader that has more than Content-Length lets through.
func (s *responder) overrun(r io.Reader) error {
	if n, _ := r.Read(make([]byte, 1)); n > 0 {
		s.err = ErrTooLong
	}
	return s.err
}

// writable readies the answer for n bytes of body: the header goes out with the first of them.
func (s *responder) writable(n int64) error {
	if s.err == nil && s.status == 0 {
		s.err = ErrNotStarted
	}
	if s.err != nil || n == 0 {
		return s.err
	}
	if !s.sent {
		s.length = lengthOf(s.w.Header())
	}
	if s.length >= 0 && s.written+n > s.length && !s.bodiless {
		s.err = ErrTooLong
		return s.err
	}
	s.sendHeader()
	return nil
}

// sendHeader sends status and headers once.
func (s *responder) sendHeader() {
	if s.sent {
		return
	}
	s.sent = true
	s.length = lengthOf(s.w.Header())
	if s.status == http.StatusNoContent || s.status == http.StatusNotModified {
		s.bodiless = true
	}
	s.w.WriteHeader(s.status)
}

// lengthOf is the Content-Length in h, or -1.
func lengthOf(h http.Header) int64 {
	if v := h["Content-Length"]; len(v) == 1 {
		if n, err := strconv.ParseUint(v[0], 10, 63); err == nil {
			return int64(n)
		}
	}
	return -1
}

// Flush is FlushError for http.Flusher.
func (s *responder) Flush() { s.FlushError() }

// FlushError sends on what net/http has buffered, the header too.
func (s *responder) FlushError() error {
	if s.err != nil || s.status == 0 {
		return s.err
	}
	s.sendHeader()
	err := http.NewResponseController(s.w).Flush()
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return s.lost(err)
}

// lost remembers that the client has left.
func (s *responder) lost(err error) error {
	if err != nil && s.err == nil {
		s.err = fmt.Errorf("%w: %w", errClientGone, err)
	}
	return err
}

// duplex lets the application go on reading wsgi.input while blocks go out, as PEP 3333's servers do: net/http drops the rest
// of a short request body when the answer begins. FromHandler's handlers ask for that themselves, if they want it.
func (s *responder) duplex() {
	if s.hasInput && !s.sent {
		http.NewResponseController(s.w).EnableFullDuplex() // an error means that the server can anyway, or never
	}
}

// transmit sends the body's blocks, and the header with the first of them.
func (s *responder) transmit(body Body) error {
	s.duplex()
	if done, err := s.transmitFile(body); done {
		return err
	}
	if list, ok := body.(List); ok {
		return s.transmitList(list)
	}
	return s.transmitBlocks(body)
}

func (s *responder) transmitBlocks(body Body) error {
	for block, err := range body.Blocks() {
		if err != nil {
			return err
		}
		if more, err := s.transmitBlock(body, block); !more {
			return err
		}
	}
	return s.finish()
}

// transmitList is transmitBlocks without an iterator, whose closures are allocated: most bodies are lists.
func (s *responder) transmitList(list List) error {
	for _, block := range list {
		if more, err := s.transmitBlock(list, block); !more {
			return err
		}
	}
	return s.finish()
}

// transmitBlock sends one block, and reports whether the body may be asked for another.
func (s *responder) transmitBlock(body Body, block []byte) (more bool, err error) {
	if len(block) == 0 && s.err == nil && s.status != 0 {
		return true, nil
	}
	s.presize(body)
	if _, err := s.Write(block); err != nil {
		return false, s.err
	}
	return !s.bodiless, s.err
}

// presize sets Content-Length from a body that knows its size, if the application left it to the server.
func (s *responder) presize(body Body) {
	sized, ok := body.(interface{ Size() int64 })
	if !ok || s.sent || s.status == 0 || s.status == http.StatusNoContent || s.status == http.StatusNotModified {
		return
	}
	h := s.w.Header()
	if n := sized.Size(); n >= 0 && h["Content-Length"] == nil && h["Trailer"] == nil {
		h["Content-Length"] = []string{strconv.FormatInt(n, 10)}
	}
}

// transmitFile sends a body that can write itself, PEP 3333's platform-specific file handling. It reports false if the
// body cannot, or may not because there is no answer to put it into.
func (s *responder) transmitFile(body Body) (bool, error) {
	file, ok := body.(*FileBody)
	if !ok || s.status == 0 || s.err != nil {
		return false, nil
	}
	s.presize(body)
	if _, err := s.readFrom(file.r); err != nil {
		return true, err
	}
	if s.bodiless {
		return true, s.err
	}
	return true, s.finish()
}

// finish ends an answer that went well so far.
func (s *responder) finish() error {
	if s.err == nil && s.status == 0 {
		s.err = ErrNotStarted
	}
	if s.err != nil {
		return s.err
	}
	s.sendHeader()
	if s.length > s.written && !s.bodiless {
		s.err = ErrTooShort
	}
	return s.err
}

// fail reports err in the log and, as far as that is still possible, to the client.
func (s *responder) fail(err error, r *http.Request) {
	if errors.Is(err, http.ErrHijacked) {
		return
	}
	if errors.Is(err, errClientGone) || r.Context().Err() != nil && s.sent {
		panic(http.ErrAbortHandler)
	}
	fmt.Fprintf(s.log, "gateway: %s %q: %v\n", r.Method, r.URL.Path, err)
	if s.sent {
		panic(http.ErrAbortHandler)
	}
	h := s.w.Header()
	clear(h)
	maps.Copy(h, s.original)
	maps.Copy(h, serverErrorHeader)
	s.w.WriteHeader(http.StatusInternalServerError)
	io.WriteString(s.w, errorText)
}
