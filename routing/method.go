package routing

import (
	"slices"
)

// A methodMask has a bit for each method that rules of the map name. The highest bit stands
// for rules that take any method.
type methodMask uint64

const anyMethod methodMask = 1 << 63

// commonMethods have fixed bits, so that a request's method is found without a map.
var commonMethods = [...]string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"}

// methods gives bits to the methods that are not common, in the order of their rules.
type methods struct {
	bits map[string]methodMask
}

// maxOwnMethods is how many methods beyond the common ones a map can tell apart.
const maxOwnMethods = 63 - len(commonMethods)

func commonBit(method string) methodMask {
	switch method {
	case "GET":
		return 1 << 0
	case "HEAD":
		return 1 << 1
	case "POST":
		return 1 << 2
	case "PUT":
		return 1 << 3
	case "PATCH":
		return 1 << 4
	case "DELETE":
		return 1 << 5
	case "OPTIONS":
		return 1 << 6
	case "CONNECT":
		return 1 << 7
	case "TRACE":
		return 1 << 8
	}
	return 0
}

// bit of a method; 0 if no rule names it.
func (t *methods) bit(method string) methodMask {
	if b := commonBit(method); b != 0 {
		return b
	}
	return t.bits[method]
}

// mask gives each of the rule's methods a bit.
func (t *methods) mask(r *Rule) (methodMask, error) {
	if r.methods == nil {
		return anyMethod, nil
	}
	var mask methodMask
	for _, method := range r.methods {
		if t.bit(method) == 0 {
			if len(t.bits) == maxOwnMethods {
				return 0, badArgument(FaultMethod, "a map takes %d methods beyond the common ones, %q is one more", maxOwnMethods, method)
			}
			if t.bits == nil {
				t.bits = make(map[string]methodMask)
			}
			t.bits[method] = 1 << (len(commonMethods) + len(t.bits))
		}
		mask |= t.bit(method)
	}
	return mask, nil
}

// allows tells whether a method with this bit, 0 if no rule names it, fits the rule.
func (r *Rule) allows(bit methodMask) bool { return r.mask&(bit|anyMethod) != 0 }

// names lists the methods of a mask, sorted.
func (t *methods) names(mask methodMask) []string {
	names := make([]string, 0, 4)
	for _, method := range commonMethods {
		if mask&commonBit(method) != 0 {
			names = append(names, method)
		}
	}
	for method, bit := range t.bits {
		if mask&bit != 0 {
			names = append(names, method)
		}
	}
	slices.Sort(names)
	return names
}
