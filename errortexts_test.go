package carafe_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A messageText is a text of the source that a user may come to read: an error's, a panic's, a warning's of the log, an answer's.
// What is put in when the program runs is "…".
type messageText struct {
	text, place string // place is "server/bind.go:31"
}

// messageArguments are the functions whose argument of that number is a message, whatever it is called on.
// What hands a parameter of its own on to one of them is found in the source, see folderTexts.spread.
var messageArguments = map[string]int{
	"fmt.Errorf": 0, "errors.New": 0, "panic": 0, "http.Error": 1, "Abort": 1, "carafe.Abort": 1,
	".Error": 0, ".Warn": 0, ".ErrorContext": 1, ".WarnContext": 1, ".LogAttrs": 2, ".Errorf": 0, ".Fatalf": 0, ".Fatal": 0,
}

// noMessages are functions with a format that tell what goes on, not what is wrong.
var noMessages = []string{"s.say", "a.say", "a.refuse"}

// messageFields are the fields of composite literals that hold a message, messageTypes the numbers of such a field where none is named, and
// messageVariables the names of what a message is kept in on its way, and messageMethods those of methods that give one.
var (
	messageMethods   = []string{"Error", "message"}
	messageVariables = []string{"msg", "message", "reason", "why"}
	messageFields    = []string{"Message", "Description", "Reason", "reason", "why"}
	messageTypes     = map[string]int{"refusal": 1, "syntaxError": 1}
)

var verbOfFormat = regexp.MustCompile(`%[-+# 0]*(?:\d+|\*)?(?:\.(?:\d+|\*))?(?:\[\d+\])?[a-zA-Z]`)

// A folderTexts reads the messages out of the source of one folder.
type folderTexts struct {
	set       *token.FileSet
	files     []*ast.File
	constants map[string]ast.Expr // of the package's own constants
	functions map[string]int      // messageArguments, and what the package adds
}

// readMessages are the messages in the source of a folder, without its tests.
func readMessages(t *testing.T, folder string) []messageText {
	t.Helper()
	f := &folderTexts{set: token.NewFileSet(), constants: map[string]ast.Expr{}, functions: map[string]int{}}
	for name, arg := range messageArguments {
		f.functions[name] = arg
	}
	paths, err := filepath.Glob(filepath.Join(folder, "*.go"))
	must(t, err)
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(f.set, path, nil, parser.SkipObjectResolution)
		must(t, err)
		f.files = append(f.files, file)
		f.keepConstants(file)
	}
	for f.spread() {
	}
	var out []messageText
	keep := func(e ast.Expr) {
		if text := f.text(e); text != "" {
			out = append(out, messageText{text, f.set.Position(e.Pos()).String()})
		}
	}
	for _, file := range f.files {
		ast.Inspect(file, func(n ast.Node) bool {
			if e := f.message(n); e != nil {
				keep(e)
			}
			if fn, ok := n.(*ast.FuncDecl); ok && fn.Recv != nil && slices.Contains(messageMethods, fn.Name.Name) && fn.Type.Params.NumFields() == 0 {
				for _, e := range errorTexts(fn) {
					keep(e)
				}
			}
			return true
		})
	}
	return out
}

// errorTexts are what such a method returns: all results, and the beginning of one that is put together in a strings.Builder.
func errorTexts(fn *ast.FuncDecl) (texts []ast.Expr) {
	built := false
	ast.Inspect(fn, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ReturnStmt:
			texts = append(texts, n.Results...)
		case *ast.CallExpr:
			if strings.HasSuffix(calledName(n), ".WriteString") && !built {
				built = true
				texts = append(texts, begun(n.Args[0]))
			} else if calledName(n) == "fmt.Fprintf" {
				texts = append(texts, begun(n.Args[1]))
			}
		}
		return true
	})
	return texts
}

// begun is a text that something follows.
func begun(text ast.Expr) ast.Expr {
	return &ast.BinaryExpr{X: text, Op: token.ADD, Y: &ast.Ident{Name: "rest", NamePos: text.End()}}
}

func (f *folderTexts) keepConstants(file *ast.File) {
	for _, decl := range file.Decls {
		gen, ok := decl.(*ast.GenDecl)
		if !ok || gen.Tok != token.CONST {
			continue
		}
		for _, spec := range gen.Specs {
			spec := spec.(*ast.ValueSpec)
			for i, value := range spec.Values {
				f.constants[spec.Names[i].Name] = value
			}
		}
	}
}

// spread adds each function that hands a text of its parameters on as a message, and reports whether there was one.
func (f *folderTexts) spread() (found bool) {
	for _, file := range f.files {
		for _, decl := range file.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			name := fn.Name.Name
			if fn.Recv != nil && len(fn.Recv.List[0].Names) == 1 {
				name = fn.Recv.List[0].Names[0].Name + "." + name
			}
			if _, known := f.functions[name]; known || slices.Contains(noMessages, name) {
				continue
			}
			params := textParameters(fn)
			if number, ok := params["format"]; ok {
				f.add(name, number)
				found = true
				continue
			}
			ast.Inspect(fn.Body, func(n ast.Node) bool {
				if e := f.message(n); e != nil {
					for param, number := range params {
						if handsOn(e, param) {
							f.add(name, number)
							found = true
						}
					}
				}
				return true
			})
		}
	}
	return found
}

