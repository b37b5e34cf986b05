package jinja

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Options set up an Environment. The zero value is a good default but for the missing Loader.
type Options struct {
	// Loader finds templates by name; nil means only templates from strings.
	Loader Loader
	// AutoReload asks the loader before each use whether a template has changed. For development.
	AutoReload bool
	// Autoescape decides by template name whether what is printed is escaped; the name is "" for
	// strings. nil means Flask's rule: .html, .htm, .xml, .xhtml, .svg, and strings.
	Autoescape func(name string) bool
	// TrimBlocks drops the newline after a block tag, LstripBlocks the blanks before one.
	TrimBlocks, LstripBlocks bool
	// KeepTrailingNewline keeps the newline that ends a file.
	KeepTrailingNewline bool
	// NewlineSequence is what each newline of a template becomes; "" means "\n".
	NewlineSequence string
	// Delimiters are the marks of the syntax; the zero value means {{ }}, {% %}, {# #}.
	Delimiters Delimiters
	// Undefined is what missing names do; zero means DefaultUndefined.
	Undefined Undefined
	// Extensions are names of extensions to turn on: "do", "loopcontrols", "i18n". Jinja2's long
	// names ("jinja2.ext.do") mean the same.
	Extensions []string
	// Translations serve {% trans %} and gettext; nil translates nothing.
	Translations Translations
	// NewstyleGettext makes gettext functions format and escape, as Jinja2's newstyle=True does.
	NewstyleGettext bool
	// TrimTranslations collapses the blanks in {% trans %} blocks, the policy ext.i18n.trimmed.
	TrimTranslations bool
	// Filters, Tests and Globals are added to the built-in ones, by name. Filters and tests are Go
	// functions whose first parameter (after an optional *Context) is the value; a test returns
	// bool. Globals are any values; a Live is made anew when it is read.
	Filters, Tests, Globals map[string]any
	// JSON is what the tojson filter encodes with; nil means encoding as Jinja2 does. Its output
	// is written in the form that tojson has, indented if that is asked for, and made safe for HTML.
	JSON func(v any) ([]byte, error)
	// JSONValue is what tojson encodes with inside of lists and dicts what Jinja2 has no form for:
	// structs, times and other Go values. nil means encoding/json, and no times. JSON goes before it.
	JSONValue func(v any) ([]byte, error)
	// Limits bound what one render may do.
	Limits Limits
	// TruncateLeeway is how many characters too long the truncate filter lets pass; nil means 5.
	TruncateLeeway *int
	// URLizeRel is the rel attribute of the urlize filter; nil means "noopener", "" none.
	URLizeRel *string
	// URLizeTarget is its target attribute; "" means none.
	URLizeTarget string
	// JSONKeepOrder leaves the keys of a dict in their order in tojson instead of sorting them.
	JSONKeepOrder bool
}

// Limits bound one render. The zero value of a field means its default; a bound that is passed is
// an *Error of kind OverflowError or RecursionError.
type Limits struct {
	Depth      int // calls, blocks, includes and recursive loops inside one another; 500
	Output     int // bytes of output; 64 MiB
	Iterations int // loop iterations and calls of macros and blocks, in all; 10 million
}

func (l Limits) withDefaults() Limits {
	if l.Depth <= 0 {
		l.Depth = 500
	}
	if l.Output <= 0 {
		l.Output = 64 << 20
	}
	if l.Iterations <= 0 {
		l.Iterations = 10_000_000
	}
	return l
}

// An Environment holds loaded templates and what they share. Safe for concurrent use.
type Environment struct {
	opts    Options
	limits  Limits
	globals map[string]value
	live    map[string]Live
	filters map[string]*filter
	tests   map[string]*filter
	tags    map[string]func(p *parser) node
	cache   sync.Map // of string to *cached
}

// A cached template with what tells whether it is still current.
type cached struct {
	tmpl   *Template
	loaded Source
}

