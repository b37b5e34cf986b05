package jinja

import "strings"

func (p *parser) parseFor() node {
	n := &forNode{at: p.here()}
	p.next()
	n.target = p.assignTarget(targetOpts{})
	p.expect("name:in")
	n.iter = p.tuple(tupleOpts{})
	if p.skipIf("name:if") {
		n.test = p.expression(true)
	}
	n.recursive = p.skipIf("name:recursive")
	n.at = p.until(n.at)
	n.body = p.statements(false, "name:endfor", "name:else")
	if p.next().value != "endfor" {
		n.els = p.statements(true, "name:endfor")
	}
	return n
}

func (p *parser) parseIf() node {
	result := &ifNode{at: p.here()}
	p.next()
	n := result
	for {
		n.test = p.tuple(tupleOpts{})
		n.at = p.until(n.at)
		n.body = p.statements(false, "name:elif", "name:else", "name:endif")
		switch p.next().value {
		case "elif":
			n = &ifNode{at: p.here()}
			result.elifs = append(result.elifs, n)
			continue
		case "else":
			result.els = p.statements(true, "name:endif")
		}
		return result
	}
}

func (p *parser) parseWith() node {
	n := &withNode{at: p.here()}
	p.next()
	for p.cur().typ != tokBlockEnd {
		if len(n.targets) > 0 {
			p.expect("comma")
		}
		n.targets = append(n.targets, p.assignTarget(targetOpts{}))
		p.expect("assign")
		n.vals = append(n.vals, p.expression(true))
	}
	n.at = p.until(n.at)
	n.body = p.statements(true, "name:endwith")
	return n
}

func (p *parser) parseAutoescape() node {
	n := &autoescapeNode{at: p.here()}
	p.next()
	n.mode = p.expression(true)
	n.at = p.until(n.at)
	n.body = p.statements(true, "name:endautoescape")
	return n
}

func (p *parser) parseBlock() node {
	n := &blockNode{at: p.here()}
	p.next()
	n.name = p.expect("name").value
	n.scoped = p.skipIf("name:scoped")
	n.required = p.skipIf("name:required")
	if p.cur().typ == "sub" {
		p.fail(p.cur().line, "Block names in Jinja have to be valid Python identifiers and may not contain hyphens, use an underscore instead.")
	}
	n.at = p.until(n.at)
	n.body = p.statements(true, "name:endblock")
	if n.required && !onlyBlanks(n.body) {
		p.fail(p.cur().line, "Required blocks can only contain comments or whitespace")
	}
	p.skipIf("name:" + n.name)
	return n
}

func onlyBlanks(body []node) bool {
	for _, n := range body {
		out, ok := n.(*outputNode)
		if !ok {
			return false
		}
		for _, item := range out.items {
			if d, ok := item.(*dataNode); !ok || strings.TrimFunc(d.text, isPySpace) != "" {
				return false
			}
		}
	}
	return true
}

func (p *parser) parseExtends() node {
	n := &extendsNode{at: p.here()}
	p.next()
	n.template = p.expression(true)
	n.at = p.until(n.at)
	return n
}

func (p *parser) importContext(def bool) bool {
	if p.cur().isAny("name:with", "name:without") && p.look().is("name:context") {
		with := p.next().value == "with"
		p.next()
		return with
	}
	return def
}

func (p *parser) parseInclude() node {
	n := &includeNode{at: p.here()}
	p.next()
	n.template = p.expression(true)
	if p.cur().is("name:ignore") && p.look().is("name:missing") {
		n.ignore = true
		p.next()
		p.next()
	}
	n.ctx = p.importContext(true)
	n.at = p.until(n.at)
	return n
}

func (p *parser) parseImport() node {
	n := &importNode{at: p.here()}
	p.next()
	n.template = p.expression(true)
	p.expect("name:as")
	n.target = p.nameTarget().name
	n.ctx = p.importContext(false)
	n.at = p.until(n.at)
	return n
}

func (p *parser) parseFrom() node {
	n := &fromNode{at: p.here()}
	p.next()
	n.template = p.expression(true)
	p.expect("name:import")
	context := func() bool {
		if p.cur().isAny("name:with", "name:without") && p.look().is("name:context") {
			n.ctx = p.importContext(false)
			return true
		}
		return false
	}
	for {
		if len(n.names) > 0 {
			p.expect("comma")
		}
		if p.cur().typ != tokName {
			p.expect("name")
		}
		if context() {
			break
		}
		n.names = append(n.names, p.importedName())
		if context() || p.cur().typ != "comma" {
			break
		}
	}
	n.at = p.until(n.at)
	return n
}

