package jinja

// The syntax tree. at is where a node stands: the line Jinja2 gives it, which errors report, and
// the span of its source.

type at struct {
	line     int
	pos, end int
}

func (a at) place() at { return a }

type node interface{ place() at }

// Expressions.
type (
	nameNode struct {
		at
		name string
	}
	constNode struct {
		at
		v value
	}
	tupleNode struct {
		at
		items []node
	}
	listNode struct {
		at
		items []node
	}
	dictNode struct {
		at
		keys, vals []node
	}
	binaryNode struct {
		at
		op          string
		left, right node
	}
	logicNode struct { // and, or
		at
		or          bool
		left, right node
	}
	unaryNode struct { // not, neg, pos
		at
		op  string
		arg node
	}
	compareNode struct {
		at
		first node
		ops   []string
		args  []node
	}
	concatNode struct {
		at
		items []node
	}
	condNode struct {
		at
		test, then, els node // els may be nil
	}
	attrNode struct {
		at
		obj  node
		name string
	}
	itemNode struct {
		at
		obj, key node
	}
	sliceNode struct {
		at
		lo, hi, step node // nil where left out
	}
	callNode struct {
		at
		fn node
		callArgs
	}
	filterNode struct {
		at
		obj  node // nil: the body of a block
		name string
		callArgs
	}
	testNode struct {
		at
		obj  node
		name string
		callArgs
	}
	nsNode struct { // the target of {% set ns.x = ... %}
		at
		name, attr string
	}
	// safeNode marks its text as safe where autoescaping is on: what a translation gives.
	safeNode struct {
		at
		arg node
	}
)

type callArgs struct {
	pos     []node
	kw      []kwNode
	star    node // *args or nil
	starKws node // **kwargs or nil
}

type kwNode struct {
	name string
	v    node
}

// Statements.
type (
	dataNode struct { // only inside outputNode
		at
		text string
	}
	outputNode struct {
		at
		items []node
	}
	forNode struct {
		at
		target, iter, test node
		body, els          []node
		recursive          bool
	}
	ifNode struct {
		at
		test      node
		body, els []node
		elifs     []*ifNode
	}
	withNode struct {
		at
		targets, vals []node
		body          []node
	}
	autoescapeNode struct {
		at
		mode node
		body []node
	}
	blockNode struct {
		at
		name             string
		body             []node
		scoped, required bool
	}
	extendsNode struct {
		at
		template node
	}
	includeNode struct {
		at
		template    node
		ctx, ignore bool
	}
	importNode struct {
		at
		template node
		target   string
		ctx      bool
	}
	fromNode struct {
		at
		template node
		names    [][2]string // name and alias
		ctx      bool
	}
	macroNode struct {
		at
		name     string
		params   []*nameNode
		defaults []node
		body     []node
	}
	callBlockNode struct {
		at
		call     *callNode
		params   []*nameNode
		defaults []node
		body     []node
	}
	filterBlockNode struct {
		at
		filter node
		body   []node
	}
	setNode struct {
		at
		target, v node
	}
	setBlockNode struct {
		at
		target node
		filter node // nil without filters
		body   []node
	}
	doNode struct {
		at
		expr node
	}
	breakNode    struct{ at }
	continueNode struct{ at }
)

// children are the nodes directly below n, in the order of the text.
func children(n node) []node {
	switch n := n.(type) {
	case *tupleNode:
		return n.items
	case *listNode:
		return n.items
	case *concatNode:
		return n.items
	case *outputNode:
		return n.items
	case *dictNode:
		return append(append([]node{}, n.keys...), n.vals...)
	case *binaryNode:
		return []node{n.left, n.right}
	case *logicNode:
		return []node{n.left, n.right}
	case *unaryNode:
		return []node{n.arg}
	case *safeNode:
		return []node{n.arg}
	case *compareNode:
		return append([]node{n.first}, n.args...)
	case *condNode:
		return present(n.test, n.then, n.els)
	case *attrNode:
		return []node{n.obj}
	case *itemNode:
		return []node{n.obj, n.key}
	case *sliceNode:
		return present(n.lo, n.hi, n.step)
	case *callNode:
		return n.below(n.fn)
	case *filterNode:
		return n.below(n.obj)
	case *testNode:
		return n.below(n.obj)
	}
	return statementChildren(n)
}

func statementChildren(n node) []node {
	switch n := n.(type) {
	case *forNode:
		return concatNodes(present(n.target, n.iter, n.test), n.body, n.els)
	case *ifNode:
		out := append(present(n.test), n.body...)
		for _, e := range n.elifs {
			out = append(out, e)
		}
		return append(out, n.els...)
	case *withNode:
		return concatNodes(n.targets, n.vals, n.body)
	case *autoescapeNode:
		return concatNodes(present(n.mode), n.body)
	case *blockNode:
		return n.body
	case *extendsNode:
		return []node{n.template}
	case *includeNode:
		return []node{n.template}
	case *importNode:
		return []node{n.template}
	case *fromNode:
		return []node{n.template}
	case *macroNode:
		return concatNodes(n.defaults, n.body)
	case *callBlockNode:
		return concatNodes([]node{n.call}, n.defaults, n.body)
	case *filterBlockNode:
		return concatNodes(present(n.filter), n.body)
	case *setNode:
		return []node{n.target, n.v}
	case *setBlockNode:
		return concatNodes(present(n.target, n.filter), n.body)
	case *doNode:
		return []node{n.expr}
	}
	return nil
}

func (c *callArgs) below(first node) []node {
	out := append(present(first), c.pos...)
	for _, k := range c.kw {
		out = append(out, k.v)
	}
	return append(out, present(c.star, c.starKws)...)
}

// present are the nodes that are there.
func present(nodes ...node) []node {
	var out []node
	for _, n := range nodes {
		if n != nil {
			out = append(out, n)
		}
	}
	return out
}

func concatNodes(lists ...[]node) []node {
	var out []node
	for _, l := range lists {
		out = append(out, l...)
	}
	return out
}

// walk visits n and all below it; where visit reports false it goes no deeper.
func walk(n node, visit func(node) bool) {
	if n == nil || !visit(n) {
		return
	}
	for _, c := range children(n) {
		walk(c, visit)
	}
}
