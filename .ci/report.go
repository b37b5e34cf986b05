//go:build ignore

// Report reads what `go test -json` prints and tells the story of it: each package, the oracle lines, each skip with its reason, and the
// whole output of what failed, of nothing else. The last line counts. It exits 1 when something failed, or when nothing ran.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
)

// event is one line of `go test -json`: go doc test2json.
type event struct {
	Action     string
	Package    string
	ImportPath string // of a build
	Test       string
	Output     string
	Elapsed    float64
}

// report gathers the output of each test until the test has ended.
type report struct {
	output                  map[string][]string
	passed, failed, skipped int
	broken                  bool
}

var (
	oracleLine = regexp.MustCompile(`oracle [a-z-]+: .*`)
	frame      = regexp.MustCompile(`^\s*(=== |--- |PASS|FAIL|ok |\? )`)
)

func main() {
	r := report{output: map[string][]string{}}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			fmt.Println("  ", lines.Text()) // the go command itself speaks
			continue
		}
		r.take(e)
	}
	fmt.Printf("   %d passed, %d failed, %d skipped\n", r.passed, r.failed, r.skipped)
	if lines.Err() != nil || r.broken || r.failed > 0 {
		os.Exit(1)
	}
}

func (r *report) take(e event) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "build-output":
		fmt.Print("   ", e.Output)
	case "build-fail":
		r.broken = true
	case "output":
		r.output[key] = append(r.output[key], e.Output)
		if line := oracleLine.FindString(e.Output); line != "" && strings.HasSuffix(line, "fail") {
			fmt.Println("  ", line)
		}
	case "pass", "fail", "skip":
		if e.Test == "" {
			r.endPackage(e, key)
		} else {
			r.endTest(e, key)
		}
		delete(r.output, key)
	}
}

func (r *report) endPackage(e event, key string) {
	switch e.Action {
	case "fail":
		r.broken = true
		fmt.Printf("   FAIL %s  %.0f s\n%s", e.Package, e.Elapsed, strings.Join(r.output[key], ""))
		for test, said := range r.output { // what was running when it died
			if strings.HasPrefix(test, e.Package+" ") && test != key {
				fmt.Printf("   unfinished: %s\n%s", test, strings.Join(said, ""))
			}
		}
	case "pass":
		fmt.Printf("   ok   %s  %.0f s\n", e.Package, e.Elapsed)
	}
}

func (r *report) endTest(e event, key string) {
	switch e.Action {
	case "pass":
		r.passed++
	case "fail":
		r.failed++
		fmt.Printf("   FAIL %s  %s\n%s", e.Package, e.Test, strings.Join(r.output[key], ""))
	case "skip":
		r.skipped++
		fmt.Printf("   skipped: %s: %s\n", e.Test, r.reason(key))
	}
}

// reason is what a test said before it was skipped.
func (r *report) reason(key string) string {
	var said []string
	for _, line := range r.output[key] {
		if !frame.MatchString(line) {
			said = append(said, strings.TrimSpace(line))
		}
	}
	return strings.Join(said, " ")
}
