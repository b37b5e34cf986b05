package routing

import (
	"context"
	"maps"
	"net/http"
	"strings"

	"github.com/gorilla/mux"
)

// A search is the full search of the machine: backwards too, with what it has seen of other
// methods. It is used for whatever the walk does not find at once.
type search struct {
	request
	found    *Rule
	slash    bool          // stopped: the path needs a slash more
	seen     methodMask    // methods of the rules that fit but for them
	mismatch bool          // some rule fitted but for being a websocket's or not
	steps    *int          // counts parts tried; for tests
	real     *http.Request // that ctx carries, while gorilla/mux searches
}

// search answers what the walk did not.
func (m *Map) search(dst *Match, q request) error {
	ix := m.index()
	q.bit = m.methods.bit(q.method) | anyMethod
	s := search{request: q}
	m.run(ix, &s)
	if s.found == nil && !s.slash && ix.merge && strings.Contains(s.path, "//") {
		s.path = foldSlashes(s.path)
		m.run(ix, &s)
		if s.found != nil && s.found.merge {
			return &RequestRedirect{path: s.path, pathOnly: true}
		}
		s.found = nil
	}
	switch {
	case s.slash:
		return &RequestRedirect{path: s.path + "/", pathOnly: true}
	case s.found == nil || q.invalid:
		return m.refusal(&s)
	}
	dst.Rule, dst.path, dst.domain = s.found, s.path, q.domain
	dst.noteAll()
	if s.found.settled {
		return nil
	}
	if err := m.settle(q.ctx, dst, q.bit); err != errInvalid {
		return err
	}
	return m.refusal(&s)
}

// refusal is the error for a search without result.
func (m *Map) refusal(s *search) error {
	switch {
	case s.seen != 0:
		return m.methodNotAllowed(s.seen)
	case s.mismatch:
		return ErrWebsocketMismatch
	}
	return ErrNotFound
}

// methodNotAllowed makes one error for each set of methods, of which a map has few.
func (m *Map) methodNotAllowed(mask methodMask) *MethodNotAllowed {
	if known := m.refusals.Load(); known != nil {
		if e := (*known)[mask]; e != nil {
			return e
		}
	}
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return m.noteRefusal(mask)
}

// noteRefusal is for who has the mutex.
func (m *Map) noteRefusal(mask methodMask) *MethodNotAllowed {
	if known := m.refusals.Load(); known != nil && (*known)[mask] != nil {
		return (*known)[mask]
	}
	e := &MethodNotAllowed{Allow: m.methods.names(mask)}
	next := map[methodMask]*MethodNotAllowed{mask: e}
	if known := m.refusals.Load(); known != nil {
		maps.Copy(next, *known)
	}
	m.refusals.Store(&next)
	return e
}

// domainNext is the position before the domain; the path's segments begin at 0 and more, and
// a position beyond the end means that there are none left.
const domainNext = -1

// at goes on from a state and a position. It returns true when the search is over: a rule is
// found, or a slash is missing.
//
// A state is reached by one way and so at one position only: the search visits each state at
// most once, and takes time linear in the parts of the rules that begin as the path does.
func (s *search) at(st *state, pos int) bool {
	if pos > len(s.path) {
		return s.end(st)
	}
	text, after := s.domain, 0
	if pos >= 0 {
		after = segmentEnd(s.path, pos) + 1
		text = s.path[pos : after-1]
	}
	if next := st.static.find(text); next != nil && s.at(next, after) {
		return true
	}
	for i := range st.dynamic {
		if s.dynamic(&st.dynamic[i], text, pos, after) {
			return true
		}
	}
	return st.loose && pos == len(s.path) && s.choose(st, true)
}

func (s *search) dynamic(e *edge, text string, pos, after int) bool {
	if s.steps != nil {
		*s.steps++
	}
	if e.final {
		after = len(s.path) + 1
		if pos < 0 {
			text = text + "/" + s.path
		} else {
			text = s.path[pos:]
		}
	}
	rest, slash, ok := e.form.splitSuffix(text)
	if !ok || !e.form.match(rest, nil) {
		return false
	}
	if slash {
		after = len(s.path) // an empty segment is left
	}
	return s.at(e.next, after)
}

// end is a state at which no segments are left.
func (s *search) end(st *state) bool {
	if s.choose(st, false) {
		return true
	}
	if st.slash == nil {
		return false
	}
	for _, r := range st.slash.rules {
		if r.Websocket == s.websocket && r.allows(s.bit) && s.holds(r) {
			s.slash = r.strict
			if !r.strict {
				s.found = r
			}
			return true
		}
	}
	return false
}

// choose takes the state's first rule that fits, of the loose ones only if a slash is too many.
func (s *search) choose(st *state, loose bool) bool {
	for _, r := range st.rules {
		switch {
		case loose && r.strict:
		case !r.allows(s.bit):
			s.seen |= r.mask
		case r.Websocket != s.websocket:
			s.mismatch = true
		case s.holds(r):
			s.found = r
			return true
		}
	}
	return false
}

// noteAll fills in the places of the variables, as the walk does.
func (m *Match) noteAll() {
	r := m.Rule
	if !r.direct || len(m.path) > maxShort {
		return
	}
	for i, v := range r.inRule() {
		p := &r.parts[v.part]
		text := segmentText(m.path, v.part-1, p.final)
		start := len(m.path) - len(text)
		if !p.final {
			start = segmentStart(m.path, v.part-1)
		}
		rest, _, _ := p.splitSuffix(text)
		at, _ := p.single(rest)
		m.note(i, start+at.start, start+at.end)
	}
}

func segmentStart(path string, n int) int {
	start := 0
	for ; n > 0; n-- {
		start = segmentEnd(path, start) + 1
	}
	return start
}

type requestKey struct{}

// RequestKey is the key under which a context carries the *http.Request that conditions
// (Rule.When) are about. A context of the caller's own may answer it in its Value method,
// which spares ContextWithRequest.
var RequestKey any = requestKey{}

// ContextWithRequest gives a context the request that conditions are about.
func ContextWithRequest(ctx context.Context, r *http.Request) context.Context {
	return context.WithValue(ctx, RequestKey, r)
}

// newCondition is the rule's When on a route of its own.
func newCondition(r *Rule) *mux.Route {
	route := mux.NewRouter().NewRoute()
	r.When(route)
	return route
}

// holds asks gorilla/mux whether the rule's conditions hold.
func (s *search) holds(r *Rule) bool {
	if r.condition == nil {
		return true
	}
	req, ok := s.contextRequest()
	return ok && r.condition.Match(req, &mux.RouteMatch{})
}

func (s *search) contextRequest() (*http.Request, bool) {
	if s.ctx == nil {
		return nil, false
	}
	req, ok := s.ctx.Value(RequestKey).(*http.Request)
	return req, ok
}
