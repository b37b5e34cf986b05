//go:build linux

package server_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Programs that are not ours as workers. The master is examples/faults all the same, by its setting command.

// strangerEnv makes the test binary a program that knows nothing of this package and takes its sockets from systemd. The
// value says how it behaves.
const strangerEnv = "CARAFE_TEST_STRANGER"

// stranger serves on descriptor 3.
func stranger(behaviour string) {
	if behaviour == "broken" {
		fmt.Fprintln(os.Stderr, "stranger: broken as asked")
		os.Exit(1)
	}
	say := func(state string) {
		if c, err := net.Dial("unixgram", os.Getenv("NOTIFY_SOCKET")); err == nil {
			fmt.Fprint(c, state)
			c.Close()
		}
	}
	if behaviour == "waits" {
		waitInAccept()
	}
	l, err := net.FileListener(os.NewFile(3, "socket"))
	if err != nil {
		fmt.Fprintln(os.Stderr, "stranger:", err)
		os.Exit(1)
	}
	switch behaviour {
	case "talks":
		say("STATUS=warming up")
		say("READY=1\nSTATUS=here")
	case "watched":
		say("READY=1\nWATCHDOG=1") // and never again
	case "deaf":
		signal.Ignore(syscall.SIGTERM, syscall.SIGINT)
	}
	panic(http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "%d %t %s %s %d", os.Getpid(), os.Getenv("LISTEN_PID") == fmt.Sprint(os.Getpid()), os.Getenv("LISTEN_FDS"),
			os.Getenv("LISTEN_FDNAMES"), syscall.Getpgrp())
	})))
}

// waitInAccept serves as the simplest programs do: accept is a call that returns with a connection.
func waitInAccept() {
	for {
		fd, _, err := syscall.Accept(3)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "stranger: accept:", err)
			os.Exit(1)
		}
		body := fmt.Sprint(os.Getpid())
		answer := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(body), body)
		syscall.Read(fd, make([]byte, 4096))
		syscall.Write(fd, []byte(answer))
		syscall.Close(fd)
	}
}

