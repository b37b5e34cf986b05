package carafe

import (
	"bytes"
	"fmt"
	"runtime/pprof"
	"strings"
	"sync"
	"time"
)

// guardLabel is the label by which goroutines are known to be of a request.
const guardLabel = "carafe.guard"

const (
	firstSweep = time.Millisecond
	slowSweep  = 50 * time.Millisecond
	// lookAfter is when it is looked at who has started the goroutines that are left: of most it turns out that a library keeps them, and
	// the request is done with.
	lookAfter = 100 * time.Millisecond
	// sweepShare is the part of the time that sweeps take at most, as long as one takes less than 4 ms: reading the profile stops the program.
	sweepShare = 50
	// longestPause bounds what sweepShare asks for: a sweep that was kept waiting for a processor has stopped nobody.
	longestPause = 200 * time.Millisecond
)

// afterBubbles is later than what the clock of a bubble of testing/synctest shows, which begins with the year 2000. A sweep sleeps, and a bubble
// whose test has ended may have no goroutine that sleeps: there, a request that has left none is judged at once.
var afterBubbles = time.Date(2020, time.January, 1, 0, 0, 0, 0, time.UTC)

// await has the request judged when its goroutines have ended, or are late.
func (g *guard) await(q *guardedRequest) {
	if g.Judging != nil {
		g.Judging.Add(1)
	}
	q.ended = time.Now()
	if q.ended.Before(afterBubbles) && g.judge([]*guardedRequest{q}) == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.over = append(g.over, q)
	if !g.sweeping {
		g.sweeping = true
		go g.sweep()
	}
}

// sweep looks at the goroutines of the requests that are over until all are judged. There is no event to wait for: the runtime tells
// nobody that a goroutine has ended.
func (g *guard) sweep() {
	pprof.SetGoroutineLabels(emptyLabels) // those of a request, if the app was called within one
	pause := firstSweep
	for {
		time.Sleep(pause)
		began := time.Now()
		g.mu.Lock()
		over := g.over
		g.over = nil
		g.mu.Unlock()
		late := g.judge(over)
		g.mu.Lock()
		fresh := len(g.over) > 0
		g.over = append(late, g.over...)
		g.sweeping = len(g.over) > 0
		more := g.sweeping
		g.mu.Unlock()
		if !more {
			return
		}
		if pause = min(2*pause, slowSweep); fresh {
			pause = firstSweep
		}
		pause = max(pause, min(sweepShare*time.Since(began), longestPause))
	}
}

// judge is done with the requests that it can be, and returns the others.
func (g *guard) judge(over []*guardedRequest) (late []*guardedRequest) {
	alive, all := labelled(g.id), sync.OnceValue(startedGoroutines)
	for _, q := range over {
		if !q.settled(alive[q.label], all) {
			late = append(late, q)
		} else if g.Judging != nil {
			g.Judging.Add(-1)
		}
	}
	return late
}

// settled says whether the request is done with. left are its goroutines, all those of the program.
func (q *guardedRequest) settled(left []stack, all func() []startedGoroutine) bool {
	took := time.Since(q.ended)
	late := took >= q.guard.Grace
	switch {
	case len(left) == 0:
		return true
	case !late && (q.looked || took < lookAfter):
		return false
	}
	q.looked = true
	culprits := culpritsOf(left, all())
	if late {
		q.accuse(culprits)
	}
	return late || len(culprits) == 0
}

// accuse reports the goroutines, those of one place together.
func (q *guardedRequest) accuse(culprits []culprit) {
	counts := map[Site]int{}
	for _, c := range culprits {
		counts[c.site]++
	}
	for _, c := range culprits {
		n := counts[c.site]
		if n == 0 {
			continue // told with the first of its place
		}
		counts[c.site] = 0
		many := "1 goroutine"
		if n > 1 {
			many = fmt.Sprintf("%d goroutines", n)
		}
		q.find(GuardGoroutine, c.site, fmt.Sprintf("%s has left %s behind, started%s (%s, in %s): "+
			"end it before the view returns, have it watch c.Done(), or start it with c.Go, whose work may outlive the response",
			q.subject(), many, c.site.at(), shortFunction(c.entry), c.state))
	}
}

// A stack is where a goroutine stands, innermost frame first.
type stack []stackFrame

// A stackFrame is a function that runs in a goroutine.
type stackFrame struct {
	function string
	file     string // with the line, "/shop/cart.go:41"
}

// entry is the function that the goroutine was started with, as far as the stack tells.
func (s stack) entry() string {
	if len(s) == 0 {
		return ""
	}
	return s[len(s)-1].function
}

// labelled are the stacks of the program's goroutines that have labels of a guard, by label.
//
// It reads what the profile prints for people, which is all that the standard library gives away with labels.
func labelled(id string) map[string][]stack {
	var text bytes.Buffer
	if pprof.Lookup("goroutine").WriteTo(&text, 1) != nil {
		return nil // a Buffer never fails
	}
	found := map[string][]stack{}
	for block := range strings.SplitSeq(text.String(), "\n\n") {
		label, ok := labelIn(block, id)
		if !ok {
			continue
		}
		s, n := readProfiled(block)
		for range n {
			found[label] = append(found[label], s)
		}
	}
	return found
}

// labelIn finds a label of the guard id in `# labels: {"carafe.guard":"id-7"}`.
func labelIn(block, id string) (label string, ok bool) {
	_, rest, ok := strings.Cut(block, "\n# labels: {")
	if !ok {
		return "", false
	}
	labels, _, _ := strings.Cut(rest, "\n")
	_, rest, ok = strings.Cut(labels, `"`+guardLabel+`":"`+id+"-")
	if !ok {
		return "", false
	}
	number, _, _ := strings.Cut(rest, `"`)
	return id + "-" + number, true
}

// readProfiled reads a block of the profile: "2 @ 0x…", and a line for each frame.
func readProfiled(block string) (s stack, n int) {
	first := true
	for line := range strings.Lines(block) {
		if count, _, ok := strings.Cut(line, " @ "); ok && first {
			_, _ = fmt.Sscan(count, &n)
			first = false
			continue
		}
		cells := strings.FieldsFunc(strings.TrimSpace(line), func(r rune) bool { return r == '\t' })
		if len(cells) != 4 || cells[0] != "#" {
			continue
		}
		function := cells[2]
		if at := strings.LastIndexByte(function, '+'); at > 0 {
			function = function[:at]
		}
		s = append(s, stackFrame{function, cells[3]})
	}
	return withoutRuntime(s), n
}
