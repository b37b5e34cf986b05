package server_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// namespace makes a command the first process of its own PID namespace, with the /proc that goes with it, as in a container.
func namespace(c *exec.Cmd) {
	c.Args = append([]string{"unshare", "--pid", "--fork", "--kill-child", "--mount-proc", c.Path}, c.Args[1:]...)
	c.Path = "/usr/bin/unshare"
}

func TestAsPID1InANamespace(t *testing.T) {
	t.Parallel()
	if out, err := exec.Command("unshare", "--pid", "--fork", "--mount-proc", "true").CombinedOutput(); err != nil {
		t.Skipf("this user may not make a namespace: %s", out)
	}
	s := newSite(t)
	s.startWith(func(c *exec.Cmd) {
		namespace(c)
		c.Args = append(c.Args, "--workers", "2", "--drain-idle", "0.5")
	})
	s.until("the workers serve", func() bool { return s.status().Serving == 2 })
	l := (&load{addr: s.addr, keep: true}).begin()
	l.progress(t, 20)
	if st := s.status(); st.PID != 1 {
		t.Fatalf("the master calls itself %d, want 1", st.PID)
	}
	if _, err := s.ask("reload"); err != nil {
		t.Error(err)
	}
	l.progress(t, 20)
	wantNoLoss(t, l.end())
	_, orphan, err := s.get("/orphan")
	if err != nil || strings.TrimSpace(orphan) == "" {
		t.Fatalf("/orphan: %q, %v", orphan, err)
	}
	// Seen from outside: a process of the same namespace whose parent has become process 1.
	s.until("process 1 has waited for the orphan", func() bool { return !s.hasInside(strings.TrimSpace(orphan)) })
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", s.pid(), s.pid()))
	if err != nil {
		t.Fatal(err)
	}
	var master int
	fmt.Sscan(string(children), &master)
	kill(t, master, syscall.SIGTERM)
	if code, took := s.wait(patience); code != 0 || took > slow(2*time.Second) {
		t.Errorf("exit code %d after %v, want 0 at once", code, took)
	}
}

// hasInside reports whether there is a process, be it a zombie, that has this pid in the site's own namespace.
func (s *site) hasInside(pid string) bool {
	list, _ := filepath.Glob("/proc/[0-9]*/status")
	for _, path := range list {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		for line := range strings.SplitSeq(string(text), "\n") {
			if f := strings.Fields(line); len(f) > 2 && f[0] == "NSpid:" && f[len(f)-1] == pid {
				return true
			}
		}
	}
	return false
}
