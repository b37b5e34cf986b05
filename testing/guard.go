package carafetest

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/carafeweb/carafe"
)

// Guard fails the test where a request leaves goroutines behind, where something is written after the response, where the
// http.ResponseWriter of a request that is over is used, where an uploaded file is not read, and where a hook is slow; each finding
// says which view, which line, and what to do:
//
//	carafetest.Guard(t, app)      // before the app's first request
//
// What it returns are the settings, to change them, or to guard an app that is not there yet:
//
//	guard := carafetest.Guard(t)
//	guard.SlowHook = 100 * time.Millisecond
//	app.Guard(guard)
//
// The test goes on after a finding. At its end Guard waits for the goroutines that requests have left: not at all as a rule, for
// [carafe.Guard.Grace] at most. Requests that are not over by then, and what happens later, are not judged; a server that is started
// after Guard was called has ended before that. See [carafe.App.Guard] for what is looked for.
func Guard(t testing.TB, apps ...*carafe.App) carafe.Guard {
	t.Helper()
	r := &guardReport{t: t}
	g := carafe.Guard{Report: r.report, Judging: &atomic.Int64{}}
	t.Cleanup(func() {
		r.wait(g)
		r.end()
	})
	for _, app := range apps {
		app.Guard(g)
	}
	return g
}

// A guardReport hands findings to a test, as long as there is one.
type guardReport struct {
	t    testing.TB
	mu   sync.Mutex
	over bool
}

// wait waits until all requests that are over are judged. If the test has ended within a bubble of testing/synctest whose goroutines are
// gone, nobody judges them any more.
func (r *guardReport) wait(g carafe.Guard) {
	for began := time.Now(); g.Judging.Load() > 0; time.Sleep(time.Millisecond) {
		if time.Since(began) > g.Grace+lateJudgement {
			r.t.Errorf("guard: a request that is over could not be judged: where requests are made in a bubble of testing/synctest, call Guard in it too")
			return
		}
	}
}

// lateJudgement is much longer than a look at all goroutines takes.
const lateJudgement = 20 * time.Second

func (r *guardReport) report(f carafe.GuardFinding) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.over {
		r.t.Errorf("guard: %v", f)
	}
}

func (r *guardReport) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = true
}
