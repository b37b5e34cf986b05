package main

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// A lesson is a step of docs/tutorial.md: the files it changes, and the commands it shows.
type lesson struct {
	name   string
	gets   bool // it says to fetch what the files import
	blocks []lessonBlock
	taken  []string // files of this folder that its text says to take as they are
}

// runs says whether the lesson shows commands.
func (l lesson) runs() bool {
	return slices.ContainsFunc(l.blocks, func(b lessonBlock) bool { return b.lang == "console" })
}

// lessonBlock is a block of code. Its info line is a language, and for files a name and perhaps "-" for text that goes, and "+" for
// what takes its place.
type lessonBlock struct{ lang, file, change, text string }

var (
	lessonFence = regexp.MustCompile("(?ms)^```(\\w+)(?: (\\S+))?(?: ([-+]))?\n(.*?)^```$")
	lessonTaken = regexp.MustCompile(`\]\(\.\./examples/blog/(\S+\.\w+)\)`)
)

func readLessons(t *testing.T) (lessons []lesson) {
	t.Helper()
	page, err := os.ReadFile("../../docs/tutorial.md")
	if err != nil {
		t.Fatal(err)
	}
	for i, part := range strings.Split(string(page), "\n## ") {
		if i == 0 {
			continue
		}
		name, text, _ := strings.Cut(part, "\n")
		l := lesson{name: name, gets: strings.Contains(text, "\n`go get ./...` fetches")}
		for _, m := range lessonFence.FindAllStringSubmatch(text, -1) {
			l.blocks = append(l.blocks, lessonBlock{m[1], m[2], m[3], m[4]})
		}
		for _, m := range lessonTaken.FindAllStringSubmatch(text, -1) {
			l.taken = append(l.taken, m[1])
		}
		lessons = append(lessons, l)
	}
	return lessons
}

// A pupil is a folder in which the page is followed. It is empty at first: go.mod is of the page's making.
type pupil struct {
	*testing.T
	dir     string
	written map[string]bool
	ran     int               // blocks of commands without an output
	said    *strings.Replacer // what the page says, as it is done here
}

func newPupil(t *testing.T) *pupil {
	t.Helper()
	p := &pupil{T: t, dir: t.TempDir(), written: map[string]bool{}}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	places := []string{"=../carafe", "=" + root, "/var/lib/blog", filepath.Join(p.dir, "lib"), "./blog serve", "./blog serve --check-config"}
	p.said = strings.NewReplacer(append(places, versions(string(p.ours("go.mod")))...)...)
	return p
}

// versions are what follows "go get" on the page, each with the version of the module that mod requires: which is the latest, only the network
// knows.
func versions(mod string) (oldnew []string) {
	for _, m := range regexp.MustCompile(`(?m)^\t(modernc\.org/sqlite|github\.com/jackc/pgx/v5) (\S+)$`).FindAllStringSubmatch(mod, -1) {
		oldnew = append(oldnew, " "+m[1]+"/stdlib", " "+m[1]+"/stdlib@"+m[2], " "+m[1], " "+m[1]+"@"+m[2])
	}
	return oldnew
}

// ours is a file of this folder.
func (p *pupil) ours(name string) []byte {
	p.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		p.Fatal(err)
	}
	return data
}

func (p *pupil) write(name string, data []byte) {
	p.Helper()
	path := filepath.Join(p.dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, data, 0o644)); err != nil {
		p.Fatal(err)
	}
}

func (p *pupil) read(name string) []byte {
	p.Helper()
	data, err := os.ReadFile(filepath.Join(p.dir, name))
	if err != nil {
		p.Fatal(err)
	}
	return data
}

// follow makes the files of a lesson, and runs the commands whose output it does not show, in the page's order.
func (p *pupil) follow(l lesson) {
	p.Helper()
	for _, name := range l.taken {
		p.write(name, p.ours(name))
	}
	var gone string
	for _, b := range l.blocks {
		switch {
		case b.lang == "sh":
			p.sh("set -e\n" + p.said.Replace(b.text))
			p.ran++
		case b.file == "":
		case b.change == "-":
			gone = b.text
		case b.change == "+":
			old := p.read(b.file)
			if n := bytes.Count(old, []byte(strings.TrimSuffix(gone, "\n"))); n != 1 {
				p.Fatalf("%s has %d times what is to go:\n%s", b.file, n, gone)
			}
			p.write(b.file, bytes.Replace(old, []byte(strings.TrimSuffix(gone, "\n")), []byte(strings.TrimSuffix(b.text, "\n")), 1))
		default:
			p.write(b.file, []byte(b.text))
			p.written[b.file] = true
		}
	}
	if l.gets {
		p.sh("go get ./...")
		p.ran++
	}
}

