package signing

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html/template"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"
)

// An encoder writes one value. Errors gather their path on the way out, so that the way in costs
// nothing for it.
type encoder struct {
	codec TaggedJSON
	out   []byte
	keys  []string // of the maps being written, innermost last
	depth int
}

var encoders = sync.Pool{New: func() any { return new(encoder) }}

// Append appends v to dst as compact JSON. The error is an *UnsupportedValue.
func (c TaggedJSON) Append(dst []byte, v any) ([]byte, error) {
	e := encoders.Get().(*encoder)
	e.codec, e.out, e.depth = c, dst, 0
	err := e.value(v)
	out := e.out
	clear(e.keys[:cap(e.keys)])
	e.codec, e.out, e.keys = TaggedJSON{}, nil, e.keys[:0]
	encoders.Put(e)
	if err != nil {
		return dst, err
	}
	return out, nil
}

func (e *encoder) value(v any) error {
	if done, err := e.own(v, true); done {
		return err
	}
	if done, err := e.known(v); done {
		return err
	}
	if done, err := e.own(v, false); done {
		return err
	}
	return e.like(v)
}

// own asks the user's tags.
func (e *encoder) own(v any, first bool) (bool, error) {
	if e.codec.Plain {
		return false, nil
	}
	for i := range e.codec.Tags {
		tag := &e.codec.Tags[i]
		if tag.First != first {
			continue
		}
		if inner, ok := tag.Encode(v); ok {
			e.open(tag.Key)
			// A tag that gives its own type back would go on for ever but for the depth.
			err := e.nested(v, func() error { return e.value(inner) })
			e.out = append(e.out, '}')
			return true, err
		}
	}
	return false, nil
}

// known writes the types of the table in TaggedJSON's comment: all that a session normally has.
func (e *encoder) known(v any) (bool, error) {
	switch v := v.(type) {
	case nil:
		e.out = append(e.out, "null"...)
	case bool:
		e.out = strconv.AppendBool(e.out, v)
	case string:
		e.text(v)
	case int:
		e.out = strconv.AppendInt(e.out, int64(v), 10)
	case int64:
		e.out = strconv.AppendInt(e.out, v, 10)
	case float64:
		e.out = appendFloat(e.out, v, 64)
	case map[string]any:
		return true, e.object(v)
	case []any:
		return true, e.list(v, v)
	case Tuple:
		return true, e.tuple(v)
	case template.HTML:
		e.tagged(tagMarkup, string(v))
	case *big.Int:
		e.bigInt(v)
	case json.Number:
		return true, e.number(v)
	default:
		return e.binary(v)
	}
	return true, nil
}

// binary writes what plain JSON has no type for.
func (e *encoder) binary(v any) (bool, error) {
	if e.codec.Plain {
		return false, nil
	}
	switch v := v.(type) {
	case []byte:
		e.open(tagBytes)
		e.out = append(e.out, '"')
		e.out = base64.StdEncoding.AppendEncode(e.out, v)
		e.out = append(e.out, '"', '}')
	case uuid.UUID:
		e.open(tagUUID)
		e.out = append(e.out, '"')
		e.out = hex.AppendEncode(e.out, v[:])
		e.out = append(e.out, '"', '}')
	case time.Time:
		return true, e.time(v)
	default:
		return false, nil
	}
	return true, nil
}

func (e *encoder) time(t time.Time) error {
	e.open(tagTime)
	e.out = append(e.out, '"')
	var ok bool
	if e.out, ok = httpTime(e.out, t); !ok {
		return &UnsupportedValue{Type: "time.Time", Reason: "its year is not 1 to 9999"}
	}
	e.out = append(e.out, '"', '}')
	return nil
}

func (e *encoder) bigInt(n *big.Int) {
	if n == nil {
		e.out = append(e.out, "null"...)
		return
	}
	e.out = n.Append(e.out, 10)
}

// number writes a json.Number as the int or float that its text is.
func (e *encoder) number(n json.Number) error {
	d := decoder{s: string(n)}
	v, err := d.number()
	if err != nil || d.i != len(d.s) {
		return &UnsupportedValue{Type: "json.Number", Reason: fmt.Sprintf("%q is not a number", string(n))}
	}
	_, err = e.known(v)
	return err
}

// open begins a map of the one key that is a tag.
func (e *encoder) open(key string) {
	e.out = append(e.out, '{')
	e.text(key)
	e.out = append(e.out, ':')
}

func (e *encoder) tagged(key, text string) {
	if e.codec.Plain {
		e.text(text)
		return
	}
	e.open(key)
	e.text(text)
	e.out = append(e.out, '}')
}

func (e *encoder) tuple(v Tuple) error {
	if e.codec.Plain {
		return e.list(v, v)
	}
	e.open(tagTuple)
	err := e.list(v, v)
	e.out = append(e.out, '}')
	return err
}

