package devserver

import (
	"bufio"
	"html/template"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A SourceLine is a line around a place in the source.
type SourceLine struct {
	Number  int    // from 1
	Text    string // without its end
	Current bool   // it is the place
	Caret   string // blanks and a "^" below the column; "" if that is not known
}

// Limits of what is shown, so that a hostile or generated file does no harm.
const (
	linesAround   = 5
	maxLine       = 400
	maxSourceRead = 8 << 20
)

// sourceLines are the lines around one, from 1; nil if the file cannot be read. column is in bytes from 1, 0 for none.
func sourceLines(file string, line, column int) []SourceLine {
	if line < 1 || !filepath.IsAbs(file) {
		return nil
	}
	f, err := os.Open(file)
	if err != nil {
		return nil
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	var lines []SourceLine
	scanner := bufio.NewScanner(io.LimitReader(f, maxSourceRead))
	scanner.Buffer(make([]byte, 0, 64<<10), maxSourceRead)
	for n := 1; scanner.Scan() && n <= line+linesAround; n++ {
		if n < line-linesAround {
			continue
		}
		l := SourceLine{Number: n, Text: shorten(scanner.Text(), maxLine), Current: n == line}
		if l.Current && column > 0 && column <= len(l.Text)+1 {
			l.Caret = caret(l.Text[:min(column-1, len(l.Text))])
		}
		lines = append(lines, l)
	}
	return lines
}

// caret is a "^" below what comes after before; tabs stay, so that it lines up.
func caret(before string) string {
	var b strings.Builder
	for _, r := range before {
		if r == '\t' {
			b.WriteByte('\t')
		} else {
			b.WriteByte(' ')
		}
	}
	return b.String() + "^"
}

// shorten cuts a text to at most max bytes, at a character, and says how long it was.
func shorten(s string, max int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= max {
		return s
	}
	cut := max
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + " … (" + strconv.Itoa(len(s)) + " bytes in all)"
}

// Editors are the URLs by which editors open a line, by name. What stands for {file} begins with a slash.
var Editors = map[string]string{
	"vscode":   "vscode://file{file}:{line}:{column}",
	"vscodium": "vscodium://file{file}:{line}:{column}",
	"cursor":   "cursor://file{file}:{line}:{column}",
	"windsurf": "windsurf://file{file}:{line}:{column}",
	"zed":      "zed://file{file}:{line}:{column}",
	"goland":   "goland://open?file={file}&line={line}&column={column}",
	"idea":     "idea://open?file={file}&line={line}&column={column}",
	"sublime":  "subl://open?url=file://{file}&line={line}&column={column}",
	"textmate": "txmt://open?url=file://{file}&line={line}&column={column}",
	"emacs":    "emacs://open?url=file://{file}&line={line}&column={column}",
}

// editorLink is the URL that opens a place in the editor, "" if there is none. editor is a name of Editors, a URL, or "none".
func editorLink(editor, file string, line, column int) template.URL {
	if editor == "" {
		editor = "vscode"
	}
	pattern, known := Editors[editor]
	if !known {
		pattern = editor
	}
	scheme, _, ok := strings.Cut(pattern, ":")
	if !ok || !filepath.IsAbs(file) || scheme == "javascript" || scheme == "data" || strings.Trim(scheme, "abcdefghijklmnopqrstuvwxyz0123456789+-.") != "" {
		return ""
	}
	path := (&url.URL{Path: "/" + strings.TrimPrefix(filepath.ToSlash(file), "/")}).EscapedPath()
	path = strings.NewReplacer("?", "%3F", "#", "%23", "&", "%26").Replace(path)
	fill := strings.NewReplacer("{file}", path, "{line}", strconv.Itoa(max(line, 1)), "{column}", strconv.Itoa(max(column, 1)))
	return template.URL(fill.Replace(pattern))
}
