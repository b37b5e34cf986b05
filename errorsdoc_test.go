package carafe_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// sourceText is the constant part of a text in the source: what is added to it in between is a space.
func sourceText(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if s, err := strconv.Unquote(e.Value); err == nil && e.Kind == token.STRING {
			return s
		}
	case *ast.BinaryExpr:
		if e.Op == token.ADD {
			return sourceText(e.X) + sourceText(e.Y)
		}
	}
	return " "
}

// sourceTexts are the texts in the source of a folder without its tests.
func sourceTexts(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	must(t, err)
	var texts []string
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		must(t, err)
		ast.Inspect(parsed, func(n ast.Node) bool {
			if e, ok := n.(ast.Expr); ok {
				if s := sourceText(e); s != " " {
					texts = append(texts, s)
					return false
				}
			}
			return true
		})
	}
	return texts
}

// TestTheCatalogueOfErrorsQuotesTheSource finds each message that docs/errors.md explains among the texts of the source.
func TestTheCatalogueOfErrorsQuotesTheSource(t *testing.T) {
	page, err := os.ReadFile("docs/errors.md")
	must(t, err)
	texts := append(sourceTexts(t, "."), sourceTexts(t, "blueprints")...)
	for _, folder := range []string{"routing", "devserver", "cli"} {
		texts = append(texts, sourceTexts(t, folder)...)
	}
	headings := regexp.MustCompile(`(?m)^### (.*)$`).FindAllStringSubmatch(string(page), -1)
	if len(headings) < 15 {
		t.Errorf("the catalogue has %d errors, want more", len(headings))
	}
	for _, h := range headings {
		var parts []string
		for _, part := range strings.Split(h[1], "…") {
			parts = append(parts, regexp.QuoteMeta(strings.TrimSpace(part)))
		}
		quoted := regexp.MustCompile(`(?s)` + strings.Join(parts, `.*`))
		if !slices.ContainsFunc(texts, quoted.MatchString) {
			t.Errorf("no text of the source says %q", h[1])
		}
	}
}
