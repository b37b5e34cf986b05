package routing

import (
	"context"
	"math/bits"
	"strings"
)

// Find matches a request, the core of a server: it allocates nothing when a rule without
// converters of the user's matches.
//
// domain is the subdomain, or with HostMatching the host; "" if the map uses neither. path is
// the decoded path below the script root. dst is overwritten; it is of use only without error.
// ctx is for converters and conditions (see ContextWithRequest) and may be nil without them.
//
// The error is ErrNotFound, a *MethodNotAllowed, ErrWebsocketMismatch, a *RequestRedirect
// which Adapter.Complete makes absolute, or what a converter's Parse returned.
// Safe for concurrent use.
//
// Source: Werkzeug StateMachineMatcher.match.
func (m *Map) Find(ctx context.Context, dst *Match, domain, method, path string, websocket bool) error {
	ix := m.compiled.Load()
	if ix == nil || ix.start == nil || domain != "" || websocket {
		return m.searchFor(ctx, dst, domain, method, path, websocket, false)
	}
	// Nearly all requests: found in one walk down, without a step back.
	bit := methodMask(1)
	if method != "GET" {
		bit = commonBit(method)
	}
	l := ix.whole.find(bit, path)
	if l == nil {
		if !wellFormed(path) {
			return m.searchFor(ctx, dst, domain, method, path, websocket, false)
		}
		var miss error
		l, miss = ix.walk(dst, bit, path)
		if l == nil {
			if miss != nil && bit != 0 && !(ix.merge && strings.Contains(path, "//")) {
				return miss
			}
			return m.searchFor(ctx, dst, domain, method, path, websocket, false)
		}
	}
	dst.Rule, dst.path, dst.domain = l.rule, path, ""
	if l.settled {
		return nil
	}
	if err := m.settle(ctx, dst, bit); err != errInvalid {
		return err
	}
	// What other rules say of the method decides between 404 and 405.
	return m.searchFor(ctx, dst, domain, method, path, websocket, true)
}

// searchFor keeps the making of a request out of Find, whose frame it would double.
//
//go:noinline
func (m *Map) searchFor(ctx context.Context, dst *Match, domain, method, path string, websocket, invalid bool) error {
	return m.search(dst, request{ctx, domain, strings.ToUpper(method), oneLeadingSlash(path), 0, websocket, invalid})
}

// wellFormed paths begin with one slash and are short enough to note places in them.
func wellFormed(path string) bool {
	return uint(len(path)-1) < maxShort && path[0] == '/' && (len(path) == 1 || path[1] != '/')
}

// A request is what a search is for.
type request struct {
	ctx       context.Context
	domain    string
	method    string
	path      string
	bit       methodMask
	websocket bool
	invalid   bool // the rule that will be found has been, and its converters refused
}

// oneLeadingSlash gives a path one slash to begin with, but leaves an empty one as it is.
func oneLeadingSlash(path string) string {
	if path == "" || (path[0] == '/' && (len(path) == 1 || path[1] != '/')) {
		return path
	}
	if path[0] != '/' {
		return "/" + path
	}
	for len(path) > 1 && path[1] == '/' {
		path = path[1:]
	}
	return path
}

const (
	slashes  = 0x2f2f2f2f2f2f2f2f
	lowBits  = 0x0101010101010101
	highBits = 0x8080808080808080
)

