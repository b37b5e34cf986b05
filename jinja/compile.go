package jinja

// A compiler turns the syntax tree of one template into closures. All that can be decided from the
// text is decided here: which slot a name has, which filter a word means, what is constant, what is
// escaped. What is left for the render is to run.
type compiler struct {
	tmpl  *Template
	env   *Environment
	fn    *function
	names *names
	block *code // the block being compiled, for super
	place at    // of the statement being compiled

	escape   bool // print escapes, as far as the text tells
	volatile bool // inside {% autoescape expr %}: only the render knows
	soft     bool // inside {% if %}: an unknown filter fails when it is used
	toplevel bool // sets are exported
	root     bool // the body of the template itself, not inside if
	check    bool // output is dropped if the template extends another
	extends  bool // it does, for sure
	extended int  // extends statements so far
	loops    int  // loops around, within this function
}

// A function is code that has a frame: it counts the slots and knows the function around it.
type function struct {
	parent *function
	size   int
	kept   bool
}

// names is a scope of the text: the names assigned in it and their slots.
type names struct {
	fn     *function
	parent *names
	slots  map[string]int
	always map[string]bool // assigned before anything in the scope runs
	loads  map[string]bool // read in the scope itself, not in one inside it
	// own are names that have nothing to fall back on: the first thing the scope does with them is
	// to assign them. Code inside that runs earlier finds them undefined, as in Jinja2, even if the
	// render was given a value of that name.
	own map[string]bool
}

// compileTemplate compiles a parsed template. The error is an *Error.
func compileTemplate(env *Environment, name, src string, body []node) (t *Template, err error) {
	t = &Template{env: env, name: name, src: src, escape: env.opts.Autoescape(name), blocks: map[string][]*code{}}
	c := &compiler{tmpl: t, env: env, escape: t.escape}
	defer func() {
		if p := recover(); p != nil {
			e := asError(p)
			if e.Line == 0 {
				e.Line = c.place.line
			}
			e.Template, e.Source = name, sourceLine(src, e.Line)
			t, err = nil, e
		}
	}()
	c.mark(at{line: 1})
	c.checkBlockNames(body)
	t.refs = collectReferences(env, body)
	t.required = requirements(body)
	t.static = isStatic(body)
	t.root = c.compileRoot(body)
	for _, b := range findBlocks(body) {
		t.blocks[b.name] = []*code{c.compileBlock(b)}
	}
	t.link = &linked{blocks: t.blocks}
	return t, nil
}

func (c *compiler) fail(kind string, line int, format string, args ...any) {
	c.place.line = line
	throw(kind, format, args...)
}

// mark notes a place and gives its index.
func (c *compiler) mark(a at) int32 {
	m := mark{int32(a.line), int32(a.pos), int32(min(max(a.end, a.pos), len(c.tmpl.src)))}
	if n := len(c.tmpl.marks); n > 0 && c.tmpl.marks[n-1] == m {
		return int32(n - 1)
	}
	c.tmpl.marks = append(c.tmpl.marks, m)
	return int32(len(c.tmpl.marks) - 1)
}

func findBlocks(body []node) []*blockNode {
	var out []*blockNode
	for _, n := range body {
		walk(n, func(n node) bool {
			if b, ok := n.(*blockNode); ok {
				out = append(out, b)
			}
			return true
		})
	}
	return out
}

func (c *compiler) checkBlockNames(body []node) {
	seen := map[string]bool{}
	for _, b := range findBlocks(body) {
		if seen[b.name] {
			c.fail(assertionError, b.line, "block %s defined twice", quoteName(b.name))
		}
		seen[b.name] = true
	}
}

func (c *compiler) compileRoot(body []node) *code {
	c.fn = &function{}
	c.names = nil
	c.toplevel, c.root = true, true
	c.check = hasExtends(body)
	c.openScope(body)
	k := &code{tmpl: c.tmpl}
	k.body = c.body(body)
	k.size, k.kept = c.fn.size, c.fn.kept
	return k
}

func hasExtends(body []node) bool {
	found := false
	for _, n := range body {
		walk(n, func(n node) bool {
			if _, ok := n.(*extendsNode); ok {
				found = true
			}
			return !found
		})
	}
	return found
}

