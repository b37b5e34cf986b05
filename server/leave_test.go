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
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carafeweb/carafe/server"
)

// How servers and workers leave that are told to in unusual ways, or die at it.

// systemd's KillMode=control-group, and a shell's kill of a job, send TERM to master and workers at once: the workers must not stop
// accepting before the master knows that nobody else will.
func TestATermForAllProcessesAtOnceLosesNothingThatIsQueued(t *testing.T) {
	t.Parallel()
	for range rounds(t) {
		s := newSite(t)
		s.startWith(func(c *exec.Cmd) {
			c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			c.Args = append(c.Args, "--workers", "2", "--max-conns", "4", "--graceful-timeout", "20")
		})
		s.until("the workers serve", func() bool { return len(s.workers()) == 2 })
		var replies []chan reply
		for range 30 {
			replies = append(replies, s.background("/sleep?s=0.2"))
		}
		s.inFlight("/sleep", 8)
		kill(t, -s.pid(), syscall.SIGTERM)
		lost := ""
		for _, r := range replies {
			if r := <-r; r.err != nil || r.code != 200 {
				lost += fmt.Sprintf("\n%d, %v", r.code, r.err)
			}
		}
		if lost != "" {
			t.Errorf("queued clients were lost:%s", lost)
		}
		if code, _ := s.wait(patience); code != 0 {
			t.Errorf("exit code %d, want 0", code)
		}
	}
}

// Between a worker's last look at the queue and its end there is time for whoever connects without a pause: the kernel must let nobody in.
func TestAStopUnderAFloodOfNewConnectionsResetsNone(t *testing.T) {
	t.Parallel()
	times := 1 + rounds(t)
	for _, tt := range []struct {
		workers string
		group   bool // TERM goes to all processes
		own     bool // each worker has sockets of its own
	}{{"2", false, false}, {"2", true, false}, {"0", false, false}, {"2", false, true}} {
		for range times {
			s := newSite(t)
			s.startWith(func(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }, "--workers", tt.workers, "--drain-idle", "0.5", "--reuse-port="+strconv.FormatBool(tt.own))
			s.until("all serve", func() bool { st := s.status(); return st.Serving > 0 && st.Serving == st.Wanted })
			l := (&load{addr: s.addr, clients: 16, think: 1}).begin()
			l.progress(t, 200)
			to := s.pid()
			if tt.group {
				to = -to
			}
			kill(t, to, syscall.SIGTERM)
			if code, _ := s.wait(patience); code != 0 {
				t.Errorf("exit code %d, want 0", code)
			}
			for _, why := range l.end().losses {
				if !strings.Contains(why, "connect: connection refused") {
					t.Errorf("%+v: a client that was let in got %s", tt, why)
				}
			}
		}
	}
}

// A kind of socket that knows no filters would lose connections without a word.
func TestEverySocketOfAServerCanBeToldToTakeNoMore(t *testing.T) {
	shared, own, err := server.FiltersOf(server.Config{ReusePort: true})
	if err != nil {
		t.Fatal(err)
	}
	if shared == 0 || own == 0 {
		t.Errorf("the filter of the server's socket has %d steps, that of a worker's own %d, want some in both", shared, own)
	}
}

func TestAnUpgradeThatFailsLeavesTheSocketsAsTheyAre(t *testing.T) {
	t.Parallel()
	for _, told := range []bool{false, true} {
		t.Run(map[bool]string{true: "told to stop", false: "broken"}[told], func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			path := filepath.Join(s.dir, "sock")
			s.serve(1, "--bind", "unix:"+path)
			if told {
				s.put("delay", "60")
			} else {
				s.put("broken", "on purpose")
			}
			s.signal(syscall.SIGUSR2)
			if told {
				second := 0
				s.until("the new master starts its worker", func() bool {
					text, _ := os.ReadFile(s.pidfile + ".2")
					second, _ = strconv.Atoi(strings.TrimSpace(string(text)))
					return second != 0 && s.logged(fmt.Sprintf(`\[%d\] \[INFO\] worker starts`, second))
				})
				kill(t, second, syscall.SIGTERM)
			}
			s.until("the upgrade has failed", func() bool { return s.logged("upgrade failed, this master goes on") })
			if code, _, err := s.get("/"); code != 200 {
				t.Errorf("a new connection gets %d, %v, want 200 from the old server", code, err)
			}
			c, err := net.Dial("unix", path)
			if err != nil {
				t.Fatalf("the old server's unix socket: %v", err)
			}
			defer c.Close()
			io.WriteString(c, "GET / HTTP/1.0\r\n\r\n")
			if got := readAll(c); !strings.HasPrefix(got, "HTTP/1.0 200") {
				t.Errorf("over the unix socket: %q", got)
			}
		})
	}
}

