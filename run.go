package carafe

import (
	"context"
	"crypto/tls"
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

	"github.com/carafeweb/carafe/devserver"
)

// A RunOption says something about [App.Run]: [Addr], [Debug], [Reload], [TLS], [Watch], [H2C].
type RunOption interface{ applyRun(*runSettings) }

// Addr is where the development server listens: "host:port", port 0 for any that is free, or "unix:/path" for a socket file.
type Addr string

// Debug switches debug mode on or off, whatever the config and the environment say.
type Debug bool

// Reload builds and runs the program anew when its source changes, or not. Without it, debug mode decides.
type Reload bool

// TLS has the development server speak HTTPS. Cert is a file, or "adhoc" for a certificate of its own making; Key may be
// "" if Cert has both.
//
// Source: flask run --cert, --key.
type TLS struct {
	Cert, Key string // names of PEM files; both "" means HTTP
}

// Watch tunes the reloader. The zero value is what it does by itself.
type Watch struct {
	Extra   []string      // files and folders that are watched too, flask run --extra-files
	Exclude []string      // patterns of what is not looked at, flask run --exclude-patterns
	Poll    time.Duration // looks this often instead of being told of changes by the system; zero means to be told
}

// H2C lets clients without TLS begin with HTTP/2 at once ("prior knowledge"). It has to be asked for: net/http then waits for 14 bytes
// before it answers anybody, so that whoever sends less, "GET /" of HTTP/0.9, hears nothing until the time for headers is over.
type H2C bool

func (a Addr) applyRun(s *runSettings)   { s.addr = string(a) }
func (d Debug) applyRun(s *runSettings)  { s.debug = (*bool)(&d) }
func (r Reload) applyRun(s *runSettings) { s.reload = (*bool)(&r) }
func (t TLS) applyRun(s *runSettings)    { s.tls = t }
func (w Watch) applyRun(s *runSettings)  { s.watch = w }
func (h H2C) applyRun(s *runSettings)    { s.h2c = bool(h) }

// runSettings is what the options and the environment of Run come to.
type runSettings struct {
	addr   string
	debug  *bool
	reload *bool
	tls    TLS
	watch  Watch
	h2c    bool

	ctx    context.Context // ends the server; nil means until a signal
	out    io.Writer       // for the banner
	listen func(network, addr string) (net.Listener, error)
}

// Run serves the app for development, until Ctrl-C or SIGTERM; then it finishes what is in flight and returns nil.
//
// The address is that of [Addr], else CARAFE_RUN_HOST and CARAFE_RUN_PORT (or PORT), else that of Config.ServerName, else
// 127.0.0.1:5000. In production the app is mounted under a production server; it is an http.Handler.
//
// In debug mode the program is built and run anew when its source changes, and a page shows what went wrong in a request: see
// [Reload] and package devserver. Then Run is called in two processes: in the one that was started, which keeps the socket, builds, and
// returns when all is over; and in the one that serves. What comes before Run happens in both.
//
// In a process that was left listening sockets in systemd's way (LISTEN_FDS, LISTEN_PID: by "carafe serve", or by systemd
// itself) Run is a worker instead: no debug mode, no banner, READY=1 to NOTIFY_SOCKET, and on SIGTERM an end that loses
// no request. One that the carafe tool has started ([CommandEnv]) answers what it is asked.
//
// Source: Flask.run.
func (a *App) Run(opts ...RunOption) error {
	s := runSettings{out: os.Stderr}
	for _, o := range opts {
		o.applyRun(&s)
	}
	if in, err := inherited(); in != nil || err != nil {
		return a.serveInherited(in, err, s.h2c)
	}
	asked, done, err := a.answered()
	if done {
		return err
	}
	for _, o := range asked {
		o.applyRun(&s)
	}
	err = a.run(&s)
	if _, child := devserver.Inherited(); child && err != nil {
		fmt.Fprintln(s.out, err) // main may not print it, and the page of the parent shows what is printed
	}
	return err
}

