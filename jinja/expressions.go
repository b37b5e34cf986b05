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
