package main

import (
	"fmt"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

// TestOracleHostile tries the catalogue on the program, in all three ways of serving. Cases of kind unit are
// tests of their rooms; docs/security.md names them.
func TestOracleHostile(t *testing.T) {
	agree, failed := tryEverywhere(t, readCatalogue(t))
	t.Logf("oracle hostile: %d agree, 0 differ on purpose, %d fail", agree, failed)
}

// TestHostileInputsOfOurOwn tries what the catalogue has no case of: other spellings, headers, hosts, chunks, names.
func TestHostileInputsOfOurOwn(t *testing.T) {
	agree, failed := tryEverywhere(t, readCases(t, filepath.Join("testdata", "own-inputs.json")))
	if failed > 0 || agree < 3*150 {
		t.Errorf("%d cases hold, and %d do not", agree, failed)
	}
}

// tryEverywhere tries the cases in all three ways of serving.
func tryEverywhere(t *testing.T, cases []hostileCase) (agree, failed int) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the processes' memory, descriptors and children are read from /proc, which only Linux has")
	}
	var mu sync.Mutex
	t.Run("served", func(t *testing.T) {
		for _, mode := range []string{"run", "server", "http"} {
			t.Run(mode, func(t *testing.T) {
				t.Parallel()
				tryAll(t, cases, mode, func(ok bool) {
					mu.Lock()
					defer mu.Unlock()
					if ok {
						agree++
					} else {
						failed++
					}
				})
			})
		}
	})
	return agree, failed
}

// tryAll tries what minds no company several at a time, and the rest one after the other beside it.
func tryAll(t *testing.T, cases []hostileCase, mode string, count func(ok bool)) {
	shared := newChild(t, mode+",hard")
	report := func(c *hostileCase, faults []string) {
		count(len(faults) == 0)
		if len(faults) > 0 {
			t.Errorf("%s %s: %q", c.ID, c.Title, faults)
		}
	}
	var group sync.WaitGroup
	atOnce := make(chan struct{}, 4)
	for i := range cases {
		c := &cases[i]
		if c.Kind == "unit" || c.alone() {
			continue
		}
		slow := c.Expect.has("closed_within_ms") // which only waits
		if !slow {
			atOnce <- struct{}{}
		}
		group.Go(func() {
			if !slow {
				defer func() { <-atOnce }()
			}
			faults := runOnShared(c, shared)
			report(c, faults)
		})
	}
	alone := newChild(t, mode+",hard")
	for i := range cases {
		if c := &cases[i]; c.Kind != "unit" && c.alone() {
			report(c, runCase(c, alone))
		}
	}
	group.Wait()
	if !shared.same() {
		t.Error("the process that serves has died during the cases that were tried together")
	}
}

// runOnShared is a case whose server others use too, so that only its answer is looked at, and that there is one afterwards.
func runOnShared(c *hostileCase, shared *child) (faults []string) {
	steps, err := c.steps()
	if err != nil {
		return []string{fmt.Sprint("the case cannot be read: ", err)}
	}
	r := &run{child: shared, c: c, want: c.Expect}
	switch {
	case len(steps) > 0 && steps[0].Bulk != "":
		faults = r.bulk(steps[0].Bulk)
	default:
		faults = r.exchanges(steps)
	}
	if !shared.serves(10e9) {
		faults = append(faults, "it serves no more")
	}
	return faults
}
