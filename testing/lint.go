package carafetest

import (
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/carafeweb/carafe/gateway"
)

// Lint is a gateway.Lint that fails the test wherever the rules of HTTP or of the gateway's contract are broken, and says
// for which request, by which rule and at which line:
//
//	app.Use(carafetest.Lint(t).Wrap)                            // an App, or any middleware around it
//	srv := httptest.NewServer(carafetest.Lint(t).Wrap(handler)) // an http.Handler
//	application := carafetest.Lint(t).Application(application)  // a gateway.Application
//
// The test goes on. Findings are reported from the goroutine that serves, until the test is over; servers that are started after Lint
// was called end before that. A gateway.Body that was never closed is found at the end of the test at the latest, if nothing
// holds it any more.
//
// Source: werkzeug.middleware.lint.LintMiddleware, whose warnings a test has to turn into errors itself.
func Lint(t testing.TB) gateway.Lint {
	t.Helper()
	l := &lintReport{t: t}
	t.Cleanup(l.end)
	return gateway.Lint{Report: l.report}
}

// A lintReport hands findings to a test, as long as there is one.
type lintReport struct {
	t    testing.TB
	mu   sync.Mutex
	over bool
}

func (l *lintReport) report(f gateway.Finding) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.over {
		l.t.Errorf("lint: %v", f)
	}
}

// end collects garbage, for that is how bodies without an owner are found.
func (l *lintReport) end() {
	collectGarbage()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
}

// collectGarbage returns when the garbage of now is collected and what waited for that has run: the clean-up of a second round
// comes after those of the first.
func collectGarbage() {
	for range 2 {
		swept := make(chan bool, 1)
		runtime.AddCleanup(new([16]byte), func(done chan bool) { done <- true }, swept)
		runtime.GC()
		select {
		case <-swept:
		case <-time.After(time.Second):
			return
		}
	}
}
