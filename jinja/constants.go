package jinja

// constant evaluates an expression of literals and operators alone. What fails is left for the
// render, which may never come to it.
func (c *compiler) constant(n node) (v value, ok bool) { return c.evaluate(n, isConstant) }

func (c *compiler) evaluate(n node, allowed func(node) bool) (v value, ok bool) {
	if !allowed(n) {
		return none, false
	}
	if k, isConst := n.(*constNode); isConst {
		return k.v, true
	}
	defer func() {
		if recover() != nil {
			v, ok = none, false
		}
	}()
	v = c.literal(n)(nil)
	return v, len(v.s) <= maxFolded && (v.k != kTuple || seqLen(v) <= maxFolded) && v.k != kUndefined
}

// literal compiles a node that isLiteral allows, to be run without a frame.
func (c *compiler) literal(n node) expr {
	switch n := n.(type) {
	case *concatNode:
		parts := make([]expr, len(n.items))
		for i, item := range n.items {
			parts[i] = c.literal(item)
		}
		return func(f *frame) value {
			vals := make([]value, len(parts))
			for i, p := range parts {
				vals[i] = p(f)
			}
			return concat(vals, false)
		}
	case *constNode, *itemNode, *condNode:
		return c.expr(n)
	}
	return c.operator(n)
}

// isLiteral reports whether n is built from literals, lists and dicts included: what it prints is
// known, though a list itself must be made anew each time.
func isLiteral(n node) bool {
	switch n.(type) {
	case *constNode:
		return true
	case *binaryNode, *logicNode, *unaryNode, *compareNode, *tupleNode, *listNode, *dictNode, *concatNode, *itemNode, *condNode:
		for _, x := range children(n) {
			if !isLiteral(x) {
				return false
			}
		}
		return true
	}
	return false
}

// maxFolded bounds a constant's size: 'x' * 1000000 is made when it is printed, not kept.
const maxFolded = 4096

// isConstant reports whether n is built from literals. Lists and dicts are not constants: a
// template can change them. Nor is ~, which goes by autoescaping.
func isConstant(n node) bool {
	switch n := n.(type) {
	case *constNode:
		return true
	case *binaryNode, *logicNode, *unaryNode, *compareNode, *tupleNode:
		for _, x := range children(n) {
			if !isConstant(x) {
				return false
			}
		}
		return true
	}
	return false
}
