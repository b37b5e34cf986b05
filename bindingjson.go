package carafe

import (
	"bytes"
	"net/http"
	"reflect"
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

// What a body may take in memory once it is decoded, beside its strings: jsonMemoryFactor times its own length, and jsonMemory; and
// no more than Config.MaxJSONMemory.
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
	config := &r.c.App().Config
	r.json = jsonScanner{
		data: data, maxDepth: config.MaxJSONDepth, budget: jsonMemory + jsonMemoryFactor*len(data),
		memory: config.MaxJSONMemory, counts: config.MaxJSONMemory >= 0 && anyJSON.most(len(data)) > config.MaxJSONMemory,
	}
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
		return tooLargeJSON(r.json.err)
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
