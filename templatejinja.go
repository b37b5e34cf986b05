package carafe

import (
	"errors"
	"fmt"
	"html/template"
	"io"
	"maps"
	"reflect"
	"slices"

	"github.com/carafeweb/carafe/jinja"
)

// JinjaTemplates is the engine an app has by default: Jinja2's language, with Flask's names and Flask's rule of escaping. The
// zero value is ready; it may serve several apps.
//
//	app.Templates = &carafe.JinjaTemplates{Options: jinja.Options{Extensions: []string{"do"}, TrimBlocks: true}}
//
// Source: flask.templating.Environment, Flask.create_jinja_environment.
type JinjaTemplates struct {
	// Options are the engine's. A Loader takes the place of the app's and the blueprints' folders; AutoReload adds to
	// what the config says; filters, tests and globals are there beside the app's, which win. JSON nil means the app's provider.
	Options jinja.Options
}

// Open implements [TemplateEngine].
func (e *JinjaTemplates) Open(env *TemplateEnv) (TemplateSet, error) {
	o := e.Options
	own := o.Loader == nil
	if own {
		o.Loader = jinjaLoader{env}
	}
	o.AutoReload = o.AutoReload || env.AutoReload
	o.Filters = jinjaFuncs(o.Filters, env.Filters)
	o.Tests = jinjaFuncs(o.Tests, env.Tests)
	o.Globals = jinjaFuncs(jinjaGlobals, o.Globals, env.Globals)
	if std, ok := env.App.JSON.(*StdJSON); o.JSON == nil && o.JSONValue == nil {
		if ok {
			o.JSONValue = std.Marshal
		} else {
			o.JSON = env.App.JSON.Marshal
		}
	}
	engine, err := jinja.New(o)
	if err != nil {
		return nil, err
	}
	return &jinjaSet{engine, env, own}, nil
}

// jinjaFuncs joins tables, of which later ones win, and has functions that want a context of ours get it from the render.
func jinjaFuncs(tables ...map[string]any) map[string]any {
	all := map[string]any{}
	for _, table := range tables {
		maps.Copy(all, table)
	}
	for name, f := range all {
		if t := reflect.TypeOf(f); t != nil && t.Kind() == reflect.Func && takesContext(t) && t.In(0) != typeJinjaContext {
			all[name] = withoutContext(f, typeJinjaContext, func(in []reflect.Value) *TemplateScope {
				return scopeOf(in[0].Interface().(*jinja.Context))
			})
		}
	}
	return all
}

// scopeOf is what the render is about that calls a function.
func scopeOf(c *jinja.Context) *TemplateScope { return c.Bound().(*TemplateScope) }

// jinjaSet is an app's templates.
type jinjaSet struct {
	engine *jinja.Environment
	env    *TemplateEnv
	own    bool // the folders are the env's
}

// Template implements [TemplateSet].
func (s *jinjaSet) Template(names ...string) (Template, error) {
	var t *jinja.Template
	var err error
	if len(names) == 1 {
		t, err = s.engine.Template(names[0])
	} else {
		t, err = s.engine.Select(names...)
	}
	if err != nil {
		return nil, s.fault(err, false)
	}
	return jinjaTemplate{t, s}, nil
}

// FromString implements [TemplateSet].
func (s *jinjaSet) FromString(source string) (Template, error) {
	t, err := s.engine.FromString(source)
	if err != nil {
		return nil, s.fault(err, false)
	}
	return jinjaTemplate{t, s}, nil
}

// Names lists the templates.
func (s *jinjaSet) Names() ([]string, error) {
	if s.own {
		return s.env.Names()
	}
	return s.engine.Names()
}

// fault says of a template that is missing where it was looked for. named says that another template asked for it.
func (s *jinjaSet) fault(err error, named bool) error {
	var e *jinja.Error
	if !s.own || !errors.As(err, &e) || !jinja.IsNotFound(e) {
		return err
	}
	if !named {
		return s.env.NotFound(e.Names, nil)
	}
	return s.env.NotFound(e.Names, e)
}

// jinjaTemplate is one of them.
type jinjaTemplate struct {
	t   *jinja.Template
	set *jinjaSet
}

// Name implements [Template].
func (t jinjaTemplate) Name() string { return t.t.Name() }

// Append implements [Template].
func (t jinjaTemplate) Append(dst []byte, s *TemplateScope) ([]byte, error) {
	dst, err := t.t.Bind(s).Append(dst, s.Data)
	if err != nil {
		return dst, t.set.fault(err, true)
	}
	return dst, nil
}

// Stream implements [Template].
func (t jinjaTemplate) Stream(w io.Writer, s *TemplateScope) error {
	if err := t.t.Bind(s).StreamTo(w, s.Data); err != nil {
		return t.set.fault(err, true)
	}
	return nil
}

// jinjaLoader looks in the folders.
type jinjaLoader struct{ env *TemplateEnv }

// Load implements jinja.Loader.
func (l jinjaLoader) Load(name string) (jinja.Source, error) {
	src, err := l.env.Load(name)
	if err != nil {
		return jinja.Source{}, err
	}
	return jinja.Source{Text: src.Text, File: src.File, UpToDate: func() bool { return !src.Changed() }}, nil
}

