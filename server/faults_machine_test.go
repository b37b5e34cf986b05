//go:build linux

package server_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Scenarios E of prefork-faults.md: the machine.

// limited starts the program below a shell that sets a limit.
func limited(limit string) func(*exec.Cmd) {
	return func(c *exec.Cmd) {
		c.Args = append([]string{"sh", "-c", limit + `; exec "$0" "$@"`, c.Path}, c.Args[1:]...)
		c.Path = "/bin/sh"
	}
}

func TestFault36RunningOutOfDescriptorsCrashesNobody(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.startWith(func(c *exec.Cmd) {
		c.Args = append(c.Args, "--workers", "2", "--max-conns", "1000")
		limited("ulimit -n 40")(c)
	})
	s.until("the workers serve", func() bool { return len(s.workers()) == 2 })
	before := s.workers()
	crowd := open(t, s.addr, 120, "")
	time.Sleep(300 * time.Millisecond) // the workers take what they can
	for _, c := range crowd {
		c.Close()
	}
	took := s.within(patience, "it serves again", func() bool { code, _, _ := s.get("/"); return code == 200 })
	if bar := slow(2 * time.Second); took > bar {
		t.Errorf("served again after %v, bar %v", took, bar)
	}
	if after := s.workers(); !slices.Equal(before, after) {
		t.Errorf("workers %v became %v", before, after)
	}
	if n := s.count("cannot accept"); n > 4 {
		t.Errorf("%d lines about it, want at most one a minute and listener", n)
	}
}

func TestFault37AMasterThatCannotStartWorkersGoesOn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.serve(2)
	l := (&load{addr: s.addr, keep: true}).begin()
	l.progress(t, 20)
	before := descriptors(t, s.pid())
	var old syscall.Rlimit
	limitFiles(t, s.pid(), uint64(before), &old)
	s.signal(syscall.SIGTTIN)
	s.until("the failures are logged", func() bool { return s.count("ERROR. cannot start a worker") >= 3 })
	l.progress(t, 50)
	limitFiles(t, s.pid(), old.Cur, nil)
	s.until("the third worker serves", func() bool { return len(s.workers()) == 3 })
	wantNoLoss(t, l.end())
}

func TestFault37AMasterThatMayStartNoProcessAndNoThreadGoesOn(t *testing.T) {
	t.Parallel()
	prlimit, err := exec.LookPath("prlimit")
	if err != nil || os.Geteuid() != 0 {
		t.Skip("only root can start a server as somebody else, whose processes prlimit can limit: ", err)
	}
	s := newSite(t)
	nobody := &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if err := os.Chown(s.dir, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	s.startWith(func(c *exec.Cmd) { c.SysProcAttr = nobody }, "--workers", "2")
	s.until("the workers serve", func() bool { return len(s.workers()) == 2 })
	limit := func(soft string) {
		t.Helper()
		cmd := exec.Command(prlimit, "--pid", strconv.Itoa(s.pid()), "--nproc="+soft+":")
		cmd.SysProcAttr = nobody
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("prlimit: %v\n%s", err, out)
		}
	}
	l := (&load{addr: s.addr, keep: true}).begin()
	l.progress(t, 20)
	limit("1")
	s.signal(syscall.SIGTTIN)
	s.until("the failures are logged", func() bool { return s.count("ERROR. cannot start a worker") >= 3 })
	if st := s.status(); st.Wanted != 3 || st.Serving != 2 {
		t.Errorf("%d of %d workers serve, want 2 of 3", st.Serving, st.Wanted)
	}
	l.progress(t, 50)
	limit("10000")
	s.until("the third worker serves", func() bool { return len(s.workers()) == 3 })
	wantNoLoss(t, l.end())
}

// descriptors is how many a process has open, the highest one counting.
func descriptors(t *testing.T, pid int) int {
	t.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func TestFault38DeletedFoldersHarmNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	temp, run := filepath.Join(s.dir, "tmp"), filepath.Join(s.dir, "run")
	for _, d := range []string{temp, run} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s.pidfile = filepath.Join(run, "pid")
	s.startWith(func(c *exec.Cmd) {
		c.Dir = run
		c.Env = append(c.Env, "TMPDIR="+temp, "PWD="+run)
		c.Args = append(c.Args, "--workers", "2")
	})
	s.until("the workers serve", func() bool { return len(s.workers()) == 2 })
	os.RemoveAll(temp)
	os.RemoveAll(run)
	victim := s.workers()[0]
	kill(t, victim, syscall.SIGKILL)
	s.until("a worker is replaced", func() bool { w := s.workers(); return len(w) == 2 && !slices.Contains(w, victim) })
	if code, _, err := s.get("/"); code != 200 {
		t.Errorf("status %d, %v", code, err)
	}
	s.signal(syscall.SIGTERM)
	if code, _ := s.wait(patience); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}

