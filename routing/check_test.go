package routing_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/carafeweb/carafe/routing"
)

func addAll(t testing.TB, opts routing.Options, rules ...*routing.Rule) *routing.Map {
	t.Helper()
	m := routing.New(opts)
	if err := m.Add(rules...); err != nil {
		t.Fatal(err)
	}
	return m
}

func rulesOf(texts ...string) []*routing.Rule {
	var rules []*routing.Rule
	for _, text := range texts {
		rules = append(rules, &routing.Rule{Rule: text, Endpoint: text})
	}
	return rules
}

func TestAddRefuses(t *testing.T) {
	for _, tt := range []struct {
		name  string
		rule  routing.Rule
		fault routing.Fault
		says  string
	}{
		{"a rule without its slash", routing.Rule{Rule: "x"}, routing.FaultSyntax, "must start with a slash"},
		{"a variable that is not closed", routing.Rule{Rule: "/<x"}, routing.FaultSyntax, "malformed url rule: '/<x'"},
		{"a name with a space", routing.Rule{Rule: "/a< x>"}, routing.FaultSyntax, "see byte 2"},
		{"a converter nobody knows", routing.Rule{Rule: "/<nope:x>"}, routing.FaultConverter, "Options.Converters"},
		{"an argument that int does not have", routing.Rule{Rule: "/<int(foo=1):x>"}, routing.FaultArgument, `no argument "foo"`},
		{"an argument given twice", routing.Rule{Rule: "/<int(2, fixed_digits=3):x>"}, routing.FaultArgument, "twice"},
		{"a limit that is no number", routing.Rule{Rule: "/<int(min=abc):x>"}, routing.FaultType, "'abc'"},
		{"lengths that exclude each other", routing.Rule{Rule: "/<string(minlength=3, maxlength=2):x>"}, routing.FaultType, "at least 3 and at most 2"},
		{"a length that no URL has", routing.Rule{Rule: "/<string(length=9223372036854775807):x>"}, routing.FaultArgument, "no URL has room"},
		{"digits that no URL has", routing.Rule{Rule: "/<int(fixed_digits=9223372036854775807):x>"}, routing.FaultArgument, "no URL has room"},
		{"an item that is no text", routing.Rule{Rule: "/<any(1, 2):x>"}, routing.FaultArgument, "quotes"},
		{"a name twice", routing.Rule{Rule: "/<a>/<int:a>"}, routing.FaultVariable, `"a" occurs twice`},
		{"a name in subdomain and path", routing.Rule{Rule: "/<a>", Subdomain: "<a>"}, routing.FaultVariable, `"a" occurs twice`},
		{"a default that int cannot write", routing.Rule{Rule: "/<int:x>", Defaults: routing.Values{"x": "abc"}}, routing.FaultDefault, "invalid literal for int()"},
		{"a websocket that is posted to", routing.Rule{Rule: "/", Websocket: true, Methods: []string{"post"}}, routing.FaultMethod, "WebSocket"},
		{"methods in one text", routing.Rule{Rule: "/", Methods: []string{"GET, POST"}}, routing.FaultMethod, `"GET, POST" is not a method`},
		{"a method with a space", routing.Rule{Rule: "/", Methods: []string{"GET", "GE T"}}, routing.FaultMethod, `"GE T" is not a method`},
		{"a method without a letter", routing.Rule{Rule: "/", Methods: []string{""}}, routing.FaultMethod, `"" is not a method`},
		{"a method in another script", routing.Rule{Rule: "/", Methods: []string{"GÉT"}}, routing.FaultMethod, `"GÉT" is not a method`},
		{"a redirect to a number", routing.Rule{Rule: "/", RedirectTo: 7}, routing.FaultArgument, "int"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.rule.Source = "site.go:14"
			err := routing.New(routing.Options{}).Add(&tt.rule)
			var refused *routing.RuleError
			if !errors.As(err, &refused) {
				t.Fatalf("Add(%q) = %v, want a *RuleError", tt.rule.Rule, err)
			}
			if refused.Fault != tt.fault || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), "site.go:14") {
				t.Errorf("Add(%q): fault %d, %v; want fault %d, site.go:14 and %q", tt.rule.Rule, refused.Fault, err, tt.fault, tt.says)
			}
		})
	}
}

func TestALimitThatNoURLReachesIsNoLimit(t *testing.T) {
	for _, opts := range []routing.Options{{}, {MuxOnly: true}} {
		m := addAll(t, opts, rulesOf("/<string(minlength=2, maxlength=9223372036854775807):x>")...)
		if got := answer(m, "", "GET", "/abc"); !strings.Contains(got, "map[x:abc]") {
			t.Errorf("GET /abc: %s", got)
		}
		if got := answer(m, "", "GET", "/a"); got != routing.ErrNotFound.Error() {
			t.Errorf("GET /a: %s", got)
		}
	}
}

// What a mistake in a rule has left behind must not be in the way of the same rule put right.
func TestARuleThatWasRefusedMayBeCorrected(t *testing.T) {
	m := routing.New(routing.Options{})
	r := &routing.Rule{Rule: "/<int:x>/<nope:y>", Endpoint: "e", Methods: []string{"post"}}
	if err := m.Add(r); err == nil {
		t.Fatal("a rule with an unknown converter was accepted")
	}
	r.Rule, r.Methods = "/<int:x>/<y>", nil
	if err := m.Add(r); err != nil {
		t.Fatalf("the corrected rule: %v", err)
	}
	var match routing.Match
	if err := m.Find(t0, &match, "", "GET", "/7/a", false); err != nil || match.Int(0) != 7 || match.Text(1) != "a" {
		t.Errorf("GET /7/a: %v, %v", err, match.Values())
	}
}

