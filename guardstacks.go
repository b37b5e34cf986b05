package carafe

import (
	"context"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// emptyLabels takes a goroutine's labels away.
var emptyLabels = context.Background()

// A startedGoroutine is one of the program's, with the statement that has started it.
type startedGoroutine struct {
	stack   stack
	state   string // "chan receive"
	creator stackFrame
}

// A culprit is a goroutine that outlives its request.
type culprit struct {
	site  Site // of the go statement, or of the program's function that a library has started
	entry string
	state string
}

// culpritsOf finds those of the goroutines left that the program has started, or a library for a function of the program. The profile
// has the labels, and only the print of all stacks the statements that started them: both are brought together by the
// function that the goroutine began with. One that is in the profile and not in the later print has ended.
func culpritsOf(left []stack, all []startedGoroutine) (culprits []culprit) {
	for _, s := range left {
		g := nearest(s, all)
		if g == nil {
			continue
		}
		if at, ok := outermostOfProgram(append(slices.Clip(s), g.creator)); ok {
			culprits = append(culprits, culprit{at.site(), s.entry(), g.state})
		}
	}
	return culprits
}

func outermostOfProgram(s stack) (at stackFrame, ok bool) {
	for _, f := range slices.Backward(s) {
		if f.isProgram() {
			return f, true
		}
	}
	return stackFrame{}, false
}

// nearest is the goroutine that stands where s says, else one that began with the same function, else nil.
func nearest(s stack, all []startedGoroutine) (found *startedGoroutine) {
	for i := range all {
		switch g := &all[i]; {
		case slices.Equal(g.stack, s):
			return g
		case found == nil && len(s) > 0 && g.stack.entry() == s.entry():
			found = g
		}
	}
	return found
}

// maxStacks is how much of the print of all goroutines is read.
const maxStacks = 64 << 20

// startedGoroutines are all of the program's.
func startedGoroutines() (all []startedGoroutine) {
	text := make([]byte, 256<<10)
	for {
		n := runtime.Stack(text, true)
		if n < len(text) || len(text) >= maxStacks {
			text = text[:n]
			break
		}
		text = make([]byte, 2*len(text))
	}
	for block := range strings.SplitSeq(string(text), "\n\n") {
		all = append(all, readStack(block))
	}
	return all
}

// readStack reads what runtime.Stack prints of a goroutine: "goroutine 7 [chan receive]:", then two lines for each frame, the
// last two of which say who has created it.
func readStack(block string) (g startedGoroutine) {
	lines := strings.Split(strings.TrimRight(block, "\n"), "\n")
	_, state, _ := strings.Cut(lines[0], "[")
	g.state, _, _ = strings.Cut(strings.TrimSuffix(state, "]:"), ",")
	for i := 1; i+1 < len(lines); i++ {
		place, ok := strings.CutPrefix(lines[i+1], "\t")
		if !ok {
			continue
		}
		if at := strings.LastIndex(place, " +0x"); at > 0 {
			place = place[:at]
		}
		if creator, ok := strings.CutPrefix(lines[i], "created by "); ok {
			creator, _, _ = strings.Cut(creator, " in goroutine ")
			g.creator = stackFrame{creator, place}
		} else {
			g.stack = append(g.stack, stackFrame{withoutArguments(lines[i]), place})
		}
		i++
	}
	g.stack = withoutRuntime(g.stack)
	return g
}

// withoutArguments is "shop.(*Cart).add" of "shop.(*Cart).add(0xc000…, {0x1, 0x2})".
func withoutArguments(call string) string {
	depth := 0
	for i := len(call) - 1; i >= 0; i-- {
		switch call[i] {
		case ')':
			depth++
		case '(':
			if depth--; depth == 0 {
				return call[:i]
			}
		}
	}
	return call
}

// withoutRuntime drops the runtime's frames, of which the profile and the print of stacks show different ones.
func withoutRuntime(s stack) stack {
	return slices.DeleteFunc(s, func(f stackFrame) bool { return strings.HasPrefix(f.function, "runtime.") })
}

// site is the frame's place.
func (f stackFrame) site() Site {
	at := strings.LastIndexByte(f.file, ':')
	if at < 0 {
		return Site{}
	}
	line, _ := strconv.Atoi(f.file[at+1:])
	return Site{f.file[:at], line}
}

// isProgram says whether the frame is of the program that uses Carafe: neither the standard library's, nor Carafe's, nor of a module that
// it depends on, nor vendored.
func (f stackFrame) isProgram() bool {
	switch {
	case f.function == "", strings.HasPrefix(f.function, "_cgo"), strings.HasPrefix(f.function, "testing."):
		return false
	case strings.Contains(f.file, "@v"), strings.Contains(f.file, "/vendor/"):
		return false
	case strings.Contains(packageOf(f.function), "_test"): // of whatever room
		return true
	}
	return !inCarafe(f.function) && !isStandard(f.function, f.file)
}

// packageOf is "example.org/x/shop" of "example.org/x/shop.(*Cart).add".
func packageOf(function string) string {
	slash := strings.LastIndexByte(function, '/')
	path, _, _ := strings.Cut(function[slash+1:], ".")
	return function[:slash+1] + path
}

// isStandard goes by the file; in a binary that was built with -trimpath, which does not remember where those of the standard library
// are, by the path of the package, whose first element has no dot there.
func isStandard(function, file string) bool {
	if root := standardRoot(); root != "" {
		return strings.HasPrefix(file, root)
	}
	path := packageOf(function)
	first, _, _ := strings.Cut(path, "/")
	return path != "main" && !strings.Contains(first, ".") && strings.HasPrefix(file, path+"/")
}

// standardRoot is the folder of the standard library's sources, "" if the binary does not remember it.
func standardRoot() string {
	f := runtime.FuncForPC(reflect.ValueOf(strings.Contains).Pointer())
	if f == nil {
		return ""
	}
	file, _ := f.FileLine(f.Entry())
	root, _, _ := strings.Cut(file, "strings/strings.go")
	return root
}

// programSite is the innermost line of the program that the caller was called from.
func programSite() Site {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for {
		f, more := frames.Next()
		frame := stackFrame{f.Function, f.File + ":" + strconv.Itoa(f.Line)}
		if frame.isProgram() {
			return frame.site()
		}
		if !more {
			return Site{}
		}
	}
}
