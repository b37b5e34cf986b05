//go:build linux

package server_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/carafeweb/carafe/server"
)

// hookedEnv makes the test binary a program that tells on stderr which hooks are called, and where.
const hookedEnv = "CARAFE_TEST_HOOKED"

// hangEnv names the hook of it that never returns.
const hangEnv = "CARAFE_TEST_HANG"

func hooked() {
	here := fmt.Sprintf("hook %d ", os.Getpid())
	tell := func(format string, args ...any) { fmt.Fprintf(os.Stderr, here+format+"\n", args...) }
	cfg := server.Default()
	// hang says so, and never returns if that is the hook's part in this test.
	hang := func(name string) {
		tell(name)
		if os.Getenv(hangEnv) == name {
			select {}
		}
	}
	cfg.Hooks = server.Hooks{
		OnStarting: func() error { hang("OnStarting"); return nil },
		WhenReady:  func([]string) { tell("WhenReady") },
		PreExec:    func(c *exec.Cmd) { tell("PreExec %d", len(c.Args)); c.Env = append(c.Env, "FROM_PRE_EXEC=yes") },
		OnExit:     func() { hang("OnExit") },
		PostSpawn:  func(worker int) { tell("PostSpawn %d", worker) },
		WorkerInit: func(context.Context) error {
			hang("WorkerInit")
			tell("init %s", os.Getenv("FROM_PRE_EXEC"))
			return nil
		},
		WorkerInt:   func() { tell("WorkerInt") },
		WorkerAbort: func() { tell("WorkerAbort") },
		WorkerExit:  func() { tell("WorkerExit") },
	}
	server.Main(http.NotFoundHandler(), cfg)
}

// hookedSite is a server whose hooks are told of in its log.
func hookedSite(t *testing.T) (s *site, told func(pid int, what string)) {
	t.Helper()
	s = startHooked(t, "1", "")
	s.until("the worker serves", func() bool { return len(s.workers()) == 1 })
	return s, func(pid int, what string) {
		t.Helper()
		if !s.tells(fmt.Sprintf("hook %d %s$", pid, what)) {
			t.Errorf("process %d was not told %s", pid, what)
		}
	}
}

// startHooked starts such a server, one of whose hooks may hang.
func startHooked(t *testing.T, workers, hang string) *site {
	t.Helper()
	s := newSite(t)
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s.install(own)
	s.startWith(func(c *exec.Cmd) {
		c.Env = append(c.Env, hookedEnv+"=1", hangEnv+"="+hang)
		c.Args = append(c.Args, "--workers", workers, "--drain-idle", "0.1")
	})
	return s
}

func TestASignalEndsAServerWhoseHookHangs(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, workers, hook string
		signals             []syscall.Signal // the last one comes when the hook hangs
		says                string
	}{
		{"TERM while it starts", "1", "OnStarting", []syscall.Signal{syscall.SIGTERM}, "stopped before it served .*terminated"},
		{"INT while it starts", "1", "OnStarting", []syscall.Signal{syscall.SIGINT}, "stopped before it served .*interrupt"},
		{"QUIT while it starts", "1", "OnStarting", []syscall.Signal{syscall.SIGQUIT}, "stopped before it served .*quit"},
		{"a second TERM when it ends", "1", "OnExit", []syscall.Signal{syscall.SIGTERM, syscall.SIGTERM}, "OnExit is not waited for .*terminated"},
		{"TERM while its worker begins", "1", "WorkerInit", []syscall.Signal{syscall.SIGTERM}, "INFO. worker ended .*signal killed"},
		{"TERM while the one process begins", "0", "WorkerInit", []syscall.Signal{syscall.SIGTERM}, "INFO. worker ended .*signal killed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := startHooked(t, tt.workers, tt.hook)
			for _, sig := range tt.signals[1:] {
				s.until("it serves", func() bool { return s.status().Serving == 1 })
				s.signal(sig)
			}
			s.until("the hook hangs", func() bool { return s.logged("hook [0-9]+ " + tt.hook + "$") })
			s.signal(tt.signals[0])
			if code, _ := s.wait(patience); code != 0 || !s.tells(tt.says) {
				t.Errorf("exit code %d, want 0 and a line of the log as %q: it was told to", code, tt.says)
			}
			if _, err := os.Lstat(s.pidfile); err == nil {
				t.Error("the pidfile was left behind")
			}
		})
	}
}

func TestHooksAreCalledInTheirProcesses(t *testing.T) {
	t.Parallel()
	s, told := hookedSite(t)
	master, worker := s.pid(), s.workers()[0]
	told(master, "OnStarting")
	told(worker, "PostSpawn 1")
	told(worker, "init ")
	told(master, "WhenReady")
	kill(t, worker, syscall.SIGABRT)
	told(worker, "WorkerAbort")
	s.until("it is replaced", func() bool { w := s.workers(); return len(w) == 1 && w[0] != worker })
	worker = s.workers()[0]
	s.signal(syscall.SIGUSR2)
	told(master, `PreExec \d+`)
	s.until("the new master has taken over", func() bool { n := s.masterIn(); return n != 0 && n != master })
	told(s.workers()[0], "init yes")
	told(worker, "WorkerExit")
	told(master, "OnExit")
	s.wait(patience)
}

func TestAQuickStopTellsTheWorkerFirst(t *testing.T) {
	t.Parallel()
	s, told := hookedSite(t)
	worker := s.workers()[0]
	s.signal(syscall.SIGINT)
	s.wait(patience)
	told(worker, "WorkerInt")
	told(worker, "WorkerExit")
	told(s.pid(), "OnExit")
}
