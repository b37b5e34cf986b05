package carafe

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"sync"

	"github.com/carafeweb/carafe/routing"
)

// Binding fills a struct from a request:
//
//	type CreateUser struct {
//		Team  int    `path:"team"`
//		Name  string `json:"name" form:"name" validate:"required,min=2"`
//		Email string `json:"email" form:"email" validate:"required,email"`
//		Role  string `json:"role" form:"role" default:"guest" validate:"oneof=guest admin"`
//	}
//
// The struct's type is turned into a structPlan once (bindingplan.go): a list of fields, each with closures that read it from
// its source (bindingtext.go, bindingjson.go) and that check it (validationrules.go). A bindRun is one use of a plan: sources
// first, then, inside out, defaults, rules and Validate methods; it collects the faults of all of them.

// Bind fills what dst points to, a struct, from the request, as the struct parameter of a view is: docs/binding.md has the tags. A
// field that was not sent keeps the value it has, or gets its default.
//
// The error is a *ValidationError with every fault that was found; an *HTTPError for a body of a type that the struct cannot
// be read from (415) or that is too large (413); or a plain one, hence a 500, if dst is no pointer to a struct that can be bound. The
// body is kept, so that binding it again, to another type too, is possible.
//
// It is safe for concurrent use. The plan of a type is made the first time it is bound.
func (c *Context) Bind(dst any) error {
	v := reflect.ValueOf(dst)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return fmt.Errorf("carafe: Bind(%T): give a pointer to a struct, which is not nil", dst)
	}
	plan, err := c.App().binder.plan(v.Elem().Type())
	if err != nil {
		return fmt.Errorf("carafe: Bind: %w", err)
	}
	return plan.bind(c, v.Elem(), nil)
}

// planBinding gives a view's struct parameter, a struct or a pointer to one. Its path fields are checked against the rule's
// variables here.
func planBinding(a *App, t reflect.Type, vars []routing.Variable) (argument, error) {
	pointer := t.Kind() == reflect.Pointer
	if pointer {
		t = t.Elem()
	}
	plan, err := a.binder.plan(t)
	if err != nil {
		return nil, err
	}
	path, err := plan.pathArguments(vars)
	if err != nil {
		return nil, err
	}
	return func(c *Context, dst reflect.Value) error {
		if pointer {
			dst.Set(reflect.New(t))
			dst = dst.Elem()
		}
		return plan.bind(c, dst, path)
	}, nil
}

// A binder is an App's part in binding. Its zero value is ready for use.
type binder struct {
	once sync.Once
	book *ruleBook // made when first needed

	plans sync.Map // reflect.Type to *structPlan; serving only loads
	mu    sync.Mutex
}

