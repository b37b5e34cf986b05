package jinja

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

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
