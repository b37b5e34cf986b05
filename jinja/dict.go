package jinja

import (
	"math"
	"math/big"
	"reflect"
	"slices"
	"time"
)

// A Dict is Python's dict: it keeps the order of insertion, and 1, 1.0 and True are one key. Not
// safe for concurrent use: give each render its own, or a Go map, which templates only read.
type Dict struct {
	keys  []value
	vals  []value
	index map[dictKey]int // nil while there are few keys
}

// NewDict makes a dict of key, value, key, value.
func NewDict(pairs ...any) *Dict {
	d := &Dict{}
	for i := 0; i+1 < len(pairs); i += 2 {
		d.set(fromGo(pairs[i]), fromGo(pairs[i+1]))
	}
	return d
}

// Len is the number of keys.
func (d *Dict) Len() int { return len(d.keys) }

// Get is the Go value of a key, or false.
func (d *Dict) Get(key any) (any, bool) {
	v, ok := d.get(fromGo(key))
	return toGo(v), ok
}

// Set adds or replaces a key.
func (d *Dict) Set(key, val any) { d.set(fromGo(key), fromGo(val)) }

// A dictKey is a key's value with what compares equal made the same.
type dictKey struct {
	k kind
	n int64
	s string
	r any
}

// indexFrom is the number of keys from which a map pays for itself.
const indexFrom = 9

func hashKey(v value) dictKey { return hashAt(v, 0) }

func hashAt(v value, depth int) dictKey {
	switch v.k {
	case kInt, kBool:
		return dictKey{k: kInt, n: v.n}
	case kStr, kMarkup:
		return dictKey{k: kStr, s: v.s}
	case kFloat:
		return hashFloat(v.float())
	case kBig:
		return dictKey{k: kBig, s: v.r.(*big.Int).String()}
	case kBytes:
		return dictKey{k: kBytes, s: v.s}
	case kTuple:
		return hashTuple(v.r.(*Tuple), depth)
	case kTime:
		return dictKey{k: kTime, n: v.r.(time.Time).UnixNano()}
	case kUndefined:
		v.undefined().strict()
		return dictKey{k: kUndefined}
	case kList, kDict:
		throw(typeError, "unhashable type: '%s'", typeName(v))
	}
	return hashReference(v)
}

func hashFloat(f float64) dictKey {
	if f == math.Trunc(f) && !math.IsInf(f, 0) {
		b, _ := big.NewFloat(f).Int(nil)
		return hashKey(bigInt(b))
	}
	return dictKey{k: kFloat, n: int64(math.Float64bits(f))}
}

func hashTuple(t *Tuple, depth int) dictKey {
	if depth > maxCompareDepth {
		throw(recursionError, "maximum recursion depth exceeded while hashing a tuple")
	}
	var b []byte
	for _, item := range t.items {
		k := hashAt(item, depth+1)
		checkItems(len(b) + len(k.s))
		b = append(b, byte(k.k))
		b = appendHex(b, rune(k.n>>32), 8)
		b = appendHex(b, rune(k.n), 8)
		b = appendHex(b, rune(len(k.s)), 8)
		b = append(b, k.s...)
	}
	return dictKey{k: kTuple, s: string(b)}
}

// hashReference is for what has an identity: objects, functions, Go pointers.
func hashReference(v value) dictKey {
	if v.r == nil {
		return dictKey{k: v.k}
	}
	if !reflect.ValueOf(v.r).Comparable() {
		throw(typeError, "unhashable type: '%s'", typeName(v))
	}
	return dictKey{k: v.k, r: v.r}
}

func (d *Dict) find(key value) int {
	if d.index == nil && key.isText() {
		for i := range d.keys {
			if d.keys[i].s == key.s && d.keys[i].isText() {
				return i
			}
		}
		return -1
	}
	h := hashKey(key)
	if d.index != nil {
		if i, ok := d.index[h]; ok {
			return i
		}
		return -1
	}
	return slices.IndexFunc(d.keys, func(k value) bool { return hashKey(k) == h })
}

