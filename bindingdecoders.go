package carafe

import (
	"encoding/base64"
	"fmt"
	"reflect"
	"strconv"
)

// decoder plans how a type is read from JSON.
func (b *planBuilder) decoder(t reflect.Type, o decodeOptions) (jsonDecoder, error) {
	switch {
	case isFile(t) || t == typeFile:
		return nil, fmt.Errorf("%s is an upload, which cannot be in JSON: give it a file tag", o.label)
	case t.Kind() == reflect.Pointer:
		return b.pointerDecoder(t, o)
	case t == typeTime || t != typeFile && !reflect.PointerTo(t).Implements(typeJSONUnmarshaler) && isLeaf(t):
		return textDecoder(textSetterFor(t, o.layout), ruleString), nil
	case t == typeDuration:
		return decodeDuration, nil
	case isLeaf(t) || t.Kind() == reflect.Interface && t.NumMethod() == 0:
		return decodeAny, nil
	}
	switch t.Kind() {
	case reflect.Slice, reflect.Array:
		return b.listDecoder(t, o)
	case reflect.Map:
		return b.mapDecoder(t, o)
	case reflect.Struct:
		inner, err := b.build(t, jsonMode, o.label)
		if err != nil {
			return nil, err
		}
		return inner.decode, nil
	}
	if d := scalarDecoder(t, o.quoted); d != nil {
		return d, nil
	}
	return nil, fmt.Errorf("%s is a %v, which cannot be read from json: use a string, bool, number, struct, slice, array, map, pointer, any, or a type with UnmarshalJSON or UnmarshalText", o.label, t)
}

// scalarDecoder is for strings, booleans and numbers; nil for any other kind.
func scalarDecoder(t reflect.Type, quoted bool) jsonDecoder {
	set := textSetterFor(t, "")
	if set == nil {
		return nil
	}
	switch k := t.Kind(); {
	case k == reflect.String:
		return decodeString
	case quoted:
		return textDecoder(set, ruleString)
	case k == reflect.Bool:
		return decodeBool
	case k == reflect.Float32 || k == reflect.Float64:
		return decodeFloat
	default:
		return integerDecoder(set)
	}
}

func decodeString(r *bindRun, v reflect.Value) {
	if r.json.peek() != '"' {
		r.mismatch(ruleString)
		return
	}
	if s, ok := r.json.text(); ok {
		v.SetString(string(s))
	}
}

func decodeBool(r *bindRun, v reflect.Value) {
	switch r.json.peek() {
	case 't':
		v.SetBool(r.json.literal("true"))
	case 'f':
		r.json.literal("false")
		v.SetBool(false)
	default:
		r.mismatch(ruleBoolean)
	}
}

func decodeFloat(r *bindRun, v reflect.Value) {
	if !isNumberStart(r.json.peek()) {
		r.mismatch(ruleNumber)
		return
	}
	token, _, ok := r.json.number()
	if !ok {
		return
	}
	n, err := strconv.ParseFloat(string(token), v.Type().Bits())
	if err != nil {
		r.unreadable(ruleRange)
		return
	}
	v.SetFloat(n)
}

func integerDecoder(set textSetter) jsonDecoder {
	return func(r *bindRun, v reflect.Value) {
		if !isNumberStart(r.json.peek()) {
			r.mismatch(ruleInteger)
			return
		}
		token, whole, ok := r.json.number()
		switch {
		case !ok:
		case !whole:
			r.unreadable(ruleInteger)
		default:
			if rule := set(v, string(token)); rule != "" {
				r.unreadable(ruleRange)
			}
		}
	}
}

// textDecoder reads a JSON string with the setter of its text.
func textDecoder(set textSetter, mismatch string) jsonDecoder {
	return func(r *bindRun, v reflect.Value) {
		if r.json.peek() != '"' {
			r.mismatch(mismatch)
			return
		}
		if s, ok := r.json.text(); ok {
			if rule := set(v, string(s)); rule != "" {
				r.unreadable(rule)
			}
		}
	}
}

// decodeDuration takes "1m30s", and nanoseconds, which is what encoding/json writes.
func decodeDuration(r *bindRun, v reflect.Value) {
	if r.json.peek() == '"' {
		textDecoder(setDuration, ruleDuration)(r, v)
		return
	}
	integerDecoder(setInt)(r, v)
}

// decodeAny hands a value that reads itself, or may be anything, to the app's provider.
func decodeAny(r *bindRun, v reflect.Value) {
	read, err := r.json.unmarshalAny(r.c.App().JSON, v.Addr().Interface())
	if read && err != nil {
		r.unreadable(ruleFormat)
	}
}

// decode reads a struct within another: its members, and then what is to be said of it.
func (p *structPlan) decode(r *bindRun, v reflect.Value) {
	if r.json.peek() != '{' {
		r.mismatch(ruleObject)
		return
	}
	base := r.frame(len(p.fields))
	r.readObject(p, v, base)
	if r.json.err == nil {
		r.finish(p, v, base)
	}
	r.release(base)
}

