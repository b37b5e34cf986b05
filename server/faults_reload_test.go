//go:build linux

package server_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Scenarios B of prefork-faults.md: reload and upgrade.

// masterIn is the pid that the pidfile names.
func (s *site) masterIn() int {
	data, err := os.ReadFile(s.pidfile)
	if err != nil {
		return 0
	}
	n, _ := strconv.Atoi(strings.TrimSpace(string(data)))
	return n
}

func TestFault10UpgradeUnderLoadLosesNothing(t *testing.T) {
	t.Parallel()
	bothLoads(t, func(t *testing.T, keep bool) {
		s := newSite(t)
		s.put("version", "v1")
		s.serve(2, "--drain-idle", "1")
		l := (&load{addr: s.addr, path: "/version", keep: keep}).begin()
		l.progress(t, 50)
		old := s.pid()
		s.put("version", "v2")
		s.signal(syscall.SIGUSR2)
		s.until("the pidfile names the new master", func() bool { n := s.masterIn(); return n != 0 && n != old })
		code, _ := s.wait(patience)
		if code != 0 {
			t.Errorf("the old master's exit code is %d, want 0", code)
		}
		if _, err := os.Lstat(s.pidfile + ".2"); err == nil {
			t.Error("the second pidfile is still there")
		}
		l.progress(t, 50)
		wantNoLoss(t, l.end())
		if l.bodies["v1"] == 0 || l.bodies["v2"] == 0 {
			t.Errorf("answers by version: %v, want both", l.bodies)
		}
		if _, body, err := s.get("/version"); err != nil || strings.TrimSpace(body) != "v2" {
			t.Errorf("after the upgrade /version is %q (%v), want v2", body, err)
		}
	})
}

// script is a program that does not serve.
func (s *site) script(name, text string) string {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		s.t.Fatal(err)
	}
	return path
}

func TestFault11AnUpgradeThatFailsLeavesTheOldMasterServing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.serve(2, "--upgrade-timeout", "1", "--drain-idle", "0.2")
	l := (&load{addr: s.addr, keep: true}).begin()
	elf, err := os.ReadFile(faults)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, program, want string
	}{
		{"it exits with 1", s.script("exits", "#!/bin/sh\necho the bean is missing >&2\nexit 1\n"), `exit code 1" said="the bean is missing"`},
		{"it has no machine code of this machine", s.script("wrong", strings.Replace(string(elf[:4096]), "\x3e\x00", "\xb7\x00", 1)), `upgrade failed, this master goes on`},
		{"it is never ready", s.script("never", "#!/bin/sh\nexec sleep 100\n"), `new master does not come up pid=\d+ timeout=1s`},
	} {
		n := s.count("upgrade failed, this master goes on")
		s.install(tt.program)
		s.signal(syscall.SIGUSR2)
		s.until(tt.name+": the failure is logged", func() bool { return s.count("upgrade failed, this master goes on") > n && s.logged(tt.want) })
		if _, err := os.Lstat(s.pidfile + ".2"); err == nil {
			t.Errorf("%s: a second pidfile was left behind", tt.name)
		}
		l.progress(t, 20)
	}
	os.Chmod(s.program, 0o644)
	n := s.count("upgrade failed, this master goes on")
	s.signal(syscall.SIGUSR2)
	s.until("a file that is not executable is refused", func() bool { return s.count("upgrade failed, this master goes on") > n })
	s.install(faults)
	s.put("broken", "yes")
	s.signal(syscall.SIGUSR2)
	s.until("a new master whose workers do not come up ends", func() bool { return s.logged(`the new master ended: exit code 3`) })
	s.put("broken", "")
	old := s.pid()
	s.signal(syscall.SIGUSR2)
	s.until("a later upgrade works", func() bool { n := s.masterIn(); return n != 0 && n != old })
	s.wait(patience)
	wantNoLoss(t, l.end())
}

func TestFault12ASecondUpgradeIsRefusedAndTheNewMasterOutlivesTheOld(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.put("delay", "0.5")
	s.serve(2)
	s.signal(syscall.SIGUSR2)
	s.until("the upgrade begins", func() bool { return s.status().State == "upgrading" || s.logged(`INFO\] upgrade$`) })
	s.signal(syscall.SIGUSR2)
	s.until("the second one is refused", func() bool { return s.logged("no upgrade while a reload or an upgrade is under way") })
	s.until("the new master serves", func() bool { return s.logged("new master serves") })
	old := s.pid()
	s.signal(syscall.SIGKILL)
	s.wait(patience)
	took := s.within(slow(time.Second), "the pidfile names the new master", func() bool { n := s.masterIn(); return n != 0 && n != old })
	s.until("the dead master's workers have gone", func() bool { return len(s.processes()) == 3 })
	if code, _, err := s.get("/"); code != 200 {
		t.Errorf("the new master's workers do not serve: %d, %v", code, err)
	}
	t.Logf("promoted after %v", took.Round(time.Millisecond))
}

