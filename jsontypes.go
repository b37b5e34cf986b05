package carafe

import (
	"encoding"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"time"
)

// flaskValue copies a value so that encoding/json writes it as Flask does: times as HTTP dates, structs as maps, which are
// sorted. What marshals itself is left alone.
//
// Source: flask.json.provider._default.
func flaskValue(v reflect.Value) any {
	if !v.IsValid() {
		return nil
	}
	if t, ok := v.Interface().(time.Time); ok {
		return t.UTC().Format(http.TimeFormat)
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil
		}
		if t, ok := v.Interface().(*time.Time); ok {
			return flaskValue(reflect.ValueOf(*t))
		}
	}
	if marshalsItself(v) {
		return v.Interface()
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return flaskValue(v.Elem())
	case reflect.Map:
		return flaskMap(v)
	case reflect.Slice, reflect.Array:
		return flaskSlice(v)
	case reflect.Struct:
		m := map[string]any{}
		flaskFields(v, m)
		return m
	}
	return v.Interface()
}

func marshalsItself(v reflect.Value) bool {
	switch v.Interface().(type) {
	case json.Marshaler, encoding.TextMarshaler:
		return true
	}
	return false
}

func flaskMap(v reflect.Value) any {
	if v.IsNil() {
		return nil
	}
	m := make(map[string]any, v.Len())
	for k, e := range v.Seq2() {
		m[mapKey(k)] = flaskValue(e)
	}
	return m
}

// mapKey is a key as encoding/json writes it.
func mapKey(k reflect.Value) string {
	if k.Kind() != reflect.String {
		if t, ok := k.Interface().(encoding.TextMarshaler); ok {
			if text, err := t.MarshalText(); err == nil {
				return string(text)
			}
		}
	}
	return fmt.Sprint(k.Interface())
}

func flaskSlice(v reflect.Value) any {
	if v.Kind() == reflect.Slice && (v.IsNil() || v.Type().Elem().Kind() == reflect.Uint8) {
		return v.Interface()
	}
	list := make([]any, v.Len())
	for i := range list {
		list[i] = flaskValue(v.Index(i))
	}
	return list
}

// flaskFields puts the fields of a struct into m by the rules of their json tags; those of embedded structs give way
// to the struct's own.
func flaskFields(v reflect.Value, m map[string]any) {
	var embedded []reflect.Value
	for i := range v.NumField() {
		f, value := v.Type().Field(i), v.Field(i)
		name, opts, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" && opts == "" {
			continue
		}
		if f.Anonymous && name == "" {
			if value.Kind() == reflect.Pointer && !value.IsNil() {
				value = value.Elem()
			}
			if value.Kind() == reflect.Struct {
				embedded = append(embedded, value)
				continue
			}
		}
		if !f.IsExported() || omitted(value, opts) {
			continue
		}
		if name == "" {
			name = f.Name
		}
		m[name] = flaskField(value, opts)
	}
	for _, e := range embedded {
		inner := map[string]any{}
		flaskFields(e, inner)
		for k, x := range inner {
			if _, ok := m[k]; !ok {
				m[k] = x
			}
		}
	}
}

func omitted(v reflect.Value, opts string) bool {
	for o := range strings.SplitSeq(opts, ",") {
		switch {
		case o == "omitzero" && v.IsZero():
			return true
		case o == "omitempty":
			switch v.Kind() {
			case reflect.Map, reflect.Slice, reflect.String, reflect.Array:
				return v.Len() == 0
			case reflect.Struct:
				return false
			}
			return v.IsZero()
		}
	}
	return false
}

func flaskField(v reflect.Value, opts string) any {
	x := flaskValue(v)
	if !strings.Contains(","+opts+",", ",string,") {
		return x
	}
	switch v.Kind() {
	case reflect.Bool, reflect.Float32, reflect.Float64, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return fmt.Sprint(x)
	}
	return x
}
