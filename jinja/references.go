package jinja

import (
	"slices"
	"strings"
)

// References is what a template's text refers to, for tools: checks, dependency lists, editors.
// Names that are computed while rendering are not in it. All lists are sorted and without repeats.
type References struct {
	// Templates are those that are extended, included or imported by a name in the text.
	Templates []string
	// Dynamic is true if another template's name is computed.
	Dynamic bool
	// Variables are the names that the template does not assign itself and takes from what it is
	// rendered with, from globals, or from templates it includes or extends.
	Variables []string
	// Endpoints are the first arguments of url_for, where they are text.
	Endpoints []string
	// URLs are those calls of url_for one by one, in the order of the text.
	URLs []URLReference
	// Blocks are the blocks it defines.
	Blocks []string
	// Filters and Tests are those it uses.
	Filters, Tests []string
}

// A URLReference is a call of url_for whose first argument is text.
type URLReference struct {
	Endpoint string   // as the text has it; may begin with "."
	Line     int      // from 1
	Names    []string // of the keyword arguments, in the order of the call
	Open     bool     // whether there may be more of them: **values
}

// References lists what the template refers to.
func (t *Template) References() References { return t.refs }

func collectReferences(env *Environment, body []node) References {
	r := &References{}
	scan := &nameScan{env: env, refs: r}
	scan.scope(body, nil)
	for _, n := range body {
		walk(n, func(n node) bool {
			r.note(n)
			return true
		})
	}
	slices.SortStableFunc(r.URLs, func(a, b URLReference) int { return a.Line - b.Line })
	for _, list := range []*[]string{&r.Templates, &r.Variables, &r.Endpoints, &r.Blocks, &r.Filters, &r.Tests} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return *r
}

func (r *References) note(n node) {
	switch n := n.(type) {
	case *extendsNode:
		r.template(n.template)
	case *includeNode:
		r.template(n.template)
	case *importNode:
		r.template(n.template)
	case *fromNode:
		r.template(n.template)
	case *blockNode:
		r.Blocks = append(r.Blocks, n.name)
	case *filterNode:
		r.Filters = append(r.Filters, n.name)
	case *testNode:
		r.Tests = append(r.Tests, n.name)
	case *callNode:
		r.endpoint(n)
	}
}

func (r *References) template(n node) {
	items := []node{n}
	switch n := n.(type) {
	case *listNode:
		items = n.items
	case *tupleNode:
		items = n.items
	}
	for _, item := range items {
		if k, ok := item.(*constNode); ok && k.v.isText() {
			r.Templates = append(r.Templates, k.v.s)
		} else {
			r.Dynamic = true
		}
	}
}

func (r *References) endpoint(n *callNode) {
	name, ok := n.fn.(*nameNode)
	if !ok || name.name != "url_for" || len(n.pos0()) == 0 {
		return
	}
	if k, ok := n.pos0()[0].(*constNode); ok && k.v.isText() {
		r.Endpoints = append(r.Endpoints, k.v.s)
		url := URLReference{Endpoint: k.v.s, Line: n.line, Open: n.starKws != nil || n.star != nil}
		for _, kw := range n.kw {
			url.Names = append(url.Names, kw.name)
		}
		r.URLs = append(r.URLs, url)
	}
}

func (n *callNode) pos0() []node { return n.callArgs.pos }

// A nameScan finds the names that a template does not assign itself, scope by scope.
type nameScan struct {
	env   *Environment
	refs  *References
	known []string
}

// scope scans statements in a scope of their own, in which extra is assigned already.
func (s *nameScan) scope(body []node, extra []string) {
	n := len(s.known)
	s.known = append(s.known, extra...)
	for _, stmt := range body {
		s.node(stmt)
	}
	s.known = s.known[:n]
}

func (s *nameScan) node(n node) {
	switch n := n.(type) {
	case nil:
	case *nameNode:
		s.use(n.name)
	case *setNode:
		s.node(n.v)
		s.target(n.target)
	case *setBlockNode:
		s.all(present(n.filter))
		s.scope(n.body, nil)
		s.target(n.target)
	case *importNode:
		s.node(n.template)
		s.known = append(s.known, n.target)
	case *fromNode:
		s.node(n.template)
		for _, name := range n.names {
			s.known = append(s.known, name[1])
		}
	case *ifNode:
		s.node(n.test)
		s.all(n.body)
		for _, e := range n.elifs {
			s.node(e)
		}
		s.all(n.els)
	default:
		s.scoped(n)
	}
}

