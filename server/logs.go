package server

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A lineHandler writes records as Gunicorn does: "[time zone] [pid] [LEVEL] message key=value".
type lineHandler struct {
	out   io.Writer
	level slog.Level
	attrs string
	group string
}

func (h *lineHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level }

func (h *lineHandler) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	fmt.Fprintf(&b, "[%s] [%d] [%s] %s%s", r.Time.Format("2006-01-02 15:04:05 -0700"), os.Getpid(), levelName(r.Level), oneLine(r.Message), h.attrs)
	r.Attrs(func(a slog.Attr) bool { b.WriteString(attrText(h.group, a)); return true })
	b.WriteByte('\n')
	_, err := io.WriteString(h.out, b.String())
	return err
}

func attrText(group string, a slog.Attr) string {
	v := a.Value.Resolve().String()
	if a.Key == "stack" {
		return "\n" + v // for people; made by the server, never by a client
	}
	return " " + group + a.Key + "=" + quoted(v)
}

// quoted is v in quotes if it holds what could be taken for another field or line, or for an order to a terminal.
func quoted(v string) string {
	if v == "" || strings.ContainsAny(v, " \"=\n\r\t") || strconv.Quote(v) != `"`+v+`"` {
		return strconv.Quote(v)
	}
	return v
}

// oneLine keeps a message from forging other lines.
func oneLine(s string) string {
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			q := fmt.Sprintf("%q", s)
			return q[1 : len(q)-1]
		}
	}
	return s
}

func (h *lineHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	n := *h
	for _, a := range attrs {
		n.attrs += attrText(h.group, a)
	}
	return &n
}

func (h *lineHandler) WithGroup(name string) slog.Handler {
	n := *h
	n.group += name + "."
	return &n
}

func levelName(l slog.Level) string {
	switch {
	case l >= slog.LevelError:
		return "ERROR"
	case l >= slog.LevelWarn:
		return "WARNING"
	case l >= slog.LevelInfo:
		return "INFO"
	}
	return "DEBUG"
}

func parseLevel(name string) slog.Level {
	return map[string]slog.Level{"debug": slog.LevelDebug, "warning": slog.LevelWarn, "error": slog.LevelError}[name]
}

// logs are the open logs of one process.
type logs struct {
	*slog.Logger
	errors *logFile
	access *logFile // nil if there is none
	// captured is called when errors was opened again: it has become the process's output. Nil if it has not.
	captured func() error
}

// openLogs opens what c says. Only workers write the access log, but the master opens it too, so that a bad name is found. patience is
// how long whoever writes may be kept waiting.
func openLogs(c *Config, patience time.Duration) (*logs, error) {
	l := &logs{Logger: c.Logger}
	var err error
	if l.errors, err = openLog(c.ErrorLog, os.Stderr, c, patience); err != nil {
		return nil, err
	}
	if c.AccessLog != "" {
		if l.access, err = openLog(c.AccessLog, os.Stdout, c, patience); err != nil {
			l.errors.close()
			return nil, err
		}
	}
	if l.Logger == nil {
		l.Logger = slog.New(&lineHandler{out: l.errors, level: parseLevel(c.LogLevel)})
	}
	return l, nil
}

func (l *logs) reopen() {
	for _, f := range []*logFile{l.errors, l.access} {
		if f == nil {
			continue
		}
		if err := f.reopen(); err != nil {
			l.Error("log file stays as it is", "err", err)
		}
	}
	l.capture()
}

// capture makes errors, which has just been opened, the process's output, if that is asked for.
func (l *logs) capture() {
	if l.captured == nil {
		return
	}
	if err := l.captured(); err != nil {
		l.Error("output does not go to the error log", "err", err)
	}
}

// close writes what is queued, to both files at once, for each may have to be waited for.
func (l *logs) close() {
	var both sync.WaitGroup
	both.Go(l.errors.close)
	if l.access != nil {
		both.Go(l.access.close)
	}
	both.Wait()
}
