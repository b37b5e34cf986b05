package jinja

import (
	"slices"
)

// addLazyFilters adds the filters that give a generator: nothing happens until it is run through.
func addLazyFilters() {
	for name, fn := range map[string]func(f *frame, in value, pos []value, kw []keyword) value{
		"map":    filterMap,
		"select": selecting(true, false), "reject": selecting(false, false),
		"selectattr": selecting(true, true), "rejectattr": selecting(false, true),
	} {
		builtinFilters[name] = &filter{name: "do_" + name, raw: fn}
	}
	addFilter("batch", "linecount fill_with=none", filterBatch)
	addFilter("slice", "slices fill_with=none", filterSlice)
	addFilter("unique", "case_sensitive=false attribute=none", filterUnique)
	addFilter("items", "", filterItems)
}

// lazily is a generator over in that starts with the first item asked for. Generators over
// generators are bounded: each is a call inside the other.
func lazily(in value, start func() func() (value, bool)) value {
	depth := 1
	if g, ok := in.r.(*oneShot); ok {
		depth += g.depth
	}
	if depth > maxCompareDepth {
		throw(recursionError, "more than %d generators over one another", maxCompareDepth)
	}
	var next func() (value, bool)
	return value{k: kIter, r: &oneShot{depth: depth, it: iterFunc(func() (value, bool) {
		if next == nil {
			next = start()
		}
		return next()
	})}}
}

func nothing() (value, bool) { return none, false }

func filterMap(f *frame, in value, pos []value, kw []keyword) value {
	pos, kw = slices.Clone(pos), slices.Clone(kw)
	return lazily(in, func() func() (value, bool) {
		if !truth(in) {
			return nothing
		}
		do := mapper(f, pos, kw)
		it := iterate(in)
		return func() (value, bool) {
			v, ok := it.next()
			if !ok {
				return none, false
			}
			return do(v), true
		}
	})
}

// mapper is what map does with each item: look up an attribute, or apply a filter by name.
func mapper(f *frame, pos []value, kw []keyword) func(v value) value {
	if len(pos) == 0 && slices.ContainsFunc(kw, func(k keyword) bool { return k.name == "attribute" }) {
		var p path
		def := none
		for _, k := range kw {
			switch k.name {
			case "attribute":
				p = parsePath(k.v)
			case "default":
				def = k.v
			default:
				throw(filterArgument, "Unexpected keyword argument %s", quoteName(k.name))
			}
		}
		return func(v value) value { return p.orDefault(f, v, def) }
	}
	if len(pos) == 0 {
		throw(filterArgument, "map requires a filter argument")
	}
	return func(v value) value {
		return named(f.r.env.filters, "filter", pos[0]).call(f, v, pos[1:], kw)
	}
}

// orDefault is the path's value, with the default wherever a step of it is missing.
func (p path) orDefault(f *frame, v, def value) value {
	for _, part := range p {
		v = getitem(f, v, part)
		if v.k == kUndefined && def.k != kNone {
			v = def
		}
	}
	return v
}

func named(all map[string]*filter, what string, name value) *filter {
	flt := all[str(name)]
	if flt == nil {
		throw(runtimeError, "No %s named %s.", what, reprString(name))
	}
	return flt
}

func selecting(keep, byAttr bool) func(f *frame, in value, pos []value, kw []keyword) value {
	return func(f *frame, in value, pos []value, kw []keyword) value {
		pos, kw = slices.Clone(pos), slices.Clone(kw)
		return lazily(in, func() func() (value, bool) {
			if !truth(in) {
				return nothing
			}
			passes := selector(f, pos, kw, byAttr)
			it := iterate(in)
			return func() (value, bool) {
				for {
					v, ok := it.next()
					if !ok || passes(v) == keep {
						return v, ok
					}
				}
			}
		})
	}
}

// selector is the test that select and its kin put to each item.
func selector(f *frame, pos []value, kw []keyword, byAttr bool) func(v value) bool {
	var p path
	if byAttr {
		if len(pos) == 0 {
			throw(filterArgument, "Missing parameter for attribute name")
		}
		p, pos = parsePath(pos[0]), pos[1:]
	}
	if len(pos) == 0 {
		return func(v value) bool { return truth(p.of(f, v)) }
	}
	var t *filter
	return func(v value) bool {
		if t == nil {
			t = named(f.r.env.tests, "test", pos[0])
		}
		return truth(t.call(f, p.of(f, v), pos[1:], kw))
	}
}

func filterBatch(_ *frame, in value, a []value) value {
	count, fill := a[0], a[1]
	return lazily(in, func() func() (value, bool) {
		b := &batcher{it: iterate(in), count: count, fill: fill}
		return b.next
	})
}

// A batcher cuts an iteration into rows. A row ends where its length equals the count: one that is
// no number of items never comes.
type batcher struct {
	it          iterator
	count, fill value
	row         []value
	done        bool
}

func (b *batcher) next() (value, bool) {
	for !b.done {
		v, ok := b.it.next()
		if !ok {
			b.done = true
			return b.last()
		}
		full := b.row
		isFull := equal(integer(int64(len(full))), b.count)
		if !isFull {
			b.row = append(b.row, v)
			continue
		}
		b.row = []value{v}
		return list(full), true
	}
	return none, false
}

func (b *batcher) last() (value, bool) {
	if len(b.row) == 0 {
		return none, false
	}
	if b.fill.k != kNone {
		n := index(b.count)
		checkItems(n)
		for len(b.row) < n {
			b.row = append(b.row, b.fill)
		}
	}
	return list(b.row), true
}

func filterSlice(_ *frame, in value, a []value) value {
	count, fill := a[0], a[1]
	return lazily(in, func() func() (value, bool) {
		items, n := collect(in), index(count)
		checkItems(n)
		if n == 0 {
			throw(zeroDivision, "integer division or modulo by zero")
		}
		i, at := 0, 0
		return func() (value, bool) {
			if i >= n {
				return none, false
			}
			size := len(items) / n
			extra := i < len(items)%n
			if extra {
				size++
			}
			row := slices.Clone(items[at : at+size])
			at += size
			i++
			if fill.k != kNone && !extra {
				row = append(row, fill)
			}
			return list(row), true
		}
	})
}

func filterUnique(f *frame, in value, a []value) value {
	sensitive, attribute := truth(a[0]), a[1]
	return lazily(in, func() func() (value, bool) {
		it, p := iterate(in), parsePath(attribute)
		seen := map[dictKey]bool{}
		return func() (value, bool) {
			for {
				v, ok := it.next()
				if !ok {
					return none, false
				}
				k := hashKey(ignoreCase(p.of(f, v), sensitive))
				if !seen[k] {
					seen[k] = true
					return v, true
				}
			}
		}
	})
}

func filterItems(_ *frame, in value, _ []value) value {
	return lazily(in, func() func() (value, bool) {
		if in.k == kUndefined {
			return nothing
		}
		if in.k != kDict {
			throw(typeError, "Can only get item pairs from a mapping.")
		}
		return (&sliceIter{items: dictPairs(in)}).next
	})
}
