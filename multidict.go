package carafe

import (
	"iter"
	"slices"
)

// A MultiDict holds values by name, several for a name, in their order: names as they first came, the values of a
// name as they came. The zero value is empty. It is for one goroutine at a time, but for reading, which any number may do.
//
// Source: werkzeug.datastructures.MultiDict.
type MultiDict[V any] struct {
	entries []dictEntry[V]
	index   map[string]int // by name; nil while there are few
}

type dictEntry[V any] struct {
	name   string
	first  V // most names have one value: no slice is made for it
	others []V
}

// indexFrom is how many names are found quicker by a map than one after the other.
const indexFrom = 12

// Add puts value behind those that name has.
func (d *MultiDict[V]) Add(name string, value V) {
	if e := d.find(name); e != nil {
		e.others = append(e.others, value)
		return
	}
	d.entries = append(d.entries, dictEntry[V]{name: name, first: value})
	switch n := len(d.entries); {
	case d.index != nil:
		d.index[name] = n - 1
	case n == indexFrom:
		d.index = make(map[string]int, 2*n)
		for i := range d.entries {
			d.index[d.entries[i].name] = i
		}
	}
}

func (d *MultiDict[V]) find(name string) *dictEntry[V] {
	if d == nil {
		return nil
	}
	if d.index != nil {
		if i, ok := d.index[name]; ok {
			return &d.entries[i]
		}
		return nil
	}
	for i := range d.entries {
		if d.entries[i].name == name {
			return &d.entries[i]
		}
	}
	return nil
}

// Get is the first value of name, the zero value if there is none.
func (d *MultiDict[V]) Get(name string) V {
	v, _ := d.Lookup(name)
	return v
}

// Lookup is the first value of name; ok is false if there is none.
func (d *MultiDict[V]) Lookup(name string) (value V, ok bool) {
	if e := d.find(name); e != nil {
		return e.first, true
	}
	return value, false
}

// Has says whether name has a value.
func (d *MultiDict[V]) Has(name string) bool { return d.find(name) != nil }

// List is all values of name, nil if there are none. The slice is the caller's.
//
// Source: MultiDict.getlist.
func (d *MultiDict[V]) List(name string) []V {
	if e := d.find(name); e != nil {
		return e.list()
	}
	return nil
}

func (e *dictEntry[V]) list() []V { return append([]V{e.first}, e.others...) }

// Len is how many names there are.
func (d *MultiDict[V]) Len() int {
	if d == nil {
		return 0
	}
	return len(d.entries)
}

// Names are the names in their order.
func (d *MultiDict[V]) Names() []string {
	names := make([]string, 0, d.Len())
	for name := range d.Lists() {
		names = append(names, name)
	}
	return names
}

// All is every name with each of its values, the values of a name together.
//
// Source: MultiDict.items(multi=True).
func (d *MultiDict[V]) All() iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for name, list := range d.Lists() {
			for _, v := range list {
				if !yield(name, v) {
					return
				}
			}
		}
	}
}

// Lists is every name with all its values.
//
// Source: MultiDict.lists.
func (d *MultiDict[V]) Lists() iter.Seq2[string, []V] {
	return func(yield func(string, []V) bool) {
		if d == nil {
			return
		}
		for i := range d.entries {
			if e := &d.entries[i]; !yield(e.name, e.list()) {
				return
			}
		}
	}
}

// Map is a copy as a map, convertible to url.Values; the order is lost.
func (d *MultiDict[V]) Map() map[string][]V {
	m := make(map[string][]V, d.Len())
	for name, list := range d.Lists() {
		m[name] = list
	}
	return m
}

// NewMultiDict makes one of a map, its names in the order of the alphabet.
func NewMultiDict[V any](m map[string][]V) *MultiDict[V] {
	d := &MultiDict[V]{}
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, v := range m[name] {
			d.Add(name, v)
		}
	}
	return d
}

// As is the first value of name as parse reads it, or otherwise if there is none or parse fails.
//
//	page := carafe.As(c.Request.Args(), "page", strconv.Atoi, 1)
//
// Source: MultiDict.get(name, otherwise, type=parse).
func As[T any](d *MultiDict[string], name string, parse func(string) (T, error), otherwise T) T {
	text, ok := d.Lookup(name)
	if !ok {
		return otherwise
	}
	v, err := parse(text)
	if err != nil {
		return otherwise
	}
	return v
}
