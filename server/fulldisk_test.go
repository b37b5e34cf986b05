//go:build linux

package server_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// fullDisk is a folder with room for a pidfile and no more, once it is filled.
func fullDisk(t *testing.T, s *site) (dir string, fill, empty func()) {
	t.Helper()
	dir = filepath.Join(s.dir, "disk")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=8k"); err != nil {
		t.Skip("only who may mount can have a small disk: ", err)
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	name := filepath.Join(dir, "filling")
	return dir, func() { os.WriteFile(name, make([]byte, 1<<16), 0o644) }, func() { os.Remove(name) }
}

// What the workers share lies in a file in memory: a page without room would be the end of whoever touches it first.
func TestAFullTemporaryFolderCrashesNoWorker(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	dir, fill, _ := fullDisk(t, s)
	fill()
	s.startWith(func(c *exec.Cmd) { c.Env = append(c.Env, "TMPDIR="+dir) }, "--workers", "2")
	s.until("both workers serve", func() bool { return len(s.workers()) == 2 })
	l := (&load{addr: s.addr}).begin()
	l.progress(t, 50)
	wantNoLoss(t, l.end())
}

func TestAFullDiskForThePidfileRefusesAnUpgradeAndLeavesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	dir, fill, empty := fullDisk(t, s)
	s.pidfile = filepath.Join(dir, "pid")
	s.serve(1, "--drain-idle", "0.2")
	l := (&load{addr: s.addr, keep: true}).begin()
	fill()
	s.signal(syscall.SIGUSR2)
	s.until("the upgrade is refused", func() bool {
		return s.logged(`upgrade failed, this master goes on .*said="server: pidfile: .*no space left on device`)
	})
	if _, err := os.Lstat(s.pidfile + ".2"); err == nil {
		t.Error("an empty pidfile of the new master was left behind")
	}
	empty()
	s.signal(syscall.SIGUSR2)
	s.until("with room the new master takes over", func() bool { n := s.masterIn(); return n != 0 && n != s.pid() })
	wantNoLoss(t, l.end())
}
