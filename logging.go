package carafe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"github.com/carafeweb/carafe/jinja"
)

// Log is the app's logger: the one in Logger; else slog.Default(), if the program has set that; else one of ours, which writes
// lines to standard error, in debug mode from level Debug on, else from Info.
//
// Source: Flask.logger, flask.logging.create_logger.
func (a *App) Log() *slog.Logger { return a.logger() }

func (a *App) logger() *slog.Logger {
	if a.Logger != nil {
		return a.Logger
	}
	if a.hasOwnLogger() {
		return slog.Default() // which also is what others have set; ours would hide it
	}
	a.ownLogger.once.Do(func() {
		a.ownLogger.l = slog.New(newLineHandler(standardError{}, &slog.HandlerOptions{Level: debugLevel{a}})).With("app", a.name)
	})
	return a.ownLogger.l
}

// hasOwnLogger says whether the program has set a logger, in the app or as slog's default.
func (a *App) hasOwnLogger() bool {
	return a.Logger != nil || reflect.TypeOf(slog.Default().Handler()).String() != "*slog.defaultHandler"
}

// ownLogger is made when first needed.
type ownLogger struct {
	once sync.Once
	l    *slog.Logger
}

// debugLevel follows Config.Debug.
type debugLevel struct{ a *App }

func (d debugLevel) Level() slog.Level {
	if d.a.Config.Debug {
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

// standardError is what os.Stderr is at the time of writing.
type standardError struct{}

func (standardError) Write(p []byte) (int, error) { return os.Stderr.Write(p) }

// lineHandler is slog's text handler, one line a record, but that an attribute "stack" follows in lines of its own. Whatever is
// logged, no line begins with a text from outside.
type lineHandler struct {
	text slog.Handler
	out  *lineOutput
}

type lineOutput struct {
	mu  sync.Mutex
	buf bytes.Buffer
	w   io.Writer
}

func newLineHandler(w io.Writer, opts *slog.HandlerOptions) *lineHandler {
	out := &lineOutput{w: w}
	return &lineHandler{slog.NewTextHandler(&out.buf, opts), out}
}

func (h *lineHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.text.Enabled(ctx, level)
}

func (h *lineHandler) Handle(ctx context.Context, r slog.Record) error {
	stack, rest := "", r
	r.Attrs(func(attr slog.Attr) bool {
		if attr.Key == stackKey {
			stack = attr.Value.String()
		}
		return true
	})
	if stack != "" {
		rest = withoutStack(r)
	}
	h.out.mu.Lock()
	defer h.out.mu.Unlock()
	h.out.buf.Reset()
	if err := h.text.Handle(ctx, rest); err != nil {
		return err
	}
	for line := range strings.Lines(stack) {
		h.out.buf.WriteString("  | " + printableText(strings.TrimRight(line, "\r\n"), true) + "\n")
	}
	_, err := h.out.w.Write(h.out.buf.Bytes())
	return err
}

const stackKey = "stack"

func withoutStack(r slog.Record) slog.Record {
	rest := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	r.Attrs(func(attr slog.Attr) bool {
		if attr.Key != stackKey {
			rest.AddAttrs(attr)
		}
		return true
	})
	return rest
}

func (h *lineHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &lineHandler{h.text.WithAttrs(attrs), h.out}
}

func (h *lineHandler) WithGroup(name string) slog.Handler {
	return &lineHandler{h.text.WithGroup(name), h.out}
}

// maxLogged is how many bytes of a text from outside go into the log.
const maxLogged = 1024

// printable is a text from outside as it may stand in a log, whatever the handler makes of it: on one line, without control
// characters, of a limited length.
func printable(s string) string {
	if len(s) > maxLogged {
		return printableText(s[:maxLogged], false) + "…"
	}
	return printableText(s, false)
}

func printableText(s string, tabs bool) string {
	for _, r := range s {
		if r == unicode.ReplacementChar || !unicode.IsGraphic(r) && !(tabs && r == '\t') {
			q := strconv.Quote(s)
			return q[1 : len(q)-1]
		}
	}
	return s
}

// LogError logs an error that no handler answered, once, with the stack if it was a panic. App.LogException takes its place.
//
// That the context has ended since the client has left is no fault of the app, and is logged at level Info.
//
// Source: Flask.log_exception.
func (a *App) LogError(c *Context, err error) {
	if a.LogException != nil {
		if fault := guarded(func() { a.LogException(c, err) }); fault != nil {
			a.logger().Error("carafe: LogException failed", "error", fault, "exception", err)
		}
		return
	}
	path, method := printable(c.Request.URL.Path), printable(c.Request.Method)
	args := []any{"method", method, "path", path, "endpoint", c.Endpoint(), "error", err}
	if id := c.knownRequestID(); id != "" {
		args = append(args, "request_id", id)
	}
	level, what := slog.LevelError, "Exception on"
	if stack := stackOf(err); stack != nil {
		args = append(args, stackKey, string(stack))
	} else if errors.Is(err, context.Canceled) && context.Cause(c) == context.Canceled { // a server that ends a request has a cause
		level, what = slog.LevelInfo, "The client left before the answer on"
	}
	a.logger().Log(context.WithoutCancel(c), level, fmt.Sprintf("%s %s [%s]", what, path, method), args...)
}

// stackOf is the stack of the panic that an error was, of a view's or of what a template called; nil if it was none.
func stackOf(err error) []byte {
	var opening *sessionError
	if errors.As(err, &opening) {
		return nil
	}
	var pe *PanicError
	if errors.As(err, &pe) {
		return pe.Stack
	}
	var te *jinja.Error
	if errors.As(err, &te) {
		return te.Stack
	}
	return nil
}
