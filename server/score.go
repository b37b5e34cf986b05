package server

import (
	"sync/atomic"
	"unsafe"
)

// A scoreboard is memory that all workers share: how many connections each holds. The kernel wakes every worker for
// a new connection and the quickest takes it, so long-lived connections pile up on one; a worker that holds clearly more
// than another lets that one go first. A nil scoreboard balances nothing.
type scoreboard struct {
	cells []int64 // by worker number modulo their count: connections and one, 0 for nobody
}

const (
	scoreCells   = 256
	scoreBytes   = scoreCells * 8
	full         = 1 << 40 // takes no more
	balanceSlack = 2       // more than the least loaded that is not clearly more
	balanceTries = 50      // milliseconds that the least loaded has
)

func newScoreboard(memory []byte) *scoreboard {
	if len(memory) < scoreBytes {
		return nil
	}
	return &scoreboard{unsafe.Slice((*int64)(unsafe.Pointer(&memory[0])), scoreCells)}
}

func (b *scoreboard) set(id int, conns int64) {
	if b != nil {
		atomic.StoreInt64(&b.cells[id%scoreCells], conns+1)
	}
}

func (b *scoreboard) clear(id int) {
	if b != nil {
		atomic.StoreInt64(&b.cells[id%scoreCells], 0)
	}
}

// vain has, by cell, the score of workers that were waited for in vain. Such a one may be frozen, and each connection would cost
// that wait: it is not waited for again until its score changes.
type vain [scoreCells]int64

// ahead reports whether a worker holds clearly more than the one that holds least, of those that are worth waiting for.
func (b *scoreboard) ahead(id int, conns int64, v *vain) bool {
	if b == nil {
		return false
	}
	least := conns
	for i := range b.cells {
		if n := atomic.LoadInt64(&b.cells[i]); n > 0 && i != id%scoreCells && n != v[i] {
			least = min(least, n-1)
		}
	}
	return clearlyMore(conns, least)
}

// giveUp notes those that have been waited for, and have not taken enough.
func (b *scoreboard) giveUp(id int, conns int64, v *vain) {
	for i := range b.cells {
		if n := atomic.LoadInt64(&b.cells[i]); n > 0 && i != id%scoreCells && clearlyMore(conns, n-1) {
			v[i] = n
		}
	}
}

func clearlyMore(conns, least int64) bool { return conns > least+balanceSlack+least/8 }
