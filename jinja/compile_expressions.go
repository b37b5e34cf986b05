package jinja

import (
	"reflect"
	"sync/atomic"
)

// expr compiles an expression. What is constant is evaluated now.
func (c *compiler) expr(n node) expr {
	if _, isConst := n.(*constNode); !isConst {
		if v, ok := c.constant(n); ok {
			return func(*frame) value { return v }
		}
	}
	switch n := n.(type) {
	case *constNode:
		v := n.v
		return func(*frame) value { return v }
	case *nameNode:
		return c.load(n.name)
	case *nsNode:
		return c.attribute(n.at, c.load(n.name), n.attr)
	case *attrNode:
		return c.attribute(n.at, c.expr(n.obj), n.name)
	case *itemNode:
		return c.item(n)
	case *callNode:
		return c.call(n)
	case *filterNode:
		return c.filterOn(n, nil)
	case *testNode:
		return c.test(n)
	case *condNode:
		return c.cond(n)
	}
	return c.operator(n)
}

func (c *compiler) exprs(nodes []node) []expr {
	out := make([]expr, len(nodes))
	for i, n := range nodes {
		out[i] = c.expr(n)
	}
	return out
}

func (c *compiler) operator(n node) expr {
	switch n := n.(type) {
	case *binaryNode:
		do, l, r := binaryOps[n.op].do, c.expr(n.left), c.expr(n.right)
		return func(f *frame) value {
			a := l(f)
			return do(a, r(f))
		}
	case *logicNode:
		return c.logic(n)
	case *unaryNode:
		return c.unary(n)
	case *compareNode:
		return c.compare(n)
	case *concatNode:
		return c.concat(n)
	case *tupleNode:
		return c.collect(n.items, tuple)
	case *listNode:
		return c.collect(n.items, list)
	case *dictNode:
		return c.dict(n)
	case *safeNode:
		arg := c.expr(n.arg)
		return func(f *frame) value {
			v := arg(f)
			if f.ctx.escape {
				return markup(str(v))
			}
			return v
		}
	}
	throw(runtimeError, "cannot compile %T", n)
	return nil
}

// load compiles the reading of a name: its slots from the inside out, then the context.
func (c *compiler) load(name string) expr {
	refs := c.find(name)
	if n := len(refs); n > 0 && refs[n-1].always {
		return c.loadRefs(refs, nil)
	}
	if n := len(refs); n > 0 && refs[n-1].own {
		undef := newUndefined(undefinedInfo{behave: c.env.opts.Undefined, name: name})
		return c.loadRefs(refs, func(*frame) value { return undef })
	}
	switch name {
	case "self":
		return c.loadRefs(refs, func(f *frame) value { return fromObject(&selfRef{f.ctx}) })
	case "super":
		if c.block != nil {
			block := c.block
			return c.loadRefs(refs, func(f *frame) value { return superOf(f, block) })
		}
	}
	return c.loadRefs(refs, c.loadContext(name))
}

func (c *compiler) loadContext(name string) expr {
	undef := newUndefined(undefinedInfo{behave: c.env.opts.Undefined, name: name})
	return func(f *frame) value {
		if v, ok := f.ctx.resolve(name); ok {
			return v
		}
		if v, ok := f.r.env.readLive(f.r.bound, name); ok {
			return v
		}
		return undef
	}
}

// loadRefs reads the first of several slots that is assigned, else what last gives. The case of a
// single slot of this frame is nearly all of them.
func (c *compiler) loadRefs(refs []slotRef, last expr) expr {
	if len(refs) == 0 {
		return last
	}
	ref := refs[0]
	slot, depth := ref.slot, ref.depth
	if ref.always && depth == 0 {
		return func(f *frame) value { return f.slots[slot] }
	}
	if ref.always {
		return func(f *frame) value { return outer(f, depth).slots[slot] }
	}
	rest := c.loadRefs(refs[1:], last)
	return func(f *frame) value {
		if v := outer(f, depth).slots[slot]; v.k != kUnset {
			return v
		}
		return rest(f)
	}
}

func outer(f *frame, depth int) *frame {
	for ; depth > 0; depth-- {
		f = f.parent
	}
	return f
}

// A seen remembers the member that an attribute expression found in a Go type the last time: pages
// read the same field of the same type in every row. It saves two map look-ups (BenchmarkRows).
type seen struct {
	typ    reflect.Type
	member *member // nil if there is none, or the type answers for itself
}

func see(t reflect.Type, name string) *seen {
	p := planOf(t)
	if p.attributer {
		return &seen{typ: t}
	}
	return &seen{t, p.members[name]}
}

