package routing

import (
	"math/bits"
	"slices"
	"strings"
)

// An index is the machine that a map's rules are compiled to. For
//
//	/users/           /users/<int:id>      /users/<id>/posts      /<page>
//
// it is this tree; a step consumes the domain or what stands between two slashes:
//
//	(domain "")── ""─┬─"users"─┬─ ""          rule /users/
//	                 │         ├─<int:id>     rule /users/<int:id>
//	                 │         └─<id>──"posts" rule /users/<id>/posts
//	                 └─<page>                 rule /<page>
//
// At each state the static step is tried first, then the dynamic ones by weight. A state is
// reached in one way only, so that a search visits it once at most, however it backtracks.
//
// Source: Werkzeug StateMachineMatcher.
type index struct {
	m      *Map
	root   *state
	start  *state // after an empty domain and the first slash; nil if nothing is there
	forked bool   // one of the states before start is
	whole  wholePaths
	merge  bool
}

// A state is what is known after some steps.
type state struct {
	only    onlyStep
	static  table
	text    *edge // the first dynamic step, if it takes any segment that is not empty
	dynamic []edge
	// leaves are the walk's way out: the rules as far as it takes no more to choose among them
	// than to compare methods.
	leaves []leaf
	forked bool              // a search might find more than the walk, which tries one step
	misses *MethodNotAllowed // what a path that ends here is answered, if no leaf takes its method; nil if that takes a search
	loose  bool              // some rule here also takes one more slash
	rules  []*Rule           // whose parts end here, in the order of registration
	slash  *state            // the step for an empty segment: what a trailing slash leads to
}

// An onlyStep is a state's static step if there is no other, together with those after it of
// which the same is true: "a/b/c". Static steps are tried first, so if the path goes on with
// this text, this is the way. The text is empty if there are several steps or none.
type onlyStep struct {
	text   string
	head   uint64 // its first eight bytes, and which of them there are
	mask   uint64
	tail   uint64 // its last eight, if there are more
	next   *state
	forked bool // one of the states in between is
}

func newOnlyStep(children []slot) onlyStep {
	if len(children) != 1 || children[0].text == "" {
		return onlyStep{mask: ^uint64(0)}
	}
	o := onlyStep{text: children[0].text, next: children[0].next}
	if after := &o.next.only; after.text != "" {
		o = onlyStep{text: o.text + "/" + after.text, next: after.next, forked: o.next.forked || after.forked}
	}
	if n := len(o.text); n >= 8 {
		o.head, o.mask, o.tail = load8(o.text, 0), ^uint64(0), load8(o.text, n-8)
	} else {
		o.head, o.mask = loadTail(o.text), 1<<(n*8)-1
	}
	return o
}

// sameMiddle compares what the head and the tail leave of a text.
func (o *onlyStep) sameMiddle(text string) bool { return text[8:len(text)-8] == o.text[8:len(text)-8] }

// A leaf is a rule with its methods, those for any method with all bits set.
type leaf struct {
	mask    methodMask
	rule    *Rule
	settled bool // the rule's own, here to be near
}

// An edge is a dynamic step.
type edge struct {
	quick shapeKind // shapeText: a whole segment of one or more bytes; shapeInt: of digits; else see form
	final bool
	first int // index of its first variable
	form  *form
	next  *state
}

func newIndex(m *Map) *index {
	b := &indexBuilder{}
	b.root = b.draft()
	for _, r := range m.rules {
		r.prepareMatch()
		if !r.BuildOnly {
			b.add(r)
		}
	}
	ix := &index{m: m, merge: !m.opts.KeepSlashes}
	b.states = make([]state, 0, b.count)
	ix.root = b.freeze(b.root)
	if s := ix.root.static.find(""); s != nil && !m.opts.MuxOnly {
		ix.start = s.static.find("")
		ix.forked = ix.root.forked || s.forked
	}
	for _, rules := range m.byEndpoint {
		linkCanonical(m, rules)
	}
	for _, r := range m.rules {
		r.settled = r.settled && len(r.canonical) == 0
	}
	for i := range b.states {
		b.noteLeaves(&b.states[i])
		b.states[i].noteMisses(m)
	}
	if ix.start != nil {
		ix.whole = newWholePaths(ix.start, m.rules)
	}
	return ix
}

