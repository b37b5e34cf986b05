package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// doors are the ways in for questions.
type doors struct {
	control *socket
	metrics *http.Server
	done    chan struct{}

	mu      sync.Mutex
	metered *socket // that metrics serves, once there is one
	over    bool    // there will be none any more
}

// serveMetrics serves the metrics on a socket, which goes with the doors.
func (d *doors) serveMetrics(s *socket) {
	d.mu.Lock()
	over := d.over
	if d.metered = s; over {
		s.close(true)
	}
	d.mu.Unlock()
	if !over {
		d.metrics.Serve(s.listener)
	}
}

// closeMetrics leaves nothing of the metrics behind.
func (d *doors) closeMetrics() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.over = true
	if d.metrics != nil {
		d.metrics.Close()
	}
	if d.metered != nil {
		d.metered.close(true)
	}
}

// openDoors opens the control socket and the metrics address.
func (m *master) openDoors(ctx context.Context) (err error) {
	m.doors = &doors{done: make(chan struct{})}
	if m.parent == nil {
		if err := m.openControl(ctx, m.cfg.BindRetries); err != nil {
			return err
		}
	}
	if m.cfg.MetricsBind != "" {
		m.doors.metrics = &http.Server{Handler: m.metricsHandler(), ReadHeaderTimeout: 5 * time.Second}
		if err := m.openMetrics(ctx); err != nil {
			return err
		}
	}
	if m.cfg.StatsdAddr != "" {
		m.sink, err = newStatsd(m.cfg)
	}
	return err
}

// openControl opens the control socket. The new master of an upgrade does so when the old one has handed over: before that
// the upgrade may fail, and the old one must still be within reach. retries are for who has no loop to keep waiting.
func (m *master) openControl(ctx context.Context, retries int) (err error) {
	path := m.cfg.ControlSocket
	if path == "" || m.doors.control != nil {
		return nil
	}
	c := *m.cfg
	c.SocketMode, c.User, c.Group, c.BindRetries, c.Command = m.cfg.ControlSocketMode, "", "", retries, nil
	if m.parent != nil {
		m.left.removeFrom(path)
	}
	if m.doors.control, err = listen(ctx, &c, "unix:"+path); err == nil {
		go m.attend(m.doors.control.listener)
	}
	return err
}

// removeFrom removes the old master's control socket from a path, if it is there: the old master lives, so its socket cannot
// be told by asking from that of a server which has nothing to do with it.
func (s *socket) removeFrom(path string) {
	if s == nil {
		return
	}
	if fi, err := os.Lstat(path); err == nil && os.SameFile(fi, s.inode) {
		os.Remove(path)
	}
}

// controlPath is where the control socket is, "" if there is none. Whoever is told may be in another folder.
func (d *doors) controlPath() string {
	if d == nil || d.control == nil {
		return ""
	}
	if fi, err := os.Lstat(d.control.path); err != nil || !os.SameFile(fi, d.control.inode) {
		return "" // somebody has put another in its place
	}
	path, err := filepath.Abs(d.control.path)
	if err != nil {
		return ""
	}
	return path
}

func (m *master) openMetrics(ctx context.Context) error {
	c := *m.cfg
	c.ReusePort, c.Command = false, nil
	s, err := listen(ctx, &c, c.MetricsBind)
	if err == nil {
		go m.doors.serveMetrics(s)
	} else if m.parent != nil {
		go m.inheritMetrics(ctx, &c)
		err = nil
	}
	return err
}

// inheritMetrics takes the metrics address when the old master of an upgrade has left it. It has a configuration of its own, for
// the loop may take another meanwhile.
func (m *master) inheritMetrics(ctx context.Context, c *Config) {
	b, err := parseBind(c.MetricsBind)
	if err != nil {
		return // it has been checked
	}
	retry := time.NewTicker(100 * time.Millisecond)
	defer retry.Stop()
	for {
		select {
		case <-m.doors.done:
			return
		case <-retry.C:
			if s, err := tryListen(ctx, c, b); err == nil {
				m.doors.serveMetrics(s)
				return
			}
		}
	}
}

func (m *master) closeDoors() {
	close(m.doors.done)
	if m.doors.control != nil {
		m.doors.control.close(true)
	}
	m.doors.closeMetrics()
}

// ask puts a question to the loop from another goroutine.
func (m *master) ask(line string, patience time.Duration) (string, error) {
	a := ask{line: line, reply: make(chan answer, 1)}
	select {
	case m.asks <- a:
	case <-m.doors.done:
		return "", errors.New("the server has stopped")
	}
	select {
	case r := <-a.reply:
		return r.text, r.err
	case <-m.doors.done:
		return "", errors.New("the server has stopped")
	case <-time.After(patience):
		return "", errors.New("no answer in time")
	}
}

// attend serves the control socket: a line in, an answer out, and the end.
func (m *master) attend(l net.Listener) {
	for {
		c, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil: // no descriptors: orders are wanted most when something is wrong
			select {
			case <-m.doors.done:
				return
			case <-time.After(100 * time.Millisecond):
			}
			continue
		}
		go func() {
			defer c.Close()
			c.SetReadDeadline(time.Now().Add(5 * time.Second))
			line, err := bufio.NewReader(c).ReadString('\n')
			if err != nil {
				return
			}
			text, err := m.ask(line, reloadPatience)
			if err != nil {
				fmt.Fprintf(c, "error: %v\n", err)
				return
			}
			fmt.Fprintf(c, "ok\n%s", text)
		}()
	}
}

// How long an answer may take: a reload's comes when it is done, any other's at once, so that a master that gives none hangs.
const (
	reloadPatience = 10 * time.Minute
	orderPatience  = 30 * time.Second
)

// Control sends one order to the control socket of a running server and returns its answer: "status" (a [Status] in JSON),
// "workers" (one a line, for people), "metrics", "requests" (one a line: pid, number, client, method, path, age), "stack <pid> <number>", "reload" (returns
// when the new workers serve and the old ones accept no more, with an error if it was refused), "reopen", "scale <workers>", "upgrade", "stop", "quit".
//
// The error is the server's refusal, or that there is none, or that it has not answered: within 30 s, or ten minutes for a reload.
func Control(socket, order string) (string, error) {
	c, err := net.Dial("unix", socket)
	if err != nil {
		return "", fmt.Errorf("server: no server at %s: %w", socket, err)
	}
	defer c.Close()
	patience := orderPatience
	if order == "reload" {
		patience += reloadPatience
	}
	c.SetDeadline(time.Now().Add(patience))
	if _, err := fmt.Fprintf(c, "%s\n", order); err != nil {
		return "", fmt.Errorf("server: the server at %s takes no order: %w", socket, err)
	}
	var text strings.Builder
	if _, err := bufio.NewReader(c).WriteTo(&text); err != nil {
		return "", fmt.Errorf("server: the server at %s does not answer: %w", socket, err)
	}
	if rest, ok := strings.CutPrefix(text.String(), "ok\n"); ok {
		return rest, nil
	}
	if text.Len() == 0 {
		return "", fmt.Errorf("server: the server at %s ended without an answer", socket)
	}
	return "", errors.New("server: " + strings.TrimSpace(strings.TrimPrefix(text.String(), "error: ")))
}
