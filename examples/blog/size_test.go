package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// countLines counts the lines of the files that a pattern names, as wc does; tests are left out.
func countLines(t *testing.T, patterns ...string) (n int) {
	t.Helper()
	for _, pattern := range patterns {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("no files are called %s (%v)", pattern, err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			n += bytes.Count(data, []byte("\n"))
		}
	}
	return n
}

// TestTheBlogIsAboutAsLongAsFlasks holds the README's table, and the promise of fewer than 1.2 times the lines.
func TestTheBlogIsAboutAsLongAsFlasks(t *testing.T) {
	const flask = 345 + 116 + 20
	code, templates, schema := countLines(t, "*.go"), countLines(t, "templates/*.html", "templates/*/*.html"), countLines(t, "schema.sql")
	all := code + templates + schema
	if 10*all >= 12*flask {
		t.Errorf("the blog has %d lines, Flask's tutorial %d: want fewer than 1.2 times as many", all, flask)
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		fmt.Sprintf("| 345 | %d |", code), fmt.Sprintf("| 116 | %d |", templates), fmt.Sprintf("| 20 | %d |", schema), fmt.Sprintf("| %d | %d |", flask, all),
		fmt.Sprintf("That is %.2f times", float64(all)/flask), fmt.Sprintf("(134 and %d)", countLines(t, "static/style.css")),
	} {
		if !strings.Contains(string(readme), want) {
			t.Errorf("README.md does not say %q", want)
		}
	}
}
