package jinja

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
				p.failLate(t.line, "keyword argument repeated: %s", t.value)
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
	for n := 0; inline || p.cur().typ == "pipe"; n++ {
		if n > maxChain {
			p.fail(p.cur().line, "expression has more than %d operators in a row", maxChain)
		}
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