func TestAProgramMayWaitInAccept(t *testing.T) {
	t.Parallel()
	s := strange(t, "waits")
	served := func() {
		t.Helper()
		pids := map[string]bool{}
		s.until("both workers have answered", func() bool {
			if code, body, err := fetch(s.addr, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err == nil && code == 200 {
				pids[body] = true
			}
			return len(pids) >= 2
		})
	}
	served()
	if _, err := s.ask("reload"); err != nil {
		t.Error(err)
	}
	served()
	old := s.pid()
	s.signal(syscall.SIGUSR2)
	s.until("the new master has taken over", func() bool { n := s.masterIn(); return n != 0 && n != old })
	served()
	if s.logged("stranger: accept:") {
		t.Error("accept has not waited")
	}
}

// strange starts a site whose workers are strangers.
func strange(t *testing.T, behaviour string, flags ...string) *site {
	t.Helper()
	s := newSite(t)
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s.startWith(func(c *exec.Cmd) {
		c.Env = append(c.Env, strangerEnv+"="+behaviour)
		c.Args = append(c.Args, append([]string{"--workers", "2", "--command", own}, flags...)...)
	})
	return s
}

func TestAnAppThatRunsItselfIsServedByWorkersWithoutLoss(t *testing.T) {
	t.Parallel()
	bothLoads(t, func(t *testing.T, keep bool) {
		s := newSite(t)
		s.serve(2, "--command", hello, "--drain-idle", "0.5")
		l := (&load{addr: s.addr, keep: keep}).begin()
		l.progress(t, 50)
		for range 2 {
			if _, err := s.ask("reload"); err != nil {
				t.Fatal(err)
			}
			l.progress(t, 50)
		}
		s.signal(syscall.SIGTTIN)
		s.until("a third worker serves", func() bool { return s.status().Serving == 3 })
		kill(t, s.workers()[0], syscall.SIGTERM) // somebody tells one to leave
		s.until("it has been replaced", func() bool { return len(s.workers()) == 3 })
		l.progress(t, 50)
		wantNoLoss(t, l.end())
		if l.bodies["Hello, World!"] == 0 {
			t.Errorf("the answers are %v", l.bodies)
		}
		s.signal(syscall.SIGTERM)
		if code, took := s.wait(patience); code != 0 || took > slow(5*time.Second) {
			t.Errorf("exit code %d after %v", code, took)
		}
		if s.logged("Running on|Debug mode") {
			t.Error("a worker printed the development server's banner")
		}
	})
}

func TestAppsThatRunThemselvesLoseNoQueueAtTheStop(t *testing.T) {
	t.Parallel()
	for range rounds(t) {
		s := newSite(t)
		s.serve(2, "--command", hello)
		losses := make(chan error, 20)
		for range cap(losses) {
			go func() {
				code, _, err := s.get("/")
				if err == nil && code != 200 {
					err = fmt.Errorf("status %d", code)
				}
				if opErr := (*net.OpError)(nil); err != nil && asOp(err, &opErr) && opErr.Op == "dial" {
					err = nil // refused: it never got into the queue
				}
				losses <- err
			}()
		}
		s.signal(syscall.SIGTERM)
		for range cap(losses) {
			if err := <-losses; err != nil {
				t.Errorf("a client in the queue at TERM: %v", err)
			}
		}
		if code, _ := s.wait(patience); code != 0 {
			t.Errorf("exit code %d", code)
		}
		s.killAll()
	}
}

func asOp(err error, to **net.OpError) bool {
	e, ok := err.(*net.OpError)
	*to = e
	return ok
}

func TestAProgramOfThisPackageIsAWorkerLikeAnyOtherUnderACommand(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.serve(2, "--command", faults, "--command", "--workers=7", "--max-requests", "40", "--request-timeout", "0.5")
	l := (&load{addr: s.addr, keep: true}).begin()
	first := s.workers()
	l.progress(t, 300)
	if code, _, err := s.get("/hang"); code != 503 || err != nil {
		t.Errorf("a hung request under the outer request_timeout: status %d, %v", code, err)
	}
	s.until("both first workers have been recycled", func() bool {
		now := s.workers()
		return len(now) == 2 && !slices.Contains(now, first[0]) && !slices.Contains(now, first[1])
	})
	wantNoLoss(t, l.end())
	s.until("requests are counted by the wire", func() bool { return s.status().Requests >= 300 })
	for _, pid := range s.workers() {
		if kids, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid)); err != nil || len(kids) > 0 {
			t.Errorf("a worker has become a master: children %q, %v", kids, err)
		}
	}
}

