package carafe

import (
	"context"
	"io"
	"net"
	"net/http"
	"time"
	"unsafe"

	"github.com/carafeweb/carafe/devserver"
)

// BlockSize is the size of a request's own state in bytes.
const BlockSize = unsafe.Sizeof(block{})

// RunAddress is where Run would listen, given its option and an environment.
func RunAddress(serverName string, env map[string]string, opts ...RunOption) (string, error) {
	var s runSettings
	for _, o := range opts {
		o.applyRun(&s)
	}
	return s.address(serverName, func(name string) string { return env[name] })
}

// RunWith is Run with a listener and an end of the test's own.
func (a *App) RunWith(ctx context.Context, out io.Writer, listen func(network, addr string) (net.Listener, error), opts ...RunOption) error {
	s := runSettings{ctx: ctx, out: out, listen: listen}
	for _, o := range opts {
		o.applyRun(&s)
	}
	return a.run(&s)
}

// ViewByReflection calls a view through its plan, even if its shape is a frequent one.
func (a *App) ViewByReflection(endpoint string) {
	for _, rt := range a.routes {
		if rt.endpoint == endpoint {
			view, err := planView(a, a.endpoints[endpoint].view, rt.rule.Variables())
			if err != nil {
				panic(err)
			}
			rt.view = view
		}
	}
}

// KeptStringTemplates is how many templates made from strings are kept.
func (a *App) KeptStringTemplates() int {
	open := a.templating.open.Load()
	if open == nil {
		return 0
	}
	open.mu.Lock()
	defer open.mu.Unlock()
	return len(open.strings)
}

// Debugged is the app as App.Run serves it in debug mode.
func (a *App) Debugged(pin string) http.Handler {
	a.Config.Debug, a.recordHooks = true, true
	a.tables.Store(nil)
	return a.debugged(devserver.NewDebugger(devserver.DebuggerOptions{PIN: pin, Secret: "s"}))
}

// ShellQuote is how a word is written for a shell.
var ShellQuote = shellQuote

// RunsOn are the URLs of a server's address.
var RunsOn = runningOn

// LogLine is what App.Run prints of a request.
func LogLine(w io.Writer, r *http.Request, status int) {
	a := New("x")
	a.logRequestsForPeople(w)
	a.requestLine(r, time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), status)
}
