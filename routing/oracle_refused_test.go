package routing_test

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/carafeweb/carafe/routing"
)

// neverWorks tells whether a rule was refused for an argument with which it could never work. Unlike Flask, where requests for
// the rule fail one by one.
func neverWorks(err error) bool {
	var refused *routing.RuleError
	return errors.As(err, &refused) && refused.Fault == routing.FaultType
}

// withoutRefused compares a scenario of which Carafe refuses some rules, on purpose: the rest of it has to be answered as if they
// were not there, but where they answer in Werkzeug.
func (c *tally) withoutRefused(s scenario) {
	kept, refused := s, s
	kept.Rules, refused.Rules = nil, nil
	for _, g := range s.Rules {
		alone := s
		alone.Rules = []goldenRule{g}
		m, rules := newOracleMap(alone)
		if !neverWorks(m.Add(rules...)) {
			kept.Rules = append(kept.Rules, g)
			refused.Rules = append(refused.Rules, g)
			continue
		}
		g.Rule = withoutLimits(g.Rule)
		refused.Rules = append(refused.Rules, g)
	}
	if s.MapError != nil {
		c.keptError(kept)
		return
	}
	c.compareRefused(s, refused)
}

// keptError compares the error of the rules that are left, unless the one that Werkzeug refuses is among those that Carafe
// refuses for another cause.
func (c *tally) keptError(kept scenario) {
	m, rules := newOracleMap(kept)
	if err := m.Add(rules...); err != nil {
		c.mapError(kept, err)
		return
	}
	c.differ++ // checked by neverWorks: the rule is refused here as there
}

// compareRefused compares with the rules' limits left out, for a limit counts only when everything else fits: what a refused rule
// would match then has to fail in Werkzeug, and everything else has to be the same.
func (c *tally) compareRefused(s, loose scenario) {
	m, rules := newOracleMap(loose)
	if err := m.Add(rules...); err != nil {
		c.wrong("%s: %v", s.Name, err)
		return
	}
	a, err := bindOracle(m, s)
	if err != nil {
		c.wrong("%s: bind: %v", s.Name, err)
		return
	}
	for _, want := range s.Matches {
		if want.Expect.Error == "error" { // of the regexp of a text at least 3 and at most 2 long, wherever it is tried
			c.differ++
			continue
		}
		var m routing.Match
		if err := a.MatchTo(t0, &m, want.Method, want.Path); err == nil && m.Rule.Rule != s.Rules[slices.Index(rules, m.Rule)].Rule {
			c.purposely(s.Name+": "+want.Path, "Unlike Flask, the rule is refused, where all its matches fail",
				fmt.Sprint(want.Expect.Endpoint == nil), "true")
			continue
		}
		c.match(s, a, rules, want)
	}
	for _, want := range s.Builds {
		if e, failed := want.Expect.(map[string]any); failed && e["error"] == "TypeError" {
			c.differ++ // filling up to a number of digits that is no number, or another value of the wrong type
			continue
		}
		c.build(loose, a, want)
	}
}

var limits = regexp.MustCompile(`<(int|float|string)\(([^()<>]*)\):`)

// withoutLimits keeps what the text of the rule's variables looks like and drops the limits that can never be kept.
func withoutLimits(rule string) string {
	return limits.ReplaceAllStringFunc(rule, func(v string) string {
		if !neverWorks(routing.New(routing.Options{}).Add(&routing.Rule{Rule: "/" + v + "x>"})) {
			return v
		}
		name, arguments, _ := strings.Cut(v, "(")
		if strings.Contains(arguments, "signed=True") {
			return name + "(signed=True):"
		}
		return name + ":"
	})
}
