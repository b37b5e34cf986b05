package jinja

import (
	"time"
	"unicode/utf8"
)

// getattr is a.name: the attribute, else the item of that name, else undefined.
func getattr(f *frame, v value, name string) value {
	if out, ok := attrOf(v, name); ok {
		return out
	}
	if v.k == kUndefined {
		return v.undefined().attr(v)
	}
	if out, ok := itemOf(v, text(name)); ok {
		return out
	}
	return f.undefined(undefinedInfo{owner: v, name: name})
}

// getitem is v[key]: the item, else the attribute if the key is text, else undefined.
func getitem(f *frame, v, key value) value {
	if v.k == kUndefined {
		return v.undefined().attr(v)
	}
	if out, ok := itemOf(v, key); ok {
		return out
	}
	if !key.isText() {
		return f.undefined(undefinedInfo{owner: v, key: key})
	}
	if out, ok := attrOf(v, key.s); ok {
		return out
	}
	return f.undefined(undefinedInfo{owner: v, name: key.s})
}

// attrOf is Python's getattr as far as a template may see it: no dunder name is an attribute.
func attrOf(v value, name string) (value, bool) {
	switch v.k {
	case kGo:
		return goAttr(v, name)
	case kObject:
		return v.r.(object).attr(name)
	case kDict:
		return boundMethod(v, name, dictMethods)
	case kList:
		return boundMethod(v, name, listMethods)
	case kTuple:
		return tupleAttr(v, name)
	case kStr, kMarkup:
		return textAttr(v, name)
	case kTime:
		return timeAttr(v.r.(time.Time), name)
	case kInt, kBool, kFloat, kBig:
		return numberAttr(v, name)
	case kFunc:
		if o, ok := v.r.(object); ok {
			return o.attr(name)
		}
	case kBytes:
		return boundMethod(v, name, bytesMethods)
	case kRange:
		return rangeAttr(v.r.(*rangeValue), name)
	}
	return none, false
}

// A methodSpec is a method of a built-in type. The receiver is the first argument of do.
type methodSpec struct {
	params *params
	do     func(f *frame, self value, a []value) value
	raw    func(f *frame, self value, pos []value, kw []keyword) value
}

func boundMethod(v value, name string, methods map[string]methodSpec) (value, bool) {
	m, ok := methods[name]
	if !ok {
		return none, false
	}
	return method(name, m.params, func(f *frame, a []value, kw []keyword) value {
		if m.raw != nil {
			return m.raw(f, v, a, kw)
		}
		return m.do(f, v, a)
	}), true
}

// callMethod calls a method of a built-in type without making the bound method first; false if v
// has none of that name.
func callMethod(f *frame, v value, name string, pos []value, kw []keyword) (value, bool) {
	var methods map[string]methodSpec
	switch v.k {
	case kDict:
		methods = dictMethods
	case kList:
		methods = listMethods
	case kStr, kMarkup:
		if v.k == kMarkup || !markupMethods[name] {
			methods = textMethods
		}
	}
	m, ok := methods[name]
	if !ok {
		return none, false
	}
	if m.raw != nil {
		return m.raw(f, v, pos, kw), true
	}
	return m.do(f, v, m.params.bind(name, pos, kw)), true
}

// itemOf is v[key], or false if there is none.
func itemOf(v, key value) (value, bool) {
	switch v.k {
	case kDict:
		if key.k == kList || key.k == kDict {
			return none, false
		}
		return dictGet(v, key)
	case kList, kTuple:
		if i, ok := itemIndex(key, seqLen(v)); ok {
			return seqAt(v, i), true
		}
	case kStr, kMarkup:
		return runeAt(v, key)
	case kRange:
		r := v.r.(*rangeValue)
		if i, ok := itemIndex(key, r.length()); ok {
			return r.at(i), true
		}
	case kBytes:
		if i, ok := itemIndex(key, len(v.s)); ok {
			return integer(int64(v.s[i])), true
		}
	case kObject:
		if o, ok := v.r.(interface{ item(key value) (value, bool) }); ok {
			return o.item(key)
		}
	case kGo:
		return goItem(v, key)
	}
	return none, false
}

// subscript is v[key] as formatting reaches it: what is not there is Python's error, not undefined.
func subscript(v, key value) value {
	if v.k == kUndefined {
		return v.undefined().attr(v)
	}
	out, ok := itemOf(v, key)
	switch {
	case ok:
	case v.k == kDict || v.k == kObject || v.k == kGo && hasItems(v) && kindOf(v) != kList:
		throw(keyError, "%s", reprString(key))
	case !v.isText() && v.k != kTuple && !hasItems(v):
		throw(typeError, "'%s' object is not subscriptable", typeName(v))
	case key.isInt():
		throw(indexError, "%s index out of range", typeName(v))
	default:
		throw(typeError, "%s indices must be integers or slices, not %s", typeName(v), typeName(key))
	}
	return out
}

