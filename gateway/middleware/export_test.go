package middleware

// Clients counts the clients that a Memory remembers.
func Clients(m *Memory) (n int) {
	for i := range m.shards {
		n += len(m.shards[i].empty)
	}
	return n
}
