package carafe_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/carafeweb/carafe"

// walls is the table of docs/design.md: what each room may import besides the standard library and itself. A room that is not named
// here is a fault.
var walls = map[string][]string{
	"routing":            {"github.com/gorilla/mux", "github.com/google/uuid"},
	"signing":            {"github.com/google/uuid", "golang.org/x/crypto/scrypt"},
	"jinja":              {},
	"gateway":            {},
	"wire":               {},
	"gateway/middleware": {module + "/gateway", "github.com/klauspost/compress", "github.com/rs/cors"},
	"server":             {module + "/gateway"},
	"devserver":          {"github.com/fsnotify/fsnotify"},
	"": {module + "/routing", module + "/signing", module + "/jinja", module + "/gateway", module + "/wire", module + "/devserver",
		"github.com/go-playground/validator", "github.com/go-playground/universal-translator", "github.com/go-playground/locales", "github.com/google/uuid", "github.com/gorilla/mux"},
	"blueprints": {module},
	"testing":    {module, module + "/gateway"},
	"cli":        {module, module + "/server", module + "/devserver", "github.com/spf13/cobra"},
	"cmd/carafe": {module, module + "/server", module + "/devserver", module + "/cli", "github.com/spf13/cobra"},
}

// listedPackage is what `go list -json` says of a package.
type listedPackage struct {
	ImportPath string
	Imports    []string
	Standard   bool
}

func goList(t *testing.T, args ...string) []listedPackage {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Imports,Standard"}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	must(t, err)
	var list []listedPackage
	dec := json.NewDecoder(bytes.NewReader(out))
	for {
		var p listedPackage
		if err := dec.Decode(&p); err == io.EOF {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
}

func TestTheDesignHasAllRooms(t *testing.T) {
	page, err := os.ReadFile("docs/design.md")
	must(t, err)
	_, table, _ := strings.Cut(string(page), "| room | knows |")
	table, _, _ = strings.Cut(table, "\n\n")
	var rooms []string
	for _, row := range strings.Split(table, "\n")[2:] {
		first, _, _ := strings.Cut(strings.Trim(row, "| "), " |")
		rooms = append(rooms, strings.Split(first, ", ")...)
	}
	for room := range walls {
		if room == "" {
			room = "the root"
		}
		if !slices.Contains(rooms, room) {
			t.Errorf("the table of docs/design.md has no room %q: it has %q", room, rooms)
		}
	}
}

func TestRoomsKeepTheirWalls(t *testing.T) {
	for _, p := range goList(t, "./...") {
		room := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		if strings.HasPrefix(room, "examples/") {
			continue // guests of every public room
		}
		allowed, known := walls[room]
		if !known {
			t.Errorf("the room %q is not in the table", room)
			continue
		}
		for _, imp := range p.Imports {
			if !strings.Contains(strings.SplitN(imp, "/", 2)[0], ".") {
				continue // the standard library
			}
			if !slices.ContainsFunc(allowed, func(a string) bool { return imp == a || a != module && strings.HasPrefix(imp, a+"/") }) {
				t.Errorf("room %q imports %s, which its wall does not let through", room, imp)
			}
		}
	}
}

// coreModules are all modules that a program which imports the root package links.
var coreModules = []string{
	"github.com/gabriel-vasile/mimetype", "github.com/go-playground/locales", "github.com/go-playground/universal-translator",
	"github.com/go-playground/validator", "github.com/google/uuid", "github.com/gorilla/mux", "github.com/leodido/go-urn",
	"golang.org/x/crypto", "golang.org/x/sys", "golang.org/x/text", "github.com/fsnotify/fsnotify", module,
}

func TestTheCoreLinksNoOtherModules(t *testing.T) {
	for _, p := range goList(t, "-deps", module) {
		if p.Standard || !strings.Contains(strings.SplitN(p.ImportPath, "/", 2)[0], ".") {
			continue
		}
		if !slices.ContainsFunc(coreModules, func(m string) bool { return p.ImportPath == m || strings.HasPrefix(p.ImportPath, m+"/") }) {
			t.Errorf("the root package links %s, which is not in the list: write the reason down in docs/design.md before adding to it", p.ImportPath)
		}
	}
}

func TestFilesAreOfAHumanSize(t *testing.T) {
	err := filepath.WalkDir(".", func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && path != ".") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		if name := filepath.Base(path); slices.Contains([]string{"utils.go", "util.go", "helpers.go", "common.go", "misc.go"}, name) {
			t.Errorf("%s: a file is named after what it is about", path)
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		lines := 0
		for s := bufio.NewScanner(f); s.Scan(); {
			lines++
		}
		if lines > 600 {
			t.Errorf("%s has %d lines, want at most 600", path, lines)
		}
		return nil
	})
	must(t, err)
}

// The core module asks nobody to download what its rooms do not need: what examples, benchmarks and e2e need stands in modules of their own.
func TestGoModRequiresWhatTheRoomsNeed(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", "-test", "-f", "{{with .Module}}{{.Path}}{{end}}", "./...")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	must(t, err)
	needed := map[string]bool{}
	for path := range strings.Lines(string(out)) {
		needed[strings.TrimSpace(path)] = true
	}
	text, err := os.ReadFile("go.mod")
	must(t, err)
	required := 0
	for line := range strings.Lines(string(text)) {
		path, _, ok := strings.Cut(strings.TrimSpace(line), " v")
		if !ok {
			continue
		}
		if required++; !needed[path] && path != "github.com/inconshreveable/mousetrap" { // cobra's, on Windows
			t.Errorf("go.mod requires %s, and no package or test of this module uses it: go mod tidy", path)
		}
	}
	if required < 10 {
		t.Errorf("go.mod has %d lines of requirements, as this test reads it: %s", required, text)
	}
}
