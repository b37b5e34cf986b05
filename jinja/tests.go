package jinja

// builtinTests are Jinja2's, by name.
var builtinTests = map[string]*filter{}

func addTest(name, spec string, do func(f *frame, in value, a []value) bool) {
	builtinTests[name] = &filter{name: "test_" + name, params: parseParams(spec),
		do: func(f *frame, in value, a []value) value { return boolean(do(f, in, a)) }}
}

func init() {
	addStateTests()
	addKindTests()
	addNumberTests()
	for _, names := range [][]string{
		{"eq", "equalto", "=="}, {"ne", "!="}, {"gt", "greaterthan", ">"}, {"gteq", "ge", ">="},
		{"lt", "lessthan", "<"}, {"lteq", "le", "<="}, {"in"},
	} {
		op := compareOps[names[0]]
		for _, name := range names {
			addTest(name, "other", func(_ *frame, in value, a []value) bool { return op(in, a[0]) })
		}
	}
}

func addStateTests() {
	addTest("defined", "", func(_ *frame, in value, _ []value) bool { return in.k != kUndefined })
	addTest("undefined", "", func(_ *frame, in value, _ []value) bool { return in.k == kUndefined })
	addTest("none", "", func(_ *frame, in value, _ []value) bool { return in.k == kNone })
	addTest("true", "", func(_ *frame, in value, _ []value) bool { return in.k == kBool && in.n != 0 })
	addTest("false", "", func(_ *frame, in value, _ []value) bool { return in.k == kBool && in.n == 0 })
	addTest("sameas", "other", func(_ *frame, in value, a []value) bool { return same(in, a[0]) })
	addTest("escaped", "", func(_ *frame, in value, _ []value) bool {
		// Jinja2's ChainableUndefined has an __html__ of its own.
		return safe(in) || in.k == kUndefined && in.undefined().behave == ChainableUndefined
	})
	addTest("filter", "", func(f *frame, in value, _ []value) bool { return registered(f.r.env.filters, in) })
	addTest("test", "", func(f *frame, in value, _ []value) bool { return registered(f.r.env.tests, in) })
	addTest("lower", "", func(_ *frame, in value, _ []value) bool { return isLower(str(in)) })
	addTest("upper", "", func(_ *frame, in value, _ []value) bool { return isUpper(str(in)) })
}

func registered(all map[string]*filter, name value) bool {
	hashKey(name)
	return name.isText() && all[name.s] != nil
}

func addKindTests() {
	addTest("boolean", "", func(_ *frame, in value, _ []value) bool { return plain(in).k == kBool })
	addTest("number", "", func(_ *frame, in value, _ []value) bool { return plain(in).isNumber() })
	addTest("integer", "", func(_ *frame, in value, _ []value) bool {
		k := plain(in).k
		return k == kInt || k == kBig
	})
	addTest("float", "", func(_ *frame, in value, _ []value) bool { return plain(in).k == kFloat })
	addTest("string", "", func(_ *frame, in value, _ []value) bool { return plain(in).isText() })
	addTest("mapping", "", func(_ *frame, in value, _ []value) bool { return in.k == kDict || in.k == kGo && kindOf(in) == kDict })
	addTest("sequence", "", func(_ *frame, in value, _ []value) bool { return isSequence(in) })
	addTest("iterable", "", func(_ *frame, in value, _ []value) bool {
		_, ok := tryIterate(in)
		return ok
	})
	addTest("callable", "", func(_ *frame, in value, _ []value) bool { return isCallable(in) })
}

// isSequence is what has a length and an index: texts and dicts too.
func isSequence(v value) bool {
	switch v.k {
	case kStr, kMarkup, kBytes, kList, kTuple, kDict, kRange:
		return true
	case kUndefined:
		return v.undefined().behave != StrictUndefined
	case kGo:
		k := kindOf(v)
		return k == kList || k == kDict
	}
	return false
}

func isCallable(v value) bool {
	_, ok := v.r.(callable)
	return ok || v.k == kUndefined
}

func addNumberTests() {
	addTest("odd", "", func(_ *frame, in value, _ []value) bool { return equal(mod(in, integer(2)), integer(1)) })
	addTest("even", "", func(_ *frame, in value, _ []value) bool { return equal(mod(in, integer(2)), integer(0)) })
	addTest("divisibleby", "num", func(_ *frame, in value, a []value) bool { return equal(mod(in, a[0]), integer(0)) })
}
