package jinja

import (
	"iter"
	"reflect"
	"runtime"
)

// maxPulled is how many items one may make; a variable for the tests.
var maxPulled = maxItems

// A pulled is an iter.Seq as a template runs over it: an item is made when it is asked for, so that a streamed page shows the first
// row before the last is read. A loop that stops half-way leaves the function waiting in its yield; the end of the render lets it return.
// One that only a filter has begun, {{ rows|first }}, is let go when nothing refers to it any more.
type pulled struct {
	start func() (func() (value, bool), func())
	pull  func() (value, bool) // nil before the first item
	stop  func()
	items int // made so far: at most maxPulled
}

func fromSeq(rv reflect.Value) value {
	return pull(func(yield func(value) bool) {
		for x := range rv.Seq() {
			if !yield(fromElem(x)) {
				return
			}
		}
	})
}

func fromSeq2(rv reflect.Value) value {
	return pull(func(yield func(value) bool) {
		for k, x := range rv.Seq2() {
			if !yield(dictPair(fromElem(k), fromElem(x))) {
				return
			}
		}
	})
}

func pull(seq iter.Seq[value]) value {
	return value{k: kIter, r: &oneShot{it: &pulled{start: func() (func() (value, bool), func()) { return iter.Pull(seq) }}}}
}

func (p *pulled) next() (value, bool) {
	if p.pull == nil {
		p.pull, p.stop = p.start()
		runtime.AddCleanup(p, func(stop func()) { stop() }, p.stop)
	}
	p.items++
	if p.items > maxPulled {
		checkItems(maxItems + 1)
	}
	v, ok := p.pull()
	runtime.KeepAlive(p) // its clean-up may not stop what runs
	return v, ok
}

// close lets the function return, if it has begun; there are no more items then.
func (p *pulled) close() {
	if p.stop != nil {
		p.stop()
	}
}

// lend hands an iterator to a loop, and sees to it that the render closes it.
func (r *render) lend(v value) iterator {
	it := iterate(v)
	if o, ok := it.(*oneShot); ok {
		if p, ok := o.it.(*pulled); ok {
			r.lent = append(r.lent, p)
		}
	}
	return it
}

// close ends the iterators that loops have left half-way, all of them, also if one panics.
func (r *render) close() {
	n := len(r.lent)
	if n == 0 {
		return
	}
	last := r.lent[n-1]
	r.lent = r.lent[:n-1]
	defer r.close()
	last.close()
}