func TestAnyProgramIsReadyWhenItSaysSoOrIsSeenToWait(t *testing.T) {
	t.Parallel()
	for _, behaviour := range []string{"talks", "silent"} {
		t.Run(behaviour, func(t *testing.T) {
			t.Parallel()
			s := strange(t, behaviour)
			s.until("both serve", func() bool { return s.status().Serving == 2 })
			code, body, err := s.get("/")
			f := strings.Fields(body)
			if code != 200 || err != nil || len(f) != 5 {
				t.Fatalf("status %d, %q, %v", code, body, err)
			}
			if f[1] != "true" || f[2] != "1" || f[3] != "carafe" || f[4] != f[0] {
				t.Errorf("pid, LISTEN_PID is it, LISTEN_FDS, LISTEN_FDNAMES, process group: %v", f)
			}
			victim := s.workers()[0]
			kill(t, victim, syscall.SIGKILL)
			s.until("the killed one is replaced", func() bool { w := s.workers(); return len(w) == 2 && !slices.Contains(w, victim) })
			if memory := s.status().Workers[0].Memory; memory < 1<<20 {
				t.Errorf("the memory of a worker is told as %d", memory)
			}
			s.signal(syscall.SIGHUP)
			s.until("new ones serve", func() bool { return s.logged("reloaded workers=2") })
			s.signal(syscall.SIGTERM)
			if code, _ := s.wait(patience); code != 0 {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

func TestStrangersThatMisbehaveAreDealtWith(t *testing.T) {
	t.Parallel()
	t.Run("one that ignores TERM is killed when its time is up", func(t *testing.T) {
		t.Parallel()
		s := strange(t, "deaf", "--graceful-timeout", "0.5")
		s.until("both serve", func() bool { return s.status().Serving == 2 })
		s.signal(syscall.SIGTERM)
		if code, took := s.wait(patience); code != 0 || took > slow(3*time.Second) {
			t.Errorf("exit code %d after %v, want 0 after 1.5s", code, took)
		}
		if !s.tells("did not leave in time") {
			t.Error("the log does not say it")
		}
	})
	t.Run("one that asked for a watchdog and falls silent is aborted", func(t *testing.T) {
		t.Parallel()
		s := strange(t, "watched", "--worker-timeout", "1")
		s.until("a silent one is replaced", func() bool { return s.logged("worker is silent") && s.status().PID != 0 })
	})
	t.Run("one that does not come up ends the server with its words and exit code 3", func(t *testing.T) {
		t.Parallel()
		s := strange(t, "broken")
		if code, _ := s.wait(patience); code != 3 || !s.logged("stranger: broken as asked$") {
			t.Errorf("exit code %d, want 3 and what it said", code)
		}
	})
	t.Run("one that knows nothing of TLS is refused under TLS", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		cert, key := certificate(t, dir, "x")
		s := strange(t, "talks", "--tls-cert-file", cert, "--tls-key-file", key)
		if code, _ := s.wait(patience); code != 3 || !s.logged("knows nothing of tls_cert_file") {
			t.Errorf("exit code %d, want 3 and the reason", code)
		}
	})
	t.Run("none outlives its master", func(t *testing.T) {
		t.Parallel()
		s := strange(t, "silent")
		s.until("both serve", func() bool { return s.status().Serving == 2 })
		pids := s.workers()
		s.signal(syscall.SIGKILL)
		s.until("both have gone", func() bool { return syscall.Kill(pids[0], 0) != nil && syscall.Kill(pids[1], 0) != nil })
	})
}

func TestAFrozenAppIsFoundByItsWatchdog(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.serve(2, "--command", hello, "--worker-timeout", "1")
	s.until("both give signs of life", func() bool {
		w := s.status().Workers
		return len(w) == 2 && w[0].Life == "watchdog" && w[1].Life == "watchdog"
	})
	victim := s.workers()[0]
	kill(t, victim, syscall.SIGSTOP)
	s.until("the frozen worker is replaced", func() bool { w := s.workers(); return len(w) == 2 && !slices.Contains(w, victim) })
	if !s.tells(fmt.Sprintf("worker is silent worker=%d", victim)) {
		t.Error("the log does not say why")
	}
}

func TestAReloadTakesTheCommandThatIsOnDiskAndKeepsTheOldIfItFails(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	app := s.script("app", "#!/bin/sh\nexec "+hello+"\n")
	s.serve(2, "--command", app, "--drain-idle", "0.2")
	before := s.workers()
	l := (&load{addr: s.addr}).begin()
	s.script("app", "#!/bin/sh\necho the new one is broken >&2\nexit 7\n")
	if _, err := s.ask("reload"); err == nil || !strings.Contains(err.Error(), "the new one is broken") {
		t.Errorf("a reload to a broken program: %v, want a refusal with its words", err)
	}
	if now := s.workers(); !slices.Equal(now, before) {
		t.Errorf("workers %v became %v", before, now)
	}
	os.Remove(app)
	if _, err := s.ask("reload"); err == nil {
		t.Error("a reload to a program that has gone was not refused")
	}
	s.script("app", "#!/bin/sh\nexec "+faults+"\n")
	if _, err := s.ask("reload"); err != nil {
		t.Error(err)
	}
	if _, body, err := s.get("/version"); err != nil || strings.Contains(body, "Hello") {
		t.Errorf("after the reload: %q, %v", body, err)
	}
	wantNoLoss(t, l.end())
}
