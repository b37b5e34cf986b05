package routing

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A part is what one step of the machine consumes. "/users/<int:id>-<name>/x" on no domain is
//
//	""          static: the domain
//	""          static: what stands before the first slash
//	"users"     static
//	<id>-<name> dynamic: pieces <id>, "-", <name>
//	"x"         static
//
// A variable that spans segments makes its part final: the part takes the rest of the rule,
// slashes and all. If that ends with "/", the part is suffixed: it matches with and without
// the slash, and an empty static part follows, so that the slash redirect works as elsewhere.
//
// Source: Werkzeug RulePart.
type part struct {
	*form
	text  string // of a static part
	first int    // index of the part's first variable in the rule
}

// A form is what a part is wherever it stands. Static parts share one, and so do the parts
// that are nothing but a variable of one and the same plain converter.
type form struct {
	static   bool
	final    bool
	suffixed bool
	never    bool // a suffixed part after another slash
	separate bool // see separates
	vars     int  // how many variables it has
	pieces   []piece
	weight   weight
	identity string         // equal for parts that lead to one state
	pattern  *regexp.Regexp // if a piece has a regexp of the user's
}

var staticForm = &form{static: true}

// A piece is static text, or a variable if def is not nil.
type piece struct {
	text string
	def  *Definition
}

// A weight decides which dynamic part is tried first, the smaller; fields in this order.
type weight struct {
	statics    int   // negative number of static pieces
	lengths    []int // their negative lengths in code points
	vars       int   // negative number of variables
	converters []int
}

func compareWeights(a, b *weight) int {
	return cmp.Or(
		cmp.Compare(a.statics, b.statics),
		slices.Compare(a.lengths, b.lengths),
		cmp.Compare(a.vars, b.vars),
		slices.Compare(a.converters, b.converters),
	)
}

// A partReader gathers tokens into parts. It is used for all rules of a map in turn, so that
// the slices of its open form are made once.
type partReader struct {
	parts []part
	text  string // of the open part before its first variable
	open  form
	first int // index of the open part's first variable
	next  int // index of the next variable
	err   error
}

// reset begins a rule whose parts will be appended to parts.
func (p *partReader) reset(parts []part) {
	p.clear()
	p.parts, p.next, p.err = parts, 0, nil
}

// clear begins a part.
func (p *partReader) clear() {
	p.text, p.first = "", 0
	w := weight{lengths: p.open.weight.lengths[:0], converters: p.open.weight.converters[:0]}
	p.open = form{pieces: p.open.pieces[:0], weight: w}
}

// slash ends the part, unless it is final.
func (p *partReader) slash() {
	if p.open.final {
		p.open.addText("/")
		return
	}
	p.close()
}

func (p *partReader) static(text string) {
	if p.open.vars == 0 {
		p.text = text // the part's whole text, if no variable comes
		return
	}
	p.open.weigh(text)
	p.open.addText(text)
}

func (f *form) weigh(text string) {
	f.weight.statics--
	f.weight.lengths = append(f.weight.lengths, -utf8.RuneCountInString(text))
}

func (f *form) addText(text string) {
	if n := len(f.pieces); n > 0 && f.pieces[n-1].def == nil {
		f.pieces[n-1].text += text
		return
	}
	f.pieces = append(f.pieces, piece{text: text})
}

func (f *form) addVariable(def *Definition) {
	f.vars++
	f.final = f.final || def.Spans == SpansAlways
	f.weight.vars--
	f.weight.converters = append(f.weight.converters, def.Weight)
	f.pieces = append(f.pieces, piece{def: def})
}

func (p *partReader) variable(def *Definition) {
	if p.open.vars == 0 {
		p.first = p.next
		if p.text != "" {
			p.open.weigh(p.text)
			p.open.addText(p.text)
			p.text = ""
		}
	}
	p.next++
	p.open.addVariable(def)
}

func (p *partReader) close() {
	p.parts = append(p.parts, part{p.form(), p.text, p.first})
	p.clear()
}

// form is that of the open part.
func (p *partReader) form() *form {
	o := &p.open
	switch {
	case o.vars == 0:
		return staticForm
	case len(o.pieces) == 1 && !o.suffixed && o.pieces[0].def.alone != nil:
		return o.pieces[0].def.alone
	}
	f := *o
	f.pieces = slices.Clone(o.pieces)
	f.weight.lengths, f.weight.converters = slices.Clone(o.weight.lengths), slices.Clone(o.weight.converters)
	if err := f.finish(); err != nil {
		p.err = err
	}
	return &f
}

// newLoneForm is the form of parts that are this variable and nothing else.
func newLoneForm(def *Definition) (*form, error) {
	f := &form{}
	f.addVariable(def)
	return f, f.finish()
}

// end closes the last part and splits a suffix off.
func (p *partReader) end() {
	o := &p.open
	if n := len(o.pieces); o.final && o.pieces[n-1].def == nil && strings.HasSuffix(o.pieces[n-1].text, "/") {
		o.suffixed = true
		last := &o.pieces[n-1]
		last.text = strings.TrimSuffix(last.text, "/")
		o.never = strings.HasSuffix(last.text, "/")
		if last.text == "" {
			o.pieces = o.pieces[:n-1]
		}
	}
	suffixed := o.suffixed
	p.close()
	if suffixed {
		p.close()
	}
}

// finish works out what depends on the whole part.
func (f *form) finish() error {
	var b strings.Builder
	custom := false
	for _, piece := range f.pieces {
		if piece.def == nil {
			b.WriteString(regexp.QuoteMeta(piece.text))
			continue
		}
		b.WriteString("(" + piece.def.Regexp + ")")
		custom = custom || piece.def.shape.kind == shapeRegexp
	}
	text := b.String()
	f.identity = text + "\x00" + f.weight.key() + boolKey(f.final) + boolKey(f.suffixed)
	f.separate = f.separates()
	if !custom {
		return nil
	}
	var err error
	f.pattern, err = regexp.Compile(`\A(?:` + text + `)\z`)
	return err
}

func (w *weight) key() string {
	b := make([]byte, 0, 32)
	for _, list := range [][]int{{w.statics, w.vars}, w.lengths, w.converters} {
		for _, n := range list {
			b = append(strconv.AppendInt(b, int64(n), 10), ' ')
		}
		b = append(b, ';')
	}
	return string(b)
}

func boolKey(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// splitSuffix takes the optional slash of a suffixed part off the text. What is left must not
// end with another one: (?<!/)(/?) in Werkzeug.
func (f *form) splitSuffix(text string) (rest string, slash, ok bool) {
	if !f.suffixed {
		return text, false, true
	}
	rest, slash = strings.CutSuffix(text, "/")
	return rest, slash, !f.never && !strings.HasSuffix(rest, "/")
}