// nested counts the depth around what f writes.
func (e *encoder) nested(v any, f func() error) error {
	if err := e.enter(v); err != nil {
		return err
	}
	err := f()
	e.depth--
	return err
}

func (e *encoder) enter(v any) error {
	if e.depth++; e.depth > MaxDepth {
		return &UnsupportedValue{Type: fmt.Sprintf("%T", v), Reason: "it is nested too deep, or holds itself"}
	}
	return nil
}

// list writes items; v is the value whose type an error names.
func (e *encoder) list(items []any, v any) error {
	if err := e.enter(v); err != nil {
		return err
	}
	e.out = append(e.out, '[')
	for i, item := range items {
		if i > 0 {
			e.out = append(e.out, ',')
		}
		if err := e.value(item); err != nil {
			return at(err, "["+strconv.Itoa(i)+"]")
		}
	}
	e.out = append(e.out, ']')
	e.depth--
	return nil
}

func (e *encoder) object(m map[string]any) error {
	if err := e.enter(m); err != nil {
		return err
	}
	start := len(e.keys)
	for key := range m {
		e.keys = append(e.keys, key)
	}
	err := e.fields(e.keys[start:], func(key string) error { return e.value(m[key]) })
	e.keys = e.keys[:start]
	e.depth--
	return err
}

// fields writes a map of these keys, sorted, and each value by write.
func (e *encoder) fields(keys []string, write func(key string) error) error {
	if len(keys) == 1 && e.codec.marks(keys[0]) {
		e.open(tagDict)
		e.open(keys[0] + "__")
		err := write(keys[0])
		e.out = append(e.out, '}', '}')
		return under(err, keys[0])
	}
	slices.Sort(keys)
	e.out = append(e.out, '{')
	for i, key := range keys {
		if i > 0 {
			e.out = append(e.out, ',')
		}
		e.text(key)
		e.out = append(e.out, ':')
		if err := write(key); err != nil {
			return under(err, key)
		}
	}
	e.out = append(e.out, '}')
	return nil
}

// at puts a step in front of the error's path.
func at(err error, step string) error {
	if u, ok := err.(*UnsupportedValue); ok {
		u.Path = step + u.Path
	}
	return err
}

func under(err error, key string) error {
	if err == nil {
		return nil
	}
	return at(err, "["+strconv.Quote(key)+"]")
}

// like writes a value by its kind: type Role string, []string, map[string]int, *int.
func (e *encoder) like(v any) error {
	rv := reflect.ValueOf(v)
	switch rv.Kind() {
	case reflect.Bool:
		e.out = strconv.AppendBool(e.out, rv.Bool())
	case reflect.String:
		e.text(rv.String())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		e.out = strconv.AppendInt(e.out, rv.Int(), 10)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		e.out = strconv.AppendUint(e.out, rv.Uint(), 10)
	case reflect.Float32, reflect.Float64:
		e.out = appendFloat(e.out, rv.Float(), rv.Type().Bits())
	case reflect.Pointer:
		return e.pointee(rv)
	case reflect.Slice, reflect.Array:
		return e.elements(rv)
	case reflect.Map:
		return e.entries(rv)
	default:
		return unsupported(rv)
	}
	return nil
}

func unsupported(rv reflect.Value) error {
	return &UnsupportedValue{Type: rv.Type().String()}
}

func (e *encoder) pointee(rv reflect.Value) error {
	if rv.IsNil() {
		e.out = append(e.out, "null"...)
		return nil
	}
	return e.nested(rv.Interface(), func() error { return e.value(rv.Elem().Interface()) })
}

func (e *encoder) elements(rv reflect.Value) error {
	if rv.Type().Elem().Kind() == reflect.Uint8 {
		// Bytes, under a name or of a fixed size.
		data := make([]byte, rv.Len())
		reflect.Copy(reflect.ValueOf(data), rv)
		if done, err := e.binary(data); done {
			return err
		}
		return unsupported(rv)
	}
	items := make([]any, rv.Len())
	for i := range items {
		items[i] = rv.Index(i).Interface()
	}
	return e.list(items, rv.Interface())
}

func (e *encoder) entries(rv reflect.Value) error {
	keyType := rv.Type().Key()
	if keyType.Kind() != reflect.String {
		return &UnsupportedValue{Type: rv.Type().String(), Reason: "its keys are not strings"}
	}
	keys := make([]string, 0, rv.Len())
	for _, key := range rv.MapKeys() {
		keys = append(keys, key.String())
	}
	return e.nested(rv.Interface(), func() error {
		return e.fields(keys, func(key string) error {
			return e.value(rv.MapIndex(reflect.ValueOf(key).Convert(keyType)).Interface())
		})
	})
}
