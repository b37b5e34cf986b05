package carafe

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"io"
	"maps"
	"reflect"
	"slices"
	"sync"
	"text/template/parse"
)

// HTMLTemplates is the engine that stands on html/template, for those who prefer its language and its escaping by context. The zero
// value is ready; it may serve several apps.
//
// A page names the files that it needs, as templates: its layout first, and what it defines goes into the layout's blocks.
//
//	{{ template "layout.html" . }}                     // page.html
//	{{ define "title" }}Users{{ end }}
//	{{ define "content" }}{{ range .users }}{{ template "partials/row.html" . }}{{ end }}{{ end }}
//
// Each page is a set of its own with what it names, at any depth: two pages may define one block. What is nearer to the page wins.
// Dot is the data of the render. Everything else is a function, so that partials have it too, whatever their dot is: url_for, request,
// session, g, config, get_flashed_messages, csrf_token, and the app's filters, tests and globals.
type HTMLTemplates struct {
	Funcs       template.FuncMap // beside the app's, which win
	Left, Right string           // the delimiters; "" means {{ and }}
	Strict      bool             // a key that the data does not have is an error
}

// Open implements [TemplateEngine].
func (e *HTMLTemplates) Open(env *TemplateEnv) (TemplateSet, error) {
	set := &htmlSet{engine: *e, env: env, stub: (&htmlInstance{}).funcs(nil)}
	set.user = maps.Clone(e.Funcs)
	if set.user == nil {
		set.user = template.FuncMap{}
	}
	for _, table := range []map[string]any{env.Filters, env.Tests, env.Globals} {
		for name, v := range table {
			f, err := htmlFunc(name, v)
			if err != nil {
				return nil, err
			}
			set.user[name] = f
		}
	}
	maps.Copy(set.stub, set.user)
	return set, nil
}

// htmlFunc is what is registered as a function that html/template takes; a context is still to be given to it.
func htmlFunc(name string, v any) (any, error) {
	t := reflect.TypeOf(v)
	switch {
	case t == nil || t.Kind() != reflect.Func || t.CanSeq() || t.CanSeq2():
		return func() any { return v }, nil
	case takesContext(t) && t.In(0) == typeJinjaContext:
		return nil, fmt.Errorf("the function %q takes a *jinja.Context, which html/template does not have: take a *carafe.Context", name)
	}
	return v, nil
}

// htmlSet is an app's templates.
type htmlSet struct {
	engine HTMLTemplates
	env    *TemplateEnv
	user   template.FuncMap // of the app
	stub   template.FuncMap // all, for compiling
	pages  sync.Map         // of string to *htmlPage
}

// Template implements [TemplateSet].
func (s *htmlSet) Template(names ...string) (Template, error) {
	for _, name := range names {
		page, err := s.page(name)
		if err != errNoPage {
			return page, err
		}
	}
	return nil, s.env.NotFound(names, nil)
}

// errNoPage says that there is no file of the page's name.
var errNoPage = errors.New("carafe: no such page")

func (s *htmlSet) page(name string) (Template, error) {
	if p, ok := s.pages.Load(name); ok && !(s.env.AutoReload && p.(*htmlPage).changed()) {
		return p.(*htmlPage), nil
	}
	src, err := s.env.Load(name)
	switch {
	case isNotExist(err):
		return nil, errNoPage
	case err != nil:
		return nil, fmt.Errorf("template %q: %w", name, err)
	}
	p, err := s.compile(name, src)
	if err != nil {
		return nil, err
	}
	s.pages.Store(name, p)
	return p, nil
}

