package jinja

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
)

// filterJSON is tojson: JSON that is safe in HTML, also in a single-quoted attribute and a script
// element, whatever autoescaping says.
//
// Source: markupsafe and jinja2.utils.htmlsafe_json_dumps.
func filterJSON(f *frame, in value, a []value) value {
	opts := f.r.env.opts
	e := jsonEncoder{sort: !opts.JSONKeepOrder, indent: -1, goValue: opts.JSONValue}
	if opts.JSON != nil {
		in = readJSON(opts.JSON, toGo(definedOrType(in)))
		e.sort = false
	}
	switch {
	case a[0].isText():
		e.indent, e.unit = 1, a[0].s
	case a[0].k != kNone:
		e.indent = max(index(a[0]), 0)
		checkItems(e.indent)
		e.unit = strings.Repeat(" ", e.indent)
	}
	e.value(in, 0)
	return markup(htmlSafeJSON(string(e.out)))
}

// readJSON is the JSON that encode makes of x as a value of the engine's own.
func readJSON(encode func(any) ([]byte, error), x any) value {
	b, err := encode(x)
	if err != nil {
		throwCause(err)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	v, err := decodeOrdered(dec)
	if err != nil {
		throwCause(err)
	}
	return v
}

func definedOrType(v value) value {
	if v.k == kUndefined {
		throw(typeError, "Object of type %s is not JSON serializable", typeName(v))
	}
	return v
}

var jsonEscapes = strings.NewReplacer("<", `\u003c`, ">", `\u003e`, "&", `\u0026`, "'", `\u0027`)

func htmlSafeJSON(s string) string { return jsonEscapes.Replace(s) }

// A jsonEncoder writes what Python's json.dumps does: ASCII, ", " and ": " between.
type jsonEncoder struct {
	out    []byte
	sort   bool
	indent int // negative for one line
	unit   string

	goValue func(any) ([]byte, error) // nil means encoding/json
}

const maxJSONDepth = 500

func (e *jsonEncoder) value(v value, depth int) {
	if depth > maxJSONDepth {
		throw(valueError, "Circular reference detected")
	}
	v = plain(v)
	switch v.k {
	case kNone:
		e.out = append(e.out, "null"...)
	case kBool:
		e.out = append(e.out, strings.ToLower(pyBool(v.n != 0))...)
	case kInt, kBig:
		e.out = appendStr(e.out, v)
	case kFloat:
		e.float(v.float())
	case kStr, kMarkup:
		e.out = appendJSONText(e.out, v.s)
	case kList, kTuple:
		e.list(v, depth)
	case kDict:
		e.dict(v, depth)
	default:
		e.other(v, depth)
	}
}

func (e *jsonEncoder) float(f float64) {
	switch {
	case math.IsNaN(f):
		e.out = append(e.out, "NaN"...)
	case math.IsInf(f, 1):
		e.out = append(e.out, "Infinity"...)
	case math.IsInf(f, -1):
		e.out = append(e.out, "-Infinity"...)
	default:
		e.out = appendFloat(e.out, f)
	}
}

// other encodes Go values as encoding/json does, and refuses what JSON has no form for.
func (e *jsonEncoder) other(v value, depth int) {
	if e.goValue != nil && (v.k == kGo || v.k == kTime) {
		e.value(readJSON(e.goValue, v.r), depth+1)
		return
	}
	if v.k != kGo || !hasJSON(v.r) {
		throw(typeError, "Object of type %s is not JSON serializable", jsonTypeName(v))
	}
	b, err := json.Marshal(v.r)
	if err != nil {
		throw(typeError, "Object of type %s is not JSON serializable: %v", typeName(v), err)
	}
	dec := json.NewDecoder(strings.NewReader(string(b)))
	dec.UseNumber()
	x, err := decodeOrdered(dec)
	if err != nil {
		throwCause(err)
	}
	e.value(x, depth+1)
}

// hasJSON reports whether a Go value may be encoded by its fields: not what only answers for its
// attributes or HTML and says nothing of JSON.
func hasJSON(x any) bool {
	switch x.(type) {
	case json.Marshaler, encoding.TextMarshaler:
		return true
	case Attributer, HTMLer:
		return false
	}
	return true
}

func jsonTypeName(v value) string {
	name := typeName(v)
	return name[strings.LastIndexByte(name, '.')+1:]
}

func (e *jsonEncoder) newline(depth int) {
	if e.indent < 0 {
		return
	}
	e.out = append(e.out, '\n')
	for range depth {
		e.out = append(e.out, e.unit...)
	}
	checkItems(len(e.out))
}

func (e *jsonEncoder) comma(i int) {
	switch {
	case i == 0:
	case e.indent >= 0:
		e.out = append(e.out, ',')
	default:
		e.out = append(e.out, ", "...)
	}
}

func (e *jsonEncoder) list(v value, depth int) {
	e.out = append(e.out, '[')
	for i, x := range seqItems(v) {
		e.comma(i)
		e.newline(depth + 1)
		e.value(x, depth+1)
		checkItems(len(e.out))
	}
	if seqLen(v) > 0 {
		e.newline(depth)
	}
	e.out = append(e.out, ']')
}

func (e *jsonEncoder) dict(v value, depth int) {
	keys := slices.Clone(dictKeys(v))
	if e.sort {
		keys = sortBy(keys, keys, false)
	}
	e.out = append(e.out, '{')
	for i, k := range keys {
		val, _ := dictGet(v, k)
		e.comma(i)
		e.newline(depth + 1)
		e.out = appendJSONText(e.out, jsonKey(k))
		e.out = append(e.out, ": "...)
		e.value(val, depth+1)
		checkItems(len(e.out))
	}
	if len(keys) > 0 {
		e.newline(depth)
	}
	e.out = append(e.out, '}')
}

func jsonKey(k value) string {
	k = plain(k)
	switch k.k {
	case kStr, kMarkup:
		return k.s
	case kNone:
		return "null"
	case kBool:
		return strings.ToLower(pyBool(k.n != 0))
	case kInt, kBig, kFloat:
		return str(k)
	case kGo:
		return str(k)
	}
	throw(typeError, "keys must be str, int, float, bool or None, not %s", typeName(k))
	return ""
}

func appendJSONText(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, `\n`...)
		case r == '\r':
			dst = append(dst, `\r`...)
		case r == '\t':
			dst = append(dst, `\t`...)
		case r == '\b':
			dst = append(dst, `\b`...)
		case r == '\f':
			dst = append(dst, `\f`...)
		case r < 0x20 || r >= 0x7f && r < 0x10000:
			dst = appendHex(append(dst, `\u`...), r, 4)
		case r >= 0x10000:
			r -= 0x10000
			dst = appendHex(append(dst, `\u`...), 0xd800+r>>10, 4)
			dst = appendHex(append(dst, `\u`...), 0xdc00+r&0x3ff, 4)
		default:
			dst = append(dst, byte(r))
		}
	}
	return append(dst, '"')
}

