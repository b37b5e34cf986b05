package carafe

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"runtime"
	"strings"
	"sync"

	"github.com/carafeweb/carafe/gateway"
	"github.com/carafeweb/carafe/routing"
)

// View is the canonical form that every view is compiled to. The value goes through
// [App.MakeResponse], the error down the error road.
type View = func(c *Context) (any, error)

// result is what a view gave, before MakeResponse. Text is kept out of the interface, so that the
// most frequent answer is not boxed.
type result struct {
	body   any
	text   string
	isText bool
	isJSON bool        // the body's static type says that it is for the JSON provider
	byHand bool        // MakeResponse was called, which gives the Response back that it was given
	status int         // 0 means the body's own
	header http.Header // nil means none
}

// viewFunc is a view compiled for one rule.
type viewFunc func(c *Context) (result, error)

// mapResult is Flask's dict.
func mapResult(m map[string]any) result { return result{body: m, isJSON: true} }

func textResult(s string) result { return result{text: s, isText: true} }

// compileView checks that view is a view for a rule with these variables and makes the closure that calls it. edited says
// that URL value preprocessors may change the variables first.
func compileView(a *App, view any, vars []routing.Variable, edited bool) (viewFunc, error) {
	if v := reflect.ValueOf(view); v.Kind() == reflect.Func && v.IsNil() {
		return nil, fmt.Errorf("the view is a nil %T", view)
	}
	if f := compileHandler(view); f != nil {
		return f, nil
	}
	if isClassView(view) {
		return compileClass(a, view, vars, edited)
	}
	if f := compileFrequent(view, vars, edited); f != nil {
		return f, nil
	}
	return planView(a, view, vars)
}

// compileHandler takes what net/http calls a handler, and Carafe's canonical View.
func compileHandler(view any) viewFunc {
	switch f := view.(type) {
	case func(http.ResponseWriter, *http.Request):
		return handlerView(http.HandlerFunc(f))
	case http.Handler:
		return handlerView(f)
	case gateway.Application:
		return handlerView(gateway.Handler(f))
	case func(*Context) (any, error):
		return func(c *Context) (result, error) {
			v, err := f(c)
			return result{body: v}, err
		}
	}
	return nil
}

func handlerView(h http.Handler) viewFunc {
	return func(*Context) (result, error) { return result{body: h}, nil }
}

// compileFrequent compiles the shapes that most views have to direct calls: nothing about them is
// looked up while serving. Everything else goes through planView, whose answers are the same (TestFrequentShapesAgree).
func compileFrequent(view any, vars []routing.Variable, edited bool) viewFunc {
	var only *routing.Variable // whose value is as it matched
	if len(vars) == 1 && !vars[0].HasDefault && !edited {
		only = &vars[0]
	}
	for _, shape := range []func(any, *routing.Variable) viewFunc{
		compileReturning(textResult),
		compileReturning(func(v any) result { return result{body: v} }),
		compileReturning(mapResult),
		compileReturning(func(resp *Response) result { return result{body: resp} }),
	} {
		if f := shape(view, only); f != nil {
			return f
		}
	}
	return nil
}

// compileReturning compiles views that return an R, and perhaps an error: those that take no variable, and those that take the only one.
func compileReturning[R any](made func(R) result) func(view any, only *routing.Variable) viewFunc {
	return func(view any, only *routing.Variable) viewFunc {
		switch f := view.(type) {
		case func() R:
			return func(*Context) (result, error) { return made(f()), nil }
		case func(*Context) R:
			return func(c *Context) (result, error) { return made(f(c)), nil }
		case func() (R, error):
			return func(*Context) (result, error) { v, err := f(); return made(v), err }
		case func(*Context) (R, error):
			return func(c *Context) (result, error) { v, err := f(c); return made(v), err }
		}
		switch {
		case only == nil:
			return nil
		case only.Type == typeString:
			return compileTaking(view, made, func(c *Context) string { return c.match.Text(0) })
		case only.Type == typeInt:
			return compileTaking(view, made, func(c *Context) int { return int(c.match.Int(0)) })
		}
		return nil
	}
}

