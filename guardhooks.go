package carafe

import (
	"context"
	"fmt"
	"time"
)

// A guardedHook is a function around the view whose time is taken.
type guardedHook struct {
	guard *guard
	kind  string
	name  string
	site  Site
}

func (g *guard) hook(kind string, f any) guardedHook {
	name, site := functionOf(f)
	return guardedHook{g, kind, name, site}
}

// watch begins to take the time; what it returns ends that. It is deferred: a hook that panics in the end was slow too.
func (h guardedHook) watch(ctx context.Context) (end func()) {
	began := time.Now()
	return func() {
		took := time.Since(began)
		if took <= h.guard.SlowHook {
			return
		}
		if q := guardedOf(ctx); q != nil {
			q.find(GuardSlowHook, h.site, fmt.Sprintf("the %s %s (%s) took %v in a request of %s, longer than %v: "+
				"everybody who asks waits for it; do it once at set-up, keep what it finds, or leave it to c.Go",
				h.kind, h.name, h.site, took.Round(time.Millisecond), q.subject(), h.guard.SlowHook))
		}
	}
}

// timeHooks has the chains' functions watched. written are the functions as they were registered, by which they are named.
func (g *guard) timeHooks(t *tables) {
	if !g.wants(GuardSlowHook) {
		return
	}
	if t.unrecorded == nil {
		t.unrecorded = map[*chain]*chain{}
	}
	for _, ch := range append(valuesOf(t.chains), t.own) {
		written := t.unrecorded[ch]
		if written == nil {
			same := *ch
			written = &same
			t.unrecorded[ch] = written
		}
		g.timeChain(ch, written)
	}
}

func (g *guard) timeChain(ch, written *chain) {
	values := func(h guardedHook, f ValuesFunc) ValuesFunc {
		return func(c *Context, endpoint string, values Values) { defer h.watchIn(c)(); f(c, endpoint, values) }
	}
	ch.preprocess = timed(g, "URL value preprocessor", written.preprocess, ch.preprocess, values)
	ch.defaults = timed(g, "URL defaults function", written.defaults, ch.defaults, values)
	ch.before = timed(g, "before-request function", written.before, ch.before, func(h guardedHook, f BeforeFunc) BeforeFunc {
		return func(c *Context) (any, error) { defer h.watch(c)(); return f(c) }
	})
	ch.after = timed(g, "after-request function", written.after, ch.after, func(h guardedHook, f AfterFunc) AfterFunc {
		return func(c *Context, resp *Response) (*Response, error) { defer h.watch(c)(); return f(c, resp) }
	})
	ch.teardown = timed(g, "teardown-request function", written.teardown, ch.teardown, func(h guardedHook, f TeardownFunc) TeardownFunc {
		return func(c *Context, err error) { defer h.watch(c)(); f(c, err) }
	})
	ch.processors = timed(g, "context processor", written.processors, ch.processors, func(h guardedHook, f ProcessorFunc) ProcessorFunc {
		return func(c *Context) map[string]any { defer h.watchIn(c)(); return f(c) }
	})
}

// watchIn is watch for functions that are also called outside of requests, with nil.
func (h guardedHook) watchIn(c *Context) (end func()) {
	if c == nil {
		return func() {}
	}
	return h.watch(c)
}

func timed[F any](g *guard, kind string, written, list []F, wrap func(h guardedHook, f F) F) []F {
	out := make([]F, len(list))
	for i, f := range list {
		out[i] = wrap(g.hook(kind, written[i]), f)
	}
	return out
}

// watchHook begins to take the time of a function that is in no chain, if there is a guard.
func (a *App) watchHook(ctx context.Context, kind string, f any) (end func()) {
	if a.guard == nil {
		return func() {}
	}
	return a.guard.hook(kind, f).watch(ctx)
}
