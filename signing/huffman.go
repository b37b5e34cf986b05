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
	fixed   []uint8   // lengths of the fixed code; all zero if there is none
	extra   []uint8   // bits that follow each code
	used    [5]uint64 // one bit for each code that occurs: most of the 286 do not
	freq    [literalCodes]uint16
	length  [maxTreeNodes]uint8
	code    [literalCodes]uint16
	maxCode int // the largest code in use

	dad    [maxTreeNodes]uint16
	weight [maxTreeNodes]uint32     // how often, above; the depth below, in the lowest 8 bits
	heap   [maxTreeNodes + 1]uint16 // 1-based while building; its tail collects the nodes, heaviest first
	size   int
	top    int
}

// reset forgets what was added.
func (t *tree) reset() {
	clear(t.freq[:t.elems])
	t.used = [5]uint64{}
}

// add counts one code c.
func (t *tree) add(c int) {
	if t.freq[c] == 0 {
		t.used[c>>6] |= 1 << (c & 63)
	}
	t.freq[c]++
}

// build computes the lengths of an optimal code and returns the bits that the block's symbols take
// in it and in the fixed code. Source: zlib build_tree.
func (t *tree) build() (dynamic, static int) {
	t.size, t.top, t.maxCode = 0, len(t.heap), -1
	clear(t.length[:t.elems])
	for i, set := range t.used {
		for ; set != 0; set &= set - 1 {
			c := i<<6 + bits.TrailingZeros64(set)
			t.size++
			t.heap[t.size] = uint16(c)
			t.weight[c] = uint32(t.freq[c]) << 8
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
		t.add(c)
		t.weight[c] = 1 << 8
		dynamic--
		static -= int(t.fixed[c])
	}
	t.join()
	d, s := t.assign()
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
		a, b := t.weight[n], t.weight[m]
		t.weight[node] = a&^255 + b&^255 + max(a&255, b&255) + 1
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

// sink moves the node at k down to its place. A lighter node is above; of two as heavy, the one
// less deep.
func (t *tree) sink(k int) {
	v := t.heap[k]
	weight := t.weight[v]
	for j := 2 * k; j <= t.size; j *= 2 {
		least := t.weight[t.heap[j]]
		if j < t.size {
			if other := t.weight[t.heap[j+1]]; other <= least {
				j, least = j+1, other
			}
		}
		if weight <= least {
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
		extra := int(t.extra[n])
		dynamic += int(t.freq[n]) * (length + extra)
		static += int(t.freq[n]) * (int(t.fixed[n]) + extra)
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

// number gives each leaf its canonical code.
func (t *tree) number() { canonical(t.length[:t.elems], t.code[:]) }

// canonical fills codes by RFC 1951 section 3.2.2, bits reversed as they are written.
func canonical(lengths []uint8, codes []uint16) {
	var count, next [16]uint16
	for _, n := range lengths {
		count[n]++
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
}
