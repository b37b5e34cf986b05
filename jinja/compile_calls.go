package jinja

// A callPlan is the compiled arguments of a call.
type callPlan struct {
	pos     []expr
	kw      []kwExpr
	star    expr
	starKws expr
}

type kwExpr struct {
	name string
	v    expr
}

func (c *compiler) args(a *callArgs) *callPlan {
	p := &callPlan{pos: c.exprs(a.pos)}
	for _, k := range a.kw {
		p.kw = append(p.kw, kwExpr{k.name, c.expr(k.v)})
	}
	if a.star != nil {
		p.star = c.expr(a.star)
	}
	if a.starKws != nil {
		p.starKws = c.expr(a.starKws)
	}
	return p
}

// eval evaluates the arguments. The positional ones may lie on the render's argument stack: they
// are valid until drop(held).
func (p *callPlan) eval(f *frame) (pos []value, kw []keyword, held int) {
	held = len(p.pos)
	pos = f.r.take(held)
	for i, e := range p.pos {
		pos[i] = e(f)
	}
	if p.star != nil {
		pos = append(pos, splat(p.star(f))...)
	}
	if len(p.kw) > 0 {
		kw = make([]keyword, len(p.kw))
		for i, k := range p.kw {
			kw[i] = keyword{k.name, k.v(f)}
		}
	}
	if p.starKws != nil {
		kw = splatKeywords(kw, p.starKws(f))
	}
	return pos, kw, held
}

func (c *compiler) call(n *callNode) expr {
	if a, ok := n.fn.(*attrNode); ok {
		return c.methodCall(a, c.args(&n.callArgs))
	}
	fn, args := c.expr(n.fn), c.args(&n.callArgs)
	return func(f *frame) value {
		callee := fn(f)
		return args.call(f, callee)
	}
}

func (p *callPlan) call(f *frame, callee value) value {
	pos, kw, held := p.eval(f)
	out := call(f, callee, pos, kw)
	f.r.drop(held)
	return out
}

// methodCall calls obj.name(...). The methods of texts, lists and dicts are not bound first.
func (c *compiler) methodCall(a *attrNode, args *callPlan) expr {
	obj := c.expr(a.obj)
	held := c.hidden()
	attr := c.attribute(a.at, func(f *frame) value { return f.slots[held] }, a.name)
	return func(f *frame) value {
		v := obj(f)
		switch v.k {
		case kObject:
			if s, ok := v.r.(*loopState); ok && a.name == "cycle" {
				pos, kw, n := args.eval(f)
				out := s.cycle(f, pos, kw)
				f.r.drop(n)
				return out
			}
		case kDict, kList, kStr, kMarkup:
			pos, kw, n := args.eval(f)
			out, ok := callMethod(f, v, a.name, pos, kw)
			f.r.drop(n)
			if ok {
				return out
			}
		}
		f.slots[held] = v
		return args.call(f, attr(f))
	}
}

// A writer is a callable that can write its result instead of returning it: a macro, a block. It
// does where its result would be printed as it is.
type writer interface {
	callable
	write(f *frame, pos []value, kw []keyword)
}

// emitCall prints a call without collecting what a macro or a block writes; nil if n is no call.
func (c *compiler) emitCall(n node, mark int32) stmt {
	called, ok := n.(*callNode)
	if !ok {
		return nil
	}
	if a, ok := called.fn.(*attrNode); ok && textMethods[a.name].params != nil {
		return nil
	}
	fn, args := c.expr(called.fn), c.args(&called.callArgs)
	escape, volatile := c.escape, c.volatile
	return func(f *frame) signal {
		f.mark = mark
		callee := fn(f)
		now := f.ctx.escape
		w, ok := callee.r.(writer)
		if !ok || escape && !now && !volatile {
			return write(f, args.call(f, callee), escape && !volatile || volatile && now)
		}
		pos, kw, held := args.eval(f)
		w.write(f, pos, kw)
		f.r.drop(held)
		return proceed
	}
}

