package carafe

import (
	"errors"
	"strings"
)

// A TeardownError is what failed while a context was torn down; everything else was run all the same.
//
// Source: the exception groups of AppContext.pop in Flask 3.2.
type TeardownError struct {
	Group string  // "context", "request" or "app"
	Errs  []error // in the order in which they came, one at least
}

// Error names the group and lists what failed.
func (e *TeardownError) Error() string {
	texts := make([]string, len(e.Errs))
	for i, err := range e.Errs {
		texts[i] = err.Error()
	}
	return "Errors during " + e.Group + " teardown: " + strings.Join(texts, "; ")
}

// Unwrap gives the errors.
func (e *TeardownError) Unwrap() []error { return e.Errs }

// teardownGroup is what failed as one error, nil if nothing did.
func teardownGroup(group string, failed []error) error {
	if failed == nil {
		return nil
	}
	return &TeardownError{group, failed}
}

// teardownRequest is the first half of step 10: the functions of the request's blueprints, innermost first, then the app's; the
// signal; the uploads.
func (a *App) teardownRequest(c *Context, err error) error {
	var failed []error
	for _, f := range c.chain().teardown {
		failed = note(failed, guarded(func() { f(c, err) }))
	}
	if a.Signals.RequestTearingDown.Receivers() {
		failed = note(failed, guarded(func() { a.Signals.RequestTearingDown.Send(c, RequestError{c, err}) }))
	}
	return teardownGroup("request", note(failed, c.Request.close()))
}

// teardownAppContext is the second half of step 10.
func (a *App) teardownAppContext(ac *AppContext, err error) error {
	var failed []error
	for i := len(a.teardowns) - 1; i >= 0; i-- {
		failed = note(failed, guarded(func() {
			defer a.watchHook(ac, "teardown-app-context function", a.teardowns[i])()
			a.teardowns[i](ac, err)
		}))
	}
	if a.Signals.AppContextTearingDown.Receivers() {
		failed = note(failed, guarded(func() { a.Signals.AppContextTearingDown.Send(ac, AppTeardown{ac, err}) }))
	}
	return teardownGroup("app", failed)
}

// note adds an error to a list that is nil as long as nothing has failed.
func note(failed []error, err error) []error {
	if err == nil {
		return failed
	}
	return append(failed, err)
}

// guarded runs user code that is not to stop what comes after it. A panic with an HTTP error is that error, as everywhere.
func guarded(f func()) (err error) {
	defer func() {
		if v := recover(); v != nil {
			var he *HTTPError
			if e, ok := v.(error); ok && errors.As(e, &he) {
				err = e
				return
			}
			err = panicked(v)
		}
	}()
	f()
	return nil
}

// TeardownAppContext registers f to run when an app context ends, a request's or one pushed for a command, the
// last registered first. The error is the one that nobody answered, else nil.
//
// Source: Flask.teardown_appcontext.
func (a *App) TeardownAppContext(f func(*AppContext, error)) {
	hook(&a.Scaffold, "TeardownAppContext", &a.teardowns, f)
}
