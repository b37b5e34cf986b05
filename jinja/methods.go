package jinja

import (
	"math"
	"math/big"
	"slices"
	"sort"
)

func spec(p string, do func(f *frame, self value, a []value) value) methodSpec {
	return methodSpec{params: parseParams(p), do: do}
}

// dictMethods are those of Python's dict.
var dictMethods = map[string]methodSpec{
	"items":  spec("", func(_ *frame, v value, _ []value) value { return fromObject(&dictView{v, "dict_items"}) }),
	"keys":   spec("", func(_ *frame, v value, _ []value) value { return fromObject(&dictView{v, "dict_keys"}) }),
	"values": spec("", func(_ *frame, v value, _ []value) value { return fromObject(&dictView{v, "dict_values"}) }),
	"get": spec("key default=none", func(_ *frame, v value, a []value) value {
		if x, ok := dictGet(v, a[0]); ok {
			return x
		}
		return a[1]
	}),
	"copy":       spec("", func(_ *frame, v value, _ []value) value { return copyDict(v) }),
	"clear":      spec("", func(_ *frame, v value, _ []value) value { writableDict(v).clear(); return none }),
	"pop":        spec("key default=?", dictPop),
	"popitem":    spec("", dictPopItem),
	"setdefault": spec("key default=none", dictSetDefault),
	"update":     {raw: dictUpdate},
	"fromkeys": spec("iterable value=none", func(_ *frame, _ value, a []value) value {
		d := &Dict{}
		for _, k := range collect(a[0]) {
			d.set(k, a[1])
		}
		return value{k: kDict, r: d}
	}),
}

func copyDict(v value) value {
	if d, ok := v.r.(*Dict); ok {
		return value{k: kDict, r: d.clone()}
	}
	d := &Dict{}
	eachPair(v, d.set)
	return value{k: kDict, r: d}
}

func dictPop(_ *frame, v value, a []value) value {
	d := writableDict(v)
	x, ok := d.get(a[0])
	if !ok {
		if a[1].k == kMissing {
			throw(keyError, "%s", reprString(a[0]))
		}
		return a[1]
	}
	d.delete(a[0])
	return x
}

func dictPopItem(_ *frame, v value, _ []value) value {
	d := writableDict(v)
	if len(d.keys) == 0 {
		throw(keyError, "'popitem(): dictionary is empty'")
	}
	last := len(d.keys) - 1
	pair := dictPair(d.keys[last], d.vals[last])
	d.delete(d.keys[last])
	return pair
}

func dictSetDefault(_ *frame, v value, a []value) value {
	if x, ok := dictGet(v, a[0]); ok {
		return x
	}
	writableDict(v).set(a[0], a[1])
	return a[1]
}

func dictUpdate(_ *frame, v value, pos []value, kw []keyword) value {
	if len(pos) > 1 {
		throw(typeError, "update expected at most 1 argument, got %d", len(pos))
	}
	fillDict(writableDict(v), pos, kw)
	return none
}

// fillDict adds what Python's dict(...) and update(...) take: a mapping or pairs, then keywords.
func fillDict(d *Dict, pos []value, kw []keyword) {
	for _, src := range pos {
		definedOrFail(src)
		if src.k == kDict {
			eachPair(src, d.set)
			continue
		}
		for i, pair := range collect(src) {
			it, ok := tryIterate(pair)
			if !ok {
				throw(typeError, "cannot convert dictionary update sequence element #%d to a sequence", i)
			}
			kv := drain(it)
			if len(kv) != 2 {
				throw(valueError, "dictionary update sequence element #%d has length %d; 2 is required", i, len(kv))
			}
			d.set(kv[0], kv[1])
		}
	}
	for _, k := range kw {
		d.set(text(k.name), k.v)
	}
}

// A dictView is what items, keys and values give: it has a length and runs again and again, but
// has no index.
type dictView struct {
	d    value
	what string
}

func (d *dictView) typeName() string               { return d.what }
func (d *dictView) attr(name string) (value, bool) { return none, false }
func (d *dictView) length() int                    { return dictLen(d.d) }
func (d *dictView) reprTo(p *reprinter) {
	p.dst = append(p.dst, d.what+"("...)
	p.repr(list(d.items()))
	p.dst = append(p.dst, ')')
}
func (d *dictView) iterate() iterator { return &sliceIter{items: d.items()} }

func (d *dictView) items() []value {
	switch d.what {
	case "dict_keys":
		return slices.Clone(dictKeys(d.d))
	case "dict_items":
		return dictPairs(d.d)
	}
	var out []value
	eachPair(d.d, func(_, val value) { out = append(out, val) })
	return out
}

// listMethods are those of Python's list; count and index are the tuple's too.
var listMethods = map[string]methodSpec{
	"append": spec("object", func(_ *frame, v value, a []value) value {
		l := writableList(v)
		checkItems(len(l.items) + 1)
		l.items = append(l.items, a[0])
		return none
	}),
	"extend": spec("iterable", func(_ *frame, v value, a []value) value {
		l, more := writableList(v), slices.Clone(collect(a[0]))
		checkItems(len(l.items) + len(more))
		l.items = append(l.items, more...)
		return none
	}),
	"insert": spec("index object", func(_ *frame, v value, a []value) value {
		l := writableList(v)
		i := clampIndex(size(a[0]), len(l.items), 0, len(l.items))
		l.items = slices.Insert(l.items, i, a[1])
		return none
	}),
	"pop":    spec("index=-1", listPop),
	"remove": spec("value", listRemove),
	"clear":  spec("", func(_ *frame, v value, _ []value) value { writableList(v).items = nil; return none }),
	"copy":   spec("", func(_ *frame, v value, _ []value) value { return list(slices.Clone(seqItems(v))) }),
	"reverse": spec("", func(_ *frame, v value, _ []value) value {
		slices.Reverse(writableList(v).items)
		return none
	}),
	"sort":  spec("key=none reverse=false", listSort),
	"index": spec("value start=0 stop=?", listIndex),
	"count": spec("value", func(_ *frame, v value, a []value) value {
		n := 0
		for i := range seqLen(v) {
			if equal(seqAt(v, i), a[0]) {
				n++
			}
		}
		return integer(int64(n))
	}),
}

