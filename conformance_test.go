package carafe_test

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var updateConformance = flag.Bool("update-conformance", false, "write docs/conformance.md anew from testdata/conformance")

// The rows are those of testdata/conformance.tsv: the id of a test of Flask's own suite and the area it is in. What Carafe does about
// them is in testdata/conformance/*.tsv: the id, a verdict, and the Go tests that show it or the reason why there are none. A file
// of each theme may be put there as it is; then
//
//	go test -run Conformance -update-conformance .

// verdicts are the words of the files and of the table.
var verdicts = map[string]string{"yes": "done", "adapt": "adapted", "no": "not applicable", "pending": "later"}

// closedAreas are those in which no row is without a test or a reason.
var closedAreas = []string{"context", "hooks", "methods", "errors", "response", "blueprints", "views", "routing", "testing", "other", "cli"}

// A conformanceRow is one row of the table.
type conformanceRow struct{ id, area, verdict, evidence string }

func tsvLines(t *testing.T, path string) [][]string {
	t.Helper()
	data, err := os.ReadFile(path)
	must(t, err)
	var lines [][]string
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			lines = append(lines, strings.Split(line, "\t"))
		}
	}
	return lines
}

// judgements reads what the files say about each id. What is pending in one file may be settled in another; but two may not
// settle it differently.
func judgements(t *testing.T) map[string]conformanceRow {
	t.Helper()
	files, err := filepath.Glob("testdata/conformance/*.tsv")
	must(t, err)
	rows := map[string]conformanceRow{}
	for _, file := range files {
		for _, line := range tsvLines(t, file) {
			if len(line) != 3 || verdicts[line[1]] == "" {
				t.Errorf("%s: the line %q is not an id, one of %v, and the evidence", file, line, verdicts)
				continue
			}
			row, before := conformanceRow{id: line[0], verdict: line[1], evidence: line[2]}, rows[line[0]]
			switch {
			case before.id == "" || before.verdict == "pending":
				rows[row.id] = row
			case row.verdict != "pending" && row.verdict != before.verdict:
				t.Errorf("%s: %s is %q here and %q in another file", file, row.id, row.verdict, before.verdict)
			case row.verdict != "pending" && row.verdict != "no" && !strings.Contains(before.evidence, row.evidence):
				before.evidence += "; " + row.evidence
				rows[row.id] = before
			}
		}
	}
	return rows
}

func conformanceRows(t *testing.T) []conformanceRow {
	t.Helper()
	judged := judgements(t)
	var rows []conformanceRow
	for _, line := range tsvLines(t, "testdata/conformance.tsv") {
		row := judged[line[0]]
		delete(judged, line[0])
		row.id, row.area = line[0], line[1]
		if row.verdict == "" {
			row.verdict = "pending"
		}
		rows = append(rows, row)
	}
	for id := range judged {
		t.Errorf("testdata/conformance judges %s, which is no row of testdata/conformance.tsv", id)
	}
	return rows
}

func conformancePage(rows []conformanceRow) []byte {
	counts := map[string]int{}
	for _, row := range rows {
		counts[row.verdict]++
	}
	var b bytes.Buffer
	b.WriteString("# Conformance with Flask\n\n" +
		"Flask's own tests pin how it behaves. Each of them is a row here: what Carafe does about it, and the Go test that shows it, or the\n" +
		"reason why there is none. *done* is the same behaviour; *adapted* the same in Go's terms; *not applicable* has no counterpart in\n" +
		"Go; *later* is not there yet. A test is in the root package unless its folder is named.\n\n" +
		"This page is made from `testdata/conformance`, and `TestConformance…` keeps it true: see conformance_test.go.\n\n" +
		"| verdict | rows |\n|---|--:|\n")
	for _, v := range []string{"yes", "adapt", "no", "pending"} {
		fmt.Fprintf(&b, "| %s | %d |\n", verdicts[v], counts[v])
	}
	fmt.Fprintf(&b, "| all | %d |\n", len(rows))
	areas := map[string][]conformanceRow{}
	var names []string
	for _, row := range rows {
		if areas[row.area] == nil {
			names = append(names, row.area)
		}
		areas[row.area] = append(areas[row.area], row)
	}
	slices.Sort(names)
	cell := strings.NewReplacer("|", "\\|", "<", "&lt;")
	for _, area := range names {
		fmt.Fprintf(&b, "\n## %s\n\n| id | area | verdict | Go test or reason |\n|---|---|---|---|\n", area)
		for _, row := range areas[area] {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", row.id, row.area, verdicts[row.verdict], cell.Replace(row.evidence))
		}
	}
	return b.Bytes()
}

