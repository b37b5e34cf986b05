package wire

import (
	"math"
	"strconv"
	"strings"
)

// A Span is one range of a Range header: from Start up to but not including End. A negative Start counts from the end of
// what is asked for; Open means there is no End.
type Span struct {
	Start, End int64 // in units of the Range; 0 is the first
	Open       bool  // to the end: End does not count
}

// A Range is what a Range header asks for.
//
// Source: werkzeug.datastructures.Range.
type Range struct {
	Unit  string // lower case
	Spans []Span // in their order, one at least
}

// maxSpans is how many ranges of one header are read; a client that asks for more is not well.
const maxSpans = 1024

// ParseRange reads a Range header; ok is false for a missing or malformed one. With inOrder the ranges must be in order and
// must not overlap, which is what Werkzeug wants; RFC 9110 does not.
//
// Source: werkzeug.http.parse_range_header.
func ParseRange(field string, inOrder bool) (r Range, ok bool) {
	unit, list, ok := strings.Cut(field, "=")
	if !ok {
		return Range{}, false
	}
	r.Unit = strings.ToLower(strings.TrimSpace(unit))
	last := int64(0) // where the range before ended, -1 if it was open
	for item := range strings.SplitSeq(list, ",") {
		s, ok := parseSpan(strings.TrimSpace(item))
		if !ok || len(r.Spans) == maxSpans {
			return Range{}, false
		}
		if inOrder && (last < 0 || s.Start >= 0 && s.Start < last) {
			return Range{}, false
		}
		if last = s.End; s.Open {
			last = -1
		}
		r.Spans = append(r.Spans, s)
	}
	return r, true
}

func parseSpan(s string) (Span, bool) {
	first, end, ok := strings.Cut(s, "-")
	if !ok {
		return Span{}, false
	}
	if first == "" {
		n, ok := parseDigits(end)
		return Span{Start: -n, Open: true}, ok
	}
	start, ok := parseDigits(strings.TrimSpace(first))
	if !ok {
		return Span{}, false
	}
	if end = strings.TrimSpace(end); end == "" {
		return Span{Start: start, Open: true}, true
	}
	stop, ok := parseDigits(end)
	if stop < math.MaxInt64 {
		stop++
	}
	return Span{Start: start, End: stop}, ok && start < stop
}

// parseDigits reads ASCII digits; what does not fit is the largest number.
func parseDigits(s string) (int64, bool) {
	if !isDigits(s) {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return math.MaxInt64, true
	}
	return n, true
}

// A ContentRange says which part of a whole a body is: Start up to but not including End, of Length. Start is -1 for
// "*", Length for an unknown one.
//
// Source: werkzeug.datastructures.ContentRange.
type ContentRange struct {
	Unit               string // "bytes"
	Start, End, Length int64  // in units; End does not count for a Start of -1
}

// ParseContentRange reads a Content-Range header; ok is false for a missing or malformed one.
//
// Source: werkzeug.http.parse_content_range_header.
func ParseContentRange(field string) (c ContentRange, ok bool) {
	field = strings.TrimSpace(field)
	end := strings.IndexFunc(field, isASCIISpace)
	if end < 0 {
		return c, false
	}
	unit, rest := field[:end], field[end:]
	part, length, ok := strings.Cut(strings.TrimSpace(rest), "/")
	if !ok {
		return c, false
	}
	c = ContentRange{Unit: unit, Start: -1, End: -1, Length: -1}
	if length != "*" {
		if c.Length, ok = parseDigits(strings.TrimSpace(length)); !ok {
			return ContentRange{}, false
		}
	}
	if part == "*" {
		return c, true
	}
	s, ok := parseSpan(part)
	if !ok || s.Open || c.Length >= 0 && s.Start >= c.Length {
		return ContentRange{}, false
	}
	c.Start, c.End = s.Start, s.End
	return c, true
}

// String is the header.
func (c ContentRange) String() string {
	length := "*"
	if c.Length >= 0 {
		length = strconv.FormatInt(c.Length, 10)
	}
	if c.Start < 0 {
		return c.Unit + " */" + length
	}
	return c.Unit + " " + strconv.FormatInt(c.Start, 10) + "-" + strconv.FormatInt(c.End-1, 10) + "/" + length
}
