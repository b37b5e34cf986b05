package jinja

// A nameEvent is the first thing that a scope does with a name.
type nameEvent uint8

const (
	loaded   nameEvent = iota + 1 // it is read
	stored                        // it is assigned
	mayStore                      // it is assigned in a branch of an if
)

// A nameOrder finds the first event of each name in a scope's own statements, in the order in which
// Jinja2 looks at them. Scopes inside do not count.
type nameOrder struct {
	first map[string]nameEvent
	loads map[string]bool
	maybe int // depth of ifs
}

// analyze finds out which names of a new scope have nothing to fall back on.
func (s *names) analyze(body []node) {
	o := &nameOrder{first: map[string]nameEvent{}, loads: map[string]bool{}}
	for _, n := range body {
		o.statement(n)
	}
	s.loads, s.own = o.loads, map[string]bool{}
	for name, e := range o.first {
		s.own[name] = e == stored && !s.parent.knows(name)
	}
}

// knows reports whether this scope or one around it has to do with a name.
func (s *names) knows(name string) bool {
	for ; s != nil; s = s.parent {
		if _, ok := s.slots[name]; ok || s.loads[name] {
			return true
		}
	}
	return false
}

func (o *nameOrder) load(name string) {
	o.loads[name] = true
	if o.first[name] == 0 {
		o.first[name] = loaded
	}
}

func (o *nameOrder) store(name string) {
	if o.first[name] != 0 {
		return
	}
	o.first[name] = stored
	if o.maybe > 0 {
		o.first[name] = mayStore
	}
}

func (o *nameOrder) expressions(nodes ...node) {
	for _, n := range nodes {
		walk(n, func(n node) bool {
			switch n := n.(type) {
			case *nameNode:
				o.load(n.name)
			case *nsNode:
				o.load(n.name)
			}
			return true
		})
	}
}

func (o *nameOrder) targets(n node) {
	if ns, ok := n.(*nsNode); ok {
		o.load(ns.name)
	}
	targetNames(n, o.store)
}

func (o *nameOrder) statement(n node) {
	switch n := n.(type) {
	case *setNode:
		o.expressions(n.v)
		o.targets(n.target)
	case *setBlockNode:
		o.targets(n.target)
	case *macroNode:
		o.store(n.name)
	case *importNode:
		o.expressions(n.template)
		o.store(n.target)
	case *fromNode:
		o.expressions(n.template)
		for _, name := range n.names {
			o.store(name[1])
		}
	case *forNode:
		o.expressions(n.iter)
	case *withNode:
		o.expressions(n.vals...)
	case *callBlockNode:
		o.expressions(n.call)
	case *filterBlockNode:
		o.expressions(n.filter)
	case *ifNode:
		o.branches(n)
	case *blockNode, *autoescapeNode:
	case *manyNode:
		o.all(n.nodes)
	default:
		o.expressions(children(n)...)
	}
}

func (o *nameOrder) all(nodes []node) {
	for _, n := range nodes {
		o.statement(n)
	}
}

func (o *nameOrder) branches(n *ifNode) {
	o.expressions(n.test)
	o.maybe++
	o.all(n.body)
	for _, e := range n.elifs {
		o.branches(e)
	}
	o.all(n.els)
	o.maybe--
}
