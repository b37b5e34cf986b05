package signing

import "math/bits"

// A blockWriter turns symbols into one deflate block: stored, fixed or dynamic, whichever zlib
// would choose (zlib _tr_flush_block).
type blockWriter struct {
	literals  tree
	distances tree
	lengths   tree
	runs      []run // the lengths of both trees, run-length encoded
	out       []byte
	acc       uint64
	n         uint
}

// A run is one code of the lengths alphabet: a length itself, or 16, 17, 18 with a repeat count.
type run struct {
	code  uint8
	extra uint8
}

// The order in which a dynamic block tells the lengths of its lengths code (RFC 1951, 3.2.7).
var lengthOrder = [lengthCodes]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// The fixed codes, and which code and base stand for a match length or distance.
var (
	fixedLengths   [288]uint8
	fixedCodes     [288]uint16
	fixedDistances [distCodes]uint8
	fixedDistCodes [distCodes]uint16
	lengthCode     [maxMatch - minMatch + 1]uint8 // length-3 → code-257
	lengthBase     [29]uint16
	distBase       [distCodes]uint16
	lengthExtra    [literalCodes]uint8
	distExtra      [distCodes]uint8
	runExtra       = [lengthCodes]uint8{16: 2, 17: 3, 18: 7}
	noFixed        [lengthCodes]uint8
)

func init() {
	for c := range fixedLengths {
		switch {
		case c < 144 || c > 279:
			fixedLengths[c] = 8
		case c < 256:
			fixedLengths[c] = 9
		default:
			fixedLengths[c] = 7
		}
	}
	canonical(fixedLengths[:], fixedCodes[:])
	for c := range fixedDistances {
		fixedDistances[c] = 5
	}
	canonical(fixedDistances[:], fixedDistCodes[:])
	base := 0
	for c := range 28 {
		lengthBase[c] = uint16(base)
		extra := max(c/4-1, 0)
		lengthExtra[c+endOfBlock+1] = uint8(extra)
		for range 1 << extra {
			lengthCode[base] = uint8(c)
			base++
		}
	}
	// The longest match has a code of its own, without extra bits.
	lengthCode[maxMatch-minMatch], lengthBase[28] = 28, maxMatch-minMatch
	base = 0
	for c := range distBase {
		distBase[c] = uint16(base)
		distExtra[c] = uint8(max(c/2-1, 0))
		base += 1 << distExtra[c]
	}
}

// distCode is the code of a distance (1 to 32768).
func distCode(dist uint16) int {
	d := int(dist) - 1
	if d < 4 {
		return d
	}
	// Two codes a power of two: the leading bit and the one after it.
	high := bits.Len(uint(d)) - 2
	return 2*high + d>>high
}

func newDeflater() *deflater {
	d := &deflater{}
	d.block.literals = tree{elems: literalCodes, maxBits: 15, fixed: fixedLengths[:literalCodes], extra: lengthExtra[:]}
	d.block.distances = tree{elems: distCodes, maxBits: 15, fixed: fixedDistances[:], extra: distExtra[:]}
	d.block.lengths = tree{elems: lengthCodes, maxBits: 7, fixed: noFixed[:], extra: runExtra[:]}
	return d
}

// deflate appends src as one final block to dst. It gives up, and reports false, when the result
// would take limit bytes or more.
func (d *deflater) deflate(dst, src []byte, limit int) ([]byte, bool) {
	d.parse(src)
	b := &d.block
	b.count(d.symbols)
	dynamic, static := b.literals.build()
	dd, ds := b.distances.build()
	dynamic, static = dynamic+dd, static+ds
	b.runs = b.runs[:0]
	b.scan(&b.literals)
	b.scan(&b.distances)
	b.lengths.reset()
	for _, r := range b.runs {
		b.lengths.add(int(r.code))
	}
	bl, _ := b.lengths.build()
	told := lengthCodes
	for told > 4 && b.lengths.length[lengthOrder[told-1]] == 0 {
		told--
	}
	dynamic += bl + 3*told + 14

	// Each has three bits of header; ties go to the fixed code, and stored blocks have four bytes of their own.
	dynamicBytes, staticBytes := (dynamic+3+7)/8, (static+3+7)/8
	best := min(dynamicBytes, staticBytes)
	if stored := len(src) + 4; stored <= best || best >= limit {
		return dst, false // a stored block is never shorter than what it stores
	}
	b.out, b.acc, b.n = dst, 0, 0
	if staticBytes <= dynamicBytes {
		b.put(1|1<<1, 3)
		b.body(d.symbols, fixedCodes[:], fixedLengths[:], fixedDistCodes[:], fixedDistances[:])
	} else {
		b.put(1|2<<1, 3)
		b.trees(told)
		b.body(d.symbols, b.literals.code[:], b.literals.length[:], b.distances.code[:], b.distances.length[:])
	}
	return b.flush(), true
}

