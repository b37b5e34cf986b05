package routing

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"
)

// A builder is a rule seen from the other side: how its URLs are written.
type builder struct {
	domain, path []step
}

// A step is text, already quoted, or a variable.
type step struct {
	text     string
	variable int // index, or -1 for text
}

// add makes the steps of a text, at least one for a path, whose first variable has this index.
func (b *builder) add(room *arena[step], text string, tokens []token, variable int, domain bool) {
	steps := room.take(2*variableCount(tokens) + 1)[:0]
	for i := 0; i < len(tokens); i++ {
		if tokens[i].kind == tokenVariable {
			steps = append(steps, step{variable: variable})
			variable++
			continue
		}
		start := i
		for i+1 < len(tokens) && tokens[i+1].kind != tokenVariable {
			i++
		}
		end := len(text)
		if i+1 < len(tokens) {
			end = tokens[i+1].offset
		}
		steps = append(steps, step{QuotePath(text[tokens[start].offset:end]), -1})
	}
	if domain {
		b.domain = steps
	} else {
		b.path = steps
	}
}

func variableCount(tokens []token) (n int) {
	for i := range tokens {
		if tokens[i].kind == tokenVariable {
			n++
		}
	}
	return n
}

// prepareBuild makes text of variables with a default: their value is always that.
func (r *Rule) prepareBuild() error {
	if len(r.Defaults) == 0 {
		return nil
	}
	var err error
	if r.builder.domain, err = r.joinSteps(r.builder.domain); err != nil {
		return err
	}
	r.builder.path, err = r.joinSteps(r.builder.path)
	return err
}

func (r *Rule) joinSteps(steps []step) ([]step, error) {
	joined := make([]step, 0, len(steps))
	for _, st := range steps {
		if st.variable >= 0 && r.variables[st.variable].HasDefault {
			v := &r.variables[st.variable]
			text, err := v.def.appendURL(nil, v.Default)
			if err != nil {
				return nil, defaultError(v, err)
			}
			st = step{string(text), -1}
		}
		if n := len(joined); st.variable < 0 && n > 0 && joined[n-1].variable < 0 {
			joined[n-1].text += st.text
			continue
		}
		joined = append(joined, st)
	}
	return joined, nil
}

func defaultError(v *Variable, err error) error {
	reason := err.Error()
	var value *ValueError
	if errors.As(err, &value) {
		reason = value.Reason
	}
	return &syntaxError{FaultDefault, reason, "the default of variable " + strconv.Quote(v.Name) +
		" has to be a value that its converter can write"}
}

// compareForBuilding is the order in which an endpoint's rules are tried: aliases last, then
// those with the most variables, then the most defaults, then as registered.
func compareForBuilding(a, b *Rule) int {
	alias := 0
	if a.Alias != b.Alias {
		alias = 1
		if b.Alias {
			alias = -1
		}
	}
	return cmp.Or(alias, cmp.Compare(len(b.variables), len(a.variables)), cmp.Compare(len(b.Defaults), len(a.Defaults)))
}

// A sending is the values of a URL, and for each variable of the rule at hand the place of its
// value among them, or -1: names are compared once, and not again for each use of a value.
type sending struct {
	values []Pair
	places []int32
	extra  bool // some value is none of the rule's
}

// suit places the values and tells whether the rule can be built from them: all its variables
// are there, and no value contradicts a default.
func (s *sending) suit(r *Rule) bool {
	s.place(r)
	for i := range r.variables {
		v := &r.variables[i]
		value := s.value(i)
		if v.HasDefault {
			if value != nil && !sameValue(v.Default, value) {
				return false
			}
		} else if value == nil {
			return false
		}
	}
	return true
}

