package jinja

import (
	"math"
	"math/big"
	"math/bits"
	"strings"
	"time"
)

// A binary operator: the function that does it, and the text of Python's message.
type binaryOp struct {
	do   func(a, b value) value
	sign string
}

var binaryOps = map[string]binaryOp{
	"add": {add, "+"}, "sub": {sub, "-"}, "mul": {mul, "*"}, "div": {div, "/"},
	"floordiv": {floorDiv, "//"}, "mod": {mod, "%"}, "pow": {pow, "**"},
}

// unsupported raises the TypeError of an operator that a pair of types does not have; an undefined
// operand tells what is missing instead.
func unsupported(sign string, a, b value) value {
	definedOrFail(a)
	definedOrFail(b)
	throw(typeError, "unsupported operand type(s) for %s: '%s' and '%s'", sign, typeName(a), typeName(b))
	return none
}

// plain is a Go value of a named basic type as the basic value in it.
func plain(v value) value {
	if v.k == kGo {
		return goPlain(v)
	}
	return v
}

func add(a, b value) value {
	if a.k == kInt && b.k == kInt {
		if sum := a.n + b.n; (sum > a.n) == (b.n > 0) {
			return integer(sum)
		}
	}
	a, b = plain(a), plain(b)
	switch {
	case a.isNumber() && b.isNumber():
		return arithmetic(a, b, func(x, y float64) float64 { return x + y }, (*big.Int).Add)
	case a.isText() || b.isText():
		return addText(a, b)
	case isSeq(a) && a.k == b.k:
		return concatSeq(a, b)
	case a.k == kBytes && b.k == kBytes:
		return bytesVal(a.s + b.s)
	}
	if v, ok := addTime(a, b, 1); ok {
		return v
	}
	definedOrFail(a)
	definedOrFail(b)
	if isSeq(a) {
		throw(typeError, "can only concatenate %s (not \"%s\") to %s", typeName(a), typeName(b), typeName(a))
	}
	return unsupported("+", a, b)
}

// addText joins two texts; beside a Markup the other one is escaped.
func addText(a, b value) value {
	checkItems(len(a.s) + len(b.s))
	if a.k == kStr && b.k == kStr {
		return text(a.s + b.s)
	}
	if (a.k == kMarkup && (b.isText() || isHTML(b))) || (b.k == kMarkup && (a.isText() || isHTML(a))) {
		return markup(escaped(a) + escaped(b))
	}
	definedOrFail(a)
	definedOrFail(b)
	if a.k == kStr {
		throw(typeError, "can only concatenate str (not \"%s\") to str", typeName(b))
	}
	return unsupported("+", a, b)
}

func concatSeq(a, b value) value {
	checkItems(seqLen(a) + seqLen(b))
	items := append(append(make([]value, 0, seqLen(a)+seqLen(b)), seqItems(a)...), seqItems(b)...)
	if a.k == kTuple {
		return tuple(items)
	}
	return list(items)
}

func checkItems(n int) {
	if n > maxItems {
		throw(overflowError, "sequence is longer than %d items", maxItems)
	}
}

// arithmetic does a closed operation on two numbers: floats if one is, else exact integers.
func arithmetic(a, b value, f func(x, y float64) float64, i func(z, x, y *big.Int) *big.Int) value {
	if a.k == kFloat || b.k == kFloat {
		return float(f(a.asFloat(), b.asFloat()))
	}
	return bigInt(i(new(big.Int), a.asBig(), b.asBig()))
}

func sub(a, b value) value {
	if a.k == kInt && b.k == kInt {
		if d := a.n - b.n; (d < a.n) == (b.n > 0) {
			return integer(d)
		}
	}
	a, b = plain(a), plain(b)
	if a.isNumber() && b.isNumber() {
		return arithmetic(a, b, func(x, y float64) float64 { return x - y }, (*big.Int).Sub)
	}
	if v, ok := addTime(a, b, -1); ok {
		return v
	}
	return unsupported("-", a, b)
}

func mul(a, b value) value {
	a, b = plain(a), plain(b)
	if a.isNumber() && b.isNumber() {
		return mulNumbers(a, b)
	}
	if repeatable(b) && !repeatable(a) {
		a, b = b, definedOrFail(a)
	}
	if repeatable(a) {
		return repeat(a, b)
	}
	return unsupported("*", a, b)
}

func mulNumbers(a, b value) value {
	if a.k == kInt && b.k == kInt {
		hi, lo := bits.Mul64(uint64(a.n), uint64(b.n))
		hi -= uint64((a.n>>63)&b.n) + uint64((b.n>>63)&a.n)
		if (hi == 0 && int64(lo) >= 0) || (hi == math.MaxUint64 && int64(lo) < 0) {
			return integer(int64(lo))
		}
	}
	if a.k != kFloat && b.k != kFloat {
		checkBits(a.asBig().BitLen() + b.asBig().BitLen())
	}
	return arithmetic(a, b, func(x, y float64) float64 { return x * y }, (*big.Int).Mul)
}

func repeatable(v value) bool { return v.isText() || isSeq(v) || v.k == kBytes }

// repeat is text or a sequence times a number.
func repeat(v, times value) value {
	if !times.isInt() {
		if v.k == kMarkup {
			index(times)
		}
		definedOrFail(times)
		throw(typeError, "can't multiply sequence by non-int of type '%s'", typeName(times))
	}
	if times.k == kBig {
		throw(overflowError, "cannot fit 'int' into an index-sized integer")
	}
	n := max(index(times), 0)
	if isSeq(v) {
		return repeatSeq(v, n)
	}
	if len(v.s) > 0 {
		if n > maxItems {
			throw(overflowError, "cannot fit '%s' into an index-sized integer", typeName(times))
		}
		checkItems(n * len(v.s))
	}
	v.s = strings.Repeat(v.s, min(n, maxItems))
	return v
}

