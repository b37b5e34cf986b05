package jinja

// body compiles statements. Text and constants that follow one another become one piece.
func (c *compiler) body(nodes []node) []stmt {
	var out []stmt
	for _, n := range nodes {
		if m, ok := n.(*manyNode); ok {
			out = append(out, c.body(m.nodes)...)
			continue
		}
		c.place = n.place()
		if s := c.statement(n); s != nil {
			out = append(out, s...)
		}
	}
	return out
}

func (c *compiler) statement(n node) []stmt {
	switch n := n.(type) {
	case *outputNode:
		return c.output(n)
	case *forNode:
		return []stmt{c.forLoop(n)}
	case *ifNode:
		return []stmt{c.ifElse(n)}
	case *setNode:
		return []stmt{c.set(n)}
	case *setBlockNode:
		return []stmt{c.setBlock(n)}
	case *withNode:
		return []stmt{c.with(n)}
	case *autoescapeNode:
		return []stmt{c.autoescape(n)}
	case *filterBlockNode:
		return []stmt{c.filterBlock(n)}
	case *doNode:
		e, mark := c.expr(n.expr), c.mark(n.at)
		return []stmt{func(f *frame) signal { f.mark = mark; e(f); return proceed }}
	case *breakNode:
		return []stmt{c.leaveLoop(n.at, breakLoop)}
	case *continueNode:
		return []stmt{c.leaveLoop(n.at, continueLoop)}
	}
	return c.structure(n)
}

// structure compiles the statements that put templates together.
func (c *compiler) structure(n node) []stmt {
	switch n := n.(type) {
	case *blockNode:
		return c.placeBlock(n)
	case *extendsNode:
		return []stmt{c.extendsStmt(n)}
	case *includeNode:
		return []stmt{c.include(n)}
	case *importNode:
		return []stmt{c.importStmt(n)}
	case *fromNode:
		return []stmt{c.from(n)}
	case *macroNode:
		return []stmt{c.macro(n)}
	case *callBlockNode:
		return []stmt{c.callBlock(n)}
	}
	throw(runtimeError, "cannot compile %T", n)
	return nil
}

func (c *compiler) leaveLoop(a at, sig signal) stmt {
	if c.loops == 0 {
		c.fail(syntaxError, a.line, "'%s' outside loop", map[signal]string{breakLoop: "break", continueLoop: "continue"}[sig])
	}
	return func(*frame) signal { return sig }
}

// output compiles text and prints.
func (c *compiler) output(n *outputNode) []stmt {
	if c.check && c.extends {
		return nil
	}
	var out []stmt
	pending := ""
	flush := func() {
		if pending != "" {
			out = append(out, c.checked(emitText(pending)))
			pending = ""
		}
	}
	for _, item := range n.items {
		if d, ok := item.(*dataNode); ok {
			pending += d.text
			continue
		}
		if s, ok := c.constantOutput(item); ok {
			pending += s
			continue
		}
		out = append(out, c.checked(after(pending, c.emit(item))))
		pending = ""
	}
	flush()
	return out
}

// after is a statement with the text before it: one call less for each {{ }} of a page.
func after(before string, s stmt) stmt {
	if before == "" {
		return s
	}
	return func(f *frame) signal {
		r := f.r
		r.out = append(r.out, before...)
		if r.stream != nil {
			r.flush()
		}
		return s(f)
	}
}

// checked drops output once the template extends another, where only the render knows.
func (c *compiler) checked(s stmt) stmt {
	if !c.check {
		return s
	}
	return func(f *frame) signal {
		if f.extends != nil {
			return proceed
		}
		return s(f)
	}
}

// constantOutput is what a constant prints, escaped already. As in Jinja2, inside an autoescape
// block whose mode only the render knows, constants go by the mode around it.
func (c *compiler) constantOutput(n node) (string, bool) {
	v, ok := c.evaluate(n, isLiteral)
	if !ok {
		return "", false
	}
	if c.escape {
		return string(appendHTML(nil, v)), true
	}
	return str(v), true
}

func emitText(s string) stmt {
	return func(f *frame) signal {
		r := f.r
		r.out = append(r.out, s...)
		if r.stream != nil {
			r.flush()
		}
		return proceed
	}
}

// emit prints an expression: the statement that pages consist of.
func (c *compiler) emit(n node) stmt {
	mark := c.mark(n.place())
	if s := c.emitCall(n, mark); s != nil {
		return s
	}
	e := c.expr(n)
	if s := c.emitField(n, e, mark); s != nil {
		return s
	}
	switch {
	case c.volatile:
		return func(f *frame) signal {
			f.mark = mark
			return write(f, e(f), f.ctx.escape)
		}
	case c.escape:
		return func(f *frame) signal {
			f.mark = mark
			v := e(f)
			r := f.r
			if v.k == kStr {
				r.out = appendEscaped(r.out, v.s)
			} else {
				r.out = appendHTML(r.out, v)
			}
			if r.stream != nil {
				r.flush()
			}
			return proceed
		}
	}
	return func(f *frame) signal {
		f.mark = mark
		return write(f, e(f), false)
	}
}

func write(f *frame, v value, escape bool) signal {
	r := f.r
	if escape {
		r.out = appendHTML(r.out, v)
	} else {
		r.out = appendStr(r.out, v)
	}
	if r.stream != nil {
		r.flush()
	}
	return proceed
}

