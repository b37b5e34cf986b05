package routing

import (
	"maps"
	"slices"
)

// Values are variables by name: what a match yields and what a URL is built from. The zero
// value holds nothing and can be read, not written.
type Values map[string]any

// Pairs lists the values sorted by name, the form in which Build takes them.
func (v Values) Pairs() []Pair {
	pairs := make([]Pair, 0, len(v))
	for _, name := range slices.Sorted(maps.Keys(v)) {
		pairs = append(pairs, Pair{name, v[name]})
	}
	return pairs
}

// A Pair is one named value. A list of them keeps the order in which left-over values go to
// the query; of two with one name the later counts. A nil Value is as good as none.
type Pair struct {
	Name  string // of a variable, or of a field of the query
	Value any    // as converters take it; a slice repeats the field
}

// lookup finds the last value that is not nil, as a later keyword would overwrite.
func lookup(pairs []Pair, name string) (any, bool) {
	for i := len(pairs) - 1; i >= 0; i-- {
		if pairs[i].Name == name {
			return pairs[i].Value, pairs[i].Value != nil
		}
	}
	return nil, false
}
