package routing

import (
	"context"
	"math"
	"math/big"
	"reflect"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// A numberRange is what int and float check after the text has matched; a failure is final.
type numberRange struct {
	fixed          int // length of the text, sign included; 0 means any
	min, max       float64
	hasMin, hasMax bool
}

// newInt is <int(fixed_digits=0, min=None, max=None, signed=False)>.
func newInt(args Arguments) (Definition, error) {
	p, err := bindArguments("int", args, "fixed_digits", "min", "max", "signed")
	if err != nil {
		return Definition{}, err
	}
	fixed, ok, err := p.real(0)
	if err != nil {
		return Definition{}, err
	}
	if ok && (fixed < 0 || fixed != math.Trunc(fixed)) {
		return Definition{}, badArgument(FaultType, "fixed_digits has to be a whole number, not %v", fixed)
	}
	if fixed > longestText {
		return Definition{}, badArgument(FaultArgument, "no URL has room for %.0f digits", fixed)
	}
	s, err := numberShape(shapeInt, p, 1)
	s.number.fixed = int(fixed)
	return numberDefinition(s, intRegexp, reflect.TypeFor[int](), err)
}

// newFloat is <float(min=None, max=None, signed=False)>.
func newFloat(args Arguments) (Definition, error) {
	p, err := bindArguments("float", args, "min", "max", "signed")
	if err != nil {
		return Definition{}, err
	}
	s, err := numberShape(shapeFloat, p, 0)
	return numberDefinition(s, floatRegexp, reflect.TypeFor[float64](), err)
}

// numberShape reads min, max and signed from parameter first on.
func numberShape(kind shapeKind, p parameters, first int) (shape, error) {
	s := shape{kind: kind, signed: p.truth(first + 2)}
	var err error
	if s.number.min, s.number.hasMin, err = p.real(first); err != nil {
		return s, err
	}
	s.number.max, s.number.hasMax, err = p.real(first + 1)
	return s, err
}

func numberDefinition(s shape, regexp string, typ reflect.Type, err error) (Definition, error) {
	if err != nil {
		return Definition{}, err
	}
	if s.signed {
		regexp = "-?" + regexp
	}
	var c Converter = intConverter{s.number}
	if s.kind == shapeFloat {
		c = floatConverter{s.number}
	}
	return define(Definition{Converter: c, Regexp: regexp, Weight: 50, Spans: SpansNever, Type: typ, shape: s})
}

func (n *numberRange) checks() bool { return n.fixed != 0 || n.hasMin || n.hasMax }

func (n *numberRange) holds(f float64) bool {
	return (!n.hasMin || f >= n.min) && (!n.hasMax || f <= n.max)
}

// holdsInt compares in whole numbers, since a float64 cannot tell neighbours beyond 2^53.
func (n *numberRange) holdsInt(i int64) bool {
	return (!n.hasMin || compareInt(i, n.min) >= 0) && (!n.hasMax || compareInt(i, n.max) <= 0)
}

func compareInt(i int64, f float64) int {
	if -1<<53 < i && i < 1<<53 {
		return new(big.Float).SetInt64(i).Cmp(big.NewFloat(f))
	}
	return new(big.Float).SetInt64(i).Cmp(big.NewFloat(f))
}

type intConverter struct{ numberRange }

func (c intConverter) Parse(_ context.Context, text string) (any, error) {
	n, ok := c.parse(text)
	if !ok {
		return nil, ErrValidation
	}
	return int(n), nil
}

// parse fails on what does not fit an int64. Unlike Flask, whose integers have no end.
func (c *intConverter) parse(text string) (int64, bool) {
	if c.fixed != 0 && len(text) != c.fixed {
		return 0, false
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && (!c.checks() || c.holdsInt(n))
}

// Format writes int(value), filled with zeros to fixed_digits. It checks no limits.
func (c intConverter) Format(value any) (string, error) {
	digits, err := wholeNumber(value)
	if err != nil {
		return "", err
	}
	return zeroFill(digits, c.fixed), nil
}

// wholeNumber is str(int(value)): 3.9 gives "3", True "1", " 7 " "7".
func wholeNumber(value any) (string, error) {
	switch v := value.(type) {
	case int:
		return strconv.Itoa(v), nil
	case string:
		if digits, ok := pyInt(v); ok {
			return digits, nil
		}
		return "", &ValueError{Reason: "invalid literal for int() with base 10: " + pyRepr(v)}
	case *big.Int:
		return v.String(), nil
	case uuid.UUID: // Python's is a number too
		return new(big.Int).SetBytes(v[:]).String(), nil
	}
	r := reflect.ValueOf(value)
	switch {
	case r.CanInt():
		return strconv.FormatInt(r.Int(), 10), nil
	case r.CanUint():
		return strconv.FormatUint(r.Uint(), 10), nil
	case r.Kind() == reflect.Bool:
		if r.Bool() {
			return "1", nil
		}
		return "0", nil
	case r.CanFloat():
		return truncated(r.Float())
	case r.Kind() == reflect.String:
		return wholeNumber(r.String())
	}
	return "", &ValueError{WrongType: true,
		Reason: "int() argument must be a string, a bytes-like object or a real number, not '" + pyTypeName(value) + "'"}
}

func truncated(f float64) (string, error) {
	switch {
	case math.IsNaN(f):
		return "", &ValueError{Reason: "cannot convert float NaN to integer"}
	case math.IsInf(f, 0):
		return "", &ValueError{Reason: "cannot convert float infinity to integer"}
	}
	n, _ := big.NewFloat(f).Int(nil)
	return n.String(), nil
}

// zeroFill is Python's str.zfill: zeros go between the sign and the digits.
func zeroFill(digits string, width int) string {
	if len(digits) >= width {
		return digits
	}
	sign := ""
	if digits != "" && digits[0] == '-' {
		sign, digits = "-", digits[1:]
	}
	return sign + strings.Repeat("0", width-len(sign)-len(digits)) + digits
}

type floatConverter struct{ numberRange }

func (c floatConverter) Parse(_ context.Context, text string) (any, error) {
	f, ok := c.parse(text)
	if !ok {
		return nil, ErrValidation
	}
	return f, nil
}

// parse takes no number that is too large for a float64, as that of int takes none that is too large for an int64. Unlike Werkzeug, which
// gives the view an infinity: no JSON can have that, so that a client could have a view fail.
func (c *floatConverter) parse(text string) (float64, bool) {
	f, err := strconv.ParseFloat(text, 64)
	return f, err == nil && c.holds(f)
}

// Format writes str(float(value)). From 1e16 on that has an exponent, which <float> does not
// match; Werkzeug has the same fault.
func (c floatConverter) Format(value any) (string, error) {
	switch v := value.(type) {
	case float64:
		return string(appendFloat(nil, v)), nil
	case string:
		if f, ok := pyFloat(v); ok {
			return string(appendFloat(nil, f)), nil
		}
		return "", &ValueError{Reason: "could not convert string to float: " + pyRepr(v)}
	case *big.Int:
		f, _ := new(big.Float).SetInt(v).Float64()
		return string(appendFloat(nil, f)), nil
	}
	r := reflect.ValueOf(value)
	switch {
	case r.CanInt():
		return string(appendFloat(nil, float64(r.Int()))), nil
	case r.CanUint():
		return string(appendFloat(nil, float64(r.Uint()))), nil
	case r.CanFloat():
		return string(appendFloat(nil, r.Float())), nil
	case r.Kind() == reflect.Bool && r.Bool():
		return "1.0", nil
	case r.Kind() == reflect.Bool:
		return "0.0", nil
	case r.Kind() == reflect.String:
		return c.Format(r.String())
	}
	return "", &ValueError{WrongType: true,
		Reason: "float() argument must be a string or a real number, not '" + pyTypeName(value) + "'"}
}

// pyTypeName is what Python would call the type of a value of ours.
func pyTypeName(value any) string {
	if _, ok := value.(uuid.UUID); ok {
		return "UUID"
	}
	switch r := reflect.ValueOf(value); r.Kind() {
	case reflect.Invalid:
		return "NoneType"
	case reflect.Slice, reflect.Array:
		return "list"
	case reflect.Map:
		return "dict"
	}
	return reflect.TypeOf(value).String()
}
