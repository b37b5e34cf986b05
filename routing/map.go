package routing

import (
	"errors"
	"iter"
	"os"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/gorilla/mux"
)

// A Map holds the rules of an application, matches requests to them and builds URLs from
// them. It has two states: while it is set up, Add takes rules and nothing else may be called
// at the same time; from Compile (or the first match or Build) on it is only read, and safe
// for concurrent use.
//
// Source: Werkzeug Map.
type Map struct {
	opts       Options
	rules      []*Rule
	endpoints  []string // in the order of their first rule
	byEndpoint map[string][]*Rule
	methods    methods
	room       setUpRoom
	mutex      sync.Mutex // guards compiling and the making of the routers
	compiled   atomic.Pointer[index]
	foreign    *mux.Router
	hasForeign atomic.Bool
	table      *muxTable
	refusals   atomic.Pointer[map[methodMask]*MethodNotAllowed] // copied to be written
}

// Options are the settings of a Map. The zero value is Flask's.
type Options struct {
	// HostMatching makes rules go by Rule.Host instead of Rule.Subdomain.
	HostMatching bool
	// SubdomainMatching makes binding to a request work out the subdomain from the Host and
	// the server name; without it, every request is for DefaultSubdomain.
	SubdomainMatching bool
	// DefaultSubdomain is that of rules without one of their own.
	DefaultSubdomain string
	// LooseSlashes makes rules match with and without a trailing slash, instead of redirecting
	// to the one with (Werkzeug's strict_slashes=False).
	LooseSlashes bool
	// KeepSlashes turns off the redirect from "/a//b" to "/a/b" (merge_slashes=False).
	KeepSlashes bool
	// KeepDefaults turns off redirects to the canonical URL of aliases and of rules whose
	// values are another's defaults (redirect_defaults=False).
	KeepDefaults bool
	// SortParameters sorts query values by name, instead of leaving them in the order given.
	SortParameters bool
	// Converters are added to, or replace, the built-in ones: default, string, any, path, int,
	// float, uuid.
	Converters map[string]ConverterFunc
	// MuxOnly matches with gorilla/mux's table alone, without the index: for comparison, at a
	// hundredth of the speed. The environment's CARAFE_ROUTER=mux turns it on too.
	MuxOnly bool
	// Router is what Map.Router gives, for an owner that makes another map of the same rules; nil
	// means one of the map's own.
	Router *mux.Router
}

// RouterVariable is the environment variable that turns Options.MuxOnly on, if it is "mux"
// when the map is made.
const RouterVariable = "CARAFE_ROUTER"

// New makes a map without rules.
func New(opts Options) *Map {
	opts.MuxOnly = opts.MuxOnly || os.Getenv(RouterVariable) == "mux"
	m := &Map{opts: opts, byEndpoint: make(map[string][]*Rule), foreign: opts.Router}
	m.hasForeign.Store(opts.Router != nil)
	return m
}

// Options are the settings that the map was made with.
func (m *Map) Options() Options { return m.opts }

// Add reads rules and adds them in order; their order decides among rules of equal weight
// only. It stops at the first mistake, a *RuleError, keeping the rules before it; or with
// ErrCompiled. Rules that equal or shadow others are no mistake here: the first one wins, as
// in Werkzeug; Check finds them.
func (m *Map) Add(rules ...*Rule) error {
	m.rules = slices.Grow(m.rules, len(rules))
	for _, r := range rules {
		if m.compiled.Load() != nil {
			return ErrCompiled
		}
		if r.m != nil {
			return r.ruleError(errors.New("the rule is in a map already; make another for each"))
		}
		if err := r.bind(m); err != nil {
			r.unbind()
			return r.ruleError(err)
		}
		r.order = len(m.rules)
		m.rules = append(m.rules, r)
		known := m.byEndpoint[r.Endpoint]
		if known == nil {
			m.endpoints = append(m.endpoints, r.Endpoint)
			known = m.room.rules.take(1)[:0]
		}
		m.byEndpoint[r.Endpoint] = append(known, r)
	}
	return nil
}

// setUpRoom is what rules are read with. Nothing of it is needed when the map is compiled.
type setUpRoom struct {
	tokens    []token
	reader    partReader
	parts     arena[part]
	steps     arena[step]
	variables arena[Variable]
	rules     arena[*Rule]
}

// domainRule is the text of the rule's first part.
func (m *Map) domainRule(r *Rule) string {
	switch {
	case m.opts.HostMatching:
		return r.Host
	case r.Subdomain == "":
		return m.opts.DefaultSubdomain
	case r.Subdomain == NoSubdomain:
		return ""
	}
	return r.Subdomain
}

// converter makes the converter of a variable.
func (m *Map) converter(t token) (*Definition, error) {
	if f, ok := m.opts.Converters[t.converter]; ok {
		return ownConverter(f, t)
	}
	f, ok := builtinConverters[t.converter]
	if !ok {
		return nil, &syntaxError{FaultConverter, "the converter " + pyRepr(t.converter) + " does not exist",
			"register it in Options.Converters"}
	}
	if t.arguments == "" {
		return plainConverter(t.converter)
	}
	args, err := parseArguments(t.arguments)
	if err != nil {
		return nil, err
	}
	d, err := f(args)
	return &d, err
}

func ownConverter(f ConverterFunc, t token) (*Definition, error) {
	args, err := parseArguments(t.arguments)
	if err != nil {
		return nil, err
	}
	d, err := f(args)
	if err != nil {
		return nil, err
	}
	d, err = define(d)
	return &d, err
}

var plainConverters sync.Map // name → *Definition of a built-in converter without arguments

func plainConverter(name string) (*Definition, error) {
	if d, ok := plainConverters.Load(name); ok {
		return d.(*Definition), nil
	}
	d, err := builtinConverters[name](Arguments{})
	if err == nil {
		d.alone, err = newLoneForm(&d)
	}
	if err == nil {
		plainConverters.Store(name, &d)
	}
	return &d, err
}

// Compile builds the index. It is called by the first match or Build; calling it before
// serving saves that request the time. Later calls do nothing.
func (m *Map) Compile() error {
	m.index()
	return nil
}

func (m *Map) index() *index {
	if ix := m.compiled.Load(); ix != nil {
		return ix
	}
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if ix := m.compiled.Load(); ix != nil {
		return ix
	}
	for _, rules := range m.byEndpoint {
		slices.SortStableFunc(rules, compareForBuilding)
	}
	m.room = setUpRoom{}
	ix := newIndex(m)
	m.compiled.Store(ix)
	return ix
}

// All iterates over the rules in the order in which they were added.
func (m *Map) All() iter.Seq[*Rule] { return slices.Values(m.rules) }

// Rules are those of the endpoints in the order in which Build tries them, or all rules,
// grouped by endpoint, if none is named. It compiles the map.
func (m *Map) Rules(endpoints ...string) []*Rule {
	m.index()
	if len(endpoints) == 0 {
		endpoints = m.endpoints
	}
	var rules []*Rule
	for _, e := range endpoints {
		rules = append(rules, m.byEndpoint[e]...)
	}
	return rules
}

// Expects tells whether some rule of the endpoint has all these names as variables or
// defaults. Source: Werkzeug Map.is_endpoint_expecting, which raises for an unknown endpoint.
func (m *Map) Expects(endpoint string, names ...string) bool {
	for _, r := range m.byEndpoint[endpoint] {
		if !slices.ContainsFunc(names, func(n string) bool { return r.index(n) < 0 }) {
			return true
		}
	}
	return false
}
