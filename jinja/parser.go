package jinja

import (
	"fmt"
	"strings"
)

// A parser reads tokens into statements. It raises errors by panicking with *Error; parse recovers.
type parser struct {
	env    *Environment
	name   string
	src    string
	tokens []token
	i      int
	tags   []string   // the statements that are open
	ends   [][]string // what would close them
	depth  int
	late   *Error // an error that only counts if the whole text can be read
}

// maxNesting bounds how deeply a template's text may nest: its parser and its closures recurse.
const maxNesting = 150

// parse reads a template. The error is an *Error with its line and source line.
func parse(env *Environment, name, source string) (body []node, src string, err error) {
	tokens, src := lex(source, &env.opts)
	p := &parser{env: env, name: name, src: src, tokens: tokens}
	defer func() {
		if r := recover(); r != nil {
			e := asError(r)
			e.Template, e.Source = name, sourceLine(src, e.Line)
			err = e
		}
	}()
	p.check()
	if body = p.subparse(nil); p.late != nil {
		panic(p.late)
	}
	return body, src, nil
}

// sourceLine is a 1-based line of a source; "" if there is none.
func sourceLine(src string, line int) string {
	for ; line > 1; line-- {
		_, rest, ok := strings.Cut(src, "\n")
		if !ok {
			return ""
		}
		src = rest
	}
	if line < 1 {
		return ""
	}
	src, _, _ = strings.Cut(src, "\n")
	return src
}

func (p *parser) cur() *token { return &p.tokens[p.i] }

// check raises the lexer's error if the parser has come to it.
func (p *parser) check() {
	if t := p.cur(); t.typ == tokError {
		panic(t.err)
	}
}

// next moves on and gives the token it leaves. The eof is never left.
func (p *parser) next() *token {
	t := p.cur()
	if t.typ != tokEOF {
		p.i++
		p.check()
	}
	return t
}

func (p *parser) look() *token {
	if p.i+1 < len(p.tokens) {
		t := &p.tokens[p.i+1]
		if t.typ == tokError {
			panic(t.err)
		}
		return t
	}
	return p.cur()
}

func (p *parser) skipIf(want string) bool {
	if p.cur().is(want) {
		p.next()
		return true
	}
	return false
}

func (p *parser) expect(want string) *token {
	t := p.cur()
	if !t.is(want) {
		if t.typ == tokEOF {
			p.fail(t.line, "unexpected end of template, expected %s.", quoteName(describeWant(want)))
		}
		p.fail(t.line, "expected token %s, got %s", quoteName(describeWant(want)), quoteName(t.describe()))
	}
	return p.next()
}

func (p *parser) fail(line int, format string, args ...any) {
	p.failKind(syntaxError, line, format, args...)
}

// failLate is fail for what Jinja2 leaves to Python's compiler, which sees a template only after
// the parser has read all of it.
func (p *parser) failLate(line int, format string, args ...any) {
	if p.late == nil {
		p.late = &Error{Kind: syntaxError, Message: fmt.Sprintf(format, args...), Line: line}
	}
}

func (p *parser) failKind(kind string, line int, format string, args ...any) {
	defer func() {
		e := asError(recover())
		e.Line = line
		panic(e)
	}()
	throw(kind, format, args...)
}

// enter counts nesting; the function it returns leaves again.
func (p *parser) enter() {
	if p.depth++; p.depth > maxNesting {
		p.fail(p.cur().line, "the template nests more than %d levels deep", maxNesting)
	}
}

func (p *parser) leave() { p.depth-- }

// here is the place of the current token; until completes it with the end of the last one read.
func (p *parser) here() at {
	t := p.cur()
	return at{line: t.line, pos: t.pos, end: t.end}
}

func (p *parser) until(a at) at {
	if p.i > 0 {
		a.end = max(a.pos, p.tokens[p.i-1].end)
	}
	return a
}

