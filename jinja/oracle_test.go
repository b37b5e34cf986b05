package jinja_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/carafeweb/carafe/jinja"
)

// An oracleCase is a template, what it is rendered with, and what real Jinja2 3.1.6 made of it.
type oracleCase struct {
	ID, Name, Area string
	Template       *string
	Templates      map[string]string
	Render         string
	Context        json.RawMessage
	Options        oracleOptions
	Expect         *string
	Error          *oracleError
}

type oracleError struct {
	Type, Message string
	Line          *int
	Template      *string
}

type oracleOptions struct {
	Autoescape      any
	Undefined       string
	Extensions      []string
	Globals         json.RawMessage
	I18n            *oracleI18n
	Policies        map[string]any
	TrimBlocks      bool   `json:"trim_blocks"`
	LstripBlocks    bool   `json:"lstrip_blocks"`
	KeepTrailing    bool   `json:"keep_trailing_newline"`
	NewlineSequence string `json:"newline_sequence"`
	BlockStart      string `json:"block_start_string"`
	BlockEnd        string `json:"block_end_string"`
	VariableStart   string `json:"variable_start_string"`
	VariableEnd     string `json:"variable_end_string"`
	CommentStart    string `json:"comment_start_string"`
	CommentEnd      string `json:"comment_end_string"`
	LineStatement   string `json:"line_statement_prefix"`
	LineComment     string `json:"line_comment_prefix"`
}

type oracleI18n struct {
	Newstyle, Trimmed bool
	Catalog           map[string]any
}

// Translate looks up gettext's keys: the context and the message with \x04 between.
func (o *oracleI18n) Translate(context, singular, plural string, n int) string {
	key := singular
	if context != "" {
		key = context + "\x04" + singular
	}
	switch v := o.Catalog[key].(type) {
	case string:
		if plural == "" || n == 1 {
			return v
		}
	case []any:
		if n == 1 || plural == "" {
			return v[0].(string)
		}
		return v[1].(string)
	}
	if plural == "" || n == 1 {
		return singular
	}
	return plural
}

func oracleCases(t *testing.T, kind string) []byte {
	t.Helper()
	dir := os.Getenv("CARAFE_ORACLE")
	if dir == "" {
		dir = filepath.Join("testdata", "oracle")
	}
	b, err := os.ReadFile(filepath.Join(dir, kind+"-cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestOracle(t *testing.T) {
	agree, differ, fail := compareCases(t, oracleCases(t, "jinja"))
	t.Logf("oracle jinja: %d agree, %d differ on purpose, %d fail", agree, differ, fail)
}

// testdata/compared.json has what comparing with Jinja2 on random templates once found: case by
// Unicode's full tables, the order in which % and str.format look at things, dates, powers.
func TestWhatComparingFoundStaysMended(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "compared.json"))
	if err != nil {
		t.Fatal(err)
	}
	if agree, differ, _ := compareCases(t, data); agree < 80 {
		t.Errorf("only %d cases agree and %d differ on purpose: is testdata/compared.json whole?", agree, differ)
	}
}

// compareCases renders recorded cases; each that neither agrees nor differs on purpose is an error.
func compareCases(t *testing.T, data []byte) (agree, differ, fail int) {
	t.Helper()
	var cases []oracleCase
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		out, err := c.render(t)
		problem := c.compare(out, err)
		if problem == "" {
			agree++
			continue
		}
		reason, ok := c.differsOnPurpose(out, err)
		if ok {
			differ++
			continue
		}
		fail++
		t.Errorf("%s (%s) %s\n%s%s", c.ID, c.Name, c.source(), problem, reason)
	}
	return agree, differ, fail
}

func (c *oracleCase) source() string {
	if c.Template != nil {
		return *c.Template
	}
	b, _ := json.Marshal(c.Templates)
	return string(b)
}

func (c *oracleCase) render(t *testing.T) (string, error) {
	t.Helper()
	templates, name := c.Templates, c.Render
	if c.Template != nil {
		templates, name = map[string]string{"main": *c.Template}, "main"
	}
	env, err := jinja.New(c.options(t, templates))
	if err != nil {
		t.Fatalf("%s: %v", c.ID, err)
	}
	tmpl, err := env.Template(name)
	if err != nil {
		return "", err
	}
	data := decodeDict(t, c.Context)
	first, err := tmpl.Render(data)
	if err != nil {
		return "", err
	}
	return first, nil
}

func (c *oracleCase) options(t *testing.T, templates map[string]string) jinja.Options {
	o := c.Options
	opts := jinja.Options{
		Loader: jinja.Map(templates), TrimBlocks: o.TrimBlocks, LstripBlocks: o.LstripBlocks,
		KeepTrailingNewline: o.KeepTrailing, NewlineSequence: o.NewlineSequence, Extensions: o.Extensions,
		Delimiters: jinja.Delimiters{
			BlockStart: o.BlockStart, BlockEnd: o.BlockEnd, VariableStart: o.VariableStart, VariableEnd: o.VariableEnd,
			CommentStart: o.CommentStart, CommentEnd: o.CommentEnd, LineStatement: o.LineStatement, LineComment: o.LineComment,
		},
		Globals: map[string]any{},
	}
	if o.Autoescape != "flask" {
		opts.Autoescape = func(string) bool { return o.Autoescape == true }
	}
	opts.Undefined = map[string]jinja.Undefined{
		"strict": jinja.StrictUndefined, "chainable": jinja.ChainableUndefined, "debug": jinja.DebugUndefined,
	}[o.Undefined]
	if o.Globals != nil {
		opts.Globals = decodeDict(t, o.Globals)
	}
	if o.I18n != nil {
		opts.NewstyleGettext, opts.TrimTranslations, opts.Translations = o.I18n.Newstyle, o.I18n.Trimmed, o.I18n
	}
	c.policies(&opts)
	return opts
}