func TestFault39AFullDiskForLogsCostsNoRequest(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.serve(2, "--access-log", "/dev/full")
	l := (&load{addr: s.addr}).begin()
	l.progress(t, 300)
	wantNoLoss(t, l.end())
	if n := s.count("no space left on device"); n < 1 || n > 2 {
		t.Errorf("%d warnings, want one of each worker that lost lines", n)
	}
	if size := len(s.log.String()); size > 3000 {
		t.Errorf("%d bytes on stderr", size)
	}
}

func TestFault40AClosedStderrKillsNobody(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	s.startWith(func(c *exec.Cmd) {
		c.Stdout, c.Stderr = w, w
		c.Args = append(c.Args, "--workers", "2", "--access-log", "-", "--log-level", "debug", "--drain-idle", "0.5")
	})
	w.Close()
	s.until("the workers serve", func() bool { return len(s.workers()) == 2 })
	before := s.workers()
	r.Close()
	l := (&load{addr: s.addr, keep: true}).begin()
	l.progress(t, 50)
	s.get("/log?n=10")
	if _, err := s.ask("reload"); err != nil {
		t.Errorf("reload: %v", err)
	}
	l.progress(t, 50)
	wantNoLoss(t, l.end())
	if after := s.workers(); len(after) != 2 || slices.Equal(before, after) {
		t.Errorf("workers %v became %v, want two new ones", before, after)
	}
}

func TestFault41ReopeningLogsLosesAndTearsNoLine(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	access := filepath.Join(s.dir, "access.log")
	s.serve(2, "--access-log", access)
	l := (&load{addr: s.addr, clients: 6}).begin()
	for i := range 2 {
		l.progress(t, 200)
		if err := os.Rename(access, fmt.Sprintf("%s.%d", access, i)); err != nil {
			t.Fatal(err)
		}
		l.progress(t, 20) // without USR1 the old file goes on
		s.signal(syscall.SIGUSR1)
		s.within(slow(time.Second), "the file is there again", func() bool { _, err := os.Stat(access); return err == nil })
	}
	l.progress(t, 50)
	wantNoLoss(t, l.end())
	s.signal(syscall.SIGTERM)
	s.wait(patience)
	lines := 0
	for _, name := range []string{access + ".0", access + ".1", access} {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			lines++
			if !strings.HasPrefix(line, "127.0.0.1 - - [") || !strings.HasSuffix(line, "\"-\" \"-\"\n") {
				t.Errorf("torn line %q in %s", line, name)
			}
		}
	}
	if lines != l.total() {
		t.Errorf("%d lines for %d requests", lines, l.total())
	}
}

func TestFault42APortInUseFailsAtOnceAndNamesTheHolder(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	taken, err := net.Listen("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	s.start("--workers", "1")
	code, took := s.wait(patience)
	if code != 1 || took > slow(time.Second) {
		t.Errorf("exit code %d after %v, want 1 at once", code, took)
	}
	if want := fmt.Sprintf("%s is in use by pid %d", s.addr, os.Getpid()); !strings.Contains(s.log.String(), want) {
		t.Errorf("stderr says %q, want %q in it", s.log, want)
	}
	s.start("--workers", "1", "--bind-retries", "20")
	time.Sleep(100 * time.Millisecond)
	taken.Close()
	s.until("a server that may try again gets the port", func() bool { return len(s.workers()) == 1 })
}

func TestFault43UnixSocketsAreNeitherStolenNorDeletedForOthers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	path := filepath.Join(s.dir, "sock")
	get := func() error {
		c, err := net.Dial("unix", path)
		if err != nil {
			return err
		}
		defer c.Close()
		io.WriteString(c, "GET / HTTP/1.0\r\n\r\n")
		if got := readAll(c); !strings.HasPrefix(got, "HTTP/1.0 200") {
			return fmt.Errorf("answer %q", got)
		}
		return nil
	}
	if l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"}); err != nil {
		t.Fatal(err)
	} else {
		l.SetUnlinkOnClose(false)
		l.Close() // a stale file
	}
	s.serve(1, "--bind", "unix:"+path)
	if got := s.status().Addresses; !slices.Contains(got, path) {
		t.Errorf("the server says that it listens on %q, want %s", got, path)
	}
	if err := get(); err != nil {
		t.Errorf("a stale file was in the way: %v", err)
	}
	if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != 0o660 {
		t.Errorf("the socket's mode is %v (%v), want 0660", fi.Mode(), err)
	}
	second := exec.Command(s.program, "--bind", "unix:"+path, "--workers", "1")
	out, err := second.CombinedOutput()
	if code := second.ProcessState.ExitCode(); code != 1 || !strings.Contains(string(out), "in use") {
		t.Errorf("a second server on a live socket: exit code %d, %v, %s", code, err, out)
	}
	if err := get(); err != nil {
		t.Errorf("the second server has hurt the first: %v", err)
	}
	os.Remove(path)
	other, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	s.signal(syscall.SIGTERM)
	s.wait(patience)
	if _, err := os.Lstat(path); err != nil {
		t.Error("the server deleted a socket that is not its own")
	}
	t.Run("a file that is no socket is left alone", func(t *testing.T) {
		plain := filepath.Join(s.dir, "plain")
		os.WriteFile(plain, []byte("mine"), 0o600)
		out, _ := exec.Command(s.program, "--bind", "unix:"+plain).CombinedOutput()
		if data, err := os.ReadFile(plain); err != nil || string(data) != "mine" || !strings.Contains(string(out), "is no socket") {
			t.Errorf("file %q, %v; the server said %s", data, err, out)
		}
	})
}

