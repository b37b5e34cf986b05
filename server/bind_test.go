//go:build unix

package server_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/carafeweb/carafe/server"
)

// runsOn runs a server on a unix socket until it serves, and returns what Run returned.
func runsOn(t *testing.T, path string) (served bool, err error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cfg := server.Config{Bind: []string{"unix:" + path}, Logger: new(buffered).logger()}
	cfg.Hooks.WhenReady = func([]string) { served = true; cancel() }
	err = server.Run(ctx, http.NotFoundHandler(), cfg)
	return served, err
}

// unixSocketDir is short: a path has room for about 100 bytes.
func unixSocketDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "cb")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func TestTheSocketOfAServerTooBusyToAnswerIsNotTakenOver(t *testing.T) {
	path := filepath.Join(unixSocketDir(t), "s")
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}), syscall.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	for range 100 { // until its queue is full
		c, err := net.Dial("unix", path)
		if err != nil {
			break
		}
		defer c.Close()
	}
	before, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	if served, err := runsOn(t, path); served || server.ExitCode(err) != 1 || !strings.Contains(err.Error(), "in use") {
		t.Errorf("served: %t, error %v; want a refusal with exit code 1: somebody listens there", served, err)
	}
	if after, err := os.Lstat(path); err != nil || !os.SameFile(before, after) {
		t.Errorf("the socket was replaced: %v", err)
	}
}

func TestASocketThatNobodyListensOnIsReplaced(t *testing.T) {
	path := filepath.Join(unixSocketDir(t), "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	if served, err := runsOn(t, path); !served || err != nil {
		t.Errorf("served: %t, error %v; want it served", served, err)
	}
}

func TestControlTellsAServerThatEndsFromOneThatRefuses(t *testing.T) {
	path := filepath.Join(unixSocketDir(t), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for _, answer := range []string{"", "error: not now\n", "ok\nyes\n"} {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Read(make([]byte, 100))
			c.Write([]byte(answer))
			c.Close()
		}
	}()
	for _, want := range []string{"ended without an answer", "server: not now", ""} {
		text, err := server.Control(path, "status")
		if want == "" && (err != nil || text != "yes\n") || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q, %v, want %q", text, err, want)
		}
	}
}

func TestAContextThatEndsWhileAddressesAreTriedIsNoError(t *testing.T) {
	path := filepath.Join(unixSocketDir(t), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { // a try asks whether somebody listens: after the first one comes the wait that is to end
		for try := 1; ; try++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
			cancel()
			if try > 1 {
				t.Error("it tries on after the end of its context")
				l.Close()
				return
			}
		}
	}()
	cfg := server.Config{Bind: []string{"unix:" + path}, BindRetries: 100000, Logger: new(buffered).logger()}
	if err := server.Run(ctx, http.NotFoundHandler(), cfg); err != nil {
		t.Errorf("Run returned %v, want nil: it was asked to stop", err)
	}
}
