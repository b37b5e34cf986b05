package carafe

import (
	"context"
	"fmt"
	"reflect"
	"strings"
)

// A source is where a field comes from.
type source uint8

const (
	fromPath source = iota
	fromQuery
	fromForm
	fromJSON
	fromHeader
	fromCookie
	fromFile
	numSources
)

// String is the source's tag, and what a [Fault] calls it.
func (s source) String() string {
	return [numSources]string{"path", "query", "form", "json", "header", "cookie", "file"}[s]
}

// Strict is embedded in a struct to have the JSON members that are no fields of it refused; without it they are
// ignored. It holds for that struct, not for those within it.
type Strict struct{}

var typeStrict = reflect.TypeFor[Strict]()

// A planMode is how the fields of a struct are named: the bound struct's by their own tags, those of a struct within it by its source.
type planMode uint8

const (
	topMode planMode = iota
	jsonMode
	queryMode
	formMode
)

func (m planMode) source() source {
	return map[planMode]source{jsonMode: fromJSON, queryMode: fromQuery, formMode: fromForm}[m]
}

// A structPlan is how values of a struct type are filled and checked. It never changes once it is made.
type structPlan struct {
	typ    reflect.Type
	label  string // in messages about the set-up
	fields []*fieldPlan

	members  map[string]int // by JSON name; lower case if fold
	fold     bool           // the struct has no tags: names are matched whatever their case
	strict   bool
	hasRules bool                                       // a field has checks
	validate func(context.Context, reflect.Value) error // nil if the type has no Validate

	pathFields []int
	takes      [numSources]bool // which kinds of body it can be read from
	reads      []fieldRead      // in topMode all but path and JSON
}

// A fieldRead reads field i of a plan from one source.
type fieldRead struct {
	i        int
	origin   origin
	implicit bool // only in GET requests without a body
}

// An origin is a source with the name that a field has in it.
type origin struct {
	source source
	name   string
	read   valuesReader // nil for path and JSON
}

// A fieldPlan is one field, embedded structs' fields being those of the struct around them.
type fieldPlan struct {
	field   reflect.StructField
	label   string // "CreateUser.Address.Zip"
	index   []int  // through embedded structs
	sources []origin
	secret  bool // its faults say nothing of it

	decode     jsonDecoder
	nested     [numSources]*structPlan // of a struct, not a pointer to one, by how it is sent
	setText    textSetter              // of one value; nil if it has no text form
	setDefault func(reflect.Value)
	rules      fieldRules

	needsFinish bool // something is to be done if it was not sent
	hasChecks   bool // it has rules
}

// place is where the field is, making embedded pointers on the way.
func (f *fieldPlan) place(v reflect.Value) reflect.Value {
	if len(f.index) == 1 {
		return v.Field(f.index[0])
	}
	for n, i := range f.index {
		if n > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v
}

// existing is where the field is, if there is no nil embedded pointer on the way.
func (f *fieldPlan) existing(v reflect.Value) (reflect.Value, bool) {
	if len(f.index) == 1 {
		return v.Field(f.index[0]), true
	}
	fv, err := v.FieldByIndexErr(f.index)
	return fv, err == nil
}

type planKey struct {
	typ  reflect.Type
	mode planMode
}

// A planBuilder makes the plans of a type and of those within it; plans holds them while they are made, so that a type may
// hold itself.
type planBuilder struct {
	binder *binder
	plans  map[planKey]*structPlan
}

// build makes a plan. label is the path to the type, for messages.
func (b *planBuilder) build(t reflect.Type, mode planMode, label string) (*structPlan, error) {
	if p, ok := b.plans[planKey{t, mode}]; ok {
		return p, nil
	}
	if t.Kind() != reflect.Struct || isLeaf(t) {
		return nil, fmt.Errorf("%s is a %v, which has no fields to bind: give a struct", label, t)
	}
	p := &structPlan{typ: t, label: label, members: map[string]int{}}
	b.plans[planKey{t, mode}] = p
	found, err := collect(t, nil, label, p)
	if err != nil {
		return nil, err
	}
	naming := namingOf(found, mode)
	p.fold = naming.untagged
	taken := map[originKey]*collected{}
	for i := range found {
		if err := b.name(&found[i], naming, taken); err != nil {
			return nil, err
		}
	}
	for i := range found {
		if err := b.add(p, &found[i], naming); err != nil {
			return nil, err
		}
	}
	p.validate = validateMethod(t)
	return p, b.planRules(p, mode)
}

// add plans a field that has an origin.
func (b *planBuilder) add(p *structPlan, c *collected, n naming) error {
	f := &fieldPlan{field: c.field, label: c.label, index: c.index}
	f.secret = c.field.Tag.Get("secret") == "true" || c.field.Type == reflect.TypeFor[Secret]()
	i := len(p.fields)
	var reads []fieldRead
	for k, o := range c.origins {
		if c.shadow[k] {
			continue
		}
		implicit := n.mode == topMode && (n.untagged && o.source != fromJSON && o.source != fromFile || n.jsonOnly && o.source == fromQuery)
		err := b.addOrigin(p, f, &o)
		if err != nil && implicit {
			continue // what JSON alone can hold is not asked for in the query
		}
		if err != nil {
			return err
		}
		f.sources = append(f.sources, o)
		if o.read != nil {
			reads = append(reads, fieldRead{i, o, implicit && o.source == fromQuery})
		}
	}
	if len(f.sources) == 0 {
		if def, ok := c.field.Tag.Lookup("default"); ok && len(tagOrigins(c.field)) == 0 {
			return fmt.Errorf("%s has the default %q, but no tag that says where it comes from", f.label, def)
		}
		return nil
	}
	p.fields = append(p.fields, f)
	p.reads = append(p.reads, reads...)
	for _, o := range f.sources {
		p.takes[o.source] = true
		switch o.source {
		case fromPath:
			p.pathFields = append(p.pathFields, i)
		case fromJSON:
			name := o.name
			if p.fold {
				name = strings.ToLower(name)
			}
			p.members[name] = i
		}
	}
	return b.addDefault(f)
}

// addOrigin plans how the field is read from one of its sources.
func (b *planBuilder) addOrigin(p *structPlan, f *fieldPlan, o *origin) (err error) {
	layout := f.field.Tag.Get("layout")
	f.setText = textSetterFor(indirect(f.field.Type), layout)
	t := f.field.Type
	defer func() {
		if err == nil && t.Kind() == reflect.Struct && !isLeaf(t) {
			err = b.nest(f, o.source)
		}
	}()
	switch o.source {
	case fromPath:
		return nil
	case fromJSON:
		quoted := strings.Contains(f.field.Tag.Get("json"), ",string")
		f.decode, err = b.decoder(t, decodeOptions{label: f.label, layout: layout, quoted: quoted})
		return err
	case fromFile:
		o.read, err = fileReader(f, o.name)
		return err
	}
	o.read, err = b.valuesReader(f, *o)
	return err
}

// nest keeps the plan of a struct field, for when nothing of it was sent.
func (b *planBuilder) nest(f *fieldPlan, s source) (err error) {
	mode := map[source]planMode{fromJSON: jsonMode, fromQuery: queryMode, fromForm: formMode}[s]
	if mode != topMode {
		f.nested[s], err = b.build(f.field.Type, mode, f.label)
	}
	return err
}

func indirect(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}
