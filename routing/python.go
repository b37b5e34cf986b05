package routing

import (
	"fmt"
	"math"
	"math/big"
	"reflect"
	"strconv"
	"strings"
	"unicode"

	"github.com/google/uuid"
)

// URLs built from numbers, truths and lists have to read as Flask writes them, so this file
// tells Python's text forms: int(), float(), str(), repr() and ==.

// pyInt reads text as Python's int() does: spaces around it, a sign, underscores between
// digits, digits of any script. It returns the canonical decimal text, of any length.
func pyInt(s string) (string, bool) {
	s = strings.TrimFunc(s, pySpace)
	sign := ""
	if s != "" && (s[0] == '-' || s[0] == '+') {
		if s[0] == '-' {
			sign = "-"
		}
		s = s[1:]
	}
	digits, ok := pyDigits(s)
	if !ok || digits == "" {
		return "", false
	}
	digits = strings.TrimLeft(digits, "0")
	if digits == "" {
		return "0", true
	}
	return sign + digits, true
}

// pyDigits turns a run of decimal digits with single underscores between them into ASCII.
func pyDigits(s string) (string, bool) {
	plain := true
	for i := range len(s) {
		if !isDigit(s[i]) {
			plain = false
			break
		}
	}
	if plain {
		return s, true
	}
	var b strings.Builder
	last := '_'
	for _, r := range s {
		d, ok := digitValue(r)
		switch {
		case ok:
			b.WriteByte('0' + d)
		case r != '_' || last == '_':
			return "", false
		}
		last = r
	}
	return b.String(), last != '_'
}

// digitValue is the value of a decimal digit of any script: Unicode lays them out in tens.
func digitValue(r rune) (byte, bool) {
	if '0' <= r && r <= '9' {
		return byte(r - '0'), true
	}
	if r < 0x80 || !unicode.Is(unicode.Nd, r) {
		return 0, false
	}
	for _, t := range unicode.Nd.R16 {
		if uint16(r) >= t.Lo && r <= rune(t.Hi) {
			return byte((r - rune(t.Lo)) % 10), true
		}
	}
	for _, t := range unicode.Nd.R32 {
		if uint32(r) >= t.Lo && uint32(r) <= t.Hi {
			return byte((uint32(r) - t.Lo) % 10), true
		}
	}
	return 0, false
}

func pySpace(r rune) bool { return unicode.IsSpace(r) || (0x1c <= r && r <= 0x1f) }

func smallInt(digits string) (int, bool) {
	n, err := strconv.ParseInt(digits, 10, 64)
	return int(n), err == nil
}

// pyFloat reads text as Python's float() does; hexadecimal forms are Go's alone.
func pyFloat(s string) (float64, bool) {
	s = strings.TrimFunc(s, pySpace)
	if strings.ContainsAny(s, "xXpP") {
		return 0, false
	}
	if strings.ContainsRune(s, '_') || !isASCII(s) {
		var ok bool
		if s, ok = asciiNumber(s); !ok {
			return 0, false
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(f, 0) {
		return 0, false
	}
	return f, true
}

// asciiNumber drops underscores between digits and turns digits of other scripts into ASCII.
func asciiNumber(s string) (string, bool) {
	var b strings.Builder
	runes := []rune(s)
	for i, r := range runes {
		if d, ok := digitValue(r); ok {
			b.WriteByte('0' + d)
			continue
		}
		if r != '_' {
			b.WriteRune(r)
			continue
		}
		if i == 0 || i == len(runes)-1 || !unicode.IsDigit(runes[i-1]) || !unicode.IsDigit(runes[i+1]) {
			return "", false
		}
	}
	return b.String(), true
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// appendFloat writes f as Python's repr: the shortest digits that read back, an exponent
// below 1e-4 and from 1e16 on, and always a point or an exponent.
func appendFloat(dst []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "nan"...)
	case math.IsInf(f, 1):
		return append(dst, "inf"...)
	case math.IsInf(f, -1):
		return append(dst, "-inf"...)
	}
	if a := math.Abs(f); f != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.AppendFloat(dst, f, 'e', -1, 64)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
	if !strings.Contains(string(dst[start:]), ".") {
		dst = append(dst, ".0"...)
	}
	return dst
}

// appendText writes v as Python's str(v), for the types that have a counterpart there; a
// fmt.Stringer, an error or anything else is written as fmt prints it.
func appendText(dst []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		return append(dst, v...)
	case int:
		return strconv.AppendInt(dst, int64(v), 10)
	case int64:
		return strconv.AppendInt(dst, v, 10)
	case bool:
		if v {
			return append(dst, "True"...)
		}
		return append(dst, "False"...)
	case float64:
		return appendFloat(dst, v)
	case float32:
		f, _ := strconv.ParseFloat(strconv.FormatFloat(float64(v), 'g', -1, 32), 64)
		return appendFloat(dst, f)
	case uuid.UUID:
		return append(dst, v.String()...)
	case nil:
		return append(dst, "None"...)
	case fmt.Stringer:
		return append(dst, v.String()...)
	case error:
		return append(dst, v.Error()...)
	}
	return appendReflected(dst, reflect.ValueOf(v))
}

