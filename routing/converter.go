package routing

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"regexp/syntax"
	"strings"
	"sync"
)

// A Converter turns the text of a variable into a value of its own type and back.
//
// Parse gets text that the Definition's Regexp has matched. An error that Is ErrValidation
// means that the URL does not exist after all: the answer is ErrNotFound and no other rule
// is tried. Any other error comes out of Match unchanged.
//
// Format writes a value for a URL, already quoted (see QuotePath). An error that Is
// ErrValidation makes Build try the endpoint's next rule; any other comes out of Build.
//
// Both may be called concurrently.
//
// Source: Werkzeug BaseConverter.to_python and to_url.
type Converter interface {
	Parse(ctx context.Context, text string) (any, error)
	Format(value any) (string, error)
}

// ErrValidation is what a Converter returns (or wraps) for text or a value that looks right
// and is not. Source: Werkzeug ValidationError.
var ErrValidation = errors.New("routing: the value is not valid for its converter")

// A ConverterFunc makes the converter of one variable from the arguments in the rule, when
// the rule is added. Its error refuses the rule.
type ConverterFunc func(args Arguments) (Definition, error)

// A Definition is what the machine has to know of a converter.
type Definition struct {
	// Converter is nil if the value is the text itself, quoted for the path when built.
	Converter Converter
	// Regexp is what the text has to match, in Go's syntax (RE2); "" means "[^/]+". Groups in
	// it do not capture, and ^ and $ are not needed.
	Regexp string
	// Weight decides between variables in one place: the smaller is tried first. Zero means
	// 100, as text has; numbers have 50, paths 200.
	Weight int
	// Spans tells whether the variable may run over several segments. By default it does if
	// there is a "/" in Regexp. Source: Werkzeug part_isolating, the other way round.
	Spans Spanning
	// Type is the type of what Parse returns; nil means string without a Converter, any with one.
	Type reflect.Type

	shape shape
	alone *form // of parts that are this variable and nothing else, if rules share the definition
}

// Spanning tells whether a variable may run over several segments; see Definition.Spans.
type Spanning uint8

// The answers: by the regexp, or whatever that looks like.
const (
	SpansIfSlash Spanning = iota // if there is a "/" in the regexp
	SpansNever
	SpansAlways
)

// A shape is what text a variable takes, in a form that is matched without a regexp.
type shape struct {
	kind     shapeKind
	min, max int  // shapeText: in code points; max < 0 means no limit
	signed   bool // shapeInt, shapeFloat
	items    []string
	number   numberRange
}

type shapeKind uint8

const (
	shapeRegexp shapeKind = iota // a converter of the user's own
	shapeText
	shapeAny
	shapePath
	shapeInt
	shapeFloat
	shapeUUID
)

// Regexps of the built-in converters. Unlike Flask, \d stands for ASCII digits.
const (
	intRegexp   = `[0-9]+`
	floatRegexp = `[0-9]+\.[0-9]+`
	uuidRegexp  = `[A-Fa-f0-9]{8}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{12}`
	pathRegexp  = `[^/].*?`
	textRegexp  = `[^/]+`
)

var builtinConverters = map[string]ConverterFunc{
	"default": newText,
	"string":  newText,
	"any":     newAny,
	"path":    newPath,
	"int":     newInt,
	"float":   newFloat,
	"uuid":    newUUID,
}

// define fills in a definition's defaults and checks its regexp.
func define(d Definition) (Definition, error) {
	if d.Weight == 0 {
		d.Weight = 100
	}
	if d.Regexp == "" {
		d.Regexp = textRegexp
	}
	if d.Spans == SpansIfSlash {
		d.Spans = SpansNever
		if strings.Contains(d.Regexp, "/") && d.Regexp != textRegexp {
			d.Spans = SpansAlways
		}
	}
	if d.Type == nil {
		d.Type = reflect.TypeFor[string]()
		if d.Converter != nil {
			d.Type = reflect.TypeFor[any]()
		}
	}
	if d.shape.kind != shapeRegexp {
		return d, nil
	}
	text, err := withoutCaptures(d.Regexp)
	if err != nil {
		return d, badArgument(FaultArgument, "the converter's regexp %q does not compile: %v", d.Regexp, err)
	}
	d.Regexp = text
	return d, nil
}

