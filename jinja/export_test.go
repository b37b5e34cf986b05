package jinja

import "strings"

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
