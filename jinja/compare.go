package jinja

import (
	"cmp"
	"math"
	"math/big"
	"reflect"
	"strings"
	"time"
)

// same is Python's "is" as far as it can be seen: identity of containers and objects, and equality
// of kind and value for the rest.
func same(a, b value) bool {
	if a.k != b.k {
		return false
	}
	switch a.k {
	case kList, kTuple, kDict, kObject, kFunc, kIter, kRange, kUndefined, kGo, kTime:
		return sameReference(a.r, b.r)
	case kFloat:
		return a.n == b.n
	case kBig:
		return a.r.(*big.Int).Cmp(b.r.(*big.Int)) == 0
	}
	return a.n == b.n && a.s == b.s
}

// maxCompareDepth bounds comparing containers that contain themselves.
const maxCompareDepth = 500

// equal is Python's ==. It never fails, but for what nests without end.
func equal(a, b value) bool {
	var c comparer
	return c.equal(a, b, 0)
}

// A comparer bounds the work of one comparison: a few lists that hold one another twice make an
// endless one.
type comparer struct{ steps int }

func (c *comparer) enter(depth int) {
	if depth > maxCompareDepth {
		throw(recursionError, "maximum recursion depth exceeded in comparison")
	}
	if c.steps++; c.steps > maxItems {
		throw(overflowError, "comparison takes more than %d steps", maxItems)
	}
}

func (c *comparer) equal(a, b value, depth int) bool {
	c.enter(depth)
	a, b = plain(a), plain(b)
	switch {
	case a.isText() && b.isText():
		return a.s == b.s
	case a.isNumber() && b.isNumber():
		n, ok := compareNumbers(a, b)
		return ok && n == 0
	case a.k == kUndefined || b.k == kUndefined:
		return equalUndefined(a, b)
	case a.k != b.k:
		return false
	}
	return c.equalKind(a, b, depth)
}

func equalUndefined(a, b value) bool {
	if a.k == kUndefined {
		a.undefined().strict()
	}
	if b.k == kUndefined {
		b.undefined().strict()
	}
	return a.k == b.k && a.undefined().behave == b.undefined().behave
}

// equalKind compares two values of one kind that is neither text nor number.
func (c *comparer) equalKind(a, b value, depth int) bool {
	switch a.k {
	case kNone:
		return true
	case kBytes:
		return a.s == b.s
	case kList, kTuple:
		return c.equalSeq(a, b, depth)
	case kDict:
		return c.equalDict(a, b, depth)
	case kRange:
		return equalRange(a.r.(*rangeValue), b.r.(*rangeValue))
	case kTime:
		return a.r.(time.Time).Equal(b.r.(time.Time))
	}
	return sameReference(a.r, b.r)
}

func (c *comparer) equalSeq(a, b value, depth int) bool {
	if seqLen(a) != seqLen(b) {
		return false
	}
	for i := range seqLen(a) {
		x, y := seqAt(a, i), seqAt(b, i)
		if !same(x, y) && !c.equal(x, y, depth+1) {
			return false
		}
	}
	return true
}

func (c *comparer) equalDict(a, b value, depth int) bool {
	if dictLen(a) != dictLen(b) {
		return false
	}
	for _, k := range dictKeys(a) {
		x, _ := dictGet(a, k)
		y, ok := dictGet(b, k)
		if !ok || !same(x, y) && !c.equal(x, y, depth+1) {
			return false
		}
	}
	return true
}

func equalRange(a, b *rangeValue) bool {
	n := a.length()
	if n != b.length() {
		return false
	}
	return n == 0 || a.start == b.start && (n == 1 || a.step == b.step)
}

// compareNumbers orders two numbers exactly; false if one is not a number.
func compareNumbers(a, b value) (int, bool) {
	if a.k != kFloat && b.k != kFloat {
		if a.k != kBig && b.k != kBig {
			return cmp.Compare(a.n, b.n), true
		}
		return a.asBig().Cmp(b.asBig()), true
	}
	if a.k == kFloat && b.k == kFloat {
		x, y := a.float(), b.float()
		return cmp.Compare(x, y), x == x && y == y
	}
	if a.k == kFloat {
		return compareFloatInt(a.float(), b)
	}
	c, ok := compareFloatInt(b.float(), a)
	return -c, ok
}

