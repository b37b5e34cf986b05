package carafe

import (
	"fmt"
	"net/textproto"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// A valuesReader fills a field from the texts of a source; prefix leads to the struct that the field is in ("address."). It
// reports whether anything of it was sent, and any fault to r.
type valuesReader func(r *bindRun, v reflect.Value, prefix string) (sent bool)

// valuesCache is what a source holds, looked up once a run.
type valuesCache struct {
	values url.Values
	known  bool
}

// lookup gives the texts of a source by name. The seam between binding and Request.
func (r *bindRun) lookup(s source) url.Values {
	if s == fromHeader {
		return url.Values(r.c.Request.Header)
	}
	if r.values == nil {
		r.values = new([numSources]valuesCache)
	}
	cached := &r.values[s]
	if cached.known {
		return cached.values
	}
	cached.known = true
	req := r.c.Request
	switch s {
	case fromQuery:
		if req.URL.RawQuery != "" {
			cached.values = req.Args().Map()
		}
	case fromForm:
		form, err := req.Forms()
		cached.values, r.fail = form.Map(), err
	case fromCookie:
		cached.values = url.Values{}
		for _, c := range req.Cookies() {
			cached.values[c.Name] = append(cached.values[c.Name], c.Value)
		}
	}
	return cached.values
}

// readValues reads what comes neither from the path nor from JSON.
func (r *bindRun) readValues(p *structPlan, v reflect.Value, base int) {
	for i := range p.reads {
		read := &p.reads[i]
		s := read.origin.source
		if read.implicit && !r.active[fromQuery] || (s == fromForm || s == fromFile) && !r.active[s] {
			continue
		}
		r.in = s
		r.readField(p.fields[read.i], read.origin, v, "", base, read.i)
	}
}

func (r *bindRun) readField(f *fieldPlan, o origin, v reflect.Value, prefix string, base, i int) {
	fv, ok := f.existing(v)
	if !ok { // an embedded pointer is only made if something in it was sent
		fv = reflect.New(f.field.Type).Elem()
	}
	total := r.total
	r.enterAs(f, o.name)
	sent := o.read(r, fv, prefix)
	r.leave(f)
	if sent {
		r.sent(base, i, total)
		if !ok {
			f.place(v).Set(fv)
		}
	}
}

// valuesReader plans how a field is read from query, form, header or cookie.
func (b *planBuilder) valuesReader(f *fieldPlan, o origin) (valuesReader, error) {
	t := f.field.Type
	layout := f.field.Tag.Get("layout")
	if set := textSetterFor(indirect(t), layout); set != nil {
		return singleReader(o, throughPointers(t, set), indirect(t).Kind() == reflect.String), nil
	}
	switch {
	case t.Kind() == reflect.Slice && textSetterFor(indirect(t.Elem()), layout) != nil:
		return sliceReader(o, t, throughPointers(t.Elem(), textSetterFor(indirect(t.Elem()), layout)), indirect(t.Elem()).Kind() == reflect.String), nil
	case t.Kind() == reflect.Map && (o.source == fromQuery || o.source == fromForm):
		if read := mapReader(o, t, layout); read != nil {
			return read, nil
		}
	case indirect(t).Kind() == reflect.Struct && !isLeaf(indirect(t)) && (o.source == fromQuery || o.source == fromForm):
		return b.structReader(f, o)
	}
	return nil, fmt.Errorf("%s is a %v, which cannot be read from %s: %s", f.label, t, o.source, textKinds)
}

const textKinds = "a text can be a string, bool, number, time.Time, time.Duration, encoding.TextUnmarshaler, a pointer to or slice of one; " +
	"query and form also have map[string]… (name[key]) and structs (name.field); anything else has to come from json"

// singleReader reads the first text of its name. An empty text of what is no string counts as not sent: browsers send
// it for an input that was left empty.
func singleReader(o origin, set textSetter, isString bool) valuesReader {
	key := headerKey(o)
	return func(r *bindRun, v reflect.Value, prefix string) bool {
		texts := r.texts(o.source, key, prefix)
		if len(texts) == 0 || texts[0] == "" && !isString {
			return false
		}
		if rule := set(v, texts[0]); rule != "" {
			r.unreadable(rule)
		}
		return true
	}
}

// headerKey is the key of an origin in its source.
func headerKey(o origin) string {
	if o.source == fromHeader {
		return textproto.CanonicalMIMEHeaderKey(o.name)
	}
	return o.name
}

func (r *bindRun) texts(s source, key, prefix string) []string {
	if prefix != "" {
		key = prefix + key
	}
	if s == fromHeader && key == "Host" { // net/http keeps it apart
		return []string{r.c.Request.Host}
	}
	return r.lookup(s)[key]
}

// sliceReader reads all texts of its name. Those of a header are lists with commas (RFC 9110, 5.3).
func sliceReader(o origin, t reflect.Type, set textSetter, isString bool) valuesReader {
	key := headerKey(o)
	return func(r *bindRun, v reflect.Value, prefix string) bool {
		texts := r.texts(o.source, key, prefix)
		if len(texts) == 0 {
			return false
		}
		if o.source == fromHeader {
			texts = splitList(texts)
		}
		r.setSlice(v, t, texts, set, isString)
		return true
	}
}

func splitList(texts []string) []string {
	var list []string
	for _, text := range texts {
		for item := range strings.SplitSeq(text, ",") {
			if item = strings.TrimSpace(item); item != "" {
				list = append(list, item)
			}
		}
	}
	return list
}

func (r *bindRun) setSlice(v reflect.Value, t reflect.Type, texts []string, set textSetter, isString bool) {
	list := reflect.MakeSlice(t, len(texts), len(texts))
	n := 0
	for i, text := range texts {
		if text == "" && !isString {
			continue
		}
		if rule := set(list.Index(n), text); rule != "" {
			r.push(pathStep{index: i})
			r.unreadable(rule)
			r.pop()
		}
		n++
	}
	v.Set(list.Slice(0, n))
}

// mapReader reads name[key]=value, OpenAPI's deepObject; nil if the map's types have no text form.
func mapReader(o origin, t reflect.Type, layout string) valuesReader {
	setKey := textSetterFor(t.Key(), "")
	elem := t.Elem()
	many := elem.Kind() == reflect.Slice && textSetterFor(elem, layout) == nil
	if many {
		elem = elem.Elem()
	}
	set := textSetterFor(indirect(elem), layout)
	if setKey == nil || set == nil {
		return nil
	}
	set = throughPointers(elem, set)
	isString := indirect(elem).Kind() == reflect.String
	return func(r *bindRun, v reflect.Value, prefix string) bool {
		m := reflect.MakeMap(t)
		names := r.entries(o.source, prefix+o.name)
		for _, name := range names {
			texts := r.lookup(o.source)[prefix+o.name+"["+name+"]"]
			r.push(pathStep{name: name, entry: true})
			key, val := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
			rule := setKey(key, name)
			switch {
			case rule == "" && many:
				r.setSlice(val, t.Elem(), texts, set, isString)
			case rule == "":
				rule = set(val, texts[0])
			}
			if rule != "" {
				r.unreadable(rule)
			}
			m.SetMapIndex(key, val)
			r.pop()
		}
		if len(names) > 0 {
			v.Set(m)
		}
		return len(names) > 0
	}
}

// entries are the keys of name[key], sorted, so that faults come in one order.
func (r *bindRun) entries(s source, name string) []string {
	var keys []string
	for k, texts := range r.lookup(s) {
		if rest, ok := strings.CutPrefix(k, name+"["); ok && strings.HasSuffix(rest, "]") && len(texts) > 0 {
			keys = append(keys, strings.TrimSuffix(rest, "]"))
		}
	}
	slices.Sort(keys)
	return keys
}

// structReader reads name.field=value for the fields of a struct.
func (b *planBuilder) structReader(f *fieldPlan, o origin) (valuesReader, error) {
	mode := queryMode
	if o.source == fromForm {
		mode = formMode
	}
	t := f.field.Type
	if t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Pointer {
		return nil, fmt.Errorf("%s is a %v: one pointer to a struct is enough", f.label, t)
	}
	inner, err := b.build(indirect(t), mode, f.label)
	if err != nil {
		return nil, err
	}
	if t.Kind() == reflect.Struct {
		return func(r *bindRun, v reflect.Value, prefix string) bool {
			return r.hasPrefix(o.source, prefix+o.name+".") && r.readStruct(inner, v, prefix+o.name+".")
		}, nil
	}
	return func(r *bindRun, v reflect.Value, prefix string) bool {
		if !r.hasPrefix(o.source, prefix+o.name+".") {
			return false
		}
		target := reflect.New(t.Elem())
		sent := r.readStruct(inner, target.Elem(), prefix+o.name+".")
		if sent {
			v.Set(target)
		}
		return sent
	}, nil
}

// hasPrefix keeps a type that holds itself from being looked for without end.
func (r *bindRun) hasPrefix(s source, prefix string) bool {
	for k := range r.lookup(s) {
		if strings.HasPrefix(k, prefix) {
			return true
		}
	}
	return false
}

// maxTextDepth is how deep name.field.field… goes; a query is short, but need not be.
const maxTextDepth = 32

func (r *bindRun) readStruct(p *structPlan, v reflect.Value, prefix string) bool {
	if len(r.path) > maxTextDepth {
		return false
	}
	base := r.frame(len(p.fields))
	defer r.release(base)
	any := false
	for i := range p.reads {
		read := &p.reads[i]
		r.readField(p.fields[read.i], read.origin, v, prefix, base, read.i)
		any = any || r.states[base+read.i]&stateSent != 0
	}
	if any {
		r.finish(p, v, base)
	}
	return any
}

// fileReader plans an upload. The seam between binding and Request.Files.
func fileReader(f *fieldPlan, name string) (valuesReader, error) {
	if !isFile(f.field.Type) {
		return nil, fmt.Errorf("%s is a %v, which is no upload: use *carafe.Upload, or a slice of them", f.label, f.field.Type)
	}
	many := f.field.Type.Kind() == reflect.Slice
	return func(r *bindRun, v reflect.Value, _ string) bool {
		files, err := r.c.Request.Files()
		if err != nil {
			r.fail = err
			return false
		}
		list := slices.DeleteFunc(files.List(name), isNoFile)
		switch {
		case len(list) == 0:
			return false
		case many:
			v.Set(reflect.ValueOf(list))
		default:
			v.Set(reflect.ValueOf(list[0]))
		}
		return true
	}, nil
}

// isNoFile recognises what browsers send for a file input that was left empty.
func isNoFile(f *Upload) bool { return !f.Given() && f.Size() == 0 }

// addDefault plans the value of a field that was not sent. It is read once, here; slices and pointers are made anew each time.
func (b *planBuilder) addDefault(f *fieldPlan) error {
	text, ok := f.field.Tag.Lookup("default")
	if !ok {
		return nil
	}
	t := f.field.Type
	layout := f.field.Tag.Get("layout")
	set, texts := f.setText, []string{text}
	list := set == nil && t.Kind() == reflect.Slice
	if list {
		set = textSetterFor(indirect(t.Elem()), layout)
		texts = splitList(texts)
	}
	if set == nil {
		return fmt.Errorf("%s is a %v, which cannot have the default %q: a default is a text, or texts with commas for a slice", f.label, t, text)
	}
	makeValue := func() (reflect.Value, string) {
		v := reflect.New(t).Elem()
		if !list {
			return v, throughPointers(t, set)(v, text)
		}
		v.Set(reflect.MakeSlice(t, len(texts), len(texts)))
		for i, text := range texts {
			if rule := throughPointers(t.Elem(), set)(v.Index(i), text); rule != "" {
				return v, rule
			}
		}
		return v, ""
	}
	value, rule := makeValue()
	if rule != "" || !utf8.ValidString(text) {
		return fmt.Errorf("%s is a %v, which cannot have the default %q", f.label, t, text)
	}
	f.setDefault = func(v reflect.Value) { v.Set(value) }
	if k := t.Kind(); k == reflect.Slice || k == reflect.Pointer || isLeaf(t) {
		f.setDefault = func(v reflect.Value) {
			fresh, _ := makeValue()
			v.Set(fresh)
		}
	}
	return nil
}
