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

func hooked() {
	here := fmt.Sprintf("hook %d ", os.Getpid())
	tell := func(format string, args ...any) { fmt.Fprintf(os.Stderr, here+format+"\n", args...) }
	cfg := server.Default()
	cfg.Hooks = server.Hooks{
		OnStarting:  func() error { tell("OnStarting"); return nil },
		WhenReady:   func([]string) { tell("WhenReady") },
		PreExec:     func(c *exec.Cmd) { tell("PreExec %d", len(c.Args)); c.Env = append(c.Env, "FROM_PRE_EXEC=yes") },
		OnExit:      func() { tell("OnExit") },
		PostSpawn:   func(worker int) { tell("PostSpawn %d", worker) },
		WorkerInit:  func(context.Context) error { tell("WorkerInit %s", os.Getenv("FROM_PRE_EXEC")); return nil },
		WorkerInt:   func() { tell("WorkerInt") },
		WorkerAbort: func() { tell("WorkerAbort") },
		WorkerExit:  func() { tell("WorkerExit") },
	}
	server.Main(http.NotFoundHandler(), cfg)
}

// hookedSite is a server whose hooks are told of in its log.
func hookedSite(t *testing.T) (s *site, told func(pid int, what string)) {
	t.Helper()
	s = newSite(t)
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s.install(own)
	s.startWith(func(c *exec.Cmd) {
		c.Env = append(c.Env, hookedEnv+"=1")
		c.Args = append(c.Args, "--workers", "1", "--drain-idle", "0.1")
	})
	s.until("the worker serves", func() bool { return len(s.workers()) == 1 })
	return s, func(pid int, what string) {
		t.Helper()
		if !s.tells(fmt.Sprintf("hook %d %s$", pid, what)) {
			t.Errorf("process %d was not told %s", pid, what)
		}
	}
}

func TestHooksAreCalledInTheirProcesses(t *testing.T) {
	t.Parallel()
	s, told := hookedSite(t)
	master, worker := s.pid(), s.workers()[0]
	told(master, "OnStarting")
	told(worker, "PostSpawn 1")
	told(worker, "WorkerInit ")
	told(master, "WhenReady")
	kill(t, worker, syscall.SIGABRT)
	told(worker, "WorkerAbort")
	s.until("it is replaced", func() bool { w := s.workers(); return len(w) == 1 && w[0] != worker })
	worker = s.workers()[0]
	s.signal(syscall.SIGUSR2)
	told(master, `PreExec \d+`)
	s.until("the new master has taken over", func() bool { n := s.masterIn(); return n != 0 && n != master })
	told(s.workers()[0], "WorkerInit yes")
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
