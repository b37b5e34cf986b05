package routing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A Verdict is what a rule has to say to a request.
type Verdict string

// The verdicts.
const (
	VerdictMatches   Verdict = "matches"    // it answers
	VerdictRedirects Verdict = "redirects"  // it answers with a redirect: a slash is missing, or another URL is the canonical one
	VerdictLater     Verdict = "later"      // it would answer, but a rule that is tried before it does
	VerdictPath      Verdict = "path"       // static text differs, or the path is too short or too long
	VerdictSlash     Verdict = "slash"      // all fits but for a slash at the end that is too many
	VerdictConverter Verdict = "converter"  // a segment is not of the form that a converter takes
	VerdictValue     Verdict = "value"      // of that form, but the converter refuses the value: no other rule is tried then
	VerdictMethod    Verdict = "method"     // all fits but the method
	VerdictDomain    Verdict = "host"       // the subdomain or the host
	VerdictWebsocket Verdict = "websocket"  // all fits, but one is a websocket's handshake and the other is not
	VerdictCondition Verdict = "condition"  // all fits, but a condition (Rule.When) does not hold
	VerdictBuildOnly Verdict = "build only" // it builds URLs and matches none
)

// An Attempt is a rule with its verdict on a request.
type Attempt struct {
	Rule    *Rule   // the map's own; read it only
	Verdict Verdict // VerdictMatches for the one that Find takes
	// Reason says the verdict in words: `"abc" does not fit <int:id>`.
	Reason string
	// Text is what stands in the path where the rule refused, and Variable the name of the variable that it was for; "" if
	// it is not about a segment, or none.
	Text, Variable string
}

// An Explanation is how a map decides about a request.
type Explanation struct {
	// Attempts are all rules in the order in which they are tried; those that build only come last.
	Attempts []Attempt
	// Match is what Find finds, and Err what it returns.
	Match Match
	Err   error // nil, *NotFound, *MethodNotAllowed or *RequestRedirect

	path string
}

// Explain finds a request as Find does, with the same arguments, and says of each rule why it answers or does not. It is for
// people who look for a mistake, and takes time with the number of rules. Converters and conditions of the user's are called for
// every rule that they belong to and that fits so far. It compiles the map. Safe for concurrent use.
func (m *Map) Explain(ctx context.Context, domain, method, path string, websocket bool) *Explanation {
	e := &Explanation{path: oneLeadingSlash(path)}
	e.Err = m.Find(ctx, &e.Match, domain, method, path, websocket)
	q := request{ctx: ctx, domain: domain, method: strings.ToUpper(method), path: e.path, websocket: websocket}
	q.bit = m.methods.bit(q.method) | anyMethod
	taken := false
	for _, r := range m.tried() {
		a := m.attempt(r, &search{request: q})
		switch answers := a.Verdict == VerdictMatches || a.Verdict == VerdictRedirects; {
		case answers && taken:
			a.Verdict, a.Reason = VerdictLater, "it fits too, but a rule that is tried before it decides"
		case answers || a.Verdict == VerdictValue:
			taken = true
		}
		e.Attempts = append(e.Attempts, a)
	}
	return e
}

// tried are the rules in the machine's order.
func (m *Map) tried() []*Rule {
	rules := make([]*Rule, 0, len(m.rules))
	for _, en := range m.muxTable().entries {
		if en.way == exactly {
			rules = append(rules, en.rule)
		}
	}
	for _, r := range m.rules {
		if r.BuildOnly {
			rules = append(rules, r)
		}
	}
	return rules
}

// attempt is one rule on its own.
func (m *Map) attempt(r *Rule, s *search) Attempt {
	a := Attempt{Rule: r}
	if r.BuildOnly {
		return a.say(VerdictBuildOnly, "it only builds URLs")
	}
	missing, ok := a.walk(s)
	if !ok {
		return a
	}
	switch {
	case !r.allows(s.bit):
		return a.say(VerdictMethod, "it takes "+strings.Join(r.methods, ", ")+", not "+s.method)
	case r.Websocket != s.websocket && r.Websocket:
		return a.say(VerdictWebsocket, "it is for websockets")
	case r.Websocket != s.websocket:
		return a.say(VerdictWebsocket, "it is not for websockets")
	case !s.holds(r):
		return a.say(VerdictCondition, "a condition on the request does not hold")
	case missing && r.strict:
		return a.say(VerdictRedirects, "it ends with a slash: redirects to "+s.path+"/")
	}
	if missing {
		s.path += "/"
	}
	return a.settle(m, s)
}

// settle asks the converters, and for redirects.
func (a Attempt) settle(m *Map, s *search) Attempt {
	var dst Match
	dst.Rule, dst.path, dst.domain = a.Rule, s.path, s.domain
	dst.noteAll()
	err := m.settle(s.ctx, &dst, s.bit)
	var moved *RequestRedirect
	switch {
	case err == nil:
		return a.say(VerdictMatches, "it fits")
	case errors.As(err, &moved):
		return a.say(VerdictRedirects, moved.reason())
	case err != errInvalid:
		return a.say(VerdictMatches, "it fits, and its converter ends the request: "+err.Error())
	}
	for _, i := range a.Rule.checks {
		if dst.check(s.ctx, i) != nil {
			a.Text, a.Variable = dst.Text(i), a.Rule.variables[i].Name
			break
		}
	}
	return a.say(VerdictValue, fmt.Sprintf("%q is refused by %s", a.Text, a.Rule.variableText(a.Variable)))
}

