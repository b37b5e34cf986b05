package carafe

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"
)

// A jsonDecoder reads the value at r.json into v. What is JSON of another kind than v wants is reported and passed over; what is not
// JSON is left to r.json.err.
type jsonDecoder func(r *bindRun, v reflect.Value)

// decodeOptions are what a field's tags say about its JSON.
type decodeOptions struct {
	label  string
	layout string // of times
	quoted bool   // numbers and booleans stand in strings
}

// readBody reads JSON, and says which other kind of body there is, for readValues.
func (r *bindRun) readBody(p *structPlan, v reflect.Value, base int) error {
	for _, s := range []source{fromPath, fromHeader, fromCookie} {
		r.active[s] = true
	}
	takesForm := p.takes[fromForm] || p.takes[fromFile]
	if !p.takes[fromJSON] && !takesForm {
		return nil
	}
	req := r.c.Request
	typ := req.MediaType()
	switch {
	case !r.hasBody(typ):
		r.active[fromQuery] = req.Method == http.MethodGet || req.Method == http.MethodHead
		return r.fail
	case isJSONType(typ) && p.takes[fromJSON]:
		r.active[fromJSON], r.in = true, fromJSON
		return r.readJSON(p, v, base)
	case takesForm && (typ == "multipart/form-data" || typ == "application/x-www-form-urlencoded" && p.takes[fromForm]):
		r.active[fromForm], r.active[fromFile] = true, true
		_, err := req.Forms()
		return err
	}
	return &HTTPError{Code: http.StatusUnsupportedMediaType, Description: "Send " + p.bodyTypes() + "."}
}

func isJSONType(typ string) bool {
	return typ == typeJSON || strings.HasPrefix(typ, "application/") && strings.HasSuffix(typ, "+json")
}

// hasBody says whether there is a body to read. Without a length, and without a type that says how, it is looked at.
func (r *bindRun) hasBody(typ string) bool {
	req := r.c.Request
	switch {
	case req.Body == nil || req.Body == http.NoBody || req.ContentLength == 0:
		return isJSONType(typ) && req.Method != http.MethodGet && req.Method != http.MethodHead
	case req.ContentLength > 0 || typ != "":
		return true
	}
	data, err := req.Data()
	r.fail = err
	return len(data) > 0
}

// bodyTypes is what a client may send instead.
func (p *structPlan) bodyTypes() string {
	var types []string
	if p.takes[fromJSON] {
		types = append(types, typeJSON)
	}
	if p.takes[fromForm] {
		types = append(types, "application/x-www-form-urlencoded")
	}
	if p.takes[fromForm] || p.takes[fromFile] {
		types = append(types, "multipart/form-data")
	}
	return strings.Join(types, " or ")
}

// What a body may take in memory once it is decoded, beside its strings: jsonMemoryFactor times its own length, and jsonMemory.
const (
	jsonMemoryFactor = 32
	jsonMemory       = 1 << 20
)

// readJSON fills v from the body. The first fault of grammar ends it, and nothing is said of members that were not read.
func (r *bindRun) readJSON(p *structPlan, v reflect.Value, base int) error {
	data, err := r.c.Request.Data()
	if err != nil {
		return err
	}
	r.json = jsonScanner{data: data, maxDepth: r.c.App().Config.MaxJSONDepth, budget: jsonMemory + jsonMemoryFactor*len(data)}
	switch b := r.json.peek(); {
	case b == '{':
		r.readObject(p, v, base)
	case r.json.pos == len(data):
		r.unreadable(ruleEmpty)
		r.skipMembers(p, base)
		return nil
	default:
		if _, ok := r.json.skip(); ok && r.json.end() {
			r.unreadable(ruleObject)
			r.skipMembers(p, base)
			return nil
		}
	}
	if r.json.end() {
		return nil
	}
	if r.json.err.large {
		return &HTTPError{Code: http.StatusRequestEntityTooLarge, Cause: r.json.err}
	}
	r.path = r.path[:0]
	r.fault(ruleJSON, r.json.err.Error(), true)
	r.skipMembers(p, base)
	return nil
}

// skipMembers has nothing said of what should have been in a body that could not be read.
func (r *bindRun) skipMembers(p *structPlan, base int) {
	for _, i := range p.members {
		r.states[base+i] |= stateBad
	}
}

// readObject reads the members of the object at hand into the fields of v. Of members with one name the last counts, as in
// Flask.
func (r *bindRun) readObject(p *structPlan, v reflect.Value, base int) {
	s := &r.json
	if !s.open() {
		return
	}
	next := 0
	for first := true; s.more(first, '}'); first = false {
		key, ok := s.key()
		if !ok {
			return
		}
		i := p.member(key, next)
		if i < 0 {
			r.unknownMember(p, key)
			continue
		}
		next = i + 1
		r.readMember(p, v, base, i)
	}
}

// member is the field of a JSON name, -1 if there is none. Most clients send members in the order of the fields, so that the
// next one is tried first.
func (p *structPlan) member(key []byte, next int) int {
	if next < len(p.fields) && !p.fold {
		if f := p.fields[next]; f.decode != nil && f.sources[0].name == string(key) && f.sources[0].source == fromJSON {
			return next
		}
	}
	if p.fold {
		key = bytes.ToLower(key)
	}
	if i, ok := p.members[string(key)]; ok {
		return i
	}
	return -1
}

func (r *bindRun) unknownMember(p *structPlan, key []byte) {
	if p.strict {
		r.push(pathStep{name: string(key[:min(len(key), maxEcho)])})
		r.invalid(ruleUnknown, "")
		r.pop()
	}
	r.json.skip()
}

func (r *bindRun) readMember(p *structPlan, v reflect.Value, base, i int) {
	f := p.fields[i]
	if r.json.peek() == 'n' && f.field.Type.Kind() != reflect.Pointer && !readsNull(f.field.Type) {
		r.json.literal("null") // as if it had not been sent
		if k := f.field.Type.Kind(); k == reflect.Slice || k == reflect.Map || k == reflect.Interface {
			f.place(v).SetZero()
		}
		return
	}
	null := r.json.peek() == 'n'
	if r.states[base+i]&stateSent != 0 {
		f.place(v).SetZero()
	}
	total := r.total
	r.enterAs(f, f.sources[0].name)
	f.decode(r, f.place(v))
	r.leave(f)
	if r.json.err == nil && !null {
		r.sent(base, i, total)
	}
}

// readsNull says whether a type has its own idea of null.
func readsNull(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(typeJSONUnmarshaler) && t != typeTime
}

// mismatch passes over a value of the wrong kind and reports it.
func (r *bindRun) mismatch(rule string) {
	if _, ok := r.json.skip(); ok {
		r.unreadable(rule)
	}
}

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
		if !r.json.spend(size) {
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
			if !r.json.spend(size) {
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
	size := 2 * int(t.Elem().Size()+t.Key().Size()) // a map is never full
	return func(r *bindRun, v reflect.Value) {
		s := &r.json
		if s.peek() != '{' {
			r.mismatch(ruleObject)
			return
		}
		if !s.open() {
			return
		}
		v.Set(reflect.MakeMap(t))
		for first := true; s.more(first, '}') && s.spend(size); first = false {
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
