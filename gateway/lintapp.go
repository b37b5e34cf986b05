package gateway

import (
	"fmt"
	"io"
	"iter"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
)

// Application checks an Application, and the server that calls it: the environ with all its keys and types,
// start_response's arguments and order, the use of wsgi.input and wsgi.errors, and the life of the Body. A Body that is
// never closed is found when the garbage collector finds it.
func (l Lint) Application(app Application) Application {
	base := l.linter(app, "ServeGateway")
	return ApplicationFunc(func(env Environ, start StartResponse) (Body, error) {
		lt := base.of(env.String("REQUEST_METHOD"), env.String("SCRIPT_NAME")+env.String("PATH_INFO"))
		lt.checkEnviron(env)
		call := &lintCall{lint: lt, method: env.String("REQUEST_METHOD"), start: start}
		env[KeyInput] = &lintInput{lintBody{ReadCloser: env.Input(), lint: lt, over: &call.over}}
		env[KeyErrors] = &lintErrors{env.Errors(), lt}
		body, err := app.ServeGateway(env, call.startResponse)
		if body == nil {
			call.end(err)
			return nil, err
		}
		return call.wrap(body), err
	})
}

const environRule = "PEP 3333, environ Variables"

// required are the keys that may not be missing, whatever their value.
var required = []string{"REQUEST_METHOD", "QUERY_STRING", "SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL", KeyVersion, KeyScheme,
	KeyInput, KeyErrors, KeyMultithread, KeyMultiprocess, KeyRunOnce}

func (l *linter) checkEnviron(env Environ) {
	for _, key := range required {
		if _, ok := env[key]; !ok {
			l.whole(environRule, "the environ lacks %s", key)
		}
	}
	for key, value := range env {
		if _, ok := value.(string); !ok && !strings.Contains(key, ".") {
			l.whole(environRule, "%s is a %T, want a string", key, value)
		}
	}
	l.checkContract(env)
	l.checkCGI(env)
}

// checkContract checks the wsgi keys that are there.
func (l *linter) checkContract(env Environ) {
	if v, ok := env[KeyVersion]; ok && v != [2]int{1, 0} {
		l.whole(environRule, "wsgi.version is %v, want [2]int{1, 0}", v)
	}
	if s, ok := env[KeyScheme]; ok && s != "http" && s != "https" {
		l.whole(environRule, "wsgi.url_scheme is %v, want http or https", s)
	}
	if v, ok := env[KeyInput]; ok {
		if _, ok := v.(io.Reader); !ok {
			l.whole("PEP 3333, Input and Error Streams", "wsgi.input is a %T, want an io.Reader", v)
		}
	}
	if v, ok := env[KeyErrors]; ok {
		if _, ok := v.(io.Writer); !ok {
			l.whole("PEP 3333, Input and Error Streams", "wsgi.errors is a %T, want an io.Writer", v)
		}
	}
	for _, key := range []string{KeyMultithread, KeyMultiprocess, KeyRunOnce} {
		if v, ok := env[key]; ok && v != true && v != false {
			l.whole(environRule, "%s is a %T, want a bool", key, v)
		}
	}
}

func (l *linter) checkCGI(env Environ) {
	if method := env.String("REQUEST_METHOD"); !isToken(method) {
		l.whole(environRule, "REQUEST_METHOD %q is no method", method)
	}
	script, path := env.String("SCRIPT_NAME"), env.String("PATH_INFO")
	switch {
	case script == "/":
		l.whole(environRule, `SCRIPT_NAME is "/": the root is "", and the slash is PATH_INFO's`)
	case script != "" && script[0] != '/':
		l.whole(environRule, "SCRIPT_NAME %q does not begin with a slash", script)
	case script == "" && path == "":
		l.whole(environRule, "both SCRIPT_NAME and PATH_INFO are empty")
	}
	if path != "" && path[0] != '/' && path != "*" {
		l.whole(environRule, "PATH_INFO %q does not begin with a slash", path)
	}
	if n := env.String("CONTENT_LENGTH"); !isDigits(n) {
		l.whole(environRule, "CONTENT_LENGTH %q is no decimal number", n)
	}
	for _, key := range []string{"HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"} {
		if _, ok := env[key]; ok {
			l.whole(environRule, "%s is in the environ: its name is %s", key, strings.TrimPrefix(key, "HTTP_"))
		}
	}
}

// A lintCall is one call of an Application.
type lintCall struct {
	lint    *linter
	method  string
	start   StartResponse
	started bool
	status  int
	header  http.Header
	sent    int64
	over    atomic.Bool
}

const startRule = "PEP 3333, The start_response() Callable"

