package carafe_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// readOracle decodes the golden cases of a kind: those of the folder $CARAFE_ORACLE names, else our own copy.
func readOracle[C any](t *testing.T, kind string) []C {
	t.Helper()
	dir := os.Getenv("CARAFE_ORACLE")
	if dir == "" {
		dir = filepath.Join("testdata", "oracle")
	}
	data, err := os.ReadFile(filepath.Join(dir, kind+"-cases.json"))
	if err != nil {
		t.Fatalf("reading the golden cases: %v", err)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var cases []C
	if err := dec.Decode(&cases); err != nil {
		t.Fatalf("%s-cases.json: %v", kind, err)
	}
	return cases
}

// tally counts how the cases of a kind came out.
type tally struct {
	kind                string
	agree, differ, fail int
}

// verdict is how one case came out: wrong is what is not as it should be; reason is the rule by which Carafe
// differs on purpose, when it does what that rule says.
type verdict struct {
	wrong  []string
	reason string
}

func (v *verdict) wrongf(format string, args ...any) {
	v.wrong = append(v.wrong, fmt.Sprintf(format, args...))
}

func (c *tally) count(t *testing.T, id, name string, v verdict) {
	t.Helper()
	switch {
	case len(v.wrong) > 0:
		c.fail++
		t.Errorf("%s (%s): %s", id, name, strings.Join(v.wrong, "; "))
	case v.reason != "":
		c.differ++
		t.Logf("%s (%s): Unlike Flask, %s", id, name, v.reason)
	default:
		c.agree++
	}
}

func (c *tally) log(t *testing.T) {
	t.Helper()
	t.Logf("oracle %s: %d agree, %d differ on purpose, %d fail", c.kind, c.agree, c.differ, c.fail)
}

// headerLines are header lines in the order of their names, which is how net/http sends them.
func headerLines(pairs [][2]string) []string {
	lines := make([]string, len(pairs))
	for i, p := range pairs {
		lines[i] = http.CanonicalHeaderKey(p[0]) + ": " + p[1]
	}
	slices.SortStableFunc(lines, func(a, b string) int {
		return strings.Compare(a[:strings.IndexByte(a, ':')], b[:strings.IndexByte(b, ':')])
	})
	return lines
}

// headersLikeFlasks are headers without the one that every answer has which may have a body. Unlike Flask, Carafe sends
// X-Content-Type-Options: nosniff by default. Where it is not as it should be, it is said among the headers, which then are not Flask's.
func headersLikeFlasks(status int, h http.Header) [][2]string {
	const name = "X-Content-Type-Options"
	want, rest := status != http.StatusNoContent && status != http.StatusNotModified && status >= 200, h.Clone()
	if delete(rest, name); (h.Get(name) == "nosniff" && len(h[name]) == 1) != want {
		rest[name] = []string{fmt.Sprintf("%q instead of nosniff for a body: %v", h[name], want)}
	}
	return headerPairs(rest)
}

func headerPairs(h http.Header) [][2]string {
	var pairs [][2]string
	for k, vs := range h {
		for _, v := range vs {
			pairs = append(pairs, [2]string{k, v})
		}
	}
	return pairs
}
