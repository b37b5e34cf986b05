package carafe

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/carafeweb/carafe/routing"
)

// A class-based view is a value whose methods Get, Post, Put … are views, each for the HTTP method of its name, and
// together for one route:
//
//	type Counter struct{ n atomic.Int64 }
//
//	func (v *Counter) Get() string  { return strconv.FormatInt(v.n.Load(), 10) }
//	func (v *Counter) Post() string { return strconv.FormatInt(v.n.Add(1), 10) }
//
//	app.Route("/counter", &Counter{})
//
// The value is shared by all requests; [PerRequest] makes one for each. A method Dispatch is the view for every method that
// has none of its own. HEAD falls back to Get. Embedding inherits methods. Three optional methods say more: Methods() []string
// limits the HTTP methods, or names other ones (PROPFIND is answered by Propfind); AutomaticOptions() bool; Decorators()
// []func(View) View wrap the whole view, the first innermost.
//
// Source: flask.views.View, flask.views.MethodView.

// perRequest is a class-based view that is made anew for every request.
type perRequest struct {
	make  reflect.Value // func() T
	proto any           // one T, made at set-up, for its methods
}

// PerRequest makes a class-based view of which every request gets a new value, made by f. f is also called
// once at set-up, to see the methods.
//
// Source: View.init_every_request.
func PerRequest[T any](f func() T) any {
	return perRequest{reflect.ValueOf(f), f()}
}

// Methods are those of the value, if it names them.
func (p perRequest) Methods() []string { return declaredMethods(p.proto) }

// httpMethods are the methods whose names as Go methods make a class-based view.
var httpMethods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
	http.MethodOptions, http.MethodTrace, http.MethodConnect,
}

// goName is the name of the Go method for an HTTP method: "Propfind" for "PROPFIND".
func goName(method string) string {
	if method == "" {
		return ""
	}
	return strings.ToUpper(method[:1]) + strings.ToLower(method[1:])
}

func classValue(view any) any {
	if p, ok := view.(perRequest); ok {
		return p.proto
	}
	return view
}

// isClassView says whether view is a value with a method that can be a view.
func isClassView(view any) bool {
	v := reflect.ValueOf(classValue(view))
	if !v.IsValid() || v.Kind() == reflect.Func {
		return false
	}
	for _, m := range append(httpMethods, declaredMethods(classValue(view))...) {
		if v.MethodByName(goName(m)).IsValid() {
			return true
		}
	}
	return v.MethodByName("Dispatch").IsValid()
}

func declaredMethods(view any) []string {
	if m, ok := view.(interface{ Methods() []string }); ok {
		return m.Methods()
	}
	return nil
}

// classMethods are the HTTP methods of a class-based view, nil for any other, or if only Dispatch says.
func classMethods(view any) []string {
	if !isClassView(view) {
		return nil
	}
	value := classValue(view)
	if declared := declaredMethods(value); declared != nil {
		return declared
	}
	var methods []string
	for _, m := range httpMethods {
		if reflect.ValueOf(value).MethodByName(goName(m)).IsValid() {
			methods = append(methods, m)
		}
	}
	return methods
}

// compileClass compiles every method of a class-based view, and the choice among them.
func compileClass(a *App, view any, vars []routing.Variable, edited bool) (viewFunc, error) {
	value := classValue(view)
	views := map[string]viewFunc{}
	for _, m := range append(slices.Clone(httpMethods), declaredMethods(value)...) {
		f, err := compileMethod(a, view, goName(m), vars, edited)
		if err != nil {
			return nil, err
		}
		if f != nil {
			views[strings.ToUpper(m)] = f
		}
	}
	rest, err := compileMethod(a, view, "Dispatch", vars, edited)
	if err != nil {
		return nil, err
	}
	if get, ok := views[http.MethodGet]; ok && views[http.MethodHead] == nil {
		views[http.MethodHead] = get
	}
	return decorate(value, func(c *Context) (result, error) {
		if f, ok := views[c.Request.Method]; ok {
			return f(c)
		}
		if rest != nil {
			return rest(c)
		}
		return result{}, fmt.Errorf("carafe: the class-based view of %q has no method %s", c.Endpoint(), goName(c.Request.Method))
	})
}

// compileMethod compiles one method; nil if the value does not have it.
func compileMethod(a *App, view any, name string, vars []routing.Variable, edited bool) (viewFunc, error) {
	method := reflect.ValueOf(classValue(view)).MethodByName(name)
	if !method.IsValid() {
		return nil, nil
	}
	f, err := compileView(a, method.Interface(), vars, edited)
	if err != nil {
		return nil, fmt.Errorf("method %s: %w", name, err)
	}
	p, ok := view.(perRequest)
	if !ok {
		return f, nil
	}
	return planMethod(a, p.make, name, vars)
}

// planMethod calls a method of a value that is made for the request.
func planMethod(a *App, newValue reflect.Value, name string, vars []routing.Variable) (viewFunc, error) {
	proto := newValue.Type().Out(0)
	method, ok := proto.MethodByName(name)
	if !ok {
		return nil, fmt.Errorf("carafe: PerRequest needs a func that returns a concrete type with its methods, not %v", proto)
	}
	var bound reflect.Type = reflect.FuncOf(inTypes(method.Type)[1:], outTypes(method.Type), false)
	args, err := planArguments(a, bound, vars)
	if err != nil {
		return nil, err
	}
	read, err := planResults(bound)
	if err != nil {
		return nil, err
	}
	receiver := func(_ *Context, dst reflect.Value) error { dst.Set(newValue.Call(nil)[0]); return nil }
	return newCall(method.Func, method.Type, append([]argument{receiver}, args...), read), nil
}

func inTypes(t reflect.Type) []reflect.Type {
	types := make([]reflect.Type, t.NumIn())
	for i := range types {
		types[i] = t.In(i)
	}
	return types
}

func outTypes(t reflect.Type) []reflect.Type {
	types := make([]reflect.Type, t.NumOut())
	for i := range types {
		types[i] = t.Out(i)
	}
	return types
}

// decorate wraps f in the value's Decorators, the first innermost.
func decorate(value any, f viewFunc) (viewFunc, error) {
	d, ok := value.(interface{ Decorators() []func(View) View })
	if !ok {
		return f, nil
	}
	var view View = func(c *Context) (any, error) {
		res, err := f(c)
		return res.boxed(), err
	}
	for _, wrap := range d.Decorators() {
		if view = wrap(view); view == nil {
			return nil, errors.New("a decorator of the class-based view returned nil")
		}
	}
	return func(c *Context) (result, error) {
		v, err := view(c)
		return result{body: v}, err
	}, nil
}
