package carafe

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// settingFields are the settings in a struct type, by key. For example
//
//	type Shop struct {
//		carafe.Config                        // all of its keys
//		CacheSize     int                    // CACHE_SIZE
//		Mail          struct{ Host string }  // MAIL, in which MAIL__HOST
//		Cookie        Cookie `config:"COOKIE_*"` // the keys of Cookie behind COOKIE_
//		Rest          map[string]any `config:"*"` // what has no field
//	}
type settingFields struct {
	keys  []string // sorted
	byKey map[string]settingField
	rest  []int // the index of a map[string]any for what has no field; nil means none
}

type settingField struct {
	index []int
	none  string // what Python's None stands for, from the tag `none:"-1"`; "" means the zero value
}

var fieldCache sync.Map // reflect.Type to *settingFields

func fieldsOf(t reflect.Type) *settingFields {
	if f, ok := fieldCache.Load(t); ok {
		return f.(*settingFields)
	}
	f := &settingFields{byKey: map[string]settingField{}}
	f.add(t, nil)
	for key := range f.byKey {
		f.keys = append(f.keys, key)
	}
	slices.Sort(f.keys)
	fieldCache.Store(t, f)
	return f
}

// add adds the fields of t, a struct at index. Those of the outer struct win over those of the embedded.
func (f *settingFields) add(t reflect.Type, index []int) {
	var inner []reflect.StructField
	for i := range t.NumField() {
		field := t.Field(i)
		field.Index = append(slices.Clone(index), i)
		tag := field.Tag.Get("config")
		switch {
		case !field.IsExported() && !field.Anonymous || tag == "-":
		case tag == "*":
			f.rest = field.Index
		case field.Anonymous && field.Type.Kind() == reflect.Struct:
			inner = append(inner, field)
		case strings.HasSuffix(tag, "*"):
			f.add(field.Type, field.Index) // whose own tags have whole keys
		case !field.IsExported():
		default:
			f.take(settingKey(field, tag), settingField{field.Index, field.Tag.Get("none")})
		}
	}
	for _, field := range inner {
		f.add(field.Type, field.Index)
	}
}

func (f *settingFields) take(key string, field settingField) {
	if _, taken := f.byKey[key]; !taken {
		f.byKey[key] = field
	}
}

// settingKey is the tag's key, else the field's name in capitals: HTTPPort is HTTP_PORT.
func settingKey(field reflect.StructField, tag string) string {
	if tag != "" {
		return tag
	}
	name := []rune(field.Name)
	var b strings.Builder
	for i, r := range name {
		if i > 0 && unicode.IsUpper(r) && (!unicode.IsUpper(name[i-1]) || i+1 < len(name) && unicode.IsLower(name[i+1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToUpper(r))
	}
	return b.String()
}

// A setting is a value on its way into a field.
type setting struct {
	value  any
	text   string // what it was read of
	asText bool   // fields that are texts take text
	name   string // for messages
}

// wrong says that the value does not fit; a value that is secret is not shown.
func (s setting) wrong(want string) error {
	shown := fmt.Sprintf("%v (%T)", s.value, s.value)
	if len(shown) > 60 {
		shown = shown[:60] + "…"
	}
	if soundsSecret(s.name) {
		shown = masked
	}
	return fmt.Errorf("carafe: setting %s is %s: give %s", s.name, shown, want)
}

// putSetting stores a value in the struct to, or in what is inside of it: parts[0] is the key, the others lead inwards.
func putSetting(to reflect.Value, parts []string, s setting) (found bool, err error) {
	fields := fieldsOf(to.Type())
	if field, ok := fields.byKey[parts[0]]; ok {
		if s.value == nil && field.none != "" && len(parts) == 1 {
			s.value = field.none
		}
		return true, putInside(to.FieldByIndex(field.index), parts[1:], s)
	}
	if fields.rest == nil {
		return false, nil
	}
	return true, putInside(to.FieldByIndex(fields.rest), parts, s)
}

// putInside stores a value in a field, or deeper in the structs and maps that it holds.
func putInside(field reflect.Value, parts []string, s setting) error {
	if len(parts) == 0 {
		return assign(field, s)
	}
	switch {
	case field.Kind() == reflect.Pointer && field.Type().Elem().Kind() == reflect.Struct:
		if field.IsNil() {
			field.Set(reflect.New(field.Type().Elem()))
		}
		return putInside(field.Elem(), parts, s)
	case field.Kind() == reflect.Struct && !isText(field):
		found, err := putSetting(field, parts, s)
		if !found {
			err = fmt.Errorf("carafe: setting %s: there is no setting %s in it", s.name, strings.Join(parts, "__"))
		}
		return err
	case field.Kind() == reflect.Map && field.Type().Key().Kind() == reflect.String:
		return putInMap(field, parts, s)
	case field.Kind() == reflect.Interface && field.NumMethod() == 0:
		return putInAny(field, parts, s)
	}
	return fmt.Errorf("carafe: setting %s: it has no settings inside: leave out the double underscore", s.name)
}

func isText(field reflect.Value) bool {
	_, ok := field.Addr().Interface().(encoding.TextUnmarshaler)
	return ok
}

func putInMap(field reflect.Value, parts []string, s setting) error {
	if field.IsNil() {
		field.Set(reflect.MakeMap(field.Type()))
	}
	key := reflect.ValueOf(parts[0]).Convert(field.Type().Key())
	value := reflect.New(field.Type().Elem()).Elem() // maps hold no addressable values
	if old := field.MapIndex(key); old.IsValid() {
		value.Set(old)
	}
	if err := putInside(value, parts[1:], s); err != nil {
		return err
	}
	field.SetMapIndex(key, value)
	return nil
}

// putInAny goes on in the map that an interface holds, or makes it.
func putInAny(field reflect.Value, parts []string, s setting) error {
	m, ok := field.Interface().(map[string]any)
	if !ok && !field.IsNil() {
		return fmt.Errorf("carafe: setting %s: %T has no settings inside: leave out the double underscore", s.name, field.Interface())
	}
	if m == nil {
		m = map[string]any{}
	}
	inner := reflect.ValueOf(&m).Elem()
	if err := putInMap(inner, parts, s); err != nil {
		return err
	}
	field.Set(inner)
	return nil
}