func TestFault13AReloadOfASlowAppLeavesNoHole(t *testing.T) {
	t.Parallel()
	bothLoads(t, func(t *testing.T, keep bool) {
		s := newSite(t)
		s.put("delay", "0.5")
		s.put("version", "v1")
		s.serve(2, "--drain-idle", "1")
		l := (&load{addr: s.addr, path: "/version", keep: keep}).begin()
		start := time.Now()
		l.progress(t, 150)
		s.put("version", "v2")
		reload := time.Now()
		if text, err := s.ask("reload"); err != nil {
			t.Fatalf("reload: %q, %v", text, err)
		}
		if took := time.Since(reload); took < time.Second {
			t.Errorf("the reload was done after %v: the scout and the other worker take half a second each", took)
		}
		done := time.Now()
		l.progress(t, 100)
		wantNoLoss(t, l.end())
		if l.bodies["v1"] == 0 || l.bodies["v2"] == 0 {
			t.Errorf("answers by version: %v, want both", l.bodies)
		}
		before, during := l.p99(start, reload), l.p99(reload, done)
		t.Logf("p99 %v before the reload, %v during it", before, during)
		l.wantNoHole(t)
	})
}

func TestFault14AReloadOfABrokenAppKeepsTheOldWorkers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.serve(2)
	before := s.workers()
	l := (&load{addr: s.addr, keep: true}).begin()
	s.put("broken", "the bean is missing")
	_, err := s.ask("reload")
	if err == nil || !strings.Contains(err.Error(), "the bean is missing") {
		t.Errorf("the order to reload gave %v, want an error with the app's own words", err)
	}
	if st := s.status(); !strings.Contains(st.ReloadFailure, "the bean is missing") {
		t.Errorf("the status says %q about the reload", st.ReloadFailure)
	}
	if !s.tells(`ERROR\] reload failed, the old workers stay`) {
		t.Error("the log does not say that the reload failed")
	}
	if after := s.workers(); !slices.Equal(before, after) {
		t.Errorf("workers %v became %v", before, after)
	}
	s.put("broken", "")
	if _, err := s.ask("reload"); err != nil {
		t.Errorf("a later reload: %v", err)
	}
	if st := s.status(); st.ReloadFailure != "" {
		t.Errorf("after a good reload the status still says %q", st.ReloadFailure)
	}
	wantNoLoss(t, l.end())
}

func TestFault15AReloadWithABrokenConfigurationKeepsTheOldWorkers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	s.put("conf.toml", "keep_alive = \"30s\"\n")
	s.start("--workers", "2", "--config-file", "conf.toml")
	s.until("the workers serve", func() bool { return len(s.workers()) == 2 })
	before := s.workers()
	l := (&load{addr: s.addr, keep: true}).begin()
	for _, tt := range []struct{ name, text, want string }{
		{"an unknown key", "kept_alive = 3\n", `there is no setting "kept_alive"`},
		{"a wrong type", "keep_alive = \"soon\"\n", `"soon" is not a duration`},
		{"no value", "keep_alive =\n", "the value is missing"},
		{"a certificate that cannot be read", "tls_cert_file = \"none.pem\"\ntls_key_file = \"none.pem\"\n", "none.pem"},
		{"a bad log file", "error_log = \"none/there.log\"\n", "cannot open log file"},
		{"a bad word", "log_level = \"loud\"\n", `log_level is "loud"`},
		{"an address in use", fmt.Sprintf("metrics_bind = \"\"\nbind = [%q]\n", taken.Addr()), ""},
	} {
		s.put("conf.toml", tt.text)
		_, err := s.ask("reload")
		if tt.want == "" {
			continue // the flag overrides bind: this one is a good configuration, and is reloaded
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: reload gave %v, want an error with %q", tt.name, err, tt.want)
		}
		if after := s.workers(); !slices.Equal(before, after) {
			t.Errorf("%s: workers %v became %v", tt.name, before, after)
		}
	}
	s.put("conf.toml", "keep_alive = \"soon\"\n")
	victim := s.workers()[0]
	kill(t, victim, syscall.SIGKILL)
	s.until("a dead worker is replaced while the file is broken", func() bool {
		w := s.workers()
		return len(w) == 2 && !slices.Contains(w, victim)
	})
	if l.end(); l.lost() > l.clients {
		t.Errorf("lost %d requests, more than the killed worker held: %q", l.lost(), l.some())
	}
}

