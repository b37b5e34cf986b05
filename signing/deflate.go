package signing

// zlib's level 6 matcher, for payloads that fit one block.
//
// Whether a cookie is compressed depends on whether zlib makes it shorter, so a cookie is the same
// as Flask's byte for byte only if the encoder decides as zlib does: the same hash chains, the same
// lazy matching, the same trees (huffman.go). compress/flate decides otherwise, and resetting its
// 640 KiB of tables costs more than all the rest of signing a cookie; this one clears what it used.
//
// Example: `abababab` is the literals a and b, then one match of length 6 at distance 2.
// The format is RFC 1951; the names of the limits are zlib's.

const (
	minMatch   = 3
	maxMatch   = 258
	goodLength = 8   // a previous match this long: look through a quarter of the chain only
	lazyLength = 16  // a previous match this long: do not look for a better one
	niceLength = 128 // a match this long ends the search
	chainLimit = 128
	tooFar     = 4096 // a match of three bytes further away than this costs more than it saves

	hashSize = 1 << 15

	// maxDeflate keeps the symbols of a payload below the 16383 after which zlib starts a new
	// block, and every distance inside its window. What is longer goes to compress/zlib.
	maxDeflate = 16000
)

// A symbol is a literal (dist 0, value the byte) or a match (value the length less three).
type symbol struct {
	dist  uint16
	value uint16
}

// A deflater holds the tables of one compression; they are clean between two.
type deflater struct {
	head    [hashSize]uint16   // last position with this hash, 0 means none (as in zlib, position 0 is never found)
	prev    [maxDeflate]uint16 // the position before it in the chain
	symbols []symbol
	src     []byte

	block blockWriter
}

func hash3(b []byte) int {
	return (int(b[0])<<10 ^ int(b[1])<<5 ^ int(b[2])) & (hashSize - 1)
}

// insert enters position pos and returns the position before it in its chain, 0 for none.
func (d *deflater) insert(pos int) int {
	if pos+minMatch > len(d.src) {
		return 0
	}
	h := hash3(d.src[pos:])
	before := d.head[h]
	d.prev[pos] = before
	d.head[h] = uint16(pos)
	return int(before)
}

// parse splits src into symbols, as zlib's deflate_slow does: a match is put off by one byte and
// given up when the next position has a longer one.
func (d *deflater) parse(src []byte) {
	d.src, d.symbols = src, d.symbols[:0]
	length, start := minMatch-1, 0
	pending := false // the byte before pos is not out yet
	for pos := 0; pos < len(src); {
		found := d.insert(pos)
		prevLength, prevStart := length, start
		length = minMatch - 1
		if found != 0 && prevLength < lazyLength {
			length, start = d.longest(pos, found, prevLength, prevStart)
			if length == minMatch && pos-start > tooFar {
				length = minMatch - 1
			}
		}
		if prevLength >= minMatch && length <= prevLength {
			d.symbols = append(d.symbols, symbol{uint16(pos - 1 - prevStart), uint16(prevLength - minMatch)})
			for end := pos - 1 + prevLength; pos+1 < end; {
				pos++
				d.insert(pos)
			}
			pos++
			length, pending = minMatch-1, false
			continue
		}
		if pending {
			d.literal(pos - 1)
		}
		pending = true
		pos++
	}
	if pending {
		d.literal(len(src) - 1)
	}
	d.clear()
}

func (d *deflater) literal(pos int) {
	d.symbols = append(d.symbols, symbol{0, uint16(d.src[pos])})
}

// clear empties the buckets that src has used: cheaper than all 32768 for a cookie.
func (d *deflater) clear() {
	for pos := 0; pos+minMatch <= len(d.src); pos++ {
		d.head[hash3(d.src[pos:])] = 0
	}
	d.src = nil
}

// longest walks the chain from match for one longer than best; without one it gives best and start
// back. Source: zlib longest_match.
func (d *deflater) longest(pos, match, best, start int) (int, int) {
	rest := d.src[pos:]
	if best >= len(rest) {
		return len(rest), start
	}
	chain := chainLimit
	if best >= goodLength {
		chain >>= 2
	}
	limit := min(len(rest), maxMatch)
	nice := min(niceLength, len(rest))
	for ; match != 0 && chain > 0; chain-- {
		candidate := d.src[match:]
		if candidate[best] == rest[best] && candidate[best-1] == rest[best-1] {
			if n := common(candidate, rest[:limit]); n > best {
				best, start = n, match
				if n >= nice || n == limit {
					break
				}
			}
		}
		match = int(d.prev[match])
	}
	return best, start
}

// common is how many bytes of b are at the start of a, which is at least as long.
func common(a, b []byte) int {
	a = a[:len(b)]
	for i := range b {
		if a[i] != b[i] {
			return i
		}
	}
	return len(b)
}
