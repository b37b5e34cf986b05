package jinja

import (
	"math"
	"math/big"
	"strconv"
)

// A rangeValue is Python's range: its numbers are never stored.
type rangeValue struct{ start, stop, step int64 }

func newRange(a []value) value {
	r := &rangeValue{step: 1}
	switch len(a) {
	case 0:
		throw(typeError, "range expected at least 1 argument, got 0")
	case 1:
		r.stop = rangeBound(a[0])
	case 2, 3:
		r.start, r.stop = rangeBound(a[0]), rangeBound(a[1])
		if len(a) == 3 {
			r.step = rangeBound(a[2])
		}
	default:
		throw(typeError, "range expected at most 3 arguments, got %d", len(a))
	}
	if r.step == 0 {
		throw(valueError, "range() arg 3 must not be zero")
	}
	if r.count() > math.MaxInt {
		throw(overflowError, "range has too many items")
	}
	return value{k: kRange, r: r}
}

// rangeBound is v as a number of a range. Unlike Python, it must fit an int64.
func rangeBound(v value) int64 {
	if v.k == kBig {
		throw(overflowError, "range: %s is too large", decimal(v.asBig()))
	}
	return int64(index(v))
}

// count is the number of r's items. From the least to the greatest int64 there are more than an int counts.
func (r *rangeValue) count() uint64 {
	switch {
	case r.step > 0 && r.start < r.stop:
		return (uint64(r.stop)-uint64(r.start)-1)/uint64(r.step) + 1
	case r.step < 0 && r.start > r.stop:
		return (uint64(r.start)-uint64(r.stop)-1)/(-uint64(r.step)) + 1
	}
	return 0
}

func (r *rangeValue) length() int { return int(r.count()) }

func (r *rangeValue) at(i int) value { return integer(r.start + int64(i)*r.step) }

func (r *rangeValue) str() string {
	s := "range(" + strconv.FormatInt(r.start, 10) + ", " + strconv.FormatInt(r.stop, 10)
	if r.step != 1 {
		s += ", " + strconv.FormatInt(r.step, 10)
	}
	return s + ")"
}

func (r *rangeValue) contains(v value) bool {
	if v.k == kFloat && v.float() == float64(int64(v.float())) {
		v = integer(int64(v.float()))
	}
	if v.k != kInt && v.k != kBool {
		return false
	}
	switch {
	case r.step > 0 && r.start <= v.n && v.n < r.stop:
		return (uint64(v.n)-uint64(r.start))%uint64(r.step) == 0
	case r.step < 0 && r.stop < v.n && v.n <= r.start:
		return (uint64(r.start)-uint64(v.n))%(-uint64(r.step)) == 0
	}
	return false
}

// slice is r[lo:hi:step] with bounds already resolved against its length. What lies beyond an int64 lies beyond every item.
func (r *rangeValue) slice(lo, hi, step int) value {
	at := func(from int64, i int) int64 {
		n := new(big.Int).Mul(big.NewInt(int64(i)), big.NewInt(r.step))
		switch n.Add(n, big.NewInt(from)); {
		case n.IsInt64():
			return n.Int64()
		case n.Sign() < 0:
			return math.MinInt64
		}
		return math.MaxInt64
	}
	return value{k: kRange, r: &rangeValue{start: at(r.start, lo), stop: at(r.start, hi), step: at(0, step)}}
}

// iterate refuses to walk what would take for ever.
func (r *rangeValue) iterate() iterator {
	if r.length() > maxItems {
		throw(overflowError, "range has more than %d items", maxItems)
	}
	return &rangeIter{r: r}
}

type rangeIter struct {
	r *rangeValue
	i int
}

func (it *rangeIter) next() (value, bool) {
	if it.i >= it.r.length() {
		return none, false
	}
	it.i++
	return it.r.at(it.i - 1), true
}