func (d *Dict) get(key value) (value, bool) {
	if i := d.find(key); i >= 0 {
		return d.vals[i], true
	}
	return none, false
}

func (d *Dict) set(key, val value) {
	if i := d.find(key); i >= 0 {
		d.vals[i] = val
		return
	}
	d.keys = append(d.keys, key)
	d.vals = append(d.vals, val)
	if d.index != nil {
		d.index[hashKey(key)] = len(d.keys) - 1
	} else if len(d.keys) >= indexFrom {
		d.reindex()
	}
}

func (d *Dict) reindex() {
	d.index = make(map[dictKey]int, len(d.keys)*2)
	for i, k := range d.keys {
		d.index[hashKey(k)] = i
	}
}

func (d *Dict) delete(key value) {
	i := d.find(key)
	if i < 0 {
		return
	}
	d.keys = slices.Delete(d.keys, i, i+1)
	d.vals = slices.Delete(d.vals, i, i+1)
	if d.index != nil {
		d.reindex()
	}
}

func (d *Dict) clear() { *d = Dict{} }

func (d *Dict) clone() *Dict {
	c := &Dict{keys: slices.Clone(d.keys), vals: slices.Clone(d.vals)}
	if len(c.keys) >= indexFrom {
		c.reindex()
	}
	return c
}

// What follows reads a kDict value whatever holds it: a Dict or a Go map.

func dictLen(v value) int {
	switch d := v.r.(type) {
	case *Dict:
		return len(d.keys)
	case map[string]any:
		return len(d)
	case map[string]string:
		return len(d)
	}
	return reflect.ValueOf(v.r).Len()
}

func dictGet(v, key value) (value, bool) {
	switch d := v.r.(type) {
	case *Dict:
		return d.get(key)
	case map[string]any:
		if key.isText() {
			item, ok := d[key.s]
			return fromGo(item), ok
		}
		hashKey(key)
		return none, false
	case map[string]string:
		item, ok := d[key.s]
		return text(item), ok && key.isText()
	}
	return goMapGet(v, key)
}

// dictKeys are the keys in order: of insertion, or sorted for a Go map, whose own order is random.
func dictKeys(v value) []value {
	switch d := v.r.(type) {
	case *Dict:
		return d.keys
	case map[string]any:
		return sortedTexts(d)
	case map[string]string:
		return sortedTexts(d)
	}
	return goMapKeys(v)
}

func sortedTexts[T any](m map[string]T) []value {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	out := make([]value, len(keys))
	for i, k := range keys {
		out[i] = text(k)
	}
	return out
}

func eachPair(v value, f func(key, val value)) {
	if d, ok := v.r.(*Dict); ok {
		for i := 0; i < len(d.keys); i++ {
			f(d.keys[i], d.vals[i])
		}
		return
	}
	for _, k := range dictKeys(v) {
		val, _ := dictGet(v, k)
		f(k, val)
	}
}

// writable is the Dict behind v; a Go map belongs to the program and is not changed by a template.
func writableDict(v value) *Dict {
	d, ok := v.r.(*Dict)
	if !ok {
		throw(typeError, "a Go map cannot be changed by a template: pass a *jinja.Dict, or copy it with dict(m)")
	}
	return d
}

func writableList(v value) *List {
	l, ok := v.r.(*List)
	if !ok {
		throw(typeError, "a Go slice cannot be changed by a template: pass a *jinja.List, or copy it with l|list")
	}
	return l
}

// dictPair makes the tuple that items() yields.
func dictPair(key, val value) value { return tuple([]value{key, val}) }

func dictPairs(v value) []value {
	out := make([]value, 0, dictLen(v))
	eachPair(v, func(key, val value) { out = append(out, dictPair(key, val)) })
	return out
}