func appendReflected(dst []byte, v reflect.Value) []byte {
	switch v.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.AppendInt(dst, v.Int(), 10)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return strconv.AppendUint(dst, v.Uint(), 10)
	case reflect.String:
		return append(dst, v.String()...)
	case reflect.Bool:
		return appendText(dst, v.Bool())
	case reflect.Float32, reflect.Float64:
		return appendText(dst, v.Float())
	case reflect.Slice, reflect.Array:
		dst = append(dst, '[')
		for i := range v.Len() {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = appendRepr(dst, v.Index(i).Interface())
		}
		return append(dst, ']')
	}
	return fmt.Append(dst, v.Interface())
}

func appendRepr(dst []byte, v any) []byte {
	if s, ok := v.(string); ok {
		return append(dst, pyRepr(s)...)
	}
	return appendText(dst, v)
}

// pyRepr quotes s as Python's repr does: single quotes, unless only they occur in it.
func pyRepr(s string) string {
	quote := '\''
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = '"'
	}
	var b strings.Builder
	b.WriteRune(quote)
	for _, r := range s {
		writeReprRune(&b, r, quote)
	}
	b.WriteRune(quote)
	return b.String()
}

func writeReprRune(b *strings.Builder, r, quote rune) {
	switch {
	case r == quote || r == '\\':
		b.WriteByte('\\')
		b.WriteRune(r)
	case r == '\n':
		b.WriteString(`\n`)
	case r == '\r':
		b.WriteString(`\r`)
	case r == '\t':
		b.WriteString(`\t`)
	case r == ' ' || (r != 0x7f && unicode.IsPrint(r)):
		b.WriteRune(r)
	case r < 0x100:
		fmt.Fprintf(b, `\x%02x`, r)
	case r < 0x10000:
		fmt.Fprintf(b, `\u%04x`, r)
	default:
		fmt.Fprintf(b, `\U%08x`, r)
	}
}

// pyReprList writes names as a Python list: ['a', 'b'].
func pyReprList(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = pyRepr(n)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// sameValue is Python's ==: numbers and truths compare by value (1 == 1.0 == True), text
// only with text.
func sameValue(a, b any) bool {
	if s, ok := a.(string); ok {
		t, ok := b.(string)
		return ok && s == t
	}
	x, okx := number(a)
	y, oky := number(b)
	if okx || oky {
		return okx && oky && x.Cmp(y) == 0
	}
	return reflect.DeepEqual(a, b)
}

// number is v as an exact number; NaN and infinities have none and so equal nothing.
func number(v any) (*big.Float, bool) {
	switch v := v.(type) {
	case int:
		return new(big.Float).SetInt64(int64(v)), true
	case bool:
		if v {
			return big.NewFloat(1), true
		}
		return new(big.Float), true
	}
	r := reflect.ValueOf(v)
	switch {
	case !r.IsValid():
		return nil, false
	case r.CanInt():
		return new(big.Float).SetInt64(r.Int()), true
	case r.CanUint():
		return new(big.Float).SetUint64(r.Uint()), true
	case r.CanFloat() && !math.IsNaN(r.Float()) && !math.IsInf(r.Float(), 0):
		return big.NewFloat(r.Float()), true
	}
	return nil, false
}

// appendItems adds a value, or each item of a list, under its name.
func appendItems(dst []Pair, p Pair) []Pair {
	switch v := p.Value.(type) {
	case nil, string, int, uuid.UUID:
		return append(dst, p)
	case []string:
		for _, item := range v {
			dst = append(dst, Pair{p.Name, item})
		}
		return dst
	case []any:
		for _, item := range v {
			dst = append(dst, Pair{p.Name, item})
		}
		return dst
	case fmt.Stringer:
		return append(dst, p)
	}
	if r := reflect.ValueOf(p.Value); r.Kind() == reflect.Slice {
		for i := range r.Len() {
			dst = append(dst, Pair{p.Name, r.Index(i).Interface()})
		}
		return dst
	}
	return append(dst, p)
}
