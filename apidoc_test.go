package carafe_test

import (
	"bytes"
	"cmp"
	"flag"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
)

var updateAPI = flag.Bool("update-api", false, "write api.txt")

// An apiPackage is the files of a public package of the module, for whatever system they are.
type apiPackage struct {
	path  string // import path
	files []*ast.File
}

// apiPackages parses all packages of the module that a program may import.
func apiPackages(t *testing.T) []*apiPackage {
	t.Helper()
	byFolder := map[string]*apiPackage{}
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			if name != "." && apiSkips(name) {
				return filepath.SkipDir
			}
			return nil
		case !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil || file.Name.Name == "main" {
			return err
		}
		folder := filepath.ToSlash(filepath.Dir(name))
		if byFolder[folder] == nil {
			byFolder[folder] = &apiPackage{path: path.Join(module, folder)}
		}
		byFolder[folder].files = append(byFolder[folder].files, file)
		return nil
	})
	must(t, err)
	return slices.SortedFunc(maps.Values(byFolder), func(a, b *apiPackage) int { return cmp.Compare(a.path, b.path) })
}

// apiSkips says whether a folder has nothing that can be imported from outside: what go list passes over, internal packages, examples,
// and other modules but those below contrib.
func apiSkips(folder string) bool {
	base := filepath.Base(folder)
	if strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || slices.Contains([]string{"testdata", "internal", "examples"}, base) {
		return true
	}
	_, err := os.Stat(filepath.Join(folder, "go.mod"))
	return err == nil && filepath.Base(filepath.Dir(folder)) != "contrib"
}

// An apiSymbol is one exported name.
type apiSymbol struct {
	text       string // its line in api.txt
	documented bool
}

// symbols are the exported names of the package: constants, variables, functions, types, and what exported types have.
func (p *apiPackage) symbols() []apiSymbol {
	var all []apiSymbol
	for _, f := range p.files {
		for _, decl := range f.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if recv := apiReceiver(d); d.Name.IsExported() && (d.Recv == nil || ast.IsExported(strings.TrimPrefix(recv, "*"))) {
					text := "func " + d.Name.Name
					if d.Recv != nil {
						text = "method (" + recv + ") " + d.Name.Name
					}
					all = append(all, apiSymbol{text + strings.TrimPrefix(apiSource(d.Type), "func"), d.Doc != nil})
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					all = append(all, apiSpec(d, spec)...)
				}
			}
		}
	}
	return all
}

// apiReceiver is the type that a method has, with a star if it is a pointer's; "" for a function.
func apiReceiver(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return ""
	}
	typ, star := d.Recv.List[0].Type, ""
	if p, ok := typ.(*ast.StarExpr); ok {
		typ, star = p.X, "*"
	}
	switch x := typ.(type) { // of a generic type the name alone
	case *ast.IndexExpr:
		typ = x.X
	case *ast.IndexListExpr:
		typ = x.X
	}
	return star + apiSource(typ)
}

// apiSpec is what one line of a declaration exports.
func apiSpec(d *ast.GenDecl, spec ast.Spec) (all []apiSymbol) {
	switch s := spec.(type) {
	case *ast.ValueSpec:
		for _, name := range s.Names {
			if !name.IsExported() {
				continue
			}
			text := d.Tok.String() + " " + name.Name
			if s.Type != nil {
				text += " " + apiSource(s.Type)
			}
			all = append(all, apiSymbol{text, s.Doc != nil || s.Comment != nil || d.Doc != nil})
		}
	case *ast.TypeSpec:
		if s.Name.IsExported() {
			all = apiType(d, s)
		}
	}
	return all
}

