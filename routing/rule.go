package routing

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/gorilla/mux"
)

// A Rule says which URLs lead to an endpoint and how URLs to it look. Its exported fields are
// set before Map.Add and not changed afterwards; a rule belongs to one map.
//
// Source: Werkzeug Rule.
type Rule struct {
	// Rule is the path: static text and variables, written <name>, <converter:name> or
	// <converter(arguments):name>. It begins with "/"; one that ends with "/" is a branch.
	Rule string
	// Endpoint names what the rule leads to; Build goes by it. Several rules may share one.
	Endpoint string
	// Methods are upper-cased, and HEAD is added to GET. Nil means any method; an empty list
	// none, so that the rule only builds.
	Methods []string
	// Defaults are values for variables, in the rule or not, that every match has and every
	// URL may leave out. A rule with defaults is the canonical one for URLs with these values:
	// others of its endpoint redirect to it (Options.KeepDefaults).
	Defaults Values
	// Subdomain is a rule for the subdomain, "" the map's DefaultSubdomain, NoSubdomain none at all.
	// Host is one for the whole host, used instead if the map has HostMatching.
	Subdomain, Host string
	// StrictSlashes and MergeSlashes override the map's; nil leaves them.
	StrictSlashes, MergeSlashes *bool
	// BuildOnly rules build URLs and match none.
	BuildOnly bool
	// Alias marks another URL for an endpoint: it matches, and redirects to the endpoint's
	// canonical URL.
	Alias bool
	// Websocket rules match websocket requests only, and build ws:// or wss:// URLs.
	Websocket bool
	// RedirectTo makes the rule redirect: a string in rule syntax without converters
	// ("new/<id>"), relative to the script root, or a RedirectFunc. Nil means no redirect.
	RedirectTo any
	// When adds conditions (headers, queries, schemes, a mux.MatcherFunc) to the rule: it is
	// called once with an empty route, which gorilla/mux then matches against the request that
	// the context carries (see ContextWithRequest). Without a request the rule does not match.
	When func(*mux.Route)
	// Source is where the rule was written ("site.go:14"), for messages.
	Source string
	// Data is the owner's own, such as a compiled view; a match gives it with the rule.
	Data any

	m         *Map
	order     int // of registration
	domain    string
	parts     []part
	variables []Variable
	fromRule  int // how many of the variables are in the rule's text
	methods   []string
	mask      methodMask
	strict    bool
	merge     bool
	target    []piece // RedirectTo, if a string
	builder   builder
	plain     bool       // see isPlain
	canonical []*Rule    // rules with defaults to which this one may have to redirect
	checks    []int      // variables whose text needs more than the regexp
	custom    int        // variables with a converter of the user's
	settled   bool       // nothing is left to do once the rule has matched
	direct    bool       // the walk has noted every span
	condition *mux.Route // from When
}

// NoSubdomain as a rule's Subdomain keeps it off the map's DefaultSubdomain.
const NoSubdomain = "."

// A RedirectFunc works out where a rule redirects to from the values of the URL: text for the
// Location, relative to the script root if it is not absolute.
type RedirectFunc func(a *Adapter, values Values) (string, error)

// A Variable is a name that a match of the rule has a value for.
type Variable struct {
	Name       string       // as Values has it
	Converter  string       // its name in the rule; "" for a default that the rule does not show
	Type       reflect.Type // of the values; nil if it is not known
	Default    any          // what the rule's defaults give it; see HasDefault
	HasDefault bool         // whether they do, be it nil

	def    *Definition // nil for a default that the rule does not show
	domain bool        // the text is in the domain, not in the path
	part   int         // index in Rule.parts
	slot   int         // index among the part's variables
	custom int         // index among the values that converters of the user's have made
}

// Variables lists the rule's variables in the order of its text (domain first), then the
// defaults that are not in it, sorted by name. The slice is the rule's own: read it only.
// It is empty before Map.Add.
func (r *Rule) Variables() []Variable { return r.variables }

// AllowedMethods are the rule's methods, upper-cased and sorted; nil means any. Read it only.
func (r *Rule) AllowedMethods() []string { return r.methods }

