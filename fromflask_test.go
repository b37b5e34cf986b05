package carafe_test

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// snippetImports are the packages that the snippets of docs/from-flask.md may name, by the name.
var snippetImports = map[string]string{
	"carafe": module, "blueprints": module + "/blueprints", "carafetest": module + "/testing",
	"context": "context", "fmt": "fmt", "html": "html", "json": "encoding/json", "http": "net/http", "iter": "iter", "log": "log", "os": "os", "signing": module + "/signing", "strconv": "strconv", "strings": "strings", "testing": "testing", "time": "time",
}

// snippetSetting is what the page says is there in all snippets.
const snippetSetting = "var app = carafe.New(\"shop\")\n\ntype User struct {\n\tID   int    `json:\"id\"`\n\tName string `json:\"name\"`\n}\n\n" +
	"func find(ctx context.Context, id int) (User, error) { return User{ID: id}, ctx.Err() }\n"

// exportedTypes finds the compiled types of packages, as go list knows them.
func exportedTypes(t *testing.T) types.Importer {
	t.Helper()
	args := []string{"list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}"}
	for _, path := range snippetImports {
		args = append(args, path)
	}
	cmd := exec.Command("go", args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	must(t, err)
	files := map[string]string{}
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), " ")
		files[path] = file
	}
	return importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		if files[path] == "" {
			return nil, fmt.Errorf("go list does not know %s", path)
		}
		return os.Open(files[path])
	})
}

// snippetSource makes a file of a snippet: of declarations as they are, of statements as the body of a function.
func snippetSource(snippet string) string {
	if _, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+snippet, parser.SkipObjectResolution); err != nil {
		snippet = "func setUp() {\n" + snippet + "}\n"
	}
	code := snippetSetting + snippet
	if strings.Contains(snippet, "type User struct") {
		code = snippet
	}
	src := "package p\n\n"
	for name, path := range snippetImports {
		if regexp.MustCompile(`\b` + name + `\.[A-Z]`).MatchString(code) {
			src += fmt.Sprintf("import %s %q\n", name, path)
		}
	}
	return src + code
}

// TestTheSnippetsForFlasksUsersCompile type-checks every Go snippet of docs/from-flask.md as a package of its own.
func TestTheSnippetsForFlasksUsersCompile(t *testing.T) {
	page, err := os.ReadFile("docs/from-flask.md")
	must(t, err)
	snippets := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if python := strings.Count(string(page), "```python\n"); len(snippets) < python || python == 0 {
		t.Errorf("the page has %d snippets of Go for %d of Python", len(snippets), python)
	}
	imports := exportedTypes(t)
	for _, snippet := range snippets {
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, "snippet.go", snippetSource(snippet[1]), parser.SkipObjectResolution)
		if err != nil {
			t.Errorf("a snippet is no Go: %v\n%s", err, snippet[1])
			continue
		}
		conf := types.Config{Importer: imports, Error: func(err error) { t.Errorf("a snippet does not compile: %v\n%s", err, snippet[1]) }}
		_, _ = conf.Check("p", files, []*ast.File{file}, nil) // its error was told to conf.Error
	}
}

// snippetCalls are the calls of what a snippet has for setting up: functions that take nothing, or the app.
func snippetCalls(t *testing.T, source string) (calls string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "snippet.go", source, parser.SkipObjectResolution)
	must(t, err)
	for _, decl := range file.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if !ok || fn.Recv != nil || fn.Name.Name == "_" || fn.Type.Results != nil {
			continue
		}
		switch params := fn.Type.Params.List; {
		case len(params) == 0:
			calls += "\t" + fn.Name.Name + "()\n"
		case len(params) == 1 && strings.Contains(source, "func "+fn.Name.Name+"(app *carafe.App)"):
			calls += "\t" + fn.Name.Name + "(app)\n"
		}
	}
	return calls
}

// TestTheSnippetsForFlasksUsersSetUp runs what the snippets of docs/from-flask.md set up, each with an app of its own, so that a view which
// does not fit its rule, or an option that cannot be, is found. They are a file each of one program.
func TestTheSnippetsForFlasksUsersSetUp(t *testing.T) {
	page, err := os.ReadFile("docs/from-flask.md")
	must(t, err)
	dir, files, checks := t.TempDir(), []string{"main.go"}, ""
	for i, m := range regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		source := snippetSource(m[1])
		if !strings.Contains(source, snippetSetting) {
			continue // it is the setting
		}
		source = strings.NewReplacer("package p\n", "package main\n", snippetSetting, "", "func main()", "func _()",
			"func setUp()", fmt.Sprintf("func setUp%d()", i)).Replace(source)
		name := fmt.Sprintf("snippet%d.go", i)
		files = append(files, name)
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(source+snippetNames(source)), 0o644))
		checks += fmt.Sprintf("\tapp = carafe.New(\"shop\")\n%s\tfrozen(%q)\n", snippetCalls(t, source), m[1])
	}
	must(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte("package main\n\nimport (\n\t\"context\"\n\t\"fmt\"\n\t\"os\"\n\n\t\""+module+"\"\n)\n\n"+
		snippetSetting+"\nfunc frozen(snippet string) {\n\tif err := app.Freeze(); err != nil {\n\t\tfmt.Printf(\"%v in\\n%s\", err, snippet)\n\t\tos.Exit(1)\n\t}\n}\n\n"+
		"func main() {\n"+checks+"}\n"), 0o644))
	args := []string{"run"}
	for _, name := range files {
		args = append(args, filepath.Join(dir, name))
	}
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		t.Errorf("a snippet cannot be set up: %v\n%s", err, out)
	}
	if len(files) < 20 {
		t.Errorf("%d snippets were set up, want more", len(files)-1)
	}
}

// snippetNames uses each import of a snippet whose setting, which may need it, stands elsewhere.
func snippetNames(source string) (uses string) {
	for name, value := range map[string]string{"context": "context.Background", "carafe": "carafe.New"} {
		if strings.Contains(source, "import "+name+" ") {
			uses += "\nvar _ = " + value + "\n"
		}
	}
	return uses
}

// snippetValues are the types that the text of the page speaks of by the names of their values.
var snippetValues = map[string][2]string{
	"app": {"carafe", "App"}, "c": {"carafe", "Context"}, "bp": {"blueprints", "Blueprint"}, "resp": {"carafetest", "Response"},
}

// TestTheWordsForFlasksUsersExist looks up what the text of the page names beside its snippets: carafe.Name, app.Name and the like.
func TestTheWordsForFlasksUsersExist(t *testing.T) {
	page, err := os.ReadFile("docs/from-flask.md")
	must(t, err)
	prose := codeBlock.ReplaceAllString(string(page), "")
	imports := exportedTypes(t)
	words := regexp.MustCompile(`\b(carafe|blueprints|carafetest|app|c|bp|resp)\.([A-Z]\w*)`).FindAllStringSubmatch(prose, -1)
	if len(words) < 20 {
		t.Errorf("found %d words in the text, want more", len(words))
	}
	for _, word := range words {
		name, value := word[1], snippetValues[word[1]]
		if value[0] != "" {
			name = value[0]
		}
		pkg, err := imports.Import(snippetImports[name])
		must(t, err)
		found := pkg.Scope().Lookup(word[2])
		if value[0] != "" {
			found, _, _ = types.LookupFieldOrMethod(types.NewPointer(pkg.Scope().Lookup(value[1]).Type()), true, pkg, word[2])
		}
		if found == nil {
			t.Errorf("the page names %s, which does not exist", word[0])
		}
	}
}