func repeatSeq(v value, n int) value {
	src := seqItems(v)
	if len(src) > 0 && n > maxItems/len(src) {
		checkItems(maxItems + 1)
	}
	out := make([]value, 0, n*len(src))
	for range min(n, maxItems) {
		if len(src) == 0 {
			break
		}
		out = append(out, src...)
	}
	if v.k == kTuple {
		return tuple(out)
	}
	return list(out)
}

func div(a, b value) value {
	a, b = plain(a), plain(b)
	if !a.isNumber() || !b.isNumber() {
		return unsupported("/", a, b)
	}
	if a.k == kBig || b.k == kBig {
		if v, ok := divBig(a, b); ok {
			return v
		}
	}
	y := b.asFloat()
	if y == 0 {
		if a.k == kFloat || b.k == kFloat {
			throw(zeroDivision, "float division by zero")
		}
		throw(zeroDivision, "division by zero")
	}
	return float(a.asFloat() / y)
}

// divBig divides large integers without losing digits on the way.
func divBig(a, b value) (value, bool) {
	if a.k == kFloat || b.k == kFloat || b.asBig().Sign() == 0 {
		return none, false
	}
	f, _ := new(big.Rat).SetFrac(a.asBig(), b.asBig()).Float64()
	if math.IsInf(f, 0) {
		throw(overflowError, "integer division result too large for a float")
	}
	return float(f), true
}

func floorDiv(a, b value) value {
	q, _ := divMod(a, b, "//", "integer division or modulo by zero")
	return q
}

func mod(a, b value) value {
	if a.k == kGo {
		a = plain(a)
	}
	switch a.k {
	case kStr, kMarkup:
		return formatPercent(a, b)
	}
	_, r := divMod(a, b, "%", "integer modulo by zero")
	return r
}

// divMod is Python's: the quotient is floored, the remainder has the divisor's sign.
func divMod(a, b value, sign, byZero string) (q, r value) {
	a, b = plain(a), plain(b)
	if !a.isNumber() || !b.isNumber() {
		return unsupported(sign, a, b), none
	}
	if a.k == kFloat || b.k == kFloat {
		return floatDivMod(a.asFloat(), b.asFloat(), sign)
	}
	if b.k != kBig && b.n == 0 {
		throw(zeroDivision, "%s", byZero)
	}
	if a.k != kBig && b.k != kBig && b.n != -1 {
		q, r := a.n/b.n, a.n%b.n
		if r != 0 && (r < 0) != (b.n < 0) {
			q, r = q-1, r+b.n
		}
		return integer(q), integer(r)
	}
	return bigDivMod(a.asBig(), b.asBig())
}

func bigDivMod(a, b *big.Int) (q, r value) {
	quo, rem := new(big.Int).QuoRem(a, b, new(big.Int))
	if rem.Sign() != 0 && rem.Sign() != b.Sign() {
		quo.Sub(quo, big.NewInt(1))
		rem.Add(rem, b)
	}
	return bigInt(quo), bigInt(rem)
}

func floatDivMod(a, b float64, sign string) (q, r value) {
	if b == 0 {
		if sign == "%" {
			throw(zeroDivision, "float modulo")
		}
		throw(zeroDivision, "float floor division by zero")
	}
	m := math.Mod(a, b)
	d := (a - m) / b
	if m != 0 {
		if (b < 0) != (m < 0) {
			m += b
			d--
		}
	} else {
		m = math.Copysign(0, b)
	}
	if d != 0 {
		floor := math.Floor(d)
		if d-floor > 0.5 {
			floor++
		}
		return float(floor), float(m)
	}
	return float(math.Copysign(0, a/b)), float(m)
}

func negate(v value) value {
	v = plain(v)
	switch v.k {
	case kInt, kBool:
		if v.n != math.MinInt64 {
			return integer(-v.n)
		}
		return bigInt(new(big.Int).Neg(v.asBig()))
	case kFloat:
		return float(-v.float())
	case kBig:
		return bigInt(new(big.Int).Neg(v.asBig()))
	case kObject:
		if d, ok := v.r.(timedelta); ok {
			return fromObject(-d)
		}
	}
	definedOrFail(v)
	throw(typeError, "bad operand type for unary -: '%s'", typeName(v))
	return none
}

func positive(v value) value {
	v = plain(v)
	switch v.k {
	case kBool:
		return integer(v.n)
	case kInt, kFloat, kBig:
		return v
	}
	definedOrFail(v)
	throw(typeError, "bad operand type for unary +: '%s'", typeName(v))
	return none
}

// addTime is the arithmetic of dates: moments apart, and a moment moved.
func addTime(a, b value, sign time.Duration) (value, bool) {
	d, isDelta := b.r.(timedelta)
	switch {
	case a.k == kTime && b.k == kTime && sign < 0:
		return fromObject(timedelta(a.r.(time.Time).Sub(b.r.(time.Time)))), true
	case a.k == kTime && isDelta:
		return value{k: kTime, r: a.r.(time.Time).Add(time.Duration(d) * sign)}, true
	case isDelta:
		if x, ok := a.r.(timedelta); ok {
			return fromObject(x + d*timedelta(sign)), true
		}
	}
	return none, false
}
