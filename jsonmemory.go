package carafe

import (
	"bytes"
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// A jsonShape is what values of a Go type cost in memory when encoding/json makes them of a text: an estimate, but never much less
// than the truth. It is followed along with the text, as the costs of [{},{}] differ by more than a thousand times between
// []map[string]any, []struct{}, and a slice of large structs.
type jsonShape struct {
	kind   shapeKind
	size   int                   // of a value where it stands: in a slice, a map, a struct
	elem   *jsonShape            // of pointers, slices, arrays and maps
	fields map[string]*jsonShape // of structs, by folded name
	hidden int                   // what a struct's embedded pointers point to
	worst  int                   // the most that any one value below costs
}

type shapeKind uint8

const (
	leafShape    shapeKind = iota // strings, numbers, booleans
	anyShape                      // any, and what reads itself
	pointerShape                  // its target is made
	listShape                     // slices
	arrayShape                    // its elements stand where it does
	dictShape                     // maps
	recordShape                   // structs
)

const (
	wordSize   = 8
	ifaceSize  = 2 * wordSize
	headerSize = 3 * wordSize // of a slice, which any holds in a box
	stringSize = 2 * wordSize // the same of a string
	mapSize    = 6 * wordSize // of a map without members
	groupSlots = 8            // a map has room for so many members at once, and a ninth for what it knows of them
	smallest   = 2            // bytes of text that a value needs, with its comma
)

// anyWorst is {"":0}: a map, and its first group.
const anyWorst = 2*ifaceSize + mapSize + (groupSlots+1)*(stringSize+ifaceSize) + wordSize

var anyJSON = &jsonShape{kind: anyShape, size: ifaceSize, worst: anyWorst}

// jsonShape is a type's shape, made once for each.
func (a *App) jsonShape(t reflect.Type) *jsonShape {
	if t.Kind() == reflect.Interface {
		return anyJSON
	}
	if s, ok := a.jsonShapes.Load(t); ok {
		return s.(*jsonShape)
	}
	b := shapeBuilder{}
	s := b.shape(t)
	for _, inner := range b {
		s.worst = max(s.worst, inner.cost())
	}
	a.jsonShapes.Store(t, s)
	return s
}

// A shapeBuilder has the shapes of the types within a type, which may contain itself.
type shapeBuilder map[reflect.Type]*jsonShape

func (b shapeBuilder) shape(t reflect.Type) *jsonShape {
	if s := b[t]; s != nil {
		return s
	}
	s := &jsonShape{size: int(t.Size())}
	b[t] = s
	kind := t.Kind()
	switch p := reflect.PointerTo(t); {
	case t == reflect.TypeFor[json.RawMessage]() || t == reflect.TypeFor[time.Time]():
		return s
	case kind == reflect.Interface || p.Implements(typeJSONUnmarshaler):
		s.kind = anyShape
		return s
	case kind == reflect.Slice && t.Elem().Kind() == reflect.Uint8 || p.Implements(typeTextUnmarshaler):
		return s
	}
	switch kind {
	case reflect.Pointer:
		if target := pointedTo(t); target != nil {
			s.kind, s.elem = pointerShape, b.shape(target)
		}
	case reflect.Slice:
		s.kind, s.elem = listShape, b.shape(t.Elem())
	case reflect.Array:
		s.kind, s.elem = arrayShape, b.shape(t.Elem())
	case reflect.Map:
		s.kind, s.elem = dictShape, b.shape(t.Elem())
	case reflect.Struct:
		s.kind, s.fields = recordShape, map[string]*jsonShape{}
		b.addFields(s, t)
	}
	return s
}

// pointedTo is what a pointer leads to, however many there are in a row; nil for type P *P, which leads nowhere.
func pointedTo(t reflect.Type) reflect.Type {
	for range 8 {
		if t = t.Elem(); t.Kind() != reflect.Pointer {
			return t
		}
	}
	return nil
}

// addFields finds the members of a struct by the rules of encoding/json; those of embedded structs give way to its own.
func (b shapeBuilder) addFields(s *jsonShape, t reflect.Type) {
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" {
			name = f.Name
		}
		name = string(appendFolded(nil, name))
		if _, ok := s.fields[name]; !ok || len(f.Index) == 1 {
			s.fields[name] = b.shape(f.Type)
		}
		if f.Anonymous && f.Type.Kind() == reflect.Pointer {
			s.hidden += int(f.Type.Elem().Size())
		}
	}
}

// cost is the most that one value of the shape takes beside what stands within it.
func (s *jsonShape) cost() int {
	switch s.kind {
	case anyShape:
		return anyWorst
	case pointerShape:
		return s.size + s.elem.cost()
	case listShape:
		return 2*s.elem.size + s.elem.boxed()
	case dictShape:
		return mapSize + (groupSlots+1)*(stringSize+s.elem.size) + s.elem.boxed()
	}
	return s.hidden
}

