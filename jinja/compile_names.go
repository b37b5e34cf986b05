package jinja

import (
	"slices"
)

// reset clears the slots of a scope when it is entered again.
func reset(first, last int) func(f *frame) {
	if first == last {
		return nil
	}
	return func(f *frame) { clear(f.slots[first:last]) }
}

// slotRef is where a name may be: so many functions out, in that slot.
type slotRef struct {
	depth, slot int
	always      bool // assigned whenever it is read
	own         bool // undefined if it is not assigned
}

// find lists the places of a name from the inside out, up to one that is always assigned.
func (c *compiler) find(name string) []slotRef {
	var refs []slotRef
	for s := c.names; s != nil; s = s.parent {
		i, ok := s.slots[name]
		if !ok {
			continue
		}
		depth := 0
		for fn := c.fn; fn != s.fn; fn = fn.parent {
			depth++
		}
		ref := slotRef{depth, i, s.always[name], s.own[name]}
		refs = append(refs, ref)
		if ref.always || ref.own {
			break
		}
	}
	return refs
}

// visible lists the names that a local scope has, innermost first, for handing them on.
func (c *compiler) visible() []string {
	var out []string
	for s := c.names; s != nil; s = s.parent {
		for name := range s.slots {
			if !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	slices.Sort(out)
	return out
}

// handOn is the values of the visible locals by name, as an include or a scoped block gets them.
func (c *compiler) handOn() func(f *frame) []local {
	type handed struct {
		name string
		load expr
	}
	var list []handed
	for _, name := range c.visible() {
		refs := c.find(name)
		list = append(list, handed{name, c.loadRefs(refs, func(*frame) value { return value{} })})
	}
	if len(list) == 0 {
		return func(*frame) []local { return nil }
	}
	return func(f *frame) []local {
		out := make([]local, 0, len(list))
		for _, h := range list {
			if v := h.load(f); v.k != kUnset {
				out = append(out, local{h.name, v})
			}
		}
		return out
	}
}
