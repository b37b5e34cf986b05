package devserver_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/carafeweb/carafe/devserver"
)

func TestTheCompilersWordsAreRead(t *testing.T) {
	list := devserver.Diagnostics("/src", "# example.org/site\n./main.go:7:2: declared and not used: x\nviews/a.go:3:1: syntax error: unexpected }\n\thave (int)\n\twant (string)\n"+
		"go: errors parsing go.mod:\ngo.mod:5: unknown directive: requre\n/abs/x.go:1:1: expected 'package'\nnote: no place\n")
	got := ""
	for _, d := range list {
		got += fmt.Sprintf("%s|%d|%d|%q\n", filepath.ToSlash(d.File), d.Line, d.Column, d.Message)
	}
	want := "/src/main.go|7|2|\"declared and not used: x\"\n/src/views/a.go|3|1|\"syntax error: unexpected }\\nhave (int)\\nwant (string)\"\n" +
		"/src/go.mod|5|0|\"unknown directive: requre\"\n/abs/x.go|1|1|\"expected 'package'\"\n"
	if got != want {
		t.Errorf("the diagnostics are\n%swant\n%s", got, want)
	}
}

func reportPanic() (stack []byte) {
	defer func() {
		_ = recover()
		stack = debug.Stack()
	}()
	reportInner(nil)
	return nil
}

func reportInner(m map[string]int) { m["x"] = 1 }

func TestAStackBeginsWhereItPanicked(t *testing.T) {
	frames := devserver.Frames(reportPanic(), func(f string) bool { return strings.HasSuffix(f, ".reportPanic") })
	if len(frames) < 3 || !strings.HasSuffix(frames[0].Function, "devserver_test.reportInner") || filepath.Base(frames[0].File) != "report_test.go" || frames[0].Library {
		t.Fatalf("the innermost frame is %+v", frames)
	}
	if !strings.HasSuffix(frames[1].Function, ".reportPanic") || !frames[1].Library {
		t.Errorf("the second frame is %+v, want what the owner calls a library", frames[1])
	}
	if last := frames[len(frames)-1]; last.Function != "testing.(*T).Run" || !last.Library {
		t.Errorf("the outermost frame is %+v, want the standard library's", last)
	}
	for _, junk := range []string{"", "no stack", "a()\n\tno place\n", "a()\n\tx.go:NaN +0x1\n", strings.Repeat("(", 99) + "\n\t:1"} {
		_ = devserver.Frames([]byte(junk), nil) // must not panic
	}
}

type badError struct{}

func (badError) Error() string { panic("no words") }

func TestCausesAreTheWholeTree(t *testing.T) {
	err := fmt.Errorf("saving: %w", errors.Join(&fs.PathError{Op: "open", Path: "/x", Err: fs.ErrNotExist}, badError{}))
	var got []string
	for _, c := range devserver.Causes(err) {
		got = append(got, c.Type)
	}
	if want := []string{"*fmt.wrapError", "*errors.joinError", "*fs.PathError", "*errors.errorString", "devserver_test.badError"}; !slices.Equal(got, want) {
		t.Errorf("the causes are %v, want %v", got, want)
	}
	if c := devserver.Causes(badError{}); c[0].Message != "its Error method panics: no words" {
		t.Errorf("an error that panics is told as %q", c[0].Message)
	}
}

func TestLinksToEditors(t *testing.T) {
	for _, tt := range []struct{ editor, file, want string }{
		{"", "/src/a b.go", "vscode://file/src/a%20b.go:7:3"},
		{"goland", "/src/x.go", "goland://open?file=/src/x.go&line=7&column=3"},
		{"sublime", "/src/x.go", "subl://open?url=file:///src/x.go&line=7&column=3"},
		{"my://go{file}#{line}", "/src/x.go", "my://go/src/x.go#7"},
		{"none", "/src/x.go", ""},
		{"javascript:alert(1)/{file}", "/src/x.go", ""},
		{"data:text/html,{file}", "/src/x.go", ""},
		{"vscode", "x.go", ""},
		{"goland", "/src/a&b?.go", "goland://open?file=/src/a%26b%3F.go&line=7&column=3"},
	} {
		if got := string(devserver.EditorLink(tt.editor, tt.file, 7, 3)); got != tt.want {
			t.Errorf("editor %q opens %s by %q, want %q", tt.editor, tt.file, got, tt.want)
		}
	}
}

func TestPlacesInOutputAreLinks(t *testing.T) {
	text := "panic: boom\n\nmain.f()\n\t/src/main.go:12 +0x1\nexit views/a.go:3\n"
	got, links := devserver.SegmentText(devserver.Linked(text, "/src", ""))
	if got != text || !slices.Equal(links, []string{"vscode://file/src/main.go:12:1", "vscode://file/src/views/a.go:3:1"}) {
		t.Errorf("the text becomes %q with the links %v", got, links)
	}
}

func TestSourceAroundALine(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x.go")
	text := strings.Repeat("line\n", 9) + "\tx := é + y\n" + strings.Repeat("y", 100_000) + "\n"
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	lines := devserver.SourceLines(name, 10, 7)
	if len(lines) != 7 || lines[5].Number != 10 || !lines[5].Current || lines[5].Caret != "\t     ^" {
		t.Errorf("around line 10 stands %+v", lines)
	}
	if last := lines[len(lines)-1].Text; len(last) > 500 || !strings.Contains(last, "(100000 bytes in all)") {
		t.Errorf("a line of 100000 bytes is shown as %d", len(last))
	}
	for _, at := range []int{0, -1, 99} {
		if got := devserver.SourceLines(name, at, 0); got != nil {
			t.Errorf("around line %d stands %+v, want nothing", at, got)
		}
	}
	if got := devserver.SourceLines("/dev/zero", 1, 0); got != nil {
		t.Errorf("a device is read")
	}
	if got := devserver.Shorten("aé\xffb", 2); got != "a … (7 bytes in all)" {
		t.Errorf("a text is cut to %q", got)
	}
}