// compileTaking compiles views that take one variable, a V.
func compileTaking[V, R any](view any, made func(R) result, value func(*Context) V) viewFunc {
	switch f := view.(type) {
	case func(V) R:
		return func(c *Context) (result, error) { return made(f(value(c))), nil }
	case func(*Context, V) R:
		return func(c *Context) (result, error) { return made(f(c, value(c))), nil }
	case func(V) (R, error):
		return func(c *Context) (result, error) { v, err := f(value(c)); return made(v), err }
	case func(*Context, V) (R, error):
		return func(c *Context) (result, error) { v, err := f(c, value(c)); return made(v), err }
	}
	return nil
}

var (
	typeString  = reflect.TypeFor[string]()
	typeInt     = reflect.TypeFor[int]()
	typeContext = reflect.TypeFor[*Context]()
	typeStdCtx  = reflect.TypeFor[context.Context]()
	typeError   = reflect.TypeFor[error]()
	typeHeader  = reflect.TypeFor[http.Header]()
	typeWriter  = reflect.TypeFor[http.ResponseWriter]()
)

// viewShapes is the cure in the message about a function that is no view.
const viewShapes = `a view is func([c *carafe.Context,] [the rule's variables,] [one struct to bind]) (body[, int][, http.Header][, error]), an http.Handler, a gateway.Application, or a func(http.ResponseWriter, *http.Request)`

// planView reads the function's type once and returns a closure that fills its arguments from
// the match and reads its results.
func planView(a *App, view any, vars []routing.Variable) (viewFunc, error) {
	t := reflect.TypeOf(view)
	if t == nil || t.Kind() != reflect.Func {
		return nil, fmt.Errorf("a %T is not a view: %s", view, viewShapes)
	}
	fn := reflect.ValueOf(view)
	args, err := planArguments(a, t, vars)
	if err != nil {
		return nil, err
	}
	read, err := planResults(t)
	if err != nil {
		return nil, err
	}
	return newCall(fn, t, args, read), nil
}

// argument puts one argument of a view into dst for a request.
type argument func(c *Context, dst reflect.Value) error

// newCall calls a function by reflection. The frames that hold the arguments are ours alone, and used again.
func newCall(fn reflect.Value, t reflect.Type, args []argument, read func([]reflect.Value) (result, error)) viewFunc {
	frames := sync.Pool{New: func() any {
		in := make([]reflect.Value, len(args))
		for i := range in {
			in[i] = reflect.New(t.In(i)).Elem()
		}
		return &in
	}}
	return func(c *Context) (result, error) {
		frame := frames.Get().(*[]reflect.Value)
		in := *frame
		defer func() {
			for _, v := range in {
				v.SetZero()
			}
			frames.Put(frame)
		}()
		for i, arg := range args {
			if err := arg(c, in[i]); err != nil {
				return result{}, err
			}
		}
		return read(fn.Call(in))
	}
}

func planArguments(a *App, t reflect.Type, vars []routing.Variable) ([]argument, error) {
	if t.IsVariadic() {
		return nil, fmt.Errorf("%v is variadic: %s", t, viewShapes)
	}
	var args []argument
	rest := make([]reflect.Type, t.NumIn())
	for i := range rest {
		rest[i] = t.In(i)
	}
	if len(rest) > 0 && (rest[0] == typeContext || rest[0] == typeStdCtx) {
		args = append(args, func(c *Context, dst reflect.Value) error { dst.Set(reflect.ValueOf(c)); return nil })
		rest = rest[1:]
	}
	if len(rest) > 0 && rest[0] == typeWriter {
		return nil, fmt.Errorf("%v takes an http.ResponseWriter, as an http.HandlerFunc does, which returns nothing: %s", t, viewShapes)
	}
	bound := bindArgument(rest, vars)
	if bound != nil {
		rest = rest[:len(rest)-1]
	}
	if len(rest) != 0 && len(rest) != len(vars) {
		return nil, fmt.Errorf("takes %s, but the rule has %s: take all of them in that order, or none and use c.Param",
			plural(len(rest), "variable"), describeVariables(vars))
	}
	for i, in := range rest {
		arg, err := variableArgument(in, i, vars[i])
		if err != nil {
			return nil, err
		}
		args = append(args, arg)
	}
	if bound == nil {
		return args, nil
	}
	arg, err := planBinding(a, bound, vars)
	return append(args, arg), err
}

