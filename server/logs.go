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

// A logFile is a file that can be opened again under the same name, whose writes never fail: what a full disk does not
// take is counted, and told on stderr once a minute. One Write is one system call, and the file is open for appending, so
// lines of several processes do not mix. Safe for concurrent use.
type logFile struct {
	path  string  // "-" is std
	owner *Config // who the file is given to

	mu      sync.Mutex
	f       *os.File
	std     *os.File
	dropped int
	warned  time.Time
}

func openLog(path string, std *os.File, owner *Config) (*logFile, error) {
	l := &logFile{path: path, std: std, owner: owner}
	if path == "-" {
		l.f = std
	}
	return l, l.reopen()
}

// reopen opens the path again. If that fails the old file goes on.
func (l *logFile) reopen() error {
	if l.path == "-" {
		return nil
	}
	f, err := os.OpenFile(l.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640)
	if err != nil {
		return fmt.Errorf("server: cannot open log file: %w", err)
	}
	if err := giveLog(l.owner, f); err != nil {
		f.Close()
		return fmt.Errorf("server: cannot give a log file to the workers: %w", err)
	}
	l.mu.Lock()
	old := l.f
	l.f = f
	l.mu.Unlock()
	if old != nil {
		old.Close()
	}
	return nil
}

func (l *logFile) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n, err := l.f.Write(p); err != nil {
		l.drop(n, err)
		return len(p), nil
	}
	if l.dropped > 0 {
		fmt.Fprintf(l.f, "%d lines could not be written here\n", l.dropped)
		l.dropped = 0
	}
	return len(p), nil
}

// drop counts a lost line. It is called for every line while a disk is full, so it must cost nothing.
func (l *logFile) drop(_ int, err error) {
	l.dropped++
	if now := time.Now(); now.Sub(l.warned) >= time.Minute {
		l.warned = now
		fmt.Fprintf(os.Stderr, "log %s: %v: %d lines dropped so far\n", l.path, err, l.dropped)
	}
}

func (l *logFile) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f != l.std {
		l.f.Close()
	}
}

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
	captured func()
}

// openLogs opens what c says. Only workers write the access log, but the master opens it too, so that a bad name is found.
func openLogs(c *Config) (*logs, error) {
	l := &logs{Logger: c.Logger}
	var err error
	if l.errors, err = openLog(c.ErrorLog, os.Stderr, c); err != nil {
		return nil, err
	}
	if c.AccessLog != "" {
		if l.access, err = openLog(c.AccessLog, os.Stdout, c); err != nil {
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
	if l.captured != nil {
		l.captured()
	}
}

func (l *logs) close() {
	l.errors.close()
	if l.access != nil {
		l.access.close()
	}
}
