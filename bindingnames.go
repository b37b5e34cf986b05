package carafe

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// A collected is a field on the way to its plan.
type collected struct {
	field   reflect.StructField
	index   []int
	label   string
	origins []origin
	shadow  []bool // of origins: a field less deep has the name
}

// collect lists the exported fields of t, those of embedded structs among them.
func collect(t reflect.Type, index []int, label string, p *structPlan) ([]collected, error) {
	var all []collected
	for i := range t.NumField() {
		f := t.Field(i)
		at := append(slices.Clone(index), i)
		switch {
		case f.Type == typeStrict:
			p.strict = true
		case isEmbeddedStruct(f):
			inner := f.Type
			if inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			if !f.IsExported() && inner != f.Type {
				return nil, fmt.Errorf("%s.%s is an embedded pointer to a type that is not exported, which cannot be filled: embed the struct itself", label, f.Name)
			}
			if len(at) > 16 {
				return nil, fmt.Errorf("%s.%s: structs are embedded in each other without end", label, f.Name)
			}
			within, err := collect(inner, at, label+"."+f.Name, p)
			if err != nil {
				return nil, err
			}
			all = append(all, within...)
		case f.IsExported():
			all = append(all, collected{field: f, index: at, label: label + "." + f.Name})
		case len(tagOrigins(f)) > 0:
			return nil, fmt.Errorf("%s.%s has a %s tag, but is not exported", label, f.Name, tagOrigins(f)[0].source)
		}
	}
	return all, nil
}

// isEmbeddedStruct says whether the fields of f's type are promoted, as encoding/json has it: not if it has a name of its own.
func isEmbeddedStruct(f reflect.StructField) bool {
	t := f.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return f.Anonymous && t.Kind() == reflect.Struct && !isLeaf(t) && len(tagOrigins(f)) == 0
}

// tagOrigins are the sources that f's tags name, in the order of the constants.
func tagOrigins(f reflect.StructField) []origin {
	var list []origin
	for s := range numSources {
		tag, ok := f.Tag.Lookup(s.String())
		name, _, _ := strings.Cut(tag, ",")
		if !ok || name == "-" || s == fromJSON && name == "" && f.Anonymous {
			continue
		}
		if name == "" {
			name = f.Name
		}
		list = append(list, origin{source: s, name: name})
	}
	return list
}

// A naming is how the fields of one struct get their origins.
type naming struct {
	mode     planMode
	untagged bool // no field has a source tag: all are named by themselves
	jsonOnly bool // or only json tags
}

func namingOf(fields []collected, mode planMode) naming {
	n := naming{mode: mode, untagged: true, jsonOnly: true}
	for _, f := range fields {
		for _, o := range tagOrigins(f.field) {
			if mode == topMode || o.source == fromJSON || o.source == mode.source() {
				n.untagged = false
			}
			if o.source != fromJSON {
				n.jsonOnly = false
			}
		}
	}
	n.jsonOnly = n.jsonOnly && mode == topMode
	return n
}

type originKey struct {
	source source
	name   string
}

// name settles the origins of a field; one whose name is taken by a field less deep is shadowed.
func (b *planBuilder) name(f *collected, n naming, taken map[originKey]*collected) error {
	var err error
	if f.origins, err = n.origins(f); err != nil {
		return err
	}
	f.shadow = make([]bool, len(f.origins))
	for i, o := range f.origins {
		key := originKey{o.source, o.name}
		switch other := taken[key]; {
		case other == nil || len(other.index) > len(f.index):
			if other != nil {
				other.shadow[slices.IndexFunc(other.origins, func(p origin) bool { return p.source == o.source })] = true
			}
			taken[key] = f
		case len(other.index) == len(f.index):
			return fmt.Errorf("%s and %s both are %q in %s", other.label, f.label, o.name, o.source)
		default:
			f.shadow[i] = true
		}
	}
	return nil
}

// origins are the sources of one field. A field is filled from one kind of source alone; json and form are both the body.
func (n naming) origins(f *collected) ([]origin, error) {
	tags := tagOrigins(f.field)
	if n.mode != topMode {
		return n.nestedOrigins(f, tags)
	}
	if n.untagged {
		if f.field.Tag.Get("json") == "-" {
			return nil, nil
		}
		if isFile(f.field.Type) {
			return []origin{{source: fromFile, name: f.field.Name}}, nil
		}
		return []origin{{source: fromJSON, name: f.field.Name}, {source: fromForm, name: f.field.Name}, {source: fromQuery, name: f.field.Name}}, nil
	}
	if n.jsonOnly && len(tags) > 0 {
		return append(tags, origin{source: fromQuery, name: tags[0].name}), nil
	}
	var own []origin
	for _, o := range tags {
		if o.source != fromJSON && o.source != fromForm {
			own = append(own, o)
		}
	}
	hasForm := slices.ContainsFunc(tags, func(o origin) bool { return o.source == fromForm })
	switch {
	case len(own) == 0:
		slices.Reverse(tags) // json before form
		return tags, nil
	case len(own) > 1 || hasForm:
		return nil, fmt.Errorf("%s has the tags %s: a field is filled from one source, so that the client cannot choose", f.label, joinOrigins(tags))
	}
	return own, nil // a json tag beside it names the field in answers
}

func (n naming) nestedOrigins(f *collected, tags []origin) ([]origin, error) {
	want := n.mode.source()
	for _, s := range []source{want, fromJSON} {
		for _, o := range tags {
			if o.source == s {
				return []origin{{source: want, name: o.name}}, nil
			}
		}
	}
	for _, o := range tags {
		if o.source != fromForm && o.source != fromQuery {
			return nil, fmt.Errorf("%s has a %s tag, but stands in a struct that comes from %s: move it to the struct that is bound, or embed the one it is in", f.label, o.source, want)
		}
	}
	if n.untagged && f.field.Tag.Get("json") != "-" {
		return []origin{{source: want, name: f.field.Name}}, nil
	}
	return nil, nil
}

func joinOrigins(list []origin) string {
	var names []string
	for _, o := range list {
		names = append(names, o.source.String())
	}
	return strings.Join(names, " and ")
}