func (b *blockWriter) count(symbols []symbol) {
	b.literals.reset()
	b.distances.reset()
	b.literals.add(endOfBlock)
	for _, s := range symbols {
		if s.dist == 0 {
			b.literals.add(int(s.value))
			continue
		}
		b.literals.add(endOfBlock + 1 + int(lengthCode[s.value]))
		b.distances.add(distCode(s.dist))
	}
}

// scan appends the lengths of t's codes as runs. Source: zlib scan_tree, RFC 1951 section 3.2.7.
func (b *blockWriter) scan(t *tree) {
	next, length, n := 0, uint8(0), 0 // the run so far: n codes of this length, up to next
	for i, set := range t.used {
		for ; set != 0; set &= set - 1 {
			c := i<<6 + bits.TrailingZeros64(set)
			if gap := c - next; gap > 0 {
				b.repeat(length, n)
				b.repeat(0, gap)
				n = 0
			}
			if t.length[c] != length {
				b.repeat(length, n)
				length, n = t.length[c], 0
			}
			n++
			next = c + 1
		}
	}
	b.repeat(length, n)
}

// repeat writes n codes of one length, a length that the code before does not have.
func (b *blockWriter) repeat(length uint8, n int) {
	for again := false; n > 0; {
		switch {
		case length == 0 && n > 10:
			k := min(n, 138)
			b.runs = append(b.runs, run{18, uint8(k - 11)})
			n -= k
		case length == 0 && n > 2:
			b.runs = append(b.runs, run{17, uint8(n - 3)})
			n = 0
		case length != 0 && again && n > 2:
			k := min(n, 6)
			b.runs = append(b.runs, run{16, uint8(k - 3)})
			n -= k
		default:
			b.runs = append(b.runs, run{length, 0})
			again = true
			n--
		}
	}
}

func (b *blockWriter) put(v uint64, n uint) {
	b.acc |= v << b.n
	b.n += n
	for b.n >= 8 {
		b.out = append(b.out, byte(b.acc))
		b.acc >>= 8
		b.n -= 8
	}
}

func (b *blockWriter) flush() []byte {
	if b.n > 0 {
		b.put(0, 8-b.n)
	}
	out := b.out
	b.out = nil // the buffer is the caller's
	return out
}

// trees writes the head of a dynamic block.
func (b *blockWriter) trees(told int) {
	b.literals.number()
	b.distances.number()
	b.lengths.number()
	b.put(uint64(b.literals.maxCode-endOfBlock), 5)
	b.put(uint64(b.distances.maxCode), 5)
	b.put(uint64(told-4), 4)
	for _, c := range lengthOrder[:told] {
		b.put(uint64(b.lengths.length[c]), 3)
	}
	for _, r := range b.runs {
		b.put(uint64(b.lengths.code[r.code]), uint(b.lengths.length[r.code]))
		b.put(uint64(r.extra), uint(runExtra[r.code]))
	}
}

func (b *blockWriter) body(symbols []symbol, codes []uint16, lengths []uint8, distCodes []uint16, distLengths []uint8) {
	for _, s := range symbols {
		if s.dist == 0 {
			b.put(uint64(codes[s.value]), uint(lengths[s.value]))
			continue
		}
		l := int(lengthCode[s.value])
		c := endOfBlock + 1 + l
		b.put(uint64(codes[c]), uint(lengths[c]))
		b.put(uint64(s.value-lengthBase[l]), uint(lengthExtra[c]))
		d := distCode(s.dist)
		b.put(uint64(distCodes[d]), uint(distLengths[d]))
		b.put(uint64(s.dist-1-distBase[d]), uint(distExtra[d]))
	}
	b.put(uint64(codes[endOfBlock]), uint(lengths[endOfBlock]))
}