// walk goes down the machine by the first step that fits at each state and never back. If it
// comes to a rule that fits, that is what a full search would find first. If there was no other
// way to go, the error is what a full search would come to, but for merged slashes; else it
// returns neither and tells nothing.
//
// It runs for every request, so it reads the path eight bytes at a time, knows the two frequent
// dynamic steps, and is one function: what it knows stays in registers. BenchmarkFind and
// TestFindAllocates guard it.
func (ix *index) walk(dst *Match, bit methodMask, path string) (*leaf, error) {
	s := ix.start
	forked := ix.forked
	pos := 1
walk:
	for {
		// One segment: its end, and its signature as signature has it.
		var sig, word uint64
		end := pos
		for {
			if end+8 <= len(path) {
				word = load8(path, end)
			} else if left := uint(len(path)-end) * 8; len(path) >= 8 {
				// The last bytes, and slashes after them to end the segment.
				word = load8(path, len(path)-8)>>(64-left) | slashes<<left
			} else {
				word = loadTail(path[end:]) | slashes<<left
			}
			if o := &s.only; end == pos && word&o.mask == o.head && o.next != nil {
				// The one static step there is, or several in a row: no need to look it up. Of up to eight bytes
				// all are found, and not among the slashes above, since no step ends with one.
				n := len(o.text)
				if n <= 8 || len(path)-pos >= n && load8(path, pos+n-8) == o.tail && (n <= 16 || o.sameMiddle(path[pos:pos+n])) {
					if pos+n == len(path) {
						return o.next.leaf(bit, forked || s.forked || o.forked)
					}
					if path[pos+n] == '/' {
						forked = forked || s.forked || o.forked
						s = o.next
						pos += n + 1
						continue walk
					}
				}
			}
			if t := word ^ slashes; (t-lowBits)&^t&highBits != 0 {
				t = (t - lowBits) &^ t & highBits
				n := uint(bits.TrailingZeros64(t)) >> 3
				word &= 1<<(n*8) - 1
				if end == pos {
					sig = word | uint64(n)<<56
				} else {
					sig = mixWord(sig, word) | longSegment
				}
				end += int(n)
				break
			}
			sig = mixWord(sig, word)
			end += 8
		}
		var next *state
		if len(s.static.slots) != 0 {
			at := &s.static.slots[sig*s.static.factor>>s.static.shift]
			if n := end - pos; at.signature == sig && (n < 8 ||
				n <= 16 && len(at.text) == n && at.head == load8(path, pos) && at.tail == load8(path, end-8)) {
				next = at.next
			} else {
				next = s.static.get(sig, path[pos:end])
			}
		}
		if next == nil && s.text != nil && end > pos {
			next = s.text.next
			dst.note(s.text.first, pos, end)
		}
		if next == nil {
			e := s.dynamicStep(dst, path, pos, end)
			if e == nil {
				if forked || s.forked {
					return nil, nil
				}
				return nil, ErrNotFound
			}
			next = e.next
			if e.final {
				end = len(path)
			}
		}
		forked = forked || s.forked
		s = next
		if end == len(path) {
			return s.leaf(bit, forked)
		}
		pos = end + 1
	}
}

// leaf is the first leaf for the method, or the error if only one way led here.
func (s *state) leaf(bit methodMask, forked bool) (*leaf, error) {
	for i := range s.leaves {
		if l := &s.leaves[i]; l.mask&bit != 0 {
			return l, nil
		}
	}
	if forked || s.misses == nil {
		return nil, nil
	}
	return nil, s.misses
}

// dynamicStep is the first dynamic step that fits; nil if there is none, or if what comes
// after it depends on how it fits (a suffixed part).
func (s *state) dynamicStep(dst *Match, path string, pos, end int) *edge {
	for i := range s.dynamic {
		e := &s.dynamic[i]
		switch e.quick {
		case shapeText:
			if end == pos {
				continue
			}
			dst.note(e.first, pos, end)
			return e
		case shapeInt:
			if d := digitsEnd(path[pos:end], 0); d != end-pos {
				continue
			}
			dst.note(e.first, pos, end)
			return e
		}
		if e.form.suffixed {
			return nil
		}
		text := path[pos:end]
		if e.final {
			text = path[pos:]
		}
		if at, ok := e.form.place(text); ok {
			dst.note(e.first, pos+at.start, pos+at.end)
			return e
		}
	}
	return nil
}

// place tells whether the part fits, and where its variable is if it has only one.
func (f *form) place(text string) (span, bool) {
	if f.vars == 1 && f.pattern == nil {
		return f.single(text)
	}
	return span{}, f.match(text, nil)
}

func (m *Match) note(i, start, end int) {
	if uint(i) < maxSpans {
		m.spans[i] = shortSpan{uint16(start), uint16(end)}
	}
}