// boxed is what values take that stand behind pointers.
func (s *jsonShape) boxed() int {
	if s.kind == pointerShape {
		return s.elem.size + s.elem.boxed()
	}
	return 0
}

// jsonFits says whether decoding data into dst stays within Config.MaxJSONMemory; the error is a 413. Whatever is so short that it
// must, which nearly every body is, costs nothing.
func (a *App) jsonFits(data []byte, dst any) error {
	limit := a.Config.MaxJSONMemory
	if limit < 0 || dst == nil {
		return nil
	}
	shape := a.jsonShape(reflect.TypeOf(dst))
	if shape.most(len(data)) <= limit {
		return nil
	}
	s := jsonScanner{data: bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), maxDepth: -1, memory: limit, counts: true}
	s.measure(shape)
	switch _, std := a.JSON.(*StdJSON); {
	case s.err == nil:
		return nil
	case s.err.large:
		return tooLargeJSON(s.err)
	case !std && shape.most(len(s.data)-s.pos) > s.memory:
		// Not JSON to us, but whoever reads it may see more in it than StdJSON, which takes no part of it.
		return tooLargeJSON(s.err)
	}
	return nil
}

// most is more than a text of so many bytes can become.
func (s *jsonShape) most(length int) int64 {
	return int64(length) / smallest * int64(s.worst+stringSize)
}

func tooLargeJSON(cause error) *HTTPError {
	return &HTTPError{Code: http.StatusRequestEntityTooLarge, Description: "The JSON in the body has too many values.", Cause: cause}
}

// measure goes over a value of the shape, and holds what it costs.
func (s *jsonScanner) measure(shape *jsonShape) {
	switch b := s.peek(); {
	case shape.kind == pointerShape && b != 'n':
		s.hold(shape.elem.size)
		s.measure(shape.elem)
	case shape.kind == anyShape:
		s.measureAny(b)
	case b == '[' && (shape.kind == listShape || shape.kind == arrayShape):
		s.measureList(shape.elem, shape.kind == listShape)
	case b == '{' && shape.kind == dictShape:
		s.measureDict(shape.elem)
	case b == '{' && shape.kind == recordShape:
		s.measureRecord(shape)
	default:
		s.skip()
	}
}

// measureAny is for what becomes a string, float64, bool, []any or map[string]any, each behind an interface.
func (s *jsonScanner) measureAny(first byte) {
	switch {
	case first == '[':
		s.hold(headerSize)
		s.measureList(anyJSON, true)
	case first == '{':
		s.measureDict(anyJSON)
	case first == '"':
		if text, ok := s.text(); ok {
			s.hold(stringSize + blockOf(text))
		}
	case isNumberStart(first):
		s.hold(wordSize)
		s.number()
	default:
		s.skip()
	}
}

// blockOf is what a text takes on the heap.
func blockOf(text []byte) int { return (len(text) + wordSize - 1) &^ (wordSize - 1) }

func (s *jsonScanner) measureList(elem *jsonShape, grows bool) {
	if !s.open() {
		return
	}
	for first := true; s.more(first, ']'); first = false {
		if grows {
			s.hold(2 * elem.size) // while a slice grows there are two
		}
		s.measure(elem)
	}
}

func (s *jsonScanner) measureDict(elem *jsonShape) {
	s.hold(mapSize)
	if !s.open() {
		return
	}
	for n := 0; s.more(n == 0, '}'); n++ {
		s.holdMember(n, stringSize+elem.size)
		key, ok := s.key()
		if !ok {
			return
		}
		s.hold(blockOf(key))
		s.measure(elem)
	}
}

// holdMember is the n-th member of a map: the first makes a group of eight, the ninth two groups, and then it doubles again and
// again, so that it is half empty, and the one before is still there.
func (s *jsonScanner) holdMember(n, size int) bool {
	switch {
	case n == 0:
		return s.hold((groupSlots + 1) * size)
	case n == groupSlots:
		return s.hold(2 * (groupSlots + 1) * size)
	case n > groupSlots:
		return s.hold(3 * size)
	}
	return true
}

func (s *jsonScanner) measureRecord(shape *jsonShape) {
	if !s.hold(shape.hidden) || !s.open() {
		return
	}
	for first := true; s.more(first, '}'); first = false {
		key, ok := s.key()
		if !ok {
			return
		}
		if f := shape.field(key); f != nil {
			s.measure(f)
		} else {
			s.skip()
		}
	}
}

// field is the member of a name, nil if there is none. encoding/json does not mind its case.
func (s *jsonShape) field(key []byte) *jsonShape {
	var buf [64]byte
	return s.fields[string(appendFolded(buf[:0], key))]
}

// appendFolded appends name with each letter as the least of those that are the same but for their case.
//
// Source: encoding/json.foldName.
func appendFolded[T string | []byte](out []byte, name T) []byte {
	for _, r := range string(name) {
		next := unicode.SimpleFold(r)
		for ; next > r; next = unicode.SimpleFold(r) {
			r = next
		}
		out = utf8.AppendRune(out, next)
	}
	return out
}
