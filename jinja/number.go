package jinja

import (
	"math"
	"math/big"
	"math/bits"
	"strconv"
	"strings"
)

func float(f float64) value { return value{k: kFloat, n: int64(math.Float64bits(f))} }

func (v value) float() float64 { return math.Float64frombits(uint64(v.n)) }

// asFloat is a number as a float64; an integer too large for one is an OverflowError.
func (v value) asFloat() float64 {
	switch v.k {
	case kFloat:
		return v.float()
	case kBig:
		f, _ := new(big.Float).SetInt(v.r.(*big.Int)).Float64()
		if math.IsInf(f, 0) {
			throw(overflowError, "int too large to convert to float")
		}
		return f
	}
	return float64(v.n)
}

// asBig is an integer as a big.Int that must not be changed.
func (v value) asBig() *big.Int {
	if v.k == kBig {
		return v.r.(*big.Int)
	}
	return big.NewInt(v.n)
}

// appendFloat prints a float as Python's repr does: the shortest digits that read back, an exponent
// from 1e16 up and below 1e-4, and always a point or an exponent.
func appendFloat(dst []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "nan"...)
	case math.IsInf(f, 1):
		return append(dst, "inf"...)
	case math.IsInf(f, -1):
		return append(dst, "-inf"...)
	}
	abs := math.Abs(f)
	if abs != 0 && (abs >= 1e16 || abs < 1e-4) {
		return strconv.AppendFloat(dst, f, 'e', -1, 64)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
	if !strings.Contains(string(dst[start:]), ".") {
		dst = append(dst, ".0"...)
	}
	return dst
}

// maxBigBits bounds a single integer: a template must not be able to ask for 9**9**9.
const maxBigBits = 1 << 18

func checkBits(bits int) {
	if bits > maxBigBits {
		throw(overflowError, "integer too large")
	}
}

// maxDigits is how many decimal digits an integer may be written with, as text that is read and as text that is made: Python's
// sys.int_info.default_max_str_digits. Bases that are powers of two have no such limit, as nothing in them is quadratic.
const maxDigits = 4300

// decimal prints b, which is refused if it is too long to be told apart from an attack.
func decimal(b *big.Int) string {
	if n := b.BitLen(); float64(n-1)*math.Log10(2) < maxDigits {
		if s := b.String(); len(strings.TrimPrefix(s, "-")) <= maxDigits {
			return s
		}
	}
	throw(valueError, "Exceeds the limit (%d digits) for integer string conversion", maxDigits)
	return ""
}

// index is v as a position, as Python's __index__ gives it: what is too large for an int is the greatest or the least one.
func index(v value) int {
	switch v.k {
	case kInt, kBool:
		return int(v.n)
	case kBig:
		if v.r.(*big.Int).Sign() < 0 {
			return math.MinInt
		}
		return math.MaxInt
	}
	throw(typeError, "'%s' object cannot be interpreted as an integer", typeName(v))
	return 0
}

// size is v as a count or a width, which has to fit.
func size(v value) int {
	if v.k == kBig {
		throw(overflowError, "Python int too large to convert to C ssize_t")
	}
	return index(v)
}

// parsePyInt reads what Python's int(text, base) reads: blanks around, a sign, single underscores
// between digits, and a prefix where the base allows it.
func parsePyInt(s string, base int) (value, bool) {
	s = strings.TrimFunc(s, isPySpace)
	sign := ""
	if s != "" && (s[0] == '-' || s[0] == '+') {
		sign, s = strings.TrimPrefix(s[:1], "+"), s[1:]
	}
	digits, base, ok := pyDigits(s, base)
	if !ok || base&(base-1) != 0 && len(digits) > maxDigits {
		return none, false
	}
	if n, err := strconv.ParseInt(sign+digits, base, 64); err == nil {
		return integer(n), true
	}
	checkBits(len(digits) * bits.Len(uint(base-1)))
	b, ok := new(big.Int).SetString(sign+digits, base)
	if !ok {
		return none, false
	}
	return bigInt(b), true
}

