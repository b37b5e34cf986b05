package routing

import (
	"errors"
	"fmt"
	"strings"
)

// ErrNotFound means that no rule matches the path: a 404.
var ErrNotFound = errors.New("routing: no rule matches the path")

// ErrWebsocketMismatch means that only websocket rules match a plain request, or only plain
// rules a websocket's: a 400. Source: Werkzeug WebsocketMismatch.
var ErrWebsocketMismatch = errors.New("routing: the path needs the other of http and websocket")

// ErrCompiled means that a rule came after the first match, Build or Compile: from then on
// the map is only read, and so safe for concurrent use.
var ErrCompiled = errors.New("routing: the map is compiled and takes no more rules; add all rules before the first request")

// ErrBadHost means that a server name is no host name: a 400. Source: Werkzeug BadHost.
var ErrBadHost = errors.New("routing: the server name is not a valid host name")

// MethodNotAllowed means that rules match the path and none of them the method: a 405.
// Allow is the union of their methods, sorted. It may be shared between requests: read it only.
type MethodNotAllowed struct {
	Allow []string // sorted, never empty
}

// Error names the methods that are allowed.
func (e *MethodNotAllowed) Error() string {
	return "routing: the path allows only " + strings.Join(e.Allow, ", ")
}

// A Fault tells what kind of mistake a RuleError is about.
type Fault uint8

const (
	FaultSyntax    Fault = iota // the rule's text
	FaultConverter              // a converter that the map does not have
	FaultArgument               // an argument that the converter does not take
	FaultType                   // an argument with which the rule could never work; unlike Flask, which accepts it
	FaultVariable               // a variable named twice
	FaultDefault                // a default that its converter cannot write
	FaultMethod                 // methods that the rule cannot have
	FaultDead                   // a rule that can never match; only from Check
	FaultClash                  // two rules that match the same path; only from Check
)

// A RuleError is a mistake at set-up. Source is the rule's Source, "" if it has none.
type RuleError struct {
	Rule   string // its text
	Source string // file:line where it was added
	Fault  Fault  // which mistake it is, for programs
	Reason string // what is wrong, in Werkzeug's words where it has some
	Hint   string // how to put it right, or ""
}

// Error is one line: the rule, where it is, what is wrong and how to put it right.
func (e *RuleError) Error() string {
	var b strings.Builder
	b.WriteString("routing: rule " + fmt.Sprintf("%q", e.Rule))
	if e.Source != "" {
		b.WriteString(" (" + e.Source + ")")
	}
	b.WriteString(": " + e.Reason)
	if e.Hint != "" {
		b.WriteString(": " + e.Hint)
	}
	return b.String()
}

// A ValueError is a value that a built-in converter cannot write: Python's ValueError, or
// with WrongType its TypeError. Reason is the text that Python gives.
type ValueError struct {
	Endpoint, Variable string // set by Build
	WrongType          bool   // a value of another type, not one out of range
	Reason             string // in Python's words
}

// Error says what is wrong with the value.
func (e *ValueError) Error() string {
	if e.Variable == "" {
		return "routing: " + e.Reason
	}
	return fmt.Sprintf("routing: variable %q of endpoint %q: %s", e.Variable, e.Endpoint, e.Reason)
}
