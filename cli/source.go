package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/carafeweb/carafe"
)

// A source is what the Go source of a program tells: the packages of its own modules that it links.
type source struct {
	urls   []sourceURL
	reads  map[string]bool // texts that may be the key of a setting that is read
	prefix []string        // those that Config.Namespace is given
}

// A sourceURL is a call of URLFor whose endpoint is text.
type sourceURL struct {
	place string
	carafe.TemplateURL
}

// A sourcePackage is what go list says.
type sourcePackage struct {
	Dir, ImportPath   string
	GoFiles, CgoFiles []string
	Imports           []string
	Module            *struct {
		Path string
		Main bool
	}
}

// mainPackage is what this program was built of, "." if that is not known: the folder of the app has to do then.
func mainPackage() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Path == "" || info.Path == "command-line-arguments" || strings.HasSuffix(info.Path, ".test") {
		return "."
	}
	return info.Path
}

// readSource reads the packages that pkg needs and that are of the user's own modules.
func readSource(ctx context.Context, dir, pkg string) (*source, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-deps", "-json=Dir,ImportPath,GoFiles,CgoFiles,Imports,Module", pkg)
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = errors.New(strings.TrimSpace(string(exit.Stderr)))
		}
		return nil, err
	}
	src := &source{reads: map[string]bool{}}
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p sourcePackage
		if err := dec.Decode(&p); err == io.EOF {
			return src, nil
		} else if err != nil {
			return nil, err
		}
		if p.Module != nil && p.Module.Main && !ownRoom(p.ImportPath) {
			if err := src.readPackage(&p); err != nil {
				return nil, err
			}
		}
	}
}

// ownRoom says whether a package is Carafe itself, which is the user's module for the examples in its repository.
func ownRoom(path string) bool {
	return path == carafeModule || strings.HasPrefix(path, carafeModule+"/") && !strings.HasPrefix(path, carafeModule+"/examples/")
}

// readPackage reads a package. URLFor is Carafe's only where Carafe is imported.
func (src *source) readPackage(p *sourcePackage) error {
	uses := false
	for _, path := range p.Imports {
		uses = uses || path == carafeModule || strings.HasPrefix(path, carafeModule+"/")
	}
	for _, name := range append(p.GoFiles, p.CgoFiles...) {
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		src.readFile(set, file, uses)
	}
	return nil
}

func (src *source) readFile(set *token.FileSet, file *ast.File, uses bool) {
	written := map[ast.Expr]bool{} // texts that are keys of what is set, not read
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			src.readCall(set, n, uses, written)
		case *ast.KeyValueExpr:
			written[n.Key] = true
		case *ast.AssignStmt:
			for _, to := range n.Lhs {
				if index, ok := to.(*ast.IndexExpr); ok {
					written[index.Index] = true
				}
			}
		case *ast.BasicLit:
			if text, ok := textOf(n); ok && !written[n] {
				src.reads[text] = true
			}
		}
		return true
	})
}

func (src *source) readCall(set *token.FileSet, call *ast.CallExpr, uses bool, written map[ast.Expr]bool) {
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || len(call.Args) == 0 {
		return
	}
	text, ok := textOf(call.Args[0])
	if !ok {
		return
	}
	switch method.Sel.Name {
	case "Set":
		written[call.Args[0]] = true
	case "Namespace":
		src.prefix = append(src.prefix, text)
	case "URLFor":
		if uses {
			at := set.Position(call.Pos())
			u := sourceURL{fmt.Sprintf("%s:%d", shortFile(at.Filename), at.Line), carafe.TemplateURL{Endpoint: text, Line: at.Line}}
			u.Names, u.Open = valueNames(call)
			src.urls = append(src.urls, u)
		}
	}
}

// valueNames are the names among the pairs of URLFor, or of the one Values that is written there.
func valueNames(call *ast.CallExpr) (names []string, open bool) {
	values := call.Args[1:]
	if len(values) == 1 {
		literal, ok := values[0].(*ast.CompositeLit)
		if !ok {
			return nil, true
		}
		values = nil
		for _, element := range literal.Elts {
			if pair, ok := element.(*ast.KeyValueExpr); ok {
				values = append(values, pair.Key, pair.Value)
			}
		}
	}
	for i := 0; i < len(values); i += 2 {
		if name, ok := textOf(values[i]); ok {
			names = append(names, name)
		} else {
			open = true
		}
	}
	return names, open || call.Ellipsis.IsValid()
}

func textOf(e ast.Expr) (string, bool) {
	literal, ok := e.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(literal.Value)
	return text, err == nil
}