func (c *compiler) ifElse(n *ifNode) stmt {
	soft, root := c.soft, c.root
	c.soft, c.root = true, false
	defer func() { c.soft, c.root = soft, root }()
	type branch struct {
		mark int32
		test expr
		body []stmt
	}
	compile := func(n *ifNode) branch {
		return branch{c.mark(n.at), c.expr(n.test), c.body(n.body)}
	}
	first := compile(n)
	var rest []branch
	for _, e := range n.elifs {
		rest = append(rest, compile(e))
	}
	els := c.body(n.els)
	return func(f *frame) signal {
		f.mark = first.mark
		if truth(first.test(f)) {
			return runBody(first.body, f)
		}
		for i := range rest {
			f.mark = rest[i].mark
			if truth(rest[i].test(f)) {
				return runBody(rest[i].body, f)
			}
		}
		return runBody(els, f)
	}
}

func (c *compiler) set(n *setNode) stmt {
	mark := c.mark(n.at)
	v, assign := c.expr(n.v), c.target(n.target)
	check := c.namespaces(n.target)
	return func(f *frame) signal {
		f.mark = mark
		for _, ns := range check {
			wantNamespace(ns(f))
		}
		assign(f, v(f))
		return proceed
	}
}

// namespaces are the targets that must be namespaces: looked at before the value is evaluated.
func (c *compiler) namespaces(target node) []expr {
	var out []expr
	walk(target, func(n node) bool {
		if ns, ok := n.(*nsNode); ok {
			out = append(out, c.load(ns.name))
		}
		return true
	})
	return out
}

// setBlock captures its body. Where autoescaping is on, the text is Markup, and so is what its
// filters make of it.
func (c *compiler) setBlock(n *setBlockNode) stmt {
	assign := c.target(n.target)
	body, enter := c.captured(n.body)
	mark := c.mark(n.at)
	held := c.hidden()
	filter := c.blockFilter(n.filter, held)
	return func(f *frame) signal {
		f.mark = mark
		s := f.r.capture(func() { enter(f); runBody(body, f) })
		f.mark = mark
		v := text(s)
		if f.ctx.escape {
			v = markup(s)
		}
		if filter != nil {
			f.slots[held] = v
			v = filter(f)
			if f.ctx.escape {
				v = asMarkup(v)
			}
		}
		assign(f, v)
		return proceed
	}
}

// captured compiles a body whose output is collected, also after an extends, in a scope of its own.
func (c *compiler) captured(nodes []node) (body []stmt, enter func(f *frame)) {
	check := c.check
	c.check = false
	body, enter = c.scoped(nodes)
	c.check = check
	return body, enter
}

// scoped compiles a body in a scope of its own.
func (c *compiler) scoped(nodes []node) (body []stmt, enter func(f *frame)) {
	first, last := c.openScope(nodes)
	c.inner(func() { body = c.body(nodes) })
	c.closeScope()
	enter = reset(first, last)
	if enter == nil {
		enter = func(*frame) {}
	}
	return body, enter
}

// blockFilter compiles the filters of a block; their first value is in the slot held.
func (c *compiler) blockFilter(n node, held int) expr {
	if n == nil {
		return nil
	}
	return c.filterOn(n.(*filterNode), func(f *frame) value { return f.slots[held] })
}

// filterBlock prints what its filters make of its body, never escaped.
func (c *compiler) filterBlock(n *filterBlockNode) stmt {
	body, enter := c.scoped(n.body)
	held := c.hidden()
	filter := c.blockFilter(n.filter, held)
	mark := c.mark(n.at)
	return func(f *frame) signal {
		f.mark = mark
		s := f.r.capture(func() { enter(f); runBody(body, f) })
		f.mark = mark
		f.slots[held] = text(s)
		if f.ctx.escape {
			f.slots[held] = markup(s)
		}
		v := filter(f)
		if !v.isText() {
			definedOrFail(v)
			throw(typeError, "sequence item 0: expected str instance, %s found", typeName(v))
		}
		return write(f, v, false)
	}
}

// with evaluates its values outside and assigns them inside.
func (c *compiler) with(n *withNode) stmt {
	vals := make([]expr, len(n.vals))
	for i, v := range n.vals {
		vals[i] = c.expr(v)
	}
	mark := c.mark(n.at)
	held := make([]int, len(vals))
	for i := range held {
		held[i] = c.hidden()
	}
	first, last := c.openScope(n.body)
	targets := make([]func(f *frame, v value), len(n.targets))
	var body []stmt
	c.inner(func() {
		for _, t := range n.targets {
			targetNames(t, func(name string) { c.always(name) })
		}
		for i, t := range n.targets {
			targets[i] = c.target(t)
		}
		body = c.body(n.body)
	})
	c.closeScope()
	return func(f *frame) signal {
		f.mark = mark
		for i, v := range vals {
			f.slots[held[i]] = v(f)
		}
		clear(f.slots[first:last])
		for i, assign := range targets {
			assign(f, f.slots[held[i]])
		}
		return runBody(body, f)
	}
}

// autoescape turns escaping on or off for its body: in the text where the mode is constant, and for
// filters and calls until its end.
func (c *compiler) autoescape(n *autoescapeNode) stmt {
	mode, mark := c.expr(n.mode), c.mark(n.at)
	escape, volatile := c.escape, c.volatile
	if v, ok := c.constant(n.mode); ok {
		c.escape = truth(v)
	} else {
		c.volatile = true
	}
	first, last := c.openScope(n.body)
	var body []stmt
	c.inner(func() { body = c.body(n.body) })
	c.closeScope()
	c.escape, c.volatile = escape, volatile
	enter := reset(first, last)
	return func(f *frame) signal {
		f.mark = mark
		before := f.ctx.escape
		f.ctx.escape = truth(mode(f))
		if enter != nil {
			enter(f)
		}
		sig := runBody(body, f)
		f.ctx.escape = before
		return sig
	}
}