// String is the rule's text.
func (r *Rule) String() string { return r.Rule }

// DomainRule is the rule for the subdomain or the host, after the map's defaults.
func (r *Rule) DomainRule() string { return r.domain }

// bind reads the rule for its map.
func (r *Rule) bind(m *Map) error {
	r.m = m
	if err := r.setMethods(); err != nil {
		return err
	}
	var err error
	if r.mask, err = m.methods.mask(r); err != nil {
		return err
	}
	r.domain = m.domainRule(r)
	r.strict = override(r.StrictSlashes, !m.opts.LooseSlashes)
	r.merge = override(r.MergeSlashes, !m.opts.KeepSlashes)
	if !strings.HasPrefix(r.Rule, "/") {
		return &syntaxError{FaultSyntax, "URL rule '" + r.Rule + "' must start with a slash.", ""}
	}
	if err := r.read(); err != nil {
		return err
	}
	r.addDefaults()
	if err := r.readTarget(); err != nil {
		return err
	}
	return r.prepareBuild()
}

// unbind forgets what bind has read of a rule with a mistake in it.
func (r *Rule) unbind() {
	r.m, r.methods, r.mask, r.domain = nil, nil, 0, ""
	r.parts, r.variables, r.checks, r.target = nil, nil, nil, nil
	r.custom, r.fromRule, r.builder = 0, 0, builder{}
}

func override(own *bool, general bool) bool {
	if own != nil {
		return *own
	}
	return general
}

// websocketMethods are all that a websocket's handshake can use.
var websocketMethods = []string{"GET", "HEAD", "OPTIONS"}

func (r *Rule) setMethods() error {
	if r.Methods == nil {
		return nil
	}
	r.methods = make([]string, 0, len(r.Methods)+1)
	for _, method := range r.Methods {
		if !isToken(method) {
			return &syntaxError{FaultMethod, fmt.Sprintf("%q is not a method", method), "a method is one word of ASCII letters, such as GET; several are several items of the list"}
		}
		r.methods = append(r.methods, strings.ToUpper(method))
	}
	if slices.Contains(r.methods, "GET") {
		r.methods = append(r.methods, "HEAD")
	}
	slices.Sort(r.methods)
	r.methods = slices.Compact(r.methods)
	for _, method := range r.methods {
		if r.Websocket && !slices.Contains(websocketMethods, method) {
			return &syntaxError{FaultMethod, "WebSocket rules can only use 'GET', 'HEAD', and 'OPTIONS' methods.", ""}
		}
	}
	return nil
}

// read turns the texts of the domain and the path into parts.
func (r *Rule) read() error {
	room := &r.m.room
	reader := &room.reader
	reader.reset(room.parts.take(strings.Count(r.Rule, "/") + 2)[:0])
	if r.domain == "" {
		reader.close()
	} else if err := r.readText(reader, r.domain, true); err != nil {
		return err
	}
	if err := r.readText(reader, r.path(), false); err != nil {
		return err
	}
	r.parts = reader.parts
	if reader.err != nil {
		return &syntaxError{FaultArgument, reader.err.Error(), ""}
	}
	return nil
}

// path is the rule's text as it is read.
func (r *Rule) path() string {
	if r.merge {
		return foldSlashes(r.Rule)
	}
	return r.Rule
}

func (r *Rule) readText(reader *partReader, text string, domain bool) error {
	room := &r.m.room
	tokens, err := tokenize(room.tokens[:0], text)
	if err != nil {
		return err
	}
	room.tokens = tokens
	r.builder.add(&room.steps, text, tokens, len(r.variables), domain)
	if len(r.variables) == 0 {
		r.variables = room.variables.take(variableCount(tokens))[:0]
	}
	for _, t := range tokens {
		switch t.kind {
		case tokenSlash:
			reader.slash()
		case tokenStatic:
			reader.static(t.text)
		case tokenVariable:
			v, err := r.addVariable(t)
			if err != nil {
				return err
			}
			v.domain, v.part, v.slot = domain, len(reader.parts), reader.open.vars
			reader.variable(v.def)
		}
	}
	reader.end()
	return nil
}

