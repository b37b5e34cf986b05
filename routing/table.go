package routing

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/gorilla/mux"
)

// A muxTable is the map once more as a *mux.Router: every rule is a route, in the order in
// which the machine would try them, so that the first route that matches is the machine's
// answer. What the machine does besides matching is a route too: the redirect of a missing
// slash, and a slash too many that a loose rule takes.
//
// It is made when it is first asked for, since a route costs some 16 µs. It serves listings
// (Walk), Options.MuxOnly, and the test that index and gorilla/mux agree.
type muxTable struct {
	router  *mux.Router
	entries []*entry
	byRoute map[*mux.Route]*entry
}

// An entry is one way in which a rule can answer.
type entry struct {
	rule *Rule
	way  way
}

type way uint8

const (
	exactly     way = iota
	unslashed       // the path lacks the rule's slash: redirect, or match if the rule is loose
	overslashed     // the path has one slash more than the loose rule
)

// Table is the rule table: a router with a route for each rule, named after its endpoint (the
// second of an endpoint "ep#2" and so on), without handlers, and the routes of Router after
// them. It compiles the map. Use it to look, not to add.
func (m *Map) Table() *mux.Router { return m.muxTable().router }

// Walk visits the rules' routes in the order in which they are tried, then those of Router.
// The rule is nil for the latter.
func (m *Map) Walk(visit func(route *mux.Route, rule *Rule) error) error {
	t := m.muxTable()
	for _, route := range t.routes() {
		if e := t.byRoute[route]; e.way == exactly {
			if err := visit(route, e.rule); err != nil {
				return err
			}
		}
	}
	return m.foreignRouter().Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		return visit(route, nil)
	})
}

// routes lists the rules' routes in order.
func (t *muxTable) routes() []*mux.Route {
	routes := make([]*mux.Route, 0, len(t.entries))
	_ = t.router.Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		if t.byRoute[route] != nil {
			routes = append(routes, route)
		}
		return nil
	})
	return routes
}

func (m *Map) muxTable() *muxTable {
	ix := m.index()
	foreign := m.foreignRouter()
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.table == nil {
		t := &muxTable{router: mux.NewRouter().SkipClean(true), byRoute: make(map[*mux.Route]*entry)}
		t.visit(ix.root, false)
		t.register()
		t.router.MatcherFunc(foreign.Match)
		m.table = t
	}
	return m.table
}

// visit lists the ways to match in the machine's order. The order between a state's own rules
// and those below it is of no account, as no path fits both.
func (t *muxTable) visit(s *state, consumed bool) {
	t.list(s.rules, exactly)
	if s.slash != nil {
		t.list(s.slash.rules, unslashed)
	}
	for i := range s.static.slots {
		if next := s.static.slots[i].next; next != nil {
			t.visit(next, consumed)
		}
	}
	for _, e := range s.dynamic {
		t.visit(e.next, e.final)
	}
	for _, r := range s.rules {
		if !r.strict && !consumed { // after a part that takes all, nothing is left over
			t.list([]*Rule{r}, overslashed)
		}
	}
}

func (t *muxTable) list(rules []*Rule, w way) {
	for _, r := range rules {
		t.entries = append(t.entries, &entry{r, w})
	}
}

func (t *muxTable) register() {
	named := make(map[string]int)
	routes := make([]*mux.Route, len(t.entries))
	for i, e := range t.entries {
		route := t.router.NewRoute()
		if e.way == exactly {
			named[e.rule.Endpoint]++
			route.Name(routeName(e.rule.Endpoint, named[e.rule.Endpoint]))
		}
		routes[i], t.byRoute[route] = route, e
	}
	t.addPaths(routes)
	for i, e := range t.entries {
		e.describe(routes[i])
	}
}

