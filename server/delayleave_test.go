//go:build linux

package server_test

import (
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carafeweb/carafe/server"
)

// Workers that leave while the server waits for load balancers to look away.

// leaving is what a worker was told of the queues when it was sent away: to empty them, and to let nobody in. ok is false if it was not.
func leaving(w *server.FakeWorker) (told [2]bool, ok bool) {
	select {
	case told = <-w.Drains:
		return told, true
	default:
		return told, false
	}
}

func TestWhoLeavesInTheDrainDelayLeavesTheQueueToTheOthers(t *testing.T) {
	cfg := server.Config{Workers: 2, DrainDelay: time.Hour, WorkerTimeout: 10 * time.Hour, GracefulTimeout: time.Hour}
	for _, tt := range []struct {
		name  string
		leave func(f *fleet) // has the oldest worker leave
	}{
		{"a TERM for all processes", func(f *fleet) {
			f.signals <- syscall.SIGTERM
			synctest.Wait()
			f.all()[0].Say("leaving")
		}},
		{"a worker's TERM before the master's, whose successor serves after it", func(f *fleet) {
			f.launching(false, nil)
			f.all()[0].Say("leaving")
			synctest.Wait()
			f.signals <- syscall.SIGTERM
			synctest.Wait()
			f.all()[2].Say("ready")
		}},
		{"a second TERM for a worker", func(f *fleet) {
			f.launching(false, nil)
			f.signals <- syscall.SIGTERM
			synctest.Wait()
			f.all()[0].Say("leaving")
			f.all()[0].Say("leaving")
		}},
		{"fewer workers", func(f *fleet) {
			f.signals <- syscall.SIGTERM
			f.signals <- syscall.SIGTTOU
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(t, cfg)
				tt.leave(f)
				sleep(time.Second)
				if told, ok := leaving(f.all()[0]); !ok || told != [2]bool{} {
					t.Errorf("sent away: %t, told to empty the queue and to let nobody in: %v, want neither, for others go on", ok, told)
				}
				f.launching(true, nil)
				sleep(time.Hour)
				last := f.all()[1]
				if told, ok := leaving(last); !ok || told != [2]bool{true, true} {
					t.Errorf("after the delay: sent away: %t, told to empty the queue and to let nobody in: %v, want both", ok, told)
				}
				f.stop()
			})
		})
	}
}

func TestAServerInItsDrainDelayLetsClientsInWhateverItsWorkersAreTold(t *testing.T) {
	t.Parallel()
	for _, group := range []bool{true, false} {
		s := newSite(t)
		s.startWith(func(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} },
			"--workers", "2", "--drain-delay", "600", "--drain-idle", "0.2", "--ready-path", "/ready")
		s.until("the workers serve", func() bool { return len(s.workers()) == 2 })
		old := s.workers()
		if group {
			kill(t, -s.pid(), syscall.SIGTERM)
			s.until("both have been replaced", func() bool {
				return !slices.ContainsFunc(s.processes(), func(pid int) bool { return slices.Contains(old, pid) })
			})
		} else {
			s.signal(syscall.SIGTERM)
			s.signal(syscall.SIGTTOU)
			s.until("one has left", func() bool { return !slices.Contains(s.processes(), old[0]) })
		}
		for i := range 20 {
			if code, _, err := s.get("/"); code != 200 {
				t.Fatalf("TERM to all %t: request %d in the delay gets %d, %v, want 200", group, i, code, err)
			}
		}
		s.signal(syscall.SIGINT)
		if code, _ := s.wait(patience); code != 0 {
			t.Errorf("exit code %d, want 0", code)
		}
	}
}
