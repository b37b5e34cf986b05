package carafe

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// A ValidationError says what is wrong with a request that was to fill a struct; always used as *ValidationError. Binding
// returns one with every fault that it found, and so may views and Validate methods; see [Invalid].
//
// Unless a handler for it ([OnError]) or for its code (ErrorHandler) answers, it answers for itself: as problem
// details (RFC 9457), or as a page or text, by the request's Accept. Its texts have nothing of what was sent
// but names.
type ValidationError struct {
	Code   int     // 400 if something could not be read, 422 if all could; 0 means 422
	Faults []Fault // in the order in which they were found, at most Config.MaxFaults
	More   int     // how many more were found

	language string // of the messages, "" if it is not known

	once sync.Once
	http *HTTPError
}

// A Fault is one thing that is wrong with a request.
type Fault struct {
	// Name is that of the field as it is sent, with the way to it: "address.street", "items[2].price", "meta[color]". ""
	// means the request, or the body, as a whole.
	Name string `json:"name"`
	// In is the source: path, query, form, json, header, cookie or file. "" means none in particular.
	In string `json:"in,omitempty"`
	// Rule is what was broken: that of a validate tag ("required", "min"), "integer", "datetime" and the like for what
	// could not be read (docs/binding.md has them all), "validate" for a Validate method.
	Rule string `json:"rule"`
	// Message is for people, in the language of the request if the app has it; see [App.Translate].
	Message string `json:"message"`
}

// Invalid makes a *ValidationError (422) about one field, for Validate methods and views. name is that of the
// field as it is sent, "" for the input as a whole; a Validate method gives it from its own struct on. Several are joined
// with errors.Join.
func Invalid(name, message string) error {
	return &ValidationError{Faults: []Fault{{Name: name, Rule: ruleValidate, Message: message}}}
}

// Error lists the fields with the rules that they broke: nothing of what was sent.
func (e *ValidationError) Error() string {
	var b strings.Builder
	b.WriteString(strconv.Itoa(e.code()))
	b.WriteString(" invalid request")
	for i, f := range e.Faults {
		b.WriteString([]string{": ", ", "}[min(i, 1)])
		if f.Name != "" {
			b.WriteString(f.Name)
			b.WriteString(" ")
		}
		b.WriteString("(" + f.Rule + ")")
	}
	if e.More > 0 {
		b.WriteString(" and " + strconv.Itoa(e.More) + " more")
	}
	return b.String()
}

// Unwrap gives the *HTTPError that the error is to handlers of its code.
func (e *ValidationError) Unwrap() error {
	e.once.Do(func() {
		e.http = &HTTPError{Code: e.code(), Description: e.summary(), validation: e}
	})
	return e.http
}

func (e *ValidationError) code() int {
	if e.Code == 0 {
		return http.StatusUnprocessableEntity
	}
	return e.Code
}

// summary is the detail of the answer.
func (e *ValidationError) summary() string {
	n := len(e.Faults) + e.More
	if n == 1 {
		return "The request has 1 fault."
	}
	text := "The request has " + strconv.Itoa(n) + " faults"
	if e.More > 0 {
		text += ", of which " + strconv.Itoa(len(e.Faults)) + " are listed"
	}
	return text + "."
}

// Respond makes the error's own answer.
func (e *ValidationError) Respond(c *Context) (*Response, error) {
	return e.Unwrap().(*HTTPError).Respond(c)
}

// validateMethod is how the Validate(context.Context) error of a type, or of a pointer to it, is called; nil without one.
// One that was promoted from an embedded struct counts as the type's own.
func validateMethod(t reflect.Type) func(context.Context, reflect.Value) error {
	type validator interface{ Validate(context.Context) error }
	if !reflect.PointerTo(t).Implements(reflect.TypeFor[validator]()) {
		return nil
	}
	return func(ctx context.Context, v reflect.Value) error {
		return v.Addr().Interface().(validator).Validate(ctx)
	}
}

// callValidate asks the struct itself. What it returns as *ValidationError is added to the faults, under the struct's name; any other
// error that carries an HTTP error ends the binding with it, and the text of the rest is a fault of the struct as a whole.
func (r *bindRun) callValidate(p *structPlan, v reflect.Value) {
	err := p.validate(r.c, v)
	if err == nil {
		return
	}
	var faults []Fault
	for _, e := range leaves(err) {
		var ve *ValidationError
		switch {
		case errors.As(e, &ve):
			faults = append(faults, ve.Faults...)
			r.total += ve.More
			r.unread = r.unread || ve.Code == http.StatusBadRequest
		case asHTTPError(e) != nil, errors.Is(e, context.Canceled), errors.Is(e, context.DeadlineExceeded):
			r.fail = e
			return
		default:
			faults = append(faults, Fault{Rule: ruleValidate, Message: e.Error()})
		}
	}
	at := r.name()
	for _, f := range faults {
		f.Name = joinName(at, f.Name)
		if f.In == "" {
			f.In = r.sourceOf(p, f.Name)
		}
		r.add(f)
	}
}

// sourceOf is where a fault of a Validate method comes from: the source of the field that it names.
func (r *bindRun) sourceOf(p *structPlan, name string) string {
	if len(r.path) > 0 {
		return r.in.String()
	}
	for _, f := range p.fields {
		i := slices.IndexFunc(f.sources, func(o origin) bool { return o.name == name && (r.active[o.source] || len(f.sources) == 1) })
		if i >= 0 {
			return f.sources[i].source.String()
		}
	}
	return ""
}

// leaves takes errors.Join apart.
func leaves(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var list []error
	for _, e := range joined.Unwrap() {
		list = append(list, leaves(e)...)
	}
	return list
}

func joinName(at, name string) string {
	if at == "" || name == "" || name[0] == '[' {
		return at + name
	}
	return at + "." + name
}

// maxEcho is how many bytes of a name that the client chose are shown.
const maxEcho = 64

// name is the path as a fault has it.
func (r *bindRun) name() string {
	var b []byte
	for _, s := range r.path {
		switch {
		case s.entry:
			b = append(append(append(b, '['), s.name[:min(len(s.name), maxEcho)]...), ']')
		case s.name == "":
			b = append(strconv.AppendInt(append(b, '['), int64(s.index), 10), ']')
		default:
			if len(b) > 0 {
				b = append(b, '.')
			}
			b = append(b, s.name...)
		}
	}
	return strings.ToValidUTF8(string(b), "\uFFFD")
}

// unreadable reports that what stands on the path cannot be read.
func (r *bindRun) unreadable(rule string) { r.fault(rule, "", true) }

// invalid reports that it could be read, but breaks a rule.
func (r *bindRun) invalid(rule, param string) { r.fault(rule, param, false) }

func (r *bindRun) fault(rule, param string, unread bool) {
	r.unread = r.unread || unread
	if r.full() {
		r.total++
		return
	}
	name := r.name()
	r.add(Fault{Name: name, In: r.in.String(), Rule: rule, Message: r.language().own(rule, name, param)})
}

func (r *bindRun) full() bool {
	limit := r.c.App().Config.MaxFaults
	return limit >= 0 && len(r.faults) >= limit
}

func (r *bindRun) add(f Fault) {
	r.total++
	if !r.full() {
		r.faults = append(r.faults, f)
	}
}
