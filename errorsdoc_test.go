package carafe_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// unseenTexts are messages of the source that nobody comes to read, and why.
var unseenTexts = map[string]string{
	"path field with a text form":       "binding tells itself how it reads the field",
	"no such page":                      "the engine looks for the next name",
	"the session was deleted meanwhile": "ServerSessions makes it a session without an id",
	"Config.…":                          "in front of another message",
	"request":                           "a line of the access log",
	"stop":                              "CheckSessionStore looks whether a store hands it on",
	"no error is known":                 "a page of the debugger that is asked for without an error",
}

// An errorEntry is what a page of the catalogue says of some messages.
type errorEntry struct {
	place string // "docs/errors.md:31"
	head  string // a message, with "…" for what differs
	match *regexp.Regexp
}

var (
	entryHead = regexp.MustCompile("^(?:- |  )`([^`]+)`\\\\$")
	entryWord = regexp.MustCompile(`\pL.*\pL.*\pL.*\pL`)
)

// errorEntries are the messages in a page of the catalogue: lines of a list that are a text in backticks and end in a backslash.
func errorEntries(t *testing.T, page string) (entries []errorEntry) {
	t.Helper()
	text, err := os.ReadFile(page)
	must(t, err)
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		m := entryHead.FindStringSubmatch(line)
		place := page + ":" + strconv.Itoa(i+1)
		if m == nil {
			if strings.HasPrefix(line, "- `") && !strings.Contains(line, "](") {
				t.Errorf("%s: an entry begins with a message alone, and a backslash: %s", place, line)
			}
			continue
		}
		if next := lines[i+1]; !strings.HasPrefix(next, "  ") {
			t.Errorf("%s: the entry says neither when nor what to do", place)
		}
		if !entryWord.MatchString(m[1]) {
			t.Errorf("%s: %q is no text to look for: leave less out", place, m[1])
			continue
		}
		var parts []string
		for _, part := range strings.Split(m[1], "…") {
			parts = append(parts, regexp.QuoteMeta(part))
		}
		entries = append(entries, errorEntry{place, m[1], regexp.MustCompile(`^` + strings.Join(parts, `.*`) + `$`)})
	}
	return entries
}

// errorFolders are the folders whose messages the catalogue explains: all that a program can import, and the tool.
func errorFolders(t *testing.T) []string {
	t.Helper()
	folders := []string{"cmd/carafe"}
	for _, pkg := range apiPackages(t) {
		folders = append(folders, path.Join(".", strings.TrimPrefix(pkg.path, module)))
	}
	return folders
}

// TestTheCatalogueOfErrorsIsTheSources holds docs/errors.md and the pages below docs/errors against the messages in the source, both ways.
func TestTheCatalogueOfErrorsIsTheSources(t *testing.T) {
	pages, err := filepath.Glob("docs/errors/*.md")
	must(t, err)
	var entries []errorEntry
	for _, page := range append([]string{"docs/errors.md"}, pages...) {
		entries = append(entries, errorEntries(t, filepath.ToSlash(page))...)
	}
	heads, texts, said := map[string]bool{}, map[string]bool{}, 0
	for _, e := range entries {
		heads[e.head] = true
	}
	for _, folder := range errorFolders(t) {
		for _, message := range readMessages(t, folder) {
			said++
			texts[message.text] = true
			if _, unseen := unseenTexts[message.text]; unseen || heads[message.text] {
				continue
			}
			if !slices.ContainsFunc(entries, func(e errorEntry) bool { return e.match.MatchString(message.text) }) {
				t.Errorf("%s says %q, and no page of docs/errors has an entry for it", message.place, message.text)
			}
		}
		for _, text := range sourceTexts(t, folder) {
			texts[text] = true
		}
	}
	for _, e := range entries {
		if !texts[e.head] && !matchesAny(e.match, texts) {
			t.Errorf("%s: nothing in the source says %q", e.place, e.head)
		}
	}
	for text := range unseenTexts {
		if !texts[text] {
			t.Errorf("nothing in the source says %q, which unseenTexts has", text)
		}
	}
	if said < 800 || len(entries) < 500 {
		t.Errorf("%d messages and %d entries were found, want all", said, len(entries))
	}
}

func matchesAny(pattern *regexp.Regexp, texts map[string]bool) bool {
	for text := range texts {
		if pattern.MatchString(text) {
			return true
		}
	}
	return false
}

// sourceTexts are all texts in the source of a folder without its tests, also those that a message is put together of.
func sourceTexts(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	must(t, err)
	var texts []string
	f := &folderTexts{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		must(t, err)
		ast.Inspect(parsed, func(n ast.Node) bool {
			if e, ok := n.(ast.Expr); ok {
				if s := f.text(e); s != "" {
					texts = append(texts, s)
				}
			}
			return true
		})
	}
	return texts
}
