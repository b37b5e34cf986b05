package carafe_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	flaskNameRow = regexp.MustCompile("^\\| (`.*`) \\| (.*) \\|$")
	codeSpan     = regexp.MustCompile("`([^`]+)`")
	ownGoName    = regexp.MustCompile(`^(?:(carafetest)\.)?(?:([a-z]+)|([A-Z]\w*))\.([A-Z]\w*)$`)
)

// TestEachNameOfFlaskHasARow compares docs/flask-names.md with the names of real Flask (testdata/flasknames/names.py), and what it says that
// they are here with api.txt.
func TestEachNameOfFlaskHasARow(t *testing.T) {
	page, err := os.ReadFile("docs/flask-names.md")
	must(t, err)
	names, err := os.ReadFile("testdata/flasknames/names.txt")
	must(t, err)
	api := goNames(t)
	told := map[string][]string{}
	section := ""
	for line := range strings.Lines(string(page)) {
		line = strings.TrimSpace(line)
		if title, ok := strings.CutPrefix(line, "## "); ok {
			section = title
		}
		row := flaskNameRow.FindStringSubmatch(line)
		if row == nil {
			continue
		}
		for _, m := range codeSpan.FindAllStringSubmatch(row[1], -1) {
			told[section] = append(told[section], m[1])
		}
		for _, m := range codeSpan.FindAllStringSubmatch(row[2], -1) {
			if !api.has(m[1]) {
				t.Errorf("%s: api.txt has no %s", row[1], m[1])
			}
		}
		if !strings.ContainsAny(row[2], "`—") {
			t.Errorf("%s is said to be nothing: %q", row[1], row[2])
		}
	}
	for line := range strings.Lines(string(names)) {
		line = strings.TrimSpace(line)
		if title, ok := strings.CutPrefix(line, "# "); ok {
			section = title
			continue
		}
		if !slices.Contains(told[section], line) {
			t.Errorf("docs/flask-names.md has no row for %s of Flask's %s", line, section)
		}
		told[section] = slices.DeleteFunc(told[section], func(name string) bool { return name == line })
	}
	for section, left := range told {
		if len(left) > 0 {
			t.Errorf("docs/flask-names.md has rows for %q in %q, which Flask has not, or twice", left, section)
		}
	}
}

// apiNames are the names of api.txt: "carafe.New", "App.Route", "Config.Debug".
type apiNames map[string]bool

func goNames(t *testing.T) apiNames {
	t.Helper()
	text, err := os.ReadFile("api.txt")
	must(t, err)
	names := apiNames{}
	member := regexp.MustCompile(`^(?:method \(\*?(\w+)(?:\[\w+\])?\)|field (\w+)(?:\[.*\])? (?:struct|interface),) (\w+)`)
	plain := regexp.MustCompile(`^(?:func|type|const|var) (\w+)`)
	for line := range strings.Lines(string(text)) {
		path, rest, _ := strings.Cut(line, ": ")
		pkg := path[strings.LastIndexByte(path, '/')+1:]
		if pkg == "testing" {
			pkg = "carafetest"
		}
		if m := member.FindStringSubmatch(rest); m != nil {
			names[m[1]+m[2]+"."+m[3]], names[pkg+"."+m[1]+m[2]+"."+m[3]] = true, true
		}
		if m := plain.FindStringSubmatch(rest); m != nil {
			names[pkg+"."+m[1]] = true
		}
	}
	return names
}

// has says whether a piece of code in the right column is right, as far as it names something of Carafe's.
func (a apiNames) has(code string) bool {
	code = strings.TrimPrefix(code, "*")
	if strings.HasPrefix(code, "http.") || code == "json.Marshaler" || code == "testing.T" {
		return true
	}
	owner, name, qualified := strings.Cut(code, ".")
	if !qualified || !ownGoName.MatchString(code) {
		return !qualified || a[code]
	}
	return a[code] || (owner == "App" || owner == "Blueprint") && a["Scaffold."+name]
}
