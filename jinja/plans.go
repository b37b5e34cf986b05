package jinja

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"unicode"
)

// A plan is what the engine knows about a Go type: found out once by reflection, then only read.
type plan struct {
	// own means that values of the type keep their methods: they print themselves, or give their
	// attributes or HTML, and so are not flattened to a list, text or number.
	own bool
	// attributer means that values answer for their attributes themselves.
	attributer bool
	// ptrPrints means that only a pointer to the type can print itself.
	ptrPrints bool
	// members are fields and methods by every name that finds them.
	members map[string]*member
}

// A member is one field or method of a type.
type member struct {
	field  []int // the path of a field through embedded structs; nil for a method
	method int
	ptr    bool // the method is one of the pointer's
	name   string
	fn     *signature
	read   func(rv reflect.Value) value // what a field's value is to a template
	plain  reflect.Kind                 // String or Int64 for a field that is just text or a number
}

var plans sync.Map // of reflect.Type to *plan

func planOf(t reflect.Type) *plan {
	if p, ok := plans.Load(t); ok {
		return p.(*plan)
	}
	p, _ := plans.LoadOrStore(t, newPlan(t))
	return p.(*plan)
}

var (
	stringerType  = reflect.TypeFor[fmt.Stringer]()
	errorType     = reflect.TypeFor[error]()
	marshalerType = reflect.TypeFor[encoding.TextMarshaler]()
	htmlerType    = reflect.TypeFor[HTMLer]()
	attrType      = reflect.TypeFor[Attributer]()
	trutherType   = reflect.TypeFor[Truther]()
)

func printsItself(t reflect.Type) bool {
	return t.Implements(stringerType) || t.Implements(errorType) || t.Implements(marshalerType)
}

// keepsMethods is plan.own without a plan: a type may have fields of itself.
func keepsMethods(t reflect.Type) bool {
	return printsItself(t) || t.Implements(htmlerType) || t.Implements(attrType) || t.Implements(trutherType)
}

func newPlan(t reflect.Type) *plan {
	p := &plan{members: map[string]*member{}}
	p.attributer = t.Implements(attrType)
	p.own = keepsMethods(t)
	if t.Kind() == reflect.Interface {
		return p
	}
	holder := t
	if t.Kind() == reflect.Pointer {
		holder = t.Elem()
	} else {
		p.ptrPrints = !printsItself(t) && printsItself(reflect.PointerTo(t))
	}
	// The weakest names first: a later entry replaces an earlier one of its name.
	methods, fields := methodsOf(holder), fieldsOf(holder)
	for _, m := range methods {
		p.members[snake(m.name)] = m
	}
	for _, f := range fields {
		p.members[snake(f.name)] = f
	}
	for _, f := range fields {
		for _, tag := range tagNames(holder.FieldByIndex(f.field)) {
			p.members[tag] = f
		}
	}
	for _, m := range append(fields, methods...) {
		p.members[m.name] = m
	}
	return p
}

// tagNames are the names that a field's json and carafe tags give it, the stronger one last.
func tagNames(f reflect.StructField) []string {
	var names []string
	for _, key := range []string{"json", "carafe"} {
		name, _, _ := strings.Cut(f.Tag.Get(key), ",")
		if name != "" && name != "-" {
			names = append(names, name)
		}
	}
	return names
}

func fieldsOf(t reflect.Type) []*member {
	if t.Kind() != reflect.Struct {
		return nil
	}
	var out []*member
	for _, f := range reflect.VisibleFields(t) {
		if f.IsExported() {
			out = append(out, &member{name: f.Name, field: f.Index, read: reader(f.Type), plain: plainKind(f.Type)})
		}
	}
	return out
}

func methodsOf(t reflect.Type) []*member {
	var out []*member
	ptr := reflect.PointerTo(t)
	for i := range ptr.NumMethod() {
		m := ptr.Method(i)
		sig := newSignature(m.Type, 1)
		if sig == nil {
			continue
		}
		mem := &member{name: m.Name, method: i, ptr: true, fn: sig}
		if vm, ok := t.MethodByName(m.Name); ok && t.Kind() != reflect.Interface {
			mem.method, mem.ptr = vm.Index, false
		}
		out = append(out, mem)
	}
	return out
}