func TestFault44APidfileIsHeldByALockNotByItsText(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"a dead pid": "999999\n", "a live foreign pid": fmt.Sprintf("%d\n", os.Getpid()), "garbage": "bean", "nothing": ""} {
		t.Run("with "+name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			if err := os.WriteFile(s.pidfile, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			s.serve(1)
			if s.masterIn() != s.pid() {
				t.Errorf("the pidfile names %d, want %d", s.masterIn(), s.pid())
			}
			second := exec.Command(s.program, "--bind", freeAddr(t), "--pid-file", s.pidfile)
			out, _ := second.CombinedOutput()
			if code := second.ProcessState.ExitCode(); code != 1 || !strings.Contains(string(out), "is held by a running server") {
				t.Errorf("a second server with the same pidfile: exit code %d, %s", code, out)
			}
			if s.masterIn() != s.pid() {
				t.Error("the second server has changed the pidfile")
			}
		})
	}
}

func TestFault45ASystemdSocketSurvivesAFullRestart(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	l, err := net.Listen("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	told := &notes{}
	notifyPath := filepath.Join(s.dir, "notify")
	told.listen(t, notifyPath)
	start := func() {
		s.startWith(func(c *exec.Cmd) {
			c.ExtraFiles = []*os.File{f}
			c.Env = append(c.Env, "LISTEN_FDS=1", "LISTEN_FDNAMES=web", "NOTIFY_SOCKET="+notifyPath, "WATCHDOG_USEC=200000")
			c.Args = append(c.Args, "--workers", "2", "--drain-idle", "0.5")
			limited("export LISTEN_PID=$$")(c)
		})
		s.until("the workers serve", func() bool { return len(s.workers()) == 2 })
	}
	s.put("delay", "0.3")
	start()
	load := (&load{addr: s.addr, keep: true}).begin()
	load.progress(t, 50)
	if !told.has("READY=1") || !s.tells(`listening on=\[`) {
		t.Error("the manager was not told READY=1")
	}
	if _, err := s.ask("reload"); err != nil {
		t.Error(err)
	}
	s.until("the manager has heard of it all", func() bool {
		return told.has("RELOADING=1") && told.has("MONOTONIC_USEC=") && told.has("WATCHDOG=1")
	})
	s.signal(syscall.SIGTERM)
	s.wait(patience)
	if !told.has("STOPPING=1") {
		t.Error("the manager was not told STOPPING=1")
	}
	start() // requests wait in the queue of the socket that the manager holds
	load.progress(t, 50)
	wantNoLoss(t, load.end())
}

// notes are what a service manager has been told.
type notes struct {
	mu   sync.Mutex
	text strings.Builder
}

func (n *notes) listen(t *testing.T, path string) {
	t.Helper()
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	go func() {
		buf := make([]byte, 4096)
		for {
			k, err := c.Read(buf)
			if err != nil {
				return
			}
			n.mu.Lock()
			n.text.Write(append(buf[:k], '\n'))
			n.mu.Unlock()
		}
	}()
}

func (n *notes) has(s string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.Contains(n.text.String(), s)
}

func TestFault46AStoppedGroupIsNotJudgedForTheTimeItSlept(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.startWith(func(c *exec.Cmd) {
		c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		c.Args = append(c.Args, "--workers", "2", "--worker-timeout", "1")
	})
	s.until("the workers serve", func() bool { return len(s.workers()) == 2 })
	before := s.workers()
	kill(t, -s.pid(), syscall.SIGSTOP)
	time.Sleep(2500 * time.Millisecond) // longer than WorkerTimeout
	kill(t, -s.pid(), syscall.SIGCONT)
	s.until("the master has seen that it was held up", func() bool { return s.logged("the master was held up") })
	time.Sleep(1500 * time.Millisecond) // long enough for a wrong judgement
	if after := s.workers(); !slices.Equal(before, after) {
		t.Errorf("workers %v became %v", before, after)
	}
}
