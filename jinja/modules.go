package jinja

import (
	"slices"
	"strings"
)

// A module is an imported template: its top-level names, and what its body printed.
type module struct {
	tmpl *Template
	vars map[string]value
	body string
}

func (*module) typeName() string { return "jinja2.environment.TemplateModule" }
func (m *module) str() string    { return m.body }
func (m *module) html() string   { return m.body }
func (m *module) repr() string   { return "<TemplateModule " + quoteName(m.tmpl.name) + ">" }

func (m *module) attr(name string) (value, bool) {
	v, ok := m.vars[name]
	return v, ok
}

// importModule runs a template for its names. With context it sees what the importer sees.
func (f *frame) importModule(t *Template, ctx *scope) *module {
	body := f.r.capture(func() { t.renderRoot(f.r, ctx) })
	m := &module{tmpl: t, vars: make(map[string]value, len(ctx.vars)), body: body}
	for name, v := range ctx.vars {
		if !strings.HasPrefix(name, "_") && !ctx.hidden[name] {
			m.vars[name] = v
		}
	}
	return m
}

// defaultModule is a template imported without context. It runs once: for ever if it is static,
// else once a render. Unlike Jinja2, a list or namespace made at a module's top level is not shared
// between renders: they run at the same time here.
func (f *frame) defaultModule(t *Template) *module {
	if m := t.module.Load(); m != nil {
		return m
	}
	if v, ok := f.r.modules[t]; ok {
		return v.r.(*module)
	}
	m := f.importModule(t, &scope{env: t.env, name: t.name, escape: t.escape, link: t.link})
	if t.static && !t.env.opts.AutoReload && t.importsStatic(nil) {
		t.module.Store(m)
		return m
	}
	if f.r.modules == nil {
		f.r.modules = map[*Template]value{}
	}
	f.r.modules[t] = fromObject(m)
	return m
}

// importsStatic reports whether all that a static template refers to is static too. seen are the
// templates on the way here: a cycle is static if all in it are.
func (t *Template) importsStatic(seen []*Template) bool {
	if slices.Contains(seen, t) {
		return true
	}
	seen = append(seen, t)
	for _, name := range t.refs.Templates {
		other, err := t.env.Template(name)
		if err != nil || !other.static || !other.importsStatic(seen) {
			return false
		}
	}
	return true
}

// isStatic reports whether a template's top level makes the same names each time and nothing that
// a render could change: texts, macros, imports without context, and constants.
func isStatic(body []node) bool {
	for _, n := range body {
		if !staticStatement(n) || hasAutoescape(n) {
			return false
		}
	}
	return true
}

func staticStatement(n node) bool {
	switch n := n.(type) {
	case *macroNode:
		return true
	case *outputNode:
		for _, item := range n.items {
			if _, ok := item.(*dataNode); !ok {
				return false
			}
		}
		return true
	case *importNode:
		return !n.ctx && isConstant(n.template)
	case *fromNode:
		return !n.ctx && isConstant(n.template)
	case *setNode:
		_, ok := n.target.(*nameNode)
		return ok && isConstant(n.v)
	}
	return false
}

// hasAutoescape reports whether a statement switches escaping, which is kept in the context.
func hasAutoescape(n node) bool {
	found := false
	walk(n, func(n node) bool {
		if _, ok := n.(*autoescapeNode); ok {
			found = true
		}
		return !found
	})
	return found
}

// imported compiles what an import statement imports from.
func (c *compiler) imported(tmpl node, ctx bool) func(f *frame) *module {
	load := c.expr(tmpl)
	if !ctx {
		return func(f *frame) *module {
			t, _ := f.template(load(f))
			return f.defaultModule(t)
		}
	}
	handOn := c.handOn()
	return func(f *frame) *module {
		t, _ := f.template(load(f))
		return f.importModule(t, &scope{env: t.env, name: t.name, escape: t.escape, link: t.link, outer: f.ctx, locals: handOn(f)})
	}
}

func (c *compiler) importStmt(n *importNode) stmt {
	mod, mark := c.imported(n.template, n.ctx), c.mark(n.at)
	assign, toplevel, target := c.assignName(n.target), c.toplevel, n.target
	return func(f *frame) signal {
		f.mark = mark
		assign(f, fromObject(mod(f)))
		if toplevel {
			f.ctx.hide(target)
		}
		return proceed
	}
}

func (c *compiler) from(n *fromNode) stmt {
	mod, mark := c.imported(n.template, n.ctx), c.mark(n.at)
	var assigns []func(f *frame, v value)
	for _, name := range n.names {
		assigns = append(assigns, c.assignName(name[1]))
	}
	toplevel, names, position := c.toplevel, n.names, c.position(n.at)
	return func(f *frame) signal {
		f.mark = mark
		m := mod(f)
		for i, name := range names {
			v, ok := m.vars[name[0]]
			if !ok {
				v = f.undefined(undefinedInfo{hint: "the template " + quoteName(m.tmpl.name) +
					" (imported on " + position + ") does not export the requested name " + quoteName(name[0])})
			}
			assigns[i](f, v)
			if toplevel {
				f.ctx.hide(name[1])
			}
		}
		return proceed
	}
}
