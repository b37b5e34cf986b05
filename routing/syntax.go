package routing

import (
	"fmt"
	"regexp"
	"strings"
)

// A token is one piece of a rule's text, after Werkzeug's _part_re:
//
//	/users/<int(min=1):id>.json
//	│└static┘└──variable──┘└static
//	slash
type token struct {
	kind      tokenKind
	text      string // static text, or the variable's name
	converter string // "default" if the rule names none
	arguments string // between the parentheses, unparsed
	offset    int    // in bytes, for messages
}

type tokenKind uint8

const (
	tokenSlash tokenKind = iota
	tokenStatic
	tokenVariable
)

// A syntaxError is what is wrong with a rule's text, and how to put it right.
type syntaxError struct {
	kind   Fault
	reason string
	hint   string
}

func (e *syntaxError) Error() string { return e.reason }

// tokenize appends the tokens of rule text to tokens. A lone ">" is static text, a lone "<" an error.
func tokenize(tokens []token, rule string) ([]token, error) {
	for pos := 0; pos < len(rule); {
		switch rule[pos] {
		case '/':
			tokens = append(tokens, token{kind: tokenSlash, offset: pos})
			pos++
		case '<':
			t, end, ok := variableToken(rule, pos)
			if !ok {
				return nil, malformed(rule, pos)
			}
			tokens = append(tokens, t)
			pos = end
		default:
			end := pos + strings.IndexAny(rule[pos:], "</")
			if end < pos {
				end = len(rule)
			}
			tokens = append(tokens, token{kind: tokenStatic, text: rule[pos:end], offset: pos})
			pos = end
		}
	}
	return tokens, nil
}

func malformed(rule string, pos int) error {
	return &syntaxError{
		kind:   FaultSyntax,
		reason: "malformed url rule: " + pyRepr(rule),
		hint:   fmt.Sprintf("a variable is written <name>, <converter:name> or <converter(arguments):name>, with ASCII names and no spaces around them (see byte %d)", pos),
	}
}

// variableToken reads "<converter(arguments):name>" at pos and returns where it ends.
func variableToken(rule string, pos int) (token, int, bool) {
	first := pos + 1
	end := identifierEnd(rule, first)
	if end == first || end == len(rule) {
		return token{}, 0, false
	}
	t := token{kind: tokenVariable, converter: "default", offset: pos}
	switch rule[end] {
	case '>':
		t.text = rule[first:end]
		return t, end + 1, true
	case ':':
		t.converter = rule[first:end]
		name, after, ok := nameAndClose(rule, end+1)
		t.text = name
		return t, after, ok
	case '(':
		t.converter = rule[first:end]
		return argumentsToken(rule, end+1, t)
	}
	return token{}, 0, false
}

// argumentsToken ends the arguments at the first ")" after which the variable is complete,
// so that a ")" may stand in a quoted argument.
func argumentsToken(rule string, start int, t token) (token, int, bool) {
	for i := start; i < len(rule) && rule[i] != '\n'; i++ {
		if rule[i] != ')' || i+1 == len(rule) || rule[i+1] != ':' {
			continue
		}
		if name, after, ok := nameAndClose(rule, i+2); ok {
			t.text, t.arguments = name, rule[start:i]
			return t, after, true
		}
	}
	return token{}, 0, false
}

func nameAndClose(rule string, start int) (name string, after int, ok bool) {
	end := identifierEnd(rule, start)
	if end == start || end == len(rule) || rule[end] != '>' {
		return "", 0, false
	}
	return rule[start:end], end + 1, true
}

func identifierEnd(s string, start int) int {
	i := start
	for i < len(s) && (isLetter(s[i]) || s[i] == '_' || (i > start && isDigit(s[i]))) {
		i++
	}
	return i
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }

// isToken tells whether a method is one that a request can have: RFC 9110 section 5.6.2.
func isToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isLetter(c) && !isDigit(c) && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}

// foldSlashes replaces each run of "/" by one; without a run it allocates nothing.
func foldSlashes(s string) string {
	if !strings.Contains(s, "//") {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := range len(s) {
		if s[i] != '/' || i == 0 || s[i-1] != '/' {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// Arguments are what a rule gives a converter: <int(2, max=9):n> is Positional [2],
// Named [{max 9}]. A value is nil, a bool, an int, a float64 or a string.
//
// Source: Werkzeug parse_converter_args. As there, numbers are recognised by their look alone
// ("1e3" is 1000.0) and there are no negative ones.
type Arguments struct {
	Positional []any  // in order; nil means none
	Named      []Pair // in order of their first mention; of two the later counts
}

// argumentPattern is Werkzeug's _converter_args_re, whose oddities (the dot that stands for
// any character in \d+.\d+) decide what is one argument and so have to be kept.
var argumentPattern = regexp.MustCompile(`[\s\p{Z}]*(?:([\p{L}\p{N}_]+)[\s\p{Z}]*=[\s\p{Z}]*)?` +
	`(True|False|\p{Nd}+.\p{Nd}+|\p{Nd}+.|\p{Nd}+|[\p{L}\p{N}_.]+|[urUR]?("[^"]*?"|'[^']*'))[\s\p{Z}]*,`)

func parseArguments(text string) (Arguments, error) {
	var args Arguments
	if text == "" {
		return args, nil
	}
	text += ","
	pos := 0
	for _, m := range argumentPattern.FindAllStringSubmatchIndex(text, -1) {
		if m[0] != pos {
			return args, &syntaxError{
				kind:   FaultArgument,
				reason: "Cannot parse converter argument '" + text[pos:m[0]] + "'",
				hint:   "arguments are words, numbers, True, False or quoted text, separated by commas",
			}
		}
		pos = m[1]
		value := pythonize(argumentText(text, m))
		if m[2] < 0 {
			args.Positional = append(args.Positional, value)
			continue
		}
		args.Named = setPair(args.Named, text[m[2]:m[3]], value)
	}
	return args, nil
}

func argumentText(text string, m []int) string {
	if m[6] >= 0 {
		return text[m[6]:m[7]]
	}
	return text[m[4]:m[5]]
}

func setPair(pairs []Pair, name string, value any) []Pair {
	for i := range pairs {
		if pairs[i].Name == name {
			pairs[i].Value = value
			return pairs
		}
	}
	return append(pairs, Pair{name, value})
}

// pythonize recognises a constant, an int or a float by its look; all else is text.
func pythonize(s string) any {
	switch s {
	case "None":
		return nil
	case "True":
		return true
	case "False":
		return false
	}
	if digits, ok := pyInt(s); ok {
		if n, ok := smallInt(digits); ok {
			return n
		}
	}
	if f, ok := pyFloat(s); ok {
		return f
	}
	if len(s) > 1 && s[0] == s[len(s)-1] && (s[0] == '"' || s[0] == '\'') {
		return s[1 : len(s)-1]
	}
	return s
}
