package carafe

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carafeweb/carafe/routing"
)

// An AppContext says which App is at work: that of the request being served, or one pushed for a command
// or a job. It is a context.Context; pushing derives the new top of the stack from a parent, and
// [CurrentApp] finds the top from any context below it.
//
// It is for one goroutine at a time, but for reading, which any number may do, also after it was popped.
//
// Source: flask.ctx.AppContext.
type AppContext struct {
	app    *App
	parent context.Context
	g      atomic.Pointer[G]

	pushes   int32 // how often it was pushed and not yet popped
	children atomic.Int32
}

// A Context is one request's: the request, what it matched, and the app context it belongs to. Views and
// hooks get it as their first argument and pass it on as the context.Context that it is: it is cancelled
// when the client leaves.
//
// It is never reused: a goroutine that keeps it reads its own request for ever. Reading is safe from several
// goroutines; once the request is over, writing a response is not possible any more.
//
// Source: flask.ctx.RequestContext, which since Flask 3.2 is the AppContext.
type Context struct {
	Request *Request // never nil

	app        AppContext
	route      *route // what matched; nil if nothing did
	match      routing.Match
	routingErr error // why nothing matched: kept at push, raised in place of the view
	more       atomic.Pointer[contextMore]
	w          http.ResponseWriter // where step 9 writes; nil outside of serving
	lines      headerLines         // backs header values of the answer
	sent       bool                // headers are out, or the connection is somebody else's
}

// contextMore is what only some requests need.
type contextMore struct {
	mu      sync.Mutex
	after   []AfterFunc
	session sessionState
	params  Values

	requestID string // "" until somebody asks
	logger    *slog.Logger
}

// block is the one allocation of a request's own state (TestContextIsSmall).
type block struct {
	c   Context
	req Request
}

// newContext makes the context of a request, not yet pushed. w is nil outside of serving.
func (a *App) newContext(w http.ResponseWriter, r *http.Request) *Context {
	b := &block{}
	b.c.app.app, b.c.app.parent = a, r.Context()
	b.req.Request, b.req.c = r, &b.c
	b.c.Request, b.c.w = &b.req, w
	return &b.c
}

type (
	appContextKey struct{}
	contextKey    struct{}
)

// CurrentApp is the App whose context is on top of ctx's stack, nil if there is none. Any context.Context that
// was derived from a Context or an AppContext will do.
//
// Source: flask.current_app.
func CurrentApp(ctx context.Context) *App {
	if ac := currentAppContext(ctx); ac != nil {
		return ac.app
	}
	return nil
}

// CurrentContext is the request's Context on top of ctx's stack, nil if there is none.
//
// Source: flask.request, flask.has_request_context.
func CurrentContext(ctx context.Context) *Context {
	c, _ := ctx.Value(contextKey{}).(*Context)
	return c
}

func currentAppContext(ctx context.Context) *AppContext {
	ac, _ := ctx.Value(appContextKey{}).(*AppContext)
	return ac
}

// AppContext makes an app context for work without a request. It is not yet pushed.
// Its deadline and cancellation are parent's.
//
// Source: Flask.app_context.
func (a *App) AppContext(parent context.Context) *AppContext {
	return &AppContext{app: a, parent: parent}
}

// TestRequestContext makes the context of r without serving it, for tests and shells. Push opens
// it, and matches the URL as a request's would; it is not dispatched.
//
// Source: Flask.test_request_context.
func (a *App) TestRequestContext(r *http.Request) *Context { return a.newContext(nil, r) }

// App is the app of the context.
func (ac *AppContext) App() *App { return ac.app }

// Deadline is the parent's.
func (ac *AppContext) Deadline() (time.Time, bool) { return ac.parent.Deadline() }

// Done is the parent's.
func (ac *AppContext) Done() <-chan struct{} { return ac.parent.Done() }

// Err is the parent's.
func (ac *AppContext) Err() error { return ac.parent.Err() }