// snake is a Go name as a template writes it: UserID is user_id, HTMLBody is html_body.
func snake(name string) string {
	var b strings.Builder
	rs := []rune(name)
	for i, r := range rs {
		if i > 0 && unicode.IsUpper(r) {
			ends := !unicode.IsUpper(rs[i-1]) && rs[i-1] != '_'
			starts := i+1 < len(rs) && unicode.IsLower(rs[i+1]) && rs[i-1] != '_'
			if ends || starts {
				b.WriteByte('_')
			}
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// goAttr is the attribute of a Go value, by its plan.
func goAttr(v value, name string) (value, bool) {
	if a, ok := v.r.(Attributer); ok {
		if x, ok := a.Attr(name); ok {
			return fromGo(x), true
		}
	}
	m := planOf(reflect.TypeOf(v.r)).members[name]
	if m == nil {
		return none, false
	}
	return m.of(v), true
}

// of reads the member of v.
func (m *member) of(v value) value {
	rv := reflect.ValueOf(v.r)
	if m.field == nil {
		return value{k: kFunc, r: &goFunc{label: m.name, fn: m.bind(rv), sig: m.fn}}
	}
	if rv, ok := m.locate(rv); ok {
		return m.read(rv)
	}
	return none
}

// locate is the field of a struct or of a pointer to one; false if an embedded pointer on the way
// is nil.
func (m *member) locate(rv reflect.Value) (reflect.Value, bool) {
	if rv.Kind() == reflect.Pointer {
		rv = rv.Elem()
	}
	if len(m.field) == 1 {
		return rv.Field(m.field[0]), true
	}
	for i, x := range m.field {
		if i > 0 && rv.Kind() == reflect.Pointer {
			if rv.IsNil() {
				return rv, false
			}
			rv = rv.Elem()
		}
		rv = rv.Field(x)
	}
	return rv, true
}

func plainKind(t reflect.Type) reflect.Kind {
	switch {
	case t == htmlType || keepsMethods(t):
		return reflect.Invalid
	case t.Kind() == reflect.String:
		return reflect.String
	case reflect.Int <= t.Kind() && t.Kind() <= reflect.Int64:
		return reflect.Int64
	}
	return reflect.Invalid
}

// reader is how values of a type are read. Fields of plain types, which most are, need no further
// look at their type each time.
func reader(t reflect.Type) func(rv reflect.Value) value {
	switch {
	case t == htmlType || keepsMethods(t):
	case t.Kind() == reflect.String:
		return func(rv reflect.Value) value { return text(rv.String()) }
	case t.Kind() == reflect.Bool:
		return func(rv reflect.Value) value { return boolean(rv.Bool()) }
	case reflect.Int <= t.Kind() && t.Kind() <= reflect.Int64:
		return func(rv reflect.Value) value { return integer(rv.Int()) }
	case t.Kind() == reflect.Float64 || t.Kind() == reflect.Float32:
		return func(rv reflect.Value) value { return float(rv.Float()) }
	case t.Kind() == reflect.Struct && t != timeType:
		return func(rv reflect.Value) value {
			if rv.CanAddr() {
				return value{k: kGo, r: rv.Addr().Interface()}
			}
			return fromElem(rv)
		}
	}
	return fromElem
}

// bind is the method with its receiver. A value that has no address is copied for a pointer method.
func (m *member) bind(rv reflect.Value) reflect.Value {
	switch {
	case m.ptr && rv.Kind() != reflect.Pointer:
		p := reflect.New(rv.Type())
		p.Elem().Set(rv)
		return p.Method(m.method)
	case !m.ptr && rv.Kind() == reflect.Pointer:
		return rv.Elem().Method(m.method)
	}
	return rv.Method(m.method)
}
