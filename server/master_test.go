//go:build unix

package server_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carafeweb/carafe/server"
)

// fleet is a master's loop on a fake system, in a bubble of fake time.
type fleet struct {
	t       *testing.T
	mu      sync.Mutex
	workers []*server.FakeWorker
	fail    error // what launching gives
	auto    bool  // workers say ready at once
	signals chan os.Signal
	done    chan error
	cancel  context.CancelFunc
}

// newFleet starts the loop; it must be called in a bubble.
func newFleet(t *testing.T, cfg server.Config, auto ...bool) *fleet {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	f := &fleet{t: t, auto: len(auto) == 0, signals: make(chan os.Signal), done: make(chan error, 1), cancel: cancel}
	go func() {
		f.done <- server.RunFake(ctx, cfg, f.signals, func(w *server.FakeWorker) error {
			f.mu.Lock()
			defer f.mu.Unlock()
			if f.fail != nil {
				return f.fail
			}
			f.workers = append(f.workers, w)
			if f.auto {
				go w.Say("ready")
			}
			return nil
		})
	}()
	synctest.Wait()
	return f
}

// all are the workers that were started.
func (f *fleet) all() []*server.FakeWorker {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.workers)
}

// launching sets what launching gives, and whether workers say ready at once.
func (f *fleet) launching(auto bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.auto, f.fail = auto, err
}

// sleep lets fake time pass, and everybody do what is due.
func sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// beats makes workers give signs of life for a while.
func (f *fleet) beats(d time.Duration, alive ...*server.FakeWorker) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		sleep(time.Second)
		for _, w := range alive {
			w.SayBeat(0, 0)
		}
		synctest.Wait()
	}
}

// stop ends the loop: every worker does what it is told.
func (f *fleet) stop() error {
	f.t.Helper()
	f.cancel()
	synctest.Wait()
	for _, w := range f.all() {
		w.End(0, "")
	}
	synctest.Wait()
	close(f.signals)
	select {
	case err := <-f.done:
		return err
	default:
		f.t.Fatal("the loop goes on although every worker has ended")
		return nil
	}
}

func sent(w *server.FakeWorker) (list []string) {
	for {
		select {
		case m := <-w.Sent:
			list = append(list, m)
		default:
			return list
		}
	}
}

func kills(w *server.FakeWorker) (list []string) {
	for {
		select {
		case k := <-w.Kills:
			list = append(list, k)
		default:
			return list
		}
	}
}

func TestTheFirstWorkerStartsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, server.Config{Workers: 4}, false)
		sleep(10 * time.Second)
		if n := len(f.all()); n != 1 {
			t.Errorf("%d workers were started before one served, want 1", n)
		}
		f.all()[0].Say("ready")
		synctest.Wait()
		if n := len(f.all()); n != 4 {
			t.Errorf("%d workers when the first served, want 4", n)
		}
		f.stop()
	})
}

func TestTheFirstWorkersEndIsTheServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, server.Config{Workers: 4}, false)
		f.all()[0].End(3, "")
		if err := <-f.done; server.ExitCode(err) != 3 || len(f.all()) != 1 {
			t.Errorf("after %d workers: %v, want an error with exit code 3 after the first", len(f.all()), err)
		}
		close(f.signals)
	})
}

func TestASilentWorkerIsAbortedAndKilledASecondLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, server.Config{Workers: 2, WorkerTimeout: 10 * time.Second})
		f.beats(10*time.Second, f.all()[1])
		if k := kills(f.all()[0]); len(k) != 0 {
			t.Errorf("%v before WorkerTimeout", k)
		}
		f.beats(time.Second, f.all()[1])
		if k := kills(f.all()[0]); !slices.Equal(k, []string{"aborted"}) {
			t.Errorf("signals %v after WorkerTimeout, want aborted", k)
		}
		f.beats(time.Second, f.all()[1])
		if k := kills(f.all()[0]); !slices.Equal(k, []string{"killed"}) {
			t.Errorf("signals %v a second later, want killed", k)
		}
		f.all()[0].End(-1, "killed")
		synctest.Wait()
		if n := len(f.all()); n != 3 {
			t.Errorf("%d workers were started, want a third at once", n)
		}
		if k := kills(f.all()[1]); len(k) != 0 {
			t.Errorf("the other worker got %v", k)
		}
		f.stop()
	})
}

