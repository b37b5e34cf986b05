package server

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// A logFile is a file that can be opened again under the same name, that nobody has to wait for, and whose writes never fail. Lines
// go into a queue of queueLines, which one goroutine writes; what a full queue does not take, or a full disk, is counted, and told
// in the file in front of the first line that is taken again, where they are missing. One line is one system call, and the file is open for appending, so lines of
// several processes do not mix. Safe for concurrent use.
//
// A pipe that nobody reads would otherwise stop the master's loop, and each request that is to be in the access log.
type logFile struct {
	path     string        // "-" is std
	owner    *Config       // who the file is given to
	patience time.Duration // how long whoever writes waits for room in a full queue; zero in the master, which never waits
	std      *os.File

	mu sync.Mutex
	f  *os.File

	begin sync.Once // starts the goroutine with the first line
	began bool
	lines chan logLine
	over  chan struct{}
	stuck atomic.Bool // a line has waited for all of patience in vain, and nothing has been written since

	gap    sync.Mutex
	missed int64 // lines that the queue has had no room for since it last took one

	failed int64 // lines that could not be written since the last that was; it and warned belong to the goroutine
	warned time.Time
}

// A logLine is a line, or asks for a sign when all before it are written.
type logLine struct {
	text    []byte
	missing int64 // lines in front of it that the queue had no room for
	written chan struct{}
}

const (
	queueLines = 1024
	// workerPatience is for a disk that is slow: it slows the server down, and loses nothing.
	workerPatience = time.Second
	// lastPatience is how long the end of a process waits for its last lines to be written.
	lastPatience = 2 * time.Second
)

func openLog(path string, std *os.File, owner *Config, patience time.Duration) (*logFile, error) {
	l := &logFile{path: path, std: std, owner: owner, patience: patience, lines: make(chan logLine, queueLines), over: make(chan struct{})}
	if path == "-" {
		l.f = std
	}
	return l, l.reopen()
}

// reopen opens the path again. If that fails the old file goes on. A named pipe that nobody reads cannot be opened: waiting for
// a reader would be for ever.
func (l *logFile) reopen() error {
	if l.path == "-" {
		return nil
	}
	f, err := os.OpenFile(l.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY|withoutWaiting, 0o640)
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

func (l *logFile) file() *os.File {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.f
}

// Write queues a copy of a line. It never fails.
func (l *logFile) Write(p []byte) (int, error) {
	l.put(bytes.Clone(p))
	return len(p), nil
}

// put queues a line, which is the file's from then on.
func (l *logFile) put(text []byte) {
	l.begin.Do(func() { l.began = true; go l.work() })
	patience := l.patience
	if l.stuck.Load() {
		patience = 0
	}
	if l.queue(logLine{text: text}, patience) {
		return
	}
	if patience > 0 {
		l.stuck.Store(true)
	}
	l.miss(1)
}

// queue puts a line into the queue, with what is missing in front of it. It reports whether there was room, now or within patience.
func (l *logFile) queue(line logLine, patience time.Duration) bool {
	l.gap.Lock()
	line.missing, l.missed = l.missed, 0
	select {
	case l.lines <- line:
		l.gap.Unlock()
		return true
	default:
		l.gap.Unlock()
	}
	if patience > 0 {
		t := time.NewTimer(patience)
		defer t.Stop()
		select {
		case l.lines <- line:
			return true
		case <-t.C:
		}
	}
	l.miss(line.missing)
	return false
}

func (l *logFile) miss(lines int64) {
	l.gap.Lock()
	l.missed += lines
	l.gap.Unlock()
}

// work writes what is queued, until the file is closed.
func (l *logFile) work() {
	for {
		select {
		case line := <-l.lines:
			l.write(line)
			if line.written != nil {
				close(line.written)
			}
		case <-l.over:
			return
		}
	}
}

// write writes a line, and in front of it, in the same call, how many are missing there.
func (l *logFile) write(line logLine) {
	text, gap := line.text, 0
	if l.failed += line.missing; l.failed > 0 {
		told := fmt.Appendf(nil, "%d lines could not be written here\n", l.failed)
		text, gap = append(told, text...), len(told)
	}
	if len(text) == 0 {
		return
	}
	n, err := l.file().Write(text)
	if errors.Is(err, os.ErrClosed) { // it was opened again meanwhile
		n, err = l.file().Write(text)
	}
	l.stuck.Store(false)
	if n >= gap { // they have been told
		l.failed = 0
	}
	if err != nil && len(line.text) > 0 {
		l.fail(err)
	}
}

// fail counts a lost line. It is called for every line while a disk is full, so it must cost nothing.
func (l *logFile) fail(err error) {
	l.failed++
	if now := time.Now(); now.Sub(l.warned) >= time.Minute {
		l.warned = now
		fmt.Fprintf(os.Stderr, "log %s: %v: %d lines dropped so far\n", l.path, err, l.failed)
	}
}

// flush waits until what is queued is written, but not for ever.
func (l *logFile) flush() {
	written := make(chan struct{})
	t := time.NewTimer(lastPatience)
	defer t.Stop()
	if !l.queue(logLine{written: written}, lastPatience) {
		return
	}
	select {
	case <-written:
	case <-t.C:
	}
}

// close writes what is queued and closes the file. What comes later is lost.
func (l *logFile) close() {
	l.begin.Do(func() {})
	if l.began {
		l.flush()
	}
	l.stuck.Store(true)
	close(l.over)
	if f := l.file(); f != l.std {
		f.Close()
	}
}