// prepareMatch works out what is left to do when the rule has matched.
func (r *Rule) prepareMatch() {
	r.settled = len(r.checks) == 0 && !r.Alias && r.RedirectTo == nil
	r.direct = r.fromRule <= maxSpans
	for i := range r.parts {
		p := &r.parts[i]
		if p.static {
			continue
		}
		r.direct = r.direct && p.vars == 1 && p.pattern == nil && i > 0
	}
	r.plain = r.isPlain()
	if r.When != nil {
		r.condition = newCondition(r)
	}
}

// linkCanonical finds for each rule those of its endpoint, before it in building order, that
// have defaults for the same variables.
func linkCanonical(m *Map, rules []*Rule) {
	if m.opts.KeepDefaults {
		return
	}
	var candidates []*Rule
	for _, r := range rules {
		for _, c := range candidates {
			if c.sameNames(r) && !c.sameTrace(r) {
				r.canonical = append(r.canonical, c)
			}
		}
		if !r.BuildOnly && len(r.Defaults) > 0 {
			candidates = append(candidates, r)
		}
	}
}

// A draft is a state while rules are added. Its steps are a list through next, which most
// often has one member.
type draft struct {
	text         string            // the static step that leads here
	part         *part             // or the dynamic one
	next         *draft            // of the same state
	static, last *draft            // steps from here, and the last of them
	dynamic      *draft            // the first dynamic step
	lookup       map[string]*draft // of static steps instead of a search, if there are many
	statics      int
	rules        []*Rule
	state        *state // that it has become
}

type indexBuilder struct {
	root    *draft
	count   int // of drafts
	drafts  arena[draft]
	rules   arena[*Rule]
	states  []state // for all drafts
	single  arena[slot]
	scratch []slot
	steps   arena[edge]
	leaves  arena[leaf]
}

func (b *indexBuilder) draft() *draft {
	b.count++
	return b.drafts.one()
}

func (b *indexBuilder) add(r *Rule) {
	d := b.root
	for i := range r.parts {
		if p := &r.parts[i]; p.static {
			d = b.step(d, p.text)
		} else {
			d = b.branch(d, p)
		}
	}
	if d.rules == nil {
		d.rules = b.rules.take(1)[:0]
	}
	d.rules = append(d.rules, r)
}

func (b *indexBuilder) step(d *draft, text string) *draft {
	if d.lookup != nil {
		if next := d.lookup[text]; next != nil {
			return next
		}
	}
	for s := d.static; s != nil && d.lookup == nil; s = s.next {
		if s.text == text {
			return s
		}
	}
	next := b.draft()
	next.text = text
	if d.last == nil {
		d.static = next
	} else {
		d.last.next = next
	}
	d.last = next
	d.note(next)
	return next
}

// note counts a static step, and makes a table when there are too many to go through.
func (d *draft) note(next *draft) {
	d.statics++
	switch {
	case d.lookup != nil:
		d.lookup[next.text] = next
	case d.statics > 16:
		d.lookup = make(map[string]*draft, 64)
		for s := d.static; s != nil; s = s.next {
			d.lookup[s.text] = s
		}
	}
}

// branch shares states between parts that are equal in all: text, shape and weight.
func (b *indexBuilder) branch(d *draft, p *part) *draft {
	at := &d.dynamic
	for ; *at != nil; at = &(*at).next {
		if e := *at; e.part.form == p.form || e.part.identity == p.identity {
			return e
		}
	}
	*at = b.draft()
	(*at).part = p
	return *at
}

