package jinja

import (
	"fmt"
	"html/template"
	"reflect"
	"slices"
	"time"
)

// Kwargs is the last parameter of a Go function that takes keyword arguments from templates, or the
// last before a variadic one: func(name string, kw jinja.Kwargs, rest ...any).
type Kwargs map[string]any

// A Context tells a Go function about the place it is called from, if its first parameter is a
// *Context. It is valid during the call: afterwards the render goes on and changes what it sees.
type Context struct {
	scope    *scope
	template string
	escape   bool
	bound    any
}

func (f *frame) context() *Context {
	return &Context{f.ctx, f.tmpl.name, f.ctx.escape, f.r.bound}
}

// Autoescape reports whether the calling template escapes what it prints.
func (c *Context) Autoescape() bool { return c.escape }

// Template is the name of the calling template, "" for one from a string.
func (c *Context) Template() string { return c.template }

// Lookup is the value that a name has in the calling template's context: what it was rendered
// with, set at its top level, or a global; not a loop's or a macro's own names.
func (c *Context) Lookup(name string) (any, bool) {
	v, ok := c.scope.resolve(name)
	if !ok {
		v, ok = c.scope.env.readLive(c.bound, name)
	}
	return toGo(v), ok
}

// A signature is a Go function type that templates can call.
type signature struct {
	in       []reflect.Type // parameters from the template, without context and keywords
	variadic bool
	context  bool // a first *Context
	kwargs   bool // a last Kwargs
	err      bool // a last error result
	result   bool
}

var (
	kwargsType  = reflect.TypeFor[Kwargs]()
	contextType = reflect.TypeFor[*Context]()
)

// newSignature reads a function type, skipping the receiver; nil if templates cannot call it.
func newSignature(t reflect.Type, skip int) *signature {
	s := &signature{variadic: t.IsVariadic()}
	for i := skip; i < t.NumIn(); i++ {
		s.in = append(s.in, t.In(i))
	}
	if len(s.in) > 0 && s.in[0] == contextType {
		s.context, s.in = true, s.in[1:]
	}
	at := len(s.in) - 1
	if s.variadic {
		at--
	}
	if at >= 0 && s.in[at] == kwargsType {
		s.kwargs, s.in = true, slices.Delete(s.in, at, at+1)
	}
	switch t.NumOut() {
	case 0:
	case 1:
		s.err = t.Out(0) == errorType
		s.result = !s.err
	case 2:
		s.result, s.err = true, true
		if t.Out(1) != errorType {
			return nil
		}
	default:
		return nil
	}
	return s
}

// A goFunc is a Go function or a bound method.
type goFunc struct {
	label string
	fn    reflect.Value
	sig   *signature
	raw   any
}

func (g *goFunc) name() string { return g.label }

// fromFunc is a function as a template sees it: something to call, or an iter.Seq to run over.
func fromFunc(rv reflect.Value, x any) value {
	if rv.IsNil() {
		return none
	}
	if rv.Type().CanSeq() && rv.Type().NumIn() == 1 {
		return fromSeq(rv)
	}
	if rv.Type().CanSeq2() {
		return fromSeq2(rv)
	}
	sig := newSignature(rv.Type(), 0)
	if sig == nil {
		return value{k: kGo, r: x}
	}
	return value{k: kFunc, r: &goFunc{label: "function", fn: rv, sig: sig, raw: x}}
}

func (g *goFunc) call(f *frame, pos []value, kw []keyword) value {
	if v, ok := g.callDirect(pos, kw); ok {
		return v
	}
	in, err := g.sig.arguments(f, pos, kw)
	if err != nil {
		throw(typeError, "%s: %s", g.label, err)
	}
	return g.sig.results(g.fn.Call(in))
}

// callDirect calls the shapes that most functions have without reflection.
func (g *goFunc) callDirect(pos []value, kw []keyword) (value, bool) {
	if g.raw == nil || len(kw) > 0 {
		return none, false
	}
	switch fn := g.raw.(type) {
	case func() string:
		if len(pos) == 0 {
			return text(fn()), true
		}
	case func(string) string:
		if len(pos) == 1 && pos[0].k == kStr {
			return text(fn(pos[0].s)), true
		}
	case func(string) bool:
		if len(pos) == 1 && pos[0].k == kStr {
			return boolean(fn(pos[0].s)), true
		}
	case func(any) any:
		if len(pos) == 1 {
			return fromGo(fn(toGo(pos[0]))), true
		}
	}
	return none, false
}

// arguments converts what the template passes to what the function takes.
func (s *signature) arguments(f *frame, pos []value, kw []keyword) ([]reflect.Value, error) {
	if len(kw) > 0 && !s.kwargs {
		return nil, fmt.Errorf("takes no keyword argument '%s'", kw[0].name)
	}
	fixed := len(s.in)
	if s.variadic {
		fixed--
	}
	if len(pos) < fixed || len(pos) > fixed && !s.variadic {
		return nil, fmt.Errorf("takes %d arguments but %d were given", fixed, len(pos))
	}
	var in []reflect.Value
	if s.context {
		in = append(in, reflect.ValueOf(f.context()))
	}
	for i, v := range pos {
		if i == fixed && s.kwargs {
			in = append(in, reflect.ValueOf(toKwargs(kw)))
		}
		t := s.paramType(i, fixed)
		p, err := toParam(v, t)
		if err != nil {
			return nil, fmt.Errorf("argument %d: %w", i+1, err)
		}
		in = append(in, p)
	}
	if s.kwargs && len(pos) <= fixed {
		in = append(in, reflect.ValueOf(toKwargs(kw)))
	}
	return in, nil
}