// startResponse checks the arguments and hands them on.
func (c *lintCall) startResponse(status string, headers http.Header, excInfo error) (io.Writer, error) {
	if c.started && excInfo == nil {
		c.lint.here(startRule, "start_response is called again without excInfo")
	}
	c.started = true
	code, err := parseStatus(status)
	if err != nil {
		c.lint.here(startRule, "%v", strings.TrimPrefix(err.Error(), "gateway: "))
	}
	for name := range headers {
		if IsHopByHop(name) {
			c.lint.here("PEP 3333, Other HTTP Features", "header %s is hop-by-hop: it is the server's", name)
		}
	}
	if err == nil {
		c.lint.checkAnswer(code, headers)
	}
	c.status, c.header = code, headers
	w, err := c.start(status, headers, excInfo)
	return lintStream{w, c}, err
}

// A lintStream is start_response's writer, counting.
type lintStream struct {
	io.Writer
	call *lintCall
}

func (s lintStream) Write(p []byte) (int, error) {
	if s.call.over.Load() {
		s.call.lint.here("PEP 3333, The write() Callable", "write is called after the response has ended")
	}
	n, err := s.Writer.Write(p)
	s.call.sent += int64(n)
	return n, err
}

// ReadFrom, Flush and FlushError are the server's, so that lint hides nothing.
func (s lintStream) ReadFrom(r io.Reader) (int64, error) {
	n, err := copyTo(s.Writer, r)
	s.call.sent += n
	return n, err
}

func (s lintStream) Flush() { s.FlushError() }

func (s lintStream) FlushError() error { return flush(s.Writer) }

// end checks the answer as a whole.
func (c *lintCall) end(err error) {
	c.over.Store(true)
	switch {
	case err != nil:
	case !c.started:
		c.lint.whole(startRule, "the response ended and start_response was never called")
	case c.status != 0:
		c.lint.checkEnd(c.method, c.status, c.header, c.sent)
	}
}

// wrap watches over a body's life.
func (c *lintCall) wrap(body Body) Body {
	w := &lintedBody{Body: body, call: c, life: new(bodyLife)}
	runtime.AddCleanup(w, func(life *bodyLife) {
		if !life.closed {
			c.lint.whole("PEP 3333, Specification Details", "a body was never closed: the server, or a middleware that returned another, has to")
		}
	}, w.life)
	return w
}

// bodyLife is what is left of a lintedBody when nobody holds it any more.
type bodyLife struct{ ranged, whole, closed bool }

type lintedBody struct {
	Body
	call *lintCall
	life *bodyLife
	err  error
}

// Size is the body's own, so that lint does not change the answer.
func (b *lintedBody) Size() int64 {
	if sized, ok := b.Body.(interface{ Size() int64 }); ok {
		return sized.Size()
	}
	return -1
}

func (b *lintedBody) Blocks() iter.Seq2[[]byte, error] {
	lint := b.call.lint
	if b.life.closed {
		lint.here("PEP 3333, Specification Details", "a body is used after it was closed")
	}
	if b.life.ranged {
		lint.here("PEP 3333, Specification Details", "a body is ranged over twice")
	}
	b.life.ranged = true
	return func(yield func([]byte, error) bool) {
		for block, err := range b.Body.Blocks() {
			if !b.call.started && err == nil {
				lint.whole(startRule, "a block was yielded before start_response was called")
			}
			b.call.sent += int64(len(block))
			b.err = err
			if !yield(block, err) {
				return
			}
		}
		b.life.whole = true
	}
}

// Close checks the whole answer, unless the server stopped half-way.
func (b *lintedBody) Close() error {
	if b.life.closed {
		b.call.lint.here("PEP 3333, Specification Details", "a body is closed twice")
	}
	b.life.closed = true
	if b.life.whole {
		b.call.end(b.err)
	}
	b.call.over.Store(true)
	return b.Body.Close()
}

// A lintInput is wsgi.input, which is the server's to close.
type lintInput struct{ lintBody }

func (i *lintInput) Close() error {
	i.lint.here("PEP 3333, Input and Error Streams", "the application closed wsgi.input")
	return i.ReadCloser.Close()
}

// A lintErrors is wsgi.errors, which is the server's to close.
type lintErrors struct {
	io.Writer
	lint *linter
}

func (e *lintErrors) Close() error {
	e.lint.here("PEP 3333, Input and Error Streams", "the application closed wsgi.errors")
	if c, ok := e.Writer.(io.Closer); ok {
		return c.Close()
	}
	return fmt.Errorf("gateway: wsgi.errors is no io.Closer")
}