// decodeOrdered reads one JSON value into the engine's own, objects in the order of the text.
func decodeOrdered(dec *json.Decoder) (value, error) {
	t, err := dec.Token()
	if err != nil {
		return none, err
	}
	switch t := t.(type) {
	case json.Delim:
		if t == '[' {
			return decodeList(dec)
		}
		return decodeDict(dec)
	case json.Number:
		return jsonNumber(string(t)), nil
	}
	return fromGo(t), nil
}

func decodeList(dec *json.Decoder) (value, error) {
	items := []value{}
	for dec.More() {
		v, err := decodeOrdered(dec)
		if err != nil {
			return none, err
		}
		items = append(items, v)
	}
	_, err := dec.Token()
	return list(items), err
}

func decodeDict(dec *json.Decoder) (value, error) {
	d := &Dict{}
	for dec.More() {
		k, err := dec.Token()
		if err != nil {
			return none, err
		}
		v, err := decodeOrdered(dec)
		if err != nil {
			return none, err
		}
		d.set(text(fmt.Sprint(k)), v)
	}
	_, err := dec.Token()
	return value{k: kDict, r: d}, err
}

// MarshalJSON writes the dict as an object, its keys in order.
func (d *Dict) MarshalJSON() ([]byte, error) { return marshalValue(value{k: kDict, r: d}) }

// MarshalJSON writes the list as an array.
func (l *List) MarshalJSON() ([]byte, error) { return marshalValue(value{k: kList, r: l}) }

// MarshalJSON writes the tuple as an array.
func (t *Tuple) MarshalJSON() ([]byte, error) { return marshalValue(value{k: kTuple, r: t}) }

func marshalValue(v value) (b []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = asError(p)
		}
	}()
	e := jsonEncoder{indent: -1}
	e.value(v, 0)
	return e.out, nil
}
