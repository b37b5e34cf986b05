package server

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
)

// heapFloor is the size up to which a worker's heap may grow before its garbage is collected, whatever is alive in it.
//
// Go collects when a heap has doubled, and from 4 MiB on. A worker that holds next to nothing between requests is there
// after some two thousand of them, dozens of times a second: that was a tenth of the CPU of a small request. What is alive
// is never let grow beyond double when that is more than the floor, so the floor costs a process at most this much memory.
const heapFloor = 32 << 20

// usualPercent is Go's GOGC where nobody has said anything.
const usualPercent = 100

// A collector keeps the heap's floor by setting GOGC anew after each collection. It does nothing in a process where GOGC is
// said, by the environment or by the program, and stops when the program sets it later. GOMEMLIMIT holds as always.
type collector struct {
	mu   sync.Mutex
	set  int  // the GOGC that it has set last
	over bool // it is no longer the collector's business
}

// keepHeapFloor begins, and returns what ends it.
func keepHeapFloor() (end func()) {
	if _, percent := heapNow(); percent != usualPercent || os.Getenv("GOGC") != "" {
		return func() {}
	}
	c := &collector{set: usualPercent}
	c.adjust()
	runtime.SetFinalizer(&cycle{c}, (*cycle).end)
	return c.end
}

// A cycle is garbage at once: its finalizer runs after the next collection, and makes it wait for another.
type cycle struct{ c *collector }

func (t *cycle) end() {
	if t.c.adjust() {
		runtime.SetFinalizer(t, (*cycle).end)
	}
}

// adjust sets GOGC to what the floor asks for now, and reports whether that is still the collector's to do.
func (c *collector) adjust() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	live, percent := heapNow()
	if c.over = c.over || percent != c.set; c.over {
		return false
	}
	// Setting it stops the world for a moment, so small differences stay.
	if want := floorPercent(live, rootsNow()); want*8 > c.set*9 || want*8 < c.set*7 {
		c.set = want
		debug.SetGCPercent(want)
	}
	return true
}

func (c *collector) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, percent := heapNow(); !c.over && percent == c.set {
		debug.SetGCPercent(usualPercent)
	}
	c.over = true
}

// floorPercent is the GOGC with which a heap of so many live bytes is collected at the floor, and never below Go's own. Go's least
// heap, 4 MiB, is multiplied by GOGC too, and so are the roots: stacks and globals.
func floorPercent(live, roots int64) int {
	const least = 4 << 20
	live = max(live, least)
	return max(usualPercent, int((heapFloor-live)*100/(live+roots)))
}

// heapNow is the bytes that the last collection found alive, and GOGC.
func heapNow() (live int64, percent int) {
	m := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/gogc:percent"}}
	metrics.Read(m)
	return int64(m[0].Value.Uint64()), int(m[1].Value.Uint64())
}

// rootsNow is the bytes of stacks and globals that the last collection has looked through.
func rootsNow() int64 {
	m := []metrics.Sample{{Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"}}
	metrics.Read(m)
	return int64(m[0].Value.Uint64() + m[1].Value.Uint64())
}
