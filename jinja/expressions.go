package jinja

// The parser of expressions. Precedence from low to high: if-else, or, and, not, comparisons, + -,
// ~, * / // %, **, unary. ** is left-associative and a filter belongs to the unary operand.

func (p *parser) expression(cond bool) node {
	p.enter()
	defer p.leave()
	if cond {
		return p.condition()
	}
	return p.or()
}

func (p *parser) condition() node {
	a := p.here()
	n := p.or()
	for p.skipIf("name:if") {
		c := &condNode{at: a, then: n}
		c.test = p.or()
		if p.skipIf("name:else") {
			p.enter()
			c.els = p.condition()
			p.leave()
		}
		c.at = p.until(c.at)
		n = c
		a.line = p.cur().line
	}
	return n
}

// leftChain reads operand (op operand)*, each step made by join. A chain's tree is as deep as the
// chain is long, so its length is bounded too.
func (p *parser) leftChain(operand func() node, match func(t *token) bool, join func(a at, op string, left, right node) node) node {
	a := p.here()
	left := operand()
	for n := 0; match(p.cur()); n++ {
		if n > maxChain {
			p.fail(p.cur().line, "expression has more than %d operators in a row", maxChain)
		}
		op := string(p.next().typ)
		right := operand()
		left = join(p.until(a), op, left, right)
		a.line = p.cur().line
	}
	return left
}

const maxChain = 1000

func (p *parser) or() node {
	return p.leftChain(p.and, func(t *token) bool { return t.is("name:or") },
		func(a at, _ string, l, r node) node { return &logicNode{at: a, or: true, left: l, right: r} })
}

func (p *parser) and() node {
	return p.leftChain(p.not, func(t *token) bool { return t.is("name:and") },
		func(a at, _ string, l, r node) node { return &logicNode{at: a, left: l, right: r} })
}

func (p *parser) not() node {
	if !p.cur().is("name:not") {
		return p.compare()
	}
	p.enter()
	defer p.leave()
	a := p.here()
	p.next()
	arg := p.not()
	return &unaryNode{at: p.until(a), op: "not", arg: arg}
}

func (p *parser) compare() node {
	n := &compareNode{at: p.here()}
	line := n.line
	n.first = p.sum()
	for {
		op := p.compareOp()
		if op == "" {
			break
		}
		n.ops = append(n.ops, op)
		n.args = append(n.args, p.sum())
		line = p.cur().line
	}
	if len(n.ops) == 0 {
		return n.first
	}
	n.at = p.until(n.at)
	n.line = line
	return n
}

// compareOp reads a comparison operator; "" if there is none.
func (p *parser) compareOp() string {
	t := p.cur()
	switch t.typ {
	case "eq", "ne", "lt", "lteq", "gt", "gteq":
		return string(p.next().typ)
	}
	if p.skipIf("name:in") {
		return "in"
	}
	if t.is("name:not") && p.look().is("name:in") {
		p.next()
		p.next()
		return "notin"
	}
	return ""
}

func binary(a at, op string, l, r node) node { return &binaryNode{at: a, op: op, left: l, right: r} }

func (p *parser) sum() node {
	return p.leftChain(p.concat, func(t *token) bool { return t.typ == "add" || t.typ == "sub" }, binary)
}

func (p *parser) concat() node {
	n := &concatNode{at: p.here()}
	n.items = append(n.items, p.product())
	for p.cur().typ == "tilde" {
		p.next()
		n.items = append(n.items, p.product())
	}
	if len(n.items) == 1 {
		return n.items[0]
	}
	n.at = p.until(n.at)
	return n
}

func (p *parser) product() node {
	return p.leftChain(p.power, func(t *token) bool {
		return t.typ == "mul" || t.typ == "div" || t.typ == "floordiv" || t.typ == "mod"
	}, binary)
}

func (p *parser) power() node {
	return p.leftChain(func() node { return p.unary(true) }, func(t *token) bool { return t.typ == "pow" }, binary)
}

func (p *parser) unary(filters bool) node {
	p.enter()
	defer p.leave()
	a := p.here()
	var n node
	switch t := p.cur(); t.typ {
	case "sub", "add":
		op := string(p.next().typ)
		arg := p.unary(false)
		n = &unaryNode{at: p.until(a), op: op, arg: arg}
	default:
		n = p.primary(false)
	}
	n = p.postfix(n)
	if filters {
		n = p.filterExpr(n)
	}
	return n
}

