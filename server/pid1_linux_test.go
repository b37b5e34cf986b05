package server_test

import (
	"fmt"
	"os"
	"os/exec"
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
