package routing

import (
	"slices"
	"strings"
)

// A BuildError means that no rule of the endpoint can be built from the values. Its text, in
// Flask's words, names the nearest endpoint or what is missing.
//
// Source: Werkzeug BuildError.
type BuildError struct {
	Endpoint string // that was asked for
	Method   string // that was asked for, or ""
	Values   []Pair // that were given, without nil

	m *Map
}

// Error looks for the nearest rule; it takes time with the number of rules.
func (e *BuildError) Error() string {
	var b strings.Builder
	b.WriteString("Could not build url for endpoint " + pyRepr(e.Endpoint))
	if e.Method != "" {
		b.WriteString(" (" + pyRepr(e.Method) + ")")
	}
	if len(e.Values) > 0 {
		b.WriteString(" with values " + pyReprList(e.valueNames()))
	}
	b.WriteString(".")
	r := e.Suggested()
	switch {
	case r == nil:
	case r.Endpoint != e.Endpoint:
		b.WriteString(" Did you mean " + pyRepr(r.Endpoint) + " instead?")
	default:
		if e.Method != "" && r.methods != nil && !slices.Contains(r.methods, e.Method) {
			b.WriteString(" Did you mean to use methods " + pyReprList(r.methods) + "?")
		}
		if missing := e.Missing(); len(missing) > 0 {
			b.WriteString(" Did you forget to specify values " + pyReprList(missing) + "?")
		}
	}
	return b.String()
}

// Missing are the variables of the suggested rule that were not given, sorted; none if that
// rule is of another endpoint.
func (e *BuildError) Missing() []string {
	r := e.Suggested()
	if r == nil || r.Endpoint != e.Endpoint {
		return nil
	}
	var missing []string
	for i := range r.variables {
		if _, ok := lookup(e.Values, r.variables[i].Name); !ok {
			missing = append(missing, r.variables[i].Name)
		}
	}
	slices.Sort(missing)
	return missing
}

func (e *BuildError) valueNames() []string {
	names := make([]string, len(e.Values))
	for i, p := range e.Values {
		names[i] = p.Name
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Suggested is the rule that comes nearest to what was asked for: by the likeness of the
// endpoints, then by values and method. It is nil if the map has no rules.
func (e *BuildError) Suggested() *Rule {
	if e.m == nil {
		return nil
	}
	var best *Rule
	most := -1.0
	for _, endpoint := range e.m.endpoints {
		near := 0.98 * likeness(endpoint, e.Endpoint)
		for _, r := range e.m.byEndpoint[endpoint] {
			if score := near + e.extraScore(r); score > most {
				best, most = r, score
			}
		}
	}
	return best
}

func (e *BuildError) extraScore(r *Rule) float64 {
	values, method := 0.01, 0.0
	for _, p := range e.Values {
		if r.index(p.Name) < 0 {
			values = 0
		}
	}
	if e.Method != "" && slices.Contains(r.methods, e.Method) {
		method = 0.01
	}
	return values + method
}

// likeness is difflib.SequenceMatcher(None, a, b).ratio(): twice the characters in common
// runs, by the characters of both.
func likeness(a, b string) float64 {
	x, y := []rune(a), []rune(b)
	if len(x)+len(y) == 0 {
		return 1
	}
	places := make(map[rune][]int)
	for j, r := range y {
		places[r] = append(places[r], j)
	}
	for r, at := range places {
		if len(y) >= 200 && len(at) > len(y)/100+1 {
			delete(places, r) // too popular to tell anything, as in difflib
		}
	}
	return 2 * float64(common(x, y, places, 0, len(x), 0, len(y))) / float64(len(x)+len(y))
}

// common counts the characters of the longest common run, and of those before and after it.
func common(a, b []rune, places map[rune][]int, alow, ahigh, blow, bhigh int) int {
	i, j, size := longestRun(a, b, places, alow, ahigh, blow, bhigh)
	if size == 0 {
		return 0
	}
	return size + common(a, b, places, alow, i, blow, j) +
		common(a, b, places, i+size, ahigh, j+size, bhigh)
}

// longestRun is the first of the longest, extended by characters too popular to start one.
func longestRun(a, b []rune, places map[rune][]int, alow, ahigh, blow, bhigh int) (besti, bestj, size int) {
	besti, bestj = alow, blow
	ending := map[int]int{} // length of the run that ends at this place of b
	for i := alow; i < ahigh; i++ {
		longer := map[int]int{}
		for _, j := range places[a[i]] {
			if j < blow || j >= bhigh {
				continue
			}
			k := ending[j-1] + 1
			longer[j] = k
			if k > size {
				besti, bestj, size = i-k+1, j-k+1, k
			}
		}
		ending = longer
	}
	for besti > alow && bestj > blow && a[besti-1] == b[bestj-1] {
		besti, bestj, size = besti-1, bestj-1, size+1
	}
	for besti+size < ahigh && bestj+size < bhigh && a[besti+size] == b[bestj+size] {
		size++
	}
	return besti, bestj, size
}