// Value is the parent's, but for Carafe's own keys.
func (ac *AppContext) Value(key any) any {
	if _, ok := key.(appContextKey); ok {
		return ac
	}
	return ac.parent.Value(key)
}

// Prev is the app context that this one was derived from, nil if it is the lowest.
func (ac *AppContext) Prev() *AppContext { return currentAppContext(ac.parent) }

// G is the context's scratch store, made when first asked for.
func (ac *AppContext) G() *G {
	if g := ac.g.Load(); g != nil {
		return g
	}
	ac.g.CompareAndSwap(nil, &G{app: ac.app.name})
	return ac.g.Load()
}

// Push opens the context; pushing it again only counts.
func (ac *AppContext) Push() {
	ac.pushes++
	if ac.pushes > 1 {
		return
	}
	if prev := ac.Prev(); prev != nil {
		prev.children.Add(1)
	}
	ac.app.Signals.AppContextPushed.Send(ac, ac)
}

// Pop takes back one Push; the last one runs the teardown functions with err and closes the context. It
// fails, and runs nothing, if the context is not pushed or another is still open above it. Otherwise the error
// joins what failed during teardown, all of which ran.
func (ac *AppContext) Pop(err error) error {
	if fault := ac.popFault(); fault != nil {
		return fault
	}
	ac.pushes--
	if ac.pushes > 0 {
		return nil
	}
	ac.leave()
	return teardownGroup("context", note(nil, ac.finish(err)))
}

// leave tells the context below that this one is closed.
func (ac *AppContext) leave() {
	if prev := ac.Prev(); prev != nil {
		prev.children.Add(-1)
	}
}

func (ac *AppContext) finish(err error) error {
	failed := note(nil, ac.app.teardownAppContext(ac, err))
	if ac.app.Signals.AppContextPopped.Receivers() {
		failed = note(failed, guarded(func() { ac.app.Signals.AppContextPopped.Send(ac, ac) }))
	}
	if len(failed) == 1 {
		return failed[0]
	}
	return teardownGroup("app", failed)
}

func (ac *AppContext) popFault() error {
	switch {
	case ac.pushes == 0:
		return fmt.Errorf("carafe: the context of app %q was popped but is not pushed", ac.app.name)
	case ac.pushes == 1 && ac.children.Load() > 0:
		return fmt.Errorf("carafe: the context of app %q was popped while another one is open above it: pop in the reverse order of pushing", ac.app.name)
	}
	return nil
}

// With pushes the context, calls f with it, and pops it with f's error, which it returns joined with
// what failed during teardown. A panic of f is passed on after the teardown.
func (ac *AppContext) With(f func(ctx context.Context) error) error {
	ac.Push()
	return within(f, ac, ac.Pop)
}

// within calls f and then pop, also if f panics.
func within(f func(context.Context) error, ctx context.Context, pop func(error) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			_ = pop(&PanicError{Value: v})
			panic(v)
		}
		err = errors.Join(err, pop(err))
	}()
	return f(ctx)
}

// App is the app that serves the request.
func (c *Context) App() *App { return c.app.app }

// AppContext is the app context that the request belongs to.
func (c *Context) AppContext() *AppContext { return &c.app }

// G is the scratch store of the request's app context. See [Key] for a typed one.
func (c *Context) G() *G { return c.app.G() }

// Deadline is the server's request's.
func (c *Context) Deadline() (time.Time, bool) { return c.app.parent.Deadline() }

// Done is closed when the client leaves, and when the server is done with the request.
func (c *Context) Done() <-chan struct{} { return c.app.parent.Done() }

// Err says why Done is closed.
func (c *Context) Err() error { return c.app.parent.Err() }

// Value is the server's request's, but for Carafe's own keys.
func (c *Context) Value(key any) any {
	switch key.(type) {
	case contextKey:
		return c
	case appContextKey:
		return &c.app
	}
	if key == routing.RequestKey {
		return c.Request.Request
	}
	return c.app.parent.Value(key)
}