// apiType is a type, and its exported fields or methods.
func apiType(d *ast.GenDecl, s *ast.TypeSpec) []apiSymbol {
	text, documented := "type "+s.Name.Name, s.Doc != nil || s.Comment != nil || d.Doc != nil
	if s.TypeParams != nil {
		text += "[" + apiFields(s.TypeParams) + "]"
	}
	if s.Assign.IsValid() {
		text += " ="
	}
	var fields *ast.FieldList
	switch t := s.Type.(type) {
	case *ast.StructType:
		text, fields = text+" struct", t.Fields
	case *ast.InterfaceType:
		text, fields = text+" interface", t.Methods
	default:
		text += " " + apiSource(s.Type)
	}
	all := []apiSymbol{{text, documented}}
	if fields == nil {
		return all
	}
	_, isStruct := s.Type.(*ast.StructType)
	var above *ast.CommentGroup // the last comment above a field
	for _, f := range fields.List {
		own := f.Comment != nil || f.Doc != nil && len(f.Names) == 1
		if f.Doc != nil {
			above = f.Doc
		}
		for _, name := range f.Names {
			if name.IsExported() {
				symbol := strings.Replace(text, "type", "field", 1) + ", " + name.Name + " " + apiSource(f.Type)
				all = append(all, apiSymbol{symbol, !isStruct || own || apiAbout(above, name.Name)})
			}
		}
		if source := apiSource(f.Type); len(f.Names) == 0 && ast.IsExported(strings.TrimLeft(source[strings.LastIndexByte(source, '.')+1:], "*")) { // what is embedded is there by its own name
			all = append(all, apiSymbol{strings.Replace(text, "type", "field", 1) + ", embedded " + source, true})
		}
	}
	return all
}

// apiAbout says whether a comment above several fields is about the one called name: it has to name each of them.
func apiAbout(above *ast.CommentGroup, name string) bool {
	words := strings.FieldsFunc(above.Text(), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	return slices.Contains(words, name)
}

func apiFields(list *ast.FieldList) string {
	var parts []string
	for _, f := range list.List {
		for _, name := range f.Names {
			parts = append(parts, name.Name+" "+apiSource(f.Type))
		}
	}
	return strings.Join(parts, ", ")
}

// apiSource is a part of the source as gofmt has it, in one line.
func apiSource(node ast.Node) string {
	var b bytes.Buffer
	if err := format.Node(&b, token.NewFileSet(), node); err != nil {
		return err.Error()
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// TestAPIHasDocComments finds what is exported without a word on it.
func TestAPIHasDocComments(t *testing.T) {
	for _, p := range apiPackages(t) {
		if !slices.ContainsFunc(p.files, func(f *ast.File) bool { return f.Doc != nil }) {
			t.Errorf("package %s has no comment", p.path)
		}
		for _, s := range p.symbols() {
			if !s.documented {
				t.Errorf("%s: %s is exported and has no comment: what is it, in which unit, what is its zero, which errors?", p.path, s.text)
			}
		}
	}
}

// TestAPI compares what the packages export with api.txt, so that no change of it goes unseen:
//
//	go test -run TestAPI -update-api .
func TestAPI(t *testing.T) {
	var lines []string
	for _, p := range apiPackages(t) {
		for _, s := range p.symbols() {
			lines = append(lines, p.path+": "+s.text)
		}
	}
	slices.Sort(lines)
	lines = slices.Compact(lines) // systems declare the same
	if *updateAPI {
		must(t, os.WriteFile("api.txt", []byte(strings.Join(lines, "\n")+"\n"), 0o644))
	}
	file, err := os.ReadFile("api.txt")
	must(t, err)
	written := strings.Split(strings.TrimSpace(string(file)), "\n")
	for _, line := range lines {
		if _, ok := slices.BinarySearch(written, line); !ok {
			t.Errorf("not in api.txt: %s", line)
		}
	}
	for _, line := range written {
		if _, ok := slices.BinarySearch(lines, line); !ok {
			t.Errorf("in api.txt, and not in the source: %s", line)
		}
	}
	if t.Failed() {
		t.Log("if that is meant: go test -run TestAPI -update-api .")
	}
}