func (b *planBuilder) pointerDecoder(t reflect.Type, o decodeOptions) (jsonDecoder, error) {
	inner, err := b.decoder(t.Elem(), o)
	if err != nil {
		return nil, err
	}
	size := int(t.Elem().Size())
	return func(r *bindRun, v reflect.Value) {
		if r.json.peek() == 'n' {
			r.json.literal("null")
			v.SetZero()
			return
		}
		if !r.json.spend(size) || !r.json.hold(size) {
			return
		}
		target := reflect.New(t.Elem())
		inner(r, target.Elem())
		v.Set(target)
	}, nil
}

func (b *planBuilder) listDecoder(t reflect.Type, o decodeOptions) (jsonDecoder, error) {
	if t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 && !isLeaf(t.Elem()) {
		return textDecoder(setBase64, ruleBase64), nil
	}
	o.label += "[]"
	elem, err := b.decoder(t.Elem(), o)
	if err != nil {
		return nil, err
	}
	if t.Kind() == reflect.Array {
		return arrayDecoder(t, elem), nil
	}
	empty := reflect.MakeSlice(t, 0, 0)
	size := int(t.Elem().Size())
	return func(r *bindRun, v reflect.Value) {
		v.Set(empty)
		r.readList(elem, func(i int) (reflect.Value, bool) {
			if !r.json.spend(size) || !r.json.hold(2*size) { // while a slice grows there are two
				return v, false
			}
			if i == v.Cap() {
				v.Grow(max(1, min(4, 256/max(size, 1))))
			}
			v.SetLen(i + 1)
			return v.Index(i), true
		})
	}, nil
}

func setBase64(v reflect.Value, s string) string {
	data, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return ruleBase64
	}
	v.SetBytes(data)
	return ""
}

// arrayDecoder wants as many elements as the array has.
func arrayDecoder(t reflect.Type, elem jsonDecoder) jsonDecoder {
	return func(r *bindRun, v reflect.Value) {
		surplus := reflect.New(t.Elem()).Elem()
		n := r.readList(elem, func(i int) (reflect.Value, bool) {
			if i < v.Len() {
				return v.Index(i), true
			}
			return surplus, true
		})
		if n >= 0 && n != v.Len() {
			r.fault(ruleLength, strconv.Itoa(v.Len()), true)
		}
	}
}

// readList reads an array's elements into where at says; the result is how many there were, -1 if it is no array.
func (r *bindRun) readList(elem jsonDecoder, at func(i int) (reflect.Value, bool)) int {
	s := &r.json
	if s.peek() != '[' {
		r.mismatch(ruleArray)
		return -1
	}
	if !s.open() {
		return -1
	}
	n := 0
	for first := true; s.more(first, ']'); first = false {
		v, ok := at(n)
		if !ok {
			return -1
		}
		r.push(pathStep{index: n})
		r.readElement(elem, v)
		r.pop()
		n++
	}
	return n
}

// readElement reads a value that has to be there: null stands for no element of an array, unless its type has a null.
func (r *bindRun) readElement(elem jsonDecoder, v reflect.Value) {
	if r.json.peek() == 'n' && v.Kind() != reflect.Pointer && v.Kind() != reflect.Interface && !readsNull(v.Type()) {
		if r.json.literal("null") {
			r.unreadable(ruleNull)
		}
		return
	}
	elem(r, v)
}

func (b *planBuilder) mapDecoder(t reflect.Type, o decodeOptions) (jsonDecoder, error) {
	setKey := textSetterFor(t.Key(), "")
	if setKey == nil || t.Key().Kind() == reflect.Bool || t.Key().Kind() == reflect.Float64 || t.Key().Kind() == reflect.Float32 {
		return nil, fmt.Errorf("%s is a %v, whose keys cannot be read from json: use strings, integers or a type with UnmarshalText", o.label, t)
	}
	o.label += "[]"
	elem, err := b.decoder(t.Elem(), o)
	if err != nil {
		return nil, err
	}
	size := int(t.Elem().Size() + t.Key().Size())
	return func(r *bindRun, v reflect.Value) {
		s := &r.json
		if s.peek() != '{' {
			r.mismatch(ruleObject)
			return
		}
		if !s.open() || !s.hold(mapSize) {
			return
		}
		v.Set(reflect.MakeMap(t))
		for n := 0; s.more(n == 0, '}') && s.spend(2*size) && s.holdMember(n, size); n++ { // a map is never full
			name, ok := s.key()
			if !ok {
				return
			}
			r.readEntry(t, v, string(name), setKey, elem)
		}
	}, nil
}

func (r *bindRun) readEntry(t reflect.Type, m reflect.Value, name string, setKey textSetter, elem jsonDecoder) {
	r.push(pathStep{name: name, entry: true})
	defer r.pop()
	key, val := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
	if rule := setKey(key, name); rule != "" {
		r.mismatch(rule)
		return
	}
	r.readElement(elem, val)
	m.SetMapIndex(key, val)
}