func (c *compiler) attribute(_ at, obj expr, name string) expr {
	var last atomic.Pointer[seen]
	return func(f *frame) value {
		v := obj(f)
		switch v.k {
		case kGo:
			t := reflect.TypeOf(v.r)
			s := last.Load()
			if s == nil || s.typ != t {
				s = see(t, name)
				last.Store(s)
			}
			if s.member != nil {
				return s.member.of(v)
			}
		case kObject:
			if out, ok := v.r.(object).attr(name); ok {
				return out
			}
		case kDict:
			if m, ok := v.r.(map[string]any); ok {
				if _, method := dictMethods[name]; !method {
					if x, ok := m[name]; ok {
						return fromGo(x)
					}
				}
			}
		}
		return getattr(f, v, name)
	}
}

func (c *compiler) item(n *itemNode) expr {
	obj := c.expr(n.obj)
	if s, ok := n.key.(*sliceNode); ok {
		lo, hi, step := c.bound(s.lo), c.bound(s.hi), c.bound(s.step)
		return func(f *frame) value {
			v := obj(f)
			return slice(v, sliceBounds{lo(f), hi(f), step(f)})
		}
	}
	if t, ok := n.key.(*tupleNode); ok {
		for _, item := range t.items {
			if _, ok := item.(*sliceNode); ok {
				return c.failingSlice(obj)
			}
		}
	}
	key := c.expr(n.key)
	return func(f *frame) value {
		v := obj(f)
		return getitem(f, v, key(f))
	}
}

// failingSlice is a[1:2, 3], which nothing supports.
func (c *compiler) failingSlice(obj expr) expr {
	return func(f *frame) value {
		throw(typeError, "%s indices must be integers or slices, not tuple", typeName(obj(f)))
		return none
	}
}

func (c *compiler) bound(n node) expr {
	if n == nil {
		return func(*frame) value { return none }
	}
	return c.expr(n)
}

func (c *compiler) cond(n *condNode) expr {
	soft := c.soft
	c.soft = true
	test, then := c.expr(n.test), c.expr(n.then)
	var els expr
	if n.els != nil {
		els = c.expr(n.els)
	} else {
		// Always of the default kind, as in Jinja2: it prints nothing even where others fail.
		undef := newUndefined(undefinedInfo{hint: "the inline if-expression on " + c.position(n.at) +
			" evaluated to false and no else section was defined."})
		els = func(*frame) value { return undef }
	}
	c.soft = soft
	return func(f *frame) value {
		if truth(test(f)) {
			return then(f)
		}
		return els(f)
	}
}

func (c *compiler) position(a at) string {
	s := "line " + string(appendStr(nil, integer(int64(a.line))))
	if c.tmpl.name != "" {
		s += " in " + quoteName(c.tmpl.name)
	}
	return s
}

func (c *compiler) logic(n *logicNode) expr {
	l, r := c.expr(n.left), c.expr(n.right)
	if n.or {
		return func(f *frame) value {
			if v := l(f); truth(v) {
				return v
			}
			return r(f)
		}
	}
	return func(f *frame) value {
		if v := l(f); !truth(v) {
			return v
		}
		return r(f)
	}
}

func (c *compiler) unary(n *unaryNode) expr {
	arg := c.expr(n.arg)
	switch n.op {
	case "not":
		return func(f *frame) value { return boolean(!truth(arg(f))) }
	case "sub":
		return func(f *frame) value { return negate(arg(f)) }
	}
	return func(f *frame) value { return positive(arg(f)) }
}

// compare is a chain: 1 < x < 3 evaluates x once and ends at the first comparison that is false.
func (c *compiler) compare(n *compareNode) expr {
	first, args := c.expr(n.first), c.exprs(n.args)
	ops := make([]func(a, b value) bool, len(n.ops))
	for i, op := range n.ops {
		ops[i] = compareOps[op]
	}
	if len(ops) == 1 {
		op, arg := ops[0], args[0]
		return func(f *frame) value {
			a := first(f)
			return boolean(op(a, arg(f)))
		}
	}
	return func(f *frame) value {
		a := first(f)
		for i, op := range ops {
			b := args[i](f)
			if !op(a, b) {
				return falseVal
			}
			a = b
		}
		return trueVal
	}
}

func (c *compiler) concat(n *concatNode) expr {
	// In a block whose mode only the render knows the result is plain text, as in Jinja2.
	items, escape := c.exprs(n.items), c.escape && !c.volatile
	return func(f *frame) value {
		parts := f.r.take(len(items))
		for i, e := range items {
			parts[i] = e(f)
		}
		v := concat(parts, escape)
		f.r.drop(len(items))
		return v
	}
}

func (c *compiler) collect(items []node, build func([]value) value) expr {
	es := c.exprs(items)
	return func(f *frame) value {
		out := make([]value, len(es))
		for i, e := range es {
			out[i] = e(f)
		}
		return build(out)
	}
}

func (c *compiler) dict(n *dictNode) expr {
	keys, vals := c.exprs(n.keys), c.exprs(n.vals)
	return func(f *frame) value {
		d := &Dict{}
		for i, k := range keys {
			key := k(f)
			d.set(key, vals[i](f))
		}
		return value{k: kDict, r: d}
	}
}
