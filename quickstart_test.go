package carafe_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// quickstartImports are the packages that the snippets of docs/quickstart.md name.
var quickstartImports = []string{"fmt", "html", "iter", "net/http", "os", "path/filepath", "strconv"}

var (
	quickstartBlock = regexp.MustCompile("(?ms)^(?:`([a-z/.]+)`:\n\n)?```([a-z]+)\n(.*?)^```$")
	quickstartCurl  = regexp.MustCompile(`(?m)^\$ (curl .*)$`)
)

// quickstartSite writes the page's program and files to dir, and builds it as it is at first; then statements become the body of routes.
func quickstartSite(t *testing.T, page, dir string) (consoles []string) {
	t.Helper()
	var skeleton, declarations, statements string
	for _, m := range quickstartBlock.FindAllStringSubmatch(page, -1) {
		file, kind, text := m[1], m[2], m[3]
		switch {
		case kind == "console":
			consoles = append(consoles, text)
		case kind == "sh":
		case file == "routes.go":
			skeleton = text
		case file != "":
			must(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(file)), 0o755))
			must(t, os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644))
		default:
			if _, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+text, parser.SkipObjectResolution); err == nil {
				declarations += text + "\n"
			} else {
				statements += text + "\n"
			}
		}
	}
	must(t, os.WriteFile(filepath.Join(dir, "routes.go"), []byte(skeleton), 0o644))
	quickstartBuild(t, dir) // as it is at the beginning
	head, empty, found := strings.Cut(skeleton, "func routes(app *carafe.App) {\n")
	if !found || empty != "}\n" {
		t.Fatalf("routes.go does not begin with an empty function:\n%s", skeleton)
	}
	imports, code := "", declarations+"func routes(app *carafe.App) {\n"+statements+"}\n"
	for _, path := range quickstartImports {
		if regexp.MustCompile(`\b` + path[strings.LastIndexByte(path, '/')+1:] + `\.[A-Z]`).MatchString(code) {
			imports += fmt.Sprintf("import %q\n", path)
		}
	}
	must(t, os.WriteFile(filepath.Join(dir, "routes.go"), []byte(head+imports+code), 0o644))
	return consoles
}

// quickstartModule runs what the page has for the shell, up to the line that starts the program. The checksums that go mod tidy would
// write are this module's.
func quickstartModule(t *testing.T, page, dir string) {
	t.Helper()
	root, err := filepath.Abs(".")
	must(t, err)
	sums, err := os.ReadFile("go.sum")
	must(t, err)
	t.Setenv("GOFLAGS", "-mod=mod -buildvcs=false")
	var ran []string
	for _, m := range quickstartBlock.FindAllStringSubmatch(page, -1) {
		if m[2] != "sh" {
			continue
		}
		for line := range strings.Lines(m[3]) {
			line = strings.TrimSpace(line)
			ran = append(ran, line)
			if line == "go mod tidy" {
				must(t, os.WriteFile(filepath.Join(dir, "go.sum"), sums, 0o644))
				continue
			}
			if strings.HasSuffix(line, "go run .") {
				continue
			}
			cmd := exec.Command("sh", "-c", strings.ReplaceAll(line, "=../carafe", "="+root))
			cmd.Dir = dir
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("$ %s\n%s%v", line, out, err)
			}
		}
	}
	if want := []string{"go mod tidy", "CARAFE_DEBUG=1 go run ."}; len(ran) != 4 || !slices.Equal(ran[2:], want) {
		t.Fatalf("the page's commands are %q, want a module, and at its end %q", ran, want)
	}
}

// quickstartBuild builds what is in dir and returns the program.
func quickstartBuild(t *testing.T, dir string) string {
	t.Helper()
	binary := filepath.Join(dir, "quickstart")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("the page's program does not compile: %v\n%s", err, out)
	}
	return binary
}

// TestTheQuickstartAnswersAsItSays builds the program of docs/quickstart.md and runs each of the page's curl lines.
func TestTheQuickstartAnswersAsItSays(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("there is no curl")
	}
	page, err := os.ReadFile("docs/quickstart.md")
	must(t, err)
	dir := t.TempDir()
	quickstartModule(t, string(page), dir)
	consoles := quickstartSite(t, string(page), dir)
	binary := quickstartBuild(t, dir)
	t.Setenv("TMPDIR", dir) // where the page's upload is kept
	if asked := quickstartAskAll(t, dir, startProgram(t, binary), consoles); asked < 25 {
		t.Errorf("%d curl lines were found, want all of the page", asked)
	}
}

// quickstartAskAll runs the curl lines of consoles in dir, and says how many there are.
func quickstartAskAll(t *testing.T, dir, site string, consoles []string) (asked int) {
	t.Helper()
	for _, console := range consoles {
		at := quickstartCurl.FindAllStringSubmatchIndex(console, -1)
		for i, m := range at {
			end := len(console)
			if i+1 < len(at) {
				end = at[i+1][0]
			}
			quickstartAsk(t, dir, site, console[m[2]:m[3]], strings.Trim(console[m[1]:end], "\n"))
			asked++
		}
	}
	return asked
}

// quickstartAsk runs a curl line. An answer with -i has each of the lines, another is the text.
func quickstartAsk(t *testing.T, dir, site, line, want string) {
	t.Helper()
	const shown = "http://127.0.0.1:5000"
	cmd := exec.Command("sh", "-c", strings.Replace(strings.ReplaceAll(line, shown, site), "curl ", "curl -sS ", 1))
	cmd.Dir = dir
	out, err := cmd.Output()
	must(t, err)
	got := strings.TrimSuffix(strings.ReplaceAll(strings.ReplaceAll(string(out), "\r\n", "\n"), site, shown), "\n")
	if !strings.Contains(line, " -i ") {
		if got != want {
			t.Errorf("$ %s\n%s\nbut the page shows\n%s", line, got, want)
		}
		return
	}
	lines := strings.Split(got, "\n")
	for expected := range strings.SplitSeq(want, "\n") {
		if !slices.Contains(lines, expected) {
			t.Errorf("$ %s\n%s\nhas no line\n%s", line, got, expected)
		}
	}
}