// addPaths gives each route its path, of which gorilla/mux compiles regexps: nine tenths of the
// time that the table takes, spread over the processors. A route's path is its own affair; names
// and conditions, which the router and the user's functions share, are not touched here.
func (t *muxTable) addPaths(routes []*mux.Route) {
	var next atomic.Int64
	var group sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), 1+len(routes)/pathsAtOnce) {
		group.Go(func() {
			for {
				end := int(next.Add(pathsAtOnce))
				if end-pathsAtOnce >= len(routes) {
					return
				}
				for i := end - pathsAtOnce; i < min(end, len(routes)); i++ {
					routes[i].Path(t.entries[i].template())
				}
			}
		})
	}
	group.Wait()
}

// pathsAtOnce is how many routes a processor takes on at a time.
const pathsAtOnce = 32

// routeName keeps names apart: a second route of one name would replace the first.
func routeName(endpoint string, n int) string {
	if n == 1 {
		return endpoint
	}
	return fmt.Sprintf("%s#%d", endpoint, n)
}

// describe gives the route its matchers but for the path. Those for the method come after it, so
// that a wrong method counts only where the path fits.
func (e *entry) describe(route *mux.Route) {
	r := e.rule
	if e.needsCheck() {
		route.MatcherFunc(func(req *http.Request, _ *mux.RouteMatch) bool {
			q, ok := req.Context().Value(searchKey{}).(*search)
			return e.fits(domainOf(q, ok), req.URL.Path)
		})
	}
	route.MatcherFunc(func(req *http.Request, _ *mux.RouteMatch) bool {
		q, ok := req.Context().Value(searchKey{}).(*search)
		if !ok {
			return r.Websocket == IsWebsocket(req)
		}
		return r.Websocket == q.websocket && (r.condition == nil || q.real != nil) && (r.domain != "" || q.domain == "")
	})
	if r.methods != nil {
		route.Methods(r.methods...)
	}
	if r.When != nil {
		r.When(route)
	}
}

type searchKey struct{}

func domainOf(q *search, ok bool) string {
	if !ok {
		return ""
	}
	return q.domain
}

// needsCheck tells whether the template says less than the rule: there is a domain, an end
// that looks back, or a regexp that might run over a slash.
func (e *entry) needsCheck() bool {
	if e.rule.domain != "" {
		return true
	}
	for i := range e.rule.parts {
		p := &e.rule.parts[i]
		if p.suffixed || p.pattern != nil || p.items() {
			return true
		}
	}
	return false
}

// items tells whether any() has a slash in an item, which a segment never has.
func (f *form) items() bool {
	for _, piece := range f.pieces {
		if piece.def != nil && strings.Contains(strings.Join(piece.def.shape.items, ""), "/") {
			return true
		}
	}
	return false
}

// fits walks the rule's parts as the machine would.
func (e *entry) fits(domain, path string) bool {
	switch e.way {
	case unslashed:
		path += "/"
	case overslashed:
		if !strings.HasSuffix(path, "/") {
			return false
		}
		path = path[:len(path)-1]
	}
	return e.rule.fits(domain, path)
}

func (r *Rule) fits(domain, path string) bool {
	pos := domainNext
	for i := range r.parts {
		p := &r.parts[i]
		if pos > len(path) {
			return false
		}
		text, after := domain, 0
		if pos >= 0 {
			after = segmentEnd(path, pos) + 1
			text = path[pos : after-1]
		}
		if p.static {
			if text != p.text {
				return false
			}
			pos = after
			continue
		}
		if p.final {
			after = len(path) + 1
			text = path[max(pos, 0):]
		}
		rest, slash, ok := p.splitSuffix(text)
		if !ok || !p.match(rest, nil) || (p.final && pos < 0) {
			return false
		}
		if slash {
			after = len(path)
		}
		pos = after
	}
	return pos > len(path)
}

// template is the rule's path for gorilla/mux.
func (e *entry) template() string {
	r := e.rule
	var b strings.Builder
	literals := 0
	for i := 1; i < len(r.parts); i++ {
		p := &r.parts[i]
		if i > 1 {
			b.WriteByte('/')
		}
		if p.static {
			literals = writeLiteral(&b, p.text, literals)
		}
		slot := 0
		for _, piece := range p.pieces {
			if p.static {
				break
			}
			if piece.def == nil {
				literals = writeLiteral(&b, piece.text, literals)
				continue
			}
			b.WriteString("{" + r.variables[p.first+slot].Name + ":" + braceless(piece.def.Regexp) + "}")
			slot++
		}
	}
	text := b.String()
	switch e.way {
	case unslashed:
		text = strings.TrimSuffix(text, "/")
	case overslashed:
		text += "/"
	}
	return text
}