// Prev is the request's context that this one was derived from, nil if it is the lowest.
func (c *Context) Prev() *Context { return CurrentContext(c.app.parent) }

// Push opens a context made by [App.TestRequestContext]: the app's part, then the request's, then the URL is matched.
// Pushing it again only counts. While serving, the walk does it.
func (c *Context) Push() {
	c.app.Push()
	if c.app.pushes == 1 {
		c.App().compiled()
		c.App().matchRequest(c)
	}
}

// Pop takes back one Push; the last one runs the request's teardown functions and then the app context's, with err. See
// [AppContext.Pop] for what it returns.
func (c *Context) Pop(err error) error {
	if fault := c.app.popFault(); fault != nil {
		return fault
	}
	c.app.pushes--
	if c.app.pushes > 0 {
		return nil
	}
	c.app.leave()
	return c.finish(err)
}

// finish tears down the request's part and the app's, whatever is still open above them.
func (c *Context) finish(err error) error {
	a := c.app.app
	failed := note(nil, a.teardownRequest(c, err))
	return teardownGroup("context", note(failed, c.app.finish(err)))
}

// With pushes the context, calls f with it, and pops it with f's error.
func (c *Context) With(f func(ctx context.Context) error) error {
	c.Push()
	return within(f, c, c.Pop)
}

// Copy is a context of the same request, match and session with a G of its own, not yet pushed: for work
// that must not share the request's scratch store.
//
// Source: flask.copy_current_request_context.
func (c *Context) Copy() *Context {
	copied := c.app.app.newContext(nil, c.Request.Request)
	copied.app.parent = c.app.parent
	copied.Request.more.Store(c.Request.lazy())
	copied.route, copied.match, copied.routingErr = c.route, c.match, c.routingErr
	m := &contextMore{requestID: c.knownRequestID()}
	m.session.session = c.openedSession()
	copied.more.Store(m)
	return copied
}

// lazy is the part of the context that is made when first needed.
func (c *Context) lazy() *contextMore {
	if m := c.more.Load(); m != nil {
		return m
	}
	c.more.CompareAndSwap(nil, &contextMore{})
	return c.more.Load()
}

// Go runs f in a goroutine that may outlive the response. f's context has the request's values but not its
// cancellation; it is cancelled when [App.Drain] gives up waiting. A panic of f is logged.
//
// f may read the session at any time. A change that it makes before the response is made is saved; one that comes later panics with
// [ErrSessionSaved].
func (c *Context) Go(f func(ctx context.Context)) {
	a := c.app.app
	c.lazy() // where the end of the response is noted for f, if it is the first to ask for the session
	ctx, cancel := context.WithCancel(context.WithoutCancel(c))
	stop := context.AfterFunc(a.background.lifetime(), cancel)
	a.background.running.Add(1)
	go func() {
		if a.guard != nil {
			pprof.SetGoroutineLabels(emptyLabels) // this is not the request's goroutine any more
		}
		defer a.background.running.Done()
		defer cancel()
		defer stop()
		defer func() {
			if v := recover(); v != nil {
				a.LogError(c, panicked(v))
			}
		}()
		f(ctx)
	}()
}

// background is the work that outlives responses.
type background struct {
	running sync.WaitGroup
	once    sync.Once
	ctx     context.Context
	cancel  context.CancelFunc
}

func (b *background) lifetime() context.Context {
	b.once.Do(func() { b.ctx, b.cancel = context.WithCancel(context.Background()) })
	return b.ctx
}

// Drain waits for the work started with [Context.Go]. When ctx ends first, that work's contexts are cancelled and
// ctx's error is returned. Servers call it after the last response.
func (a *App) Drain(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		a.background.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		a.background.lifetime()
		a.background.cancel()
		return ctx.Err()
	}
}
