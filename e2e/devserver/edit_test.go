package devserver_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// TestAnEditIsServedSoonAfterItsBuild measures, in turns, how long `go build` takes after an edit, and how long after the same edit a
// browser is served the new code: the difference is what the development server adds. The aim is 150 ms on a machine at rest; the test
// allows what a loaded one may take.
func TestAnEditIsServedSoonAfterItsBuild(t *testing.T) {
	p, twin := newSite(t), newSite(t)
	p.run(nil, "go", "run", ".")
	p.shows("/", "version 1")
	twin.build()
	var builds, edits, added []time.Duration
	build := func(text string) {
		twin.write("index.go", text)
		start := time.Now()
		twin.build()
		builds = append(builds, time.Since(start))
	}
	edit := func(text, version string) {
		p.write("index.go", text)
		start := time.Now()
		for body := ""; body != version; {
			if _, body, _ = p.page("/"); time.Since(start) > patience {
				t.Fatalf("%s is never served:\n%s", version, p.out)
			}
			time.Sleep(5 * time.Millisecond) // the go command wants the machine too
		}
		edits = append(edits, time.Since(start))
	}
	for i := range 8 {
		version := fmt.Sprint("version ", i+2)
		text := siteVersion(version)
		if i%2 == 0 { // whoever is second finds files in memory
			build(text)
			edit(text, version)
		} else {
			edit(text, version)
			build(text)
		}
		added = append(added, edits[i]-builds[i])
	}
	for _, d := range [][]time.Duration{builds, edits, added} {
		slices.Sort(d)
	}
	t.Logf("of %d edits the least and the median: go build %v, %v; served after %v, %v; the development server adds %v, %v", len(added),
		ms(builds[0]), ms(builds[4]), ms(edits[0]), ms(edits[4]), ms(added[0]), ms(added[4]))
	if added[4] > 3*time.Second {
		t.Errorf("the development server adds %v to a build, want less than 3 s on any machine", added[4])
	}
}

func ms(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

// build runs the go command as the reloader does.
func (p *project) build() {
	p.t.Helper()
	cmd := exec.Command("go", "build", "-buildvcs=false", "-o", filepath.Join(p.dir, "twin.bin"), ".")
	cmd.Dir, cmd.Env = p.dir, append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		p.t.Fatalf("go build: %v\n%s", err, out)
	}
}