// freeze makes the states. That of a draft comes before those of its steps, so that the states
// of one way lie side by side.
func (b *indexBuilder) freeze(d *draft) *state {
	b.states = b.states[:len(b.states)+1]
	s := &b.states[len(b.states)-1]
	s.rules = d.rules
	for _, r := range d.rules {
		s.loose = s.loose || !r.strict
	}
	for step := d.static; step != nil; step = step.next {
		step.state = b.freeze(step)
		if step.text == "" {
			s.slash = step.state
		}
	}
	slots := b.slots(d)
	s.only = newOnlyStep(slots)
	s.static = newTable(slots)
	s.dynamic = b.edges(d)
	if len(s.dynamic) > 0 && s.dynamic[0].quick == shapeText {
		s.text = &s.dynamic[0]
	}
	s.forked = s.isForked()
	return s
}

// slots are the static steps. A single one is its own table; of several newTable makes one.
func (b *indexBuilder) slots(d *draft) []slot {
	slots := b.scratch[:0]
	if d.statics <= 1 {
		slots = b.single.take(d.statics)[:0]
	}
	for step := d.static; step != nil; step = step.next {
		slots = append(slots, newSlot(step.text, step.state))
	}
	if d.statics > 1 {
		b.scratch = slots
	}
	return slots
}

// edges are the dynamic steps in the order in which they are tried.
func (b *indexBuilder) edges(d *draft) []edge {
	n := 0
	for step := d.dynamic; step != nil; step = step.next {
		n++
	}
	edges := b.steps.take(n)
	i := 0
	for step := d.dynamic; step != nil; step = step.next {
		edges[i] = newEdge(step.part, b.freeze(step))
		i++
	}
	slices.SortStableFunc(edges, func(x, y edge) int { return compareWeights(&x.form.weight, &y.form.weight) })
	return edges
}

func newEdge(p *part, next *state) edge {
	e := edge{quick: shapeRegexp, final: p.final, first: p.first, form: p.form, next: next}
	if len(p.pieces) == 1 && !p.suffixed {
		switch sh := p.pieces[0].def.shape; {
		case sh.kind == shapeText && sh.min == 1 && sh.max < 0:
			e.quick = shapeText
		case sh.kind == shapeInt && !sh.signed:
			e.quick = shapeInt
		}
	}
	return e
}

// noteLeaves marks where the walk can leave a state.
func (b *indexBuilder) noteLeaves(s *state) {
	s.leaves = b.leaves.take(len(s.rules))[:0]
	for _, r := range s.rules {
		if r.Websocket || r.condition != nil {
			return
		}
		mask := r.mask
		if mask == anyMethod {
			mask = ^methodMask(0)
		}
		s.leaves = append(s.leaves, leaf{mask, r, r.settled})
	}
}

// isForked tells whether a search might go on from the state in another way than the walk does.
func (s *state) isForked() bool {
	switch len(s.dynamic) {
	case 0:
		return s.loose
	case 1:
		return s.loose || len(s.static.slots) > 0 || s.dynamic[0].quick == shapeRegexp
	}
	return true
}

// noteMisses works out what the walk may answer if the state's rules do not take the method.
func (s *state) noteMisses(m *Map) {
	if len(s.rules) == 0 || len(s.leaves) < len(s.rules) || s.slash != nil {
		return
	}
	var mask methodMask
	for _, r := range s.rules {
		mask |= r.mask
	}
	if mask&anyMethod == 0 && mask != 0 {
		s.misses = m.noteRefusal(mask)
	}
}

// A table finds the state for a static segment by its signature. It is made so that hardly
// any look-up needs a second probe.
type table struct {
	slots  []slot // 0, 1 or a power of two
	factor uint64
	shift  uint8
}

type slot struct {
	signature  uint64
	head, tail uint64 // of a text of 8 to 16 bytes, all of it
	text       string
	next       *state // nil: the slot is empty
}

func newSlot(text string, next *state) slot {
	s := slot{signature: signature(text), text: text, next: next}
	if len(text) >= 8 {
		s.head, s.tail = load8(text, 0), load8(text, len(text)-8)
	}
	return s
}

// holds compares a text whose signature is the slot's. Up to 16 bytes it reads nothing but
// the slot, which saves a cache miss in a large table.
func (s *slot) holds(text string) bool {
	switch n := len(text); {
	case n < 8:
		return true // the signature is the text
	case n <= 16:
		return len(s.text) == n && s.head == load8(text, 0) && s.tail == load8(text, n-8)
	}
	return s.text == text
}

