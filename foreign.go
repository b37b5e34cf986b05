package carafe

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/carafeweb/carafe/routing"
	"github.com/gorilla/mux"
)

// foreignRoutes are the routes that [App.Router] was given.
type foreignRoutes struct {
	router *mux.Router  // nil until it is asked for
	closed atomic.Int32 // 1 + the number of routes when set-up ended
	given  Site         // the last call of App.Router
	broken []brokenRoute
}

// A brokenRoute is one that gorilla/mux has refused without saying so, and the call of App.Router that gave the router it is on: the
// last one before it was seen.
type brokenRoute struct {
	route *mux.Route
	given Site
}

// Router is a gorilla/mux router for routes that are not rules of the app: for libraries that register theirs
// (Register(r *mux.Router)), for PathPrefix and Subrouter. In their handlers mux.Vars and mux.CurrentRoute work.
//
// They come after the rules: a request is theirs if no rule answers it, be it for its path (404), its method (405) or the want of a
// websocket. A missing slash of a rule, or one too many, redirects first. Around the handler the walk is the usual
// one: the app's hooks run, errors and panics of the handler go to the app's handlers, and its answer goes through the
// after-request functions. The endpoint is the route's name, "" without one; no blueprint is involved; [Context.Param] knows
// the route's variables. What neither the rules nor the routes take is the app's 404, or its 405 with the methods of both, unless the
// router, or a Subrouter, has a NotFoundHandler or MethodNotAllowedHandler.
//
// Routes are added during set-up. After the first request Router panics; a router that was kept must not be added to, which
// the debug mode notices.
//
// The router does not clean paths ("//", ".."), as the rules do not; SkipClean(false) changes that.
func (a *App) Router() *mux.Router {
	a.setup("Router", func(site Site) error {
		a.foreign.router = a.urlMap().Router()
		a.foreign.noteBroken()
		a.foreign.given = site
		return nil
	})
	return a.foreign.router
}

// matchForeign asks the foreign routes; missed is why no rule matches, and stays the answer if they do not know better. The route
// is made for this request, as its variables are.
func (a *App) matchForeign(c *Context, missed error) (*route, error) {
	refused, isRefused := missed.(*routing.MethodNotAllowed)
	if !isRefused && missed != routing.ErrNotFound && missed != routing.ErrWebsocketMismatch {
		return nil, missed // a redirect, or a host that is not ours
	}
	if err := a.foreign.late(a); err != nil {
		return nil, err
	}
	var m mux.RouteMatch
	matched := a.foreign.router.Match(c.Request.WithContext(c), &m)
	if matched && m.Handler != nil && (m.MatchErr == nil || missed == routing.ErrNotFound) {
		c.match = routing.Match{}
		return a.foreignRoute(&m), nil
	}
	var allowed []string
	if isRefused {
		allowed = refused.Allow
	}
	if allowed = a.withForeignMethods(c, allowed); len(allowed) > 0 {
		return nil, &routing.MethodNotAllowed{Allow: allowed}
	}
	return nil, missed
}

func (a *App) foreignRoute(m *mux.RouteMatch) *route {
	rt := &route{rule: &routing.Rule{}, chain: a.compiled().own, vars: m.Vars, view: handlerView(a.foreign.router), foreign: true}
	rt.given = foreignView(m.Handler)
	if m.Route != nil && m.MatchErr == nil {
		rt.given = foreignView(m.Route.GetHandler()) // without the router's middlewares around it
		rt.endpoint = m.Route.GetName()
		rt.rule.Rule, _ = m.Route.GetPathTemplate() // "" for one without a path
	}
	return rt
}

// withForeignMethods adds to the methods that rules allow those of the foreign routes of the path.
func (a *App) withForeignMethods(c *Context, allowed []string) []string {
	if a.foreign.router == nil {
		return allowed
	}
	var refused *routing.MethodNotAllowed
	anyMethod := c.Request.WithContext(c)
	anyMethod.Method = "--"
	if _, err := a.urls.Foreign(anyMethod); !errors.As(err, &refused) {
		return allowed
	}
	return joinedMethods(allowed, refused.Allow)
}

// noteBroken looks for broken routes that are new.
func (f *foreignRoutes) noteBroken() {
	if f.router == nil {
		return
	}
	_ = f.router.Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		if route.GetError() != nil && !slices.ContainsFunc(f.broken, func(b brokenRoute) bool { return b.route == route }) {
			f.broken = append(f.broken, brokenRoute{route, f.given})
		}
		return nil
	})
}

// faults are the broken routes as errors.
func (f *foreignRoutes) faults() (faults []error) {
	f.noteBroken()
	for _, b := range f.broken {
		err := fmt.Errorf("a route of app.Router(), named %q: %w", b.route.GetName(), b.route.GetError())
		faults = append(faults, &SetupError{b.given, err})
	}
	return faults
}

// close notes how many routes there are at the end of set-up; the first call counts.
func (f *foreignRoutes) close() {
	if f.router != nil {
		f.closed.CompareAndSwap(0, 1+f.count())
	}
}

func (f *foreignRoutes) count() (n int32) {
	_ = f.router.Walk(func(*mux.Route, *mux.Router, []*mux.Route) error {
		n++
		return nil
	})
	return n
}

// late finds out, in debug mode, that routes were added after the end of set-up: gorilla/mux does not lock, so that this is a data
// race, and at other times unnoticed.
func (f *foreignRoutes) late(a *App) error {
	if closed := f.closed.Load(); !a.Config.Debug || closed == 0 || closed == 1+f.count() {
		return nil
	}
	return fmt.Errorf("carafe: app.Router() was given routes although the app has handled its first request: "+
		"register them during set-up (it had %d then)", f.closed.Load()-1)
}