func (r *Rule) addVariable(t token) (*Variable, error) {
	for i := range r.variables {
		if r.variables[i].Name == t.text {
			return nil, badArgument(FaultVariable, "variable %q occurs twice; each needs a name of its own", t.text)
		}
	}
	def, err := r.m.converter(t)
	if err != nil {
		return nil, err
	}
	v := Variable{Name: t.text, Converter: t.converter, Type: def.Type, def: def}
	if def.shape.kind == shapeRegexp && def.Converter != nil {
		v.custom = r.custom
		r.custom++
	}
	if v.validated() {
		r.checks = append(r.checks, len(r.variables))
	}
	r.variables = append(r.variables, v)
	return &r.variables[len(r.variables)-1], nil
}

// validated tells whether the text can still be wrong when the regexp has matched.
func (v *Variable) validated() bool {
	switch v.def.shape.kind {
	case shapeInt, shapeFloat:
		return true
	case shapeRegexp:
		return v.def.Converter != nil
	}
	return false
}

// addDefaults joins the defaults to the variables.
func (r *Rule) addDefaults() {
	r.fromRule = len(r.variables)
	for _, name := range sortedNames(r.Defaults) {
		value := r.Defaults[name]
		if i := r.index(name); i >= 0 {
			r.variables[i].Default, r.variables[i].HasDefault = value, true
			continue
		}
		r.variables = append(r.variables,
			Variable{Name: name, Type: reflect.TypeOf(value), Default: value, HasDefault: true})
	}
}

func sortedNames(values Values) []string {
	if len(values) == 0 {
		return nil
	}
	return slices.Sorted(maps.Keys(values))
}

func (r *Rule) index(name string) int {
	for i := range r.variables {
		if r.variables[i].Name == name {
			return i
		}
	}
	return -1
}

// readTarget reads RedirectTo, if it is text.
func (r *Rule) readTarget() error {
	switch target := r.RedirectTo.(type) {
	case nil, RedirectFunc:
	case func(*Adapter, Values) (string, error):
		r.RedirectTo = RedirectFunc(target)
	case string:
		r.target = splitTarget(target)
	default:
		return badArgument(FaultArgument, "RedirectTo is a %T; it can be a string or a RedirectFunc", target)
	}
	return nil
}

// splitTarget takes "<" and ">" with anything between for a variable; its name goes to text.
func splitTarget(target string) []piece {
	var pieces []piece
	for {
		open := strings.IndexByte(target, '<')
		if open < 0 {
			return append(pieces, piece{text: target})
		}
		end := strings.IndexByte(target[open:], '>')
		switch {
		case end < 0:
			return append(pieces, piece{text: target})
		case end == 1: // no name between
			pieces = append(pieces, piece{text: target[:open+2]})
		default:
			pieces = append(pieces, piece{text: target[:open]},
				piece{text: target[open+1 : open+end], def: &Definition{}})
		}
		target = target[open+end+1:]
	}
}

// ruleError names the rule in an error from reading it.
func (r *Rule) ruleError(err error) error {
	out := &RuleError{Rule: r.Rule, Source: r.Source, Fault: FaultArgument, Reason: err.Error()}
	var syntax *syntaxError
	if errors.As(err, &syntax) {
		out.Fault, out.Reason, out.Hint = syntax.kind, syntax.reason, syntax.hint
	}
	return out
}

// sameNames tells whether two rules have the same variables and defaults by name.
func (r *Rule) sameNames(o *Rule) bool {
	if len(r.variables) != len(o.variables) {
		return false
	}
	for i := range r.variables {
		if o.index(r.variables[i].Name) < 0 {
			return false
		}
	}
	return true
}

// inRule iterates over the variables that are in the rule's text.
func (r *Rule) inRule() iter.Seq2[int, *Variable] {
	return func(yield func(int, *Variable) bool) {
		for i := range r.fromRule {
			if !yield(i, &r.variables[i]) {
				return
			}
		}
	}
}