func (c *oracleCase) policies(opts *jinja.Options) {
	for name, v := range c.Options.Policies {
		switch name {
		case "urlize.rel":
			rel, _ := v.(string)
			opts.URLizeRel = &rel
		case "urlize.target":
			opts.URLizeTarget, _ = v.(string)
		case "truncate.leeway":
			n := int(v.(float64))
			opts.TruncateLeeway = &n
		case "json.dumps_kwargs":
			opts.JSONKeepOrder = v.(map[string]any)["sort_keys"] == false
		case "ext.i18n.trimmed":
			opts.TrimTranslations = v == true
		}
	}
}

// compare tells how the result differs from the recorded one; "" if it does not.
func (c *oracleCase) compare(out string, err error) string {
	if c.Error == nil {
		switch {
		case err != nil:
			return "got  " + err.Error() + "\nwant " + quote(*c.Expect)
		case maskAddresses(goNames(out)) != maskAddresses(pyNames(*c.Expect)):
			return "got  " + quote(out) + "\nwant " + quote(*c.Expect)
		}
		return ""
	}
	var e *jinja.Error
	if !errors.As(err, &e) {
		return "got  " + quote(out) + "\nwant " + c.Error.Type + ": " + c.Error.Message
	}
	if got, want := describe(e, c.Error); got != want {
		return "got  " + got + "\nwant " + want
	}
	return ""
}

// describe gives the parts of both errors that have to agree. The texts of Python's own exceptions
// do not; an object is named by its Go type here.
func describe(e *jinja.Error, want *oracleError) (got, wanted string) {
	got, wanted = e.Kind, want.Type
	if isJinjas(want.Type) {
		got += ": " + goNames(e.Message)
		wanted += ": " + pyNames(want.Message)
	}
	if want.Line != nil {
		got += " line " + quote(e.Line)
		wanted += " line " + quote(*want.Line)
	}
	if want.Template != nil {
		got += " in " + e.Template
		wanted += " in " + *want.Template
	}
	return got, wanted
}

// goNames puts Python's names of the golden data's objects in the place of their Go types.
func goNames(s string) string { return strings.ReplaceAll(s, "jinja_test.", "app.") }

// pyNames gives all iterators one name: which of its iterators Python uses is not seen in Go.
func pyNames(s string) string { return strings.ReplaceAll(s, "list_iterator", "generator") }

func isJinjas(kind string) bool {
	return strings.HasPrefix(kind, "Template") || kind == "UndefinedError" || kind == "FilterArgumentError"
}

func quote(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

var address = regexp.MustCompile(`<[\w. ]*(generator|function|object|method)[^<>]*>|&lt;[\w. ]*(generator|function|object|method)[^<>&]*&gt;`)

// maskAddresses hides where Python keeps an object: there is nothing of the kind in Go.
func maskAddresses(s string) string { return address.ReplaceAllString(s, "<object>") }

var (
	anyBool  = regexp.MustCompile(`(?i)true|false`)
	dunder   = regexp.MustCompile(`__[a-z]+__`)
	infinite = regexp.MustCompile(`^name '(inf|nan)' is not defined$`)
	complex  = regexp.MustCompile(`(?i)\d+j\)`)
)

// differsOnPurpose checks a case against what Carafe does instead of Jinja2.
func (c *oracleCase) differsOnPurpose(out string, err error) (string, bool) {
	var e *jinja.Error
	errors.As(err, &e)
	switch src := c.source(); {
	case c.Error != nil && c.Error.Type == "SyntaxError":
		// Unlike Jinja2, what its compiler lets through to Python's is a TemplateSyntaxError too.
		return "", e != nil && e.Kind == "TemplateSyntaxError"
	case strings.Contains(src, "sameas") && c.Expect != nil:
		// Unlike CPython, equal scalars of one kind are the same whatever their size.
		return "", e == nil && anyBool.ReplaceAllString(out, "?") == anyBool.ReplaceAllString(*c.Expect, "?")
	case c.Error != nil && strings.Contains(c.Error.Message, "non-namespace object"):
		// Unlike Jinja2, the error is on the line of the set, not on that of the statement before.
		return "", e != nil && e.Message == c.Error.Message && c.Error.Line != nil && e.Line >= *c.Error.Line
	case dunder.MatchString(src):
		// Unlike Jinja2, no dunder name is an attribute: it is undefined, so that no template
		// climbs from a value to its class.
		return "", e == nil || e.Kind == "UndefinedError" || e.Kind == "AttributeError"
	case c.Error != nil && c.Error.Type == "NameError" && infinite.MatchString(c.Error.Message):
		// Unlike Jinja2, a constant too large for a float is inf; there it is a name in Python's code.
		return "", e == nil
	case e != nil && e.Kind == "OverflowError" && strings.HasPrefix(e.Message, "range: "):
		// Unlike Python, bounds and lengths of ranges fit an int64.
		return "", strings.Contains(src, "range(")
	case c.Expect != nil && complex.MatchString(*c.Expect):
		// Unlike Python, there are no complex numbers.
		return "", e != nil && e.Kind == "ValueError"
	case strings.Contains(src, `\\N{`) || strings.Contains(src, `\N{`):
		// Unlike Python, there is no table of character names.
		return "", e != nil && e.Kind == "TemplateSyntaxError"
	}
	return "", false
}