func (a *App) run(s *runSettings) error {
	if err := a.loadDotenv(); err != nil {
		return err
	}
	a.guardFromEnv()
	if s.debug != nil {
		a.Config.Debug = *s.debug
	}
	ctx := s.ctx
	if ctx == nil {
		var stop context.CancelFunc
		ctx, stop = signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
		defer stop()
	}
	child, isChild := devserver.Inherited()
	if !isChild && s.reloads(a.Config.Debug) {
		if project, ok := runningProject(s); ok {
			return a.watch(ctx, s, project)
		}
		fmt.Fprintln(s.out, " * The program's source is not here, or this system cannot reload: changes are not followed")
	}
	if !a.frozen.Load() {
		a.logRequestsForPeople(s.out)
	}
	if a.Config.Debug && !a.frozen.Load() {
		a.recordHooks = true
		a.tables.Store(nil)
	}
	if err := a.Freeze(); err != nil {
		return err
	}
	if isChild {
		return a.serveChild(ctx, s, child)
	}
	return a.serveAlone(ctx, s)
}

func (s *runSettings) reloads(debug bool) bool {
	if s.reload != nil {
		return *s.reload
	}
	return debug && s.listen == nil
}

// watch is Run in the process that keeps the socket.
func (a *App) watch(ctx context.Context, s *runSettings, p devserver.Project) error {
	addr, err := s.address(a.Config.ServerName, os.Getenv)
	if err != nil {
		return err
	}
	cert, err := s.certificate(addr)
	if err != nil {
		return err
	}
	return devserver.Watch(ctx, p, devserver.Options{
		Addr: addr, Certificate: cert, Poll: s.watch.Poll, H2C: s.h2c,
		Listening: func(l net.Addr) { a.banner(s.out, l, cert != nil) },
	})
}

// serveChild is Run in a process that the watching one has started.
func (a *App) serveChild(ctx context.Context, s *runSettings, child *devserver.Child) error {
	srv := a.server(s.h2c)
	if a.Config.Debug {
		d := devserver.NewDebugger(devserver.DebuggerOptions{PIN: child.PIN(), Secret: child.Secret, Editor: child.Editor})
		if child.First() {
			fmt.Fprintf(s.out, " * Debugger PIN: %s\n", d.PIN())
		}
		srv.Handler = a.debugged(d)
	}
	err := child.Serve(ctx, srv, stopTimeout)
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	return errors.Join(err, a.Drain(grace))
}

// serveAlone is Run in a process without a reloader.
func (a *App) serveAlone(ctx context.Context, s *runSettings) error {
	addr, err := s.address(a.Config.ServerName, os.Getenv)
	if err != nil {
		return err
	}
	cert, err := s.certificate(addr)
	if err != nil {
		return err
	}
	listen := s.listen
	if listen == nil {
		listen = func(_, addr string) (net.Listener, error) { return devserver.Listen(addr) }
	}
	l, err := listen("tcp", addr)
	if err != nil {
		return err
	}
	srv := a.server(s.h2c)
	if cert != nil {
		srv.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{*cert}}
	}
	a.banner(s.out, l.Addr(), cert != nil)
	if a.Config.Debug {
		d := devserver.NewDebugger(devserver.DebuggerOptions{TrustedHosts: []string{hostOf(addr)}})
		fmt.Fprintf(s.out, " * Debugger PIN: %s\n", d.PIN())
		srv.Handler = a.debugged(d)
	}
	return a.serveUntil(ctx, srv, l)
}

// certificate is that of the options, nil for plain HTTP.
func (s *runSettings) certificate(addr string) (*tls.Certificate, error) {
	if s.tls.Cert == "" {
		if s.tls.Key != "" {
			return nil, errors.New("carafe: there is a key and no certificate: set TLS.Cert too")
		}
		return nil, nil
	}
	return devserver.Certificate(s.tls.Cert, s.tls.Key, hostOf(addr))
}

func hostOf(addr string) string {
	host, _, err := net.SplitHostPort(addr)
	if err != nil || net.ParseIP(host) != nil && net.ParseIP(host).IsUnspecified() {
		return "" // a socket file, or every address of the machine, by which nothing is trusted
	}
	return host
}

// stopTimeout is how long a development server that is told to stop waits for requests in flight.
const stopTimeout = 5 * time.Second

// serveUntil serves on l until ctx ends, and then what is in flight.
func (a *App) serveUntil(ctx context.Context, srv *http.Server, l net.Listener) error {
	failed := make(chan error, 1)
	go func() {
		if srv.TLSConfig != nil {
			failed <- srv.ServeTLS(l, "", "")
			return
		}
		failed <- srv.Serve(l)
	}()
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
// writing: a stream may last. It speaks HTTP/1 and, over TLS or where it is asked for, HTTP/2.
func (a *App) server(h2c bool) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(h2c)
	return &http.Server{
		Handler:           a,
		Protocols:         protocols,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       30 * time.Second,
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