func TestFault16AReloadGivesLongRequestsTheirTimeAndNoMore(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.serve(1, "--graceful-timeout", "1.5")
	type result struct {
		code int
		err  error
		took time.Duration
	}
	done := make(chan result, 1)
	go func() {
		began := time.Now()
		code, _, err := s.get("/sleep?s=12")
		done <- result{code, err, time.Since(began)}
	}()
	s.until("the request is in flight", func() bool { text, err := s.ask("requests"); return err == nil && strings.Contains(text, "/sleep") })
	old := s.workers()[0]
	s.signal(syscall.SIGHUP)
	r := <-done
	if r.err != nil || r.code != 503 {
		t.Errorf("the long request got %d, %v: want 503", r.code, r.err)
	}
	if r.took < 1500*time.Millisecond || r.took > slow(3*time.Second) {
		t.Errorf("it was cut after %v, want GracefulTimeout, 1.5s", r.took)
	}
	s.within(slow(2500*time.Millisecond), "the old worker has gone", func() bool { return !slices.Contains(s.processes(), old) })
	if !s.tells(`request is cut why="graceful timeout" method=GET path=/sleep`) {
		t.Error("the log does not name the request that was cut")
	}
}

func TestFault17SignalsAreActedOnDuringAReload(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.put("delay", "3")
	s.put("delay", "")
	s.serve(1)
	s.put("delay", "3")
	s.signal(syscall.SIGHUP)
	s.until("the reload is under way", func() bool { return s.status().State == "reloading" })
	s.signal(syscall.SIGTTIN)
	took := s.within(patience, "TTIN is acted on", func() bool { return s.status().Wanted == 2 })
	if bar := slow(300 * time.Millisecond); took > bar {
		t.Errorf("TTIN took %v during a reload, bar %v", took, bar)
	}
	s.signal(syscall.SIGTERM)
	if code, took := s.wait(patience); code != 0 || took > slow(time.Second) {
		t.Errorf("TERM during a reload: exit code %d after %v, want 0 at once", code, took)
	}
}

func TestFault18AStormOfReloadsIsTwo(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.put("delay", "0.3")
	s.serve(2, "--drain-idle", "1")
	l := (&load{addr: s.addr, keep: true}).begin()
	for range 10 {
		s.signal(syscall.SIGHUP)
		time.Sleep(20 * time.Millisecond)
	}
	s.until("both reloads are done", func() bool { return s.count(`INFO\] reloaded`) == 2 && s.status().State == "serving" })
	l.progress(t, 50)
	wantNoLoss(t, l.end())
	if n := s.count(`INFO\] reload$`); n != 2 {
		t.Errorf("ten HUP made %d reloads, want 2: one that ran and one that waited", n)
	}
	s.until("the number of workers is right", func() bool { return len(s.workers()) == 2 && len(s.status().Workers) == 2 })
}

func TestFault19KeepAliveClientsWithPausesLoseNothingInReloads(t *testing.T) {
	t.Parallel()
	for range rounds(t) {
		s := newSite(t)
		s.serve(2)
		l := (&load{addr: s.addr, clients: 20, think: 50 * time.Millisecond, keep: true}).begin()
		for range 3 {
			l.progress(t, 100)
			if _, err := s.ask("reload"); err != nil {
				t.Fatal(err)
			}
		}
		s.until("the old workers have gone", func() bool { return len(s.status().Workers) == 2 })
		wantNoLoss(t, l.end())
	}
}

