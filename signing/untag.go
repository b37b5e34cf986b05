package signing

import (
	"errors"
	"fmt"
	"html/template"
	"maps"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
)

var specialFloats = []struct {
	text  string
	value float64
}{
	{"NaN", math.NaN()}, {"Infinity", math.Inf(1)}, {"-Infinity", math.Inf(-1)},
}

// untag makes the value of {key: v}. What a tag may be around is what Python's constructor behind it
// takes: tuple("ab") is ("a", "b"), a date that is none is None. Only who has the key can send such.
func (d *decoder) untag(key string, v any) (any, error) {
	if tag := d.codec.tag(key); tag != nil {
		v, err := tag.Decode(v)
		if err != nil {
			return nil, fmt.Errorf("signing: tag %q: %w", key, err)
		}
		return v, nil
	}
	var err error
	switch key {
	case tagDict:
		v, err = d.retag(v)
	case tagTuple:
		v, err = d.toTuple(v)
	case tagBytes:
		v, err = toBytes(v)
	case tagMarkup:
		v, err = toMarkup(v)
	case tagUUID:
		v, err = toUUID(v)
	case tagTime:
		v, err = toTime(v)
	}
	if err != nil {
		return nil, fmt.Errorf("signing: tag %q around %T: %w", key, v, err)
	}
	return v, nil
}

var errWrongType = errors.New("not a value for this tag")

// order is the keys of the map that was read last, in the order of the text.
func (d *decoder) order(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for _, key := range d.last {
		if _, ok := m[key]; ok && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	if len(keys) != len(m) { // a map that a tag of the user's has made
		return slices.Sorted(maps.Keys(m))
	}
	return keys
}

// retag takes the two underscores off the first key, whatever they are. Source: TagDict.to_python.
func (d *decoder) retag(v any) (any, error) {
	m, ok := v.(map[string]any)
	if !ok || len(m) == 0 {
		return v, errWrongType
	}
	key := d.first(m)
	short := key
	for range 2 {
		_, size := utf8.DecodeLastRuneInString(short)
		short = short[:len(short)-size]
	}
	d.keys = append(d.keys, short)
	d.last = d.keys[len(d.keys)-1:]
	return map[string]any{short: m[key]}, nil
}

func (d *decoder) first(m map[string]any) string {
	if len(d.last) > 0 {
		if _, ok := m[d.last[0]]; ok {
			return d.last[0]
		}
	}
	return d.order(m)[0]
}

func (d *decoder) toTuple(v any) (any, error) {
	switch v := v.(type) {
	case []any:
		return Tuple(v), nil
	case Tuple:
		return v, nil
	case string:
		return characters(v), nil
	case template.HTML:
		return characters(string(v)), nil
	case []byte:
		items := make(Tuple, len(v))
		for i, b := range v {
			items[i] = int(b)
		}
		return items, nil
	case map[string]any:
		items := make(Tuple, 0, len(v))
		for _, key := range d.order(v) {
			items = append(items, key)
		}
		return items, nil
	}
	return v, errWrongType
}

func characters(s string) Tuple {
	items := Tuple{}
	for _, r := range s {
		items = append(items, string(r))
	}
	return items
}

// text is v if it is a string, safe HTML or not.
func text(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case template.HTML:
		return string(v), true
	}
	return "", false
}

func toBytes(v any) (any, error) {
	data, ok := v.([]byte)
	if s, isText := text(v); isText {
		for i := range len(s) {
			if s[i] >= utf8.RuneSelf {
				return v, errors.New("not ASCII")
			}
		}
		data, ok = []byte(s), true
	}
	if !ok {
		return v, errWrongType
	}
	out, err := decodeLax([]byte{}, data, false, 0)
	if err != nil {
		return v, err
	}
	return out, nil
}

// toMarkup takes what Python's str makes a text of; unlike Flask, not lists, maps and the other tags,
// whose text would be Python's source.
func toMarkup(v any) (any, error) {
	if s, ok := text(v); ok {
		return template.HTML(s), nil
	}
	switch v := v.(type) {
	case nil:
		return template.HTML("None"), nil
	case bool:
		if v {
			return template.HTML("True"), nil
		}
		return template.HTML("False"), nil
	case int:
		return template.HTML(strconv.Itoa(v)), nil
	case *big.Int:
		return template.HTML(v.String()), nil
	case float64:
		return template.HTML(pythonFloat(v)), nil
	}
	return v, errWrongType
}

func pythonFloat(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	}
	return string(appendRepr(nil, f, 64))
}

// toUUID takes 32 hexadecimal digits with whatever dashes, braces and prefixes Python's UUID puts up
// with.
func toUUID(v any) (any, error) {
	s, ok := text(v)
	if !ok {
		return v, errWrongType
	}
	if strings.ContainsAny(s, "-{}:") {
		s = strings.ReplaceAll(strings.ReplaceAll(s, "urn:", ""), "uuid:", "")
		s = strings.ReplaceAll(strings.Trim(s, "{}"), "-", "")
	}
	if len(s) != 32 {
		return v, errors.New("not 32 hexadecimal digits")
	}
	if id, err := uuid.Parse(s); err == nil {
		return id, nil
	}
	id, ok := hexInt(s)
	if !ok {
		return v, errors.New("not 32 hexadecimal digits")
	}
	return id, nil
}

// hexInt is Python's int(s, 16), which UUID leaves its digits to: blanks around, a sign, 0x and single
// underscores are fine with it.
func hexInt(s string) (id uuid.UUID, ok bool) {
	s = strings.TrimFunc(s, pythonSpace)
	negative := strings.HasPrefix(s, "-")
	if negative || strings.HasPrefix(s, "+") {
		s = s[1:]
	}
	digits := strings.TrimPrefix(strings.ToLower(s), "0x")
	if len(digits) == len(s) && strings.HasPrefix(s, "_") {
		return id, false
	}
	n, ok := new(big.Int).SetString("0x"+digits, 0)
	if !ok || negative && n.Sign() != 0 {
		return id, false
	}
	n.FillBytes(id[:])
	return id, true
}

// toTime gives nil for what is no date, as Werkzeug's parse_date does.
func toTime(v any) (any, error) {
	switch v := v.(type) {
	case []byte:
		return nil, nil
	case []any:
		if len(v) > 0 {
			return v, errWrongType
		}
		return nil, nil
	case Tuple:
		if len(v) > 0 {
			return v, errWrongType
		}
		return nil, nil
	case map[string]any:
		if len(v) > 0 {
			return v, errWrongType
		}
		return nil, nil
	case nil:
		return nil, nil
	}
	if s, ok := text(v); ok {
		if t, ok := parseDate(s); ok {
			return t, nil
		}
		return nil, nil
	}
	if v == false || v == 0 || v == 0.0 {
		return nil, nil
	}
	return v, errWrongType
}
