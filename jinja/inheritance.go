package jinja

import (
	"sync"
)

// A linked is the blocks of a chain of templates: for each name the most derived definition first.
// Chains are linked once: next finds the chain that one more parent makes.
type linked struct {
	blocks map[string][]*code
	next   sync.Map // of *Template to *linked
}

// with is the chain extended by a parent. It is kept only for parents that are loaded by name and
// stay loaded, so that templates made on the fly do not pile up.
func (l *linked) with(parent *Template, keep bool) *linked {
	if n, ok := l.next.Load(parent); ok {
		return n.(*linked)
	}
	n := &linked{blocks: make(map[string][]*code, len(l.blocks)+len(parent.blocks))}
	for name, chain := range l.blocks {
		n.blocks[name] = chain
	}
	for name, chain := range parent.blocks {
		own := n.blocks[name]
		n.blocks[name] = append(own[:len(own):len(own)], chain...)
	}
	if keep {
		actual, _ := l.next.LoadOrStore(parent, n)
		return actual.(*linked)
	}
	return n
}

// placeBlock renders the most derived block of a name where the text has one.
func (c *compiler) placeBlock(n *blockNode) []stmt {
	if c.toplevel && c.extends {
		return nil
	}
	mark, name, required := c.mark(n.at), n.name, n.required
	handOn := func(*frame) []local { return nil }
	if n.scoped {
		handOn = c.handOn()
	}
	place := func(f *frame) signal {
		f.mark = mark
		chain := f.ctx.link.blocks[name]
		if required && len(chain) <= 1 {
			throw(runtimeError, "Required block %s not found", quoteName(name))
		}
		ctx := f.ctx
		if locals := handOn(f); locals != nil {
			ctx = &scope{outer: ctx, locals: locals, env: ctx.env, name: ctx.name, escape: ctx.escape, link: ctx.link}
		}
		runBlock(f, chain[0], ctx)
		return proceed
	}
	if c.toplevel && c.extended > 0 {
		return []stmt{func(f *frame) signal {
			if f.extends != nil {
				return proceed
			}
			return place(f)
		}}
	}
	return []stmt{place}
}

func runBlock(f *frame, k *code, ctx *scope) {
	inner := f.r.push(k, nil, ctx)
	inner.mark = k.line
	runBody(k.body, inner)
	f.r.pop(inner, k)
}

func (c *compiler) extendsStmt(n *extendsNode) stmt {
	if !c.toplevel {
		c.fail(assertionError, n.line, "cannot use extend from a non top-level scope")
	}
	mark, known := c.mark(n.at), c.extends
	tmpl := c.expr(n.template)
	c.extended++
	if c.root {
		c.extends = true
	}
	return func(f *frame) signal {
		f.mark = mark
		if known || f.extends != nil {
			throw(runtimeError, "extended multiple times")
		}
		parent, byName := f.template(tmpl(f))
		f.ctx.link = f.ctx.link.with(parent, byName && !f.r.env.opts.AutoReload)
		f.extends = parent
		return proceed
	}
}

// template is the one template that v names, or is.
func (f *frame) template(v value) (t *Template, byName bool) {
	if t, ok := v.r.(*Template); ok && t != nil {
		return t, false
	}
	definedOrFail(v)
	if v.k == kList || v.k == kDict {
		throw(typeError, "unhashable type: '%s'", typeName(v))
	}
	t, err := f.r.env.Template(str(v))
	if err != nil {
		throwCause(err)
	}
	return t, true
}

// anyTemplate is the template that v names, or the first found if v is a list of names.
func (f *frame) anyTemplate(v value) *Template {
	if _, ok := v.r.(*Template); ok || v.isText() || v.k == kUndefined {
		t, _ := f.template(v)
		return t
	}
	var names []string
	if truth(v) {
		for _, x := range collect(v) {
			definedOrFail(x)
			hashKey(x)
			if t, ok := x.r.(*Template); ok {
				return t
			}
			names = append(names, str(x))
		}
	}
	t, err := f.r.env.Select(names...)
	if err != nil {
		throwCause(err)
	}
	return t
}

