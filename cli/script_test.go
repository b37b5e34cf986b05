package cli_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
)

var update = flag.Bool("update", false, "write what the commands say into the scripts of testdata")

// A script is a file of testdata that shows a command line as one would see it, in a folder outside of the repository:
//
//	# what it is about
//	$ shop routes            a command, in the words of a shell without expansion
//	Endpoint  Methods        what it writes to standard output
//	! Error: …               what it writes to standard error
//	? 2                      the exit code, if it is not 0
//
// Three stars in a line stand for any text, a line of three stars for any lines. Besides the programs of builtPrograms there are
//
//	$ write FILE             the output shown is the content of a new file
//	$ cd FOLDER
//	$ env NAME=VALUE
//	$ rm FILE
//
// Backslashes, and paths of this machine, are written as /, $WORK and $REPO.
type script struct {
	t     *testing.T
	path  string
	work  string // the folder that it was begun in
	dir   string
	env   []string
	steps []*scriptStep
}

// A scriptStep is a command and the lines below it; comments have no command.
type scriptStep struct {
	line    int
	command string
	lines   []string
}

func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no scripts in testdata: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			readScript(t, file).run()
		})
	}
}

func readScript(t *testing.T, path string) *script {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	work, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := &script{t: t, path: path, work: work, dir: work, env: scriptEnv(t, work)}
	n := 0
	for line := range strings.Lines(strings.ReplaceAll(string(data), "\r\n", "\n")) {
		n++
		line = strings.TrimSuffix(line, "\n")
		command, isCommand := strings.CutPrefix(line, "$ ")
		if isCommand || len(s.steps) == 0 {
			s.steps = append(s.steps, &scriptStep{line: n, command: command})
			if isCommand {
				continue
			}
			s.steps[0].command = ""
		}
		step := s.steps[len(s.steps)-1]
		if step.command != "" && (strings.HasPrefix(line, "# ") || line == "") && !strings.HasPrefix(step.command, "write ") {
			step = &scriptStep{line: n}
			s.steps = append(s.steps, step)
		}
		step.lines = append(step.lines, line)
	}
	return s
}

// scriptEnv is what commands see: nothing of this machine but the tools of Go, which must not use the network.
func scriptEnv(t *testing.T, work string) []string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOCACHE", "GOMODCACHE", "GOROOT", "GOFLAGS").Output()
	if err != nil {
		t.Fatal(err)
	}
	known := strings.Split(string(out), "\n")
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + work, "XDG_CACHE_HOME=" + filepath.Join(programFolder(t), "cache"), "TMPDIR=" + os.TempDir(),
		"SYSTEMROOT=" + os.Getenv("SYSTEMROOT"), "GOCACHE=" + known[0], "GOMODCACHE=" + known[1], "GOROOT=" + known[2], "GOFLAGS=" + known[3] + " -buildvcs=false",
		"GOPROXY=off", "GOTOOLCHAIN=local", "GOWORK=off",
	}
}

// builtPrograms are the commands of scripts, and the packages they are built of.
var builtPrograms = map[string]string{"carafe": "../cmd/carafe", "shop": "./testdata/shop", "plain": "./testdata/plain", "bare": "./testdata/bare"}

var programs struct {
	once sync.Once
	dir  string
	err  error
}

// programFolder has the programs, built once for all tests.
func programFolder(t *testing.T) string {
	t.Helper()
	programs.once.Do(func() {
		if programs.dir, programs.err = os.MkdirTemp("", "carafe-cli-"); programs.err != nil {
			return
		}
		for name, pkg := range builtPrograms {
			if runtime.GOOS == "windows" {
				name += ".exe"
			}
			if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", filepath.Join(programs.dir, name), pkg).CombinedOutput(); err != nil {
				programs.err = fmt.Errorf("building %s: %w\n%s", pkg, err, out)
				return
			}
		}
	})
	if programs.err != nil {
		t.Fatal(programs.err)
	}
	return programs.dir
}

func TestMain(m *testing.M) {
	code := m.Run()
	if programs.dir != "" {
		os.RemoveAll(programs.dir)
	}
	os.Exit(code)
}

