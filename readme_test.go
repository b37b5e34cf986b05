package carafe_test

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// TestTheReadmesProgramRuns builds the first program of the README as it stands, and asks it.
func TestTheReadmesProgramRuns(t *testing.T) {
	page, err := os.ReadFile("README.md")
	must(t, err)
	_, program, _ := strings.Cut(string(page), "```go\n")
	program, _, _ = strings.Cut(program, "```")
	if n := strings.Count(program, "\n"); n != 12 {
		t.Errorf("the README says hello in %d lines, want 12", n)
	}
	dir := t.TempDir()
	source, binary := filepath.Join(dir, "main.go"), filepath.Join(dir, "hello")
	if runtime.GOOS == "windows" {
		binary += ".exe"
	}
	must(t, os.WriteFile(source, []byte(program), 0o600))
	if out, err := exec.Command("go", "build", "-o", binary, source).CombinedOutput(); err != nil {
		t.Fatalf("the README's program does not compile: %v\n%s", err, out)
	}
	site := startProgram(t, binary)
	for path, want := range map[string]string{"/": "Hello, World!", "/hello/Ada": "Hello, Ada!"} {
		resp, err := http.Get(site + path)
		must(t, err)
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		must(t, err)
		if resp.StatusCode != 200 || string(body) != want {
			t.Errorf("GET %s = %d %q, want %q", path, resp.StatusCode, body, want)
		}
	}
}

// TestTheReadmesCurlLinesAnswerAsItSays builds examples/hello and runs each curl line of the README.
func TestTheReadmesCurlLinesAnswerAsItSays(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("there is no curl")
	}
	page, err := os.ReadFile("README.md")
	must(t, err)
	dir := t.TempDir()
	binary := filepath.Join(dir, "hello")
	if out, err := exec.Command("go", "build", "-o", binary, "./examples/hello").CombinedOutput(); err != nil {
		t.Fatalf("the example does not compile: %v\n%s", err, out)
	}
	var consoles []string
	for _, m := range quickstartBlock.FindAllStringSubmatch(string(page), -1) {
		if m[2] == "console" {
			consoles = append(consoles, m[3])
		}
	}
	if asked := quickstartAskAll(t, dir, startProgram(t, binary), consoles); asked < 6 {
		t.Errorf("%d curl lines were found, want those of the README", asked)
	}
}

// TestTheReadmesTableSaysWhereItIsShown looks for a link at the end of each row of the table beside others.
func TestTheReadmesTableSaysWhereItIsShown(t *testing.T) {
	page, err := os.ReadFile("README.md")
	must(t, err)
	_, table, _ := strings.Cut(string(page), "| shown by |\n")
	table, _, _ = strings.Cut(table, "\n\n")
	rows := strings.Split(table, "\n")[1:]
	if len(rows) < 10 {
		t.Errorf("the table has %d rows, want more", len(rows))
	}
	for _, row := range rows {
		cells := strings.Split(strings.Trim(row, "| "), " | ")
		if len(cells) != 8 || !docLink.MatchString(cells[len(cells)-1]) {
			t.Errorf("a row has no eighth cell with a link to where it is shown:\n%s", row)
		}
	}
}

var runningOn = regexp.MustCompile(`Running on (http://\S+)`)

// startProgram runs an app's program on a free port until the test is over, and returns the URL that it prints.
func startProgram(t *testing.T, binary string) string {
	t.Helper()
	cmd := exec.Command(binary)
	cmd.Env = append(os.Environ(), "CARAFE_RUN_HOST=127.0.0.1", "CARAFE_RUN_PORT=0")
	says, err := cmd.StderrPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	var said strings.Builder
	for s := bufio.NewScanner(says); s.Scan(); {
		said.WriteString(s.Text() + "\n")
		if m := runningOn.FindStringSubmatch(s.Text()); m != nil {
			return m[1]
		}
	}
	t.Fatalf("the program ended without saying where it runs:\n%s", &said)
	return ""
}

var codeBlock = regexp.MustCompile("(?s)```.*?```")
