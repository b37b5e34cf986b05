package signing

import (
	"fmt"
	"slices"
	"time"
)

// MaxDepth is how deep lists and maps may be nested, both ways. Flask gives up a little below 500,
// where Python's stack ends.
const MaxDepth = 500

// A Tuple is Python's tuple: in a session it comes back as a Tuple, where []any comes back as []any.
type Tuple []any

// TaggedJSON is JSON that keeps types which JSON has not, by maps of one key: {" t":[1,2]} is a
// Tuple. Its zero value is the codec of Flask's session. Safe for concurrent use.
//
// Written, and what comes back:
//
//	nil, bool, string          the same (bytes that are not UTF-8 become U+FFFD)
//	integers, *big.Int         int if it fits, else *big.Int
//	float32, float64           float64, also NaN and infinities; 1.0 is not 1
//	json.Number                int, *big.Int or float64, by its text
//	map[string]any             the same; keys sorted; nil is an empty map
//	[]any                      the same; nil is an empty list
//	Tuple                " t"  the same
//	[]byte               " b"  the same
//	template.HTML        " m"  the same
//	uuid.UUID            " u"  the same
//	time.Time            " d"  the same in UTC, whole seconds
//	a map of one key that is a tag: " di", the same
//
// Other kinds of string, number, bool, slice, array and map with string keys are written as the type
// above that they are like, pointers as what they point to; they come back as that. Anything else is
// an *UnsupportedValue.
//
// Unlike Flask, keys are always sorted (a Go map has no order to keep), "\ud800" without its second
// half is read as U+FFFD, and a date of a year below 100 comes back as it was, not in this century.
//
// Source: flask.json.tag.TaggedJSONSerializer as the session uses it, through the app's JSON provider.
type TaggedJSON struct {
	// Tags are types of your own.
	Tags []Tag

	// Plain leaves all tags out: a Tuple is written as a list, template.HTML as a string; []byte,
	// UUID, time and Tags are not written at all. Source: itsdangerous' default serializer.
	Plain bool

	// RawUnicode writes characters outside ASCII as they are. Flask's session escapes them.
	RawUnicode bool
}

// PlainJSON is the codec of tokens, JSON as itsdangerous writes it unless told otherwise: compact, no
// tags, characters as they are.
func PlainJSON() TaggedJSON { return TaggedJSON{Plain: true, RawUnicode: true} }

// A Tag is one type of the user's own in a TaggedJSON. Source: flask.json.tag.JSONTag.
type Tag struct {
	// Key marks the value; Flask's begin with a space, so that no one's own keys are like it.
	Key string

	// Encode returns what to write for v, which may hold any type that the codec knows, and true;
	// or false if v is not of this tag.
	Encode func(v any) (any, bool)

	// Decode turns what Encode gave, as it comes back, into the value. An error is a *BadPayload.
	Decode func(v any) (any, error)

	// First: this tag is asked before the types that the codec knows by itself, so that it can take
	// over one of them. Otherwise after them. Tags of one kind are asked in their order.
	First bool

	// Replace: Key may be one that is there already, " d" for instance, and reads it from now on.
	Replace bool
}

// The keys of the tags that Flask has.
const (
	tagDict   = " di"
	tagTuple  = " t"
	tagBytes  = " b"
	tagMarkup = " m"
	tagUUID   = " u"
	tagTime   = " d"
)

// Check returns what is wrong with the tags: a key that is empty or taken, a function missing.
func (c TaggedJSON) Check() error {
	for i, tag := range c.Tags {
		switch {
		case tag.Key == "":
			return fmt.Errorf("signing: tag %d has no key", i)
		case tag.Encode == nil || tag.Decode == nil:
			return fmt.Errorf("signing: tag %q needs both Encode and Decode", tag.Key)
		case tag.Replace:
		case builtin(tag.Key) || c.first(tag.Key) != i:
			return fmt.Errorf("signing: tag %q is already registered: choose another key or set Replace", tag.Key)
		}
	}
	return nil
}

func builtin(key string) bool {
	switch key {
	case tagDict, tagTuple, tagBytes, tagMarkup, tagUUID, tagTime:
		return true
	}
	return false
}

// tag is the user's tag with this key, the last one if several, or nil.
func (c *TaggedJSON) tag(key string) *Tag {
	for i := len(c.Tags) - 1; i >= 0; i-- {
		if c.Tags[i].Key == key {
			return &c.Tags[i]
		}
	}
	return nil
}

func (c *TaggedJSON) first(key string) int {
	return slices.IndexFunc(c.Tags, func(t Tag) bool { return t.Key == key })
}

// marks says that a map of this one key would be taken for a tagged value.
func (c *TaggedJSON) marks(key string) bool {
	return !c.Plain && (builtin(key) || c.tag(key) != nil)
}

// An UnsupportedValue is a value that cannot be written.
type UnsupportedValue struct {
	Path   string // where it is: `["cart"][2]`; "" is the value itself
	Type   string // its Go type
	Reason string // "" if it is just the type
}

// Error names the value's type, and where in the session it lies.
func (e *UnsupportedValue) Error() string {
	where, why := e.Path, e.Reason
	if where == "" {
		where = "the value itself"
	}
	if why == "" {
		why = "JSON has nothing like it, use a map, a list, text or a number, or a Tag"
	}
	return fmt.Sprintf("signing: cannot write %s (%s): %s", where, e.Type, why)
}

// httpTime writes t as Flask does, or reports that its year is out of what the format holds.
func httpTime(dst []byte, t time.Time) ([]byte, bool) {
	t = t.UTC()
	if t.Year() < 1 || t.Year() > 9999 {
		return dst, false
	}
	return t.AppendFormat(dst, imfDate), true
}