// sh runs a command line in the folder.
func (p *pupil) sh(line string) string {
	p.Helper()
	cmd := exec.Command("sh", "-c", line)
	cmd.Dir = p.dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		p.Fatalf("%s: %v\n%s%s", line, err, out, &stderr)
	}
	return string(out)
}

var lessonAddress = regexp.MustCompile(`Running on (http://127\.0\.0\.1:\d+)`)

// run starts the program as the page says, on a free port, for the time of the test.
func (p *pupil) run(t *testing.T) (site string) {
	t.Helper()
	cmd := exec.Command("./blog", "run")
	cmd.Dir, cmd.Env = p.dir, append(os.Environ(), "CARAFE_RUN_HOST=127.0.0.1", "CARAFE_RUN_PORT=0")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stderr)
	var reading sync.WaitGroup
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		reading.Wait()
		_ = cmd.Wait() // ended by the signal
	})
	for lines.Scan() {
		if m := lessonAddress.FindStringSubmatch(lines.Text()); m != nil {
			reading.Go(func() {
				for lines.Scan() {
				}
			})
			return m[1]
		}
	}
	t.Fatal("the program ended before it served")
	return ""
}

// asks runs the commands of a console block, and compares what they print with what the page shows.
func (p *pupil) asks(t *testing.T, site, block string) {
	t.Helper()
	for _, part := range strings.Split("\n"+block, "\n$ ")[1:] {
		line, shown, _ := strings.Cut(part, "\n")
		if line == "go run . run" {
			continue // it runs
		}
		got := p.sh(strings.NewReplacer("http://127.0.0.1:5000", site, "go run .", "./blog").Replace(line))
		if site != "" {
			got = strings.ReplaceAll(got, site, "http://127.0.0.1:5000")
		}
		if strings.TrimSpace(got) != strings.TrimSpace(shown) {
			t.Errorf("%s\nprints\n%s\nand the page shows\n%s", line, got, shown)
		}
	}
}

// TestTheTutorialLeadsToTheBlog follows docs/tutorial.md: after each step the program builds, and its commands print what the page
// shows. In the end the files are those of this folder.
func TestTheTutorialLeadsToTheBlog(t *testing.T) {
	t.Setenv("GOFLAGS", "-buildvcs=false")
	if out, err := exec.Command("go", "mod", "download").CombinedOutput(); err != nil { // what "go get" looks at is more than what was compiled here
		t.Skipf("did not run: not all modules are at hand, and there is no network: %v\n%s", err, out)
	}
	t.Setenv("GOPROXY", "off") // and from here on nothing is fetched
	t.Setenv("GOSUMDB", "off")
	t.Setenv("GOWORK", "off")
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("did not run: there is no curl")
	}
	p := newPupil(t)
	for _, l := range readLessons(t) {
		t.Run(l.name, func(t *testing.T) {
			p.T = t
			p.follow(l)
			if l.runs() {
				p.sh("go build -o blog .")
			} else {
				p.sh("go vet .") // which compiles, and need not link
			}
			site := ""
			for _, b := range l.blocks {
				if b.lang != "console" {
					continue
				}
				if site == "" && strings.Contains(b.text, "curl") {
					site = p.run(t)
				}
				p.asks(t, site, b.text)
			}
		})
	}
	p.T = t
	if p.ran != 5 {
		t.Errorf("%d blocks of commands were run, want 5", p.ran)
	}
	if len(p.written) < 12 {
		t.Errorf("the page makes only %d files", len(p.written))
	}
	for name := range p.written {
		if want, err := os.ReadFile(name); err == nil && !bytes.Equal(want, p.read(name)) {
			t.Errorf("%s, as the page leads to it, is not the one of this folder:\n%s", name, p.read(name))
		}
	}
	for _, name := range []string{"app.go", "auth.go", "blog.go", "db.go", "main.go", "scale.go", "schema.sql"} {
		if !p.written[name] {
			t.Errorf("the page does not make %s", name)
		}
	}
}
