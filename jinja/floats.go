package jinja

import (
	"math"
	"strconv"
	"strings"
)

// formatFloat prints a non-negative float as C's %e, %f or %g do.
func formatFloat(f float64, verb byte, prec int, alt bool) string {
	upper := verb >= 'A' && verb <= 'Z'
	var s string
	switch {
	case math.IsNaN(f):
		s = "nan"
	case math.IsInf(f, 0):
		s = "inf"
	default:
		s = finiteFloat(f, verb|0x20, prec, alt)
	}
	if upper {
		return strings.ToUpper(s)
	}
	return s
}

func finiteFloat(f float64, verb byte, prec int, alt bool) string {
	if verb != 'g' {
		s := strconv.FormatFloat(f, verb, prec, 64)
		if alt && prec == 0 {
			s = withPoint(s)
		}
		return s
	}
	prec = max(prec, 1)
	exp := 0
	if f != 0 {
		e := strconv.FormatFloat(f, 'e', prec-1, 64)
		exp, _ = strconv.Atoi(e[strings.IndexByte(e, 'e')+1:])
	}
	if exp < -4 || exp >= prec {
		return trimZeros(strconv.FormatFloat(f, 'e', prec-1, 64), alt)
	}
	return trimZeros(strconv.FormatFloat(f, 'f', prec-1-exp, 64), alt)
}

// trimZeros drops the zeros after the point that %g does not print, unless # asks for them.
func trimZeros(s string, alt bool) string {
	if alt {
		return withPoint(s)
	}
	mantissa, exp, has := strings.Cut(s, "e")
	if strings.Contains(mantissa, ".") {
		mantissa = strings.TrimRight(strings.TrimRight(mantissa, "0"), ".")
	}
	if has {
		return mantissa + "e" + exp
	}
	return mantissa
}

func withPoint(s string) string {
	mantissa, exp, has := strings.Cut(s, "e")
	if !strings.Contains(mantissa, ".") {
		mantissa += "."
	}
	if has {
		return mantissa + "e" + exp
	}
	return mantissa
}
