package carafe

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"

	"github.com/carafeweb/carafe/routing"
)

// errPathText says that a path field is read from the variable's text, as its type is not the converter's.
var errPathText = errors.New("carafe: path field with a text form")

// pathArguments checks the path fields against the variables of a rule, and gives what fills each.
func (p *structPlan) pathArguments(vars []routing.Variable) ([]argument, error) {
	args := make([]argument, 0, len(p.pathFields))
	for _, i := range p.pathFields {
		f := p.fields[i]
		name := f.sources[0].name
		at := -1
		for k, v := range vars {
			if v.Name == name {
				at = k
			}
		}
		if at < 0 {
			return nil, fmt.Errorf("%s has the path tag %q, but the rule's variables are %s", f.label, name, describeVariables(vars))
		}
		arg, err := pathArgument(f, at, vars[at])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.label, err)
		}
		args = append(args, arg)
	}
	return args, nil
}

func pathArgument(f *fieldPlan, at int, v routing.Variable) (argument, error) {
	t := indirect(f.field.Type)
	arg, err := variableArgument(t, at, v)
	if err != nil {
		if v.Type != typeString || f.setText == nil {
			return nil, err
		}
		return func(*Context, reflect.Value) error { return errPathText }, nil
	}
	if t == f.field.Type {
		return arg, nil
	}
	return func(c *Context, dst reflect.Value) error {
		val := reflect.New(t).Elem()
		if err := arg(c, val); err != nil {
			return err
		}
		dst.Set(pointTo(val, f.field.Type))
		return nil
	}, nil
}

// pointTo is a pointer of type t, of however many stars, to val.
func pointTo(val reflect.Value, t reflect.Type) reflect.Value {
	if t.Kind() != reflect.Pointer {
		return val
	}
	p := reflect.New(t.Elem())
	p.Elem().Set(pointTo(val, t.Elem()))
	return p
}

// readParam fills path field i from what the matched rule has under its name.
func (r *bindRun) readParam(p *structPlan, v reflect.Value, base, i int) error {
	f := p.fields[i]
	name := f.sources[0].name
	param, ok := r.c.Params()[name]
	if !ok {
		return fmt.Errorf("carafe: Bind: %s has the path tag %q, but the rule of %q has no such variable", f.label, name, r.c.Endpoint())
	}
	val := reflect.ValueOf(param)
	t := indirect(f.field.Type)
	total := r.total
	target := reflect.New(t).Elem()
	switch {
	case val.IsValid() && val.Type().AssignableTo(t):
		target.Set(val)
	case val.IsValid() && val.Kind() == reflect.Int && isInteger(t.Kind()):
		if n := val.Int(); target.CanInt() && target.OverflowInt(n) || target.CanUint() && (n < 0 || target.OverflowUint(uint64(n))) {
			return Abort(http.StatusNotFound)
		}
		target.Set(val.Convert(t))
	case f.setText != nil:
		r.in = fromPath
		r.enterAs(f, name)
		if rule := f.setText(target, fmt.Sprint(param)); rule != "" {
			r.unreadable(rule)
		}
		r.leave(f)
	default:
		return fmt.Errorf("carafe: Bind: %s is a %v, but variable %q is a %T", f.label, f.field.Type, name, param)
	}
	f.place(v).Set(pointTo(target, f.field.Type))
	r.sent(base, i, total)
	return nil
}