func TestBackOffGrowsAndForgetsAfterAMinuteOfHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, server.Config{Workers: 1, WorkerTimeout: time.Hour})
		f.beats(30*time.Second, f.all()[0])
		began := time.Now()
		boots := func() int { return len(f.all()) - 1 }
		crash := func() { f.all()[len(f.all())-1].End(1, ""); synctest.Wait() }
		n := 0
		for time.Since(began) < time.Minute {
			if len(f.all()) > n {
				n = len(f.all())
				crash()
			}
			sleep(50 * time.Millisecond)
		}
		if b := boots(); b < 8 || b > 12 {
			t.Errorf("%d boots in the first minute of a crash loop, want 8 to 12", b)
		}
		sleep(11 * time.Second)
		f.beats(61*time.Second, f.all()[len(f.all())-1])
		before := len(f.all())
		crash()
		if len(f.all()) != before+1 {
			t.Error("after a minute of health a crash was punished for earlier ones")
		}
		f.stop()
	})
}

func TestAKilledWorkerIsReplacedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, server.Config{Workers: 1})
		for range 20 {
			before := len(f.all())
			f.all()[before-1].End(-1, "killed")
			synctest.Wait()
			if len(f.all()) != before+1 {
				t.Fatal("a kill from outside was punished by a wait")
			}
		}
		f.stop()
	})
}

func TestAWorkerThatWasKilledIsTakenOffTheScoreboard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, server.Config{Workers: 2, WorkerTimeout: time.Hour})
		victim := f.all()[1]
		if server.Forgotten(victim.ID) {
			t.Fatalf("worker %d is off the board while it serves", victim.ID)
		}
		victim.End(-1, "killed")
		synctest.Wait()
		if !server.Forgotten(victim.ID) {
			t.Errorf("worker %d was killed and stays on the board, where the others wait for it", victim.ID)
		}
		f.stop()
	})
}

func TestAWorkerThatIsSilentKeepsNobodyWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, server.Config{Workers: 2, WorkerTimeout: time.Hour})
		silent, alive := f.all()[0], f.all()[1]
		f.beats(4*time.Second, alive)
		if !server.Forgotten(silent.ID) || server.Forgotten(alive.ID) {
			t.Errorf("off the board: the silent worker %v, the other %v, want only the first", server.Forgotten(silent.ID), server.Forgotten(alive.ID))
		}
		f.stop()
	})
}

func TestAnOrderToScaleBringsPausedWorkersBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, server.Config{Workers: 2})
		f.signals <- syscall.SIGWINCH
		synctest.Wait()
		for _, w := range f.all() {
			w.End(0, "")
		}
		sleep(time.Second)
		if n := len(f.all()); n != 2 {
			t.Fatalf("%d workers were started on a paused server, want the first two", n)
		}
		if err := <-server.AskFake("scale 3"); err != nil {
			t.Error(err)
		}
		sleep(time.Second)
		if n := len(f.all()) - 2; n != 3 {
			t.Errorf("%d workers came back, want 3", n)
		}
		f.stop()
	})
}

func TestAReloadThatStartsNoWorkerSaysWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, server.Config{Workers: 1})
		f.launching(true, errors.New("no processes left"))
		if err := <-server.AskFake("reload"); err == nil || err.Error() != "no worker can be started: no processes left" {
			t.Errorf("the answer is %v, want the system's reason", err)
		}
		f.launching(true, nil)
		f.stop()
	})
}

func TestALaunchThatFailsIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, server.Config{Workers: 2, WorkerTimeout: time.Hour})
		f.launching(true, errors.New("resource temporarily unavailable"))
		f.signals <- syscall.SIGTTIN
		sleep(3 * time.Second)
		if n := len(f.all()); n != 2 {
			t.Fatalf("%d workers, want the 2 of before", n)
		}
		f.launching(true, nil)
		sleep(10 * time.Second)
		if n := len(f.all()); n != 3 {
			t.Errorf("%d workers after the failure has passed, want 3", n)
		}
		f.stop()
	})
}

