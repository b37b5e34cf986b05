package routing

import (
	"fmt"
	"slices"
	"strings"
)

// Check looks for rules that are accepted, as Werkzeug accepts them, and yet cannot be meant.
// Each error is a *RuleError with the rules' sources and a path that shows it:
//
//   - FaultClash: two rules match exactly the same paths with a common method (HEAD and
//     OPTIONS do not count). The one added first wins.
//   - FaultDead: no path leads to the rule, because of its text, for want of a method, or
//     because every path that fits it goes to another.
//   - FaultVariable: RedirectTo names a variable that the rule's text does not have.
//
// It errs on the side of silence: of rules that overlap in part it says nothing, since their
// order is decided by weight. It compiles the map. Rules with conditions (When) are left out.
//
// Source: Werkzeug 3.2's DuplicateRuleError, which only knows the first kind.
func (m *Map) Check() []error {
	c := checker{m: m, clashed: make(map[*Rule]bool)}
	c.state(m.index().root)
	for _, r := range m.rules {
		c.rule(r)
	}
	return c.faults
}

type checker struct {
	m       *Map
	faults  []error
	clashed map[*Rule]bool
}

func (c *checker) report(r *Rule, fault Fault, hint, reason string, args ...any) {
	c.faults = append(c.faults, &RuleError{Rule: r.Rule, Source: r.Source, Fault: fault,
		Reason: fmt.Sprintf(reason, args...), Hint: hint})
}

// state compares rules that end at the same state: they have the same shape.
func (c *checker) state(s *state) {
	for i, r := range s.rules {
		for _, first := range s.rules[:i] {
			if method, ok := commonMethod(first, r); ok && !c.clashed[r] {
				c.clashed[r] = true
				c.report(r, FaultClash, "remove one, or give them different methods",
					"%s matches the same paths: %s goes to endpoint %q, never to %q",
					first.describe(), c.witness(r, method), first.Endpoint, r.Endpoint)
			}
		}
	}
	for _, slot := range s.static.slots {
		if slot.next != nil {
			c.state(slot.next)
		}
	}
	for _, e := range s.dynamic {
		c.state(e.next)
	}
}

func (r *Rule) describe() string {
	if r.Source == "" {
		return fmt.Sprintf("rule %q", r.Rule)
	}
	return fmt.Sprintf("rule %q (%s)", r.Rule, r.Source)
}

// commonMethod is a method, other than those that rules share by the way, that both take.
func commonMethod(a, b *Rule) (string, bool) {
	if a.Websocket != b.Websocket || a.When != nil || b.When != nil {
		return "", false
	}
	if a.methods == nil {
		a, b = b, a
	}
	if a.methods == nil {
		return "GET", true
	}
	for _, method := range a.methods {
		if method != "HEAD" && method != "OPTIONS" && (b.methods == nil || slices.Contains(b.methods, method)) {
			return method, true
		}
	}
	return "", false
}

// witness is a request that both rules fit, for a message.
func (c *checker) witness(r *Rule, method string) string {
	domain, path := r.sample()
	if domain != "" {
		return method + " " + path + " on " + domain
	}
	return method + " " + path
}

func (c *checker) rule(r *Rule) {
	for _, p := range r.target {
		if p.def != nil {
			if i := r.index(p.text); i < 0 || r.variables[i].def == nil {
				c.report(r, FaultVariable, "", "RedirectTo names %q, which the rule's text does not", p.text)
			}
		}
	}
	switch {
	case r.BuildOnly || r.When != nil || c.clashed[r]:
	case r.methods != nil && len(r.methods) == 0:
		c.report(r, FaultDead, "name methods, or set BuildOnly", "it can never match, since its list of methods is empty")
	case r.impossible() != "":
		c.report(r, FaultDead, "", "it can never match: %s", r.impossible())
	default:
		c.shadow(r)
	}
}

// impossible tells why no path can fit the rule's text, or "".
func (r *Rule) impossible() string {
	for i := range r.parts {
		switch p := &r.parts[i]; {
		case p.never:
			return "after a variable that spans segments there are two slashes at its end"
		case i == 0 && p.final:
			return "a variable in its domain would take the path as well"
		case i == 0 && strings.Contains(r.domain, "/"):
			return "its domain contains a slash"
		}
	}
	return ""
}

// shadow finds out whether another rule gets all paths of this one, for all its methods.
func (c *checker) shadow(r *Rule) {
	domain, path := r.sample()
	var winner *Rule
	methods := r.methods
	if methods == nil {
		methods = []string{"\x00"} // one that no rule names: any other rule for any method
	}
	for _, method := range methods {
		s := search{request: request{domain: domain, path: path, method: method,
			bit: c.m.methods.bit(method) | anyMethod, websocket: r.Websocket}}
		s.at(c.m.index().root, domainNext)
		if s.found == nil || s.found == r || !s.found.covers(r) {
			return
		}
		winner = s.found
	}
	if r.methods == nil {
		methods = []string{"GET"}
	}
	c.report(r, FaultDead, "add it before that rule, or make that rule narrower",
		"it can never match, since %s takes all its paths: %s goes to endpoint %q",
		winner.describe(), c.witness(r, methods[0]), winner.Endpoint)
}

// covers tells for sure whether each path of o fits r: part by part they are equal, or r has
// <string> where o has some other variable of one segment.
func (r *Rule) covers(o *Rule) bool {
	if len(r.parts) != len(o.parts) {
		return false
	}
	for i := range r.parts {
		if !r.parts[i].covers(&o.parts[i]) {
			return false
		}
	}
	return true
}

func (p *part) covers(o *part) bool {
	if p.static || o.static {
		return p.static && o.static && p.text == o.text
	}
	if p.identity == o.identity {
		return true
	}
	if p.final || o.final || len(p.pieces) != len(o.pieces) {
		return false
	}
	for i := range p.pieces {
		a, b := &p.pieces[i], &o.pieces[i]
		if (a.def == nil) != (b.def == nil) || a.text != b.text {
			return false
		}
		if a.def != nil && !a.def.coversAnySegment(b.def) {
			return false
		}
	}
	return true
}

func (d *Definition) coversAnySegment(o *Definition) bool {
	if d.Regexp == o.Regexp {
		return true
	}
	s := &d.shape
	return s.kind == shapeText && s.max < 0 && (s.min == 0 || (s.min == 1 && !o.takesEmpty()))
}