// bindArgument is the type of the struct that the last parameter wants to be bound to, nil if it wants none: a struct,
// or a pointer to one, that is not the value of a variable.
func bindArgument(params []reflect.Type, vars []routing.Variable) reflect.Type {
	if len(params) == 0 || len(params) == len(vars) && params[len(params)-1] == vars[len(vars)-1].Type {
		return nil
	}
	t := params[len(params)-1]
	if t.Kind() == reflect.Struct || t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct {
		return t
	}
	return nil
}

// variableArgument gives variable i as a value of type in.
func variableArgument(in reflect.Type, i int, v routing.Variable) (argument, error) {
	switch {
	case v.Type == typeInt && isInteger(in.Kind()):
		return integerArgument(i, v), nil
	case v.Type == nil || v.Type.AssignableTo(in):
		return func(c *Context, dst reflect.Value) error {
			val, err := c.argument(i, in)
			if err == nil {
				dst.Set(val)
			}
			return err
		}, nil
	case v.Type.Kind() == in.Kind() && isScalar(in.Kind()):
		return func(c *Context, dst reflect.Value) error {
			val, err := c.argument(i, v.Type)
			if err == nil {
				dst.Set(val.Convert(in))
			}
			return err
		}, nil
	}
	return nil, fmt.Errorf("takes variable %q as %v, but its converter %q gives %v", v.Name, in, v.Converter, v.Type)
}

// edited is what a preprocessor has put in the place of variable i; ok is false if nobody could.
func (c *Context) edited(i int) (v any, ok bool) {
	m := c.more.Load()
	if m == nil || m.params == nil {
		return nil, false
	}
	v, ok = m.params[c.match.Rule.Variables()[i].Name]
	return v, ok
}

// argument is variable i of the match, or what a preprocessor has put in its place; one that was taken away is passed as it
// matched.
func (c *Context) argument(i int, in reflect.Type) (reflect.Value, error) {
	v, ok := c.edited(i)
	if !ok {
		v = c.match.Value(i)
	}
	val := reflect.ValueOf(v)
	if !val.IsValid() || !val.Type().AssignableTo(in) {
		return reflect.Value{}, fmt.Errorf("carafe: variable %q is a %T, not the %v that the view of %q takes", c.match.Rule.Variables()[i].Name, v, in, c.Endpoint())
	}
	return val, nil
}

// integerArgument gives an <int> as any integer type; a number that does not fit it is no match, hence a 404.
func integerArgument(i int, v routing.Variable) argument {
	return func(c *Context, dst reflect.Value) error {
		var n int64
		if _, ok := c.edited(i); ok || v.HasDefault {
			val, err := c.argument(i, typeInt)
			if err != nil {
				return err
			}
			n = val.Int()
		} else {
			n = c.match.Int(i)
		}
		switch {
		case dst.CanInt() && !dst.OverflowInt(n):
			dst.SetInt(n)
		case dst.CanUint() && n >= 0 && !dst.OverflowUint(uint64(n)):
			dst.SetUint(uint64(n))
		default:
			return Abort(http.StatusNotFound)
		}
		return nil
	}
}

func isInteger(k reflect.Kind) bool { return k >= reflect.Int && k <= reflect.Uintptr }

func isScalar(k reflect.Kind) bool {
	return isInteger(k) || k == reflect.String || k == reflect.Float32 || k == reflect.Float64 || k == reflect.Bool
}

