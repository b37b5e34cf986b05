package router

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"
)

var (
	rounds = flag.Int("rounds", 100, "how often each peer has its turn in BenchmarkTable")
	only   = flag.String("only", "", "the peers of BenchmarkTable, separated by commas; all by default")
)

// A contest is one row of the README's table.
type contest struct {
	name          string
	routes, calls []call
}

func contests() []contest {
	api := lines(github)
	pages := staticPages()
	all := []contest{
		{"one static", []call{{"GET", "/users/settings"}}, []call{{"GET", "/users/settings"}}},
		{"GitHub, all 203", api, filled(api)},
		{"GitHub, one static", api, []call{{"GET", "/user/repos"}}},
		{"GitHub, one with variables", api, []call{{"GET", "/repos/julien/router/stargazers"}}},
		{"150 static, all", pages, pages},
		{"404", api, []call{notFound}},
		{"405", api, []call{notAllowed}},
	}
	for _, n := range []int{1, 5, 20} {
		routes := []call{{"GET", variables(n)}}
		all = append(all, contest{fmt.Sprintf("%d variables", n), routes, filled(routes)})
	}
	for _, n := range []int{10, 100, 1000, 10000} {
		routes := many(n)
		all = append(all, contest{fmt.Sprintf("ten of %d rules", n), routes, tenOf(routes)})
	}
	return all
}

// BenchmarkTable prints the README's table. On a machine that is shared, a long run of one peer says more of the neighbours than
// of the peer: here each has many short turns, one after the other, and the least counts, which is the run that nothing disturbed.
func BenchmarkTable(b *testing.B) {
	for b.Loop() {
		for _, c := range contests() {
			b.Run(c.name, func(b *testing.B) { b.Log(c.row()) })
		}
	}
}

func (c contest) row() string {
	var names []string
	var runs []func()
	for _, p := range peers {
		if *only != "" && !strings.Contains(","+*only+",", ","+p.name+",") {
			continue
		}
		names = append(names, p.name)
		runs = append(runs, inTurn(p.make(c.routes), c.calls))
	}
	least := leastOf(runs)
	out := c.name + ":"
	for i, name := range names {
		out += fmt.Sprintf("  %s %.1f", name, least[i])
	}
	return out
}

// inTurn answers all calls, one after the other.
func inTurn(prepare func(call) answer, calls []call) func() {
	var all []func()
	for _, c := range calls {
		all = append(all, prepare(c).run)
	}
	if len(all) == 1 {
		return all[0]
	}
	return func() {
		for _, f := range all {
			f()
		}
	}
}

// turn is how long a peer runs at a time: less than what the system's scheduler gives to a process, so that most turns are whole.
const turn = 100 * time.Microsecond

// leastOf is the least time of each function in ns.
func leastOf(runs []func()) []float64 {
	least := make([]float64, len(runs))
	often := make([]int, len(runs))
	for i, f := range runs {
		start := time.Now()
		f()
		f()
		once := max(time.Since(start)/2, time.Nanosecond)
		least[i] = float64(once)
		often[i] = int(turn/once) + 1
	}
	for range *rounds {
		for i, f := range runs {
			start := time.Now()
			for range often[i] {
				f()
			}
			spent := time.Since(start)
			least[i] = min(least[i], float64(spent)/float64(often[i]))
			often[i] = int(float64(turn)/least[i]) + 1
		}
	}
	return least
}
