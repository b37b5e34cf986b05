package jinja

import (
	"math"
	"math/big"
)

func pow(a, b value) value {
	a, b = plain(a), plain(b)
	if !a.isNumber() || !b.isNumber() {
		return unsupported("** or pow()", a, b)
	}
	if a.k == kFloat || b.k == kFloat {
		return floatPow(a.asFloat(), b.asFloat())
	}
	exp := b.asBig()
	if exp.Sign() < 0 {
		return floatPow(a.asFloat(), b.asFloat())
	}
	base := a.asBig()
	if base.BitLen() > 1 {
		if !exp.IsInt64() || exp.Int64() > maxBigBits {
			checkBits(maxBigBits + 1)
		}
		checkBits(base.BitLen() * int(exp.Int64()))
	} else {
		exp = new(big.Int).And(exp, big.NewInt(1)) // 0, 1 and -1: only odd or even matters
		if base.Sign() == 0 && b.asBig().Sign() > 0 {
			return integer(0)
		}
	}
	return bigInt(new(big.Int).Exp(base, exp, nil))
}

func floatPow(a, b float64) value {
	switch {
	case a == 0 && b < 0:
		throw(zeroDivision, "0.0 cannot be raised to a negative power")
	case a < 0 && b != math.Trunc(b) && !math.IsInf(a, 0) && !math.IsNaN(b):
		throw(valueError, "a negative number to a fractional power is complex")
	}
	f := math.Pow(a, b)
	if b == math.Trunc(b) && math.Abs(b) <= maxExactPower && a != 0 && !math.IsInf(a, 0) && !math.IsNaN(a) {
		f = wholePow(a, int(b))
	} else if b != math.Trunc(b) && a > 0 && f > minNormal && f <= math.MaxFloat64 {
		f = rootPow(a, b)
	}
	if math.IsInf(f, 0) && !math.IsInf(a, 0) && !math.IsInf(b, 0) {
		throw(overflowError, "(34, 'Numerical result out of range')")
	}
	return float(f)
}

// maxExactPower is up to where powers are multiplied out, which takes a few microseconds.
const maxExactPower = 1024

// wholePow is a**n rounded once. math.Pow rounds at each step, and is off by some units in the last place where Python's is not.
func wholePow(a float64, n int) float64 {
	const precision = 160 // beyond 53 by far more than the 20 roundings take away
	power, square := new(big.Float).SetPrec(precision).SetInt64(1), new(big.Float).SetPrec(precision).SetFloat64(a)
	for left := max(n, -n); left > 0; left >>= 1 {
		if left&1 == 1 {
			power.Mul(power, square)
		}
		square.Mul(square, square)
	}
	if n < 0 {
		power.Quo(new(big.Float).SetPrec(precision).SetInt64(1), power)
	}
	f, _ := power.Float64()
	return f
}

// minNormal is the least float of full precision.
const minNormal = 0x1p-1022

// leastRoot is where rootPow ends: a to a power below it is 1 for more bits than rounding needs, as
// the logarithm of no float is beyond 2**10. A thousand roots lie between it and the least float.
const leastRoot = 0x1p-120

// rootPow is a**b for a b that is not whole, rounded once: the bits behind b's point are roots of a.
func rootPow(a, b float64) float64 {
	const precision = 256 // the whole part may have as many bits as a float, each of which doubles the error
	one := new(big.Float).SetPrec(precision).SetInt64(1)
	power, base := new(big.Float).Copy(one), new(big.Float).SetPrec(precision).SetFloat64(a)
	whole, rest := math.Modf(math.Abs(b))
	root := new(big.Float).Copy(base)
	for bit := 0.5; rest >= leastRoot; bit /= 2 {
		root.Sqrt(root)
		if rest >= bit {
			power.Mul(power, root)
			rest -= bit
		}
	}
	for left := uint64(whole); left > 0; left >>= 1 {
		if left&1 == 1 {
			power.Mul(power, base)
		}
		base.Mul(base, base)
	}
	if b < 0 {
		power.Quo(one, power)
	}
	f, _ := power.Float64()
	return f
}
