package signing

import "math/bits"

// The second half of zlib's encoder: the Huffman trees of one block and its bits (RFC 1951,
// section 3.2). Where several trees are equally good the choice is zlib's, so the heap below
// breaks ties by depth and joins in its order.

const (
	endOfBlock   = 256
	literalCodes = 286
	distCodes    = 30
	lengthCodes  = 19 // of the alphabet that the tree lengths themselves are written in
	maxTreeNodes = 2*literalCodes + 1
)

// A tree is one Huffman code under construction. Leaves are 0..elems-1, joints follow.
type tree struct {
	elems   int
	maxBits int
	fixed   []uint8         // lengths of the fixed code, nil if there is none
	extra   func(c int) int // bits that follow code c
	freq    [maxTreeNodes]uint16
	length  [maxTreeNodes]uint8
	code    [literalCodes]uint16
	maxCode int // the largest code in use

	dad   [maxTreeNodes]uint16
	depth [maxTreeNodes]uint8
	heap  [maxTreeNodes + 1]uint16 // 1-based while building; its tail collects the nodes, heaviest first
	size  int
	top   int
}

// build computes the lengths of an optimal code and returns the bits that the block's symbols take
// in it and in the fixed code. Source: zlib build_tree.
func (t *tree) build() (dynamic, static int) {
	t.size, t.top, t.maxCode = 0, len(t.heap), -1
	for c := range t.elems {
		t.length[c] = 0
		if t.freq[c] != 0 {
			t.size++
			t.heap[t.size] = uint16(c)
			t.depth[c] = 0
			t.maxCode = c
		}
	}
	// The format wants two codes at least; those added here cost nothing, as they never occur.
	for t.size < 2 {
		c := 0
		if t.maxCode < 2 {
			t.maxCode++
			c = t.maxCode
		}
		t.size++
		t.heap[t.size] = uint16(c)
		t.freq[c], t.depth[c] = 1, 0
		dynamic--
		if t.fixed != nil {
			static -= int(t.fixed[c])
		}
	}
	t.join()
	d, s := t.assign()
	t.number()
	return dynamic + d, static + s
}

// join takes the two lightest nodes until one is left.
func (t *tree) join() {
	for n := t.size / 2; n >= 1; n-- {
		t.sink(n)
	}
	for node := t.elems; ; node++ {
		n := t.heap[1]
		t.heap[1] = t.heap[t.size]
		t.size--
		t.sink(1)
		m := t.heap[1]
		t.collect(n)
		t.collect(m)
		t.freq[node] = t.freq[n] + t.freq[m]
		t.depth[node] = max(t.depth[n], t.depth[m]) + 1
		t.dad[n], t.dad[m] = uint16(node), uint16(node)
		t.heap[1] = uint16(node)
		t.sink(1)
		if t.size < 2 {
			break
		}
	}
	t.collect(t.heap[1])
}

func (t *tree) collect(n uint16) {
	t.top--
	t.heap[t.top] = n
}

func (t *tree) lighter(n, m uint16) bool {
	return t.freq[n] < t.freq[m] || t.freq[n] == t.freq[m] && t.depth[n] <= t.depth[m]
}

func (t *tree) sink(k int) {
	v := t.heap[k]
	for j := 2 * k; j <= t.size; j *= 2 {
		if j < t.size && t.lighter(t.heap[j+1], t.heap[j]) {
			j++
		}
		if t.lighter(v, t.heap[j]) {
			break
		}
		t.heap[k] = t.heap[j]
		k = j
	}
	t.heap[k] = v
}

// assign gives each leaf its length, none above maxBits. Source: zlib gen_bitlen.
func (t *tree) assign() (dynamic, static int) {
	var count [16]int
	overflow := 0
	t.length[t.heap[t.top]] = 0
	for _, n := range t.heap[t.top+1:] {
		length := int(t.length[t.dad[n]]) + 1
		if length > t.maxBits {
			length = t.maxBits
			overflow++
		}
		t.length[n] = uint8(length)
		if int(n) >= t.elems {
			continue
		}
		count[length]++
		extra := t.extra(int(n))
		dynamic += int(t.freq[n]) * (length + extra)
		if t.fixed != nil {
			static += int(t.freq[n]) * (int(t.fixed[n]) + extra)
		}
	}
	if overflow > 0 {
		dynamic += t.shorten(&count, overflow)
	}
	return dynamic, static
}

// shorten moves leaves until the code is complete again within maxBits, then hands the lengths out
// anew, the lightest leaves first. It returns by how many bits the block grows.
func (t *tree) shorten(count *[16]int, overflow int) (grown int) {
	for ; overflow > 0; overflow -= 2 {
		length := t.maxBits - 1
		for count[length] == 0 {
			length--
		}
		count[length]--
		count[length+1] += 2
		count[t.maxBits]--
	}
	h := len(t.heap)
	for length := t.maxBits; length != 0; length-- {
		for n := count[length]; n != 0; {
			h--
			leaf := int(t.heap[h])
			if leaf >= t.elems {
				continue
			}
			grown += (length - int(t.length[leaf])) * int(t.freq[leaf])
			t.length[leaf] = uint8(length)
			n--
		}
	}
	return grown
}

// number gives each leaf its canonical code, bits reversed as they are written.
func (t *tree) number() {
	t.maxCode = canonical(t.length[:t.elems], t.code[:])
}

// canonical fills codes by RFC 1951 section 3.2.2 and returns the largest code in use.
func canonical(lengths []uint8, codes []uint16) int {
	var count, next [16]uint16
	last := 0
	for c, n := range lengths {
		count[n]++
		if n != 0 {
			last = c
		}
	}
	count[0] = 0
	for n := 1; n < len(next); n++ {
		next[n] = (next[n-1] + count[n-1]) << 1
	}
	for c, n := range lengths {
		if n != 0 {
			codes[c] = bits.Reverse16(next[n]) >> (16 - n)
			next[n]++
		}
	}
	return last
}