// writeLiteral writes static text; what gorilla/mux would misunderstand (braces, and "%",
// with which its URL building fails) goes into a variable with a name that no rule can have.
func writeLiteral(b *strings.Builder, text string, count int) int {
	if !strings.ContainsAny(text, "{}%") {
		b.WriteString(text)
		return count
	}
	fmt.Fprintf(b, "{#%d:%s}", count, braceless(regexp.QuoteMeta(text)))
	return count + 1
}

// braceless writes the literal braces of a regexp as \x7b and \x7d: gorilla/mux counts braces
// without reading escapes. Those of repetitions and classes (\p{Greek}) are balanced and stay.
//
// Printing the parsed regexp would do it too, but takes a millisecond for [^/].
func braceless(text string) string {
	if !strings.ContainsAny(text, "{}") {
		return text
	}
	var b strings.Builder
	class := false
	for i := 0; i < len(text); {
		n := braceToken(text[i:], class)
		switch piece := text[i : i+n]; piece {
		case "{", `\{`:
			b.WriteString(`\x7b`)
		case "}", `\}`:
			b.WriteString(`\x7d`)
		default:
			class = piece == "[" || (class && piece != "]")
			b.WriteString(piece)
		}
		i += n
	}
	return b.String()
}

// braceToken is the length of what has to be read together at the start of a regexp.
func braceToken(text string, class bool) int {
	switch {
	case bracedEscape.MatchString(text):
		return strings.IndexByte(text, '}') + 1
	case text[0] == '\\' && len(text) > 1:
		return 2
	case !class && repetition.MatchString(text):
		return strings.IndexByte(text, '}') + 1
	}
	return 1
}

var (
	bracedEscape = regexp.MustCompile(`^\\[pPx]\{[^}]*\}`)
	repetition   = regexp.MustCompile(`^\{[0-9]+(?:,[0-9]*)?\}`)
)

// run searches with the index, or with gorilla/mux alone.
func (m *Map) run(ix *index, s *search) {
	if !m.opts.MuxOnly {
		s.at(ix.root, domainNext)
		return
	}
	m.runMux(s)
}

func (m *Map) runMux(s *search) {
	t := m.muxTable()
	own := *s // which the request's context will hold
	own.real, _ = s.contextRequest()
	var match mux.RouteMatch
	if t.router.Match(own.muxRequest(), &match) {
		if e := t.byRoute[match.Route]; e != nil {
			s.slash = e.way == unslashed && e.rule.strict
			if !s.slash {
				s.found = e.rule
				t.refusals(s, e) // should a converter refuse
			}
			return
		}
	}
	t.refusals(s, nil)
}

// refusals finds out what gorilla/mux does not tell: which methods would be allowed by the
// routes before the one that has matched.
func (t *muxTable) refusals(s *search, matched *entry) {
	for _, e := range t.entries {
		switch r := e.rule; {
		case e == matched:
			return
		case e.way == unslashed || !e.fits(s.domain, s.path):
		case !r.allows(s.bit):
			s.seen |= r.mask
		case r.Websocket != s.websocket:
			s.mismatch = true
		}
	}
}

// muxRequest is the request as gorilla/mux is to see it: with the path below the script root.
func (s *search) muxRequest() *http.Request {
	req := &http.Request{Header: http.Header{}, URL: &url.URL{}}
	if s.real != nil {
		shallow := *s.real
		req = &shallow
	}
	req.Method = s.method
	address := *req.URL
	address.Path, address.RawPath = s.path, ""
	req.URL = &address
	return req.WithContext(context.WithValue(context.Background(), searchKey{}, s))
}
