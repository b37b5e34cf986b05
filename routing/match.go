package routing

import (
	"math"
	"strconv"

	"github.com/google/uuid"
)

// A Match is the answer to Find: a rule, and where in the path and the domain the text of its
// variables stands. It is 96 bytes to be embedded by value; nothing is boxed until asked for.
// The zero value is no match. It may be copied, and is valid for ever.
type Match struct {
	Rule   *Rule // that matched; nil for none
	path   string
	domain string
	own    *[]any // values made by converters of the user's, by Variable.custom
	spans  [maxSpans]shortSpan
}

// maxSpans is how many variables a match keeps the places of. Others are looked for again
// when they are asked for.
const maxSpans = 8

// maxShort is the length of paths up to which places fit a shortSpan.
const maxShort = math.MaxUint16

type shortSpan struct{ start, end uint16 }

// Len is the number of variables, those of Rule.Variables.
func (m *Match) Len() int {
	if m.Rule == nil {
		return 0
	}
	return len(m.Rule.variables)
}

// Lookup is the index of the variable with this name.
func (m *Match) Lookup(name string) (i int, ok bool) {
	if m.Rule == nil {
		return -1, false
	}
	i = m.Rule.index(name)
	return i, i >= 0
}

// Text is what stands in the path or domain for variable i, decoded. A default that the rule
// does not show is written as Build would write it in a query.
func (m *Match) Text(i int) string {
	r := m.Rule
	if i >= r.fromRule {
		return string(appendText(nil, r.variables[i].Default))
	}
	if r.direct && len(m.path) <= maxShort {
		s := m.spans[i]
		return m.path[s.start:s.end]
	}
	return m.search(i)
}

// search finds the text of a variable anew, by the rule's parts.
func (m *Match) search(i int) string {
	v := &m.Rule.variables[i]
	text := m.domain
	p := &m.Rule.parts[v.part]
	if !v.domain {
		text = segmentText(m.path, v.part-1, p.final)
	}
	rest, _, _ := p.splitSuffix(text)
	var few [maxSpans]span
	spans := few[:]
	if p.vars > len(spans) {
		spans = make([]span, p.vars)
	}
	spans = spans[:p.vars]
	if !p.match(rest, spans) {
		return "" // cannot happen: the rule has matched
	}
	return rest[spans[v.slot].start:spans[v.slot].end]
}

// segmentText is the n-th segment of the path, or with final all from there.
func segmentText(path string, n int, final bool) string {
	start := 0
	for ; n > 0; n-- {
		start = segmentEnd(path, start) + 1
	}
	if final {
		return path[start:]
	}
	return path[start:segmentEnd(path, start)]
}

func segmentEnd(path string, start int) int {
	for start < len(path) && path[start] != '/' {
		start++
	}
	return start
}

// Value is variable i as the converter's Go type: string, int, float64, uuid.UUID, or what a
// converter of the user's has made. A default is as it was given to the rule, and goes before
// what stands in the path.
func (m *Match) Value(i int) any {
	v := &m.Rule.variables[i]
	switch {
	case v.HasDefault:
		return v.Default
	case v.def.shape.kind == shapeInt:
		return int(m.Int(i))
	case v.def.shape.kind == shapeFloat:
		return m.Float(i)
	case v.def.shape.kind == shapeUUID:
		return m.UUID(i)
	case v.def.shape.kind == shapeRegexp && v.def.Converter != nil:
		return (*m.own)[v.custom]
	}
	return m.Text(i)
}

// Int is an int variable without boxing; for others it is the number that their text begins
// to spell, or 0.
func (m *Match) Int(i int) int64 {
	text := m.Text(i)
	if len(text) > 18 || text == "" || text[0] == '-' {
		n, _ := strconv.ParseInt(text, 10, 64)
		return n
	}
	var n int64
	for j := range len(text) {
		if !isDigit(text[j]) {
			return 0
		}
		n = n*10 + int64(text[j]-'0')
	}
	return n
}

// Float is a float variable without boxing; 0 if the text is no number.
func (m *Match) Float(i int) float64 {
	f, err := strconv.ParseFloat(m.Text(i), 64)
	if err != nil && !math.IsInf(f, 0) {
		return 0
	}
	return f
}

// UUID is a uuid variable without boxing; the zero UUID if the text is none.
func (m *Match) UUID(i int) uuid.UUID {
	id, _ := uuid.Parse(m.Text(i))
	return id
}

// Values are all variables by name, defaults included, in a map of the caller's own.
func (m *Match) Values() Values {
	values := make(Values, m.Len())
	for i := range m.Len() {
		values[m.Rule.variables[i].Name] = m.Value(i)
	}
	return values
}

// Pairs are all variables in the order of Rule.Variables.
func (m *Match) Pairs() []Pair {
	pairs := make([]Pair, m.Len())
	for i := range pairs {
		pairs[i] = Pair{m.Rule.variables[i].Name, m.Value(i)}
	}
	return pairs
}
