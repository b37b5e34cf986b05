package carafe_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// docPackages are the names by which pages speak of packages, with the path of each below the module.
var docPackages = map[string]string{
	"carafe": "", "blueprints": "/blueprints", "carafetest": "/testing", "cli": "/cli", "devserver": "/devserver", "gateway": "/gateway",
	"jinja": "/jinja", "middleware": "/gateway/middleware", "routing": "/routing", "server": "/server", "signing": "/signing", "wire": "/wire",
}

// docValues are the names by which pages speak of values of the root, with the types whose methods and fields they have.
var docValues = map[string][]string{
	"app": {"App", "Scaffold"}, "App": {"App", "Scaffold"}, "c": {"Context", "AppContext"}, "Context": {"Context", "AppContext"}, "Config": {"Config"},
	"Session": {"Session"}, "Request": {"Request"}, "Response": {"Response"}, "Signals": {"Signals"},
}

var (
	docName   = regexp.MustCompile(`(?:^|[^\w./"-])(\w+)\.([A-Z]\w*)`)
	docTest   = regexp.MustCompile(`^(?:Test|Fuzz|Benchmark|Example)[A-Z]`)
	apiLine   = regexp.MustCompile(`^(\S+): (?:(?:const|func|type|var) (\w+)|(?:field|method) \(?\*?(\w+)\)?(?: struct,| interface,)? (\w+))`)
	notOurs   = []string{"Context.Done", "Context.Err", "Context.Value", "Context.Deadline", "c.Done", "c.Err", "c.Value", "c.Deadline", "Request.Context"}
	otherApps = regexp.MustCompile("(?s)```(?:python|text)\n.*?```")
)

// docAPINames are the exported names of api.txt: "/gateway.Handler", and of the root's types, and the test client's Response, "App.Get".
func docAPINames(t *testing.T) map[string]bool {
	t.Helper()
	file, err := os.ReadFile("api.txt")
	must(t, err)
	names := map[string]bool{}
	for line := range strings.Lines(string(file)) {
		m := apiLine.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("api.txt has a line of another kind: %s", line)
		}
		pkg := strings.TrimPrefix(m[1], module)
		switch {
		case m[2] != "":
			names[pkg+"."+m[2]] = true
		case pkg == "", pkg == "/testing" && m[3] == "Response":
			names[m[3]+"."+m[4]] = true
		}
	}
	return names
}

// TestNamesOnThePagesExist looks up what pages name of Carafe, in text and code: carafe.Name, app.Name, Config.Name and the like.
func TestNamesOnThePagesExist(t *testing.T) {
	names, seen := docAPINames(t), 0
	for _, page := range docPages(t) {
		text, err := os.ReadFile(page)
		must(t, err)
		for _, m := range docName.FindAllStringSubmatch(otherApps.ReplaceAllString(string(text), ""), -1) {
			if docTest.MatchString(m[2]) {
				continue // TestConformance looks for those
			}
			found := false
			if pkg, ok := docPackages[m[1]]; ok {
				found = names[pkg+"."+m[2]]
			} else if types, ok := docValues[m[1]]; ok {
				found = slices.ContainsFunc(types, func(typ string) bool { return names[typ+"."+m[2]] })
			} else {
				continue
			}
			seen++
			if !found && !slices.Contains(notOurs, m[1]+"."+m[2]) {
				t.Errorf("%s names %s.%s, which does not exist", page, m[1], m[2])
			}
		}
	}
	if seen < 500 {
		t.Errorf("%d names were found, want those of all pages", seen)
	}
}
