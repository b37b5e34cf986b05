package jinja

// forLoop compiles a for statement. A plain loop runs in the frame it is in; a recursive one is a
// function, called again by loop(...).
func (c *compiler) forLoop(n *forNode) stmt {
	if n.recursive {
		return c.recursiveLoop(n)
	}
	iter, mark := c.expr(n.iter), c.mark(n.at)
	l := c.loop(n, false)
	return func(f *frame) signal {
		f.mark = mark
		l.run(f, iter(f), nil, 0)
		return proceed
	}
}

func (c *compiler) recursiveLoop(n *forNode) stmt {
	iter, mark := c.expr(n.iter), c.mark(n.at)
	var l *loop
	check := c.check
	code := c.inFunction(func() {
		c.check = check
		l = c.loop(n, true)
	})
	return func(f *frame) signal {
		f.mark = mark
		rec := &recursion{loop: l, code: code, frame: f}
		rec.level(f, iter(f), 0)
		return proceed
	}
}

// A loop is a compiled for statement without what it runs over.
type loop struct {
	assign     func(f *frame, v value)
	test       expr // on the test's own target, or nil
	testAssign func(f *frame, v value)
	enter      func(f *frame)
	body, els  []stmt
	enterElse  func(f *frame)
	loopSlot   int // of the loop object; -1 if the body does not ask for it
	mark       int32
}

func (c *compiler) loop(n *forNode, recursive bool) *loop {
	l := &loop{loopSlot: -1, mark: c.mark(n.at)}
	extended := recursive || mentions("loop", n.body...) || placesScoped(n.body)
	c.refuseLoopTarget(n)
	c.loopTest(n, l)
	first, last := c.openScope(n.body)
	c.inner(func() {
		targetNames(n.target, func(name string) { c.always(name) })
		if extended {
			l.loopSlot = c.always("loop")
		}
		l.assign = c.target(n.target)
		c.loops++
		l.body = c.body(n.body)
		c.loops--
	})
	c.closeScope()
	l.enter = reset(first, last)
	first, last = c.openScope(n.els)
	c.inner(func() { l.els = c.body(n.els) })
	c.closeScope()
	l.enterElse = reset(first, last)
	return l
}

// loopTest compiles the filter of a loop. It runs ahead of the body, so it has a target of its own.
func (c *compiler) loopTest(n *forNode, l *loop) {
	if n.test == nil {
		return
	}
	c.openScope(nil)
	c.inner(func() {
		targetNames(n.target, func(name string) { c.always(name) })
		l.testAssign = c.target(n.target)
		l.test = c.expr(n.test)
	})
	c.closeScope()
}

// placesScoped reports whether a scoped block is placed in a loop: it may ask for loop.
func placesScoped(body []node) bool {
	for _, b := range findBlocks(body) {
		if b.scoped {
			return true
		}
	}
	return false
}

// refuseLoopTarget fails if a loop assigns the name "loop".
func (c *compiler) refuseLoopTarget(n *forNode) {
	walk(n, func(x node) bool {
		check := func(name string) {
			if name == "loop" {
				c.fail(assertionError, x.place().line, "Can't assign to special loop variable in for-loop target")
			}
		}
		switch x := x.(type) {
		case *forNode:
			targetNames(x.target, check)
		case *setNode:
			targetNames(x.target, check)
		case *setBlockNode:
			targetNames(x.target, check)
		case *withNode:
			for _, t := range x.targets {
				targetNames(t, check)
			}
		}
		return true
	})
}

// run runs the loop over v.
func (l *loop) run(f *frame, v value, rec *recursion, depth int) {
	ran := false
	if l.loopSlot < 0 && l.test == nil && isSeq(v) {
		ran = l.runSeq(f, v)
	} else {
		ran = l.runIter(f, v, rec, depth)
	}
	if !ran && len(l.els) > 0 {
		if l.enterElse != nil {
			l.enterElse(f)
		}
		runBody(l.els, f)
	}
}

// runSeq is the loop of most pages: over a list, without asking for loop. It reports whether a body
// ran to its end: one that always breaks or continues leaves the else part its turn, as in Jinja2.
func (l *loop) runSeq(f *frame, v value) (ran bool) {
	at := indexer(v)
	for i := 0; i < seqLen(v); i++ {
		f.r.step()
		if l.enter != nil {
			l.enter(f)
		}
		l.assign(f, at(i))
		switch runBody(l.body, f) {
		case proceed:
			ran = true
		case breakLoop:
			return ran
		}
		f.mark = l.mark
	}
	return ran
}

func (l *loop) runIter(f *frame, v value, rec *recursion, depth int) bool {
	state := &loopState{f: f, it: f.r.lend(v), total: -1, rec: rec, depth: depth}
	if l.test != nil {
		state.it = l.filtered(f, state.it)
	} else if v.k != kIter {
		if n, ok := hasLen(v); ok {
			state.total = n
		}
	}
	return l.runState(f, state)
}