func (p *parser) importedName() [2]string {
	target := p.nameTarget()
	if strings.HasPrefix(target.name, "_") {
		p.failKind(assertionError, target.line, "names starting with an underline can not be imported")
	}
	if p.skipIf("name:as") {
		return [2]string{target.name, p.nameTarget().name}
	}
	return [2]string{target.name, target.name}
}

// signature reads the parameters of a macro or a call block.
func (p *parser) signature() (params []*nameNode, defaults []node) {
	p.expect("lparen")
	for p.cur().typ != "rparen" {
		if len(params) > 0 {
			p.expect("comma")
		}
		param := p.nameTarget()
		for _, q := range params {
			if q.name == param.name {
				p.failLate(param.line, "duplicate argument '%s' in function definition", param.name)
			}
		}
		if p.skipIf("assign") {
			defaults = append(defaults, p.expression(true))
		} else if len(defaults) > 0 {
			p.fail(p.cur().line, "non-default argument follows default argument")
		}
		params = append(params, param)
	}
	p.expect("rparen")
	return params, defaults
}

func (p *parser) parseCallBlock() node {
	n := &callBlockNode{at: p.here()}
	p.next()
	if p.cur().typ == "lparen" {
		n.params, n.defaults = p.signature()
	}
	c, ok := p.expression(true).(*callNode)
	if !ok {
		p.fail(n.line, "expected call")
	}
	n.call = c
	n.at = p.until(n.at)
	n.body = p.statements(true, "name:endcall")
	return n
}

func (p *parser) parseFilterBlock() node {
	n := &filterBlockNode{at: p.here()}
	p.next()
	n.filter = p.filters(nil, true)
	n.at = p.until(n.at)
	n.body = p.statements(true, "name:endfilter")
	return n
}

func (p *parser) parseMacro() node {
	n := &macroNode{at: p.here()}
	p.next()
	n.name = p.nameTarget().name
	n.params, n.defaults = p.signature()
	n.at = p.until(n.at)
	n.body = p.statements(true, "name:endmacro")
	return n
}

func (p *parser) parsePrint() node {
	n := &outputNode{at: p.here()}
	p.next()
	for p.cur().typ != tokBlockEnd {
		if len(n.items) > 0 {
			p.expect("comma")
		}
		n.items = append(n.items, p.expression(true))
	}
	return n
}

func (p *parser) parseSet() node {
	start := p.here()
	p.next()
	target := p.assignTarget(targetOpts{namespace: true})
	if p.skipIf("assign") {
		v := p.tuple(tupleOpts{cond: true})
		return &setNode{at: p.until(start), target: target, v: v}
	}
	n := &setBlockNode{at: start, target: target}
	if p.cur().typ == "pipe" {
		n.filter = p.filters(nil, false)
	}
	n.at = p.until(n.at)
	n.body = p.statements(true, "name:endset")
	return n
}

type targetOpts struct {
	namespace bool // {% set ns.x = ... %} is one
}

func (p *parser) nameTarget() *nameNode {
	a := p.here()
	n := &nameNode{at: a, name: p.expect("name").value}
	p.assignable(n)
	return n
}

func (p *parser) assignTarget(o targetOpts) node {
	n := p.tuple(tupleOpts{simple: true, namespace: o.namespace})
	p.assignable(n)
	return n
}

// assignable fails if n is no name, nor a tuple of names.
func (p *parser) assignable(n node) {
	kind := ""
	switch n := n.(type) {
	case *nameNode:
		if isReserved(n.name) {
			kind = "name"
		}
	case *nsNode:
	case *tupleNode:
		if !canAssign(n) {
			kind = "tuple"
		}
	case *constNode:
		kind = "const"
	case *listNode:
		kind = "list"
	case *dictNode:
		kind = "dict"
	}
	if kind != "" {
		p.fail(n.place().line, "can't assign to '%s'", kind)
	}
}

func isReserved(name string) bool {
	switch name {
	case "true", "false", "none", "True", "False", "None":
		return true
	}
	return false
}

func canAssign(n node) bool {
	switch n := n.(type) {
	case *nameNode:
		return !isReserved(n.name)
	case *nsNode:
		return true
	case *tupleNode:
		for _, item := range n.items {
			if !canAssign(item) {
				return false
			}
		}
		return true
	}
	return false
}
