package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// startTimeout is how long a program may take until it answers, and stopTimeout until it has ended: both are for machines that are busy.
const (
	startTimeout = 2 * time.Minute
	stopTimeout  = time.Minute
)

// A program is one that runs beside this one, and listens on an address of loopback.
type program struct {
	name  string
	addr  string // host:port
	args  []string
	env   []string // besides this process's own
	dir   string
	user  string                      // whom it runs as where this process is root's; "" means the same
	ready func(context.Context) error // nil if it answers

	cmd   *exec.Cmd
	ended chan error
}

// start returns when the program answers.
func (p *program) start(ctx context.Context) error {
	out, err := os.OpenFile(filepath.Join(p.dir, p.name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer out.Close() // the program has its own
	p.cmd = exec.Command(p.args[0], p.args[1:]...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = p.dir, out, out
	p.cmd.Env = append(os.Environ(), p.env...)
	if err := runAs(p.cmd, p.user); err != nil {
		return err
	}
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("%s does not start: %w", p.name, err)
	}
	ended := make(chan error, 1)
	p.ended = ended
	go func(cmd *exec.Cmd) { ended <- cmd.Wait() }(p.cmd)
	return p.await(ctx)
}

// await asks until the program answers.
func (p *program) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		err := p.ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case end := <-p.ended:
			p.ended <- end
			return fmt.Errorf("%s has ended: %w\n%s", p.name, errors.Join(end, err), p.said())
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer at %s: %w\n%s", p.name, p.addr, err, p.said())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// said is the log of the program.
func (p *program) said() []byte {
	data, _ := os.ReadFile(filepath.Join(p.dir, p.name+".log"))
	return data
}

// stop sends a signal and waits for the end; one that does not heed it is killed.
func (p *program) stop(signal os.Signal) error {
	if p.cmd == nil || p.cmd.Process == nil {
		return nil
	}
	_ = p.cmd.Process.Signal(signal)
	select {
	case err := <-p.ended:
		p.cmd = nil
		if isSignal(err) {
			return nil
		}
		return err
	case <-time.After(stopTimeout):
		_ = p.cmd.Process.Kill()
		return fmt.Errorf("%s did not end when it was told to\n%s", p.name, p.said())
	}
}

// isSignal says whether a program was ended by a signal, as those do that do not catch it.
func isSignal(err error) bool {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled()
}

// accepts is the ready of a program that answers when it can be connected to.
func accepts(addr string) func(context.Context) error {
	return func(ctx context.Context) error {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		if err != nil {
			return err
		}
		return conn.Close()
	}
}

// freeAddr is an address on loopback that nobody listens on.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
