package routing

import "math/bits"

// wholePaths finds rules without variables by the whole path, which is faster than step by
// step, and is what a search would find first, since it tries static steps first. It goes by
// the length and the last eight bytes; a path that shares these with too many others is left
// to the walk. A path that is none of these costs a look at one bit, mostly.
type wholePaths struct {
	lengths uint64 // bit n%64 is set if there is a path of length n
	slots   []wholePath
	shift   uint8
}

type wholePath struct {
	path  string
	head  uint64 // its first eight bytes, and the last
	tail  uint64
	first leaf
	more  []leaf
}

// maxProbes is how many slots a path may be away from its own.
const maxProbes = 4

func newWholePaths(start *state, rules []*Rule) wholePaths {
	var all []wholePath
	for _, r := range rules {
		if s := staticState(start, r); s != nil && len(s.leaves) > 0 && s.rules[0] == r {
			all = append(all, wholePath{path: "/" + staticPath(r), first: s.leaves[0], more: s.leaves[1:]})
		}
	}
	if len(all) == 0 {
		return wholePaths{}
	}
	width := bits.Len(uint(len(all)*2)) + 1
	w := wholePaths{slots: make([]wholePath, 1<<width+maxProbes), shift: uint8(64 - width)}
	for _, p := range all {
		w.insert(p)
	}
	return w
}

// staticState is the state of a rule without variables or domain; nil for others.
func staticState(start *state, r *Rule) *state {
	if r.fromRule > 0 || r.domain != "" || r.BuildOnly {
		return nil
	}
	s := start
	for i := 2; i < len(r.parts) && s != nil; i++ {
		s = s.static.find(r.parts[i].text)
	}
	return s
}

func staticPath(r *Rule) string {
	var path string
	for i := 2; i < len(r.parts); i++ {
		if i > 2 {
			path += "/"
		}
		path += r.parts[i].text
	}
	return path
}

// insert leaves out paths too short for their last eight bytes to be loaded at once, and those with two slashes to begin with,
// which no request is searched for with.
func (w *wholePaths) insert(p wholePath) {
	if len(p.path) < 8 || p.path[1] == '/' {
		return
	}
	first := w.slot(p.path)
	for i := first; i < first+maxProbes; i++ {
		if w.slots[i].path == "" {
			p.head, p.tail = load8(p.path, 0), load8(p.path, len(p.path)-8)
			w.slots[i] = p
			w.lengths |= 1 << (len(p.path) & 63)
			return
		}
	}
}

func (w *wholePaths) slot(path string) int {
	return w.slotOf(load8(path, len(path)-8), len(path))
}

func (w *wholePaths) slotOf(tail uint64, length int) int {
	return int((tail ^ uint64(length)) * 0x9e3779b97f4a7c15 >> w.shift)
}

// find is the first rule of the path that takes the method, or nil.
func (w *wholePaths) find(bit methodMask, path string) *leaf {
	if w.lengths&(1<<(len(path)&63)) == 0 || len(path) < 8 {
		return nil
	}
	tail := load8(path, len(path)-8)
	for i := w.slotOf(tail, len(path)); ; i++ {
		p := &w.slots[i]
		if p.tail == tail && len(p.path) == len(path) && p.head == load8(path, 0) && (len(path) <= 16 || p.path == path) {
			if p.first.mask&bit != 0 {
				return &p.first
			}
			return p.other(bit)
		}
		if p.path == "" {
			return nil
		}
	}
}

func (p *wholePath) other(bit methodMask) *leaf {
	for i := range p.more {
		if p.more[i].mask&bit != 0 {
			return &p.more[i]
		}
	}
	return nil
}