// include renders another template in place, with the variables that are visible here.
func (c *compiler) include(n *includeNode) stmt {
	tmpl, mark := c.expr(n.template), c.mark(n.at)
	var handOn func(f *frame) []local
	if n.ctx {
		handOn = c.handOn()
	}
	ignore := n.ignore
	return func(f *frame) signal {
		f.mark = mark
		t := includedTemplate(f, tmpl(f), ignore)
		if t == nil {
			return proceed
		}
		ctx := &scope{env: t.env, name: t.name, escape: t.escape, link: t.link}
		if handOn != nil {
			ctx.outer, ctx.locals = f.ctx, handOn(f)
		}
		t.renderRoot(f.r, ctx)
		f.r.checkOutput()
		return proceed
	}
}

// includedTemplate finds a template; nil if it is missing and that is to be ignored.
func includedTemplate(f *frame, v value, ignore bool) (t *Template) {
	if ignore {
		defer func() {
			if p := recover(); p != nil {
				if e, ok := p.(*Error); !ok || !IsNotFound(e) {
					panic(p)
				}
			}
		}()
	}
	return f.anyTemplate(v)
}

// A selfRef is self: the blocks of the template, by name.
type selfRef struct{ ctx *scope }

func (*selfRef) typeName() string { return "jinja2.runtime.TemplateReference" }

func (s *selfRef) str() string { return "<TemplateReference " + quoteName(s.ctx.name) + ">" }

func (s *selfRef) attr(name string) (value, bool) {
	chain := s.ctx.link.blocks[name]
	if len(chain) == 0 {
		return none, false
	}
	return value{k: kFunc, r: &blockRef{s.ctx, chain, 0}}, true
}

func (s *selfRef) item(key value) (value, bool) { return s.attr(key.s) }

// A blockRef is a block that can be called: self.name, or super.
type blockRef struct {
	ctx   *scope
	chain []*code
	depth int
}

// superOf is super inside a block's code: the next definition up the chain.
func superOf(f *frame, current *code) value {
	chain := f.ctx.link.blocks[current.name]
	for i, k := range chain {
		if k == current {
			return superAt(f, &blockRef{f.ctx, chain, i + 1})
		}
	}
	return superAt(f, &blockRef{f.ctx, chain, len(chain)})
}

func superAt(f *frame, b *blockRef) value {
	if b.depth >= len(b.chain) {
		return f.undefined(undefinedInfo{hint: "there is no parent block called " + quoteName(b.chain[0].name) + "."})
	}
	return value{k: kFunc, r: b}
}

func (*blockRef) typeName() string { return "jinja2.runtime.BlockReference" }
func (b *blockRef) name() string   { return b.chain[b.depth].name }

func (b *blockRef) attr(name string) (value, bool) {
	if name != "super" {
		return none, false
	}
	up := &blockRef{b.ctx, b.chain, b.depth + 1}
	if up.depth >= len(b.chain) {
		return newUndefined(undefinedInfo{
			behave: b.ctx.env.opts.Undefined, hint: "there is no parent block called " + quoteName(b.chain[0].name) + ".",
		}), true
	}
	return value{k: kFunc, r: up}, true
}

func (b *blockRef) call(f *frame, pos []value, kw []keyword) value {
	out := f.r.capture(func() { b.write(f, pos, kw) })
	if b.ctx.escape {
		return markup(out)
	}
	return text(out)
}

func (b *blockRef) write(f *frame, pos []value, kw []keyword) {
	if len(pos) > 0 || len(kw) > 0 {
		throw(typeError, "BlockReference.__call__() takes 1 positional argument but %d were given", 1+len(pos)+len(kw))
	}
	runBlock(f, b.chain[b.depth], b.ctx)
}
