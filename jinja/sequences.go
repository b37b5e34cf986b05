package jinja

import (
	"reflect"
	"strings"
	"unicode/utf8"
)

// What follows reads a kList or kTuple value whatever holds it. The Go slices that pages are mostly
// made of are read without reflection.

func seqLen(v value) int {
	switch s := v.r.(type) {
	case *List:
		return len(s.items)
	case *Tuple:
		return len(s.items)
	case []any:
		return len(s)
	case []string:
		return len(s)
	case []map[string]any:
		return len(s)
	case []int:
		return len(s)
	}
	return reflect.ValueOf(v.r).Len()
}

func seqAt(v value, i int) value {
	switch s := v.r.(type) {
	case *List:
		return s.items[i]
	case *Tuple:
		return s.items[i]
	case []any:
		return fromGo(s[i])
	case []string:
		return text(s[i])
	case []map[string]any:
		return value{k: kDict, r: s[i]}
	case []int:
		return integer(int64(s[i]))
	}
	return fromElem(reflect.ValueOf(v.r).Index(i))
}

// indexer is seqAt for many items of one list: what has to be found out about a Go slice of some
// type is found out once.
func indexer(v value) func(i int) value {
	switch v.r.(type) {
	case *List, *Tuple, []any, []string, []map[string]any, []int:
		return func(i int) value { return seqAt(v, i) }
	}
	rv := reflect.ValueOf(v.r)
	read := reader(rv.Type().Elem())
	return func(i int) value { return read(rv.Index(i)) }
}

// items are all items of a list or tuple; not to be changed.
func seqItems(v value) []value {
	switch s := v.r.(type) {
	case *List:
		return s.items
	case *Tuple:
		return s.items
	}
	out := make([]value, seqLen(v))
	for i := range out {
		out[i] = seqAt(v, i)
	}
	return out
}

func isSeq(v value) bool { return v.k == kList || v.k == kTuple }

// hasLen gives len(v), or false where Python has no len for it.
func hasLen(v value) (int, bool) {
	switch v.k {
	case kStr, kMarkup:
		return utf8.RuneCountInString(v.s), true
	case kBytes:
		return len(v.s), true
	case kList, kTuple:
		return seqLen(v), true
	case kDict:
		return dictLen(v), true
	case kRange:
		return v.r.(*rangeValue).length(), true
	case kUndefined:
		v.undefined().strict()
		return 0, true
	case kObject:
		if s, ok := v.r.(sized); ok {
			return s.length(), true
		}
	case kGo:
		return goLen(v)
	}
	return 0, false
}

func length(v value) int {
	n, ok := hasLen(v)
	if !ok {
		throw(typeError, "object of type '%s' has no len()", typeName(v))
	}
	return n
}

// truth is Python's bool(v).
func truth(v value) bool {
	switch v.k {
	case kBool, kInt:
		return v.n != 0
	case kNone:
		return false
	case kStr, kMarkup, kBytes:
		return v.s != ""
	case kFloat:
		return v.float() != 0
	case kUndefined:
		v.undefined().strict()
		return false
	case kObject:
		if t, ok := v.r.(truther); ok {
			return t.truth()
		}
	case kGo:
		return goTruth(v)
	}
	n, ok := hasLen(v)
	return !ok || n > 0
}

// An iterator yields values one by one.
type iterator interface {
	next() (value, bool)
}

// iterFunc is a function as an iterator.
type iterFunc func() (value, bool)

func (i iterFunc) next() (value, bool) { return i() }

// A oneShot is a generator: it can be run through once, and has no length.
type oneShot struct {
	it    iterator
	depth int // of generators over generators
}

func (o *oneShot) next() (value, bool) { return o.it.next() }

func generator(next func() (value, bool)) value {
	return value{k: kIter, r: &oneShot{it: iterFunc(next)}}
}

// seqIter runs over a list by index, so that what is appended meanwhile is seen, as in Python.
type seqIter struct {
	v value
	i int
}

