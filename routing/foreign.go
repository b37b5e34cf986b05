package routing

import (
	"net/http"
	"slices"

	"github.com/gorilla/mux"
)

// Router is a gorilla/mux router for routes that are not rules: for libraries that want to
// register theirs (Register(r *mux.Router)), for PathPrefix and Subrouter. A server asks
// Foreign when no rule matches. In their handlers mux.Vars and mux.CurrentRoute work.
//
// Routes are added before serving. The router does not clean paths, since "/a//b" is the
// rules' affair; SkipClean(false) changes that.
func (m *Map) Router() *mux.Router {
	m.hasForeign.Store(true)
	return m.foreignRouter()
}

func (m *Map) foreignRouter() *mux.Router {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.foreign == nil {
		m.foreign = mux.NewRouter().SkipClean(true)
	}
	return m.foreign
}

// Foreign is the handler for a request that no rule has matched: Router's, if one of its
// routes matches. Otherwise the error is ErrNotFound, or a *MethodNotAllowed which, unlike
// gorilla/mux's, says what is allowed. Without routes it costs one atomic load.
func (m *Map) Foreign(r *http.Request) (http.Handler, error) {
	if !m.hasForeign.Load() {
		return nil, ErrNotFound
	}
	router := m.foreignRouter()
	var match mux.RouteMatch
	if router.Match(r, &match) && match.MatchErr == nil {
		return router, nil
	}
	// MatchErr would not do: gorilla/mux forgets that the method was at fault when a prefix of a later route fits.
	if allow := foreignMethods(router, r); len(allow) > 0 {
		return nil, &MethodNotAllowed{Allow: allow}
	}
	return nil, ErrNotFound
}

// foreignMethods tries all methods that routes name.
func foreignMethods(router *mux.Router, r *http.Request) []string {
	var methods []string
	_ = router.Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		if own, err := route.GetMethods(); err == nil {
			methods = append(methods, own...)
		}
		return nil
	})
	slices.Sort(methods)
	return slices.DeleteFunc(slices.Compact(methods), func(method string) bool {
		other := *r
		other.Method = method
		var match mux.RouteMatch
		return !router.Match(&other, &match) || match.MatchErr != nil
	})
}