func TestAWorkerThatIsSentTermServesUntilItsSuccessorDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, server.Config{Workers: 2, WorkerTimeout: time.Hour})
		f.launching(false, nil)
		told := f.all()[0]
		told.Say("leaving")
		synctest.Wait()
		if n := len(f.all()); n != 3 {
			t.Fatalf("%d workers were started, want a successor", n)
		}
		if slices.Contains(sent(told), "drain") {
			t.Error("the worker leaves before its successor serves")
		}
		f.all()[2].End(1, "")
		sleep(time.Second)
		if n := len(f.all()); n != 4 || slices.Contains(sent(told), "drain") {
			t.Fatalf("after a successor that failed: %d workers were started, want another try while the old one serves", n)
		}
		f.all()[3].Say("ready")
		synctest.Wait()
		if !slices.Contains(sent(told), "drain") {
			t.Error("the worker is not sent away although its successor serves")
		}
		other := f.all()[1]
		other.Say("leaving")
		other.Say("leaving")
		synctest.Wait()
		if !slices.Contains(sent(other), "drain") {
			t.Error("a worker that was sent TERM twice is kept until its successor serves")
		}
		f.stop()
	})
}

func TestAWorkerThatIsSentTermJustBeforeItServesLeavesAllTheSame(t *testing.T) {
	for terms := 1; terms <= 2; terms++ {
		synctest.Test(t, func(t *testing.T) {
			f := newFleet(t, server.Config{Workers: 1, WorkerTimeout: time.Hour}, false)
			told := f.all()[0]
			for range terms {
				told.Say("leaving")
			}
			synctest.Wait()
			if n := len(f.all()); n != 1 || len(kills(told)) != 0 {
				t.Fatalf("%d workers were started, or the one was killed that may have connections, before it said that it serves", n)
			}
			told.Say("ready")
			synctest.Wait()
			if n := len(f.all()); n != 2 {
				t.Fatalf("%d workers were started, want a successor", n)
			}
			if got := slices.Contains(sent(told), "drain"); got != (terms == 2) {
				t.Errorf("after %d TERM, before a successor serves: sent away %t", terms, got)
			}
			f.all()[1].Say("ready")
			synctest.Wait()
			if terms == 1 && !slices.Contains(sent(told), "drain") {
				t.Error("the worker is not sent away although its successor serves")
			}
			f.stop()
		})
	}
}

func TestAWorkerThatDiesInTheDrainDelayIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, server.Config{Workers: 2, DrainDelay: 10 * time.Second, WorkerTimeout: time.Hour})
		f.signals <- syscall.SIGTERM
		sleep(time.Second)
		f.all()[0].End(-1, "killed")
		sleep(time.Second)
		if n := len(f.all()); n != 3 {
			t.Fatalf("%d workers were started, want a third for the one that was killed while the server still accepts", n)
		}
		sleep(9 * time.Second)
		for _, w := range f.all()[1:] {
			if !slices.Contains(sent(w), "drain") {
				t.Errorf("worker %d is not sent away when the delay is over", w.ID)
			}
		}
		f.all()[1].End(-1, "killed")
		sleep(time.Second)
		if n := len(f.all()); n != 3 {
			t.Errorf("%d workers were started, want none after the delay", n)
		}
		f.stop()
	})
}

func TestAServerThatWaitsForLoadBalancersSurvivesTheDeathOfAllWorkers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.serve(1, "--drain-delay", "600", "--ready-path", "/ready")
	s.signal(syscall.SIGTERM)
	s.until("/ready is 503", func() bool { code, _, _ := s.get("/ready"); return code == 503 })
	victim := s.workers()[0]
	kill(t, victim, syscall.SIGKILL)
	s.until("it is dead", func() bool { return !slices.Contains(s.processes(), victim) })
	if code, _, err := s.get("/"); code != 200 {
		t.Errorf("after the only worker was killed a request gets %d, %v, want 200 from its successor", code, err)
	}
	if code, _, err := s.get("/ready"); code != 503 {
		t.Errorf("the successor's /ready is %d, %v, want 503 from its first moment", code, err)
	}
	s.signal(syscall.SIGINT)
	if code, _ := s.wait(patience); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}