// compileBlock compiles a block: a function of its own that sees nothing of the code around it.
func (c *compiler) compileBlock(b *blockNode) *code {
	k := &code{tmpl: c.tmpl, name: b.name, scoped: b.scoped, required: b.required, line: c.mark(b.at)}
	saved := *c
	c.fn, c.names, c.block = &function{}, nil, k
	c.escape, c.volatile, c.soft = c.tmpl.escape, false, false
	c.toplevel, c.root, c.check, c.loops = false, false, false, 0
	c.openScope(b.body)
	k.body = c.body(b.body)
	k.size, k.kept = c.fn.size, c.fn.kept
	*c = saved
	return k
}

// openScope opens a scope for the names that body assigns, and gives their slots.
func (c *compiler) openScope(body []node, extra ...string) (first, last int) {
	s := &names{fn: c.fn, parent: c.names, slots: map[string]int{}, always: map[string]bool{}}
	s.analyze(body)
	c.names = s
	first = c.fn.size
	for _, name := range extra {
		c.declare(name)
	}
	for _, n := range body {
		assignedIn(n, func(name string) { c.declare(name) })
	}
	return first, c.fn.size
}

func (c *compiler) closeScope() { c.names = c.names.parent }

// declare gives a name a slot in the innermost scope.
func (c *compiler) declare(name string) int {
	if i, ok := c.names.slots[name]; ok {
		return i
	}
	i := c.fn.size
	c.fn.size++
	c.names.slots[name] = i
	return i
}

// always declares a name that is assigned before the scope's code runs.
func (c *compiler) always(name string) int {
	i := c.declare(name)
	c.names.always[name] = true
	return i
}

// hidden reserves a slot that has no name.
func (c *compiler) hidden() int {
	c.fn.size++
	return c.fn.size - 1
}

// assignedIn calls f with the names that a statement assigns in the scope it is in. An if is no
// scope of its own; loops, macros and blocks are.
func assignedIn(n node, f func(name string)) {
	switch n := n.(type) {
	case *setNode:
		targetNames(n.target, f)
	case *setBlockNode:
		targetNames(n.target, f)
	case *macroNode:
		f(n.name)
	case *importNode:
		f(n.target)
	case *fromNode:
		for _, name := range n.names {
			f(name[1])
		}
	case *ifNode:
		for _, list := range [][]node{n.body, n.els} {
			for _, s := range list {
				assignedIn(s, f)
			}
		}
		for _, e := range n.elifs {
			assignedIn(e, f)
		}
	}
}

func targetNames(n node, f func(name string)) {
	switch n := n.(type) {
	case *nameNode:
		f(n.name)
	case *tupleNode:
		for _, item := range n.items {
			targetNames(item, f)
		}
	}
}

// mentions reports whether code below nodes reads one of the names; blocks are functions of their
// own and do not count.
func mentions(name string, nodes ...node) bool {
	found := false
	for _, n := range nodes {
		walk(n, func(n node) bool {
			switch n := n.(type) {
			case *nameNode:
				found = found || n.name == name
			case *blockNode:
				return false
			}
			return !found
		})
	}
	return found
}

// inner compiles with the state of a nested scope: its sets are not exported.
func (c *compiler) inner(compile func()) {
	toplevel, root, soft := c.toplevel, c.root, c.soft
	c.toplevel, c.root, c.soft = false, false, false
	compile()
	c.toplevel, c.root, c.soft = toplevel, root, soft
}

// inFunction compiles a body that has a frame of its own inside the current one.
func (c *compiler) inFunction(compile func()) *code {
	saved := *c
	c.fn = &function{parent: saved.fn}
	c.toplevel, c.root, c.soft, c.check, c.loops = false, false, false, false, 0
	k := &code{tmpl: c.tmpl}
	compile()
	k.size, k.kept = c.fn.size, c.fn.kept
	extended := c.extended
	*c = saved
	c.extended = extended
	c.keep()
	return k
}

// keep says that the current frame, and those around it, may be held by something made in it.
func (c *compiler) keep() {
	for fn := c.fn; fn != nil; fn = fn.parent {
		fn.kept = true
	}
}