// scoped scans the statements that open a scope, and expressions.
func (s *nameScan) scoped(n node) {
	switch n := n.(type) {
	case *forNode:
		s.node(n.iter)
		var names []string
		targetNames(n.target, func(name string) { names = append(names, name) })
		s.scope(present(n.test), names)
		s.scope(n.body, append(names, "loop"))
		s.scope(n.els, nil)
	case *withNode:
		s.all(n.vals)
		var names []string
		for _, t := range n.targets {
			targetNames(t, func(name string) { names = append(names, name) })
		}
		s.scope(n.body, names)
	case *macroNode:
		s.known = append(s.known, n.name)
		s.scope(concatNodes(n.defaults, n.body), append(paramNames(n.params), "caller", "varargs", "kwargs"))
	case *callBlockNode:
		s.node(n.call)
		s.scope(concatNodes(n.defaults, n.body), paramNames(n.params))
	case *filterBlockNode:
		s.all(present(n.filter))
		s.scope(n.body, nil)
	case *autoescapeNode:
		s.node(n.mode)
		s.scope(n.body, nil)
	case *blockNode:
		s.scope(n.body, []string{"super"})
	default:
		s.all(children(n))
	}
}

func (s *nameScan) all(nodes []node) {
	for _, n := range nodes {
		s.node(n)
	}
}

func (s *nameScan) target(n node) {
	targetNames(n, func(name string) { s.known = append(s.known, name) })
}

func (s *nameScan) use(name string) {
	if name == "self" || slices.Contains(s.known, name) {
		return
	}
	if _, builtin := builtinGlobals[name]; builtin {
		return
	}
	s.refs.Variables = append(s.refs.Variables, name)
}

func paramNames(params []*nameNode) []string {
	var out []string
	for _, p := range params {
		out = append(out, p.name)
	}
	return out
}

// Names lists the templates that the environment's loader knows, if it can tell: only those with
// one of the suffixes, or all without any.
func (env *Environment) Names(suffixes ...string) ([]string, error) {
	lister, ok := env.opts.Loader.(Lister)
	if !ok {
		return nil, nil
	}
	all, err := lister.List()
	if err != nil || len(suffixes) == 0 {
		return all, err
	}
	return slices.DeleteFunc(all, func(name string) bool {
		return !slices.ContainsFunc(suffixes, func(s string) bool { return strings.HasSuffix(name, s) })
	}), nil
}

// Check compiles all templates that the loader can list, and those they refer to by name, and
// returns everything that is wrong, in the order of the names. nil means that nothing is.
func (env *Environment) Check(suffixes ...string) []error {
	names, err := env.Names(suffixes...)
	if err != nil {
		return []error{err}
	}
	var errs []error
	for _, name := range names {
		t, err := env.Template(name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		errs = append(errs, env.CheckReferences(t)...)
	}
	return errs
}

// CheckReferences reports the templates that t names and no loader has, each as an *Error. Alternatives in a
// list and includes with "ignore missing" may be missing.
func (env *Environment) CheckReferences(t *Template) []error {
	var errs []error
	for _, m := range t.required {
		if _, err := env.Template(m.name); IsNotFound(err) {
			e := *notFound(m.name)
			e.Template, e.Line, e.Source = t.name, m.line, sourceLine(t.src, m.line)
			errs = append(errs, &e)
		}
	}
	return errs
}

// A requirement is a template that another cannot do without, and the line that says so.
type requirement struct {
	name string
	line int
}

func requirements(body []node) []requirement {
	var out []requirement
	add := func(n node, line int) {
		if k, ok := n.(*constNode); ok && k.v.isText() {
			out = append(out, requirement{k.v.s, line})
		}
	}
	for _, n := range body {
		walk(n, func(n node) bool {
			switch n := n.(type) {
			case *extendsNode:
				add(n.template, n.line)
			case *importNode:
				add(n.template, n.line)
			case *fromNode:
				add(n.template, n.line)
			case *includeNode:
				if !n.ignore {
					add(n.template, n.line)
				}
			}
			return true
		})
	}
	return out
}
