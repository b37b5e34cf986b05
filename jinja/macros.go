package jinja

import (
	"slices"
)

// A macroPlan is a compiled macro or call block body.
type macroPlan struct {
	name     string // "" for a call block's body
	code     *code
	params   []string
	slots    []int
	unread   []value // what a parameter is before its turn comes
	missing  []value // what a parameter is that was not given
	defaults []expr  // nil where there is none
	varargs  int     // slots; -1 where the body does not ask
	kwargs   int
	caller   int
	explicit bool // "caller" is a parameter
}

// A macro is a plan with the frame it was defined in.
type macro struct {
	*macroPlan
	frame *frame
}

// macroBody compiles the parameters and the body of a macro or a call block.
func (c *compiler) macroBody(name string, a at, params []*nameNode, defaults []node, body []node) *macroPlan {
	p := &macroPlan{name: name, varargs: -1, kwargs: -1, caller: -1}
	var compiled []stmt
	p.code = c.inFunction(func() {
		c.openScope(body)
		for i, param := range params {
			if param.name == "caller" && i < len(params)-len(defaults) && mentions("caller", body...) {
				c.fail(assertionError, a.line, "When defining macros or call blocks the special \"caller\" argument must be omitted or be given a default.")
			}
			c.macroParam(p, param.name)
		}
		for i, d := range defaults {
			p.defaults[len(params)-len(defaults)+i] = c.expr(d)
		}
		all := append(slices.Clone(defaults), body...)
		if !p.explicit && mentions("caller", all...) {
			p.caller = c.always("caller")
		}
		if mentions("varargs", all...) && !slices.Contains(p.params, "varargs") {
			p.varargs = c.always("varargs")
		}
		if mentions("kwargs", all...) && !slices.Contains(p.params, "kwargs") {
			p.kwargs = c.always("kwargs")
		}
		compiled = c.body(body)
		c.closeScope()
	})
	p.code.body = compiled
	return p
}

func (c *compiler) macroParam(p *macroPlan, name string) {
	if name == "caller" {
		p.explicit = true
	}
	p.params = append(p.params, name)
	p.slots = append(p.slots, c.always(name))
	p.defaults = append(p.defaults, nil)
	p.unread = append(p.unread, newUndefined(undefinedInfo{behave: c.env.opts.Undefined, name: name}))
	p.missing = append(p.missing, newUndefined(undefinedInfo{
		behave: c.env.opts.Undefined, hint: "parameter " + quoteName(name) + " was not provided",
	}))
}

func (c *compiler) macro(n *macroNode) stmt {
	p := c.macroBody(n.name, n.at, n.params, n.defaults, n.body)
	assign := c.assignName(n.name)
	return func(f *frame) signal {
		assign(f, value{k: kFunc, r: &macro{p, f}})
		return proceed
	}
}

// callBlock calls a macro with its body as caller().
func (c *compiler) callBlock(n *callBlockNode) stmt {
	p := c.macroBody("", n.at, n.params, n.defaults, n.body)
	fn, args := c.expr(n.call.fn), c.args(&n.call.callArgs)
	mark := c.mark(n.at)
	run := func(f *frame) signal {
		f.mark = mark
		callee := fn(f)
		pos, kw, held := args.eval(f)
		kw = append(kw, keyword{"caller", value{k: kFunc, r: &macro{p, f}}})
		out := call(f, callee, pos, kw)
		f.r.drop(held)
		// Never escaped where it is printed: a macro's result is safe already, and what other
		// callables give is Jinja2's to print as it is.
		return write(f, out, false)
	}
	if c.check && c.extends {
		return func(f *frame) signal {
			start := len(f.r.out)
			f.r.captures++
			run(f)
			f.r.captures--
			f.r.out = f.r.out[:start]
			return proceed
		}
	}
	return c.checked(run)
}

func (m *macro) title() string {
	if m.macroPlan.name == "" {
		return "caller"
	}
	return m.macroPlan.name
}

func (m *macro) name() string     { return m.title() }
func (m *macro) typeName() string { return "jinja2.runtime.Macro" }
func (m *macro) repr() string {
	if m.macroPlan.name == "" {
		return "<Macro anonymous>"
	}
	return "<Macro " + quoteName(m.macroPlan.name) + ">"
}

