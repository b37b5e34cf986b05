package carafe_test

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	docLink    = regexp.MustCompile(`\]\(([^)\s]*)\)`)
	docHeading = regexp.MustCompile(`(?m)^#{1,6} +(.*?) *$`)
	docInGo    = regexp.MustCompile(`\bdocs/[a-z/-]+\.md\b`)
	notInSlug  = regexp.MustCompile(`[^\pL\pN _-]`)
)

// docPages are the pages of the repository: everything in Markdown that is no test data, and llms.txt.
func docPages(t *testing.T) []string {
	t.Helper()
	pages := []string{"llms.txt"}
	must(t, filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || name != "." && strings.HasPrefix(d.Name(), ".")):
			return filepath.SkipDir
		case strings.HasSuffix(name, ".md"):
			pages = append(pages, filepath.ToSlash(name))
		}
		return nil
	}))
	return pages
}

// docText is a page without its code, in which brackets are no links.
func docText(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(page)
	must(t, err)
	return codeBlock.ReplaceAllString(string(text), "")
}

// docAnchors are what a link to a heading of the page may have behind its "#": what GitHub makes of the heading.
func docAnchors(t *testing.T, page string) (anchors []string) {
	t.Helper()
	for _, m := range docHeading.FindAllStringSubmatch(docText(t, page), -1) {
		heading := docLink.ReplaceAllString(m[1], "]")
		anchors = append(anchors, strings.ReplaceAll(notInSlug.ReplaceAllString(strings.ToLower(heading), ""), " ", "-"))
	}
	return anchors
}

func TestLinksOfTheDocsLeadSomewhere(t *testing.T) {
	followed, anchors := 0, 0
	for _, page := range docPages(t) {
		for _, m := range docLink.FindAllStringSubmatch(docText(t, page), -1) {
			to, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(to, "://") {
				continue
			}
			target := page
			if to != "" {
				target = path.Join(path.Dir(page), to)
			}
			followed++
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s: %v", page, m[1], err)
				continue
			}
			if anchor == "" {
				continue
			}
			anchors++
			if !slices.Contains(docAnchors(t, target), anchor) {
				t.Errorf("%s links to %s, and %s has no such heading", page, m[1], target)
			}
		}
	}
	if followed < 150 || anchors < 20 {
		t.Errorf("%d links were found, %d of them to headings, want all", followed, anchors)
	}
}

// TestPagesThatTheSourceNamesAreThere looks for "docs/x.md" in the source of the packages: in comments, and in what is printed.
func TestPagesThatTheSourceNamesAreThere(t *testing.T) {
	named := 0
	for _, folder := range errorFolders(t) {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		must(t, err)
		for _, file := range files {
			source, err := os.ReadFile(file)
			must(t, err)
			for _, page := range docInGo.FindAllString(string(source), -1) {
				named++
				if _, err := os.Stat(page); err != nil && page != "docs/x.md" {
					t.Errorf("%s names %s: %v", file, page, err)
				}
			}
		}
	}
	if named == 0 {
		t.Error("no page was found in the source")
	}
}
