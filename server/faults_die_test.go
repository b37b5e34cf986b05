//go:build linux

package server_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Scenarios A of prefork-faults.md: workers die or hang. The number in a test's name is the scenario's.

func TestFault01KillingAWorkerUnderLoadLosesOnlyWhatItHeld(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.serve(2)
	l := (&load{addr: s.addr, clients: 8, keep: true}).begin()
	l.progress(t, 100)
	victim := s.workers()[0]
	kill(t, victim, syscall.SIGKILL)
	took := s.within(patience, "a replacement serves", func() bool {
		w := s.workers()
		return len(w) == 2 && !slices.Contains(w, victim)
	})
	l.progress(t, 100)
	if l.end(); l.lost() > l.clients {
		t.Errorf("lost %d requests, more than the %d connections: %q", l.lost(), l.clients, l.some())
	}
	if bar := slow(700 * time.Millisecond); took > bar {
		t.Errorf("the replacement took %v, bar %v", took, bar)
	}
	if !s.tells(fmt.Sprintf(`ERROR\] worker ended worker=%d by="signal killed" uptime=\S+ busy=\d+`, victim)) {
		t.Error("the log has no ERROR line with pid, signal, uptime and requests in flight")
	}
}

// slow stretches a bar for times where the race detector slows everything down, and where more runs than the machine has CPUs for: a
// quarter for each process that waits for one. What is lost is never stretched.
func slow(d time.Duration) time.Duration {
	if raceEnabled {
		d *= 4
	}
	var load float64
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		fmt.Sscan(string(text), &load)
	}
	return d + time.Duration(float64(d)*load/float64(4*runtime.NumCPU()))
}

func TestFault02AHungRequestIsAnsweredAndLogged(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.serve(2, "--request-timeout", "1", "--max-stuck", "2")
	l := (&load{addr: s.addr, clients: 2, keep: true}).begin()
	began := time.Now()
	code, _, err := s.get("/hang")
	took := time.Since(began)
	if err != nil || code != 503 || took < 900*time.Millisecond || took > slow(2*time.Second) {
		t.Errorf("the hung request got status %d, error %v after %v: want 503 after 1s", code, err, took)
	}
	s.until("its stack is logged", func() bool {
		return s.logged(`ERROR\] request takes too long method=GET path=/hang age=1`) && s.logged(`main\.\(\*faults\)\.routes\.func`)
	})
	l.progress(t, 50)
	wantNoLoss(t, l.end())
	t.Run("and a worker with too many of them is replaced", func(t *testing.T) {
		before := s.workers()
		for range 4 {
			go s.get("/hang")
		}
		s.until("a worker is replaced", func() bool { return s.logged(`why="stuck requests"`) && !slices.Equal(before, s.workers()) })
	})
}

func TestFault03AFrozenWorkerIsKilledInTime(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.serve(2, "--worker-timeout", "2")
	l := (&load{addr: s.addr, clients: 4}).begin()
	l.progress(t, 20)
	victim := s.workers()[0]
	kill(t, victim, syscall.SIGSTOP)
	took := s.within(patience, "the frozen worker is replaced", func() bool {
		w := s.workers()
		return len(w) == 2 && !slices.Contains(w, victim)
	})
	if took < 2*time.Second || took > slow(4*time.Second) {
		t.Errorf("gone after %v, want WorkerTimeout (2s) and a second", took)
	}
	if l.end(); l.lost() > l.clients {
		t.Errorf("lost %d requests, more than the frozen worker can have accepted: %q", l.lost(), l.some())
	}
	if !s.tells(`ERROR\] worker is silent worker=` + fmt.Sprint(victim)) {
		t.Error("the log does not say that the worker was silent")
	}
}

func TestFault04MaxRequestsRecyclesWithoutAHole(t *testing.T) {
	t.Parallel()
	bothLoads(t, func(t *testing.T, keep bool) {
		s := newSite(t)
		s.serve(2, "--max-requests", "150", "--max-requests-jitter", "50", "--drain-idle", "1")
		l := (&load{addr: s.addr, path: "/leak?kb=64", keep: keep}).begin()
		s.until("four workers have been recycled", func() bool {
			text, err := s.ask("metrics")
			return err == nil && metric(t, text, "carafe_worker_recycled_total") >= 4
		})
		wantNoLoss(t, l.end())
		l.wantNoHole(t)
	})
}

func metric(t *testing.T, text, name string) float64 {
	t.Helper()
	for line := range strings.Lines(text) {
		var v float64
		if n, _ := fmt.Sscanf(line, name+" %g", &v); n == 1 {
			return v
		}
	}
	t.Fatalf("there is no metric %s in\n%s", name, text)
	return 0
}

func TestFault05AnAppThatIsBrokenAtFirstStartEndsTheServerWith3(t *testing.T) {
	t.Parallel()
	for _, workers := range []string{"1", "4"} {
		t.Run("with "+workers+" workers", func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.put("broken", "the bean is missing")
			s.start("--workers", workers)
			code, _ := s.wait(patience)
			if code != 3 {
				t.Errorf("exit code %d, want 3", code)
			}
			lines := strings.Split(strings.TrimSpace(s.log.String()), "\n")
			if last := lines[len(lines)-1]; !strings.Contains(last, "faults: broken: the bean is missing") {
				t.Errorf("the last line on stderr is %q, want the app's own error", last)
			}
			if n := s.count("worker starts"); n > 2 {
				t.Errorf("%d workers were started, want at most 2", n)
			}
			if left := s.processes(); len(left) > 0 {
				t.Errorf("processes %v were left behind", left)
			}
			for _, f := range []string{s.pidfile, s.control} {
				if _, err := os.Lstat(f); err == nil {
					t.Errorf("%s was left behind", f)
				}
			}
		})
	}
}