// plan gives the plan of a struct type, making it if there is none.
func (b *binder) plan(t reflect.Type) (*structPlan, error) {
	if p, ok := b.plans.Load(t); ok {
		return p.(*structPlan), nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	builder := planBuilder{binder: b, plans: map[planKey]*structPlan{}}
	p, err := builder.build(t, topMode, typeLabel(t))
	if err != nil {
		return nil, err
	}
	b.plans.Store(t, p)
	return p, nil
}

func typeLabel(t reflect.Type) string {
	if t.Name() != "" {
		return t.Name()
	}
	return "struct"
}

// bind fills v. path gives the path fields of a view's rule, in the order of the plan; nil means they are looked up by name.
func (p *structPlan) bind(c *Context, v reflect.Value, path []argument) error {
	r := bindRuns.Get().(*bindRun)
	r.c, r.binder = c, &c.App().binder
	err := r.run(p, v, path)
	*r = bindRun{states: r.states[:0], path: r.path[:0]}
	bindRuns.Put(r) // after a panic it is not: then it is garbage
	return err
}

// bindRuns are runs at rest. Nobody outside of bind sees one; what it gives away, the faults, is not kept.
var bindRuns = sync.Pool{New: func() any { return &bindRun{} }}

func (r *bindRun) run(p *structPlan, v reflect.Value, path []argument) error {
	base := r.frame(len(p.fields))
	if err := r.readPath(p, v, base, path); err != nil {
		return err
	}
	if err := r.readBody(p, v, base); err != nil {
		return err
	}
	r.readValues(p, v, base)
	r.finish(p, v, base)
	return r.err()
}

// A bindRun is one use of a plan, in one goroutine.
type bindRun struct {
	c      *Context
	binder *binder
	json   jsonScanner
	in     source                   // of what is being read
	active [numSources]bool         // which sources the request has
	values *[numSources]valuesCache // what was looked up of them; nil for nothing

	// states has one byte for each field of each struct that is being filled, in frames, the innermost last; indices
	// are used, since it grows.
	states []byte
	path   []pathStep // from the bound struct to the value at hand
	secret int        // how many of the fields on the path are secret

	faults []Fault
	total  int  // faults found, listed or not
	unread bool // one of them is that something cannot be read: 400
	lang   *language
	fail   error // what ends the binding at once
}

// What is known of a field of a struct that is being filled.
const (
	stateSent byte = 1 << iota // the request has it
	stateBad                   // it has a fault already
)

// frame makes room for the states of a struct's fields.
func (r *bindRun) frame(n int) int {
	base := len(r.states)
	for range n {
		r.states = append(r.states, 0)
	}
	return base
}

func (r *bindRun) release(base int) { r.states = r.states[:base] }

// sent marks field i of the frame at base. total is what r.total was before the field was read.
func (r *bindRun) sent(base, i, total int) {
	r.states[base+i] |= stateSent
	if r.total > total {
		r.states[base+i] |= stateBad
	}
}

func (r *bindRun) err() error {
	if r.fail != nil {
		return r.fail
	}
	if r.total == 0 {
		return nil
	}
	code := http.StatusUnprocessableEntity
	if r.unread {
		code = http.StatusBadRequest
	}
	return &ValidationError{Code: code, Faults: r.faults, More: r.total - len(r.faults), language: r.language().tag}
}

// finish does what can only be done when the struct's fields have been read: defaults and what is missing, then rules, then its
// Validate method if nothing in it was at fault.
func (r *bindRun) finish(p *structPlan, v reflect.Value, base int) {
	total, fine := r.total, true
	for i, f := range p.fields {
		if r.states[base+i] == 0 && f.needsFinish {
			r.settle(f, v, base, i)
		}
	}
	if p.hasRules {
		r.check(p, v, base)
	}
	for i := range p.fields {
		fine = fine && r.states[base+i]&stateBad == 0
	}
	if p.validate != nil && fine && r.total == total && r.fail == nil {
		r.callValidate(p, v)
	}
}

// settle does what a field needs that was not sent.
func (r *bindRun) settle(f *fieldPlan, v reflect.Value, base, i int) {
	fv, ok := f.existing(v)
	if !ok { // it stands in an embedded pointer of which nothing was sent
		return
	}
	total := r.total
	r.enter(f)
	switch {
	case f.setDefault != nil:
		f.setDefault(fv)
	case f.rules.required: // check says so
	case f.nested[r.in] != nil:
		r.finishMissing(f.nested[r.in], fv)
	}
	r.leave(f)
	if r.total > total {
		r.states[base+i] |= stateBad
	}
}

// check has the rules look at the fields that have no fault yet. They look at a copy of the struct, since the fields of one that
// cannot be changed are passed on as they are, while each field of v would be copied by itself.
func (r *bindRun) check(p *structPlan, v reflect.Value, base int) {
	fixed := reflect.ValueOf(v.Interface())
	for i, f := range p.fields {
		if !f.hasChecks || r.states[base+i]&stateBad != 0 {
			continue
		}
		fv, ok := f.existing(fixed)
		if !ok {
			continue
		}
		total := r.total
		r.enter(f)
		if sent := r.states[base+i]&stateSent != 0; f.rules.required && !sent {
			r.invalid("required", "")
		} else {
			f.rules.check(r, ruleScope{plan: p, parent: v, base: base, sent: sent}, fv)
		}
		r.leave(f)
		if r.total > total {
			r.states[base+i] |= stateBad
		}
	}
}

// finishMissing finishes a struct of which nothing was sent.
func (r *bindRun) finishMissing(p *structPlan, v reflect.Value) {
	base := r.frame(len(p.fields))
	r.finish(p, v, base)
	r.release(base)
}

// A pathStep leads from a value to one within it.
type pathStep struct {
	name  string // of a field or a map's entry
	index int    // of an element, if name is ""
	entry bool   // name is a map's key
}

func (r *bindRun) push(s pathStep) { r.path = append(r.path, s) }
func (r *bindRun) pop()            { r.path = r.path[:len(r.path)-1] }

// enter goes to a field in the name and source under which it is, or would have been, sent.
func (r *bindRun) enter(f *fieldPlan) {
	s := f.sources[0]
	for _, o := range f.sources {
		if r.active[o.source] {
			s = o
			break
		}
	}
	if len(r.path) == 0 {
		r.in = s.source
	}
	r.enterAs(f, s.name)
}

func (r *bindRun) enterAs(f *fieldPlan, name string) {
	r.push(pathStep{name: name})
	if f.secret {
		r.secret++
	}
}

func (r *bindRun) leave(f *fieldPlan) {
	r.pop()
	if f.secret {
		r.secret--
	}
}

// readPath fills the path fields.
func (r *bindRun) readPath(p *structPlan, v reflect.Value, base int, path []argument) error {
	for n, i := range p.pathFields {
		f := p.fields[i]
		if path == nil {
			if err := r.readParam(p, v, base, i); err != nil {
				return err
			}
			continue
		}
		err := path[n](r.c, f.place(v))
		if errors.Is(err, errPathText) {
			err = r.readParam(p, v, base, i)
		} else if err == nil {
			r.sent(base, i, r.total)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
