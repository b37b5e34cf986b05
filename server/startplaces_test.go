//go:build linux

package server_test

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/carafeweb/carafe/server"
)

// Where a server was started, what it has from there, and what it leaves: folders, stderr, threads, sockets.

// logToFile has the program write to a file, as a shell would: a pipe to this test would end with the first process.
func (s *site) logToFile() (change func(*exec.Cmd), logged func(pattern string) bool) {
	s.t.Helper()
	path := filepath.Join(s.dir, "stderr.log")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { f.Close() })
	return func(c *exec.Cmd) { c.Stdout, c.Stderr = f, f }, func(pattern string) bool {
		text, err := os.ReadFile(path)
		return err == nil && regexp.MustCompile("(?m)"+pattern).Match(text)
	}
}

func TestAfterAnUpgradeStderrIsStillWhereItWas(t *testing.T) {
	t.Parallel()
	for _, workers := range []string{"0", "1"} {
		t.Run(workers+" workers", func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			change, logged := s.logToFile()
			s.startWith(change, "--workers", workers, "--drain-idle", "0.2")
			s.until("it serves", func() bool { return s.status().Serving == 1 })
			master := s.pid()
			for range 2 { // a second time from a master that has its stderr by inheritance
				old := master
				kill(t, old, syscall.SIGUSR2)
				s.until("the pidfile names the new master", func() bool { master = s.masterIn(); return master != 0 && master != old })
				s.until("the new master knows that the old one has gone", func() bool { return logged(`\[` + strconv.Itoa(master) + `\].* the old master has gone`) })
			}
			if code, _, err := s.get("/log?n=1"); code != http.StatusOK {
				t.Fatalf("/log answers %d, %v", code, err)
			}
			s.until("the worker's line is in the log", func() bool { return logged("^line 0$") })
			kill(t, master, syscall.SIGTERM)
			s.until("the new master's last line is in the log", func() bool { return logged(`\[` + strconv.Itoa(master) + `\].* stopped`) })
		})
	}
}

func TestAServerThatServesHasThreadsToSpare(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.serve(1)
	// Eight that are kept, and the one that asked for them. How many there were before depends on the machine.
	s.until("the spare threads are there", func() bool { return tasks(t, s.pid()) >= 9 })
}

// tasks is how many threads a process has.
func tasks(t *testing.T, pid int) int {
	t.Helper()
	list, err := os.ReadDir("/proc/" + strconv.Itoa(pid) + "/task")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func TestRelativeNamesAreFromWhereTheProgramWasStarted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		program string
		workers string
		flags   []string
	}{
		{"a program named from here", "./prog", "1", []string{"--chdir", os.TempDir()}},
		{"a folder named from here", "", "1", []string{"--chdir", "sub"}},
		{"all of it, a file too", "./prog", "2", []string{"--chdir", "sub", "--config", "set.toml"}},
		{"in one process", "./prog", "0", []string{"--chdir", "sub", "--config", "set.toml"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			if err := os.Mkdir(filepath.Join(s.dir, "sub"), 0o755); err != nil {
				t.Fatal(err)
			}
			s.put("set.toml", "max_requests = 1000\n")
			s.startWith(func(cmd *exec.Cmd) {
				if c.program != "" {
					cmd.Args[0] = c.program
				}
			}, append(c.flags, "--workers", c.workers)...)
			wanted, _ := strconv.Atoi(c.workers)
			s.until("it serves", func() bool { return s.status().Serving == max(1, wanted) })
			if _, err := s.ask("reload"); err != nil {
				t.Errorf("a reload does not find what the start has found: %v", err)
			}
			folder := c.flags[1]
			if !filepath.IsAbs(folder) {
				folder = filepath.Join(s.dir, folder)
			}
			for _, pid := range append(s.workers(), s.pid()) {
				if cwd, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/cwd"); cwd != folder {
					t.Errorf("process %d is in %s (%v), want %s", pid, cwd, err, folder)
				}
			}
			s.signal(syscall.SIGUSR2)
			s.until("a new master serves", func() bool { n := s.masterIn(); return n != 0 && n != s.pid() })
			if cwd, err := os.Readlink("/proc/" + strconv.Itoa(s.masterIn()) + "/cwd"); cwd != folder {
				t.Errorf("the new master is in %s (%v), want %s", cwd, err, folder)
			}
		})
	}
}

func TestRelativeCertificatesAreFromWhereTheProgramWasStarted(t *testing.T) {
	t.Parallel()
	for _, workers := range []string{"0", "1"} {
		t.Run(workers+" workers", func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			if err := os.Mkdir(filepath.Join(s.dir, "sub"), 0o755); err != nil {
				t.Fatal(err)
			}
			cert, key := certificate(t, s.dir, "one")
			s.start("--workers", workers, "--chdir", "sub", "--tls-cert-file", filepath.Base(cert), "--tls-key-file", filepath.Base(key),
				"--tls-client-auth", "optional", "--tls-client-ca-file", filepath.Base(cert))
			s.until("it serves", func() bool { return s.status().Serving == 1 })
			certificate(t, s.dir, "two")
			if _, err := s.ask("reload"); err != nil {
				t.Fatalf("a reload does not find what the start has found: %v", err)
			}
			c, err := tls.Dial("tcp", s.addr, &tls.Config{InsecureSkipVerify: true})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if name := c.ConnectionState().PeerCertificates[0].Subject.CommonName; name != "two" {
				t.Errorf("after a reload the certificate is %q, want the new one", name)
			}
		})
	}
}

