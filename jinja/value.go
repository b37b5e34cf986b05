package jinja

import (
	"html/template"
	"math/big"
)

// kind says which fields of a value hold it. The order matters to isNumber only.
type kind uint8

const (
	kUnset     kind = iota // a slot nobody has assigned; never seen by an operation
	kUndefined             // r is *undefinedInfo
	kNone
	kBool    // n is 0 or 1
	kInt     // n
	kFloat   // n holds the bits
	kBig     // r is *big.Int, outside int64
	kStr     // s
	kMarkup  // s, safe HTML
	kBytes   // s
	kList    // r is *List or a Go slice
	kTuple   // r is *Tuple
	kDict    // r is *Dict or a Go map
	kRange   // r is *rangeValue
	kIter    // r is *oneShot
	kFunc    // r is callable
	kObject  // r is object: something of the engine's own
	kGo      // r is a Go value reached through its plan
	kTime    // r is time.Time
	kMissing // the sentinel of a parameter that was not given
)

// A value is what an expression yields. It is passed in registers, and text, numbers and pointers
// fit into it without an allocation: that is what makes a render cost little more than its output.
type value struct {
	k kind
	n int64
	s string
	r any
}

var (
	none     = value{k: kNone}
	trueVal  = value{k: kBool, n: 1}
	falseVal = value{k: kBool}
	missing  = value{k: kMissing}
)

func boolean(b bool) value {
	if b {
		return trueVal
	}
	return falseVal
}

func integer(n int64) value   { return value{k: kInt, n: n} }
func text(s string) value     { return value{k: kStr, s: s} }
func markup(s string) value   { return value{k: kMarkup, s: s} }
func bytesVal(s string) value { return value{k: kBytes, s: s} }

// textLike is s with the safety of like: the result of a string operation on like.
func textLike(s string, like value) value {
	if like.k == kMarkup {
		return markup(s)
	}
	return text(s)
}

// bigInt is the number in its smallest form: int64 where it fits.
func bigInt(b *big.Int) value {
	if b.IsInt64() {
		return integer(b.Int64())
	}
	return value{k: kBig, r: b}
}

func list(items []value) value  { return value{k: kList, r: &List{items: items}} }
func tuple(items []value) value { return value{k: kTuple, r: &Tuple{items: items}} }
func fromObject(o object) value { return value{k: kObject, r: o} }

func (v value) isText() bool { return v.k == kStr || v.k == kMarkup }

// isNumber reports whether v takes part in arithmetic as a number. Booleans do, as in Python.
func (v value) isNumber() bool { return v.k >= kBool && v.k <= kBig }

// isInt reports whether v is an integer of any size, or a boolean.
func (v value) isInt() bool { return v.k == kInt || v.k == kBool || v.k == kBig }

// An object is a value of the engine's own: a loop, a namespace, a macro's module.
type object interface {
	typeName() string
	// attr is the attribute named name, or false.
	attr(name string) (value, bool)
}

// What an object may be besides.
type (
	printer  interface{ str() string }
	sized    interface{ length() int }
	truther  interface{ truth() bool }
	iterated interface{ iterate() iterator }
)

// A List is a list that a template may change: a list literal, or the result of a filter. Go slices
// given to a template are read where they are and never changed.
type List struct{ items []value }

// A Tuple is Python's: fixed, hashable if its members are.
type Tuple struct {
	items []value
	names []string // a namedtuple's field names, or nil
	title string   // a namedtuple's type name
}

// NewList makes a list that templates may append to, of Go values.
func NewList(items ...any) *List { return &List{items: fromGoAll(items)} }

// NewTuple makes a tuple of Go values; it prints as (1, 2) and unpacks in a for or set.
func NewTuple(items ...any) *Tuple { return &Tuple{items: fromGoAll(items)} }

// Len is the number of items.
func (l *List) Len() int { return len(l.items) }

// Len is the number of items.
func (t *Tuple) Len() int { return len(t.items) }

// Items are the list's items as Go values.
func (l *List) Items() []any { return toGoAll(l.items) }

// Items are the tuple's items as Go values.
func (t *Tuple) Items() []any { return toGoAll(t.items) }

// Markup is text that is HTML already and is printed as it is: html/template's HTML, so that what
// one engine calls safe the other does too.
type Markup = template.HTML
