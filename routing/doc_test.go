package routing_test

import (
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/carafeweb/carafe/routing"
)

// TestTheTableOfThePackageDoc holds the documentation to what it says.
func TestTheTableOfThePackageDoc(t *testing.T) {
	data, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	rest := strings.NewReplacer("-…", "-9a0c-0305e82c3301", "…", "11d39a0c0305e82c3301")
	gap := regexp.MustCompile(` {2,}`)
	rows := 0
	for line := range strings.Lines(string(data)) {
		line, ok := strings.CutPrefix(strings.TrimSpace(line), "//\t/")
		if !ok {
			continue
		}
		rows++
		columns := gap.Split("/"+line, -1)
		if len(columns) != 3 {
			t.Fatalf("%q has %d columns", line, len(columns))
		}
		m := addAll(t, routing.Options{}, rulesOf(columns[0])...)
		for _, path := range strings.FieldsFunc(columns[1], func(r rune) bool { return r == ',' || r == ';' }) {
			checkDocumented(t, m, columns[0], rest.Replace(strings.TrimSpace(path)), true)
		}
		for path := range strings.SplitSeq(columns[2], ", ") {
			checkDocumented(t, m, columns[0], rest.Replace(path), false)
		}
	}
	if rows < 15 {
		t.Errorf("the table has only %d rows", rows)
	}
}

func checkDocumented(t *testing.T, m *routing.Map, rule, path string, matches bool) {
	t.Helper()
	path, redirects := strings.CutSuffix(path, " redirects")
	var match routing.Match
	var redirect *routing.RequestRedirect
	err := m.Find(t0, &match, "", "GET", path, false)
	switch {
	case redirects != errors.As(err, &redirect):
		t.Errorf("%s: %s gives %v, documented to redirect: %v", rule, path, err, redirects)
	case !redirects && matches != (err == nil):
		t.Errorf("%s: %s gives %v, documented to match: %v", rule, path, err, matches)
	}
}