var captureFree sync.Map // regexp text → the same without captures; a few entries a program

// withoutCaptures rewrites (x) to (?:x): the groups that count are ours, and gorilla/mux
// refuses any other.
func withoutCaptures(text string) (string, error) {
	if strings.Count(text, "(") == strings.Count(text, "(?:") {
		_, err := syntax.Parse(text, syntax.Perl)
		return text, err
	}
	if done, ok := captureFree.Load(text); ok {
		return done.(string), nil
	}
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return "", err
	}
	done := dropCaptures(tree).String()
	if _, err := regexp.Compile(done); err != nil {
		return "", err
	}
	captureFree.Store(text, done)
	return done, nil
}

func dropCaptures(tree *syntax.Regexp) *syntax.Regexp {
	for i, sub := range tree.Sub {
		tree.Sub[i] = dropCaptures(sub)
	}
	if tree.Op == syntax.OpCapture {
		return tree.Sub[0]
	}
	return tree
}

func badArgument(kind Fault, format string, args ...any) error {
	return &syntaxError{kind: kind, reason: fmt.Sprintf(format, args...)}
}

// parameters reads a converter's arguments as Python would bind them to names in order.
type parameters struct {
	converter string
	names     []string
	values    [4]any
	given     [4]bool
}

func bindArguments(converter string, args Arguments, names ...string) (parameters, error) {
	p := parameters{converter: converter, names: names}
	if len(args.Positional) > len(names) {
		return p, badArgument(FaultArgument, "converter %q takes at most %d arguments (%s), not %d",
			converter, len(names), strings.Join(names, ", "), len(args.Positional))
	}
	for i, v := range args.Positional {
		p.values[i], p.given[i] = v, true
	}
	for _, named := range args.Named {
		i := p.index(named.Name)
		switch {
		case i < 0:
			return p, badArgument(FaultArgument, "converter %q has no argument %q, only %s",
				converter, named.Name, strings.Join(names, ", "))
		case p.given[i]:
			return p, badArgument(FaultArgument, "converter %q is given %q twice", converter, named.Name)
		}
		p.values[i], p.given[i] = named.Value, true
	}
	return p, nil
}

func (p *parameters) index(name string) int {
	for i, n := range p.names {
		if n == name {
			return i
		}
	}
	return -1
}

// whole reads argument i as Python's int() does; ok is false if it is absent or None.
func (p *parameters) whole(i int) (n int, ok bool, err error) {
	switch v := p.values[i].(type) {
	case nil:
		return 0, false, nil
	case string:
		if digits, ok := pyInt(v); ok {
			if n, ok = smallInt(digits); ok {
				return n, true, nil
			}
		}
		return 0, false, badArgument(FaultArgument, "invalid literal for int() with base 10: %s", pyRepr(v))
	case bool:
		if v {
			return 1, true, nil
		}
		return 0, true, nil
	case float64:
		return int(v), true, nil
	case int:
		return v, true, nil
	}
	return 0, false, badArgument(FaultType, "argument %q of converter %q has to be a number", p.names[i], p.converter)
}

// real reads argument i as a number for comparison; text is none.
func (p *parameters) real(i int) (f float64, ok bool, err error) {
	switch v := p.values[i].(type) {
	case nil:
		return 0, false, nil
	case int:
		return float64(v), true, nil
	case float64:
		return v, true, nil
	case bool:
		n, _, _ := p.whole(i)
		return float64(n), true, nil
	}
	return 0, false, badArgument(FaultType, "argument %q of converter %q has to be a number, not %s",
		p.names[i], p.converter, appendRepr(nil, p.values[i]))
}

// truth reads argument i as Python's bool() does.
func (p *parameters) truth(i int) bool {
	switch v := p.values[i].(type) {
	case bool:
		return v
	case int:
		return v != 0
	case float64:
		return v != 0
	case string:
		return v != ""
	}
	return false
}