func (p *parser) primary(namespace bool) node {
	a := p.here()
	switch t := p.cur(); t.typ {
	case tokName:
		return p.word(namespace)
	case tokString:
		s := ""
		for p.cur().typ == tokString {
			s += p.next().value
		}
		return &constNode{at: p.until(a), v: text(s)}
	case tokInteger, tokFloat:
		return &constNode{at: a, v: p.next().num}
	case "lparen":
		p.next()
		n := p.tuple(tupleOpts{cond: true, parens: true})
		p.expect("rparen")
		return n
	case "lbracket":
		return p.list()
	case "lbrace":
		return p.dict()
	default:
		p.fail(t.line, "unexpected %s", quoteName(t.describe()))
	}
	return nil
}

func (p *parser) word(namespace bool) node {
	a := p.here()
	name := p.next().value
	switch name {
	case "true", "True":
		return &constNode{at: a, v: trueVal}
	case "false", "False":
		return &constNode{at: a, v: falseVal}
	case "none", "None":
		return &constNode{at: a, v: none}
	}
	if namespace && p.cur().typ == "dot" {
		p.next()
		return &nsNode{at: p.until(a), name: name, attr: p.expect("name").value}
	}
	return &nameNode{at: a, name: name}
}

type tupleOpts struct {
	simple    bool // names alone, of an assignment
	namespace bool
	cond      bool // conditional expressions are allowed
	parens    bool // in parentheses, so that an empty tuple is one
}

// tuple reads one expression, or several with commas, which make a tuple.
func (p *parser) tuple(o tupleOpts) node {
	p.enter()
	defer p.leave()
	n := &tupleNode{at: p.here()}
	line := n.line
	isTuple := false
	for {
		if len(n.items) > 0 {
			p.expect("comma")
		}
		if p.tupleEnds() {
			break
		}
		n.items = append(n.items, p.tupleItem(o))
		if p.cur().typ != "comma" {
			break
		}
		isTuple = true
		line = p.cur().line
	}
	if !isTuple {
		if len(n.items) > 0 {
			return n.items[0]
		}
		if !o.parens {
			p.fail(p.cur().line, "Expected an expression, got %s", quoteName(p.cur().describe()))
		}
	}
	n.at = p.until(n.at)
	n.line = line
	return n
}

func (p *parser) tupleItem(o tupleOpts) node {
	if o.simple {
		return p.primary(o.namespace)
	}
	return p.expression(o.cond)
}

func (p *parser) tupleEnds() bool {
	switch p.cur().typ {
	case tokVariableEnd, tokBlockEnd, "rparen":
		return true
	}
	return false
}

func (p *parser) list() node {
	n := &listNode{at: p.here()}
	p.next()
	for p.cur().typ != "rbracket" {
		if len(n.items) > 0 {
			p.expect("comma")
			if p.cur().typ == "rbracket" {
				break
			}
		}
		n.items = append(n.items, p.expression(true))
	}
	p.expect("rbracket")
	n.at = p.until(n.at)
	return n
}

func (p *parser) dict() node {
	n := &dictNode{at: p.here()}
	p.next()
	for p.cur().typ != "rbrace" {
		if len(n.keys) > 0 {
			p.expect("comma")
			if p.cur().typ == "rbrace" {
				break
			}
		}
		n.keys = append(n.keys, p.expression(true))
		p.expect("colon")
		n.vals = append(n.vals, p.expression(true))
	}
	p.expect("rbrace")
	n.at = p.until(n.at)
	return n
}

func (p *parser) postfix(n node) node {
	for i := 0; ; i++ {
		if i > maxChain {
			p.fail(p.cur().line, "expression has more than %d operators in a row", maxChain)
		}
		switch p.cur().typ {
		case "dot", "lbracket":
			n = p.subscript(n)
		case "lparen":
			n = p.call(n)
		default:
			return n
		}
	}
}

func (p *parser) filterExpr(n node) node {
	for i := 0; ; i++ {
		if i > maxChain {
			p.fail(p.cur().line, "expression has more than %d operators in a row", maxChain)
		}
		switch t := p.cur(); {
		case t.typ == "pipe":
			n = p.filters(n, false)
		case t.is("name:is"):
			n = p.test(n)
		case t.typ == "lparen":
			n = p.call(n)
		default:
			return n
		}
	}
}

func (p *parser) subscript(obj node) node {
	a := at{line: p.cur().line, pos: obj.place().pos}
	if p.next().typ == "dot" {
		t := p.next()
		if t.typ != tokName && t.typ != tokInteger {
			p.fail(t.line, "expected name or number")
		}
		if t.typ == tokName {
			return &attrNode{at: p.until(a), obj: obj, name: t.value}
		}
		return &itemNode{at: p.until(a), obj: obj, key: &constNode{at: a, v: t.num}}
	}
	keys := &tupleNode{at: p.here()}
	for p.cur().typ != "rbracket" {
		if len(keys.items) > 0 {
			p.expect("comma")
		}
		keys.items = append(keys.items, p.subscribed())
	}
	p.expect("rbracket")
	if len(keys.items) == 1 {
		return &itemNode{at: p.until(a), obj: obj, key: keys.items[0]}
	}
	return &itemNode{at: p.until(a), obj: obj, key: keys}
}

