package jinja

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

func addSequenceFilters() {
	addFilter("first", "", func(f *frame, in value, _ []value) value {
		if v, ok := iterate(in).next(); ok {
			return v
		}
		return f.undefined(undefinedInfo{hint: "No first item, sequence was empty."})
	})
	addFilter("last", "", filterLast)
	addFilter("random", "", filterRandom)
	addFilter("length", "", func(_ *frame, in value, _ []value) value { return integer(int64(length(in))) })
	alias("count", "length")
	addFilter("list", "", func(_ *frame, in value, _ []value) value { return list(slices.Clone(collect(in))) })
	addFilter("reverse", "", filterReverse)
	addFilter("join", "d='' attribute=none", filterJoin)
	addFilter("sort", "reverse=false case_sensitive=false attribute=none", filterSort)
	addFilter("min", "case_sensitive=false attribute=none", func(f *frame, in value, a []value) value { return extreme(f, in, a, false) })
	addFilter("max", "case_sensitive=false attribute=none", func(f *frame, in value, a []value) value { return extreme(f, in, a, true) })
	addFilter("groupby", "attribute default=none case_sensitive=false", filterGroupBy)
	addFilter("dictsort", "case_sensitive=false by='key' reverse=false", filterDictSort)
	addFilter("sum", "attribute=none start=0", filterSum)
}

// reversed is Python's: for what has a length and an index; dicts go by their keys.
func reversed(v value) ([]value, bool) {
	switch v.k {
	case kList, kTuple, kDict, kRange, kBytes:
		items := slices.Clone(collect(v))
		slices.Reverse(items)
		return items, true
	case kStr, kMarkup:
		var items []value
		for _, r := range v.s {
			items = append(items, textLike(string(r), v))
		}
		slices.Reverse(items)
		return items, true
	case kUndefined:
		v.undefined().strict()
		return nil, true
	case kObject:
		if d, ok := v.r.(*dictView); ok {
			items := d.items()
			slices.Reverse(items)
			return items, true
		}
	case kGo:
		if kindOf(v) == kList {
			return reversed(value{k: kList, r: v.r})
		}
	}
	return nil, false
}

func filterLast(f *frame, in value, _ []value) value {
	if isSeq(in) && seqLen(in) > 0 {
		return seqAt(in, seqLen(in)-1)
	}
	items, ok := reversed(in)
	if !ok {
		throw(typeError, "'%s' object is not reversible", typeName(in))
	}
	if len(items) == 0 {
		return f.undefined(undefinedInfo{hint: "No last item, sequence was empty."})
	}
	return items[0]
}

func filterRandom(f *frame, in value, _ []value) value {
	n := length(in)
	if n == 0 {
		return f.undefined(undefinedInfo{hint: "No random item, sequence was empty."})
	}
	return getitem(f, in, integer(int64(rand.IntN(n)))) // #nosec G404 -- Jinja2 gives no better one either
}

func filterReverse(_ *frame, in value, _ []value) value {
	if in.isText() {
		return slice(in, sliceBounds{none, none, integer(-1)})
	}
	if items, ok := reversed(in); ok {
		it := &sliceIter{items: items}
		return generator(it.next)
	}
	it, ok := tryIterate(in)
	if !ok {
		throw(filterArgument, "argument must be iterable")
	}
	items := drain(it)
	slices.Reverse(items)
	return list(items)
}

// An attribute path is "a.b.0" or a number: what to look up in each item.
type path []value

func parsePath(v value) path {
	switch {
	case v.k == kNone:
		return nil
	case !v.isText():
		return path{v}
	}
	var out path
	for _, part := range strings.Split(v.s, ".") {
		if n, err := strconv.Atoi(part); err == nil && isAll(part, isDigit) {
			out = append(out, integer(int64(n)))
		} else {
			out = append(out, text(part))
		}
	}
	return out
}

func isAll(s string, f func(rune) bool) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return !f(r) }) < 0
}

func (p path) of(f *frame, v value) value { return p.orDefault(f, v, none) }

// ignoreCase is a key that small and capital letters share.
func ignoreCase(v value, sensitive bool) value {
	if !sensitive && v.isText() {
		return text(pyLower(v.s))
	}
	return v
}

