package carafe

import (
	"maps"
	"reflect"
	"slices"
)

// configView is config: the settings by Flask's names. Secrets are masked in it, and so in whatever a template makes of them.
type configView struct{ config *Config }

// Item is a setting.
func (v configView) Item(key string) (any, bool) {
	if field, ok := fieldsOf(typeConfig).byKey[key]; ok {
		return settingView(reflect.ValueOf(v.config).Elem().FieldByIndex(field.index)), true
	}
	x, ok := v.config.Extra.masked()[key]
	return x, ok
}

// Keys are the names, sorted.
func (v configView) Keys() []string {
	keys := slices.Clone(fieldsOf(typeConfig).keys)
	keys = slices.AppendSeq(keys, maps.Keys(v.config.Extra))
	slices.Sort(keys)
	return keys
}

// Values are the settings.
func (v configView) Values() []any { return mappingValues(v) }

// Items are names and settings.
func (v configView) Items() [][]any { return mappingItems(v) }

// Get is a setting, or fallback.
func (v configView) Get(key string, fallback ...any) any { return mappingGet(v, key, fallback) }

// String is as Python prints it.
func (v configView) String() string { return printMapping("Config", v) }

// MarshalJSON is an object.
func (v configView) MarshalJSON() ([]byte, error) { return marshalMapping(v) }

var (
	typeConfig = reflect.TypeFor[Config]()
	typeSecret = reflect.TypeFor[Secret]()
)

// settingView is a setting as a template may see it.
func settingView(v reflect.Value) any {
	switch {
	case v.Type() == typeSecret:
		return orNone(Secret(v.String()).String())
	case v.Kind() == reflect.Slice && v.Type().Elem() == typeSecret:
		list := make([]any, v.Len())
		for i := range list {
			list[i] = settingView(v.Index(i))
		}
		return list
	case v.Kind() == reflect.Pointer && v.IsNil():
		return nil
	case v.Kind() == reflect.Pointer:
		return settingView(v.Elem())
	case v.Kind() == reflect.String:
		return orNone(v.String())
	}
	return v.Interface()
}