func (s *signature) paramType(i, fixed int) reflect.Type {
	if i >= fixed {
		return s.in[fixed].Elem()
	}
	return s.in[i]
}

func toKwargs(kw []keyword) Kwargs {
	out := make(Kwargs, len(kw))
	for _, k := range kw {
		out[k.name] = toGo(k.v)
	}
	return out
}

func (s *signature) results(out []reflect.Value) value {
	if s.err {
		if err, _ := out[len(out)-1].Interface().(error); err != nil {
			throwCause(err)
		}
	}
	if !s.result {
		return none
	}
	return fromElem(out[0])
}

// toParam converts a value to a Go parameter's type, or says why it does not fit.
func toParam(v value, t reflect.Type) (reflect.Value, error) {
	if v.k == kUndefined && t.Kind() != reflect.Interface {
		v.undefined().fail()
	}
	out := reflect.New(t).Elem()
	switch v = unwrapFor(v, t); {
	case v.k == kNone && nilable(t):
		return out, nil
	case t == htmlType && v.k != kNone:
		return reflect.ValueOf(template.HTML(escaped(v))), nil
	case v.isText() && t.Kind() == reflect.String:
		out.SetString(v.s)
		return out, nil
	case v.k == kBool && t.Kind() == reflect.Bool:
		out.SetBool(v.n != 0)
		return out, nil
	case v.k == kTime && t == timeType:
		return reflect.ValueOf(v.r.(time.Time)), nil
	case v.isNumber() && setNumber(out, v):
		return out, nil
	}
	return toParamOther(v, out)
}

// unwrapFor is a Go value of a basic kind as that kind, unless it is of the wanted type itself.
func unwrapFor(v value, t reflect.Type) value {
	if v.k == kGo && !reflect.TypeOf(v.r).AssignableTo(t) {
		return goPlain(v)
	}
	return v
}

func nilable(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Interface, reflect.Pointer, reflect.Map, reflect.Slice, reflect.Func:
		return true
	}
	return false
}

func setNumber(out reflect.Value, v value) bool {
	switch {
	case out.CanFloat():
		out.SetFloat(v.asFloat())
		return true
	case v.k == kFloat || v.k == kBool:
		return false
	case out.CanInt() && v.k == kInt && !out.OverflowInt(v.n):
		out.SetInt(v.n)
		return true
	case out.CanUint() && v.asBig().IsUint64() && !out.OverflowUint(v.asBig().Uint64()):
		out.SetUint(v.asBig().Uint64())
		return true
	}
	return false
}

func toParamOther(v value, out reflect.Value) (reflect.Value, error) {
	t := out.Type()
	if x := toGo(v); x != nil && reflect.TypeOf(x).AssignableTo(t) {
		return reflect.ValueOf(x), nil
	}
	switch {
	case v.k == kUndefined:
		return out, nil
	case v.k == kGo && t.Kind() == reflect.Struct && reflect.TypeOf(v.r) == reflect.PointerTo(t):
		return reflect.ValueOf(v.r).Elem(), nil
	case isSeq(v) && t.Kind() == reflect.Slice:
		return toSlice(v, out)
	case v.k == kDict && t.Kind() == reflect.Map:
		return toMap(v, out)
	}
	return out, fmt.Errorf("cannot use %s as %s", typeName(v), t)
}

func toSlice(v value, out reflect.Value) (reflect.Value, error) {
	for i := range seqLen(v) {
		x, err := toParam(seqAt(v, i), out.Type().Elem())
		if err != nil {
			return out, err
		}
		out = reflect.Append(out, x)
	}
	return out, nil
}

func toMap(v value, out reflect.Value) (reflect.Value, error) {
	t := out.Type()
	out = reflect.MakeMap(t)
	for _, key := range dictKeys(v) {
		item, _ := dictGet(v, key)
		k, err := toParam(key, t.Key())
		if err != nil {
			return out, err
		}
		x, err := toParam(item, t.Elem())
		if err != nil {
			return out, err
		}
		out.SetMapIndex(k, x)
	}
	return out, nil
}

// checkFunction is a filter or test of the program's own, or the reason why it cannot be one.
func checkFunction(name string, fn any, test bool) (*goFunc, error) {
	what := "filter"
	if test {
		what = "test"
	}
	rv := reflect.ValueOf(fn)
	if rv.Kind() != reflect.Func || rv.IsNil() {
		return nil, fmt.Errorf("jinja: %s %q is a %T: want a function", what, name, fn)
	}
	sig := newSignature(rv.Type(), 0)
	if sig == nil || !sig.result || len(sig.in) == 0 {
		return nil, fmt.Errorf("jinja: %s %q is a %T: want a function of the value, and of further arguments, that returns a result, or a result and an error", what, name, fn)
	}
	if test && rv.Type().Out(0).Kind() != reflect.Bool {
		return nil, fmt.Errorf("jinja: test %q is a %T: want a function that returns bool", name, fn)
	}
	return &goFunc{label: name, fn: rv, sig: sig, raw: fn}, nil
}