// planResults reads body[, int][, http.Header][, error].
func planResults(t reflect.Type) (func([]reflect.Value) (result, error), error) {
	n := t.NumOut()
	if n == 0 {
		return nil, fmt.Errorf("%v returns nothing: %s", t, viewShapes)
	}
	status, header, failure := 0, 0, 0 // positions; 0 is the body's, so it means none
	for i := 1; i < n; i++ {
		switch out := t.Out(i); {
		case out.Kind() == reflect.Int && status+header+failure == 0:
			status = i
		case out == typeHeader && header+failure == 0:
			header = i
		case out == typeError && i == n-1:
			failure = i
		default:
			return nil, fmt.Errorf("%v has a result %d that is a %v: %s", t, i+1, out, viewShapes)
		}
	}
	isJSON := goesToJSON(t.Out(0))
	return func(out []reflect.Value) (result, error) {
		if failure > 0 && !out[failure].IsNil() {
			return result{}, out[failure].Interface().(error)
		}
		res := result{body: out[0].Interface(), isJSON: isJSON}
		if s, ok := res.body.(string); ok {
			res = textResult(s)
		}
		if status > 0 {
			res.status = int(out[status].Int())
		}
		if header > 0 {
			res.header = out[header].Interface().(http.Header)
		}
		return res, nil
	}, nil
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func describeVariables(vars []routing.Variable) string {
	if len(vars) == 0 {
		return "none (they are written <id>, or <int:id>)"
	}
	names := make([]string, len(vars))
	for i, v := range vars {
		names[i] = fmt.Sprintf("%s %v", v.Name, v.Type)
	}
	return fmt.Sprintf("%d (%s)", len(vars), strings.Join(names, ", "))
}

// viewName is the endpoint that a view has if none is given: the name of its function or method, "" for a closure.
// Source: flask.sansio.scaffold._endpoint_from_view_func.
func viewName(view any) string {
	v := reflect.ValueOf(view)
	if v.Kind() != reflect.Func {
		return typeName(v)
	}
	f := runtime.FuncForPC(v.Pointer())
	if f == nil {
		return ""
	}
	name := strings.TrimSuffix(f.Name(), "-fm")
	name = name[strings.LastIndexByte(name, '/')+1:]
	parts := strings.Split(strings.ReplaceAll(name, "[...]", ""), ".")
	last := parts[len(parts)-1]
	if len(parts) > 2 && isClosureName(parts[1:]) {
		return ""
	}
	return last
}

// isClosureName recognises the compiler's names of function literals: main.main.func1, app.New.(*T).f.func2.1, main.glob..func1.
func isClosureName(parts []string) bool {
	for _, p := range parts[1:] {
		digits := strings.TrimPrefix(strings.TrimPrefix(p, "gowrap"), "func")
		if digits == p && p != "" && strings.Trim(p, "0123456789") != "" {
			continue
		}
		if strings.Trim(digits, "0123456789") == "" {
			return true
		}
	}
	return false
}

func typeName(v reflect.Value) string {
	if !v.IsValid() {
		return ""
	}
	t := v.Type()
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Name()
}

// sameView says whether two views are the same function, so that one may be registered for several rules.
// Method values are the same if their methods are: their receivers cannot be seen.
func sameView(a, b any) bool {
	va, vb := reflect.ValueOf(a), reflect.ValueOf(b)
	if va.Type() != vb.Type() {
		return false
	}
	if va.Kind() == reflect.Func {
		return va.Pointer() == vb.Pointer()
	}
	return va.Comparable() && a == b
}

// viewSite is where a view is written, the zero Site for a handler value.
func viewSite(view any) Site {
	if v := reflect.ValueOf(view); v.Kind() == reflect.Func {
		return funcSite(v.Pointer())
	}
	return Site{}
}

// boxed is the result as one value, for those who pass it on.
func (r result) boxed() any {
	body := r.body
	if r.isText {
		body = r.text
	}
	var rest []any
	if r.status != 0 {
		rest = append(rest, r.status)
	}
	if r.header != nil {
		rest = append(rest, r.header)
	}
	if rest == nil {
		return body
	}
	return Reply(body, rest...)
}