func (s *seqIter) next() (value, bool) {
	if s.i >= seqLen(s.v) {
		return none, false
	}
	s.i++
	return seqAt(s.v, s.i-1), true
}

// sliceIter runs over values that do not change.
type sliceIter struct {
	items []value
	i     int
}

func (s *sliceIter) next() (value, bool) {
	if s.i >= len(s.items) {
		return none, false
	}
	s.i++
	return s.items[s.i-1], true
}

// runeIter runs over the characters of a str; those of a Markup are plain, as MarkupSafe's are.
type runeIter struct{ s string }

func (r *runeIter) next() (value, bool) {
	if r.s == "" {
		return none, false
	}
	_, n := utf8.DecodeRuneInString(r.s)
	c := r.s[:n]
	r.s = r.s[n:]
	return text(c), true
}

// iterate starts an iteration over v, or fails as Python's iter does.
func iterate(v value) iterator {
	it, ok := tryIterate(v)
	if !ok {
		throw(typeError, "'%s' object is not iterable", typeName(v))
	}
	return it
}

func tryIterate(v value) (iterator, bool) {
	switch v.k {
	case kList, kTuple:
		return &seqIter{v: v}, true
	case kStr, kMarkup:
		return &runeIter{s: v.s}, true
	case kDict:
		return &sliceIter{items: dictKeys(v)}, true
	case kRange:
		return v.r.(*rangeValue).iterate(), true
	case kIter:
		return v.r.(*oneShot), true
	case kBytes:
		return bytesIter(v.s), true
	case kUndefined:
		v.undefined().strict()
		if v.undefined().kind != "" {
			v.undefined().fail()
		}
		return &sliceIter{}, true
	case kObject:
		if i, ok := v.r.(iterated); ok {
			return i.iterate(), true
		}
	case kGo:
		return goIterate(v)
	}
	return nil, false
}

func bytesIter(s string) iterator {
	i := 0
	return iterFunc(func() (value, bool) {
		if i >= len(s) {
			return none, false
		}
		i++
		return integer(int64(s[i-1])), true
	})
}

// maxItems bounds what a template can make the engine hold in one list or text.
const maxItems = 10_000_000

// collect reads an iterable to its end. The result may be shared with v: not to be changed.
func collect(v value) []value {
	if isSeq(v) {
		return seqItems(v)
	}
	return drain(iterate(v))
}

func drain(it iterator) []value {
	var out []value
	for {
		v, ok := it.next()
		if !ok {
			return out
		}
		if len(out) >= maxItems {
			throw(overflowError, "sequence is longer than %d items", maxItems)
		}
		out = append(out, v)
	}
}

func containsByte(s string, item value) bool {
	switch {
	case item.k == kBytes:
		return strings.Contains(s, item.s)
	case !item.isInt():
		throw(typeError, "a bytes-like object is required, not '%s'", typeName(item))
	case index(item) < 0 || index(item) > 255:
		throw(valueError, "byte must be in range(0, 256)")
	}
	return strings.IndexByte(s, byte(item.n)) >= 0
}

// contains is Python's "item in v".
func contains(v, item value) bool {
	switch v.k {
	case kStr, kMarkup:
		return containsText(v, item)
	case kDict:
		_, ok := dictGet(v, item)
		return ok
	case kRange:
		return v.r.(*rangeValue).contains(item)
	case kBytes:
		return containsByte(v.s, item)
	case kUndefined:
		v.undefined().strict()
		return false
	case kGo:
		if found, ok := goContains(v, item); ok {
			return found
		}
	}
	it, ok := tryIterate(v)
	if !ok {
		throw(typeError, "argument of type '%s' is not iterable", typeName(v))
	}
	for {
		x, ok := it.next()
		if !ok {
			return false
		}
		if same(x, item) || equal(x, item) {
			return true
		}
	}
}