func itemIndex(key value, n int) (int, bool) {
	if key.k != kInt && key.k != kBool {
		if key.k != kGo {
			return 0, false
		}
		if key = goPlain(key); key.k != kInt {
			return 0, false
		}
	}
	i := int(key.n)
	if i < 0 {
		i += n
	}
	return i, i >= 0 && i < n
}

func runeAt(v, key value) (value, bool) {
	if key.k != kInt && key.k != kBool {
		return none, false
	}
	i, ok := itemIndex(key, utf8.RuneCountInString(v.s))
	if !ok {
		return none, false
	}
	for pos, r := range v.s {
		if i == 0 {
			return textLike(v.s[pos:pos+max(utf8.RuneLen(r), 1)], v), true
		}
		i--
	}
	return none, false
}

func goItem(v, key value) (value, bool) {
	if m, ok := v.r.(Mapping); ok {
		return mappingItem(m, key)
	}
	if a, ok := v.r.(Attributer); ok && key.isText() {
		if x, ok := a.Attr(key.s); ok {
			return fromGo(x), true
		}
	}
	switch kindOf(v) {
	case kList:
		return itemOf(value{k: kList, r: v.r}, key)
	case kDict:
		return goMapGet(v, key)
	}
	return none, false
}

// A sliceBounds is [a:b:c] with its bounds evaluated; none where one is left out.
type sliceBounds struct{ lo, hi, step value }

// resolve gives Python's start, stop and step for a sequence of n items.
func (s sliceBounds) resolve(n int) (lo, hi, step int) {
	step = 1
	if s.step.k != kNone {
		if step = sliceIndex(s.step); step == 0 {
			throw(valueError, "slice step cannot be zero")
		}
	}
	low, high := 0, n
	lo, hi = 0, n
	if step < 0 {
		low, high = -1, n-1
		lo, hi = n-1, -1
	}
	if s.lo.k != kNone {
		lo = clampIndex(sliceIndex(s.lo), n, low, high)
	}
	if s.hi.k != kNone {
		hi = clampIndex(sliceIndex(s.hi), n, low, high)
	}
	return lo, hi, step
}

func sliceIndex(v value) int {
	if !v.isInt() {
		throw(typeError, "slice indices must be integers or None or have an __index__ method")
	}
	return index(v)
}

func clampIndex(i, n, low, high int) int {
	if i < 0 {
		i += n
	}
	return min(max(i, low), high)
}

// slice is v[lo:hi:step]. Unlike an item, a slice of what has none is an error.
func slice(v value, s sliceBounds) value {
	switch v.k {
	case kStr, kMarkup:
		return textLike(sliceText(v.s, s), v)
	case kBytes:
		return bytesVal(string(pick([]byte(v.s), s)))
	case kList, kTuple:
		items := pick(seqItems(v), s)
		if v.k == kTuple {
			return tuple(items)
		}
		return list(items)
	case kRange:
		r := v.r.(*rangeValue)
		return r.slice(s.resolve(r.length()))
	case kGo:
		if kindOf(v) == kList {
			return slice(value{k: kList, r: v.r}, s)
		}
		if p := goPlain(v); p.k != kGo {
			return slice(p, s)
		}
	case kDict:
		throw(typeError, "unhashable type: 'slice'")
	case kUndefined:
		return v.undefined().attr(v)
	}
	throw(typeError, "'%s' object is not subscriptable", typeName(v))
	return none
}

func sliceText(str string, s sliceBounds) string {
	for i := range len(str) {
		if str[i] >= utf8.RuneSelf {
			return string(pick([]rune(str), s))
		}
	}
	lo, hi, step := s.resolve(len(str))
	if step == 1 {
		return str[lo:max(lo, hi)]
	}
	return string(pick([]byte(str), s))
}

// pick copies the items that a slice names.
func pick[T any](items []T, s sliceBounds) []T {
	lo, hi, step := s.resolve(len(items))
	var out []T
	for i := lo; step > 0 && i < hi || step < 0 && i > hi; i += step {
		out = append(out, items[i])
	}
	return out
}

// markupMethods are those that only Markup has.
var markupMethods = map[string]bool{"escape": true, "unescape": true, "striptags": true}

func textAttr(v value, name string) (value, bool) {
	if v.k == kStr && markupMethods[name] {
		return none, false
	}
	return boundMethod(v, name, textMethods)
}

func tupleAttr(v value, name string) (value, bool) {
	t := v.r.(*Tuple)
	for i, n := range t.names {
		if n == name {
			return t.items[i], true
		}
	}
	switch name {
	case "index", "count":
		return boundMethod(v, name, listMethods)
	}
	return none, false
}

func rangeAttr(r *rangeValue, name string) (value, bool) {
	switch name {
	case "start":
		return integer(r.start), true
	case "stop":
		return integer(r.stop), true
	case "step":
		return integer(r.step), true
	}
	return none, false
}