// failUnknown raises the error for a tag that does not belong here, or for the end of the template
// where a statement is still open (tag is "").
func (p *parser) failUnknown(tag string, ends [][]string, line int) {
	var msg strings.Builder
	if tag == "" {
		msg.WriteString("Unexpected end of template.")
	} else {
		msg.WriteString("Encountered unknown tag " + quoteName(tag) + ".")
	}
	if len(ends) > 0 {
		last := quotedWants(ends[len(ends)-1])
		if tag != "" && wanted(ends, tag) {
			msg.WriteString(" You probably made a nesting mistake. Jinja is expecting this tag, but currently looking for " + last + ".")
		} else {
			msg.WriteString(" Jinja was looking for the following tags: " + last + ".")
		}
	}
	if n := len(p.tags); n > 0 {
		msg.WriteString(" The innermost block that needs to be closed is " + quoteName(p.tags[n-1]) + ".")
	}
	p.fail(line, "%s", msg.String())
}

func quotedWants(wants []string) string {
	var out []string
	for _, w := range wants {
		out = append(out, quoteName(describeWant(w)))
	}
	return strings.Join(out, " or ")
}

func wanted(ends [][]string, tag string) bool {
	for _, wants := range ends {
		for _, w := range wants {
			if describeWant(w) == tag {
				return true
			}
		}
	}
	return false
}

// statements reads the body of a statement, from the end of its head to one of ends.
func (p *parser) statements(drop bool, ends ...string) []node {
	p.skipIf("colon")
	p.expect("block_end")
	body := p.subparse(ends)
	if p.cur().typ == tokEOF {
		p.failUnknown("", append(p.ends, ends), p.cur().line)
	}
	if drop {
		p.next()
	}
	return body
}

// subparse reads text, prints and statements up to one of ends, or to the end of the template.
func (p *parser) subparse(ends []string) []node {
	p.enter()
	defer p.leave()
	if ends != nil {
		p.ends = append(p.ends, ends)
		defer func() { p.ends = p.ends[:len(p.ends)-1] }()
	}
	var body, data []node
	flush := func() {
		if len(data) > 0 {
			body = append(body, &outputNode{at: data[0].place(), items: data})
			data = nil
		}
	}
	for {
		switch t := p.cur(); t.typ {
		case tokData:
			data = append(data, &dataNode{at: p.here(), text: t.value})
			p.next()
		case tokVariableBegin:
			p.next()
			data = append(data, p.tuple(tupleOpts{cond: true}))
			p.expect("variable_end")
		case tokBlockBegin:
			flush()
			p.next()
			if p.cur().isAny(ends...) {
				return body
			}
			body = append(body, p.statement()...)
			p.expect("block_end")
		default:
			flush()
			return body
		}
	}
}

// parsers of the statements, by tag. It is filled by init: a statement contains statements.
var parsers map[string]func(p *parser) node

func init() {
	parsers = map[string]func(p *parser) node{
		"for": (*parser).parseFor, "if": (*parser).parseIf, "block": (*parser).parseBlock,
		"extends": (*parser).parseExtends, "print": (*parser).parsePrint, "macro": (*parser).parseMacro,
		"include": (*parser).parseInclude, "from": (*parser).parseFrom, "import": (*parser).parseImport,
		"set": (*parser).parseSet, "with": (*parser).parseWith, "autoescape": (*parser).parseAutoescape,
		"call": (*parser).parseCallBlock, "filter": (*parser).parseFilterBlock,
	}
}

func (p *parser) statement() []node {
	t := p.cur()
	if t.typ != tokName {
		p.fail(t.line, "tag name expected")
	}
	parse := parsers[t.value]
	if parse == nil {
		if parse = p.env.tags[t.value]; parse == nil {
			p.failUnknown(t.value, p.ends, t.line)
		}
	}
	p.tags = append(p.tags, t.value)
	n := parse(p)
	p.tags = p.tags[:len(p.tags)-1]
	if many, ok := n.(*manyNode); ok {
		return many.nodes
	}
	return []node{n}
}

// A manyNode is what an extension's tag gives when it stands for several statements.
type manyNode struct {
	at
	nodes []node
}