func (e *RequestRedirect) reason() string {
	switch {
	case e.alias:
		return "it is an alias: redirects to the endpoint's own URL"
	case e.canonical != nil:
		return "its values are the defaults of " + e.canonical.Rule + ": redirects there"
	}
	return "it fits, and redirects"
}

func (a Attempt) say(v Verdict, reason string) Attempt {
	a.Verdict, a.Reason = v, reason
	return a
}

func (a *Attempt) refuse(v Verdict, format string, args ...any) bool {
	*a = a.say(v, fmt.Sprintf(format, args...))
	return false
}

// walk goes through the rule's parts as the machine would; missing says that all of them fit but that the path lacks the slash.
func (a *Attempt) walk(s *search) (missing, ok bool) {
	pos := domainNext
	parts := a.Rule.parts
	for i := range parts {
		p := &parts[i]
		if pos > len(s.path) {
			if p.static && p.text == "" && i == len(parts)-1 {
				return true, true
			}
			return false, a.refuse(VerdictPath, "the path ends before %s", a.Rule.partText(i))
		}
		next, ok := a.step(i, pos, s)
		if !ok {
			return false, false
		}
		pos = next
	}
	if pos > len(s.path) {
		return false, true
	}
	a.Text = s.path[pos:]
	switch {
	case a.Text != "":
		return false, a.refuse(VerdictPath, "the path goes on with %q", a.Text)
	case a.Rule.strict:
		return false, a.refuse(VerdictSlash, "the path has a slash at its end, the rule has none")
	}
	return false, true
}

// step compares part i with what stands at pos, and says where the next one begins.
func (a *Attempt) step(i, pos int, s *search) (next int, ok bool) {
	p := &a.Rule.parts[i]
	text, after := s.domain, 0
	if pos >= 0 {
		after = segmentEnd(s.path, pos) + 1
		text = s.path[pos : after-1]
	}
	if p.static && text == p.text {
		return after, true
	}
	if p.final && pos >= 0 {
		after, text = len(s.path)+1, s.path[pos:]
	}
	rest, slash, fits := p.splitSuffix(text)
	if !p.static && fits && p.match(rest, nil) {
		if slash {
			after = len(s.path)
		}
		return after, true
	}
	a.Text = text
	switch {
	case pos < 0 && text == "":
		return 0, a.refuse(VerdictDomain, "it is for the host part %q, and the request has none", a.Rule.domain)
	case pos < 0:
		return 0, a.refuse(VerdictDomain, "it is for the host part %q, not %q", a.Rule.domain, text)
	case p.static:
		return 0, a.refuse(VerdictPath, "%q is not %q", text, p.text)
	case text == "":
		return 0, a.refuse(VerdictPath, "nothing stands there for %s", a.Rule.partText(i))
	}
	if p.vars == 1 {
		a.Variable = a.Rule.variables[p.first].Name
	}
	return 0, a.refuse(VerdictConverter, "%q does not fit %s", text, a.Rule.partText(i))
}

// partText is a part as the rule writes it.
func (r *Rule) partText(i int) string {
	p := &r.parts[i]
	if p.static {
		return fmt.Sprintf("%q", p.text)
	}
	var b strings.Builder
	slot := p.first
	for _, piece := range p.pieces {
		if piece.def == nil {
			b.WriteString(piece.text)
			continue
		}
		b.WriteString(r.variableText(r.variables[slot].Name))
		slot++
	}
	return b.String()
}

// variableText is a variable as the rule writes it: with its converter, and the arguments of that.
func (r *Rule) variableText(name string) string {
	for _, text := range []string{r.domain, r.Rule} {
		for rest := text; ; {
			_, inner, ok := strings.Cut(rest, "<")
			if !ok {
				break
			}
			rest = inner
			end := strings.IndexByte(inner, '>')
			if end >= 0 && (inner[:end] == name || strings.HasSuffix(inner[:end], ":"+name)) {
				return "<" + inner[:end] + ">"
			}
		}
	}
	return "<" + name + ">"
}

// Nearest are the attempts that come closest to the request, at most n, the closest first: those that only a method, a slash, a
// value or a condition keeps away, then by how much of the path is alike.
func (e *Explanation) Nearest(n int) []Attempt {
	nearest := slices.DeleteFunc(slices.Clone(e.Attempts), func(a Attempt) bool { return a.Verdict == VerdictBuildOnly })
	scores := make(map[*Rule]float64, len(nearest))
	for _, a := range nearest {
		scores[a.Rule] = e.score(a)
	}
	slices.SortStableFunc(nearest, func(a, b Attempt) int { return cmp.Compare(scores[b.Rule], scores[a.Rule]) })
	return nearest[:min(n, len(nearest))]
}

func (e *Explanation) score(a Attempt) float64 {
	near := 0.0
	switch a.Verdict {
	case VerdictPath, VerdictDomain:
	case VerdictConverter:
		near = 0.25
	default:
		near = 2
	}
	return near + a.Rule.alike(strings.Split(limit(e.path), "/"))
}

// alike is how much of the path the rule would take if it did not mind the rest, segment by segment: 1 for all of it.
func (r *Rule) alike(segments []string) float64 {
	same := 0.0
	parts := r.parts[1:]
	for i := range min(len(parts), len(segments)) {
		switch p := &parts[i]; {
		case p.static:
			same += likeness(limit(p.text), segments[i])
		case p.final:
			if p.match(strings.Join(segments[i:], "/"), nil) {
				return (same + 1) / float64(i+1)
			}
		case p.match(segments[i], nil):
			same++
		}
	}
	return same / float64(max(len(parts), len(segments)))
}

// limit keeps the comparison of a hostile path from taking long.
func limit(s string) string { return s[:min(len(s), 200)] }
