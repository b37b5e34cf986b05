package carafe_test

import (
	"bytes"
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
	advisories := map[string]bool{}
	for _, row := range strings.Split(string(doc), "\n") {
		if m := advisoryRow.FindStringSubmatch(row); m != nil {
			if advisories[m[1]] {
				t.Errorf("%s has two rows", m[1])
			}
			advisories[m[1]] = true
			checkAdvisory(t, row, m[2])
		}
	}
	listed, err := os.ReadFile(filepath.Join("testdata", "advisories.txt"))
	must(t, err)
	for _, id := range strings.Fields(string(listed)) {
		if !advisories[id] {
			t.Errorf("docs/security.md says nothing about %s", id)
		}
	}
	checkCases(t, string(doc))
}

var advisoryRow = regexp.MustCompile(`^\| ((?:CVE|GO|GHSA)-[^ ]+) \| [^|]+ \| ([^|]+) \|$`)

// checkAdvisory wants a test for an advisory.
func checkAdvisory(t *testing.T, row, shown string) {
	t.Helper()
	if !regexp.MustCompile("`(Test|Fuzz)").MatchString(shown) {
		t.Errorf("no test is named: %s", row)
	}
}

// checkCases wants each case that the document names to be in the catalogue.
func checkCases(t *testing.T, doc string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "oracle", "hostile-inputs.json"))
	must(t, err)
	for _, id := range regexp.MustCompile(`\b(?:TRAV|REDIR|INJ|HOST|FWD|SESS|COOK|CSRF|JSON|MPART|FORM|SLOW|FRAME|METH|RANGE|ROUTE|ERR|LOG|TMPL|LIFE)-[0-9]+`).FindAllString(doc, -1) {
		if !bytes.Contains(data, []byte(`"`+id+`"`)) {
			t.Errorf("docs/security.md names %s, which is no case of the catalogue", id)
		}
	}
}