// add takes a function or method in: "p.fail", and ".fail" for what calls it on something else, unless another method of that name differs.
func (f *folderTexts) add(name string, number int) {
	f.functions[name] = number
	if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
		if other, ok := f.functions[name[dot:]]; ok && other != number {
			number = -1
		}
		f.functions[name[dot:]] = number
	}
}

// textParameters are the numbers of a function's parameters that are strings.
func textParameters(fn *ast.FuncDecl) map[string]int {
	out, number := map[string]int{}, 0
	for _, field := range fn.Type.Params.List {
		for _, name := range field.Names {
			if typ, ok := field.Type.(*ast.Ident); ok && typ.Name == "string" {
				out[name.Name] = number
			}
			number++
		}
	}
	return out
}

// handsOn reports whether e is the parameter, or a text that it is a part of, be it as a format.
func handsOn(e ast.Expr, param string) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name == param
	case *ast.BinaryExpr:
		return handsOn(e.X, param) || handsOn(e.Y, param)
	case *ast.CallExpr:
		return strings.HasPrefix(calledName(e), "fmt.Sprint") && handsOn(e.Args[0], param)
	}
	return false
}

// message is the expression of a message that stands at n itself; nil for none.
func (f *folderTexts) message(n ast.Node) ast.Expr {
	switch n := n.(type) {
	case *ast.CallExpr:
		name := calledName(n)
		arg, ok := f.functions[name]
		if dot := strings.LastIndexByte(name, '.'); !ok && dot >= 0 {
			arg, ok = f.functions[name[dot:]]
		}
		if ok && arg >= 0 && arg < len(n.Args) {
			return n.Args[arg]
		}
	case *ast.CompositeLit:
		typ, _ := n.Type.(*ast.Ident)
		if typ == nil || len(n.Elts) == 0 {
			return nil
		}
		number, ok := messageTypes[typ.Name]
		if _, named := n.Elts[0].(*ast.KeyValueExpr); ok && !named {
			return n.Elts[number]
		}
	case *ast.AssignStmt:
		if to, ok := n.Lhs[0].(*ast.Ident); ok && len(n.Rhs) == 1 && slices.Contains(messageVariables, to.Name) {
			return n.Rhs[0]
		}
	case *ast.KeyValueExpr:
		if key, ok := n.Key.(*ast.Ident); ok && slices.Contains(messageFields, key.Name) {
			return n.Value
		}
	}
	return nil
}

func calledName(call *ast.CallExpr) string {
	switch fn := call.Fun.(type) {
	case *ast.Ident:
		return fn.Name
	case *ast.SelectorExpr:
		if x, ok := fn.X.(*ast.Ident); ok {
			return x.Name + "." + fn.Sel.Name
		}
		return "." + fn.Sel.Name
	}
	return ""
}

// text is a message as the catalogue writes it: its constant parts, and "…" for each of the others. It is "" without a word.
func (f *folderTexts) text(e ast.Expr) string {
	text := strings.Join(strings.Fields(f.constant(e)), " ")
	for strings.Contains(text, "……") {
		text = strings.ReplaceAll(text, "……", "…")
	}
	if onlyAPlace.MatchString(text) {
		return ""
	}
	if text = packagePrefix.ReplaceAllString(text, ""); len(strings.Trim(text, "… :(),")) < 4 {
		return ""
	}
	return text
}

var (
	packagePrefix = regexp.MustCompile(`^(?:carafe|server|cli|devserver|gateway|middleware|jinja|routing|signing|wire|carafetest): `)
	// A text in front of another error that says where it came up, in no more than two words, is no message of its own.
	onlyAPlace = regexp.MustCompile(`^(?:(?:carafe|server|gateway|middleware|signing|[0-9]): )?[^ :]*(?: [^ :]*)?(?: …)?: …$`)
)

// constant is the constant text of an expression, formats without their verbs.
func (f *folderTexts) constant(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if s, err := strconv.Unquote(e.Value); err == nil && e.Kind == token.STRING {
			return strings.ReplaceAll(verbOfFormat.ReplaceAllString(strings.ReplaceAll(s, "%%", "\x00"), "…"), "\x00", "%")
		}
	case *ast.ParenExpr:
		return f.constant(e.X)
	case *ast.BinaryExpr:
		return f.constant(e.X) + f.constant(e.Y)
	case *ast.Ident:
		if value := f.constants[e.Name]; value != nil {
			return f.constant(value)
		}
	case *ast.CallExpr:
		if strings.HasPrefix(calledName(e), "fmt.Sprint") {
			return f.constant(e.Args[0])
		}
	}
	return "…"
}