func listPop(_ *frame, v value, a []value) value {
	l := writableList(v)
	if len(l.items) == 0 {
		throw(indexError, "pop from empty list")
	}
	i, ok := itemIndex(integer(int64(size(a[0]))), len(l.items))
	if !ok {
		throw(indexError, "pop index out of range")
	}
	x := l.items[i]
	l.items = slices.Delete(l.items, i, i+1)
	return x
}

func listRemove(_ *frame, v value, a []value) value {
	l := writableList(v)
	i := slices.IndexFunc(l.items, func(x value) bool { return equal(x, a[0]) })
	if i < 0 {
		throw(valueError, "list.remove(x): x not in list")
	}
	l.items = slices.Delete(l.items, i, i+1)
	return none
}

func listSort(f *frame, v value, a []value) value {
	l := writableList(v)
	keys := l.items
	if a[0].k != kNone {
		keys = make([]value, len(l.items))
		for i, x := range l.items {
			keys[i] = call(f, a[0], []value{x}, nil)
		}
	}
	l.items = sortBy(l.items, keys, flag(a[1]))
	return none
}

// flag is a bool that Python reads as a C int: texts and none are none.
func flag(v value) bool { return size(v) != 0 }

// sortBy is items in the stable order of their keys.
func sortBy(items, keys []value, reverse bool) []value {
	order := make([]int, len(items))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(i, j int) bool {
		if reverse {
			return less(keys[order[j]], keys[order[i]])
		}
		return less(keys[order[i]], keys[order[j]])
	})
	out := make([]value, len(items))
	for i, j := range order {
		out[i] = items[j]
	}
	return out
}

func listIndex(_ *frame, v value, a []value) value {
	n := seqLen(v)
	lo, hi := clampIndex(index(a[1]), n, 0, n), n
	if a[2].k != kMissing {
		hi = clampIndex(index(a[2]), n, 0, n)
	}
	for i := lo; i < hi; i++ {
		if equal(seqAt(v, i), a[0]) {
			return integer(int64(i))
		}
	}
	throw(valueError, "%s is not in list", reprString(a[0]))
	return none
}

var noParams = parseParams("")

// numberAttr are the attributes of Python's int and float that a page has use for.
func numberAttr(v value, name string) (value, bool) {
	switch name {
	case "real":
		return positive(v), true
	case "imag":
		if v.k == kFloat {
			return float(0), true
		}
		return integer(0), true
	case "conjugate":
		return method(name, noParams, func(*frame, []value, []keyword) value { return positive(v) }), true
	case "as_integer_ratio":
		return method(name, noParams, func(*frame, []value, []keyword) value { return integerRatio(v) }), true
	}
	if v.k == kFloat {
		return floatAttr(v, name)
	}
	return intAttr(v, name)
}

func floatAttr(v value, name string) (value, bool) {
	switch x := v.float(); name {
	case "hex":
		return method(name, noParams, func(*frame, []value, []keyword) value { return text(floatHex(x)) }), true
	case "is_integer":
		return method(name, noParams, func(*frame, []value, []keyword) value {
			return boolean(x == math.Trunc(x) && !math.IsInf(x, 0))
		}), true
	}
	return none, false
}

func intAttr(v value, name string) (value, bool) {
	switch name {
	case "numerator":
		return positive(v), true
	case "denominator":
		return integer(1), true
	case "bit_length":
		return method(name, noParams, func(*frame, []value, []keyword) value { return integer(int64(v.asBig().BitLen())) }), true
	case "bit_count":
		return method(name, noParams, func(*frame, []value, []keyword) value { return integer(int64(bitCount(v.asBig()))) }), true
	case "to_bytes":
		return method(name, parseParams("length=1 byteorder='big' signed=false"), func(_ *frame, a []value, _ []keyword) value {
			return intToBytes(v.asBig(), a)
		}), true
	}
	return none, false
}

func bitCount(b *big.Int) int {
	n := 0
	for _, c := range new(big.Int).Abs(b).Bytes() {
		for ; c != 0; c &= c - 1 {
			n++
		}
	}
	return n
}

func integerRatio(v value) value {
	r := new(big.Rat)
	if v.k == kFloat {
		if math.IsNaN(v.float()) {
			throw(valueError, "cannot convert NaN to integer ratio")
		}
		if r.SetFloat64(v.float()) == nil {
			throw(overflowError, "cannot convert Infinity to integer ratio")
		}
	} else {
		r.SetInt(v.asBig())
	}
	return tuple([]value{bigInt(new(big.Int).Set(r.Num())), bigInt(new(big.Int).Set(r.Denom()))})
}

func intToBytes(b *big.Int, a []value) value {
	n := size(a[0])
	if b.Sign() < 0 && !truth(a[2]) {
		throw(overflowError, "can't convert negative int to unsigned")
	}
	checkItems(n)
	limit := new(big.Int).Lsh(big.NewInt(1), uint(max(n, 0)*8))
	if n < 0 || b.CmpAbs(limit) >= 0 {
		throw(overflowError, "int too big to convert")
	}
	if b.Sign() < 0 {
		b = new(big.Int).Add(b, limit)
	}
	out := b.FillBytes(make([]byte, n))
	if a[1].s == "little" {
		slices.Reverse(out)
	}
	return bytesVal(string(out))
}
