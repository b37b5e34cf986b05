package jinja

import "strconv"

// A rangeValue is Python's range: its numbers are never stored.
type rangeValue struct{ start, stop, step int64 }

func newRange(a []value) value {
	r := &rangeValue{step: 1}
	switch len(a) {
	case 0:
		throw(typeError, "range expected at least 1 argument, got 0")
	case 1:
		r.stop = int64(index(a[0]))
	case 2, 3:
		r.start, r.stop = int64(index(a[0])), int64(index(a[1]))
		if len(a) == 3 {
			r.step = int64(index(a[2]))
		}
	default:
		throw(typeError, "range expected at most 3 arguments, got %d", len(a))
	}
	if r.step == 0 {
		throw(valueError, "range() arg 3 must not be zero")
	}
	return value{k: kRange, r: r}
}

func (r *rangeValue) length() int {
	if r.step > 0 && r.start < r.stop {
		return int((uint64(r.stop)-uint64(r.start)-1)/uint64(r.step)) + 1
	}
	if r.step < 0 && r.start > r.stop {
		return int((uint64(r.start)-uint64(r.stop)-1)/(-uint64(r.step))) + 1
	}
	return 0
}

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
	for n := r.length(); n > 0; {
		d := v.n - r.start
		return d%r.step == 0 && d/r.step >= 0 && d/r.step < int64(n)
	}
	return false
}

// slice is r[lo:hi:step] with bounds already resolved against its length.
func (r *rangeValue) slice(lo, hi, step int) value {
	return value{k: kRange, r: &rangeValue{
		start: r.start + int64(lo)*r.step, stop: r.start + int64(hi)*r.step, step: r.step * int64(step),
	}}
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