func (s *script) run() {
	s.t.Helper()
	for _, step := range s.steps {
		if step.command == "" {
			continue
		}
		got := s.do(step)
		if *update && !strings.Contains(strings.Join(step.lines, "\n"), "***") {
			step.lines = got
		}
		if want := strings.Join(step.lines, "\n"); !likeLines(want, strings.Join(got, "\n")) {
			s.t.Errorf("%s:%d: $ %s\ngot:\n%s\n\nwant:\n%s", s.path, step.line, step.command, strings.Join(got, "\n"), want)
		}
	}
	if *update {
		s.write()
	}
}

func (s *script) write() {
	var b strings.Builder
	for _, step := range s.steps {
		if step.command != "" {
			b.WriteString("$ " + step.command + "\n")
		}
		for _, line := range step.lines {
			b.WriteString(line + "\n")
		}
	}
	if err := os.WriteFile(s.path, []byte(b.String()), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// likeLines compares with three stars as any text.
func likeLines(want, got string) bool {
	pattern := regexp.QuoteMeta(want)
	pattern = strings.ReplaceAll(pattern, regexp.QuoteMeta("***"), "@any@")
	pattern = regexp.MustCompile(`(?m)^@any@$`).ReplaceAllString(pattern, `(?s:.*)`)
	return regexp.MustCompile(`^` + strings.ReplaceAll(pattern, "@any@", `.*`) + `$`).MatchString(got)
}

// do runs a command and returns the lines that the script should have below it.
func (s *script) do(step *scriptStep) []string {
	s.t.Helper()
	words := shellWords(s.expand(step.command))
	switch words[0] {
	case "cd":
		s.dir = filepath.Join(s.dir, filepath.FromSlash(words[1]))
		return nil
	case "env":
		s.env = append(s.env, words[1])
		return nil
	case "rm":
		if err := os.RemoveAll(filepath.Join(s.dir, filepath.FromSlash(words[1]))); err != nil {
			s.t.Fatal(err)
		}
		return nil
	case "write":
		s.file(words[1], step.lines)
		return step.lines
	}
	return s.start(words)
}

func (s *script) file(name string, lines []string) {
	s.t.Helper()
	path := filepath.Join(s.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(s.expand(strings.Join(lines, "\n"))+"\n"), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

func (s *script) start(words []string) (lines []string) {
	s.t.Helper()
	if builtPrograms[words[0]] != "" {
		words[0] = filepath.Join(programFolder(s.t), words[0])
	}
	cmd := exec.CommandContext(s.t.Context(), words[0], words[1:]...)
	cmd.Dir, cmd.Env = s.dir, s.env
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatalf("%s: $ %v: %v", s.path, words, err)
	}
	for line := range strings.Lines(s.plain(out.String())) {
		lines = append(lines, strings.TrimSuffix(line, "\n"))
	}
	for line := range strings.Lines(s.plain(errs.String())) {
		lines = append(lines, strings.TrimRight("! "+strings.TrimSuffix(line, "\n"), " "))
	}
	if exit != nil {
		lines = append(lines, fmt.Sprintf("? %d", exit.ExitCode()))
	}
	return lines
}

func repository() string {
	dir, _ := filepath.Abs("..") // fails where there is no working directory
	return dir
}

func (s *script) expand(text string) string {
	return strings.NewReplacer("$WORK", s.work, "$REPO", repository(), "$BIN", programs.dir).Replace(text)
}

// plain is what a command wrote, without what is this machine's. An empty line would end the command: it is shown as "~".
func (s *script) plain(text string) string {
	text = strings.NewReplacer(s.work, "$WORK", repository(), "$REPO", programs.dir, "$BIN", `\`, "/").Replace(text)
	text = regexp.MustCompile(`(?m)^Go \S+ \w+/\w+$`).ReplaceAllString(text, "Go $$VERSION")
	return regexp.MustCompile(`(?m)^$\n`).ReplaceAllString(text, "~\n")
}

// shellWords splits at blanks, but for those between single quotes.
func shellWords(line string) (words []string) {
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			words = append(words, part)
		} else {
			words = append(words, strings.Fields(part)...)
		}
	}
	return words
}