func (m *macro) attr(name string) (value, bool) {
	switch name {
	case "name":
		if m.macroPlan.name == "" {
			return none, true
		}
		return text(m.macroPlan.name), true
	case "arguments":
		names := make([]value, len(m.params))
		for i, p := range m.params {
			names[i] = text(p)
		}
		return tuple(names), true
	case "catch_varargs":
		return boolean(m.varargs >= 0), true
	case "catch_kwargs":
		return boolean(m.kwargs >= 0), true
	case "caller":
		return boolean(m.caller >= 0 || m.explicit), true
	}
	return none, false
}

// call runs the macro and gives its output: Markup if the caller autoescapes now.
func (m *macro) call(f *frame, pos []value, kw []keyword) value {
	escape := f.ctx.escape
	out := f.r.capture(func() { m.write(f, pos, kw) })
	if escape {
		return markup(out)
	}
	return text(out)
}

// write runs the macro into the output.
func (m *macro) write(f *frame, pos []value, kw []keyword) {
	r := f.r
	inner := r.push(m.code, m.frame, m.frame.ctx)
	caller := m.bind(inner, f, pos, kw)
	if caller != nil {
		// An error in the arguments belongs to the line of the call.
		r.top = f
		panic(caller)
	}
	runBody(m.code.body, inner)
	r.pop(inner, m.code)
	r.checkOutput()
}

// bind puts the arguments into their slots; the defaults are evaluated where the macro is, in
// order, and see the parameters before them.
func (m *macro) bind(inner, f *frame, pos []value, kw []keyword) *Error {
	n := min(len(pos), len(m.params))
	for i, slot := range m.slots {
		inner.slots[slot] = m.unread[i]
		if i < n {
			inner.slots[slot] = pos[i]
		}
	}
	rest, given := m.keywords(inner, n, kw)
	if err := m.extras(inner, f, pos, rest, n); err != nil {
		return err
	}
	for i := n; i < len(m.params); i++ {
		switch {
		case given[i]:
		case m.defaults[i] != nil:
			inner.slots[m.slots[i]] = m.defaults[i](inner)
		default:
			inner.slots[m.slots[i]] = m.missing[i]
		}
	}
	return nil
}

// keywords takes the keyword arguments that parameters after the first n have names for.
func (m *macro) keywords(inner *frame, n int, kw []keyword) (rest []keyword, given []bool) {
	given = make([]bool, len(m.params))
	for _, k := range kw {
		i := slices.Index(m.params, k.name)
		if i < n {
			rest = append(rest, k)
			continue
		}
		inner.slots[m.slots[i]] = k.v
		given[i] = true
	}
	return rest, given
}

// extras handles what no parameter takes.
func (m *macro) extras(inner, f *frame, pos []value, rest []keyword, n int) *Error {
	if m.caller >= 0 {
		inner.slots[m.caller] = none
		i := slices.IndexFunc(rest, func(k keyword) bool { return k.name == "caller" })
		if i >= 0 {
			inner.slots[m.caller] = rest[i].v
			rest = slices.Delete(rest, i, i+1)
		}
		if inner.slots[m.caller].k == kNone {
			inner.slots[m.caller] = f.undefined(undefinedInfo{hint: "No caller defined"})
		}
	}
	if m.kwargs >= 0 {
		d := &Dict{}
		fillDict(d, nil, rest)
		inner.slots[m.kwargs] = value{k: kDict, r: d}
	} else if len(rest) > 0 {
		return m.unexpected(rest)
	}
	if m.varargs >= 0 {
		inner.slots[m.varargs] = tuple(slices.Clone(pos[n:]))
	} else if len(pos) > n {
		return &Error{Kind: typeError, Message: "macro " + m.quoted() + " takes not more than " + str(integer(int64(len(m.params)))) + " argument(s)"}
	}
	return nil
}

func (m *macro) quoted() string {
	if m.macroPlan.name == "" {
		return "None"
	}
	return quoteName(m.macroPlan.name)
}

func (m *macro) unexpected(rest []keyword) *Error {
	for _, k := range rest {
		if k.name == "caller" {
			return &Error{Kind: typeError, Message: "macro " + m.quoted() + " was invoked with two values for the special caller argument. This is most likely a bug."}
		}
	}
	return &Error{Kind: typeError, Message: "macro " + m.quoted() + " takes no keyword argument " + quoteName(rest[0].name)}
}
