package jinja

// Undefined is what happens when a template uses a name that is not there.
type Undefined uint8

// The kinds of undefined, as in Jinja2.
const (
	// DefaultUndefined prints as nothing, is false and empty, and fails when more is asked of it.
	DefaultUndefined Undefined = iota
	// StrictUndefined fails whatever is done with it, but for "is defined" and the default filter.
	StrictUndefined
	// ChainableUndefined gives itself for attributes and items too.
	ChainableUndefined
	// DebugUndefined prints what is missing.
	DebugUndefined
)

// undefinedInfo tells what is missing, for the message.
type undefinedInfo struct {
	behave Undefined
	hint   string // overrides the message that is made from the rest
	owner  value  // whose attribute or item it would be; kUnset for a name
	name   string
	key    value  // an item's key that is not text
	kind   string // the error's kind, "" for UndefinedError
}

func (v value) undefined() *undefinedInfo { return v.r.(*undefinedInfo) }

func newUndefined(info undefinedInfo) value { return value{k: kUndefined, r: &info} }

// message is Jinja2's text for what is missing.
func (u *undefinedInfo) message() string {
	switch {
	case u.hint != "":
		return u.hint
	case u.owner.k == kUnset:
		return quoteName(u.name) + " is undefined"
	case u.key.k != kUnset:
		return objectTypeRepr(u.owner) + " has no element " + reprString(u.key)
	}
	return "'" + objectTypeRepr(u.owner) + "' has no attribute " + quoteName(u.name)
}

func quoteName(s string) string { return reprString(text(s)) }

// fail raises the UndefinedError.
func (u *undefinedInfo) fail() {
	kind := u.kind
	if kind == "" {
		kind = undefinedError
	}
	throw(kind, "%s", u.message())
}

// strict fails if this kind may not even be looked at.
func (u *undefinedInfo) strict() {
	if u.behave == StrictUndefined {
		u.fail()
	}
}

// str is what printing it gives.
func (u *undefinedInfo) str() string {
	u.strict()
	if u.behave != DebugUndefined {
		return ""
	}
	switch {
	case u.hint != "":
		return "{{ undefined value printed: " + u.hint + " }}"
	case u.owner.k == kUnset:
		return "{{ " + u.name + " }}"
	case u.key.k != kUnset:
		return "{{ no such element: " + objectTypeRepr(u.owner) + "[" + reprString(u.key) + "] }}"
	}
	return "{{ no such element: " + objectTypeRepr(u.owner) + "[" + quoteName(u.name) + "] }}"
}

// attr is what an attribute or an item of it gives: itself if chainable, else an error.
func (u *undefinedInfo) attr(self value) value {
	if u.behave == ChainableUndefined {
		return self
	}
	u.fail()
	return none
}

// objectTypeRepr names the type of a value as Jinja2's messages do: "dict object", "None".
func objectTypeRepr(v value) string {
	switch v.k {
	case kNone:
		return "None"
	case kUndefined:
		return "Undefined"
	}
	if v.k == kMarkup {
		return "markupsafe.Markup object"
	}
	return typeName(v) + " object"
}

// definedOrFail is v, unless it is undefined: then the error says so.
func definedOrFail(v value) value {
	if v.k == kUndefined {
		v.undefined().fail()
	}
	return v
}
