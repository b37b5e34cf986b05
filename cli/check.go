package cli

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/carafeweb/carafe"
	"github.com/spf13/cobra"
)

// A finding is something that check has found.
type finding struct {
	Level string `json:"level"` // "error": it will fail; "warning": it may be meant
	Place string `json:"place"` // "templates/index.html:7", "" for the app as a whole
	Text  string `json:"text"`  // what is wrong, and the cure
}

func checkCommand(s *session, p program) *cobra.Command {
	var asJSON, strict bool
	cmd := &cobra.Command{
		Use:   usage("check [OPTIONS]", p.place()),
		Short: "Look for mistakes in the app",
		Long: "Look for mistakes without serving: rules, views and settings that cannot be; templates that cannot be compiled or name others that\n" +
			"are not there; url_for in templates and URLFor in Go source with an endpoint that is not there or a variable too few; forms that\n" +
			"post without a CSRF token; settings of the app's own that nothing reads.\n\n" +
			"Exit code 1 means that there are errors, or with --strict warnings.",
		Args: placeArgs(p), DisableFlagsInUseLine: true,
		RunE: func(_ *cobra.Command, args []string) error {
			c, err := checked(s, p, args)
			if err != nil {
				return err
			}
			if err := c.print(s, asJSON); err != nil {
				return err
			}
			if c.count("error") > 0 || strict && len(c.findings) > 0 {
				return exitError(1)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&strict, "strict", false, "count warnings as errors")
	cmd.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	return cmd
}

// A check is what is known of an app, and what was found.
type check struct {
	in        *carafe.Inspection
	templates []carafe.TemplateInfo
	source    *source // nil if there is none
	rules     map[string][]carafe.RouteInfo
	urls      int
	findings  []finding
}

func checked(s *session, p program, args []string) (*check, error) {
	answer, err := p.ask(s.ctx, args, "check")
	if err != nil {
		return nil, err
	}
	c := &check{in: answer.Inspection, templates: answer.Templates, rules: map[string][]carafe.RouteInfo{}}
	for _, r := range c.in.Routes {
		c.rules[r.Endpoint] = append(c.rules[r.Endpoint], r)
	}
	if dir, pkg := p.sources(args); dir != "" {
		if c.source, err = readSource(s.ctx, dir, pkg); err != nil {
			c.add("warning", "", "the Go source cannot be read, so that URLFor and settings in it are not checked: %v", err)
		}
	}
	for _, fault := range c.in.Faults {
		c.add("error", "", "%s", strings.TrimPrefix(fault, "carafe: "))
	}
	c.checkRules()
	c.checkTemplates()
	c.checkSource()
	c.checkSettings()
	return c, nil
}

func (c *check) add(level, place, format string, args ...any) {
	c.findings = append(c.findings, finding{level, place, fmt.Sprintf(format, args...)})
}

func (c *check) count(level string) (n int) {
	for _, f := range c.findings {
		if f.Level == level {
			n++
		}
	}
	return n
}

func (c *check) print(s *session, asJSON bool) error {
	if asJSON {
		return writeJSON(s.out, slices.Concat([]finding{}, c.findings))
	}
	for _, f := range c.findings {
		place := f.Place
		if place != "" {
			place += ": "
		}
		fmt.Fprintf(s.out, "%s%s: %s\n", place, f.Level, f.Text)
	}
	looked := fmt.Sprintf("%s, %s, %s", plural(len(c.in.Routes), "route"), plural(len(c.templates), "template"), plural(c.urls, "URL"))
	if len(c.findings) == 0 {
		_, err := fmt.Fprintf(s.out, "All is well: %s.\n", looked)
		return err
	}
	_, err := fmt.Fprintf(s.out, "%s, %s in %s.\n", plural(c.count("error"), "error"), plural(c.count("warning"), "warning"), looked)
	return err
}

func plural(n int, word string) string {
	if n != 1 {
		word += "s"
	}
	return fmt.Sprintf("%d %s", n, word)
}

// foreignVariable is a segment that is a variable in the rules of other routers, {id} or :id, and text in those of Flask.
var foreignVariable = regexp.MustCompile(`^(?:\{([A-Za-z_]\w*)(?::[^}]*|\.\.\.)?\}|:([A-Za-z_]\w*))$`)

func (c *check) checkRules() {
	for _, r := range c.in.Routes {
		for segment := range strings.SplitSeq(r.Rule, "/") {
			if m := foreignVariable.FindStringSubmatch(segment); m != nil {
				c.add("warning", r.Site.String(), "the rule %s takes %q as text: a variable is written <%s>", r.Rule, segment, m[1]+m[2])
			}
		}
	}
}

func (c *check) checkTemplates() {
	for _, t := range c.templates {
		file := t.Name
		if t.File != "" {
			file = t.File
		}
		for _, err := range t.Errors {
			c.add("error", shortFile(file), "%s", strings.TrimPrefix(err, "carafe: "))
		}
		for _, u := range t.URLs {
			c.checkURL("url_for", fmt.Sprintf("%s:%d", shortFile(file), u.Line), u)
		}
		for _, f := range t.Forms {
			c.checkForm(fmt.Sprintf("%s:%d", shortFile(file), f.Line), f)
		}
	}
}

// checkURL finds an endpoint that is not there, and one whose rules all need more than they are given. call is what the language calls
// it.
func (c *check) checkURL(call, place string, u carafe.TemplateURL) {
	c.urls++
	rules := c.rulesOf(u.Endpoint)
	if len(rules) == 0 {
		text := fmt.Sprintf("%s(%q): there is no such endpoint", call, u.Endpoint)
		if near := c.nearest(u.Endpoint); near != "" {
			text += fmt.Sprintf(": did you mean %q?", near)
		}
		c.add("error", place, "%s", text)
		return
	}
	if u.Open || c.in.URLDefaults {
		return // values may come that only serving knows
	}
	for _, r := range rules {
		if len(missing(r, u)) == 0 {
			return
		}
	}
	c.add("error", place, "%s(%q): the rule %s needs %s too", call, u.Endpoint, rules[0].Rule, strings.Join(missing(rules[0], u), ", "))
}

func missing(r carafe.RouteInfo, u carafe.TemplateURL) (names []string) {
	for _, name := range r.Variables {
		if !slices.Contains(u.Names, name) {
			names = append(names, name)
		}
	}
	return names
}

// rulesOf are the rules of an endpoint. One that begins with a dot is of whichever blueprint the request is in, or of the app.
func (c *check) rulesOf(endpoint string) []carafe.RouteInfo {
	relative, ok := strings.CutPrefix(endpoint, ".")
	if !ok {
		return c.rules[endpoint]
	}
	var rules []carafe.RouteInfo
	for name, list := range c.rules {
		if name == relative || strings.HasSuffix(name, endpoint) {
			rules = append(rules, list...)
		}
	}
	return rules
}

// checkForm says what holds a form that posts without a token.
func (c *check) checkForm(place string, f carafe.TemplateForm) {
	if f.Token {
		return
	}
	kind := carafe.CSRF(c.setting("CSRF"))
	if rules := c.rulesOf(f.Endpoint); f.Endpoint != "" && len(rules) > 0 && rules[0].CSRF != "" {
		kind = rules[0].CSRF
	}
	const cure = `add <input type="hidden" name="csrf_token" value="{{ csrf_token() }}">`
	switch kind {
	case carafe.CSRFToken:
		c.add("error", place, "a form that posts has no csrf_token, and will be refused with 403: %s", cure)
	case carafe.CSRFOff:
		c.add("warning", place, "a form that posts has no csrf_token, and with CSRF off nothing else tells whose request it is: %s, and set CSRF to token", cure)
	default:
		c.add("warning", place, "a form that posts has no csrf_token: what protects it is the browser's word on where the request is from "+
			"(CSRF is origin), which browsers older than 2020 do not give; to do more, %s, and set CSRF to token", cure)
	}
}

func (c *check) setting(key string) (text string) {
	for _, s := range c.in.Settings {
		if s.Key == key {
			_ = json.Unmarshal(s.Value, &text) // what is no text is none
		}
	}
	return text
}
