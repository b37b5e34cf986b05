package carafe

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"sync"
	"sync/atomic"

	"github.com/carafeweb/carafe/jinja"
)

// templating is what set-up has told the app about its templates.
type templating struct {
	folders                 []TemplateFolder // of blueprints
	filters, tests, globals map[string]any

	mu   sync.Mutex // while opening
	open atomic.Pointer[openTemplates]
}

// A TemplateFunc says what a function is for templates.
type TemplateFunc int

const (
	TemplateFilter TemplateFunc = iota // {{ value|name }}
	TemplateTest                       // {% if value is name %}
	TemplateGlobal                     // {{ name(…) }}, or any value
)

// String is the name of the App's method for it.
func (k TemplateFunc) String() string {
	return [...]string{"TemplateFilter", "TemplateTest", "TemplateGlobal"}[k]
}

// TemplateFilter registers f as a filter for all templates: a function of the value and of further arguments that returns a
// result, or a result and an error, which becomes the template's. Its first parameter may be a *Context (nil outside of
// a request) or a context.Context, which the template does not pass. The last one registered under a name wins, also over a
// filter that the engine has. "" means the function's own name.
//
//	app.TemplateFilter("reverse", func(s string) string { … })      // {{ name|reverse }}
//
// Source: Flask.template_filter.
func (a *App) TemplateFilter(name string, f any) { a.addTemplateFunc(TemplateFilter, name, f) }

// TemplateTest registers f as a test for all templates: like a filter's, but its result is a bool.
//
// Source: Flask.template_test.
func (a *App) TemplateTest(name string, f any) { a.addTemplateFunc(TemplateTest, name, f) }

// TemplateGlobal registers v as a name in all templates, below what processors and views pass: any value, or a function
// to be called, with or without parameters, as a filter's otherwise.
//
//	app.TemplateGlobal("user", func(c *carafe.Context) *User { return currentUser.Get(c) })      // {{ user().name }}
//
// Source: Flask.template_global.
func (a *App) TemplateGlobal(name string, v any) { a.addTemplateFunc(TemplateGlobal, name, v) }

func (a *App) addTemplateFunc(kind TemplateFunc, name string, v any) {
	a.setup(kind.String(), func(site Site) error { return (&Registrar{app: a, site: site}).AddTemplateFunc(kind, name, v) })
}

// AddTemplateFunc registers v with the app, as its method that kind names does.
func (r *Registrar) AddTemplateFunc(kind TemplateFunc, name string, v any) error {
	if name == "" && reflect.ValueOf(v).Kind() == reflect.Func {
		name = viewName(v)
	}
	if err := checkTemplateFunc(kind, name, v); err != nil {
		return err
	}
	tm := &r.app.templating
	table := [...]*map[string]any{&tm.filters, &tm.tests, &tm.globals}[kind]
	changed := maps.Clone(*table) // engines that are open have the old one
	if changed == nil {
		changed = map[string]any{}
	}
	changed[name] = v
	*table = changed
	tm.open.Store(nil)
	return nil
}

// AddTemplates lets a blueprint's templates be found after those of the app and of the blueprints before it.
func (r *Registrar) AddTemplates(name string, t Templates) error {
	if err := t.check(); err != nil {
		return err
	}
	f := TemplateFolder{Owner: "blueprint " + name}
	f.place(r.app.rootPath, &t)
	r.app.templating.folders = append(r.app.templating.folders, f)
	r.app.templating.open.Store(nil)
	return nil
}

// check says what is wrong with the option.
func (t *Templates) check() error {
	if (t.Dir == "") == (t.FS == nil) {
		return fmt.Errorf("carafe.Templates has Dir %q and FS %T: give one of them", t.Dir, t.FS)
	}
	return nil
}

// checkTemplates is what is wrong with the templates as a whole: for Freeze.
func (a *App) checkTemplates() error {
	if a.templates != nil {
		if err := a.templates.check(); err != nil {
			return fmt.Errorf("carafe: %w", err)
		}
	}
	_, err := a.openTemplates(nil)
	return err
}

var templateName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// checkTemplateFunc says why v cannot be what it is registered as.
func checkTemplateFunc(kind TemplateFunc, name string, v any) error {
	switch t := reflect.TypeOf(v); {
	case name == "":
		return fmt.Errorf("%s of a %T without a name: give it one, as it has none of its own", kind, v)
	case !templateName.MatchString(name):
		return fmt.Errorf("%s %q: a template cannot call that; give a name of letters, digits and _", kind, name)
	case kind == TemplateGlobal && (t == nil || t.Kind() != reflect.Func):
		return nil
	case t == nil || t.Kind() != reflect.Func || reflect.ValueOf(v).IsNil():
		return fmt.Errorf("%s %q is a %T: give a function", kind, name, v)
	default:
		return checkTemplateSignature(kind, name, t)
	}
}

func checkTemplateSignature(kind TemplateFunc, name string, t reflect.Type) error {
	if kind == TemplateGlobal && (t.CanSeq() || t.CanSeq2()) {
		return nil // a sequence to run over
	}
	params := t.NumIn()
	if takesContext(t) {
		params--
	}
	switch {
	case t.NumOut() == 0 || t.NumOut() > 2 || t.NumOut() == 2 && t.Out(1) != typeError || t.NumOut() == 1 && t.Out(0) == typeError:
		return fmt.Errorf("%s %q is a %v: it must return a result, or a result and an error", kind, name, t)
	case kind != TemplateGlobal && params == 0:
		return fmt.Errorf("%s %q is a %v: it must take the value", kind, name, t)
	case kind == TemplateTest && t.Out(0).Kind() != reflect.Bool:
		return fmt.Errorf("%s %q is a %v: it must return a bool", kind, name, t)
	}
	return nil
}

var typeJinjaContext = reflect.TypeFor[*jinja.Context]()

// takesContext says whether the first parameter is not the template's to give.
func takesContext(t reflect.Type) bool {
	return t.NumIn() > 0 && (t.In(0) == typeContext || t.In(0) == typeStdCtx || t.In(0) == typeJinjaContext)
}

// contextArgument is the first argument of a function that wants a context of the type.
func (s *TemplateScope) contextArgument(t reflect.Type) reflect.Value {
	if t == typeContext {
		return reflect.ValueOf(s.Context)
	}
	ctx := reflect.New(t).Elem()
	ctx.Set(reflect.ValueOf(s.context()))
	return ctx
}

// withoutContext is a function like fn whose first parameter is given by scope, or is lead if that is not nil and then handed to
// scope: what an engine can call that knows nothing of Carafe.
func withoutContext(fn any, lead reflect.Type, scope func(in []reflect.Value) *TemplateScope) any {
	v := reflect.ValueOf(fn)
	t := v.Type()
	var in, out []reflect.Type
	if lead != nil {
		in = append(in, lead)
	}
	for i := 1; i < t.NumIn(); i++ {
		in = append(in, t.In(i))
	}
	for i := range t.NumOut() {
		out = append(out, t.Out(i))
	}
	leads, wanted := len(in)-(t.NumIn()-1), t.In(0)
	call := v.Call
	if t.IsVariadic() {
		call = v.CallSlice
	}
	return reflect.MakeFunc(reflect.FuncOf(in, out, t.IsVariadic()), func(args []reflect.Value) []reflect.Value {
		given := append([]reflect.Value{scope(args).contextArgument(wanted)}, args[leads:]...)
		return call(given)
	}).Interface()
}
