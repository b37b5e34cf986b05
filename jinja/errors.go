package jinja

import (
	"fmt"
	"runtime/debug"
	"strconv"
	"strings"
)

// An Error is everything that can go wrong with a template: it cannot be read, it is not found, or
// rendering it fails. Always used as *Error.
type Error struct {
	// Kind is Python's name of the error, "TemplateSyntaxError" or "UndefinedError" for example:
	// what Jinja2's documentation calls it.
	Kind string
	// Message says what is wrong, in Jinja2's words.
	Message string
	// Template is the name of the innermost template, "" for one made from a string.
	Template string
	// Line is the 1-based line in it; 0 if the error belongs to no line.
	Line int
	// Expr is the source text of the statement or expression that failed, on one line; "" if unknown.
	Expr string
	// Source is the source line; "" if unknown.
	Source string
	// Cause is the error that a Go function or a Go value returned; nil if the engine itself failed.
	Cause error
	// Stack is that of a panic of Go code which the template called, as debug.Stack writes it; nil for all other errors.
	Stack []byte
	// Names are the templates that were looked for, of a TemplateNotFound or TemplatesNotFound.
	Names []string
}

// Error is one line: place, kind, message and the expression.
func (e *Error) Error() string {
	var b strings.Builder
	name := e.Template
	if name == "" {
		name = "<template>"
	}
	b.WriteString(name)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
	}
	fmt.Fprintf(&b, ": %s: %s", e.Kind, e.Message)
	if e.Expr != "" {
		fmt.Fprintf(&b, " in %s", strconv.Quote(e.Expr))
	}
	return b.String()
}

// Unwrap is the Go error behind this one, if any.
func (e *Error) Unwrap() error { return e.Cause }

// The kinds of Error, after the Python exceptions they stand for.
const (
	syntaxError      = "TemplateSyntaxError"
	assertionError   = "TemplateAssertionError"
	runtimeError     = "TemplateRuntimeError"
	undefinedError   = "UndefinedError"
	notFoundError    = "TemplateNotFound"
	notFoundErrors   = "TemplatesNotFound"
	filterArgument   = "FilterArgumentError"
	securityError    = "SecurityError"
	typeError        = "TypeError"
	valueError       = "ValueError"
	keyError         = "KeyError"
	indexError       = "IndexError"
	attributeError   = "AttributeError"
	overflowError    = "OverflowError"
	zeroDivision     = "ZeroDivisionError"
	recursionError   = "RecursionError"
	pyAssertionError = "AssertionError"
	pyRuntimeError   = "RuntimeError"
	lookupError      = "LookupError"
	encodeError      = "UnicodeEncodeError"
)

// IsNotFound reports whether err is about a template that no loader has.
func IsNotFound(err error) bool {
	e, ok := err.(*Error)
	return ok && (e.Kind == notFoundError || e.Kind == notFoundErrors)
}

// throw ends the render or the compilation with an error. It panics: an expression is a closure
// that returns a value alone, and Template.run is the one place that recovers. The format is one
// without arguments too: a percent sign is always written twice.
func throw(kind, format string, args ...any) {
	panic(&Error{Kind: kind, Message: fmt.Sprintf(format, args...)})
}

// throwCause ends the render with the error of a Go function.
func throwCause(err error) {
	if e, ok := err.(*Error); ok {
		panic(e)
	}
	panic(&Error{Kind: pyRuntimeError, Message: err.Error(), Cause: err})
}

// asError is what a recovered panic means: ours as it is, a foreign one wrapped, with its stack.
func asError(p any) *Error {
	if e, ok := p.(*Error); ok {
		return e
	}
	e := &Error{Kind: pyRuntimeError, Stack: debug.Stack()}
	switch p := p.(type) {
	case error:
		e.Message, e.Cause = fmt.Sprintf("panic: %v", p), p // Sprintf survives a panic of Error
	case fmt.Stringer, fmt.Formatter: // whose method may be what is broken
		e.Message = fmt.Sprintf("panic: a %T", p)
	default:
		e.Message = fmt.Sprintf("panic: %v", p)
	}
	return e
}
