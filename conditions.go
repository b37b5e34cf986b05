package carafe

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/carafeweb/carafe/gateway"
	"github.com/gorilla/mux"
)

// Headers are header fields that a request needs for the route to match it, with their values; "" takes any. Several
// conditions of a route must all hold. Where they do not, the next rule of the path is tried.
//
// Source: mux.Route.Headers.
type Headers map[string]string

// Queries are query values that a request needs for the route to match it. A value may be a template of gorilla/mux,
// "{page:[0-9]+}"; "" takes any. The values themselves are for [Context.Query].
//
// Source: mux.Route.Queries.
type Queries map[string]string

// Schemes are the schemes, "http" or "https", of which a request needs one for the route to match it. It is the scheme that the
// client used, as [gateway.Scheme] knows it.
//
// Unlike mux.Route.Schemes, neither a proxy that ends TLS nor an absolute request target deceives it.
type Schemes []string

// MatcherFunc is a condition of your own. It is asked at matching, before any hook, and must not change the request.
//
// Source: mux.MatcherFunc.
type MatcherFunc func(r *http.Request, m *mux.RouteMatch) bool

// ApplyRoute implements [RouteOption].
func (h Headers) ApplyRoute(s *RouteSettings) {
	s.when(func(r *mux.Route) { r.Headers(flatPairs(h)...) })
}

// ApplyRoute implements [RouteOption].
func (q Queries) ApplyRoute(s *RouteSettings) {
	s.when(func(r *mux.Route) { r.Queries(flatPairs(q)...) })
}

// ApplyRoute implements [RouteOption].
func (l Schemes) ApplyRoute(s *RouteSettings) {
	wanted := make([]string, len(l))
	for i, scheme := range l {
		wanted[i] = strings.ToLower(scheme)
	}
	s.when(func(r *mux.Route) {
		if len(wanted) == 0 {
			panic("carafe.Schemes{} without a scheme: no request can fit")
		}
		r.MatcherFunc(func(req *http.Request, _ *mux.RouteMatch) bool { return slices.Contains(wanted, gateway.Scheme(req)) })
	})
}

// ApplyRoute implements [RouteOption].
func (f MatcherFunc) ApplyRoute(s *RouteSettings) {
	s.when(func(r *mux.Route) {
		if f == nil {
			panic("a nil carafe.MatcherFunc: give a function")
		}
		r.MatcherFunc(mux.MatcherFunc(f))
	})
}

// when adds a condition to those there are.
func (s *RouteSettings) when(add func(*mux.Route)) {
	before := s.When
	s.When = func(r *mux.Route) {
		if before != nil {
			before(r)
		}
		add(r)
	}
}

func flatPairs(m map[string]string) []string {
	flat := make([]string, 0, 2*len(m))
	for _, name := range slices.Sorted(maps.Keys(m)) {
		flat = append(flat, name, m[name])
	}
	return flat
}

// checkConditions tries the conditions on a route: gorilla/mux keeps some mistakes to itself, and panics with others.
func checkConditions(when func(*mux.Route)) (err error) {
	if when == nil {
		return nil
	}
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("the route's conditions: %v", v)
		}
	}()
	route := mux.NewRouter().NewRoute()
	when(route)
	if err := route.GetError(); err != nil {
		return fmt.Errorf("the route's conditions: %w", err)
	}
	return nil
}