// List implements jinja.Lister.
func (l jinjaLoader) List() ([]string, error) { return l.env.Names() }

// jinjaGlobals are the names that every template has, also a macro that is imported without context.
//
// Source: Flask.create_jinja_environment, flask.templating._default_template_ctx_processor.
var jinjaGlobals = map[string]any{
	"url_for":              jinja.Function(jinjaURLFor),
	"get_flashed_messages": inRequest(func(*TemplateScope) any { return jinja.Function(jinjaFlashes) }),
	"request":              inRequest(func(s *TemplateScope) any { return requestView{s.Context.Request, s.Context} }),
	"session":              inRequest(func(s *TemplateScope) any { return sessionView{s.Context} }),
	"config":               jinja.Live(func(b any) (any, bool) { return configView{&b.(*TemplateScope).App.Config}, true }),
	"g": jinja.Live(func(b any) (any, bool) {
		if ac := b.(*TemplateScope).AppContext; ac != nil {
			return globalsView{ac.G()}, true
		}
		return nil, false
	}),
	"csrf_token": jinja.Live(func(b any) (any, bool) {
		s := b.(*TemplateScope)
		if t := csrfTokener(s.Context); t != nil {
			return t.CSRFToken, true
		}
		return nil, false
	}),
}

// inRequest is a global that is undefined outside of a request.
func inRequest(get func(*TemplateScope) any) jinja.Live {
	return func(b any) (any, bool) {
		s := b.(*TemplateScope)
		if s.Context == nil {
			return nil, false
		}
		return get(s), true
	}
}

// csrfTokener is the context if it makes CSRF tokens, nil if it does not or is nil.
func csrfTokener(c *Context) interface{ CSRFToken() string } {
	if c == nil {
		return nil
	}
	t, _ := any(c).(interface{ CSRFToken() string })
	return t
}

// jinjaURLFor is url_for(endpoint, name=value, …).
//
// Unlike Flask, an undefined value is none, so that one that a rule needs is missing and not an empty part of the path.
func jinjaURLFor(c *jinja.Context, args []any, kw []jinja.Keyword) (any, error) {
	if len(args) != 1 {
		return nil, fmt.Errorf("url_for() takes the endpoint and then named values, but has %s without a name", plural(len(args), "argument"))
	}
	endpoint, ok := plainText(args[0]).(string)
	if !ok {
		return nil, fmt.Errorf("url_for(): the endpoint is a %T, not a text", args[0])
	}
	values := make([]any, 0, 2*len(kw))
	for _, k := range kw {
		values = append(values, k.Name, plainText(k.Value))
	}
	return scopeOf(c).URLFor(endpoint, values...)
}

// plainText is safe HTML as the text that it is, also in a list.
func plainText(v any) any {
	switch v := v.(type) {
	case template.HTML:
		return string(v)
	case []any:
		v = slices.Clone(v)
		for i := range v {
			v[i] = plainText(v[i])
		}
		return v
	}
	return v
}

// jinjaFlashes is get_flashed_messages(with_categories=false, category_filter=()).
func jinjaFlashes(c *jinja.Context, args []any, kw []jinja.Keyword) (any, error) {
	names := []string{"with_categories", "category_filter"}
	given := map[string]any{}
	for i, v := range args {
		if i == len(names) {
			return nil, errors.New("get_flashed_messages() takes with_categories and category_filter only")
		}
		given[names[i]] = v
	}
	for _, k := range kw {
		if _, twice := given[k.Name]; twice || !slices.Contains(names, k.Name) {
			return nil, fmt.Errorf("get_flashed_messages() got %q twice, or does not know it: it takes with_categories and category_filter", k.Name)
		}
		given[k.Name] = k.Value
	}
	categories, err := flashCategories(given["category_filter"])
	if err != nil {
		return nil, err
	}
	return flashList(scopeOf(c).Context.FlashedMessages(categories...), given["with_categories"]), nil
}

// flashCategories reads a list of categories, or one; none means all.
func flashCategories(v any) ([]string, error) {
	switch v := plainText(v).(type) {
	case nil:
		return nil, nil
	case string:
		return []string{v}, nil
	case []string:
		return v, nil
	case []any:
		list := make([]string, len(v))
		for i := range v {
			s, ok := v[i].(string)
			if !ok {
				return nil, fmt.Errorf("get_flashed_messages(): the category %v is a %T, not a text", v[i], v[i])
			}
			list[i] = s
		}
		return list, nil
	}
	return nil, fmt.Errorf("get_flashed_messages(): category_filter is a %T, not a list", v)
}

// flashList is the messages, or pairs of category and message.
func flashList(messages []FlashMessage, pairs any) []any {
	list := make([]any, len(messages))
	for i, m := range messages {
		list[i] = m.Message
		if !isZero(pairs) {
			list[i] = jinja.NewTuple(m.Category, m.Message)
		}
	}
	return list
}

// isZero says of what a template passed as a flag that it means no.
func isZero(v any) bool { return v == nil || reflect.ValueOf(v).IsZero() }