func TestAWorkerThatDoesNotLeaveIsKilledAfterItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, server.Config{Workers: 2, GracefulTimeout: 5 * time.Second, WorkerTimeout: time.Hour})
		f.signals <- syscall.SIGTTOU
		sleep(5500 * time.Millisecond)
		if m := sent(f.all()[0]); !slices.Contains(m, "drain") {
			t.Errorf("the oldest worker was sent %v, want drain", m)
		}
		if k := kills(f.all()[0]); len(k) != 0 {
			t.Errorf("%v within GracefulTimeout", k)
		}
		sleep(time.Second)
		if k := kills(f.all()[0]); !slices.Equal(k, []string{"killed"}) {
			t.Errorf("signals %v after GracefulTimeout and a second, want killed", k)
		}
		if m := sent(f.all()[1]); slices.Contains(m, "drain") {
			t.Error("the younger worker was sent drain")
		}
		f.stop()
	})
}

func TestRecyclingIsOneAtATimeAndSuccessorFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, server.Config{Workers: 2, MaxRequests: 10, WorkerTimeout: time.Hour})
		f.launching(false, nil)
		f.all()[0].SayBeat(11, 0)
		f.all()[1].SayBeat(12, 0)
		synctest.Wait()
		if n := len(f.all()); n != 3 {
			t.Fatalf("%d workers, want one successor", n)
		}
		for _, w := range f.all()[:2] {
			if m := sent(w); slices.Contains(m, "drain") {
				t.Errorf("worker %d leaves before its successor serves", w.ID)
			}
		}
		f.all()[2].Say("ready")
		synctest.Wait()
		left := 0
		for _, w := range f.all()[:2] {
			if slices.Contains(sent(w), "drain") {
				left++
				w.End(0, "")
			}
		}
		if left != 1 {
			t.Errorf("%d workers leave for one successor", left)
		}
		synctest.Wait()
		if n := len(f.all()); n != 4 {
			t.Errorf("%d workers were started, want the second successor after the first worker has gone", n)
		}
		f.stop()
	})
}

func TestAReloadThatHangsIsRefusedAndTheOldWorkersStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := server.Config{Workers: 2, BootTimeout: 5 * time.Second, WorkerTimeout: time.Hour}
		f := newFleet(t, cfg)
		f.launching(false, nil)
		f.signals <- syscall.SIGHUP
		synctest.Wait()
		scout := f.all()[2]
		if scout.Role != "scout" {
			t.Fatalf("the first new worker is a %s", scout.Role)
		}
		scout.SayHello(cfg)
		sleep(6 * time.Second)
		if k := kills(scout); !slices.Contains(k, "killed") {
			t.Errorf("the scout got %v after BootTimeout, want killed", k)
		}
		scout.End(-1, "killed")
		synctest.Wait()
		for _, w := range f.all()[:2] {
			if slices.Contains(sent(w), "drain") {
				t.Error("an old worker was sent away by a reload that failed")
			}
		}
		if n := len(f.all()); n != 3 {
			t.Errorf("%d workers were started, want none besides the scout", n)
		}
		f.stop()
	})
}

func TestACommandIsBuiltBesideTheLoopAndRefusedIfItDoesNotBuild(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fault error
		cfg := server.Config{Workers: 1, Command: []string{"true"}, WorkerTimeout: time.Hour}
		cfg.Build = func(ctx context.Context) error {
			select {
			case <-time.After(10 * time.Second):
				return fault
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		f := newFleet(t, cfg)
		fault = errors.New("main.go:3: undefined: x")
		f.signals <- syscall.SIGHUP
		sleep(5 * time.Second)
		f.signals <- syscall.SIGTTIN
		synctest.Wait()
		if n := len(f.all()); n != 2 {
			t.Errorf("%d workers while a build is under way and TTIN came, want 2: the loop must not wait", n)
		}
		sleep(6 * time.Second)
		if n := len(f.all()); n != 2 {
			t.Errorf("%d workers after a build that failed, want the 2 of before", n)
		}
		fault = nil
		f.signals <- syscall.SIGHUP
		sleep(11 * time.Second)
		if n := len(f.all()); n != 4 || f.all()[2].Role != "worker" {
			t.Errorf("%d workers after a build, want 2 new ones that are no scouts", n)
		}
		for _, w := range f.all()[:2] {
			if !slices.Contains(sent(w), "drain") {
				t.Error("an old worker stays after the reload")
			}
		}
		f.stop()
	})
}

