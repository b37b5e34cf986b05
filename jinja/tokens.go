package jinja

import "strings"

// A tokenType is the type of a token by Jinja2's name: "name", "integer", "block_begin", or that
// of an operator.
type tokenType string

const (
	tokData          tokenType = "data"
	tokVariableBegin tokenType = "variable_begin"
	tokVariableEnd   tokenType = "variable_end"
	tokBlockBegin    tokenType = "block_begin"
	tokBlockEnd      tokenType = "block_end"
	tokName          tokenType = "name"
	tokString        tokenType = "string"
	tokInteger       tokenType = "integer"
	tokFloat         tokenType = "float"
	tokEOF           tokenType = "eof"
	tokError         tokenType = "error"
)

// A token is one word of a template. value is its text, decoded for strings and names.
type token struct {
	typ   tokenType
	value string
	line  int
	pos   int // byte offset in the normalised source, and its end
	end   int
	num   value  // of an integer or a float
	err   *Error // of an error: what the parser raises when it gets here
}

// operators by text. Those of two characters come first where one begins another.
var operators = map[string]tokenType{
	"+": "add", "-": "sub", "/": "div", "//": "floordiv", "*": "mul", "%": "mod", "**": "pow", "~": "tilde",
	"[": "lbracket", "]": "rbracket", "(": "lparen", ")": "rparen", "{": "lbrace", "}": "rbrace",
	"==": "eq", "!=": "ne", ">": "gt", ">=": "gteq", "<": "lt", "<=": "lteq", "=": "assign",
	".": "dot", ":": "colon", "|": "pipe", ",": "comma", ";": "semicolon",
}

var operatorText = func() map[tokenType]string {
	m := map[tokenType]string{}
	for text, typ := range operators {
		m[typ] = text
	}
	return m
}()

// describeType is how messages call a type of token.
func describeType(t tokenType) string {
	switch t {
	case tokVariableBegin:
		return "begin of print statement"
	case tokVariableEnd:
		return "end of print statement"
	case tokBlockBegin:
		return "begin of statement block"
	case tokBlockEnd:
		return "end of statement block"
	case tokData:
		return "template data / text"
	case tokEOF:
		return "end of template"
	}
	if s, ok := operatorText[t]; ok {
		return s
	}
	return string(t)
}

func (t *token) describe() string {
	if t.typ == tokName {
		return t.value
	}
	return describeType(t.typ)
}

// describeWant is how messages call what was expected: a type, or a name as "name:else".
func describeWant(want string) string {
	if name, ok := strings.CutPrefix(want, "name:"); ok {
		return name
	}
	return describeType(tokenType(want))
}

// is tests a token against a type or a "name:else".
func (t *token) is(want string) bool {
	if string(t.typ) == want {
		return true
	}
	return t.typ == tokName && len(want) > 5 && want[:5] == "name:" && want[5:] == t.value
}

func (t *token) isAny(wants ...string) bool {
	for _, w := range wants {
		if t.is(w) {
			return true
		}
	}
	return false
}