func TestAddAfterCompileIsRefused(t *testing.T) {
	m := addAll(t, routing.Options{}, rulesOf("/a")...)
	if err := m.Compile(); err != nil {
		t.Fatal(err)
	}
	if err := m.Add(rulesOf("/b")...); !errors.Is(err, routing.ErrCompiled) {
		t.Errorf("Add after Compile = %v, want ErrCompiled", err)
	}
}

func TestARuleBelongsToOneMap(t *testing.T) {
	r := rulesOf("/a")
	addAll(t, routing.Options{}, r...)
	if err := routing.New(routing.Options{}).Add(r...); err == nil {
		t.Error("a second map took the rule")
	}
}

func TestCheck(t *testing.T) {
	get := func(text, source string) *routing.Rule {
		return &routing.Rule{Rule: text, Endpoint: "e" + source, Methods: []string{"GET"}, Source: "site.go:" + source}
	}
	post := func(text string) *routing.Rule {
		return &routing.Rule{Rule: text, Endpoint: "post", Methods: []string{"POST"}}
	}
	no := false
	for _, tt := range []struct {
		name  string
		rules []*routing.Rule
		fault routing.Fault
		says  string // "" means that there is no fault
	}{
		{"rules that differ", []*routing.Rule{get("/a", "1"), get("/b", "2"), get("/<x>", "3"), get("/<int:x>", "4")}, 0, ""},
		{"one rule with two methods", []*routing.Rule{get("/a", "1"), post("/a")}, 0, ""},
		{"the same rule twice", []*routing.Rule{get("/a", "1"), get("/a", "2")}, routing.FaultClash, `rule "/a" (site.go:1) matches the same paths: GET /a goes to endpoint "e1"`},
		{"the same shape with other names", []*routing.Rule{get("/u/<a>", "1"), get("/u/<b>", "2")}, routing.FaultClash, "GET /u/a goes to"},
		{"limits that the shape does not show", []*routing.Rule{get("/<int(max=5):a>", "1"), get("/<int(min=6):a>", "2")}, routing.FaultClash, "GET /"},
		{"any method beside one", []*routing.Rule{{Rule: "/a", Endpoint: "any"}, post("/a")}, routing.FaultClash, "POST /a"},
		{"an empty list of methods", []*routing.Rule{{Rule: "/a", Methods: []string{}}}, routing.FaultDead, "list of methods is empty"},
		{"an empty list that only builds", []*routing.Rule{{Rule: "/a", Methods: []string{}, BuildOnly: true}}, 0, ""},
		{"uuid after text of the same weight", []*routing.Rule{get("/<x>", "1"), get("/<uuid:u>", "2")}, routing.FaultDead, `rule "/<x>" (site.go:1) takes all its paths: GET /00000000-0000-0000-0000-000000000000 goes to`},
		{"uuid before text", []*routing.Rule{get("/<uuid:u>", "1"), get("/<x>", "2")}, 0, ""},
		{"a choice after text", []*routing.Rule{get("/<x>/z", "1"), get("/<any(a,b):u>/z", "2")}, routing.FaultDead, "GET /a/z"},
		{"a choice with nothing in it after text", []*routing.Rule{get("/<x>/z", "1"), get("/<any(a,''):u>/z", "2")}, 0, ""},
		{"a choice that may be posted to", []*routing.Rule{get("/<x>", "1"), post("/<any(a,b):u>")}, 0, ""},
		{"a path in front of two slashes", []*routing.Rule{{Rule: "/<path:p>//", MergeSlashes: &no}}, routing.FaultDead, "two slashes"},
		{"a path in the subdomain", []*routing.Rule{{Rule: "/", Subdomain: "<path:p>"}}, routing.FaultDead, "domain"},
		{"a redirect to what it does not have", []*routing.Rule{{Rule: "/<a>", RedirectTo: "/x/<b>"}}, routing.FaultVariable, `"b"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			faults := addAll(t, routing.Options{}, tt.rules...).Check()
			if tt.says == "" {
				if len(faults) > 0 {
					t.Errorf("Check = %v, want nothing", faults)
				}
				return
			}
			var fault *routing.RuleError
			if len(faults) != 1 || !errors.As(faults[0], &fault) {
				t.Fatalf("Check = %v, want one fault", faults)
			}
			if fault.Fault != tt.fault || !strings.Contains(fault.Error(), tt.says) {
				t.Errorf("fault %d: %v; want fault %d with %q", fault.Fault, fault, tt.fault, tt.says)
			}
		})
	}
}

// What Check calls dead is dead: no path of the rule's shape comes to it.
func TestDeadRulesAreNotFound(t *testing.T) {
	rules := rulesOf("/<x>", "/<uuid:u>")
	m := addAll(t, routing.Options{}, rules...)
	if len(m.Check()) != 1 {
		t.Fatal("the uuid rule is not reported")
	}
	var match routing.Match
	if err := m.Find(t0, &match, "", "GET", rules[1].Sample(), false); err != nil || match.Rule != rules[0] {
		t.Errorf("%s goes to %v (%v), want the first rule", rules[1].Sample(), match.Rule, err)
	}
}
