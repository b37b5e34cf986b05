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
	static   bool
	final    bool
	suffixed bool
	never    bool   // a suffixed part after another slash
	text     string // of a static part
	pieces   []piece
	weight   weight
	identity string         // equal for parts that lead to one state
	pattern  *regexp.Regexp // if a piece has a regexp of the user's
	first    int            // index of the part's first variable in the rule
	vars     int            // how many it has
	separate bool           // see separates
}

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

// A partReader gathers tokens into parts.
type partReader struct {
	parts []part
	open  part
	next  int // index of the next variable
}

// slash ends the part, unless it is final.
func (p *partReader) slash() {
	if p.open.final {
		p.addText("/")
		return
	}
	p.close()
}

func (p *partReader) static(text string) {
	if p.open.vars == 0 {
		p.open.text = text // the part's whole text, if no variable comes
		return
	}
	p.weigh(text)
	p.addText(text)
}

func (p *partReader) weigh(text string) {
	p.open.weight.statics--
	p.open.weight.lengths = append(p.open.weight.lengths, -utf8.RuneCountInString(text))
}

func (p *partReader) addText(text string) {
	if n := len(p.open.pieces); n > 0 && p.open.pieces[n-1].def == nil {
		p.open.pieces[n-1].text += text
		return
	}
	p.open.pieces = append(p.open.pieces, piece{text: text})
}

func (p *partReader) variable(def *Definition) {
	if p.open.vars == 0 {
		p.open.first = p.next
		if p.open.text != "" {
			p.weigh(p.open.text)
			p.addText(p.open.text)
			p.open.text = ""
		}
	}
	p.next++
	p.open.vars++
	p.open.final = p.open.final || def.Spans == SpansAlways
	p.open.weight.vars--
	p.open.weight.converters = append(p.open.weight.converters, def.Weight)
	p.open.pieces = append(p.open.pieces, piece{def: def})
}

func (p *partReader) close() {
	p.open.static = p.open.vars == 0
	p.parts = append(p.parts, p.open)
	p.open = part{}
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

// finish works out what depends on the whole part, of dynamic parts only.
func (p *part) finish() error {
	if p.static {
		return nil
	}
	var b strings.Builder
	custom := false
	for _, piece := range p.pieces {
		if piece.def == nil {
			b.WriteString(regexp.QuoteMeta(piece.text))
			continue
		}
		b.WriteString("(" + piece.def.Regexp + ")")
		custom = custom || piece.def.shape.kind == shapeRegexp
	}
	text := b.String()
	p.identity = text + "\x00" + p.weight.key() + boolKey(p.final) + boolKey(p.suffixed)
	p.separate = p.separates()
	if !custom {
		return nil
	}
	var err error
	p.pattern, err = regexp.Compile(`\A(?:` + text + `)\z`)
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
func (p *part) splitSuffix(text string) (rest string, slash, ok bool) {
	if !p.suffixed {
		return text, false, true
	}
	rest, slash = strings.CutSuffix(text, "/")
	return rest, slash, !p.never && !strings.HasSuffix(rest, "/")
}