// FromString implements [TemplateSet].
func (s *htmlSet) FromString(source string) (Template, error) {
	p, err := s.compile("", &TemplateSource{Text: source})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// htmlPage is a page with all that it needs. It is never executed itself: its copies are, each of which has its functions bound to an
// instance.
type htmlPage struct {
	set     *htmlSet
	name    string
	root    *template.Template
	sources []*TemplateSource
	free    sync.Pool // of *htmlInstance
}

// unnamed is what html/template calls a page from a string in its errors.
const unnamed = "<template>"

// compile parses a page and what it names.
func (s *htmlSet) compile(name string, src *TemplateSource) (*htmlPage, error) {
	p := &htmlPage{set: s, name: name}
	label := name
	if label == "" {
		label = unnamed
	}
	p.root = template.New(label).Funcs(s.stub)
	if s.engine.Strict {
		p.root.Option("missingkey=error")
	}
	if err := p.add(label, src, map[string]bool{label: true}); err != nil {
		return nil, err
	}
	if err := p.checkCalls(); err != nil {
		return nil, err
	}
	in, err := p.instance()
	if err != nil {
		return nil, err
	}
	p.free.Put(in)
	return p, nil
}

// checkCalls finds a template that is named and that neither a file nor a definition gives.
func (p *htmlPage) checkCalls() error {
	for _, t := range p.root.Templates() {
		if t.Tree == nil {
			continue
		}
		for _, call := range templateCalls([]*template.Template{t}) {
			if p.root.Lookup(call.Name) == nil {
				where, text := t.Tree.ErrorContext(call)
				return p.set.env.NotFound([]string{call.Name}, fmt.Errorf("%s: named in %s", where, text))
			}
		}
	}
	return nil
}

// add parses a file and adds its templates after those of the files that it names: the nearer to the page wins.
func (p *htmlPage) add(name string, src *TemplateSource, seen map[string]bool) error {
	p.sources = append(p.sources, src)
	file, err := template.New(name).Funcs(p.set.stub).Delims(p.set.engine.Left, p.set.engine.Right).Parse(src.Text)
	if err != nil {
		return err
	}
	var own []*template.Template
	for _, t := range file.Templates() {
		if t.Tree != nil {
			own = append(own, t)
		}
	}
	for _, call := range templateCalls(own) {
		if seen[call.Name] || file.Lookup(call.Name) != nil {
			continue
		}
		seen[call.Name] = true
		if err := p.require(name, call, seen); err != nil {
			return err
		}
	}
	for _, t := range own {
		if parse.IsEmptyTree(t.Tree.Root) && p.root.Lookup(t.Name()) != nil && t.Name() != name {
			continue // as html/template does: an empty definition does not replace another
		}
		if _, err := p.root.AddParseTree(t.Name(), t.Tree); err != nil {
			return err
		}
	}
	return nil
}

// require adds the file that a template names, unless it is a block that somebody else defines.
func (p *htmlPage) require(by string, call *parse.TemplateNode, seen map[string]bool) error {
	src, err := p.set.env.Load(call.Name)
	switch {
	case err == nil:
		return p.add(call.Name, src, seen)
	case isNotExist(err):
		return nil
	}
	return fmt.Errorf("template %q, which %q names: %w", call.Name, by, err)
}

// templateCalls are the {{ template }} actions, in their order.
func templateCalls(list []*template.Template) []*parse.TemplateNode {
	var calls []*parse.TemplateNode
	for _, t := range list {
		walkTree(t.Tree.Root, func(n *parse.TemplateNode) { calls = append(calls, n) })
	}
	slices.SortStableFunc(calls, func(a, b *parse.TemplateNode) int { return int(a.Pos - b.Pos) })
	return calls
}

func walkTree(n parse.Node, visit func(*parse.TemplateNode)) {
	switch n := n.(type) {
	case *parse.ListNode:
		if n != nil {
			for _, child := range n.Nodes {
				walkTree(child, visit)
			}
		}
	case *parse.TemplateNode:
		visit(n)
	case *parse.IfNode:
		walkBranch(&n.BranchNode, visit)
	case *parse.RangeNode:
		walkBranch(&n.BranchNode, visit)
	case *parse.WithNode:
		walkBranch(&n.BranchNode, visit)
	}
}

func walkBranch(n *parse.BranchNode, visit func(*parse.TemplateNode)) {
	walkTree(n.List, visit)
	walkTree(n.ElseList, visit)
}

func (p *htmlPage) changed() bool {
	return slices.ContainsFunc(p.sources, func(src *TemplateSource) bool { return src.Changed != nil && src.Changed() })
}

// Name implements [Template].
func (p *htmlPage) Name() string { return p.name }

// htmlBuffers are pages in the making; nobody outside of Append sees one.
var htmlBuffers = sync.Pool{New: func() any { return &bytes.Buffer{} }}

// Append implements [Template].
func (p *htmlPage) Append(dst []byte, s *TemplateScope) ([]byte, error) {
	b := htmlBuffers.Get().(*bytes.Buffer)
	defer func() {
		if b.Cap() <= 1<<20 {
			b.Reset()
			htmlBuffers.Put(b)
		}
	}()
	if err := p.Stream(b, s); err != nil {
		return dst, err
	}
	return append(dst, b.Bytes()...), nil
}

// Stream implements [Template].
func (p *htmlPage) Stream(w io.Writer, s *TemplateScope) error {
	in, _ := p.free.Get().(*htmlInstance)
	if in == nil {
		var err error
		if in, err = p.instance(); err != nil {
			return err
		}
	}
	in.scope = s
	err := in.t.Execute(w, s.Data)
	in.scope = nil
	p.free.Put(in)
	return err
}

// An htmlInstance is a copy of a page for one render at a time: html/template has no other way to give functions something that
// differs from one render to the next. Copies are kept; there are as many as renders at once.
type htmlInstance struct {
	t     *template.Template
	scope *TemplateScope
}

// instance makes a copy.
func (p *htmlPage) instance() (*htmlInstance, error) {
	t, err := p.root.Clone()
	if err != nil {
		return nil, err
	}
	in := &htmlInstance{t: t}
	t.Funcs(in.funcs(p.set.user))
	return in, nil
}

// funcs are the functions of Carafe, and those of the app that want a context, bound to the instance.
func (in *htmlInstance) funcs(user template.FuncMap) template.FuncMap {
	funcs := template.FuncMap{
		"url_for": func(endpoint string, values ...any) (string, error) { return in.scope.URLFor(endpoint, values...) },
		"request": func() (*Request, error) {
			c, err := in.request()
			if err != nil {
				return nil, err
			}
			return c.Request, nil
		},
		"session": func() (*Session, error) {
			c, err := in.request()
			if err != nil {
				return nil, err
			}
			return c.Session(), nil
		},
		"g":      in.globals,
		"config": func() map[string]any { return mappingMap(configView{&in.scope.App.Config}) },
		"get_flashed_messages": func(categories ...string) ([]FlashMessage, error) {
			c, err := in.request()
			if err != nil {
				return nil, err
			}
			return c.FlashedMessages(categories...), nil
		},
		"csrf_token": in.csrfToken,
	}
	for name, f := range user {
		if t := reflect.TypeOf(f); takesContext(t) && t.In(0) != typeJinjaContext {
			f = withoutContext(f, nil, func([]reflect.Value) *TemplateScope { return in.scope })
		}
		funcs[name] = f
	}
	return funcs
}

func (in *htmlInstance) request() (*Context, error) {
	if in.scope.Context == nil {
		return nil, errNoRequest
	}
	return in.scope.Context, nil
}

func (in *htmlInstance) globals() (map[string]any, error) {
	if in.scope.AppContext == nil {
		return nil, errNoRequest
	}
	return mappingMap(globalsView{in.scope.AppContext.G()}), nil
}

func (in *htmlInstance) csrfToken() (string, error) {
	if t := csrfTokener(in.scope.Context); t != nil {
		return t.CSRFToken(), nil
	}
	return "", errNoRequest
}