// filterOn compiles a chain of filters. first is the value of a block's filter, else nil.
func (c *compiler) filterOn(n *filterNode, first expr) expr {
	flt := c.env.filters[n.name]
	if flt == nil {
		flt = c.unknown("filter", n.name, n.line)
	}
	obj := first
	if inner, ok := n.obj.(*filterNode); ok {
		obj = c.filterOn(inner, first)
	} else if n.obj != nil {
		obj = c.expr(n.obj)
	}
	return c.apply(flt, obj, &n.callArgs)
}

func (c *compiler) test(n *testNode) expr {
	t := c.env.tests[n.name]
	if t == nil {
		t = c.unknown("test", n.name, n.line)
	}
	return c.apply(t, c.expr(n.obj), &n.callArgs)
}

// unknown is a filter or test that there is none of: an error now, or inside an if, when it is used,
// which is after what it is used on.
func (c *compiler) unknown(what, name string, line int) *filter {
	if !c.soft {
		c.fail(assertionError, line, "No %s named %s.", what, quoteName(name))
	}
	return &filter{raw: func(*frame, value, []value, []keyword) value {
		throw(runtimeError, "No %s named %s found.", what, quoteName(name))
		return none
	}}
}

// apply compiles the use of a filter or test. Arguments that stand in the text are put into the
// order of its parameters now.
func (c *compiler) apply(flt *filter, obj expr, a *callArgs) expr {
	args := c.args(a)
	if flt.params == nil || args.star != nil || args.starKws != nil {
		return func(f *frame) value {
			in := obj(f)
			pos, kw, held := args.eval(f)
			out := flt.call(f, in, pos, kw)
			f.r.drop(held)
			return out
		}
	}
	bound, err := bindExprs(flt, args)
	if err != nil {
		return func(f *frame) value {
			obj(f)
			panic(&Error{Kind: err.Kind, Message: err.Message})
		}
	}
	do, n := flt.do, len(bound)
	if n == 0 {
		return func(f *frame) value { return do(f, obj(f), nil) }
	}
	return func(f *frame) value {
		in := obj(f)
		vals := f.r.take(n)
		for i, e := range bound {
			vals[i] = e(f)
		}
		out := do(f, in, vals)
		f.r.drop(n)
		return out
	}
}

// bindExprs puts compiled arguments into the order of the parameters, by binding their positions.
func bindExprs(flt *filter, args *callPlan) (bound []expr, err *Error) {
	defer func() {
		if p := recover(); p != nil {
			err = asError(p)
		}
	}()
	var all []expr
	index := func(e expr) value {
		all = append(all, e)
		return value{k: kObject, n: int64(len(all) - 1)}
	}
	var pos []value
	var kw []keyword
	for _, e := range args.pos {
		pos = append(pos, index(e))
	}
	for _, k := range args.kw {
		kw = append(kw, keyword{k.name, index(k.v)})
	}
	for _, v := range flt.params.bind(flt.name, pos, kw) {
		if v.k == kObject {
			bound = append(bound, all[v.n])
			continue
		}
		bound = append(bound, func(*frame) value { return v })
	}
	return bound, nil
}

// A filter is a filter or a test, built in or of the program's own.
type filter struct {
	name   string
	params *params // after the value; nil if raw takes what is given
	do     func(f *frame, in value, a []value) value
	raw    func(f *frame, in value, pos []value, kw []keyword) value
}

// call applies a filter with arguments that are known only now.
func (flt *filter) call(f *frame, in value, pos []value, kw []keyword) value {
	if flt.raw != nil {
		return flt.raw(f, in, pos, kw)
	}
	return flt.do(f, in, flt.params.bind(flt.name, pos, kw))
}

// goFilter makes a filter or test of a Go function.
func goFilter(name string, fn any, test bool) (*filter, error) {
	g, err := checkFunction(name, fn, test)
	if err != nil {
		return nil, err
	}
	return &filter{name: name, raw: func(f *frame, in value, pos []value, kw []keyword) value {
		return g.call(f, append([]value{in}, pos...), kw)
	}}, nil
}
