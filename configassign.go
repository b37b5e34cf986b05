package carafe

import (
	"encoding"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// assign stores a value in a field, converted to its type.
func assign(field reflect.Value, s setting) error {
	v := reflect.ValueOf(s.value)
	switch {
	case s.value == nil && !(s.asText && field.Kind() == reflect.String):
		field.SetZero()
		return nil
	case v.IsValid() && v.Type().AssignableTo(field.Type()):
		field.Set(v)
		return nil
	case field.Kind() == reflect.Pointer:
		target := reflect.New(field.Type().Elem())
		if err := assign(target.Elem(), s); err != nil {
			return err
		}
		field.Set(target)
		return nil
	case field.Type() == reflect.TypeFor[time.Duration]():
		return assignDuration(field, s)
	}
	if u, ok := field.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return assignText(u, s)
	}
	return assignKind(field, s)
}

func assignText(u encoding.TextUnmarshaler, s setting) error {
	text, ok := s.asString()
	if !ok {
		return s.wrong("a text")
	}
	if err := u.UnmarshalText([]byte(text)); err != nil {
		return s.wrong("a text that it can be read of: " + err.Error())
	}
	return nil
}

// asString is the value as a text: what came from the environment is one, unless it was JSON's form of another.
func (s setting) asString() (string, bool) {
	switch v := s.value.(type) {
	case string:
		return v, true
	case []byte:
		return string(v), true
	}
	if v := reflect.ValueOf(s.value); v.IsValid() && v.Kind() == reflect.String {
		return v.String(), true
	}
	return s.text, s.asText
}

// assignDuration takes seconds, as Flask does, or Go's form.
func assignDuration(field reflect.Value, s setting) error {
	var seconds float64
	switch v := s.value.(type) {
	case string:
		if d, err := time.ParseDuration(v); err == nil {
			field.SetInt(int64(d))
			return nil
		}
		number, err := strconv.ParseFloat(v, 64)
		if err != nil {
			return s.wrong(`a number of seconds, or a text like "36h"`)
		}
		seconds = number
	default:
		number, ok := asFloat(s.value)
		if !ok {
			return s.wrong(`a number of seconds, or a text like "36h"`)
		}
		seconds = number
	}
	if nanos := seconds * 1e9; !(math.Abs(nanos) < math.MaxInt64) {
		return s.wrong("a number of seconds below 292 years")
	}
	whole, part := math.Modf(seconds) // so that 0.1 s are not 99999999 ns
	field.SetInt(int64(whole)*1e9 + int64(math.Round(part*1e9)))
	return nil
}

func asFloat(value any) (float64, bool) {
	v := reflect.ValueOf(value)
	switch {
	case !v.IsValid():
		return 0, false
	case v.CanInt():
		return float64(v.Int()), true
	case v.CanUint():
		return float64(v.Uint()), true
	case v.CanFloat():
		return v.Float(), true
	}
	return 0, false
}

// assignKind goes by the kind of the field.
func assignKind(field reflect.Value, s setting) error {
	switch field.Kind() {
	case reflect.String:
		text, ok := s.asString()
		if !ok {
			return s.wrong("a text")
		}
		field.SetString(text)
	case reflect.Bool:
		return assignBool(field, s)
	case reflect.Slice:
		return assignSlice(field, s)
	case reflect.Map:
		return assignMap(field, s)
	case reflect.Struct:
		return assignStruct(field, s)
	default:
		return assignNumber(field, s)
	}
	return nil
}

func assignBool(field reflect.Value, s setting) error {
	if n, ok := asFloat(s.value); ok && (n == 0 || n == 1) {
		field.SetBool(n == 1)
		return nil
	}
	text, _ := s.value.(string)
	switch strings.ToLower(text) {
	case "true", "yes", "on", "1":
		field.SetBool(true)
	case "false", "no", "off", "0":
		field.SetBool(false)
	default:
		return s.wrong("true or false")
	}
	return nil
}

func assignNumber(field reflect.Value, s setting) error {
	n, ok := asFloat(s.value)
	if text, isText := s.value.(string); isText {
		parsed, err := strconv.ParseFloat(text, 64)
		n, ok = parsed, err == nil
	}
	whole := n == math.Trunc(n)
	switch {
	case !ok:
	case field.CanFloat():
		field.SetFloat(n)
		return nil
	case field.CanInt() && whole && math.Abs(n) < 1<<63 && !field.OverflowInt(int64(n)):
		field.SetInt(exactInt(s.value, n))
		return nil
	case field.CanUint() && whole && n >= 0 && n < 1<<64 && !field.OverflowUint(uint64(n)):
		field.SetUint(uint64(n))
		return nil
	}
	return s.wrong("a number of type " + field.Type().String())
}

// exactInt is the number without a way over float64, which has 53 bits.
func exactInt(value any, n float64) int64 {
	if v := reflect.ValueOf(value); v.CanInt() {
		return v.Int()
	}
	return int64(n)
}

// assignSlice takes a list, or a text with commas. Unlike Flask, which takes such a text for a list of its letters.
func assignSlice(field reflect.Value, s setting) error {
	if text, ok := s.value.(string); ok {
		var parts []any
		for part := range strings.SplitSeq(text, ",") {
			if part = strings.TrimSpace(part); part != "" {
				parts = append(parts, part)
			}
		}
		return assignItems(field, reflect.ValueOf(parts), s)
	}
	v := reflect.ValueOf(s.value)
	if v.Kind() != reflect.Slice && v.Kind() != reflect.Array {
		return s.wrong("a list")
	}
	return assignItems(field, v, s)
}

func assignItems(field, items reflect.Value, s setting) error {
	list := reflect.MakeSlice(field.Type(), items.Len(), items.Len())
	for i := range items.Len() {
		if err := assign(list.Index(i), setting{value: items.Index(i).Interface(), name: s.name}); err != nil {
			return err
		}
	}
	field.Set(list)
	return nil
}

func assignMap(field reflect.Value, s setting) error {
	v := reflect.ValueOf(s.value)
	if v.Kind() != reflect.Map || v.Type().Key().Kind() != reflect.String {
		return s.wrong("a map")
	}
	m := reflect.MakeMapWithSize(field.Type(), v.Len())
	for _, key := range v.MapKeys() {
		item := reflect.New(field.Type().Elem()).Elem()
		if err := assign(item, setting{value: v.MapIndex(key).Interface(), name: s.name + "__" + key.String()}); err != nil {
			return err
		}
		m.SetMapIndex(key.Convert(field.Type().Key()), item)
	}
	field.Set(m)
	return nil
}

func assignStruct(field reflect.Value, s setting) error {
	m, ok := s.value.(map[string]any)
	if !ok {
		return s.wrong("a map of its settings")
	}
	for key, value := range m {
		inner := setting{value: value, name: s.name + "__" + key}
		if found, err := putSetting(field, []string{strings.ToUpper(key)}, inner); err != nil || !found {
			if err == nil {
				err = inner.wrong("a name that it has")
			}
			return err
		}
	}
	return nil
}