func TestFault06ACrashLoopBacksOff(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.serve(4)
	began := time.Now()
	first := s.count("worker starts")
	s.put("crash", "yes")
	for _, w := range s.workers() {
		kill(t, w, syscall.SIGKILL)
	}
	s.until("the status tells of a crash loop", func() bool { return s.status().CrashLoop })
	time.Sleep(time.Until(began.Add(5 * time.Second))) // the bar is a number of boots in a time
	// 24 in ten seconds for four slots; the schedule of one slot is 0, 0.1, 0.35, 1, 2.6, 6.5, 16.2 s.
	if n := s.count("worker starts") - first; n > 20 || n < 12 {
		t.Errorf("%d boots in 5 s, want 12 to 20", n)
	}
	s.put("crash", "")
	s.until("all workers serve again", func() bool { return len(s.workers()) == 4 })
}

func TestFault07AWorkerThatGrowsIsReplacedBeforeItDies(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	limit := "64M"
	if raceEnabled {
		limit = "160M"
	}
	s.serve(2, "--max-memory", limit)
	l := (&load{addr: s.addr, path: "/leak?kb=512", clients: 2, think: 10 * time.Millisecond}).begin()
	s.until("a worker is replaced for its memory", func() bool { return s.logged("why=max_memory") && s.logged(`why="successor serves"`) })
	wantNoLoss(t, l.end())
}

func TestFault08AStormOfKillsEndsWithAllWorkersServing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.serve(4)
	l := (&load{addr: s.addr, clients: 4}).begin()
	killed := 0
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		for _, w := range s.workers() {
			if syscall.Kill(w, syscall.SIGKILL) == nil {
				killed++
			}
		}
	}
	took := s.within(patience, "four workers serve again", func() bool { return len(s.workers()) == 4 })
	if bar := slow(1500 * time.Millisecond); took > bar {
		t.Errorf("after %d kills all workers served again after %v, bar %v", killed, took, bar)
	}
	before := l.lost()
	l.progress(t, 50)
	if l.end(); l.lost() > before {
		t.Errorf("requests were lost after the storm: %q", l.losses[before:])
	}
	if z := zombies(s.pid()); len(z) > 0 {
		t.Errorf("zombies %v", z)
	}
	t.Logf("%d kills, %d of %d requests lost", killed, l.lost(), l.total())
}

// zombies are the dead children that nobody has waited for.
func zombies(parent int) (pids []string) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, f := range stats {
		data, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(data), ") ")
		var state string
		var ppid int
		fmt.Sscan(rest, &state, &ppid)
		if ppid == parent && state == "Z" {
			pids = append(pids, strings.Split(f, "/")[2])
		}
	}
	return pids
}

func TestFault09SignalsSentStraightToAWorker(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.serve(2, "--drain-idle", "0.5")
	l := (&load{addr: s.addr, keep: true}).begin()
	l.progress(t, 20)
	before := s.workers()
	for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGUSR2, syscall.SIGTTIN, syscall.SIGTTOU, syscall.SIGWINCH, syscall.SIGPIPE} {
		kill(t, before[0], sig)
		l.progress(t, 10)
		if after := s.workers(); !slices.Equal(before, after) {
			t.Fatalf("%v changed the workers from %v to %v: a worker leaves it to the master", sig, before, after)
		}
	}
	kill(t, before[0], syscall.SIGTERM)
	s.until("the worker that got TERM is replaced", func() bool { w := s.workers(); return len(w) == 2 && !slices.Contains(w, before[0]) })
	s.until("it has gone", func() bool { return !slices.Contains(s.processes(), before[0]) })
	wantNoLoss(t, l.end())
	kill(t, before[1], syscall.SIGABRT)
	s.until("the worker that got ABRT is replaced", func() bool { w := s.workers(); return len(w) == 2 && !slices.Contains(w, before[1]) })
	if !s.tells("goroutine 1 ") {
		t.Error("ABRT made no dump of the goroutines")
	}
}

func TestAFatalErrorOfTheRuntimeIsSurvived(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.racy = true // /fatal is a concurrent map write
	s.serve(2)
	for _, path := range []string{"/die?code=7", "/fatal"} {
		before := s.workers()
		if code, _, err := s.get(path); err == nil {
			t.Errorf("GET %s got status %d: its worker should have died", path, code)
		}
		s.until("the dead worker is replaced", func() bool { w := s.workers(); return len(w) == 2 && !slices.Equal(w, before) })
	}
	if !s.tells(`ERROR\] worker ended worker=\d+ by="exit code 7"`) {
		t.Error("the exit code is not logged")
	}
	if code, body, err := s.get("/panic"); code != 500 || err != nil {
		t.Errorf("a panic got status %d, %q, %v: want 500", code, body, err)
	}
}

// open opens connections that say something and no more.
func open(t *testing.T, addr string, n int, text string) []net.Conn {
	t.Helper()
	var list []net.Conn
	for range n {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		if _, err := c.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		list = append(list, c)
	}
	return list
}