// subscribed reads an index or a slice.
func (p *parser) subscribed() node {
	s := &sliceNode{at: p.here()}
	if p.cur().typ == "colon" {
		p.next()
	} else {
		n := p.expression(true)
		if p.cur().typ != "colon" {
			return n
		}
		p.next()
		s.lo = n
	}
	if t := p.cur().typ; t != "colon" && t != "rbracket" && t != "comma" {
		s.hi = p.expression(true)
	}
	if p.skipIf("colon") {
		if t := p.cur().typ; t != "rbracket" && t != "comma" {
			s.step = p.expression(true)
		}
	}
	s.at = p.until(s.at)
	return s
}

func (p *parser) call(fn node) node {
	n := &callNode{at: at{line: p.cur().line, pos: fn.place().pos}, fn: fn}
	n.callArgs = p.callArgs()
	n.at = p.until(n.at)
	return n
}

func (p *parser) callArgs() callArgs {
	var c callArgs
	line := p.expect("lparen").line
	ensure := func(ok bool) {
		if !ok {
			p.fail(line, "invalid syntax for function call expression")
		}
	}
	comma := false
	for p.cur().typ != "rparen" {
		if comma {
			p.expect("comma")
			if p.cur().typ == "rparen" {
				break
			}
		}
		comma = true
		p.argument(&c, ensure)
	}
	p.expect("rparen")
	return c
}

func (p *parser) argument(c *callArgs, ensure func(bool)) {
	switch {
	case p.cur().typ == "mul":
		ensure(c.star == nil && c.starKws == nil)
		p.next()
		c.star = p.expression(true)
	case p.cur().typ == "pow":
		ensure(c.starKws == nil)
		p.next()
		c.starKws = p.expression(true)
	case p.cur().typ == tokName && p.look().typ == "assign":
		ensure(c.starKws == nil)
		t := p.next()
		p.next()
		for _, k := range c.kw {
			if k.name == t.value {
				p.fail(t.line, "keyword argument repeated: %s", t.value)
			}
		}
		c.kw = append(c.kw, kwNode{t.value, p.expression(true)})
	default:
		ensure(c.star == nil && c.starKws == nil && len(c.kw) == 0)
		c.pos = append(c.pos, p.expression(true))
	}
}

// dotted reads the name of a filter or test.
func (p *parser) dotted() (string, at) {
	a := p.here()
	name := p.expect("name").value
	for p.skipIf("dot") {
		name += "." + p.expect("name").value
	}
	return name, a
}

// filters reads |a|b(c). With inline the first has no bar: a filter block's head.
func (p *parser) filters(obj node, inline bool) node {
	for inline || p.cur().typ == "pipe" {
		if !inline {
			p.next()
		}
		inline = false
		name, a := p.dotted()
		n := &filterNode{at: a, obj: obj, name: name}
		if obj != nil {
			n.pos0(obj)
		}
		if p.cur().typ == "lparen" {
			n.callArgs = p.callArgs()
		}
		n.at = p.until(n.at)
		obj = n
	}
	return obj
}

func (n *filterNode) pos0(obj node) { n.at.pos = obj.place().pos }

func (p *parser) test(obj node) node {
	a := at{line: p.cur().line, pos: obj.place().pos}
	p.next()
	negated := p.skipIf("name:not")
	n := &testNode{at: a, obj: obj}
	n.name, _ = p.dotted()
	switch t := p.cur(); {
	case t.typ == "lparen":
		n.callArgs = p.callArgs()
	case startsArgument(t):
		if t.is("name:is") {
			p.fail(t.line, "You cannot chain multiple tests with is")
		}
		n.callArgs.pos = []node{p.postfix(p.primary(false))}
	}
	n.at = p.until(n.at)
	if negated {
		return &unaryNode{at: n.at, op: "not", arg: n}
	}
	return n
}

// startsArgument reports whether a token begins the bare argument of a test.
func startsArgument(t *token) bool {
	switch t.typ {
	case tokString, tokInteger, tokFloat, "lparen", "lbracket", "lbrace":
		return true
	case tokName:
		return !t.isAny("name:else", "name:or", "name:and")
	}
	return false
}
