package carafe

import (
	"bytes"
	"container/heap"
	"context"
	"sync"
	"time"
)

// A MemoryStore keeps sessions in this process: for tests and small sites; they end with it, and other processes do not see
// them. The zero MemoryStore is ready. It is safe for concurrent use.
type MemoryStore struct {
	// Limit is how many sessions are kept; above it those go that would expire first. Zero means 100,000.
	Limit int
	// Clock tells when data has expired. nil means time.Now.
	Clock func() time.Time

	mu      sync.Mutex
	entries map[string]*memoryEntry
	queue   memoryQueue
}

type memoryEntry struct {
	key     string
	data    []byte
	expires time.Time
	index   int // in the queue
}

const defaultMemoryLimit = 100_000

// Load implements [SessionStore].
func (m *MemoryStore) Load(_ context.Context, key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.entries[key]; e != nil && m.now().Before(e.expires) {
		return bytes.Clone(e.data), nil
	}
	return nil, nil
}

// Update implements [SessionStore].
func (m *MemoryStore) Update(_ context.Context, key string, expires time.Time, change func([]byte) ([]byte, error)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.expire()
	e := m.entries[key]
	var old []byte
	if e != nil {
		old = bytes.Clone(e.data)
	}
	data, err := change(old)
	if err != nil || data == nil {
		return err
	}
	if e == nil {
		e = m.add(key, expires)
	}
	e.data, e.expires = bytes.Clone(data), expires
	heap.Fix(&m.queue, e.index)
	return nil
}

// Delete implements [SessionStore].
func (m *MemoryStore) Delete(_ context.Context, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.entries[key]; e != nil {
		m.drop(e)
	}
	return nil
}

// Len is how many sessions are kept.
func (m *MemoryStore) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.expire()
	return len(m.entries)
}

func (m *MemoryStore) now() time.Time {
	if m.Clock != nil {
		return m.Clock()
	}
	return time.Now()
}

func (m *MemoryStore) add(key string, expires time.Time) *memoryEntry {
	limit := m.Limit
	if limit <= 0 {
		limit = defaultMemoryLimit
	}
	for len(m.queue) >= limit {
		m.drop(m.queue[0])
	}
	if m.entries == nil {
		m.entries = map[string]*memoryEntry{}
	}
	e := &memoryEntry{key: key, expires: expires}
	m.entries[key] = e
	heap.Push(&m.queue, e)
	return e
}

func (m *MemoryStore) drop(e *memoryEntry) {
	delete(m.entries, e.key)
	heap.Remove(&m.queue, e.index)
}

// expire drops what is over. Nothing is looked at that is not.
func (m *MemoryStore) expire() {
	now := m.now()
	for len(m.queue) > 0 && !now.Before(m.queue[0].expires) {
		m.drop(m.queue[0])
	}
}

// memoryQueue has the entry that expires first on top.
type memoryQueue []*memoryEntry

func (q memoryQueue) Len() int           { return len(q) }
func (q memoryQueue) Less(i, j int) bool { return q[i].expires.Before(q[j].expires) }

func (q memoryQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

func (q *memoryQueue) Push(x any) {
	e := x.(*memoryEntry)
	e.index = len(*q)
	*q = append(*q, e)
}

func (q *memoryQueue) Pop() any {
	old := *q
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	return e
}
