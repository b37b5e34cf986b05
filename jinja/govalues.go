package jinja

import (
	"encoding"
	"encoding/json"
	"fmt"
	"html/template"
	"math/big"
	"reflect"
	"slices"
	"strings"
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
	return toGoContainer(v)
}

func toGoContainer(v value) any {
	switch r := v.r.(type) {
	case *List:
		return toGoAll(r.items)
	case *Tuple:
		return toGoAll(r.items)
	case *Dict:
		return toGoDict(r)
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
	out := make([]any, len(items))
	for i, v := range items {
		out[i] = toGo(v)
	}
	return out
}

func toGoDict(d *Dict) any {
	out := make(map[string]any, len(d.keys))
	for i, k := range d.keys {
		if !k.isText() {
			return d
		}
		out[k.s] = toGo(d.vals[i])
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

// appendGoStr prints a Go value: as its String, its error text, its MarshalText, or its basic value.
// Anything else prints its type alone, so that no secret of a struct reaches a page by accident.
func appendGoStr(dst []byte, v value) []byte {
	switch x := printable(v).(type) {
	case error:
		return append(dst, x.Error()...)
	case fmt.Stringer:
		return append(dst, x.String()...)
	case encoding.TextMarshaler:
		b, err := x.MarshalText()
		if err != nil {
			throwCause(err)
		}
		return append(dst, b...)
	}
	if p := goPlain(v); p.k != kGo {
		return appendStr(dst, p)
	}
	return append(dst, "<"+goTypeName(v)+" object>"...)
}

// printable is v's Go value, or a pointer to a copy if only the pointer can print itself.
func printable(v value) any {
	t := reflect.TypeOf(v.r)
	if t.Kind() == reflect.Pointer || !planOf(t).ptrPrints {
		return v.r
	}
	p := reflect.New(t)
	p.Elem().Set(reflect.ValueOf(v.r))
	return p.Interface()
}

// goPlain is a Go value of a basic kind as that kind; others as they are.
func goPlain(v value) value {
	rv := reflect.ValueOf(v.r)
	if rv.Kind() == reflect.Pointer && !rv.IsNil() {
		rv = rv.Elem()
	}
	if b, ok := basic(rv); ok {
		return b
	}
	return v
}

func goLen(v value) (int, bool) {
	switch x := v.r.(type) {
	case interface{ Len() int }:
		return x.Len(), true
	case Mapping:
		return len(x.Keys()), true
	}
	rv := reflect.ValueOf(v.r)
	switch rv.Kind() {
	case reflect.Slice, reflect.Array, reflect.Map:
		return rv.Len(), true
	case reflect.String:
		return length(text(rv.String())), true
	}
	return 0, false
}

func goTruth(v value) bool {
	if t, ok := v.r.(Truther); ok {
		return t.Truth()
	}
	if n, ok := goLen(v); ok {
		return n > 0
	}
	if p := goPlain(v); p.k != kGo {
		return truth(p)
	}
	return true
}

// goIterate runs over what a range statement of Go could: a slice with methods, a map's sorted
// keys, or an All method that gives an iter.Seq.
func goIterate(v value) (iterator, bool) {
	if m, ok := v.r.(Mapping); ok {
		return mappingKeys(m), true
	}
	rv := reflect.ValueOf(v.r)
	switch rv.Kind() {
	case reflect.Slice, reflect.Array:
		return &seqIter{v: value{k: kList, r: v.r}}, true
	case reflect.Map:
		return &sliceIter{items: goMapKeys(v)}, true
	case reflect.String:
		return &runeIter{s: rv.String()}, true
	}
	if m := rv.MethodByName("All"); m.IsValid() && m.Type().NumIn() == 0 && m.Type().NumOut() == 1 {
		if seq := m.Call(nil)[0]; seq.Type().CanSeq() && seq.Kind() == reflect.Func {
			return tryIterate(fromFunc(seq, seq.Interface()))
		}
	}
	return nil, false
}

func goContains(v, item value) (found, ok bool) {
	if m, ok := v.r.(Mapping); ok {
		_, found = mappingItem(m, item)
		return found, true
	}
	rv := reflect.ValueOf(v.r)
	switch rv.Kind() {
	case reflect.Map:
		_, found = goMapGet(v, item)
		return found, true
	case reflect.String:
		return containsText(text(rv.String()), item), true
	}
	return false, false
}

func goMapGet(v, key value) (value, bool) {
	hashKey(key)
	rv := reflect.ValueOf(v.r)
	k, err := toParam(key, rv.Type().Key())
	if err != nil {
		return none, false
	}
	item := rv.MapIndex(k)
	if !item.IsValid() {
		return none, false
	}
	return fromElem(item), true
}

// goMapKeys are the keys of a map in an order that is the same each time: numbers and texts by
// value, others by how they print.
func goMapKeys(v value) []value {
	rv := reflect.ValueOf(v.r)
	keys := make([]value, 0, rv.Len())
	for _, k := range rv.MapKeys() {
		keys = append(keys, fromElem(k))
	}
	slices.SortFunc(keys, func(a, b value) int {
		a, b = plain(a), plain(b)
		if a.isNumber() && b.isNumber() {
			c, _ := compareNumbers(a, b)
			return c
		}
		return strings.Compare(str(a), str(b))
	})
	return keys
}

// chanIter receives until the channel is closed.
type chanIter struct{ rv reflect.Value }

func (c *chanIter) next() (value, bool) {
	x, ok := c.rv.Recv()
	if !ok {
		return none, false
	}
	return fromElem(x), true
}

// kindOf is what a Go value with methods would be without them.
func kindOf(v value) kind {
	switch reflect.TypeOf(v.r).Kind() {
	case reflect.Slice, reflect.Array:
		return kList
	case reflect.Map:
		return kDict
	}
	return kGo
}