func compareFloatInt(f float64, i value) (int, bool) {
	switch {
	case math.IsNaN(f):
		return 0, false
	case math.IsInf(f, 1):
		return 1, true
	case math.IsInf(f, -1):
		return -1, true
	}
	return big.NewFloat(f).Cmp(new(big.Float).SetInt(i.asBig())), true
}

// order compares a and b for the operator sign; false if they have no order (nan), and an error if
// Python knows none for their types.
func order(a, b value, sign string) (int, bool) {
	var c comparer
	return c.order(a, b, sign, 0)
}

func (c *comparer) order(a, b value, sign string, depth int) (int, bool) {
	c.enter(depth)
	a, b = plain(a), plain(b)
	switch {
	case a.isText() && b.isText():
		return strings.Compare(a.s, b.s), true
	case a.isNumber() && b.isNumber():
		return compareNumbers(a, b)
	case isSeq(a) && a.k == b.k:
		return c.orderSeq(a, b, sign, depth)
	case a.k == kTime && b.k == kTime:
		return a.r.(time.Time).Compare(b.r.(time.Time)), true
	case a.k == kBytes && b.k == kBytes:
		return strings.Compare(a.s, b.s), true
	}
	if x, ok := a.r.(timedelta); ok {
		if y, ok := b.r.(timedelta); ok {
			return cmp.Compare(x, y), true
		}
	}
	definedOrFail(a)
	definedOrFail(b)
	throw(typeError, "'%s' not supported between instances of '%s' and '%s'", sign, typeName(a), typeName(b))
	return 0, false
}

func (c *comparer) orderSeq(a, b value, sign string, depth int) (int, bool) {
	n, m := seqLen(a), seqLen(b)
	for i := range min(n, m) {
		x, y := seqAt(a, i), seqAt(b, i)
		if !same(x, y) && !c.equal(x, y, depth+1) {
			return c.order(x, y, sign, depth+1)
		}
	}
	return cmp.Compare(n, m), true
}

func less(a, b value) bool {
	c, ok := order(a, b, "<")
	return ok && c < 0
}

// compareOps are the comparisons by token.
var compareOps = map[string]func(a, b value) bool{
	"eq": equal,
	"ne": func(a, b value) bool { return !equal(a, b) },
	"lt": less,
	"lteq": func(a, b value) bool {
		c, ok := order(a, b, "<=")
		return ok && c <= 0
	},
	"gt": func(a, b value) bool {
		c, ok := order(a, b, ">")
		return ok && c > 0
	},
	"gteq": func(a, b value) bool {
		c, ok := order(a, b, ">=")
		return ok && c >= 0
	},
	"in":    func(a, b value) bool { return contains(b, a) },
	"notin": func(a, b value) bool { return !contains(b, a) },
}

func containsText(v, item value) bool {
	if !item.isText() {
		if item.k == kUndefined {
			item.undefined().strict()
		}
		throw(typeError, "'in <string>' requires string as left operand, not %s", typeName(item))
	}
	return strings.Contains(v.s, item.s)
}

// sameReference reports whether two Go values are the same one: equal if they compare, else the
// same slice or map in memory.
func sameReference(a, b any) bool {
	t := reflect.TypeOf(a)
	if t != reflect.TypeOf(b) {
		return false
	}
	if t == nil {
		return true
	}
	x, y := reflect.ValueOf(a), reflect.ValueOf(b)
	if x.Comparable() && y.Comparable() {
		return a == b
	}
	switch t.Kind() {
	case reflect.Slice, reflect.Map, reflect.Func:
		return x.Pointer() == y.Pointer() && (t.Kind() != reflect.Slice || x.Len() == y.Len())
	}
	return false
}
