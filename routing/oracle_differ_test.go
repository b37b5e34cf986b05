package routing_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/carafeweb/carafe/routing"
)

var t0 = context.Background()

const (
	foreignReason = "Unlike Flask, a foreign host matches no rule, not even of a variable subdomain"
	digitsReason  = `Unlike Flask, <int>, <float> and \d take ASCII digits only`
	largeReason   = "Unlike Flask, what does not fit an int64 does not match"
)

// matchDiffers tells in which matches Carafe differs on purpose, and what it answers instead.
func matchDiffers(s scenario, a routing.Adapter, rules []*routing.Rule, want goldenMatch) (reason, instead string) {
	if a.Foreign {
		return foreignReason, "404"
	}
	if want.Expect.Error == "ValueError" && strings.Contains(want.Expect.Message, "integer string conversion") {
		return largeReason, "404"
	}
	if largeNumber.MatchString(want.Path) && readsDigits(rules) {
		return largeReason, withSmallNumbers(s, a, want)
	}
	if hasOtherDigits(want.Path) && readsDigits(rules) {
		return digitsReason, withLettersForDigits(a, rules, want)
	}
	if want.Expect.Endpoint == nil {
		return "", ""
	}
	if instead, ok := manyVariables(rules[want.Expect.Rule], want); ok {
		return "Unlike Flask, eleven variables in a segment go to their own names", instead
	}
	return "", ""
}

// allowedDiffers is matchDiffers for AllowedMethods.
func allowedDiffers(s scenario, a routing.Adapter, rules []*routing.Rule, path string) (reason, instead string) {
	switch {
	case largeNumber.MatchString(path) && readsDigits(rules):
		limited, _ := withLimits(s)
		return largeReason, strings.Join(limited.AllowedMethods(t0, smallNumbers(path)), ",")
	case a.Foreign:
		return foreignReason, ""
	case hasOtherDigits(path) && readsDigits(rules):
		letters, _ := lettersForDigits(path)
		return digitsReason, strings.Join(a.AllowedMethods(t0, letters), ",")
	}
	return "", ""
}

// largeNumber is one that is beyond int64: of 20 digits, or of 19 from 9.3 times 10 to the 18th on.
var largeNumber = regexp.MustCompile(`[1-9][0-9]{19}|9[3-9][0-9]{17}`)

// smallNumber stands for a large one, and the converters for int are told that it is more than they take (max): which is what a
// large number is to Carafe.
const (
	smallNumber = "987654321987654321"
	lessThanIt  = "999999999" // than its end too, where its first digits are another variable's
)

func smallNumbers(path string) string { return largeNumber.ReplaceAllString(path, smallNumber) }

// withSmallNumbers is the answer for the same path with small numbers that <int> is told not to take.
func withSmallNumbers(s scenario, asked routing.Adapter, want goldenMatch) string {
	a, rules := withLimits(s)
	a.Query, a.Websocket = asked.Query, asked.Websocket
	var m routing.Match
	got := describeMatch(&m, rules, a.MatchTo(t0, &m, want.Method, smallNumbers(want.Path)))
	return strings.ReplaceAll(got, smallNumber, largeNumber.FindString(want.Path))
}

var numbersConverter = regexp.MustCompile(`<int(?:\(([^)]*)\))?:`)

// withLimits is the scenario with a maximum for each variable that is an int and has none.
func withLimits(s scenario) (routing.Adapter, []*routing.Rule) {
	s.Rules = slices.Clone(s.Rules)
	for i := range s.Rules {
		s.Rules[i].Rule = numbersConverter.ReplaceAllStringFunc(s.Rules[i].Rule, func(text string) string {
			arguments := numbersConverter.FindStringSubmatch(text)[1]
			switch {
			case strings.Contains(arguments, "max="):
				return text
			case arguments != "":
				arguments += ","
			}
			return "<int(" + arguments + "max=" + lessThanIt + "):"
		})
	}
	m, rules := newOracleMap(s)
	if err := m.Add(rules...); err != nil {
		panic(err)
	}
	a, err := bindOracle(m, s)
	if err != nil {
		panic(err)
	}
	return a, rules
}

func isOtherDigit(r rune) bool { return r >= 0x80 && unicode.IsDigit(r) }

func hasOtherDigits(path string) bool { return strings.ContainsFunc(path, isOtherDigit) }

// readsDigits tells whether some variable takes digits where it does not take letters.
func readsDigits(rules []*routing.Rule) bool {
	for _, r := range rules {
		for _, v := range r.Variables() {
			if v.Converter != "" && v.Converter != "string" && v.Converter != "default" && v.Converter != "path" {
				return true
			}
		}
	}
	return false
}

// withLettersForDigits is the answer for the same path with letters in the place of those digits.
func withLettersForDigits(a routing.Adapter, rules []*routing.Rule, want goldenMatch) string {
	letters, back := lettersForDigits(want.Path)
	var m routing.Match
	return back.Replace(describeMatch(&m, rules, a.MatchTo(t0, &m, want.Method, letters)))
}

// lettersForDigits puts characters that no rule knows in the place of other digits than ASCII's: they are no digits for Carafe,
// and nothing else is different. back undoes it, quoted or not.
func lettersForDigits(path string) (letters string, back *strings.Replacer) {
	const first = '\uE000' // of the characters for private use
	var pairs []string
	letters = strings.Map(func(r rune) rune {
		if !isOtherDigit(r) {
			return r
		}
		letter := first + r%256
		pairs = append(pairs, string(letter), string(r), routing.QuotePath(string(letter)), routing.QuotePath(string(r)))
		return letter
	}, path)
	return letters, strings.NewReplacer(pairs...)
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
	if got == wanted {
		c.agree++
		return
	}
	if reason, got, instead := buildDiffers(s, want, opts, got, wanted); reason != "" {
		c.purposely(what, reason, got, instead)
		return
	}
	c.same(what, got, wanted)
}

// buildDiffers tells in which URLs Carafe differs on purpose, and what it says instead.
func buildDiffers(s scenario, want goldenBuild, opts routing.BuildOptions, got, wanted string) (reason, shown, instead string) {
	if text, ok := strings.CutPrefix(wanted, "OverflowError: "); ok {
		return "Unlike Flask, a number too large for its converter is the same error as any other value that it cannot write", got, "ValueError: " + text
	}
	if s.Map["sort_parameters"] == true && strings.Contains(wanted, "not supported between instances of") {
		return "Unlike Flask, query values of different types sort too", sortedQuery(got), sortedQuery(withoutSorting(s, want, opts))
	}
	return "", "", ""
}

// withoutSorting builds with the same map but for Options.SortParameters.
func withoutSorting(s scenario, want goldenBuild, opts routing.BuildOptions) string {
	s.Map = maps.Clone(s.Map)
	delete(s.Map, "sort_parameters")
	m, rules := newOracleMap(s)
	if err := m.Add(rules...); err != nil {
		return err.Error()
	}
	a, err := bindOracle(m, s)
	if err != nil {
		return err.Error()
	}
	url, err := a.Build(want.Endpoint, want.Values, opts)
	if err != nil {
		return describeBuildError(err)
	}
	return url
}

func sortedQuery(url string) string {
	path, query, _ := strings.Cut(url, "?")
	items := strings.Split(query, "&")
	slices.Sort(items)
	return path + "?" + strings.Join(items, "&")
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
