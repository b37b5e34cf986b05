package main

import (
	"cmp"
	"slices"
)

// A spread is the middle of some rounds, and their ends.
type spread struct{ median, least, most float64 }

func spreadOf(values []float64) spread {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if n == 0 {
		return spread{}
	}
	return spread{(sorted[(n-1)/2] + sorted[n/2]) / 2, sorted[0], sorted[n-1]}
}

// A row is all rounds of one server in one scenario.
type row struct {
	server  contestant
	samples []sample
	err     error // why there is none, or no more
}

// of is the spread of one figure.
func (r *row) of(figure func(sample) float64) spread {
	var all []float64
	for _, s := range r.samples {
		all = append(all, figure(s))
	}
	return spreadOf(all)
}

func perSecond(s sample) float64 { return s.perSecond }
func cpuMicros(s sample) float64 { return float64(s.cpu.Nanoseconds()) / 1000 }
func p50Millis(s sample) float64 { return s.p50.Seconds() * 1000 }
func p99Millis(s sample) float64 { return s.p99.Seconds() * 1000 }
func megabytes(s sample) float64 { return float64(s.memory) / (1 << 20) }

// to is the figure of r divided by that of base, round by round: what the machine did besides in a round hit both.
func (r *row) to(base *row, figure func(sample) float64) spread {
	var ratios []float64
	for i := range min(len(r.samples), len(base.samples)) {
		if b := figure(base.samples[i]); b > 0 {
			ratios = append(ratios, figure(r.samples[i])/b)
		}
	}
	return spreadOf(ratios)
}

func (r *row) failed() (n int) {
	for _, s := range r.samples {
		n += s.failed
	}
	return n
}

// leastIdle is how many idle connections were there at the end of every round.
func (r *row) leastIdle() int {
	if len(r.samples) == 0 {
		return 0
	}
	return slices.MinFunc(r.samples, func(a, b sample) int { return cmp.Compare(a.idle, b.idle) }).idle
}

// A table is one scenario's.
type table struct {
	scenario scenario
	rows     []row
}

// row finds a server that has figures; nil if it has none.
func (t *table) row(name string) *row {
	for i := range t.rows {
		if t.rows[i].server.name == name && len(t.rows[i].samples) > 0 {
			return &t.rows[i]
		}
	}
	return nil
}