func filterJoin(f *frame, in value, a []value) value {
	items := collect(in)
	if a[1].k != kNone {
		p := parsePath(a[1])
		mapped := make([]value, len(items))
		for i, v := range items {
			mapped[i] = p.of(f, v)
		}
		items = mapped
	}
	sep := a[0]
	escape := false
	if f.ctx.escape {
		escape = safe(sep) || slices.ContainsFunc(items, safe)
	}
	// Beside a safe separator only Markup is safe: a value with HTML of its own is taken as its str.
	strict := safe(sep)
	var buf []byte
	for i, v := range items {
		if i > 0 {
			buf = appendPart(buf, sep, escape)
		}
		if strict && !v.isText() {
			v = text(str(v))
		}
		buf = appendPart(buf, v, escape)
		checkItems(len(buf))
	}
	if escape {
		return markup(string(buf))
	}
	return text(string(buf))
}

func appendPart(dst []byte, v value, escape bool) []byte {
	if escape {
		return appendHTML(dst, v)
	}
	return appendStr(dst, v)
}

// sortKeys are the keys of items by the attributes that a comma separates; a missing attribute
// only matters where it is compared with one that is there.
func sortKeys(f *frame, items []value, attribute value, sensitive bool) []value {
	var paths []path
	if attribute.isText() {
		for _, part := range strings.Split(attribute.s, ",") {
			paths = append(paths, parsePath(text(part)))
		}
	} else {
		paths = []path{parsePath(attribute)}
	}
	checkItems(min(len(items), maxItems) * min(len(paths), maxItems))
	keys := make([]value, len(items))
	for i, v := range items {
		parts := make([]value, len(paths))
		for j, p := range paths {
			parts[j] = ignoreCase(p.of(f, v), sensitive)
		}
		keys[i] = list(parts)
	}
	return keys
}

func filterSort(f *frame, in value, a []value) value {
	items := collect(in)
	return list(sortBy(items, sortKeys(f, items, a[2], truth(a[1])), flag(a[0])))
}

func extreme(f *frame, in value, a []value, largest bool) value {
	items := collect(in)
	if len(items) == 0 {
		return f.undefined(undefinedInfo{hint: "No aggregated item, sequence was empty."})
	}
	p, sensitive := parsePath(a[1]), truth(a[0])
	best, bestKey := items[0], ignoreCase(p.of(f, items[0]), sensitive)
	for _, v := range items[1:] {
		key := ignoreCase(p.of(f, v), sensitive)
		if largest && greater(key, bestKey) || !largest && less(key, bestKey) {
			best, bestKey = v, key
		}
	}
	return best
}

func greater(a, b value) bool {
	c, ok := order(a, b, ">")
	return ok && c > 0
}

var groupNames = []string{"grouper", "list"}

func filterGroupBy(f *frame, in value, a []value) value {
	items := collect(in)
	p, sensitive := parsePath(a[0]), truth(a[2])
	raw := func(v value) value { return p.orDefault(f, v, a[1]) }
	keys := make([]value, len(items))
	for i, v := range items {
		keys[i] = ignoreCase(raw(v), sensitive)
	}
	items, keys = sortBy(items, keys, false), sortBy(keys, keys, false)
	var out []value
	for i := 0; i < len(items); {
		j := i + 1
		for j < len(items) && equal(keys[j], keys[i]) {
			j++
		}
		group := []value{raw(items[i]), list(slices.Clone(items[i:j]))}
		out = append(out, value{k: kTuple, r: &Tuple{items: group, names: groupNames}})
		i = j
	}
	return list(out)
}

func filterDictSort(_ *frame, in value, a []value) value {
	pos := 0
	switch str(a[1]) {
	case "key":
	case "value":
		pos = 1
	default:
		throw(filterArgument, "You can only sort by either \"key\" or \"value\"")
	}
	if in.k != kDict {
		definedOrFail(in)
		throw(attributeError, "'%s' object has no attribute 'items'", typeName(in))
	}
	pairs := dictPairs(in)
	keys := make([]value, len(pairs))
	for i, pair := range pairs {
		keys[i] = ignoreCase(seqAt(pair, pos), truth(a[0]))
	}
	return list(sortBy(pairs, keys, truth(a[2])))
}

func filterSum(f *frame, in value, a []value) value {
	it := iterate(in)
	p, total := parsePath(a[0]), a[1]
	if total.isText() {
		throw(typeError, "sum() can't sum strings [use ''.join(seq) instead]")
	}
	for {
		v, ok := it.next()
		if !ok {
			return total
		}
		total = add(total, p.of(f, v))
	}
}