func (l *loop) runState(f *frame, s *loopState) (ran bool) {
	for {
		v, ok := s.advance()
		if !ok {
			return ran
		}
		f.r.step()
		if l.enter != nil {
			l.enter(f)
		}
		if l.loopSlot >= 0 {
			f.slots[l.loopSlot] = fromObject(s)
		}
		l.assign(f, v)
		switch runBody(l.body, f) {
		case proceed:
			ran = true
		case breakLoop:
			return ran
		}
		f.mark = l.mark
	}
}

// filtered yields what passes the loop's test.
func (l *loop) filtered(f *frame, it iterator) iterator {
	return iterFunc(func() (value, bool) {
		for {
			v, ok := it.next()
			if !ok {
				return none, false
			}
			f.r.step()
			l.testAssign(f, v)
			if truth(l.test(f)) {
				return v, true
			}
		}
	})
}

// A loopState is the loop object of a running for.
type loopState struct {
	f       *frame
	it      iterator
	index   int // of the current item, from 1; 0 before the first
	total   int // -1 if not known yet
	cur     value
	prev    value
	ahead   []value // read but not yet used
	changed []value // the arguments of the last changed()
	called  bool
	rec     *recursion
	depth   int // from 0
}

func (*loopState) typeName() string { return "jinja2.runtime.LoopContext" }

func (s *loopState) str() string {
	return "<LoopContext " + str(integer(int64(s.index))) + "/" + str(integer(int64(s.length()))) + ">"
}

func (s *loopState) advance() (value, bool) {
	var v value
	if len(s.ahead) > 0 {
		v = s.ahead[0]
		s.ahead = s.ahead[1:]
	} else {
		next, ok := s.it.next()
		if !ok {
			return none, false
		}
		v = next
	}
	s.prev, s.cur = s.cur, v
	s.index++
	return v, true
}

// peek reads one item ahead.
func (s *loopState) peek() (value, bool) {
	if len(s.ahead) == 0 {
		v, ok := s.it.next()
		if !ok {
			return none, false
		}
		s.ahead = append(s.ahead, v)
	}
	return s.ahead[0], true
}

// length is how many items the loop has in all; a generator is read to its end for it.
func (s *loopState) length() int {
	if s.total < 0 {
		s.ahead = append(s.ahead, drain(s.it)...)
		s.it = &sliceIter{}
		s.total = s.index + len(s.ahead)
	}
	return s.total
}

func (s *loopState) attr(name string) (value, bool) {
	switch name {
	case "index":
		return integer(int64(s.index)), true
	case "index0":
		return integer(int64(s.index - 1)), true
	case "first":
		return boolean(s.index == 1), true
	case "last":
		_, more := s.peek()
		return boolean(!more), true
	case "length":
		return integer(int64(s.length())), true
	case "revindex":
		return integer(int64(s.length() - s.index + 1)), true
	case "revindex0":
		return integer(int64(s.length() - s.index)), true
	case "depth":
		return integer(int64(s.depth + 1)), true
	case "depth0":
		return integer(int64(s.depth)), true
	}
	return s.neighbour(name)
}

func (s *loopState) neighbour(name string) (value, bool) {
	switch name {
	case "previtem":
		if s.index <= 1 {
			return s.f.undefined(undefinedInfo{hint: "there is no previous item"}), true
		}
		return s.prev, true
	case "nextitem":
		v, ok := s.peek()
		if !ok {
			return s.f.undefined(undefinedInfo{hint: "there is no next item"}), true
		}
		return v, true
	case "cycle":
		return method(name, nil, s.cycle), true
	case "changed":
		return method(name, nil, s.hasChanged), true
	}
	return none, false
}

func (s *loopState) cycle(_ *frame, pos []value, kw []keyword) value {
	noKeywords("cycle", kw)
	if len(pos) == 0 {
		throw(typeError, "no items for cycling given")
	}
	return pos[(s.index-1)%len(pos)]
}

func (s *loopState) hasChanged(_ *frame, pos []value, kw []keyword) value {
	noKeywords("changed", kw)
	if s.called && equal(tuple(s.changed), tuple(pos)) {
		return falseVal
	}
	s.called = true
	s.changed = append([]value(nil), pos...)
	return trueVal
}

func (s *loopState) name() string { return "loop" }

// call is loop(items): the loop again, one level down.
func (s *loopState) call(f *frame, pos []value, kw []keyword) value {
	out := f.r.capture(func() { s.write(f, pos, kw) })
	if f.ctx.escape {
		return markup(out)
	}
	return text(out)
}

func (s *loopState) write(f *frame, pos []value, kw []keyword) {
	noKeywords("loop", kw)
	if s.rec == nil {
		throw(typeError, "The loop must have the 'recursive' marker to be called recursively.")
	}
	if len(pos) != 1 {
		throw(typeError, "loop() takes 1 positional argument but %d were given", len(pos))
	}
	s.rec.level(f, pos[0], s.depth+1)
}

// A recursion is a recursive loop that runs: its code and the frame around it.
type recursion struct {
	loop  *loop
	code  *code
	frame *frame
}

// level runs one level in a frame of its own.
func (rec *recursion) level(f *frame, v value, depth int) {
	inner := f.r.push(rec.code, rec.frame, rec.frame.ctx)
	inner.mark = rec.loop.mark
	rec.loop.run(inner, v, rec, depth)
	f.r.pop(inner, rec.code)
}
