package carafe

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// configView is config: the settings by Flask's names. Secrets are masked in it, and so in whatever a template makes of them.
type configView struct{ config *Config }

// Item is a setting.
func (v configView) Item(key string) (any, bool) {
	if index, ok := configKeys()[key]; ok {
		return settingView(reflect.ValueOf(v.config).Elem().FieldByIndex(index)), true
	}
	x, ok := v.extra()[key]
	return x, ok
}

// extra are the user's own settings, where the config has some.
func (v configView) extra() map[string]any {
	if index, ok := configKeys()["*"]; ok {
		if m, ok := reflect.ValueOf(v.config).Elem().FieldByIndex(index).Interface().(interface{ masked() map[string]any }); ok {
			return m.masked()
		}
	}
	return nil
}

// Keys are the names, sorted.
func (v configView) Keys() []string {
	keys := slices.Collect(maps.Keys(configKeys()))
	keys = slices.DeleteFunc(keys, func(k string) bool { return k == "*" })
	keys = slices.AppendSeq(keys, maps.Keys(v.extra()))
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

var typeSecret = reflect.TypeFor[Secret]()

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

// flaskKeys are the names of settings that are not those of the fields.
var flaskKeys = map[string]string{
	"PropagateErrors": "PROPAGATE_EXCEPTIONS", "TrapHTTPErrors": "TRAP_HTTP_EXCEPTIONS", "TrapBadRequest": "TRAP_BAD_REQUEST_ERRORS",
	"SendFileMaxAge": "SEND_FILE_MAX_AGE_DEFAULT", "HTTPOnly": "SESSION_COOKIE_HTTPONLY", "SameSite": "SESSION_COOKIE_SAMESITE",
}

// configKeys finds the fields of Config by the keys of their settings.
var configKeys = sync.OnceValue(func() map[string][]int {
	keys := map[string][]int{}
	addConfigKeys(keys, reflect.TypeFor[Config](), "", nil)
	return keys
})

func addConfigKeys(keys map[string][]int, t reflect.Type, prefix string, at []int) {
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() {
			continue
		}
		index := append(slices.Clone(at), i)
		key := flaskKeys[f.Name]
		if key == "" {
			key = prefix + upperSnake(f.Name)
		}
		if tag := f.Tag.Get("config"); tag != "" {
			key = tag
		}
		if f.Type.Kind() == reflect.Struct {
			addConfigKeys(keys, f.Type, strings.TrimRight(key, "_*")+"_", index)
			continue
		}
		keys[key] = index
	}
}

// upperSnake is a field's name as a key: MaxCookieSize is MAX_COOKIE_SIZE.
func upperSnake(name string) string {
	var b strings.Builder
	for i, r := range name {
		lower := i+1 < len(name) && unicode.IsLower(rune(name[i+1]))
		if i > 0 && unicode.IsUpper(r) && (unicode.IsLower(rune(name[i-1])) || lower) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToUpper(r))
	}
	return b.String()
}
