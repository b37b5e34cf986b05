package jinja

// target compiles an assignment to a name, a tuple of targets, or an attribute of a namespace.
func (c *compiler) target(n node) func(f *frame, v value) {
	switch n := n.(type) {
	case *nameNode:
		return c.assignName(n.name)
	case *tupleNode:
		return c.assignTuple(n)
	case *nsNode:
		load := c.load(n.name)
		name := n.attr
		return func(f *frame, v value) {
			wantNamespace(load(f)).set(text(name), v)
		}
	}
	throw(runtimeError, "cannot assign to %T", n)
	return nil
}

func wantNamespace(v value) *namespace {
	ns, ok := v.r.(*namespace)
	if !ok {
		throw(runtimeError, "cannot assign attribute on non-namespace object")
	}
	return ns
}

// assignName assigns to the slot of the innermost scope, which has the name declared; at the top
// level other templates and blocks see it too.
func (c *compiler) assignName(name string) func(f *frame, v value) {
	slot := c.declare(name)
	if c.toplevel {
		return func(f *frame, v value) {
			f.slots[slot] = v
			f.ctx.export(name, v)
		}
	}
	return func(f *frame, v value) { f.slots[slot] = v }
}

func (c *compiler) assignTuple(n *tupleNode) func(f *frame, v value) {
	targets := make([]func(f *frame, v value), len(n.items))
	for i, item := range n.items {
		targets[i] = c.target(item)
	}
	want := len(targets)
	return func(f *frame, v value) {
		if isSeq(v) && seqLen(v) == want {
			for i, assign := range targets {
				assign(f, seqAt(v, i))
			}
			return
		}
		for i, x := range unpack(v, want) {
			targets[i](f, x)
		}
	}
}

// unpack is the n items of an iterable, or Python's error.
func unpack(v value, n int) []value {
	it, ok := tryIterate(v)
	if !ok {
		throw(typeError, "cannot unpack non-iterable %s object", typeName(v))
	}
	var out []value
	for {
		x, ok := it.next()
		if !ok {
			break
		}
		if len(out) == n {
			throw(valueError, "too many values to unpack (expected %d)", n)
		}
		out = append(out, x)
	}
	if len(out) < n {
		throw(valueError, "not enough values to unpack (expected %d, got %d)", n, len(out))
	}
	return out
}