func TestFault20AChangedAddressIsBoundBeforeTheOldOneIsLeft(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	first, second := s.addr, freeAddr(t)
	conf := func(addrs ...string) {
		s.put("conf.toml", fmt.Sprintf("bind = [%s]\n", `"`+strings.Join(addrs, `", "`)+`"`))
	}
	conf(first)
	s.startWith(func(c *exec.Cmd) {
		c.Args = []string{c.Args[0], "-w", "2", "-c", "conf.toml", "--control-socket", s.control, "--drain-idle", "1"}
	})
	s.until("the workers serve", func() bool { return len(s.workers()) == 2 })
	l := (&load{addr: first, think: 10 * time.Millisecond, keep: true}).begin()
	l.progress(t, 20)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	conf(first, taken.Addr().String())
	if _, err := s.ask("reload"); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a reload with an address in use gave %v, want it refused", err)
	}
	conf(first, second)
	if _, err := s.ask("reload"); err != nil {
		t.Fatalf("a reload with a second address: %v", err)
	}
	both := (&load{addr: second, think: 10 * time.Millisecond}).begin()
	both.progress(t, 20)
	l.progress(t, 20)
	wantNoLoss(t, l.end()) // the next step gives this address up
	conf(second)
	if _, err := s.ask("reload"); err != nil {
		t.Fatalf("a reload without the first address: %v", err)
	}
	s.until("the first address refuses", func() bool {
		c, err := net.Dial("tcp", first)
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	both.progress(t, 20)
	wantNoLoss(t, both.end())
}

func TestFault21SocketsOfTheirOwnServeAndAreLossyOnlyWhenWorkersLeave(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.serve(2, "--reuse-port")
	l := (&load{addr: s.addr, clients: 8}).begin()
	l.progress(t, 400)
	wantNoLoss(t, l.end()) // nobody left meanwhile
	if len(l.bodies) != 2 {
		t.Errorf("answers came from %v: want both workers", l.bodies)
	}
}

func TestFault22ACrashedWorkerIsReplacedFromTheRunningBinary(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.serve(2)
	s.install(s.script("other", "#!/bin/sh\necho wrong binary >&2\nexit 1\n"))
	victim := s.workers()[0]
	kill(t, victim, syscall.SIGKILL)
	s.until("it is replaced from the running binary", func() bool { w := s.workers(); return len(w) == 2 && !slices.Contains(w, victim) })
	if s.logged("wrong binary") {
		t.Error("the binary on disk was run without a reload")
	}
	if _, err := s.ask("reload"); err == nil || !strings.Contains(err.Error(), "wrong binary") {
		t.Errorf("a reload takes the binary on disk, and so must fail; it gave %v", err)
	}
	s.install(faults)
	if _, err := s.ask("reload"); err != nil {
		t.Errorf("a reload with a good binary: %v", err)
	}
}

func TestFault23ScalingUpAndDownLosesNothing(t *testing.T) {
	t.Parallel()
	bothLoads(t, func(t *testing.T, keep bool) {
		s := newSite(t)
		s.serve(2, "--drain-idle", "0.5", "--max-workers", "5")
		l := (&load{addr: s.addr, clients: 6, keep: keep}).begin()
		for want := 3; want <= 5; want++ {
			s.signal(syscall.SIGTTIN)
			s.until(fmt.Sprintf("%d workers serve", want), func() bool { return len(s.workers()) == want })
		}
		s.signal(syscall.SIGTTIN)
		s.until("the ceiling is named", func() bool { return s.logged("number of workers stays workers=5 max=5") })
		if _, err := s.ask("reload"); err != nil {
			t.Fatal(err)
		}
		if n := len(s.workers()); n != 5 || !s.tells("TTIN and TTOU hold on workers=5") {
			t.Errorf("after a reload there are %d workers, want the 5 of TTIN, and a line that says so", n)
		}
		for want := 4; want >= 1; want-- {
			oldest := s.workers()[0]
			s.signal(syscall.SIGTTOU)
			s.until(fmt.Sprintf("%d workers serve", want), func() bool { return len(s.workers()) == want })
			if slices.Contains(s.workers(), oldest) {
				t.Errorf("TTOU kept worker %d, the oldest", oldest)
			}
		}
		s.signal(syscall.SIGTTOU)
		l.progress(t, 50)
		if n := len(s.workers()); n != 1 {
			t.Errorf("%d workers, want 1: there is never none", n)
		}
		s.signal(syscall.SIGUSR2)
		s.until("a new master serves with the configured number", func() bool { st := s.status(); return st.PID != s.pid() && st.Wanted == 2 && st.Serving == 2 })
		if !s.tells("TTIN and TTOU do not hold beyond an upgrade workers=1 configured=2") {
			t.Error("the log does not say that an upgrade gives up what TTIN and TTOU have changed")
		}
		wantNoLoss(t, l.end())
	})
}

func TestFault24WinchDrainsTheWorkersAndKeepsTheMaster(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.serve(2)
	for _, back := range []syscall.Signal{syscall.SIGTTIN, syscall.SIGHUP} {
		s.signal(syscall.SIGWINCH)
		s.until("all workers have gone", func() bool { st := s.status(); return st.State == "paused" && len(st.Workers) == 0 })
		done := make(chan error, 1)
		go func() {
			code, _, err := s.get("/")
			if err == nil && code != 200 {
				err = fmt.Errorf("status %d", code)
			}
			done <- err
		}()
		s.signal(back)
		s.until(fmt.Sprintf("%v brings them back", back), func() bool { return len(s.workers()) == 2 })
		if err := <-done; err != nil {
			t.Errorf("a request that came meanwhile was lost: %v", err)
		}
	}
}
