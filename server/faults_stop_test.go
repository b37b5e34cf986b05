//go:build linux

package server_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Scenarios C of prefork-faults.md: stop.

// background asks for a path and gives the answer later.
func (s *site) background(path string) chan reply {
	done := make(chan reply, 1)
	go func() {
		began := time.Now()
		code, body, err := s.get(path)
		done <- reply{code, body, err, time.Since(began)}
	}()
	return done
}

type reply struct {
	code int
	body string
	err  error
	took time.Duration
}

// inFlight waits until so many requests for a path are being handled.
func (s *site) inFlight(path string, n int) {
	s.t.Helper()
	s.until(fmt.Sprintf("%d requests for %s are in flight", n, path), func() bool {
		text, err := s.ask("requests")
		return err == nil && strings.Count(text, " "+path+" ") >= n
	})
}

func TestFault25StopFinishesWhatItCanAndNamesWhatItCuts(t *testing.T) {
	t.Parallel()
	for _, workers := range []int{0, 2} {
		t.Run(fmt.Sprintf("with %d workers", workers), func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.serve(workers, "--graceful-timeout", "2")
			short, long := s.background("/sleep?s=1"), s.background("/sleep?s=20")
			s.inFlight("/sleep", 2)
			s.signal(syscall.SIGTERM)
			s.until("the stop begins", func() bool { return s.logged(`INFO\] stop why="signal TERM"`) })
			if r := <-short; r.err != nil || r.code != 200 {
				t.Errorf("the short request got %d, %v: want 200", r.code, r.err)
			}
			if r := <-long; r.err != nil || r.code != 503 {
				t.Errorf("the long request got %d, %v: want 503", r.code, r.err)
			}
			code, _ := s.wait(slow(4 * time.Second))
			if code != 0 {
				t.Errorf("exit code %d, want 0 although a request was cut", code)
			}
			if !s.tells(`request is cut why="graceful timeout" method=GET path=/sleep`) {
				t.Error("the log does not name the request that was cut")
			}
			if _, err := os.Lstat(s.pidfile); err == nil {
				t.Error("the pidfile is still there")
			}
		})
	}
}

func TestFault26TheAcceptQueueIsEmptiedAtStop(t *testing.T) {
	t.Parallel()
	for range rounds(t) {
		s := newSite(t)
		// One connection at a time: the others wait in the kernel's queue, as with Gunicorn's sync workers.
		s.serve(2, "--max-conns", "4", "--graceful-timeout", "20")
		var replies []chan reply
		for range 20 {
			replies = append(replies, s.background("/sleep?s=0.2"))
		}
		s.inFlight("/sleep", 8)
		s.signal(syscall.SIGTERM)
		lost := 0
		for _, r := range replies {
			if r := <-r; r.err != nil || r.code != 200 {
				lost++
				t.Logf("lost: %d, %v", r.code, r.err)
			}
		}
		if lost > 0 {
			t.Errorf("%d of 20 queued clients were lost at TERM", lost)
		}
		if code, _ := s.wait(patience); code != 0 {
			t.Errorf("exit code %d, want 0", code)
		}
	}
}

func TestFault27ASecondSignalIsQuickAndAThirdKills(t *testing.T) {
	t.Parallel()
	for _, second := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(second.String(), func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.serve(2)
			long := s.background("/sleep?s=30")
			s.inFlight("/sleep", 1)
			s.signal(syscall.SIGTERM)
			s.until("the stop begins", func() bool { return s.logged(`INFO\] stop why="signal TERM"`) })
			s.signal(second)
			if code, took := s.wait(patience); code != 0 || took > slow(time.Second) {
				t.Errorf("exit code %d after %v, want 0 within a second", code, took)
			}
			if r := <-long; r.err == nil && r.code != 503 {
				t.Errorf("the request that was cut got %d", r.code)
			}
		})
	}
	t.Run("a third one does not wait for frozen workers", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		s.serve(1)
		kill(t, s.workers()[0], syscall.SIGSTOP)
		for range 3 {
			s.signal(syscall.SIGTERM)
			time.Sleep(30 * time.Millisecond) // three signals, not one that the kernel merges
		}
		if _, took := s.wait(patience); took > slow(500*time.Millisecond) {
			t.Errorf("the end took %v", took)
		}
	})
}

