package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/carafeweb/carafe"
)

// explain tells what happens to a request, without making it.
func explain(s *session, p program, args []string, v *routesView) error {
	method, url, ok := strings.Cut(v.match, " ")
	if !ok || method == "" || url == "" {
		return usageError{errMatch}
	}
	answer, err := p.ask(s.ctx, args, "explain", strings.ToUpper(method), url)
	if err != nil {
		return err
	}
	if v.json {
		return writeJSON(s.out, struct {
			*carafe.Explanation
			Err string
		}{answer.Explanation, answer.Refusal})
	}
	explanationText(s.out, answer.Explanation, answer.Refusal)
	return nil
}

// explanationText tells it in the order in which it happens: the rules, the decision, the functions.
func explanationText(out io.Writer, e *carafe.Explanation, refusal string) {
	fmt.Fprintf(out, "%s %s\n\n", e.Method, e.URL)
	if e.Mount != "" {
		fmt.Fprintf(out, "What is mounted at %s takes it, and the app's rules are not asked.\n", e.Mount)
		return
	}
	if len(e.Rules) > 0 {
		fmt.Fprint(out, "The rules, in the order in which they are tried:\n\n")
		verdictTable(e.Rules).print(out)
		fmt.Fprintln(out)
	}
	fmt.Fprintln(out, decision(e, refusal))
	if len(e.Steps) > 0 {
		fmt.Fprint(out, "\nWhat runs, in order:\n\n")
		t := newTable("Step", "What", "Where")
		for _, step := range e.Steps {
			t.add(step.Kind, step.Text, shortPlace(step.Site.File, step.Site.Line))
		}
		t.print(out)
	}
}

func verdictTable(rules []carafe.RuleVerdict) *table {
	domains := slices.ContainsFunc(rules, func(r carafe.RuleVerdict) bool { return r.Domain != "" })
	heading := []string{"", "Rule", "Methods", "Verdict", "Reason", "Where"}
	if domains {
		heading = slices.Insert(heading, 1, "Domain")
	}
	t := newTable(heading...)
	for _, r := range rules {
		mark := ""
		if r.Verdict == "matches" || r.Verdict == "redirects" {
			mark = "=>"
		}
		row := []string{mark, r.Rule, methodsText(r.Methods), string(r.Verdict), r.Reason, shortPlace(r.Site.File, r.Site.Line)}
		if domains {
			row = slices.Insert(row, 1, r.Domain)
		}
		t.add(row...)
	}
	return t
}

// decision is what the rules come to, in one or two lines.
func decision(e *carafe.Explanation, refusal string) string {
	switch {
	case e.Location != "":
		return fmt.Sprintf("It is redirected to %s (%d).", e.Location, e.Status)
	case refusal != "" && len(e.Allow) > 0:
		return fmt.Sprintf("No view is called: %s Allowed: %s.", refusal, strings.Join(e.Allow, ", "))
	case refusal != "":
		return fmt.Sprintf("No view is called: %s", refusal)
	}
	text := fmt.Sprintf("It goes to the endpoint %q by the rule %s", e.Endpoint, e.Rule)
	if e.Foreign {
		text = foreignText(e)
	}
	if e.Blueprint != "" {
		text += fmt.Sprintf(" of the blueprint %q", e.Blueprint)
	}
	var values []string
	for _, p := range e.Values.Pairs() {
		values = append(values, fmt.Sprintf("%s=%v", p.Name, p.Value))
	}
	if len(values) > 0 {
		text += ", with " + strings.Join(values, ", ")
	}
	return text + "."
}

// foreignText names a route of app.Router() by what it has of name and path.
func foreignText(e *carafe.Explanation) string {
	text := "No rule takes it, and it goes to a route of app.Router()"
	if e.Endpoint != "" {
		text = fmt.Sprintf("No rule takes it, and it goes to the route %q of app.Router()", e.Endpoint)
	}
	if e.Rule != "" {
		text += " by the path " + e.Rule
	}
	return text
}
