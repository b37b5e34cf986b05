package carafe

import (
	"encoding"
	"encoding/json"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// A textSetter reads one value from its text form. The answer is the rule that the text breaks, "" if it was set.
type textSetter func(v reflect.Value, s string) (rule string)

var (
	typeTime            = reflect.TypeFor[time.Time]()
	typeDuration        = reflect.TypeFor[time.Duration]()
	typeUUID            = reflect.TypeFor[uuid.UUID]()
	typeFile            = reflect.TypeFor[Upload]()
	typeTextUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	typeJSONUnmarshaler = reflect.TypeFor[json.Unmarshaler]()
)

// isLeaf says whether a type is one value whatever its kind, since it reads itself.
func isLeaf(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return t == typeTime || t == typeFile || p.Implements(typeTextUnmarshaler) || p.Implements(typeJSONUnmarshaler)
}

func isFile(t reflect.Type) bool {
	if t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	return t.Kind() == reflect.Pointer && t.Elem() == typeFile
}

// textSetterFor is how a type is read from a text, nil if it is not. layout, if not "", is the one layout of its times.
func textSetterFor(t reflect.Type, layout string) textSetter {
	switch {
	case t == typeTime:
		return timeSetter(layout)
	case t == typeDuration:
		return setDuration
	case t == typeFile:
		return nil
	case reflect.PointerTo(t).Implements(typeTextUnmarshaler):
		return unmarshalerSetter(t)
	case isLeaf(t):
		return nil
	}
	switch t.Kind() {
	case reflect.String:
		return setString
	case reflect.Bool:
		return setBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return setInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return setUint
	case reflect.Float32, reflect.Float64:
		return setFloat
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return setBytes
		}
	}
	return nil
}

func setString(v reflect.Value, s string) string {
	if !utf8.ValidString(s) {
		return ruleUTF8
	}
	v.SetString(s)
	return ""
}

func setBytes(v reflect.Value, s string) string {
	v.SetBytes([]byte(s))
	return ""
}

// setBool takes what strconv.ParseBool does, and on and off, which is what browsers send for a checkbox.
func setBool(v reflect.Value, s string) string {
	b, err := strconv.ParseBool(s)
	switch {
	case err == nil:
	case strings.EqualFold(s, "on"):
		b = true
	case !strings.EqualFold(s, "off"):
		return ruleBoolean
	}
	v.SetBool(b)
	return ""
}

func setInt(v reflect.Value, s string) string {
	n, err := strconv.ParseInt(s, 10, v.Type().Bits())
	if err != nil {
		return numberRule(err, ruleInteger)
	}
	v.SetInt(n)
	return ""
}

func setUint(v reflect.Value, s string) string {
	n, err := strconv.ParseUint(strings.TrimPrefix(s, "+"), 10, v.Type().Bits())
	if err != nil {
		if _, whole := strconv.ParseInt(s, 10, 64); whole == nil {
			return ruleRange // -1 is a whole number
		}
		return numberRule(err, ruleInteger)
	}
	v.SetUint(n)
	return ""
}

// setFloat takes decimal notation: neither NaN, nor the infinities, nor hexadecimal, nor underscores.
func setFloat(v reflect.Value, s string) string {
	if strings.Trim(s, "0123456789+-.eE") != "" {
		return ruleNumber
	}
	n, err := strconv.ParseFloat(s, v.Type().Bits())
	if err != nil {
		return numberRule(err, ruleNumber)
	}
	if math.IsNaN(n) || math.IsInf(n, 0) {
		return ruleNumber
	}
	v.SetFloat(n)
	return ""
}

// numberRule tells a number that does not fit from what is no number.
func numberRule(err error, rule string) string {
	if e, ok := err.(*strconv.NumError); ok && e.Err == strconv.ErrRange {
		return ruleRange
	}
	return rule
}

func setDuration(v reflect.Value, s string) string {
	d, err := time.ParseDuration(s)
	if err != nil {
		return ruleDuration
	}
	v.SetInt(int64(d))
	return ""
}

// timeLayouts are RFC 3339, and what the inputs datetime-local and date of an HTML form send, in UTC.
var timeLayouts = []string{time.RFC3339Nano, "2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02"}

func timeSetter(layout string) textSetter {
	layouts := timeLayouts
	if layout != "" {
		layouts = []string{layout}
	}
	return func(v reflect.Value, s string) string {
		for _, l := range layouts {
			if t, err := parseTime(l, s); err == nil {
				*v.Addr().Interface().(*time.Time) = t
				return ""
			}
		}
		return ruleTime
	}
}

// parseTime is strict where the layout is RFC 3339: time.Parse takes hours of one digit, commas, and zones of 24 hours and more, with which no
// view could answer (https://go.dev/issue/54580).
func parseTime(layout, s string) (time.Time, error) {
	t, err := time.Parse(layout, s)
	if err != nil || layout != time.RFC3339 && layout != time.RFC3339Nano {
		return t, err
	}
	const hour = len("2006-01-02T")
	zone := s[max(0, len(s)-len("23:59")):]
	if s[hour+1] == ':' || strings.Contains(s, ",") || s[len(s)-1] != 'Z' && (zone[:2] > "23" || zone[3:] > "59") {
		return t, strconv.ErrSyntax
	}
	return t, nil
}

func unmarshalerSetter(t reflect.Type) textSetter {
	rule := ruleFormat
	if t == typeUUID {
		rule = ruleUUID
	}
	return func(v reflect.Value, s string) string {
		if v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(s)) != nil {
			return rule
		}
		return ""
	}
}

// throughPointers makes a setter of what a pointer points to one of the pointer.
func throughPointers(t reflect.Type, set textSetter) textSetter {
	if t.Kind() != reflect.Pointer {
		return set
	}
	inner := throughPointers(t.Elem(), set)
	return func(v reflect.Value, s string) string {
		target := reflect.New(t.Elem())
		rule := inner(target.Elem(), s)
		if rule == "" {
			v.Set(target)
		}
		return rule
	}
}
