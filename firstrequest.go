package carafe

import (
	"sync"
	"sync/atomic"
)

// firstRequest is what runs once per App, before its first request is dispatched.
type firstRequest struct {
	funcs []func(*Context) error
	done  atomic.Bool
	mu    sync.Mutex
}

// BeforeFirstRequest registers f to run once, during the first request and before anything of it is dispatched; other
// requests wait. If a function fails, that request is a 500 and all of them run again with the next one.
//
// Source: Flask.before_first_request, as it was until Flask 2.2.
func (a *App) BeforeFirstRequest(f func(*Context) error) {
	hook(&a.Scaffold, "BeforeFirstRequest", &a.first.funcs, f)
}

// firstRequestError is an error of step 3 on its way past the handlers of its type, to those of 500.
type firstRequestError struct{ error }

// runFirst is step 3.
func (a *App) runFirst(c *Context) error {
	if len(a.first.funcs) == 0 || a.first.done.Load() {
		return nil
	}
	a.first.mu.Lock()
	defer a.first.mu.Unlock()
	if a.first.done.Load() {
		return nil
	}
	if err := a.first.run(c); err != nil {
		return firstRequestError{err}
	}
	a.first.done.Store(true)
	return nil
}

func (fr *firstRequest) run(c *Context) (err error) {
	defer rescue(&err)
	for _, f := range fr.funcs {
		if err := fr.call(c, f); err != nil {
			return err
		}
	}
	return nil
}

func (fr *firstRequest) call(c *Context, f func(*Context) error) error {
	defer c.App().watchHook(c, "before-first-request function", f)()
	return f(c)
}
