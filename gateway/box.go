package gateway

import "unsafe"

// A boxer turns strings into interface values without an allocation for each: an environ holds about 30 strings, and
// boxing them one by one was three quarters of what a passage through it allocated. The strings lie in one block, and
// each interface points at its own, as the runtime's would. They are never written to again.
//
// This rests on the layout of an interface, two words of type and data, which is the runtime's and not the language's.
// TestBoxedStrings holds it; should it ever change, boxing goes back to the plain conversion at once (see plain).
type boxer struct {
	block [boxes]string
	n     int
}

// boxes is enough for the CGI keys and 24 headers; what is more is boxed the plain way.
const boxes = 40

// face is an interface value as the runtime sees it.
type face struct{ typ, data unsafe.Pointer }

func (b *boxer) box(s string) any {
	if b.n == boxes || plain {
		return s
	}
	p := &b.block[b.n]
	b.n++
	*p = s
	var v any = "" // of type string; only the data word is exchanged
	(*face)(unsafe.Pointer(&v)).data = unsafe.Pointer(p)
	return v
}

// plain is true on a runtime with another layout: its interface of a string does not point at the string.
var plain = !pointsAtString("layout")

func pointsAtString(s string) bool {
	v := any(s)
	return unsafe.Sizeof(v) == unsafe.Sizeof(face{}) && *(*string)((*face)(unsafe.Pointer(&v)).data) == s
}