// signature of a segment: for up to 7 bytes the bytes themselves and their number, which
// tells it from any other; for more a hash, with the top bit set.
func signature(text string) uint64 {
	var sig uint64
	for len(text) >= 8 {
		sig = mixWord(sig, load8(text, 0))
		text = text[8:]
		if len(text) < 8 {
			return mixWord(sig, loadTail(text)) | longSegment
		}
	}
	return loadTail(text) | uint64(len(text))<<56
}

const longSegment = 1 << 63

func mixWord(sig, word uint64) uint64 {
	high, low := bits.Mul64(sig^word^0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9)
	return high ^ low
}

func load8(s string, i int) uint64 {
	_ = s[i+7]
	return uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
		uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
}

// loadTail loads fewer than 8 bytes, the rest 0. Two loads may overlap: they agree where they do.
func loadTail(s string) uint64 {
	n := len(s)
	switch {
	case n >= 4:
		return load4(s, 0) | load4(s, n-4)<<((n-4)*8)
	case n >= 2:
		return load2(s, 0) | load2(s, n-2)<<((n-2)*8)
	case n == 1:
		return uint64(s[0])
	}
	return 0
}

func load4(s string, i int) uint64 {
	_ = s[i+3]
	return uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24
}

func load2(s string, i int) uint64 { return uint64(s[i]) | uint64(s[i+1])<<8 }

// newTable tries factors until no two slots meet, and takes the best it has seen after a few.
func newTable(slots []slot) table {
	if len(slots) <= 1 {
		return table{slots: slots, shift: 64}
	}
	width := bits.Len(uint(len(slots)*2 - 1))
	best, fewest := uint64(0), len(slots)+1
	factor := uint64(0x9e3779b97f4a7c15)
	for range 32 {
		if met := collisions(slots, factor, width); met < fewest {
			best, fewest = factor, met
		}
		if fewest == 0 || len(slots) > 256 {
			break
		}
		factor = factor*0xd1342543de82ef95 + 2
	}
	t := table{slots: make([]slot, 1<<width), factor: best | 1, shift: uint8(64 - width)}
	for _, s := range slots {
		t.insert(s)
	}
	return t
}

func collisions(slots []slot, factor uint64, width int) int {
	var small [16]uint64
	taken := small[:]
	if need := 1 << width / 64; need > len(taken) {
		taken = make([]uint64, need)
	}
	met := 0
	for _, s := range slots {
		i := s.signature * (factor | 1) >> (64 - width)
		if taken[i/64]&(1<<(i%64)) != 0 {
			met++
		}
		taken[i/64] |= 1 << (i % 64)
	}
	return met
}

func (t *table) insert(s slot) {
	i := int(s.signature * t.factor >> t.shift)
	for t.slots[i].next != nil {
		i = (i + 1) & (len(t.slots) - 1)
	}
	t.slots[i] = s
}

// find is the look-up for one segment that is known; the walk has its own.
func (t *table) find(text string) *state { return t.get(signature(text), text) }

func (t *table) get(sig uint64, text string) *state {
	if len(t.slots) == 0 {
		return nil
	}
	for i := int(sig * t.factor >> t.shift); ; i++ {
		s := &t.slots[i&(len(t.slots)-1)]
		if s.next == nil {
			return nil
		}
		if s.signature == sig && s.holds(text) {
			return s.next
		}
		if len(t.slots) == 1 {
			return nil
		}
	}
}

// sameTrace is Werkzeug's equality of rules: static text and names of variables are the same.
func (r *Rule) sameTrace(o *Rule) bool { return r.trace() == o.trace() }

// trace is the rule without its converters; the texts have been read before.
func (r *Rule) trace() string {
	var b strings.Builder
	for _, text := range []string{r.domain, r.path()} {
		tokens, _ := tokenize(nil, text)
		for _, t := range tokens {
			b.WriteString([...]string{"/", t.text, "<" + t.text + ">"}[t.kind])
		}
		b.WriteString("|")
	}
	return b.String()
}
