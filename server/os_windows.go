package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
)

// canFork says that sockets cannot be passed to processes here: the server is one process.
const canFork = false

const terminate = syscall.SIGTERM

const withoutWaiting = 0

var errPlatform = errors.New("server: this system cannot do that")

func newSystem(ctx context.Context, h http.Handler, user Config, _ *Config, _ *elder) (*system, error) {
	sys := commonSystem()
	sys.openProgram = func() (*program, error) { return &program{}, nil }
	sys.launch = func(sp spec, emit func(event)) (child, error) {
		if sp.role == roleMaster {
			return nil, errPlatform
		}
		return launchInside(ctx, h, user, sp, emit)
	}
	return sys, nil
}

func runWorker(context.Context, http.Handler, Config) error { return errPlatform }

type elder struct {
	inner
	left *socket
}

func (e *elder) listen(int, func(event)) {}

func fromOldMaster() (*elder, []*socket, error) { return nil, nil, nil }

// stopSignals end a server.
var stopSignals = []os.Signal{os.Interrupt, syscall.SIGTERM}

func notifySignals(c chan os.Signal) { signal.Notify(c, os.Interrupt, syscall.SIGTERM) }

func signalName(s os.Signal) string {
	return map[os.Signal]string{os.Interrupt: "INT", syscall.SIGTERM: "TERM"}[s]
}

func isAddrInUse(err error) bool {
	const wsaeaddrinuse = syscall.Errno(10048)
	return errors.Is(err, wsaeaddrinuse)
}

func isRefused(err error) bool {
	const wsaeconnrefused = syscall.Errno(10061)
	return errors.Is(err, wsaeconnrefused)
}

func setBacklog(net.Listener, int)                   {}
func isBlocking(uintptr) bool                        { return false }
func makeBlocking(net.Listener)                      {}
func readable(net.Conn) bool                         { return false }
func openable(want int) int64                        { return int64(want) }
func reusePort(_, _ string, _ syscall.RawConn) error { return errPlatform }
func umask(int) int                                  { return 0 }
func chownSocket(*Config, string) error              { return nil }
func giveLog(*Config, *os.File) error                { return nil }
func runningProgram() *program                       { return &program{} }
func residentMemory(int) int64                       { return 0 }
func memoryLimit() int64                             { return 0 }
func queueLength(net.Listener) int                   { return 0 }
func takeNoMore(net.Listener)                        {}
func monotonic() string                              { return "" }
func holder(string) string                           { return "" }
func terminal() bool                                 { return false }

func stopListening(net.Listener) {}

func rawFile(net.Listener) (*os.File, error) { return nil, errPlatform }

func parseUmask(s string) (int, error) {
	if s != "" {
		return 0, fmt.Errorf("server: umask is %q, but this system has none", s)
	}
	return -1, nil
}

func checkUser(c *Config) error {
	if c.User != "" || c.Group != "" {
		return fmt.Errorf("server: user is %q and group %q, but this system cannot change them", c.User, c.Group)
	}
	return nil
}

// A pidfile is written and removed; there is no lock here.
type pidfile struct{ path string }

func lockPIDFile(path string, _ bool) (*pidfile, error) {
	if path == "" {
		return nil, nil
	}
	return &pidfile{path}, os.WriteFile(path, fmt.Appendf(nil, "%d\n", os.Getpid()), 0o644)
}

func (p *pidfile) promote() error { return nil }

func (p *pidfile) close() {
	if p != nil {
		os.Remove(p.path)
	}
}

func (p *pidfile) removeSecond(int) {}

func (p *pidfile) succeeded(int) bool { return false }

func (p *pidfile) leave() {}
