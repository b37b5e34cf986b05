package devserver

import (
	"fmt"
	"path/filepath"
	"reflect"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
)

// A Report is what a [Debugger] shows of an error. Its owner fills in what it knows; all of it is text that is escaped.
type Report struct {
	Type    string  // of the error: "*fs.PathError", "panic"
	Message string  // of any length; what is shown is not
	Chain   []Cause // outermost first; see [Causes]
	Frames  []Frame // innermost first; see [Frames]
	// Method, URL and Endpoint are of the request; "" if they are not known.
	Method, URL, Endpoint string
	Template              *Place    // where a template has failed, nil if none has
	Sections              []Section // what is shown to whoever sees the page
	Secrets               []Section // what is shown after the PIN
	// Curl and Test repeat the request, without what is secret; FullCurl and FullTest take their place after the PIN.
	Curl, Test, FullCurl, FullTest string
}

// A Cause is an error in a chain.
type Cause struct {
	Type, Message string // Go's name of the type, and what Error says
}

// A Frame is a call in a stack.
type Frame struct {
	Function string // with its package's path
	File     string // full path
	Line     int    // from 1
	Library  bool   // not the user's own code
}

// A Place is a line of a file with what is wrong there.
type Place struct {
	Name    string // as people call the file
	File    string // full path, "" if there is none: then Source is shown
	Line    int    // from 1
	Source  string // the line's text
	Message string // what is wrong
}

// A Section is a table of names and values under a heading.
type Section struct {
	Name string // the heading
	Open bool   // shown unfolded
	Rows []Row  // in the order in which they are shown
}

// A Row is a line of a [Section].
type Row struct {
	Name, Value string // plain text, of any length
}

// Limits of what a page shows.
const (
	maxMessage = 4 << 10
	maxTold    = maxMessage + 64 // with the words that tell the length
	maxCauses  = 50
	maxDepth   = 100_000
	maxFrames  = 100
	maxRows    = 500
	maxValue   = 4 << 10
)

// Causes are err and what it wraps, outermost first, each branch of a joined one after the other. Of very many the last Cause
// only says how many more there are.
func Causes(err error) []Cause {
	var list []Cause
	more := 0
	var visit func(err error)
	visit = func(err error) {
		if err == nil || more > maxDepth {
			return
		}
		if len(list) < maxCauses {
			list = append(list, Cause{reflect.TypeOf(err).String(), messageOf(err)})
		} else {
			more++
		}
		switch e := err.(type) {
		case interface{ Unwrap() error }:
			visit(e.Unwrap())
		case interface{ Unwrap() []error }:
			for _, inner := range e.Unwrap() {
				visit(inner)
			}
		}
	}
	visit(err)
	if more > 0 {
		list = append(list, Cause{Message: fmt.Sprintf("and %d more", more)})
	}
	return list
}

// messageOf is the error's text; an Error method that panics must not take the page with it.
func messageOf(err error) (text string) {
	defer func() {
		if v := recover(); v != nil {
			text = fmt.Sprintf("its Error method panics: %v", v)
		}
	}()
	return shorten(err.Error(), maxMessage)
}

// Frames reads a stack as debug.Stack writes it: from where it panicked on, if it did. Library says which functions, besides those of
// the standard library and of modules in the cache, are not the user's own; nil means none.
func Frames(stack []byte, library func(function string) bool) []Frame {
	lines := strings.Split(string(stack), "\n")
	var list []Frame
	for i := 0; i+1 < len(lines); i++ {
		place, ok := strings.CutPrefix(lines[i+1], "\t")
		if !ok || lines[i] == "" {
			continue
		}
		f, ok := frameOf(lines[i], place)
		if !ok {
			continue
		}
		i++
		if f.Function == "panic" {
			list = list[:0] // what came before has only gathered the stack
			continue
		}
		f.Library = isLibrary(f) || library != nil && library(f.Function)
		list = append(list, f)
	}
	for len(list) > 0 && strings.HasPrefix(list[0].Function, "runtime.") {
		list = list[1:]
	}
	return list
}

func frameOf(call, place string) (Frame, bool) {
	call = strings.TrimPrefix(call, "created by ")
	call, _, _ = strings.Cut(call, " in goroutine ")
	if at := strings.LastIndexByte(call, '('); at > 0 && strings.HasSuffix(call, ")") {
		call = call[:at] // the arguments
	}
	place, _, _ = strings.Cut(place, " +0x")
	colon := strings.LastIndexByte(place, ':')
	if colon < 0 {
		return Frame{}, false
	}
	line, err := strconv.Atoi(place[colon+1:])
	return Frame{Function: call, File: place[:colon], Line: line}, err == nil
}

// mainModule is the path of the module that the program is built from.
var mainModule = func() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Path
	}
	return ""
}()

// standardRoot is where the source of the standard library was when the program was built, with a slash at its end.
var standardRoot = func() string {
	f := runtime.FuncForPC(reflect.ValueOf(fmt.Errorf).Pointer())
	if f == nil {
		return ""
	}
	file, _ := f.FileLine(f.Entry())
	root, _, _ := strings.Cut(filepath.ToSlash(file), "fmt/errors.go")
	return root
}()

// isLibrary tells the standard library and modules of the cache from the user's own code.
func isLibrary(f Frame) bool {
	pkg := packageOf(f.Function)
	if pkg == "main" || mainModule != "" && (pkg == mainModule || strings.HasPrefix(pkg, mainModule+"/")) {
		return false
	}
	file := filepath.ToSlash(f.File)
	first, _, _ := strings.Cut(pkg, "/")
	return standardRoot != "" && strings.HasPrefix(file, standardRoot) || strings.Contains(file, "/pkg/mod/") || strings.Contains(file, "/vendor/") ||
		!strings.Contains(first, ".") && !filepath.IsAbs(f.File)
}

// packageOf is the package's path of "example.org/shop/store.(*DB).List.func1".
func packageOf(function string) string {
	slash := strings.LastIndexByte(function, '/') + 1
	if dot := strings.IndexByte(function[slash:], '.'); dot >= 0 {
		return function[:slash+dot]
	}
	return function
}

// Text is the report as plain text.
func (r *Report) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", r.Type, shorten(r.Message, maxTold))
	if r.URL != "" {
		fmt.Fprintf(&b, "\n%s %s\n", r.Method, shorten(r.URL, maxValue))
	}
	if t := r.Template; t != nil {
		fmt.Fprintf(&b, "\nTemplate %s:%d\n    %s\n", t.Name, t.Line, strings.TrimSpace(shorten(t.Source, maxLine)))
	}
	if len(r.Chain) > 1 {
		b.WriteString("\nCauses, outermost first:\n")
		for _, c := range r.Chain {
			fmt.Fprintf(&b, "  %s: %s\n", c.Type, shorten(c.Message, maxLine))
		}
	}
	if len(r.Frames) > 0 {
		b.WriteString("\nStack, innermost first:\n")
	}
	for _, f := range r.Frames[:min(len(r.Frames), maxFrames)] {
		fmt.Fprintf(&b, "  %s\n    %s:%d\n", f.Function, f.File, f.Line)
		for _, l := range sourceLines(f.File, f.Line, 0) {
			if l.Current && !f.Library {
				fmt.Fprintf(&b, "      %s\n", strings.TrimSpace(l.Text))
			}
		}
	}
	return b.String()
}