// pyDigits strips prefix and underscores and finds the base; false where Python refuses.
func pyDigits(s string, base int) (string, int, bool) {
	if base != 0 && (base < 2 || base > 36) {
		return "", 0, false
	}
	if p := prefixBase(s); p != 0 && (base == 0 || base == p) {
		s, base = strings.TrimPrefix(s[2:], "_"), p
	} else if base == 0 {
		if len(s) > 1 && s[0] == '0' && strings.Trim(s, "0_") != "" {
			return "", 0, false
		}
		base = 10
	}
	s = asciiDigits(s)
	if s == "" || s[0] == '_' || s[len(s)-1] == '_' || strings.Contains(s, "__") || s[0] == '-' || s[0] == '+' {
		return "", 0, false
	}
	return strings.ReplaceAll(s, "_", ""), base, true
}

func prefixBase(s string) int {
	if len(s) < 3 || s[0] != '0' {
		return 0
	}
	switch s[1] | 0x20 {
	case 'x':
		return 16
	case 'o':
		return 8
	case 'b':
		return 2
	}
	return 0
}

// parsePyFloat reads what Python's float(text) reads.
func parsePyFloat(s string) (float64, bool) {
	s = asciiDigits(strings.TrimFunc(s, isPySpace))
	if s == "" || strings.ContainsAny(s, "xXpP") {
		return 0, false
	}
	if strings.Contains(s, "_") {
		if !underscoresBetweenDigits(s) {
			return 0, false
		}
		s = strings.ReplaceAll(s, "_", "")
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(f, 0) {
		return 0, false
	}
	return f, true
}

func underscoresBetweenDigits(s string) bool {
	digit := func(i int) bool { return i >= 0 && i < len(s) && s[i] >= '0' && s[i] <= '9' }
	for i := range len(s) {
		if s[i] == '_' && (!digit(i-1) || !digit(i+1)) {
			return false
		}
	}
	return true
}

// roundHalfEven rounds f to digits decimal places as Python's round does: on the exact binary
// value, ties to even. Negative digits round to tens, hundreds.
func roundHalfEven(f float64, digits int) float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) || digits > 323 {
		return f
	}
	if digits >= 0 {
		r, _ := strconv.ParseFloat(strconv.FormatFloat(f, 'f', digits, 64), 64)
		return r
	}
	if digits < -308 {
		return math.Copysign(0, f)
	}
	// Exactly, in rationals: 15 and 250 are ties, 15.000000001 is none.
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(-digits)), nil)
	q := new(big.Rat).Quo(new(big.Rat).SetFloat64(f), new(big.Rat).SetInt(scale))
	r, _ := new(big.Float).SetInt(new(big.Int).Mul(ratHalfEven(q), scale)).Float64()
	return math.Copysign(r, f)
}

// ratHalfEven is the integer nearest to q, ties to even.
func ratHalfEven(q *big.Rat) *big.Int {
	twice := new(big.Int).Lsh(q.Num(), 1)
	den := new(big.Int).Lsh(q.Denom(), 1)
	floor, mod := new(big.Int).DivMod(twice.Add(twice, q.Denom()), den, new(big.Int))
	if mod.Sign() == 0 && floor.Bit(0) == 1 {
		floor.Sub(floor, big.NewInt(1))
	}
	return floor
}

// floatHex is Python's float.hex.
func floatHex(f float64) string {
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return string(appendFloat(nil, f))
	case f == 0:
		return map[bool]string{false: "0x0.0p+0", true: "-0x0.0p+0"}[math.Signbit(f)]
	}
	b := math.Float64bits(f)
	exp, lead := int(b>>52&0x7ff)-1023, "1"
	if exp == -1023 {
		exp, lead = -1022, "0"
	}
	sign := ""
	if f < 0 {
		sign = "-"
	}
	return sign + "0x" + lead + "." + string(appendHex(nil, rune(b>>32&0xfffff), 5)) + hex32(uint32(b)) + "p" + signed(exp)
}

func signed(n int) string {
	if n < 0 {
		return strconv.Itoa(n)
	}
	return "+" + strconv.Itoa(n)
}

func hex32(n uint32) string {
	s := strconv.FormatUint(uint64(n), 16)
	return strings.Repeat("0", 8-len(s)) + s
}
