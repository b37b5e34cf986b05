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

// quickstartSite writes the page's program and files to dir: statements become the body of routes.
func quickstartSite(t *testing.T, page, dir string) (consoles []string) {
	t.Helper()
	var program, declarations, statements string
	for _, m := range quickstartBlock.FindAllStringSubmatch(page, -1) {
		file, kind, text := m[1], m[2], m[3]
		switch {
		case kind == "console":
			consoles = append(consoles, text)
		case file != "":
			must(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(file)), 0o755))
			must(t, os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644))
		case strings.HasPrefix(text, "package main"):
			program = text
		default:
			if _, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+text, parser.SkipObjectResolution); err == nil {
				declarations += text + "\n"
			} else {
				statements += text + "\n"
			}
		}
	}
	code := declarations + "func routes(app *carafe.App) {\n" + statements + "}\n"
	must(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte(program), 0o644))
	imports := fmt.Sprintf("import %q\n", module)
	for _, path := range quickstartImports {
		if regexp.MustCompile(`\b` + path[strings.LastIndexByte(path, '/')+1:] + `\.[A-Z]`).MatchString(code) {
			imports += fmt.Sprintf("import %q\n", path)
		}
	}
	must(t, os.WriteFile(filepath.Join(dir, "routes.go"), []byte("package main\n\n"+imports+code), 0o644))
	return consoles
}

// TestTheQuickstartAnswersAsItSays builds the program of docs/quickstart.md and runs each of the page's curl lines.
func TestTheQuickstartAnswersAsItSays(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("there is no curl")
	}
	page, err := os.ReadFile("docs/quickstart.md")
	must(t, err)
	dir := t.TempDir()
	consoles := quickstartSite(t, string(page), dir)
	binary := filepath.Join(dir, "quickstart")
	build := exec.Command("go", "build", "-o", binary, filepath.Join(dir, "main.go"), filepath.Join(dir, "routes.go"))
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("the page's program does not compile: %v\n%s", err, out)
	}
	t.Setenv("TMPDIR", dir) // where the page's upload is kept
	site := startProgram(t, binary)
	asked := 0
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
	if asked < 25 {
		t.Errorf("%d curl lines were found, want all of the page", asked)
	}
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
