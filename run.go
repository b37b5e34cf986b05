package carafe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A RunOption says something about [App.Run]: [Addr], [Debug].
type RunOption interface{ applyRun(*runSettings) }

// Addr is where the development server listens: "host:port", port 0 for any that is free.
type Addr string

// Debug switches debug mode on or off, whatever the config and the environment say.
type Debug bool

func (a Addr) applyRun(s *runSettings)  { s.addr = string(a) }
func (d Debug) applyRun(s *runSettings) { s.debug = (*bool)(&d) }

// runSettings is what the options and the environment of Run come to.
type runSettings struct {
	addr  string
	debug *bool

	ctx    context.Context // ends the server; nil means until a signal
	out    io.Writer       // for the banner
	listen func(network, addr string) (net.Listener, error)
}

// Run serves the app for development, until Ctrl-C or SIGTERM; then it finishes what is in flight and returns nil.
//
// The address is that of [Addr], else CARAFE_RUN_HOST and CARAFE_RUN_PORT (or PORT), else that of Config.ServerName, else
// 127.0.0.1:5000. In production the app is mounted under a production server; it is an http.Handler.
//
// In a process that was left listening sockets in systemd's way (LISTEN_FDS, LISTEN_PID: by "carafe serve", or by systemd
// itself) Run is a worker instead: no debug mode, no banner, READY=1 to NOTIFY_SOCKET, and on SIGTERM an end that loses
// no request.
//
// Source: Flask.run.
func (a *App) Run(opts ...RunOption) error {
	if in, err := inherited(); in != nil || err != nil {
		return a.serveInherited(in, err)
	}
	asked, done, err := a.answered()
	if done {
		return err
	}
	s := runSettings{out: os.Stderr, listen: net.Listen}
	for _, o := range append(opts, asked...) {
		o.applyRun(&s)
	}
	return a.run(&s)
}

func (a *App) run(s *runSettings) error {
	if err := a.loadDotenv(); err != nil {
		return err
	}
	if s.debug != nil {
		a.Config.Debug = *s.debug
	}
	if !a.frozen.Load() {
		a.logRequests()
	}
	if err := a.Freeze(); err != nil {
		return err
	}
	addr, err := s.address(a.Config.ServerName, os.Getenv)
	if err != nil {
		return err
	}
	l, err := s.listen("tcp", addr)
	if err != nil {
		return listenError(addr, err)
	}
	ctx := s.ctx
	if ctx == nil {
		var stop context.CancelFunc
		ctx, stop = signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
	}
	a.banner(s.out, l.Addr())
	return a.serveUntil(ctx, l)
}

// stopTimeout is how long a development server that is told to stop waits for requests in flight.
const stopTimeout = 5 * time.Second

// serveUntil serves on l until ctx ends, and then what is in flight.
func (a *App) serveUntil(ctx context.Context, l net.Listener) error {
	srv := a.server()
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(l) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	err := srv.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) {
		err = srv.Close()
	}
	return errors.Join(err, a.Drain(grace))
}

// server has the timeouts and limits without which a slow or hostile client holds a connection for ever. There is none on
// writing: a stream may last.
func (a *App) server() *http.Server {
	return &http.Server{
		Handler:           a,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(a.logger().Handler(), slog.LevelWarn),
	}
}

// address is where to listen. A port of 0 counts as given.
func (s *runSettings) address(serverName string, env func(string) string) (string, error) {
	if s.addr != "" {
		return s.addr, nil
	}
	host, port := "127.0.0.1", "5000"
	if h, p, ok := strings.Cut(serverName, ":"); serverName != "" {
		host = h
		if ok {
			port = p
		}
	}
	if h := env("CARAFE_RUN_HOST"); h != "" {
		host = h
	}
	for _, name := range []string{"PORT", "CARAFE_RUN_PORT"} {
		if p := env(name); p != "" {
			if _, err := strconv.ParseUint(p, 10, 16); err != nil {
				return "", fmt.Errorf("carafe: the environment has %s=%q, which is not a port: use 0 to 65535", name, p)
			}
			port = p
		}
	}
	return net.JoinHostPort(host, port), nil
}

// listenError says what can be done about an address that cannot be listened on.
func listenError(addr string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("carafe: %s is in use by another program: stop that, or choose another port with carafe.Addr(\"127.0.0.1:8000\") or CARAFE_RUN_PORT=8000 "+
			"(on macOS, AirPlay Receiver takes port 5000): %w", addr, err)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("carafe: %s needs more rights than this user has: choose a port above 1023: %w", addr, err)
	}
	return fmt.Errorf("carafe: cannot listen on %s: %w", addr, err)
}

// banner is what Flask prints when its development server starts.
func (a *App) banner(out io.Writer, addr net.Addr) {
	debug := "off"
	if a.Config.Debug {
		debug = "on"
	}
	fmt.Fprintf(out, " * Serving Carafe app '%s'\n * Debug mode: %s\n", a.name, debug)
	fmt.Fprint(out, "WARNING: This is a development server. Do not use it in a production deployment. Use a production server instead.\n")
	fmt.Fprintf(out, " * Running on http://%s\nPress CTRL+C to quit\n", addr)
}
