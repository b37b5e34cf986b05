package jinja

import (
	"math"
	"math/big"
)

// builtinFilters are Jinja2's, by name. Each file of filters adds its own.
var builtinFilters = map[string]*filter{}

func addFilter(name, spec string, do func(f *frame, in value, a []value) value) {
	builtinFilters[name] = &filter{name: "do_" + name, params: parseParams(spec), do: do}
}

func alias(name, of string) { builtinFilters[name] = builtinFilters[of] }

func init() {
	addFilter("default", "default_value='' boolean=false", func(_ *frame, in value, a []value) value {
		if in.k == kUndefined || truth(a[1]) && !truth(in) {
			return a[0]
		}
		return in
	})
	alias("d", "default")
	addFilter("attr", "name", filterAttr)
	addFilter("abs", "", func(_ *frame, in value, _ []value) value { return filterAbs(plain(in)) })
	addFilter("round", "precision=0 method='common'", func(_ *frame, in value, a []value) value { return filterRound(plain(in), a) })
	addFilter("int", "default=0 base=10", func(_ *frame, in value, a []value) value { return filterInt(plain(in), a) })
	addFilter("float", "default=?", func(_ *frame, in value, a []value) value { return filterFloat(plain(in), a[0]) })
	addFilter("filesizeformat", "binary=false", filterFileSize)
	addTextFilters()
	addHTMLFilters()
	addSequenceFilters()
	addLazyFilters()
}

func filterAttr(f *frame, in value, a []value) value {
	if !a[0].isText() {
		throw(typeError, "attribute name must be string, not '%s'", typeName(a[0]))
	}
	if in.k == kUndefined {
		return in.undefined().attr(in)
	}
	name := a[0].s
	if v, ok := attrOf(in, name); ok {
		return v
	}
	return f.undefined(undefinedInfo{owner: in, name: name})
}

func filterAbs(in value) value {
	switch in.k {
	case kFloat:
		return float(math.Abs(in.float()))
	case kInt, kBool, kBig:
		if in.asBig().Sign() < 0 {
			return negate(in)
		}
		return positive(in)
	}
	throw(typeError, "bad operand type for abs(): '%s'", typeName(in))
	return none
}

func filterRound(in value, a []value) value {
	method := str(a[1])
	if method != "common" && method != "ceil" && method != "floor" {
		throw(filterArgument, "method must be common, ceil or floor")
	}
	if !in.isNumber() {
		if method != "common" {
			definedOrFail(in)
		}
		throw(typeError, "type %s doesn't define __round__ method", typeName(in))
	}
	if method != "common" {
		return roundTowards(in, a[0], method == "ceil")
	}
	digits := index(a[0])
	if in.k == kFloat {
		return float(roundHalfEven(in.float(), digits))
	}
	if digits >= 0 {
		return positive(in)
	}
	if digits < -maxBigBits/4 {
		return integer(0)
	}
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(-digits)), nil)
	q := new(big.Rat).SetFrac(in.asBig(), scale)
	return bigInt(new(big.Int).Mul(ratHalfEven(q), scale))
}

// roundTowards is ceil or floor at a precision. It gives a float whatever comes in.
func roundTowards(in, precision value, up bool) value {
	scale := pow(integer(10), precision)
	x := mul(in, scale)
	if x.k == kFloat {
		f := math.Floor(x.float())
		if up {
			f = math.Ceil(x.float())
		}
		x = truncateFloat(f)
	}
	return div(x, scale)
}

// filterInt converts as Python's int does, by way of float if need be, and falls back.
func filterInt(in value, a []value) value {
	switch in.k {
	case kInt, kBig, kBool:
		return positive(in)
	case kFloat:
		if math.IsNaN(in.float()) {
			return a[0]
		}
		return truncateFloat(in.float())
	case kStr, kMarkup, kBytes:
		if base := intFilterBase(in, a[1]); base >= 0 {
			if v, ok := parsePyInt(in.s, base); ok {
				return v
			}
		}
		if f, ok := parsePyFloat(in.s); ok && !math.IsInf(f, 0) && !math.IsNaN(f) {
			return truncateFloat(f)
		}
	case kUndefined:
		in.undefined().fail()
	}
	return a[0]
}

// intFilterBase is the base to read in by: bytes are decimal whatever is asked. Negative if it is
// no number.
func intFilterBase(in, base value) int {
	switch {
	case in.k == kBytes:
		return 10
	case base.isInt():
		return index(base)
	}
	return -1
}

func filterFloat(in, def value) value {
	if def.k == kMissing {
		def = float(0)
	}
	switch in.k {
	case kInt, kBig, kBool, kFloat:
		return float(in.asFloat())
	case kStr, kMarkup, kBytes:
		if f, ok := parsePyFloat(in.s); ok {
			return float(f)
		}
	case kUndefined:
		in.undefined().fail()
	}
	return def
}

// toFloat is Python's float(v), or its error.
func toFloat(v value) float64 {
	v = plain(v)
	switch {
	case v.isNumber():
		return v.asFloat()
	case v.isText() || v.k == kBytes:
		f, ok := parsePyFloat(v.s)
		if !ok {
			throw(valueError, "could not convert string to float: %s", reprString(v))
		}
		return f
	}
	definedOrFail(v)
	throw(typeError, "float() argument must be a string or a real number, not '%s'", typeName(v))
	return 0
}

func filterFileSize(_ *frame, in value, a []value) value {
	n := toFloat(in)
	base, units := 1000.0, []string{"kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"}
	if truth(a[0]) {
		base, units = 1024, []string{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"}
	}
	if n == 1 {
		return text("1 Byte")
	}
	if n < base {
		return text(str(truncateFloat(n)) + " Bytes")
	}
	// Exact units: 1e24 as a float is a little less than a yottabyte.
	unit := integer(int64(base))
	for i, name := range units {
		unit = mul(unit, integer(int64(base)))
		if less(float(n), unit) || i == len(units)-1 {
			return text(formatValue(div(float(base*n), unit), ".1f") + " " + name)
		}
	}
	return none
}
