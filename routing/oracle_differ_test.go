package routing_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/carafeweb/carafe/routing"
)

var t0 = context.Background()

// matchDiffers tells in which matches Carafe differs on purpose, and what it answers instead.
func matchDiffers(s scenario, a routing.Adapter, rules []*routing.Rule, want goldenMatch) (reason, instead string) {
	if a.Foreign {
		return "Unlike Flask, a foreign host matches no rule, not even of a variable subdomain", "404"
	}
	if want.Expect.Error == "ValueError" && strings.Contains(want.Expect.Message, "integer string conversion") {
		return "Unlike Flask, what does not fit an int64 does not match", "404"
	}
	if want.Expect.Endpoint == nil {
		return "", ""
	}
	for _, v := range want.Expect.Args {
		if _, big := v.native().(bigInt); big {
			return "Unlike Flask, what does not fit an int64 does not match", "404"
		}
	}
	if !isASCIIText(want.Path) && usesOtherDigits(want) {
		return "Unlike Flask, <int> and <float> take ASCII digits only", withASCIIDigits(a, rules, want)
	}
	if instead, ok := manyVariables(rules[want.Expect.Rule], want); ok {
		return "Unlike Flask, eleven variables in a segment go to their own names", instead
	}
	return "", ""
}

func isASCIIText(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x80 })
}

// usesOtherDigits: a number was matched, and its digits are nowhere in the path.
func usesOtherDigits(want goldenMatch) bool {
	for _, v := range want.Expect.Args {
		if (v.Type == "int" || v.Type == "float") && !strings.Contains(want.Path, strings.TrimSuffix(fmt.Sprint(v.Value), ".0")) {
			return true
		}
	}
	return false
}

// withASCIIDigits is the answer for the same path with letters in the place of those digits:
// they are no digits for Carafe, and nothing else is different.
func withASCIIDigits(a routing.Adapter, rules []*routing.Rule, want goldenMatch) string {
	letters := strings.Map(func(r rune) rune {
		if r >= 0x80 {
			return 'é'
		}
		return r
	}, want.Path)
	var m routing.Match
	err := a.MatchTo(t0, &m, want.Method, letters)
	if err == nil {
		err = a.MatchTo(t0, &m, want.Method, want.Path)
	}
	return describeMatch(&m, rules, err)
}

// manyVariables undoes Werkzeug's sorting of groups by their names as text (0, 1, 10, 2 …).
func manyVariables(r *routing.Rule, want goldenMatch) (string, bool) {
	byName := map[string]goldenValue{}
	changed := false
	offset := 0
	for _, segment := range strings.Split(r.Rule, "/") {
		n := strings.Count(segment, "<")
		if n > 10 {
			changed = true
			order := textOrder(n)
			for position, group := range order {
				byName[r.Variables()[offset+group].Name] = want.Expect.Args[r.Variables()[offset+position].Name]
			}
		} else {
			for i := offset; i < offset+n; i++ {
				name := r.Variables()[i].Name
				byName[name] = want.Expect.Args[name]
			}
		}
		offset += n
	}
	if !changed {
		return "", false
	}
	want.Expect.Args = byName
	return want.describe(), true
}

// textOrder lists 0 to n-1 sorted as text.
func textOrder(n int) []int {
	var order []int
	for i := range n {
		at := len(order)
		for at > 0 && fmt.Sprint(order[at-1]) > fmt.Sprint(i) {
			at--
		}
		order = append(order[:at], append([]int{i}, order[at:]...)...)
	}
	return order
}

func (c *tally) build(s scenario, a routing.Adapter, want goldenBuild) {
	c.t.Helper()
	what := fmt.Sprintf("%s: build %q %v %q", s.Name, want.Endpoint, want.Values, want.Method)
	opts := routing.BuildOptions{Method: want.Method, External: want.ForceExternal}
	opts.DropUnknown = want.AppendUnknown != nil && !*want.AppendUnknown
	if want.URLScheme != nil {
		opts.Scheme = *want.URLScheme
		if opts.Scheme == "" {
			opts.Scheme = routing.SchemeRelative
		}
	}
	got, err := a.Build(want.Endpoint, want.Values, opts)
	if err != nil {
		got = describeBuildError(err)
	}
	wanted, ok := want.Expect.(string)
	if !ok {
		e := want.Expect.(map[string]any)
		wanted = fmt.Sprintf("%s: %s", e["error"], e["message"])
	}
	c.same(what, got, wanted)
}

func describeBuildError(err error) string {
	var build *routing.BuildError
	var value *routing.ValueError
	switch {
	case errors.As(err, &build):
		return "BuildError: " + err.Error()
	case errors.As(err, &value) && value.WrongType:
		return "TypeError: " + value.Reason
	case errors.As(err, &value):
		return "ValueError: " + value.Reason
	}
	return "error: " + err.Error()
}

// TestTheOracleNoticesAWrongAnswer keeps the test above from passing whatever it is told.
func TestTheOracleNoticesAWrongAnswer(t *testing.T) {
	m := routing.New(routing.Options{})
	rule := &routing.Rule{Rule: "/<int:n>", Endpoint: "e"}
	if err := m.Add(rule); err != nil {
		t.Fatal(err)
	}
	a, err := m.Bind("example.com", routing.BindOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := a.Match(t0, "GET", "/7")
	endpoint := "e"
	want := goldenMatch{}
	want.Expect.Endpoint = &endpoint
	want.Expect.Args = map[string]goldenValue{"n": {"string", "7"}}
	if describeMatch(&got, []*routing.Rule{rule}, err) == want.describe() {
		t.Error("7 as text counts as the number 7")
	}
}
