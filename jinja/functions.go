package jinja

import (
	"slices"
	"strconv"
	"strings"
)

// A keyword is a keyword argument of a call.
type keyword struct {
	name string
	v    value
}

// A callable is what a call expression can call.
type callable interface {
	name() string
	call(f *frame, pos []value, kw []keyword) value
}

// A params is the parameter list of a built-in function, filter or test. It is written as Python
// writes it, "width=80 first=false": a name alone is required.
type params struct {
	names    []string
	defaults []value // kUnset if required
}

// parseParams reads such a list; it runs when the package is initialised.
func parseParams(spec string) *params {
	p := &params{}
	for _, field := range strings.Fields(spec) {
		name, def, has := strings.Cut(field, "=")
		p.names = append(p.names, name)
		v := value{}
		if has {
			v = paramDefault(def)
		}
		p.defaults = append(p.defaults, v)
	}
	return p
}

func paramDefault(s string) value {
	switch s {
	case "none":
		return none
	case "true", "false":
		return boolean(s == "true")
	case "?":
		return missing
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return integer(n)
	}
	return text(strings.Trim(s, "'"))
}

// bind puts arguments into the order of the parameters, or raises Python's TypeError.
func (p *params) bind(fn string, pos []value, kw []keyword) []value {
	if len(pos) > len(p.names) {
		throw(typeError, "%s() takes %d positional arguments but %d were given", fn, len(p.names), len(pos))
	}
	out := slices.Clone(p.defaults)
	copy(out, pos)
	for _, k := range kw {
		i := slices.Index(p.names, k.name)
		if i < 0 {
			throw(typeError, "%s() got an unexpected keyword argument '%s'", fn, k.name)
		}
		if i < len(pos) {
			throw(typeError, "%s() got multiple values for argument '%s'", fn, k.name)
		}
		out[i] = k.v
	}
	for i, v := range out {
		if v.k == kUnset {
			throw(typeError, "%s() missing 1 required positional argument: '%s'", fn, p.names[i])
		}
	}
	return out
}

// A builtin is a function of the engine's own: a method of a text, a list, a dict, or a global.
type builtin struct {
	label  string
	class  string  // what Python's class of that name is called, if it is one
	params *params // nil means that do takes the arguments as they come
	do     func(f *frame, a []value, kw []keyword) value
}

func (b *builtin) name() string { return b.label }

func (b *builtin) call(f *frame, pos []value, kw []keyword) value {
	if b.params == nil {
		return b.do(f, pos, kw)
	}
	return b.do(f, b.params.bind(b.label, pos, kw), nil)
}

// method makes a bound method.
func method(name string, p *params, do func(f *frame, a []value, kw []keyword) value) value {
	return value{k: kFunc, r: &builtin{label: name, params: p, do: do}}
}

// call calls v, or raises the error that it cannot be called.
func call(f *frame, v value, pos []value, kw []keyword) value {
	if c, ok := v.r.(callable); ok {
		f.r.enter()
		out := c.call(f, pos, kw)
		f.r.leave()
		return out
	}
	definedOrFail(v)
	throw(typeError, "'%s' object is not callable", typeName(v))
	return none
}

// noKeywords rejects keyword arguments for a raw builtin.
func noKeywords(fn string, kw []keyword) {
	if len(kw) > 0 {
		throw(typeError, "%s() takes no keyword arguments", fn)
	}
}

// splat is the list after * in a call.
func splat(v value) []value {
	it, ok := tryIterate(v)
	if !ok {
		throw(typeError, "Value after * must be an iterable, not %s", typeName(v))
	}
	if isSeq(v) {
		return seqItems(v)
	}
	return drain(it)
}

// splatKeywords adds the dict after ** in a call. Its own keys differ, so that they are compared with
// the keywords that are written alone.
func splatKeywords(kw []keyword, v value) []keyword {
	if v.k != kDict {
		definedOrFail(v)
		throw(typeError, "Value after ** must be a mapping, not %s", typeName(v))
	}
	written := kw
	eachPair(v, func(key, val value) {
		if !key.isText() {
			throw(typeError, "keywords must be strings")
		}
		if slices.ContainsFunc(written, func(k keyword) bool { return k.name == key.s }) {
			throw(typeError, "got multiple values for keyword argument '%s'", key.s)
		}
		kw = append(kw, keyword{key.s, val})
	})
	return kw
}
