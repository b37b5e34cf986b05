package jinja

import (
	"encoding/json"
	"html/template"
	"math/big"
	"reflect"
	"time"
)

// An Attributer gives its attributes itself; it is asked before fields and methods are.
type Attributer interface {
	Attr(name string) (any, bool)
}

// A Truther decides itself whether {% if %} takes it for true.
type Truther interface{ Truth() bool }

// fromGo is a Go value as a template sees it. The types of most pages come first; others go by the
// plan of their type. Nothing is copied: slices, maps and pointers stay where they are.
func fromGo(x any) value {
	switch x := x.(type) {
	case nil:
		return none
	case string:
		return text(x)
	case int:
		return integer(int64(x))
	case bool:
		return boolean(x)
	case []any, []string, []map[string]any, []int:
		return value{k: kList, r: x}
	case map[string]any, map[string]string:
		return value{k: kDict, r: x}
	case float64:
		return float(x)
	case template.HTML:
		return markup(string(x))
	case int64:
		return integer(x)
	case time.Time:
		return value{k: kTime, r: x}
	}
	return fromGoOwn(x)
}

// fromGoOwn takes the engine's own types and a few of the standard library's.
func fromGoOwn(x any) value {
	switch x := x.(type) {
	case opaque:
		return x.v
	case Function:
		return value{k: kFunc, r: &rawFunc{x}}
	case *List:
		return value{k: kList, r: x}
	case *Tuple:
		return value{k: kTuple, r: x}
	case *Dict:
		return value{k: kDict, r: x}
	case []byte:
		return bytesVal(string(x))
	case *big.Int:
		if x == nil {
			return none
		}
		return bigInt(new(big.Int).Set(x))
	case json.Number:
		return jsonNumber(string(x))
	}
	return fromReflect(reflect.ValueOf(x), x)
}

func jsonNumber(s string) value {
	if v, ok := parsePyInt(s, 10); ok {
		return v
	}
	if f, ok := parsePyFloat(s); ok {
		return float(f)
	}
	return text(s)
}

// fromReflect takes any other type. x is rv.Interface(), at hand already.
func fromReflect(rv reflect.Value, x any) value {
	p := planOf(rv.Type())
	if p.own {
		return value{k: kGo, r: x}
	}
	if v, ok := basic(rv); ok {
		return v
	}
	switch rv.Kind() {
	case reflect.Slice, reflect.Array:
		return value{k: kList, r: x}
	case reflect.Map:
		return value{k: kDict, r: x}
	case reflect.Pointer:
		if rv.IsNil() {
			return none
		}
		if rv.Elem().Kind() != reflect.Struct {
			return fromElem(rv.Elem())
		}
	case reflect.Func:
		return fromFunc(rv, x)
	case reflect.Chan:
		return value{k: kIter, r: &oneShot{it: &chanIter{rv}}}
	}
	return value{k: kGo, r: x}
}

// basic is a value of a kind that fits into a value as it is.
func basic(rv reflect.Value) (value, bool) {
	switch rv.Kind() {
	case reflect.String:
		return text(rv.String()), true
	case reflect.Bool:
		return boolean(rv.Bool()), true
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return integer(rv.Int()), true
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return bigInt(new(big.Int).SetUint64(rv.Uint())), true
	case reflect.Float32, reflect.Float64:
		return float(rv.Float()), true
	}
	return none, false
}

var (
	stringType = reflect.TypeFor[string]()
	timeType   = reflect.TypeFor[time.Time]()
	htmlType   = reflect.TypeFor[template.HTML]()
)

// fromElem is a field or an item as a template sees it. A struct is taken by its address where it
// has one, so that nothing is copied and methods of the pointer are there.
func fromElem(rv reflect.Value) value {
	if rv.Type() == stringType {
		return text(rv.String())
	}
	switch rv.Kind() {
	case reflect.Struct:
		if rv.CanAddr() && rv.Type() != timeType {
			return value{k: kGo, r: rv.Addr().Interface()}
		}
	case reflect.Interface, reflect.Pointer, reflect.Map, reflect.Func, reflect.Chan:
		if rv.IsNil() {
			return none
		}
	default:
		if rv.Type() != htmlType && !planOf(rv.Type()).own {
			if v, ok := basic(rv); ok {
				return v
			}
		}
	}
	return fromGo(rv.Interface())
}

func fromGoAll(items []any) []value {
	out := make([]value, len(items))
	for i, x := range items {
		out[i] = fromGo(x)
	}
	return out
}

// An opaque carries a value of the engine's own, a macro for example, through Go code unchanged.
type opaque struct{ v value }

// toGo is a value as Go code gets it: nil for none and undefined, int, float64, bool, string,
// template.HTML, *big.Int, []byte, time.Time, []any, map[string]any (or *Dict if a key is no text),
// and what came from Go as it came.
func toGo(v value) any {
	var c goConverter
	return c.value(v, 0)
}

// A goConverter bounds the conversion of containers that hold themselves, or one another.
type goConverter struct{ steps int }

func (c *goConverter) value(v value, depth int) any {
	switch v.k {
	case kNone, kUnset, kMissing, kUndefined:
		return nil
	case kBool:
		return v.n != 0
	case kInt:
		return int(v.n)
	case kFloat:
		return v.float()
	case kStr:
		return v.s
	case kMarkup:
		return template.HTML(v.s)
	case kBytes:
		return []byte(v.s)
	case kBig, kTime, kGo:
		return v.r
	}
	return c.container(v, depth)
}

func (c *goConverter) container(v value, depth int) any {
	if depth > maxCompareDepth {
		throw(recursionError, "maximum recursion depth exceeded in a value for Go")
	}
	switch r := v.r.(type) {
	case *List:
		return c.all(r.items, depth)
	case *Tuple:
		return c.all(r.items, depth)
	case *Dict:
		return c.dict(r, depth)
	case *goFunc:
		return r.raw
	case *rawFunc:
		return r.fn
	}
	if v.k == kList || v.k == kDict {
		return v.r
	}
	return opaque{v}
}

func toGoAll(items []value) []any {
	var c goConverter
	return c.all(items, 0)
}

func (c *goConverter) all(items []value, depth int) []any {
	c.steps += len(items)
	checkItems(c.steps)
	out := make([]any, len(items))
	for i, v := range items {
		out[i] = c.value(v, depth+1)
	}
	return out
}

func (c *goConverter) dict(d *Dict, depth int) any {
	c.steps += len(d.keys)
	checkItems(c.steps)
	out := make(map[string]any, len(d.keys))
	for i, k := range d.keys {
		if !k.isText() {
			return d
		}
		out[k.s] = c.value(d.vals[i], depth+1)
	}
	return out
}

func goTypeName(v value) string {
	t := reflect.TypeOf(v.r)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Name() == "" {
		return t.Kind().String()
	}
	return t.String()
}
