package devserver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// ErrUnsupported means that the platform cannot hand a socket to another process, which the reloader needs: Windows.
var ErrUnsupported = errors.New("devserver: the reloader needs a platform on which a process can inherit a socket; serve without it")

// Watch builds and runs the program, serves it on a socket that stays open whatever happens to the program, and does so anew
// whenever its source changes, until ctx ends; then everything is ended, and it returns nil.
//
// The error is that of the address, or of a project in which there is nothing to build; later faults of the project are shown, not
// returned. The program takes part by serving through [Inherited]; carafe.App.Run does.
func Watch(ctx context.Context, p Project, o Options) error {
	if !supported {
		return ErrUnsupported
	}
	p, err := p.complete()
	if err != nil {
		return err
	}
	o = o.complete()
	l, err := o.listen()
	if err != nil {
		return err
	}
	defer l.Close()
	scratch, err := os.MkdirTemp("", scratchPrefix)
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	restore := saneTerminal()
	defer restore()
	if o.Listening != nil {
		o.Listening(l.Addr())
	}
	s := newSupervisor(ctx, p, o, l, scratch)
	return s.run(ctx)
}

const scratchPrefix = "carafe-dev-"

// complete fills in what was left out, and looks whether there is a module.
func (p Project) complete() (Project, error) {
	var err error
	if p.Dir, err = filepath.Abs(p.Dir); err != nil { // the working directory for ""
		return p, err
	}
	if real, err := filepath.EvalSymlinks(p.Dir); err == nil {
		p.Dir = real
	}
	if info, err := os.Stat(p.Dir); err != nil || !info.IsDir() {
		return p, fmt.Errorf("devserver: the project's folder %s: %w", p.Dir, errors.Join(err, os.ErrNotExist))
	}
	if p.Package == "" {
		p.Package = "."
	}
	if p.Env == nil {
		p.Env = startEnviron
	}
	for i, name := range p.Extra {
		if p.Extra[i], err = filepath.Abs(name); err != nil {
			return p, err
		}
	}
	return p, nil
}

func (o Options) complete() Options {
	if o.Addr == "" {
		o.Addr = "127.0.0.1:5000"
	}
	if o.Settle <= 0 {
		o.Settle = 50 * time.Millisecond
	}
	if o.Grace <= 0 {
		o.Grace = 10 * time.Second
	}
	if o.Editor == "" {
		o.Editor = os.Getenv("CARAFE_EDITOR")
	}
	return o
}

func (o *Options) listen() (net.Listener, error) {
	if o.Listener != nil {
		return o.Listener, nil
	}
	return Listen(o.Addr)
}

// Listen listens on "host:port", or on "unix:/path", "unix:///path". An error says what can be done about it, and who holds the port
// if that can be found out. A socket file that nobody listens on any more is replaced.
func Listen(addr string) (net.Listener, error) {
	path, ok := strings.CutPrefix(addr, "unix:")
	if !ok {
		l, err := net.Listen("tcp", addr)
		return l, listenError(addr, err)
	}
	path = strings.TrimPrefix(path, "//")
	l, err := net.Listen("unix", path)
	if err != nil && staleSocket(path) {
		_ = os.Remove(path)
		l, err = net.Listen("unix", path)
	}
	return l, listenError(addr, err)
}

// staleSocket says whether a socket file is left over from a process that was killed.
func staleSocket(path string) bool {
	info, err := os.Stat(path)
	if err != nil || info.Mode()&os.ModeSocket == 0 {
		return false
	}
	conn, err := net.Dial("unix", path)
	if err == nil {
		_ = conn.Close()
	}
	return err != nil
}

// pem is a certificate as a child gets it.
func pemOf(cert *tls.Certificate) (certificate, key string, err error) {
	if cert == nil {
		return "", "", nil
	}
	return encodeCertificate(cert)
}