func TestFault28AnIdleServerStopsAtOnce(t *testing.T) {
	t.Parallel()
	for _, workers := range []int{0, 2} {
		for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT} {
			t.Run(fmt.Sprintf("%v with %d workers", sig, workers), func(t *testing.T) {
				s := newSite(t)
				s.serve(workers)
				s.signal(sig)
				code, took := s.wait(patience)
				if code != 0 || took > slow(400*time.Millisecond) {
					t.Errorf("exit code %d after %v, want 0 at once", code, took)
				}
				if _, err := os.Lstat(s.pidfile); err == nil {
					t.Error("the pidfile is still there")
				}
			})
		}
	}
}

func TestFault29WorkersOfADeadMasterLeaveAndARestartCanBind(t *testing.T) {
	t.Parallel()
	t.Run("when idle", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		s.serve(2)
		s.signal(syscall.SIGKILL)
		s.wait(patience)
		took := s.within(slow(time.Second), "the workers have gone", func() bool { return len(s.processes()) == 0 })
		s.serve(2)
		t.Logf("gone after %v", took.Round(time.Millisecond))
	})
	t.Run("when busy, the restart at once", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		s.serve(2, "--graceful-timeout", "5")
		long := s.background("/sleep?s=1.5")
		s.inFlight("/sleep", 1)
		orphans := s.workers()
		s.signal(syscall.SIGKILL)
		s.wait(patience)
		s.within(slow(500*time.Millisecond), "the orphans accept no more", func() bool {
			c, err := net.Dial("tcp", s.addr)
			if err == nil {
				c.Close()
			}
			return err != nil
		})
		s.serve(2)
		if r := <-long; r.err != nil || r.code != 200 {
			t.Errorf("the request in flight got %d, %v: an orphan drains", r.code, r.err)
		}
		s.until("the orphans have gone", func() bool {
			for _, p := range s.processes() {
				if p == orphans[0] || p == orphans[1] {
					return false
				}
			}
			return true
		})
	})
}

func TestReadyTurnsFirstAndTheServerGoesOnForDrainDelay(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.serve(1, "--drain-delay", "1", "--ready-path", "/ready")
	if code, _, err := s.get("/ready"); code != 200 || err != nil {
		t.Fatalf("/ready is %d, %v, want 200", code, err)
	}
	l := (&load{addr: s.addr}).begin()
	l.progress(t, 10)
	s.signal(syscall.SIGTERM)
	s.until("/ready is 503", func() bool { code, _, _ := s.get("/ready"); return code == 503 })
	l.progress(t, 50)
	wantNoLoss(t, l.end())
	if code, _ := s.wait(patience); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}

func TestOneProcessHasTheSameSignals(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.put("conf.toml", "ready_path = \"/one\"\n")
	s.start("--workers", "0", "--config-file", "conf.toml", "--drain-idle", "0.5")
	s.until("it serves", func() bool { return s.status().Serving == 1 })
	l := (&load{addr: s.addr, keep: true}).begin()
	l.progress(t, 20)
	s.put("conf.toml", "ready_path = \"/two\"\n")
	if _, err := s.ask("reload"); err != nil {
		t.Fatal(err)
	}
	if code, _, err := s.get("/two"); code != 200 {
		t.Errorf("after the reload /two is %d, %v: the configuration was not read again", code, err)
	}
	s.put("conf.toml", "ready_path = 2\nbean = 1\n")
	if _, err := s.ask("reload"); err == nil {
		t.Error("a broken configuration was not refused")
	}
	s.put("conf.toml", "")
	os.WriteFile(s.dir+"/conf.toml", nil, 0o644)
	l.progress(t, 20)
	if n := len(s.processes()); n != 1 {
		t.Errorf("%d processes, want 1", n)
	}
	old := s.pid()
	s.signal(syscall.SIGUSR2)
	s.until("the new process has taken over", func() bool { n := s.masterIn(); return n != 0 && n != old })
	if code, _ := s.wait(patience); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	l.progress(t, 20)
	wantNoLoss(t, l.end())
}

// readAll reads until the end of a connection.
func readAll(c net.Conn) string {
	c.SetReadDeadline(time.Now().Add(patience))
	data, _ := io.ReadAll(c)
	return string(data)
}
