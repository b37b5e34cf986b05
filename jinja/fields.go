package jinja

import (
	"reflect"
	"strconv"
	"sync/atomic"
)

// emitField prints {{ row.field }} where row is a loop's or a macro's variable and the field is text
// or a number: it goes from the struct to the output without becoming a value in between. Half of
// what a table prints is of this kind, and it takes half the time (BenchmarkRows). nil if n is
// something else.
func (c *compiler) emitField(n node, e expr, mark int32) stmt {
	a, ok := n.(*attrNode)
	if !ok || !c.escape || c.volatile {
		return nil
	}
	slot := c.rowSlot(a.obj)
	if slot < 0 {
		return nil
	}
	var last atomic.Pointer[seen]
	name := a.name
	return func(f *frame) signal {
		f.mark = mark
		if row := &f.slots[slot]; row.k == kGo && printField(f.r, row.r, name, &last) {
			return proceed
		}
		return write(f, e(f), true)
	}
}

// rowSlot is the slot of a name that is always assigned in this frame; negative for anything else.
func (c *compiler) rowSlot(n node) int {
	name, ok := n.(*nameNode)
	if !ok {
		return -1
	}
	refs := c.find(name.name)
	if len(refs) == 0 || !refs[0].always || refs[0].depth > 0 {
		return -1
	}
	return refs[0].slot
}

// printField prints a plain field of a Go value; false if it is none.
func printField(r *render, row any, name string, last *atomic.Pointer[seen]) bool {
	t := reflect.TypeOf(row)
	s := last.Load()
	if s == nil || s.typ != t {
		s = see(t, name)
		last.Store(s)
	}
	if s.member == nil || s.member.plain == reflect.Invalid {
		return false
	}
	field, ok := s.member.locate(reflect.ValueOf(row))
	if !ok {
		return false
	}
	if s.member.plain == reflect.String {
		r.out = appendEscaped(r.out, field.String())
	} else {
		r.out = strconv.AppendInt(r.out, field.Int(), 10)
	}
	if r.stream != nil {
		r.flush()
	}
	return true
}