// New makes an Environment, or says which option is wrong.
func New(opts Options) (*Environment, error) {
	env := &Environment{
		opts: opts, limits: opts.Limits.withDefaults(), globals: maps.Clone(builtinGlobals),
		filters: maps.Clone(builtinFilters), tests: maps.Clone(builtinTests), tags: map[string]func(p *parser) node{}, live: map[string]Live{},
	}
	if env.opts.Autoescape == nil {
		env.opts.Autoescape = SelectAutoescape
	}
	if err := checkDelimiters(opts.Delimiters.withDefaults()); err != nil {
		return nil, err
	}
	for _, name := range opts.Extensions {
		short := strings.TrimPrefix(name, "jinja2.ext.")
		ext, ok := extensions[short]
		if !ok {
			return nil, fmt.Errorf("jinja: no extension named %q: there are %s", name, strings.Join(slices.Sorted(maps.Keys(extensions)), ", "))
		}
		ext(env)
	}
	if err := env.addFunctions(); err != nil {
		return nil, err
	}
	for name, v := range opts.Globals {
		if live, ok := v.(Live); ok {
			delete(env.globals, name)
			env.live[name] = live
			continue
		}
		env.globals[name] = fromGo(v)
	}
	return env, nil
}

// MustNew is New for set-up code: it panics with the error.
func MustNew(opts Options) *Environment {
	env, err := New(opts)
	if err != nil {
		panic(err)
	}
	return env
}

func checkDelimiters(d Delimiters) error {
	if d.BlockStart == d.VariableStart || d.BlockStart == d.CommentStart || d.VariableStart == d.CommentStart {
		return fmt.Errorf("jinja: block, variable and comment start strings must be different, but are %q, %q, %q",
			d.BlockStart, d.VariableStart, d.CommentStart)
	}
	return nil
}

func (env *Environment) addFunctions() error {
	for name, fn := range env.opts.Filters {
		flt, err := goFilter(name, fn, false)
		if err != nil {
			return err
		}
		env.filters[name] = flt
	}
	for name, fn := range env.opts.Tests {
		t, err := goFilter(name, fn, true)
		if err != nil {
			return err
		}
		env.tests[name] = t
	}
	return nil
}

// SelectAutoescape is Flask's rule: names that end, in small letters, with .html, .htm, .xml,
// .xhtml or .svg are escaped, and so is a template without a name.
//
// Source: flask.Flask.select_jinja_autoescape.
func SelectAutoescape(name string) bool {
	if name == "" {
		return true
	}
	for _, ext := range []string{".html", ".htm", ".xml", ".xhtml", ".svg"} {
		if strings.HasSuffix(name, ext) {
			return true
		}
	}
	return false
}

// Template is the template of a name, loaded and compiled once. The error is an *Error:
// TemplateNotFound, or what is wrong with its text.
func (env *Environment) Template(name string) (*Template, error) {
	if c, ok := env.cache.Load(name); ok {
		c := c.(*cached)
		if !env.opts.AutoReload || c.loaded.UpToDate == nil || c.loaded.UpToDate() {
			return c.tmpl, nil
		}
	}
	if env.opts.Loader == nil {
		return nil, notFound(name)
	}
	src, err := env.opts.Loader.Load(name)
	if err != nil {
		return nil, loadError(name, err)
	}
	t, err := env.compile(name, src.Text)
	if err != nil {
		return nil, err
	}
	env.cache.Store(name, &cached{t, src})
	return t, nil
}

func loadError(name string, err error) error {
	if e, ok := err.(*Error); ok {
		return e
	}
	e := notFound(name)
	if !isNotExist(err) {
		e.Message += ": " + err.Error()
		e.Cause = err
	}
	return e
}

func notFound(name string) *Error {
	return &Error{Kind: notFoundError, Message: name, Names: []string{name}, Cause: fs.ErrNotExist}
}

// Select is the first of several templates that is there.
func (env *Environment) Select(names ...string) (*Template, error) {
	for _, name := range names {
		t, err := env.Template(name)
		if err == nil || !IsNotFound(err) {
			return t, err
		}
	}
	msg := "Tried to select from an empty list of templates."
	if len(names) > 0 {
		msg = "none of the templates given were found: " + strings.Join(names, ", ")
	}
	return nil, &Error{Kind: notFoundErrors, Message: msg, Names: names}
}

// FromString compiles a template that has no name. It is not cached: keep it.
func (env *Environment) FromString(source string) (*Template, error) { return env.compile("", source) }

// FromSource compiles a template under a name, which decides on autoescaping and stands in errors,
// without asking the loader.
func (env *Environment) FromSource(name, source string) (*Template, error) {
	return env.compile(name, source)
}

// Forget drops all loaded templates; the next use loads them again.
func (env *Environment) Forget() { env.cache.Clear() }

func (env *Environment) compile(name, source string) (*Template, error) {
	body, src, err := parse(env, name, source)
	if err != nil {
		return nil, err
	}
	return compileTemplate(env, name, src, body)
}
