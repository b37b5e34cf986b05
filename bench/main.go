// Command bench calls the handlers of Carafe and of its peers directly, with a writer that does nothing, and prints
// for each case what a request costs and how that compares to the best peer of the same run.
//
//	go -C bench run . -rounds 5
//
// Rounds are interleaved, so that what the machine does besides hits everybody alike; medians are shown. Fiber does not stand
// on net/http: it is shown, and left out of the comparison.
package main

import (
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"
)

// A contestant serves one case.
type contestant struct {
	framework string
	handler   http.Handler
	fast      fasthttp.RequestHandler // fiber's, instead of handler
}

// A setup makes the contestants of one case.
type setup struct {
	name, method, path string
	want               string // the body that all of them answer with; "" means whatever
	hooks              int    // how often a request has to pass hooks
	contestants        func() []contestant
}

// sample is what one contestant cost in one round.
type sample struct{ nanos, bytes, allocs float64 }

func main() {
	rounds := flag.Int("rounds", 5, "how often each contestant is measured")
	only := flag.String("only", "", "run the cases whose names contain this")
	flag.Parse()
	testing.Init()
	for _, s := range cases() {
		if strings.Contains(s.name, *only) {
			run(os.Stdout, s, *rounds)
		}
	}
}

func run(out io.Writer, s setup, rounds int) {
	list := s.contestants()
	samples := make([][]sample, len(list))
	for range rounds {
		for i, c := range list {
			check(s, c)
			samples[i] = append(samples[i], measure(s, c))
		}
	}
	best := 0.0
	for i, c := range list {
		if n := median(samples[i]).nanos; c.framework != "carafe" && c.fast == nil && (best == 0 || n < best) {
			best = n
		}
	}
	fmt.Fprintf(out, "\n### %s (%s %s)\n\n| | ns/op | B/op | allocs/op | to the best peer on net/http |\n|---|--:|--:|--:|--:|\n", s.name, s.method, s.path)
	for i, c := range list {
		m := median(samples[i])
		fmt.Fprintf(out, "| %s | %.0f | %.0f | %.0f | %.2f |\n", c.framework, m.nanos, m.bytes, m.allocs, m.nanos/best)
	}
}

func measure(s setup, c contestant) sample {
	r := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		if c.fast != nil {
			ctx := fastContext(s)
			for b.Loop() {
				c.fast(ctx)
			}
			return
		}
		r, w := newRequest(s), &sink{header: http.Header{}}
		for b.Loop() {
			clear(w.header)
			c.handler.ServeHTTP(w, r)
		}
	})
	return sample{float64(r.NsPerOp()), float64(r.AllocedBytesPerOp()), float64(r.AllocsPerOp())}
}

// median takes the round with the middle time.
func median(samples []sample) sample {
	sorted := slices.Clone(samples)
	slices.SortFunc(sorted, func(a, b sample) int { return int(a.nanos - b.nanos) })
	return sorted[len(sorted)/2]
}

// check makes sure that a contestant answers what the case wants.
func check(s setup, c contestant) {
	var body string
	before := calls
	if c.fast != nil {
		ctx := fastContext(s)
		c.fast(ctx)
		body = string(ctx.Response.Body())
	} else {
		w := &sink{header: http.Header{}, keep: true}
		c.handler.ServeHTTP(w, newRequest(s))
		body = string(w.body)
	}
	if s.want != "" && strings.TrimSpace(body) != s.want {
		panic(fmt.Sprintf("%s answers %s with %q, not %q", c.framework, s.name, body, s.want))
	}
	if calls-before != s.hooks {
		panic(fmt.Sprintf("%s passes %d hooks on %s, not %d", c.framework, calls-before, s.name, s.hooks))
	}
}

func newRequest(s setup) *http.Request {
	r, err := http.NewRequest(s.method, "http://localhost"+s.path, nil)
	if err != nil {
		panic(err)
	}
	r.RequestURI = s.path
	return r
}

func fastContext(s setup) *fasthttp.RequestCtx {
	ctx := &fasthttp.RequestCtx{}
	ctx.Request.Header.SetMethod(s.method)
	ctx.Request.SetRequestURI(s.path)
	ctx.Request.Header.SetHost("localhost")
	return ctx
}

// sink is a writer that drops what it gets, unless it is to keep it.
type sink struct {
	header http.Header
	keep   bool
	body   []byte
}

func (s *sink) Header() http.Header { return s.header }
func (s *sink) WriteHeader(int)     {}

func (s *sink) Write(p []byte) (int, error) {
	if s.keep {
		s.body = append(s.body, p...)
	}
	return len(p), nil
}

func (s *sink) WriteString(p string) (int, error) {
	if s.keep {
		s.body = append(s.body, p...)
	}
	return len(p), nil
}
