package carafe_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestSecurityDocNamesTests holds docs/security.md to what it says: each test that it names is there.
func TestSecurityDocNamesTests(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join("docs", "security.md"))
	must(t, err)
	var source strings.Builder
	must(t, filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		data, err := os.ReadFile(path)
		source.Write(data)
		return err
	}))
	all := source.String()
	names := regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9]+)`").FindAllStringSubmatch(string(doc), -1)
	if len(names) < 40 {
		t.Errorf("only %d tests are named", len(names))
	}
	for _, m := range names {
		if !strings.Contains(all, "\nfunc "+m[1]+"(") {
			t.Errorf("docs/security.md names %s, which is not there", m[1])
		}
	}
	for _, row := range strings.Split(string(doc), "\n") {
		if strings.HasPrefix(row, "| ") && strings.Contains(row, "CVE-") && strings.Count(row, "|") != 4 {
			t.Errorf("a row of the table of advisories has no three columns: %s", row)
		}
	}
}