func TestAReloadThatIsAbandonedIsToldToAllWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, server.Config{Workers: 1, WorkerTimeout: time.Hour})
		f.launching(false, nil)
		first, second := server.AskFake("reload"), server.AskFake("reload") // the second is for after the first
		synctest.Wait()
		f.signals <- syscall.SIGWINCH
		synctest.Wait()
		for i, waiting := range []<-chan error{first, second} {
			select {
			case err := <-waiting:
				if err == nil {
					t.Errorf("reload %d was done", i+1)
				}
			default:
				t.Errorf("who asked for reload %d waits on", i+1)
			}
		}
		f.stop()
	})
}

func TestAReloadIsToldToBeDoneWhenOldWorkersAcceptNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, server.Config{Workers: 2, WorkerTimeout: time.Hour, GracefulTimeout: time.Hour})
		reload := func() <-chan error {
			answer := server.AskFake("reload")
			synctest.Wait()
			f.all()[len(f.all())-1].SayHello(server.Config{Workers: 2, WorkerTimeout: time.Hour, GracefulTimeout: time.Hour})
			synctest.Wait()
			return answer
		}
		told := func(answer <-chan error) bool {
			select {
			case err := <-answer:
				return err == nil
			default:
				return false
			}
		}
		answer := reload()
		old := f.all()[:2]
		if !slices.Contains(sent(old[0]), "drain") || !slices.Contains(sent(old[1]), "drain") {
			t.Fatal("the old workers were not told to leave")
		}
		old[0].Say("deaf")
		synctest.Wait()
		if told(answer) {
			t.Error("the reload was told to be done while an old worker may still take a connection")
		}
		old[1].End(0, "")
		synctest.Wait()
		if !told(answer) {
			t.Error("the reload is not told to be done, although no old worker takes connections any more")
		}
		answer = reload()
		if sleep(time.Second); told(answer) {
			t.Error("the second reload was told to be done before its old workers spoke")
		}
		if sleep(5 * time.Second); !told(answer) {
			t.Error("frozen workers keep who asked for a reload waiting")
		}
		f.stop()
	})
}

func TestHooksOfTheMasterTellWhatChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n hookNotes
		cfg := server.Config{Workers: 2, WorkerTimeout: time.Hour}
		cfg.Hooks = server.Hooks{
			WhenReady:      func([]string) { n.note("ready") },
			WorkersChanged: func(now, old int) { n.note("%d after %d", now, old) },
			PreSpawn:       func(worker int) { n.note("spawn %d", worker) },
			OnReload:       func() { n.note("reload") },
			ChildExit: func(x server.WorkerExit) {
				n.note("exit %d: code %d signal %q expected %t requests %d", x.Worker, x.Code, x.Signal, x.Expected, x.Requests)
			},
		}
		f := newFleet(t, cfg)
		if got := n.take(); got != "2 after 0, spawn 1, ready, spawn 2" {
			t.Errorf("at the start: %s", got)
		}
		f.signals <- syscall.SIGTTIN
		synctest.Wait()
		if got := n.take(); got != "3 after 2, spawn 3" {
			t.Errorf("after TTIN: %s", got)
		}
		f.all()[0].SayBeat(7, 0)
		f.all()[0].End(-1, "killed")
		synctest.Wait()
		if got := n.take(); got != `exit 1: code -1 signal "killed" expected false requests 7, spawn 4` {
			t.Errorf("after a crash: %s", got)
		}
		f.signals <- syscall.SIGHUP
		synctest.Wait()
		if got := n.take(); got != "reload, spawn 5" {
			t.Errorf("after HUP: %s", got)
		}
		f.stop()
	})
}
