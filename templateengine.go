package carafe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// A TemplateEngine turns the templates of an app into pages. There are two: [JinjaTemplates], the default, and [HTMLTemplates].
type TemplateEngine interface {
	// Open makes the templates of an app, without reading any yet. It fails if a function that env has cannot be used.
	Open(env *TemplateEnv) (TemplateSet, error)
}

// A TemplateSet is the templates of one app. It is used by many requests at once.
type TemplateSet interface {
	// Template is the first of several names that there is, compiled when it is first asked for and kept. If there is none the
	// error is that of [TemplateEnv.NotFound].
	Template(names ...string) (Template, error)
	// FromString compiles the text of a template that has no name.
	FromString(source string) (Template, error)
}

// A Template is compiled. It is used by many requests at once. Errors name the template, the line and the expression that failed.
type Template interface {
	// Name is "" for a template made from a string.
	Name() string
	// Append renders and appends the page to dst, all or nothing.
	Append(dst []byte, s *TemplateScope) ([]byte, error)
	// Stream writes each piece as soon as it is made. An error of w ends it, and is returned.
	Stream(w io.Writer, s *TemplateScope) error
}

// A TemplateScope is what one render is about.
type TemplateScope struct {
	App        *App           // whose page it is; never nil
	Context    *Context       // nil outside of a request
	AppContext *AppContext    // nil only where there is no context at all
	Data       map[string]any // what processors gave and what was passed; may be nil, and is not changed
}

// context is what functions of the template get as a context.Context.
func (s *TemplateScope) context() context.Context {
	switch {
	case s.Context != nil:
		return s.Context
	case s.AppContext != nil:
		return s.AppContext
	}
	return context.Background()
}

// URLFor builds a URL as [Context.URLFor] does, or outside of a request as [App.URLFor]; what that panics with is an error here.
func (s *TemplateScope) URLFor(endpoint string, values ...any) (string, error) {
	return s.App.urlFor(s.Context, endpoint, values)
}

// errNoRequest is what a template gets that asks for the request's own where there is none.
var errNoRequest = errors.New("carafe: this needs a request, and the template is rendered outside of one")

// A TemplateEnv is what an app has for its templates.
type TemplateEnv struct {
	// App is whose templates they are.
	App *App
	// Folders are where templates are looked for, in this order.
	Folders []TemplateFolder
	// AutoReload says that a template which has changed is to be read again.
	AutoReload bool
	// Filters, Tests and Globals are what the app and its blueprints have registered; see [App.TemplateFilter].
	Filters, Tests, Globals map[string]any

	explain   *Context // whose lookups are logged; nil for none
	explained bool
}

// openTemplates are an app's templates once a render has asked for them.
type openTemplates struct {
	set     TemplateSet
	env     *TemplateEnv
	mu      sync.Mutex
	strings map[string]Template
}

// keptStrings is how many templates made from strings are kept. Programs have a few; more are made on the fly.
const keptStrings = 100

// openTemplates opens the templates, once for as long as set-up does not change what they are made of.
func (a *App) openTemplates(c *Context) (*openTemplates, error) {
	if a.Config.ExplainTemplateLoading {
		env := a.templateEnv()
		env.explain, env.explained = c, true
		return a.openWith(env)
	}
	if open := a.templating.open.Load(); open != nil && open.env.AutoReload == a.reloadsTemplates() {
		return open, nil
	}
	a.templating.mu.Lock()
	defer a.templating.mu.Unlock()
	if open := a.templating.open.Load(); open != nil && open.env.AutoReload == a.reloadsTemplates() {
		return open, nil
	}
	open, err := a.openWith(a.templateEnv())
	if err == nil {
		a.templating.open.Store(open)
	}
	return open, err
}

func (a *App) openWith(env *TemplateEnv) (*openTemplates, error) {
	engine := a.Templates
	if engine == nil {
		engine = &JinjaTemplates{}
	}
	set, err := engine.Open(env)
	if err != nil {
		return nil, fmt.Errorf("carafe: the template engine: %w", err)
	}
	return &openTemplates{set: set, env: env, strings: map[string]Template{}}, nil
}

// find is the template that v is to be made of.
func (o *openTemplates) find(v rendering) (Template, error) {
	if v.names != nil {
		return o.set.Template(v.names...)
	}
	o.mu.Lock()
	t := o.strings[v.source]
	o.mu.Unlock()
	if t != nil {
		return t, nil
	}
	t, err := o.set.FromString(v.source)
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.strings) == keptStrings {
		clear(o.strings)
	}
	o.strings[v.source] = t
	return t, nil
}

func (a *App) reloadsTemplates() bool {
	if a.Config.TemplatesAutoReload != nil {
		return *a.Config.TemplatesAutoReload
	}
	return a.Config.Debug
}

// templateEnv is what the app has now.
func (a *App) templateEnv() *TemplateEnv {
	tm := &a.templating
	own := TemplateFolder{Owner: "app " + a.name}
	own.place(a.rootPath, a.templates)
	return &TemplateEnv{
		App: a, Folders: append([]TemplateFolder{own}, tm.folders...), AutoReload: a.reloadsTemplates(),
		Filters: tm.filters, Tests: tm.tests, Globals: tm.globals,
	}
}

// place fills in where the folder is: what the option says, else "templates".
func (f *TemplateFolder) place(root string, t *Templates) {
	dir := "templates"
	if t != nil {
		if f.FS = t.FS; f.FS != nil {
			f.Place = fmt.Sprintf("%T", f.FS)
			return
		}
		dir = t.Dir
	}
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(root, dir)
	}
	f.Place, f.FS = dir, os.DirFS(dir)
}

// TemplateNames are the names of all templates of the app and its blueprints, sorted.
//
// Source: DispatchingJinjaLoader.list_templates.
func (a *App) TemplateNames() ([]string, error) {
	open, err := a.openTemplates(nil)
	if err != nil {
		return nil, err
	}
	if l, ok := open.set.(interface{ Names() ([]string, error) }); ok {
		return l.Names()
	}
	return open.env.Names()
}
