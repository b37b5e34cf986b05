package devserver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A build is one run of the compiler.
type build struct {
	seq    int
	binary string
	output string
	err    error
}

// goCommand is the go command in the project.
func (p *Project) goCommand(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Env = p.Dir, p.Env
	cmd.Cancel = func() error { return interrupt(cmd.Process) }
	cmd.WaitDelay = 3 * time.Second
	dieWithParent(cmd)
	return cmd
}

// build compiles the program to binary.
func (p *Project) build(ctx context.Context, seq int, binary string) build {
	args := append([]string{"build", "-buildvcs=false", "-o", binary}, p.BuildFlags...)
	output, err := p.goCommand(ctx, append(args, p.Package)...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		output = append(output, fmt.Sprintf("the go command cannot be run: %v\n", err)...)
	}
	if err == nil {
		if info, statErr := os.Stat(binary); statErr != nil || info.IsDir() {
			err = errors.New("no program")
			output = fmt.Appendf(nil, "%s is not one program: name a package main\n", p.Package)
		}
	}
	return build{seq, binary, string(output), err}
}

// A Diagnostic is what the compiler says about a line.
type Diagnostic struct {
	File    string // full path
	Line    int    // from 1
	Column  int    // 0 if it is not known
	Message string // in the compiler's words
}

var diagnosticLine = regexp.MustCompile(`^(?:vet: )?(.+?\.(?:go|mod|sum|work|c|h|s|S)):(\d+)(?::(\d+))?:? (.*)$`)

// diagnostics reads what go build prints: "file:line:column: message", goes on in lines that begin with a tab.
func diagnostics(dir, output string) []Diagnostic {
	var list []Diagnostic
	for line := range strings.Lines(output) {
		line = strings.TrimRight(line, "\r\n")
		if m := diagnosticLine.FindStringSubmatch(line); m != nil {
			d := Diagnostic{File: m[1], Message: m[4]}
			d.Line, _ = strconv.Atoi(m[2])
			d.Column, _ = strconv.Atoi(m[3])
			if !filepath.IsAbs(d.File) {
				d.File = filepath.Join(dir, d.File)
			}
			list = append(list, d)
		} else if n := len(list); n > 0 && strings.HasPrefix(line, "\t") {
			list[n-1].Message += "\n" + line[1:]
		}
	}
	return list
}

// A listing is what the go command knows of the program's source outside of the standard library and the module cache.
type listing struct {
	folders map[string]bool
	embeds  []string
}

// listed is what go list prints of a package.
type listed struct {
	Dir           string
	Standard      bool
	EmbedPatterns []string
	Module        *struct {
		Version string
		Replace *struct{ Version string }
	}
}

// list asks for the folders of the program's packages and for what they embed.
func (p *Project) list(ctx context.Context) (listing, error) {
	args := append([]string{"list", "-e", "-deps", "-json=Dir,Standard,EmbedPatterns,Module"}, p.BuildFlags...)
	out, err := p.goCommand(ctx, append(args, p.Package)...).Output()
	if err != nil {
		return listing{}, err
	}
	l := listing{folders: map[string]bool{}}
	for dec := json.NewDecoder(bytes.NewReader(out)); dec.More(); {
		var pkg listed
		if err := dec.Decode(&pkg); err != nil {
			return listing{}, err
		}
		if pkg.Standard || pkg.Dir == "" || pkg.fixed() {
			continue
		}
		l.folders[pkg.Dir] = true
		for _, pattern := range pkg.EmbedPatterns {
			l.embeds = append(l.embeds, embedRoot(pkg.Dir, pattern))
		}
	}
	return l, nil
}

// fixed packages are of a version of their module, which nobody edits.
func (l *listed) fixed() bool {
	m := l.Module
	return m != nil && (m.Replace == nil && m.Version != "" || m.Replace != nil && m.Replace.Version != "")
}

// embedRoot is the file or folder below which all files of a go:embed pattern lie.
func embedRoot(dir, pattern string) string {
	pattern = strings.TrimPrefix(pattern, "all:")
	if at := strings.IndexAny(pattern, `*?[\`); at >= 0 {
		pattern = pattern[:strings.LastIndexByte(pattern[:at], '/')+1]
	}
	return filepath.Join(dir, filepath.FromSlash(pattern))
}

// moduleRoot is the nearest folder with a go.mod, else dir itself.
func moduleRoot(dir string) string {
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			return at
		}
		if at == filepath.Dir(at) {
			return dir
		}
	}
}

// sameFile says whether two programs are the same, byte for byte.
func sameFile(a, b string) bool {
	ia, errA := os.Stat(a)
	ib, errB := os.Stat(b)
	if errA != nil || errB != nil || ia.Size() != ib.Size() {
		return false
	}
	da, errA := os.ReadFile(a)
	db, errB := os.ReadFile(b)
	return errA == nil && errB == nil && bytes.Equal(da, db)
}
