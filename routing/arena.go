package routing

// An arena hands out short slices of long ones: a map makes several small lists for each rule,
// which would cost more to allocate one by one than all the rest of adding a rule does. What
// it has handed out is kept as long as any of its neighbours, which all belong to one map.
type arena[T any] struct {
	left []T
	next int // size of the next chunk
}

const (
	firstChunk = 16
	lastChunk  = 1024
)

// take is a slice of n zero values with no room behind it.
func (a *arena[T]) take(n int) []T {
	if n > len(a.left) {
		a.next = min(max(firstChunk, 2*a.next), lastChunk)
		a.left = make([]T, max(n, a.next))
	}
	taken := a.left[:n:n]
	a.left = a.left[n:]
	return taken
}

// one is take(1).
func (a *arena[T]) one() *T { return &a.take(1)[0] }
