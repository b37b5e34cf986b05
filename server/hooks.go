package server

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"runtime/debug"
	"time"
)

// Hooks are functions that the server calls on its way; each may be nil. Those of the master run in its loop, and must
// not wait, but for the first and the last. A hook that returns an error stops what it was called for.
type Hooks struct {
	// OnStarting is called in the master before sockets are bound. It may wait: TERM, INT and QUIT, or the end of Run's
	// context, end the server meanwhile with exit code 0.
	OnStarting func() error
	// WhenReady is called in the master when the first worker serves, with the addresses.
	WhenReady func(addresses []string)
	// OnReload is called in the master when a reload begins.
	OnReload func()
	// WorkersChanged is called in the master when the number of workers wanted changes; old is 0 the first time.
	WorkersChanged func(now, old int)
	// PreSpawn is called in the master before each worker.
	PreSpawn func(worker int)
	// ChildExit is called in the master when a worker has ended.
	ChildExit func(WorkerExit)
	// PreExec is called in the old master with the command that is about to be the new one, and may change it.
	PreExec func(*exec.Cmd)
	// OnExit is called in the master last. It may wait too; another TERM, INT or QUIT ends the server without it.
	OnExit func()

	// PostSpawn is called in the worker first.
	PostSpawn func(worker int)
	// WorkerInit is called in the worker before it serves: the place to open databases. An error means that it cannot.
	WorkerInit func(ctx context.Context) error
	// PreRequest is called in the worker before each request that the server itself does not answer. A panic is the
	// request's: it is answered with 500.
	PreRequest func(*http.Request)
	// PostRequest is called in the worker after each request for which PreRequest was called, also after a panic. A panic
	// of its own is logged.
	PostRequest func(*http.Request, Served)
	// WorkerInt is called in a worker that has to leave quickly (INT or QUIT to the master), before it cuts requests.
	WorkerInt func()
	// WorkerAbort is called in a worker that has been silent, before it dumps its goroutines and dies.
	WorkerAbort func()
	// WorkerExit is called in the worker after its last request.
	WorkerExit func()
}

// A Served is what became of a request.
type Served struct {
	Status int           // 0 if the client got none
	Bytes  int64         // of the body
	Took   time.Duration // from the request's head to the answer's end
}

// A WorkerExit is how a worker ended.
type WorkerExit struct {
	Worker, PID int    // its number, from 1 and never given again, and the process
	Code        int    // -1 after a signal
	Signal      string // "" without
	Expected    bool   // it was told to
	Requests    int64  // that it had answered
}

// await calls a hook while there is no loop that would act on a signal, and waits for it no longer than ctx.
func await(ctx context.Context, hook func() error) error {
	done := make(chan error, 1)
	go func() { done <- hook() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (h *Hooks) workersChanged(now, old int) {
	if h.WorkersChanged != nil {
		h.WorkersChanged(now, old)
	}
}

func (h *Hooks) whenReady(addresses []string) {
	if h.WhenReady != nil {
		h.WhenReady(addresses)
	}
}

func (h *Hooks) onReload() {
	if h.OnReload != nil {
		h.OnReload()
	}
}

func (h *Hooks) preSpawn(worker int) {
	if h.PreSpawn != nil {
		h.PreSpawn(worker)
	}
}

func (h *Hooks) childExit(w *worker, x *exit) {
	if h.ChildExit != nil {
		h.ChildExit(WorkerExit{w.id, w.child.PID(), x.code, x.signal, w.expected, w.last.Requests})
	}
}

// postRequest calls PostRequest. What a hook does wrong must not reach net/http, which would cut the connection.
func (x *exchange) postRequest(r *http.Request, took time.Duration) {
	defer func() {
		if fault := recover(); fault != nil {
			x.s.log.Error("panic in the hook PostRequest", "panic", fmt.Sprint(fault), "stack", string(debug.Stack()))
		}
	}()
	x.s.hooks.PostRequest(r, Served{x.status, x.bytes, took})
}