// place finds the last value of each name, as a later keyword would overwrite.
func (s *sending) place(r *Rule) {
	if len(r.variables) > len(s.places) {
		s.places = make([]int32, len(r.variables))
	}
	for i := range r.variables {
		s.places[i] = -1
	}
	s.extra = false
	for j := range s.values {
		if i := r.index(s.values[j].Name); i >= 0 {
			s.places[i] = int32(j)
		} else {
			s.extra = true
		}
	}
}

// value of variable i, nil if there is none.
func (s *sending) value(i int) any {
	if j := s.places[i]; j >= 0 {
		return s.values[j].Value
	}
	return nil
}

// sent are values placed for a rule that has been chosen already.
func (r *Rule) sent(values []Pair) sending {
	s := sending{values: values}
	s.place(r)
	return s
}

// appendSteps writes the domain or the path.
func (r *Rule) appendSteps(dst []byte, steps []step, s sending) ([]byte, error) {
	var err error
	for i := range steps {
		st := &steps[i]
		if st.variable < 0 {
			dst = append(dst, st.text...)
			continue
		}
		v := &r.variables[st.variable]
		if dst, err = v.def.appendURL(dst, s.value(st.variable)); err != nil {
			var wrong *ValueError
			if errors.As(err, &wrong) {
				err = &ValueError{r.Endpoint, v.Name, wrong.WrongType, wrong.Reason}
			}
			return dst, err
		}
	}
	return dst, nil
}

// appendURL writes one value, with the frequent types first.
func (d *Definition) appendURL(dst []byte, value any) ([]byte, error) {
	if d.Converter == nil {
		if s, ok := value.(string); ok {
			return appendQuoted(dst, s, pathSafe), nil
		}
		var small [64]byte
		return appendQuoted(dst, string(appendText(small[:0], value)), pathSafe), nil
	}
	if n, ok := value.(int); ok && d.shape.kind == shapeInt && d.shape.number.fixed == 0 {
		return strconv.AppendInt(dst, int64(n), 10), nil
	}
	text, err := d.Converter.Format(value)
	return append(dst, text...), err
}

// appendQuery writes what the rule has no place for, after a "?" if there is anything.
func (r *Rule) appendQuery(dst []byte, values []Pair, sorted bool) []byte {
	var extra []Pair
	for i := range values {
		if p := values[i]; p.Value != nil && r.index(p.Name) < 0 && !overwritten(values[i+1:], p.Name) {
			extra = append(extra, p)
		}
	}
	if len(extra) == 0 {
		return dst
	}
	start := len(dst)
	dst = appendEncoded(append(dst, '?'), extra, sorted)
	if len(dst) == start+1 {
		return dst[:start]
	}
	return dst
}

func overwritten(later []Pair, name string) bool {
	for i := range later {
		if later[i].Name == name {
			return true
		}
	}
	return false
}

// EncodeQuery writes values as a query, without "?": lists repeat their name, nil is left
// out, a space becomes "+". Source: Werkzeug's _urlencode.
func EncodeQuery(values []Pair) string { return string(appendEncoded(nil, values, false)) }

func appendEncoded(dst []byte, values []Pair, sorted bool) []byte {
	flat := make([]Pair, 0, len(values))
	for _, p := range values {
		flat = appendItems(flat, p)
	}
	if sorted {
		slices.SortStableFunc(flat, comparePairs)
	}
	first := true
	for _, p := range flat {
		if p.Value == nil {
			continue
		}
		if !first {
			dst = append(dst, '&')
		}
		first = false
		dst = append(appendQueryText(dst, p.Name), '=')
		dst = appendQueryText(dst, string(appendText(nil, p.Value)))
	}
	return dst
}

// comparePairs compares as Python compares tuples: by name, then by value.
func comparePairs(a, b Pair) int {
	if c := strings.Compare(a.Name, b.Name); c != 0 {
		return c
	}
	x, okx := number(a.Value)
	y, oky := number(b.Value)
	if okx && oky {
		return x.Cmp(y)
	}
	return strings.Compare(string(appendText(nil, a.Value)), string(appendText(nil, b.Value)))
}