func TestConformancePageIsThatOfItsRows(t *testing.T) {
	page := conformancePage(conformanceRows(t))
	if *updateConformance {
		must(t, os.WriteFile("docs/conformance.md", page, 0o644))
	}
	written, err := os.ReadFile("docs/conformance.md")
	must(t, err)
	if !bytes.Equal(page, written) {
		t.Error("docs/conformance.md is not what testdata/conformance comes to: go test -run Conformance -update-conformance .")
	}
}

func TestConformanceRowsHaveATestOrAReason(t *testing.T) {
	seen := map[string]bool{}
	for _, row := range conformanceRows(t) {
		if seen[row.id] {
			t.Errorf("the row %s is there twice", row.id)
		}
		seen[row.id] = true
		switch tests := namedTest.FindAllString(row.evidence, -1); {
		case row.verdict == "yes" && len(tests) == 0:
			t.Errorf("%s is done, but no test is named: %q", row.id, row.evidence)
		case row.verdict != "pending" && row.evidence == "":
			t.Errorf("%s is %s without a test or a reason", row.id, verdicts[row.verdict])
		case row.evidence == "" && slices.Contains(closedAreas, row.area):
			t.Errorf("%s of the area %s is left without a test or a reason", row.id, row.area)
		}
	}
	if len(seen) < 372 {
		t.Errorf("there are %d rows, want the 372 that Flask's suite has", len(seen))
	}
}

// namedTest is a test as evidence names it: the folder of its package and a dot or a colon, "carafe" or none for the root, the function,
// the case, in which spaces are underscores as go test prints it.
var namedTest = regexp.MustCompile(`(?:([a-z][a-z/]*)(?:\.|: ))?((?:Test|Example|Fuzz)[A-Z]\w*)(?:/([^\s;]+))?`)

// A testedPackage is what the tests of a folder are made of.
type testedPackage struct {
	functions map[string]bool
	names     map[string]bool // what strings they have, as go test would print them as names of cases
}

// caseName is the text of a case as go test prints it.
func caseName(text string) string { return strings.Join(strings.Fields(text), "_") }

func parseTests(t *testing.T, folder string) testedPackage {
	t.Helper()
	p := testedPackage{map[string]bool{}, map[string]bool{}}
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	must(t, err)
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		must(t, err)
		ast.Inspect(parsed, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Recv == nil {
					p.functions[n.Name.Name] = true
				}
			case *ast.BasicLit:
				if n.Kind == token.STRING {
					p.names[caseName(strings.Trim(n.Value, "\"`"))] = true
				}
			}
			return true
		})
	}
	return p
}

func TestConformanceNamesTestsThatExist(t *testing.T) {
	packages := map[string]testedPackage{}
	checked, done := 0, 0
	for _, row := range conformanceRows(t) {
		if row.verdict == "yes" {
			done++
		}
		for _, name := range namedTest.FindAllStringSubmatch(row.evidence, -1) {
			folder := filepath.FromSlash("./" + strings.TrimPrefix(name[1], "carafe"))
			if _, ok := packages[folder]; !ok {
				packages[folder] = parseTests(t, folder)
			}
			p := packages[folder]
			if !p.functions[name[2]] {
				t.Errorf("%s: there is no %s in the tests of %s", row.id, name[2], folder)
			} else if name[3] != "" && !p.names[name[3]] {
				t.Errorf("%s: %s has no case %q", row.id, name[2], name[3])
			}
			checked++
		}
	}
	if checked < done || done == 0 {
		t.Errorf("%d names were checked for %d rows that are done, want at least one each", checked, done)
	}
}
