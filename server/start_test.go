//go:build linux

package server_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// What comes while something is only beginning: signals to a master that tries its addresses, to workers whose main has not
// come to Run; an upgrade that fails after the new master has begun.

func TestSignalsDuringTheStartAreForTheLoop(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	l, err := net.Listen("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s.start("--workers", "1", "--bind-retries", "60")
	s.until("the pidfile is there, so the addresses are being tried", func() bool { return s.masterIn() == s.pid() })
	s.signal(syscall.SIGHUP)
	s.signal(syscall.SIGUSR1)
	l.Close()
	s.until("the worker serves", func() bool { return s.status().Serving == 1 })
}

func TestAServerThatIsToldToStopBeforeItServesLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	l, err := net.Listen("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s.start("--workers", "1", "--bind-retries", "600")
	s.until("the pidfile is there, so the addresses are being tried", func() bool { return s.masterIn() == s.pid() })
	s.signal(syscall.SIGTERM)
	if code, _ := s.wait(patience); code != 0 {
		t.Errorf("exit code %d, want 0: it was told to", code)
	}
	if _, err := os.Lstat(s.pidfile); err == nil {
		t.Error("the pidfile was left behind")
	}
}

func TestAWorkerThatIsComingUpLeavesTheMastersSignalsToIt(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.put("delay", "1.5")
	s.start("--workers", "1")
	pid := 0
	s.until("the worker begins", func() bool {
		for _, w := range s.status().Workers {
			pid = w.PID
		}
		return pid != 0
	})
	s.until("its main has begun", func() bool { return ignores(pid, syscall.SIGHUP) })
	for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGUSR2, syscall.SIGTTIN, syscall.SIGWINCH} {
		kill(t, pid, sig)
	}
	s.until("the worker serves", func() bool { return len(s.workers()) == 1 })
	if now := s.workers()[0]; now != pid || s.logged("worker ended") {
		t.Errorf("worker %d serves, want %d, which was sent signals while it came up", now, pid)
	}
}

// ignores reports whether a process ignores a signal.
func ignores(pid int, sig syscall.Signal) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return false
	}
	_, mask, _ := strings.Cut(string(text), "SigIgn:\t")
	mask, _, _ = strings.Cut(mask, "\n")
	ignored, err := strconv.ParseUint(mask, 16, 64)
	return err == nil && ignored>>(uint(sig)-1)&1 == 1
}

func TestANewMasterTriesTheControlSocketUntilItHasIt(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	door := filepath.Join(s.dir, "door")
	if err := os.Mkdir(door, 0o755); err != nil {
		t.Fatal(err)
	}
	s.control = filepath.Join(door, "ctl")
	s.serve(1)
	if err := os.Rename(door, door+".away"); err != nil {
		t.Fatal(err)
	}
	s.signal(syscall.SIGUSR2)
	if code, _ := s.wait(patience); code != 0 {
		t.Errorf("the old master ended with %d", code)
	}
	s.until("the new master has said that it has no control socket", func() bool { return s.logged("no control socket, it is tried again") })
	if err := os.Mkdir(door, 0o755); err != nil {
		t.Fatal(err)
	}
	s.until("the new master can be asked", func() bool { n := s.masterIn(); return n != 0 && s.status().PID == n })
	if n := s.count("no control socket"); n != 1 {
		t.Errorf("the failure was told %d times, want once", n)
	}
}

func TestAReloadDoesNotWaitForAnAddressInUse(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	l, err := net.Listen("tcp", freeAddr(t))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s.put("c.toml", "bind_retries = 100000\nworkers = 1\nbind = [\""+s.addr+"\"]\n")
	s.startWith(func(c *exec.Cmd) {
		c.Args = []string{c.Args[0], "--config-file", filepath.Join(s.dir, "c.toml"), "--control-socket", s.control}
	})
	s.until("the worker serves", func() bool { return s.status().Serving == 1 })
	s.put("c.toml", "bind_retries = 100000\nworkers = 1\nbind = [\""+s.addr+"\", \""+l.Addr().String()+"\"]\n")
	if _, err := s.ask("reload"); err == nil || !strings.Contains(err.Error(), "is in use") {
		t.Errorf("a reload to an address in use: %v, want a refusal that says so", err)
	}
	if st := s.status(); st.State != "serving" || st.Serving != 1 {
		t.Errorf("after the refusal: %+v", st)
	}
}

func TestWhetherThereIsACommandDoesNotChangeByAReload(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.put("c.toml", "workers = 1\n")
	s.start("--config-file", filepath.Join(s.dir, "c.toml"))
	s.until("the worker serves", func() bool { return s.status().Serving == 1 })
	s.put("c.toml", "workers = 1\ncommand = [\"/bin/true\"]\n")
	for range 2 {
		if _, err := s.ask("reload"); err == nil || !strings.Contains(err.Error(), "does not change by a reload") {
			t.Errorf("a reload that adds a command: %v, want a refusal that says so", err)
		}
	}
	if st := s.status(); st.PID != s.pid() || st.Serving != 1 {
		t.Errorf("after the refusals: %+v", st)
	}
}

func TestAnUpgradeThatFailsLateLeavesTheControlSocketToTheOldMaster(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.serve(1)
	s.put("broken", "yes")
	s.signal(syscall.SIGUSR2)
	s.until("the upgrade has failed", func() bool { return s.logged("upgrade failed, this master goes on") })
	if st := s.status(); st.PID != s.pid() || st.State != "serving" {
		t.Errorf("the control socket says %+v, want the old master", st)
	}
	s.put("broken", "")
	s.signal(syscall.SIGUSR2)
	if code, _ := s.wait(patience); code != 0 {
		t.Errorf("the old master ended with %d", code)
	}
	s.until("the new master has the control socket", func() bool { n := s.masterIn(); return n != 0 && s.status().PID == n })
	if fi, err := os.Stat(s.control); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("the new control socket: %v, %v", fi, err)
	}
}

func TestRefusedReloadsOfOneProcessLeaveNoSocketOpen(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.put("c.toml", "drain_idle = 1\n")
	s.serve(0, "--config-file", filepath.Join(s.dir, "c.toml"))
	listening := func() (n int) {
		links, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", s.pid()))
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range links {
			if to, err := os.Readlink(l); err == nil && strings.HasPrefix(to, "socket:") {
				n++
			}
		}
		return n
	}
	before := listening()
	s.put("c.toml", "drain_idle = \n")
	for range 5 {
		if _, err := s.ask("reload"); err == nil || !strings.Contains(err.Error(), "c.toml:1") {
			t.Errorf("a reload of a file that is no good: %v, want a refusal that names the place", err)
		}
	}
	s.until("no more sockets are open than before", func() bool { return listening() <= before })
}
