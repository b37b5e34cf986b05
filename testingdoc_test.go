package carafe_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// testingImports are the packages that the tests of docs/testing.md name.
var testingImports = []string{"context", "io", "net/http", "testing", "testing/synctest", "time", module, module + "/testing"}

// TestTheTestsOfThePageOnTestingPass compiles the app and the tests of docs/testing.md and runs them: each has to pass.
func TestTheTestsOfThePageOnTestingPass(t *testing.T) {
	page, err := os.ReadFile("docs/testing.md")
	must(t, err)
	var site, tests string
	for _, m := range regexp.MustCompile("(?ms)^```go\n(.*?)^```$").FindAllStringSubmatch(string(page), -1) {
		if strings.HasPrefix(m[1], "// site.go\n") {
			site = m[1]
		} else {
			tests += m[1] + "\n"
		}
	}
	imports := ""
	for _, path := range testingImports {
		name := ""
		if path == module+"/testing" {
			name = "carafetest "
		}
		imports += fmt.Sprintf("import %s%q\n", name, path)
	}
	dir := t.TempDir()
	files := []string{filepath.Join(dir, "site.go"), filepath.Join(dir, "site_test.go")}
	must(t, os.WriteFile(files[0], []byte(site), 0o644))
	must(t, os.WriteFile(files[1], []byte("package site\n\n"+imports+tests), 0o644))
	out, err := exec.Command("go", "test", "-v", files[0], files[1]).CombinedOutput()
	if err != nil {
		t.Fatalf("the page's tests: %v\n%s", err, out)
	}
	for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)`).FindAllStringSubmatch(tests, -1) {
		if !strings.Contains(string(out), "--- PASS: "+m[1]+" ") {
			t.Errorf("%s of the page has not passed:\n%s", m[1], out)
		}
	}
}