func TestACheckOpensLogsFromWhereAStartWould(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, dir := range []string{"here", "sub/there"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	mine := umask()
	before, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		log string
		ok  bool
	}{{"there/log", true}, {"here/log", false}} {
		cfg := server.Config{CheckConfig: true, Chdir: "sub", Umask: "077", ErrorLog: tt.log}
		if err := server.Run(t.Context(), http.NotFoundHandler(), cfg); (err == nil) != tt.ok {
			t.Errorf("chdir sub, error log %s: the check says %v, want what a start would: fine %t", tt.log, err, tt.ok)
		}
		if now, err := os.Getwd(); now != before {
			t.Errorf("the check leaves the process in %s (%v), want where it was", now, err)
		}
	}
	if fi, err := os.Stat("sub/there/log"); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("the log that the check made is %v (%v), want the mode that a start with umask 077 gives it, 0600", fi, err)
	}
	if mask := umask(); mask != mine {
		t.Errorf("the check leaves the process with umask %03o, want its own %03o", mask, mine)
	}
}

// umask is this process's.
func umask() int {
	mask := syscall.Umask(0)
	syscall.Umask(mask)
	return mask
}

func TestAnUpgradeThatDoesNotBeginIsAnErrorForWhoeverAskedForIt(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.serve(1)
	if err := os.Rename(s.program, s.program+".away"); err != nil {
		t.Fatal(err)
	}
	if text, err := s.ask("upgrade"); err == nil || !strings.Contains(err.Error(), "upgrade failed, this master goes on: ") {
		t.Errorf("without a program the answer is %q, %v", text, err)
	}
	if err := os.Rename(s.program+".away", s.program); err != nil {
		t.Fatal(err)
	}
	s.put("delay", "1.5")
	if text, err := s.ask("upgrade"); err != nil || text != "ok\n" {
		t.Errorf("the first upgrade is answered by %q, %v, want ok", text, err)
	}
	if text, err := s.ask("upgrade"); err == nil || !strings.Contains(err.Error(), "no upgrade while a reload or an upgrade is under way") {
		t.Errorf("the second one is answered by %q, %v", text, err)
	}
}

func TestANewMasterTakesItsPredecessorsControlSocketAndNobodyElses(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	other := filepath.Join(s.dir, "other")
	l, err := net.Listen("unix", other)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	before, err := os.Lstat(other)
	if err != nil {
		t.Fatal(err)
	}
	s.put("set.toml", fmt.Sprintf("control_socket = %q\n", s.control))
	change, logged := s.logToFile()
	s.startWith(func(c *exec.Cmd) {
		change(c)
		c.Args = []string{c.Path, "--bind", s.addr, "--pid-file", s.pidfile, "--workers", "1", "--config", "set.toml", "--drain-idle", "0.2"}
	})
	s.until("it serves", func() bool { return s.status().Serving == 1 })
	s.signal(syscall.SIGUSR2)
	s.until("the new master has its predecessor's", func() bool { n := s.status().PID; return n != 0 && n != s.pid() })
	s.wait(patience)
	second := s.masterIn()
	s.until("the second master knows that it is alone", func() bool { return logged(`\[` + strconv.Itoa(second) + `\].* the old master has gone`) })
	s.put("set.toml", fmt.Sprintf("control_socket = %q\n", other))
	kill(t, second, syscall.SIGUSR2)
	s.until("the third master is told that it cannot have that", func() bool { return logged("ERROR. no control socket, it is tried again .* is in use") })
	if after, err := os.Lstat(other); err != nil || !os.SameFile(before, after) {
		t.Errorf("the socket of another server was replaced: %v", err)
	}
}

func TestAMetricsSocketDoesNotOutliveItsServer(t *testing.T) {
	t.Parallel()
	for _, workers := range []int{0, 1} {
		s := newSite(t)
		path := filepath.Join(s.dir, "metrics")
		s.serve(workers, "--metrics-bind", "unix:"+path, "--drain-idle", "0.2")
		if c, err := net.Dial("unix", path); err != nil {
			t.Errorf("nobody listens there: %v", err)
		} else {
			c.Close()
		}
		s.signal(syscall.SIGTERM)
		s.wait(patience)
		if _, err := os.Lstat(path); err == nil {
			t.Errorf("with %d workers it was left behind", workers)
		}
	}
}

func TestASocketOfAnotherUserIsNamedAsSuch(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can start a server as somebody else")
	}
	s := newSite(t)
	path := filepath.Join(s.dir, "taken")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(s.dir, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	s.startWith(func(c *exec.Cmd) {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}, "--workers", "1", "--bind", "unix:"+path, "--bind-retries", "1000")
	if code, _ := s.wait(patience); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	if !s.tells(regexp.QuoteMeta("the socket "+path+" belongs to another user: remove it")) || s.logged("in use") {
		t.Errorf("it does not say whose socket it is:\n%s", s.log.String())
	}
}
