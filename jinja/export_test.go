package jinja

import (
	"strings"
	"testing"
)

// BoundIterators has iterators make n items at most, until the test is over.
func BoundIterators(t *testing.T, n int) {
	before := maxPulled
	maxPulled = n
	t.Cleanup(func() { maxPulled = before })
}

// Show is a function that shows its arguments as Python's repr does: what the golden data calls
// "show". Only the engine knows tuples and undefined apart, so it is made here.
func Show() any {
	return opaque{method("show", nil, func(_ *frame, pos []value, kw []keyword) value {
		var parts []string
		for _, v := range pos {
			parts = append(parts, reprString(v))
		}
		for _, k := range kw {
			parts = append(parts, k.name+"="+reprString(k.v))
		}
		return text(strings.Join(parts, ", "))
	})}
}
