package carafe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// An inheritance is what a server that started this process has left it, as systemd does (sd_listen_fds(3), sd_notify(3)):
// listening sockets, and a place to say how it is. [App.Run] then is one worker of that server: it serves those sockets
// without debug mode, reloader or banner, and leaves as package server's own workers do.
type inheritance struct {
	listeners []net.Listener
	notify    string        // NOTIFY_SOCKET
	watchdog  time.Duration // how often a sign of life is wanted; 0 for never
	grace     time.Duration // that requests in flight have when it is told to leave
	idle      time.Duration // that idle connections have to send a last request
}

// firstInherited is the descriptor at which systemd begins.
const firstInherited = 3

// inherited takes what the environment says this process was left, nil if that is nothing, and removes it from there, so
// that programs which the app starts do not take it for theirs.
func inherited() (*inheritance, error) {
	if os.Getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) {
		return nil, nil
	}
	n, err := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	if err != nil || n < 1 {
		return nil, fmt.Errorf("carafe: the environment has LISTEN_FDS=%q, which is no number of sockets", os.Getenv("LISTEN_FDS"))
	}
	in := &inheritance{
		notify: os.Getenv("NOTIFY_SOCKET"),
		grace:  durationEnv("CARAFE_GRACEFUL_TIMEOUT", 30*time.Second), idle: durationEnv("CARAFE_DRAIN_IDLE", 3*time.Second),
	}
	if usec, err := strconv.Atoi(os.Getenv("WATCHDOG_USEC")); err == nil && usec > 0 {
		in.watchdog = time.Duration(usec) * time.Microsecond / 2
	}
	for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "CARAFE_ROLE", "CARAFE_BINDS"} {
		os.Unsetenv(name)
	}
	for fd := firstInherited; fd < firstInherited+n; fd++ {
		f := os.NewFile(uintptr(fd), "inherited")
		l, err := net.FileListener(f)
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("carafe: descriptor %d, which this process was left, is no listening socket: %w", fd, err)
		}
		in.listeners = append(in.listeners, l)
	}
	return in, nil
}

func durationEnv(name string, otherwise time.Duration) time.Duration {
	if d, err := time.ParseDuration(os.Getenv(name)); err == nil {
		return d
	}
	return otherwise
}

// say tells the server that started this process how it is. Nobody need be listening.
func (in *inheritance) say(state string) {
	if in.notify == "" {
		return
	}
	if c, err := net.Dial("unixgram", in.notify); err == nil {
		c.SetWriteDeadline(time.Now().Add(time.Second)) // who does not listen holds nobody up
		c.Write([]byte(state))
		c.Close()
	}
}

// serveInherited is Run in a process that has inherited sockets, or should have. It returns nil after it was told to leave.
func (a *App) serveInherited(in *inheritance, err error, h2c bool) error {
	if err = errors.Join(err, a.loadDotenv()); err != nil {
		return err
	}
	a.Config.Debug = false
	if err := a.Freeze(); err != nil {
		return err
	}
	ignoreOperator()
	stop := make(chan os.Signal, 2)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(stop)
	w := &leaver{inheritance: in, open: map[net.Conn]bool{}, gone: make(chan struct{}, 1)}
	srv := a.server(h2c)
	srv.Handler, srv.ConnState = w.closing(a), w.count
	failed := make(chan error, len(in.listeners))
	for _, l := range in.listeners {
		go func() { failed <- srv.Serve(&lastCalls{Listener: l, leaving: &w.leaving}) }()
	}
	if in.watchdog > 0 {
		in.say("READY=1\nWATCHDOG=1") // at once: there is no moment at which it serves unwatched
	} else {
		in.say("READY=1")
	}
	defer in.watch()()
	select {
	case err := <-failed:
		return err
	case <-stop:
	}
	w.interruptAccepts()  // before lastCalls takes a deadline for the end of its last calls
	w.leaving.Store(true) // first: whoever has heard that it stops is told so by every answer
	in.say("STOPPING=1")
	grace, cancel := context.WithTimeout(context.Background(), in.grace)
	defer cancel()
	if !w.leave(grace, srv, stop, failed) {
		a.logger().Warn("requests were cut: their time was up, or a second signal came")
	}
	return a.Drain(grace)
}

// watch gives the signs of life that are wanted until the function it returns is called.
func (in *inheritance) watch() (end func()) {
	if in.watchdog <= 0 {
		return func() {}
	}
	t := time.NewTicker(in.watchdog)
	over := make(chan struct{})
	go func() {
		for {
			select {
			case <-t.C:
				in.say("WATCHDOG=1")
			case <-over:
				return
			}
		}
	}()
	return func() { t.Stop(); close(over) }
}

// A leaver is the end of a worker: it loses no request that has arrived.
type leaver struct {
	*inheritance
	leaving atomic.Bool
	mu      sync.Mutex
	open    map[net.Conn]bool
	gone    chan struct{} // gets a token when the last connection has been closed
}

// closing tells each connection's client, with the next answer, not to send another request on it.
func (w *leaver) closing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if w.leaving.Load() {
			rw.Header().Set("Connection", "close")
		}
		next.ServeHTTP(rw, r)
	})
}

// count follows the connections.
func (w *leaver) count(c net.Conn, state http.ConnState) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch state {
	case http.StateNew:
		w.open[c] = true
	case http.StateClosed, http.StateHijacked:
		delete(w.open, c)
		if len(w.open) == 0 {
			select {
			case w.gone <- struct{}{}:
			default:
			}
		}
	}
}

func (w *leaver) empty() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.open) == 0
}

func (w *leaver) interruptAccepts() {
	for _, l := range w.listeners {
		if d, ok := l.(interface{ SetDeadline(time.Time) error }); ok {
			d.SetDeadline(time.Now())
		}
	}
}

// leave takes what waits in the accept queues, gives connections time for the request that tells them to close, and shuts
// down: at once it would close connections whose request is on its way (golang/go#75591). It reports false if that was not
// all over when grace or a second signal ended it.
func (w *leaver) leave(grace context.Context, srv *http.Server, again <-chan os.Signal, served <-chan error) bool {
	for range w.listeners {
		<-served
	}
	idle := time.After(w.idle)
	for !w.empty() {
		select {
		case <-w.gone:
			continue
		case <-idle:
		case <-again:
			srv.Close()
			return false
		}
		break
	}
	if srv.Shutdown(grace) != nil {
		srv.Close()
		return false
	}
	return true
}

// lastCalls is a listener that, when its worker leaves, accepts until nothing has come for a moment.
type lastCalls struct {
	net.Listener
	leaving *atomic.Bool
	until   time.Time // of the last calls; zero before
}

func (l *lastCalls) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if !l.leaving.Load() {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				continue
			}
			return c, err
		}
		if err != nil && !l.until.IsZero() {
			return nil, net.ErrClosed
		}
		l.limit()
		if err == nil {
			return c, nil
		}
	}
}

// limit gives the next call its time: a little, and hardly any when they do not end.
func (l *lastCalls) limit() {
	now, wait := time.Now(), 20*time.Millisecond
	if l.until.IsZero() {
		l.until = now.Add(150 * time.Millisecond)
	}
	if now.After(l.until) {
		wait = time.Millisecond
	}
	if d, ok := l.Listener.(interface{ SetDeadline(time.Time) error }); ok {
		d.SetDeadline(now.Add(wait))
	}
}
