package devserver

import (
	"errors"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// A standIn is the parent as a server: it accepts from the socket while there is no program that could, and shows why.
type standIn struct {
	gate     *gate
	upstream http.Handler
	server   *http.Server
	listener *gatedListener

	mu      sync.Mutex
	mode    mode
	changed chan struct{} // closed when the mode changes
}

// A mode is what the stand-in does with requests on connections that it has.
type mode int

const (
	modeHold mode = iota // wait: a program is being built or started
	modeShow             // show the problem
	modePass             // pass them on to the program that serves
)

func newStandIn(s *supervisor) *standIn {
	in := &standIn{gate: &gate{editor: s.options.Editor, secret: s.hello.Secret}, changed: make(chan struct{})}
	in.upstream = newUpstream(s.socket.Addr(), s.options.Certificate != nil, s.hello.Secret)
	in.listener = newGatedListener(s.socket)
	in.server = &http.Server{Handler: in, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 60 * time.Second}
	if cert := s.options.Certificate; cert != nil {
		in.server.TLSConfig = serverTLS(cert)
		go in.server.ServeTLS(in.listener, "", "")
		return in
	}
	in.server.Protocols = plainProtocols(s.options.H2C)
	go in.server.Serve(in.listener)
	return in
}

// set changes the mode; new connections are accepted while the problem is shown.
func (in *standIn) set(m mode) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.mode == m {
		return
	}
	in.mode = m
	close(in.changed)
	in.changed = make(chan struct{})
	in.listener.open(m == modeShow)
}

func (in *standIn) now() (mode, <-chan struct{}) {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.mode, in.changed
}

func (in *standIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for {
		m, changed := in.now()
		switch m {
		case modeShow:
			in.gate.ServeHTTP(w, r)
			return
		case modePass:
			w.Header().Set("Connection", "close")
			in.upstream.ServeHTTP(w, r)
			return
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}

func (in *standIn) close() {
	in.listener.stop()
	_ = in.server.Close()
}

// A gatedListener accepts only while it is open; what comes in the meantime waits in the system's queue, for whoever else accepts.
type gatedListener struct {
	net.Listener
	mu      sync.Mutex
	opened  chan struct{} // closed while open
	stopped chan struct{}
	isOpen  bool
}

func newGatedListener(l net.Listener) *gatedListener {
	return &gatedListener{Listener: l, opened: make(chan struct{}), stopped: make(chan struct{})}
}

// deadliner is the part of listeners on sockets that interrupts Accept.
type deadliner interface{ SetDeadline(time.Time) error }

func (l *gatedListener) open(yes bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if yes == l.isOpen {
		return
	}
	l.isOpen = yes
	d, _ := l.Listener.(deadliner)
	if yes {
		_ = d.SetDeadline(time.Time{})
		close(l.opened)
		return
	}
	l.opened = make(chan struct{})
	_ = d.SetDeadline(time.Unix(1, 0))
}

func (l *gatedListener) gate() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.opened
}

// Accept implements net.Listener.
func (l *gatedListener) Accept() (net.Conn, error) {
	for {
		select {
		case <-l.stopped:
			return nil, net.ErrClosed
		case <-l.gate():
		}
		conn, err := l.Listener.Accept()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			continue
		}
		return conn, err
	}
}

// Close leaves the socket open: it is the supervisor's.
func (l *gatedListener) Close() error { return nil }

func (l *gatedListener) stop() {
	l.open(false)
	close(l.stopped)
}
