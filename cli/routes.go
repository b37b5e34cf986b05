package cli

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/carafeweb/carafe"
	"github.com/spf13/cobra"
)

// sorts are the orders of routes.
var sorts = []string{"endpoint", "methods", "domain", "rule", "match"}

// A routesView is how routes are to be shown.
type routesView struct {
	sort       string
	allMethods bool
	json       bool
	match      string // "METHOD URL": explain that instead
}

func routesCommand(s *session, p program) *cobra.Command {
	var v routesView
	cmd := &cobra.Command{
		Use:   usage("routes [OPTIONS]", p.place()),
		Short: "Show the routes of the app",
		Long: "Show all routes with their endpoints, methods and rules, and the view of each with the place where it is written. Routes of\n" +
			"app.Router() and what is mounted follow by themselves. With --match, show step by step what happens to a request.",
		Args: placeArgs(p), DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if v.match != "" {
				return explain(s, p, args, &v)
			}
			return listRoutes(s, p, args, &v)
		},
	}
	flags := cmd.Flags()
	flags.VarP(&choice{&v.sort, sorts}, "sort", "s", "the `order`: endpoint, methods, domain, rule, or match, in which rules are tried")
	v.sort = "endpoint"
	flags.BoolVar(&v.allMethods, "all-methods", false, "show HEAD and OPTIONS too")
	flags.BoolVar(&v.json, "json", false, "write JSON")
	flags.StringVar(&v.match, "match", "", "explain a request: --match `METHOD URL`")
	_ = cmd.RegisterFlagCompletionFunc("sort", cobra.FixedCompletions(sorts, cobra.ShellCompDirectiveNoFileComp)) // fails for options that are not there
	return cmd
}

// usage joins what is there of a usage line.
func usage(parts ...string) string { return strings.TrimSpace(strings.Join(parts, " ")) }

// placeArgs takes the words that say where the app is.
func placeArgs(p program) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if p.place() == "" {
			return noArgs(cmd, args)
		}
		if len(args) > 1 {
			return usageError{fmt.Errorf("%q and %q: give one package", args[0], args[1])}
		}
		return nil
	}
}

// A choice is an option that takes one of a few words.
type choice struct {
	to    *string
	words []string
}

func (c *choice) String() string { return "" }
func (c *choice) Type() string   { return strings.Join(c.words, "|") }

// Set takes a word.
func (c *choice) Set(word string) error {
	if !slices.Contains(c.words, word) {
		return fmt.Errorf("%q is not one of %s", word, strings.Join(c.words, ", "))
	}
	*c.to = word
	return nil
}

// joinMatch makes one word of the two that --match takes.
func joinMatch(args []string) []string {
	for i, arg := range args {
		if arg == "--" {
			break
		}
		if arg == "--match" && i+2 < len(args) && !strings.HasPrefix(args[i+2], "-") {
			joined := "--match=" + args[i+1] + " " + args[i+2]
			return slices.Concat(args[:i], []string{joined}, args[i+3:])
		}
	}
	return args
}

// A routeLine is a route as it is listed, and as JSON has it.
type routeLine struct {
	Kind      string   `json:"kind"` // "rule", "mux" or "mount"
	Endpoint  string   `json:"endpoint"`
	Methods   []string `json:"methods"` // empty means any
	Subdomain string   `json:"subdomain,omitempty"`
	Host      string   `json:"host,omitempty"`
	Rule      string   `json:"rule"`
	View      string   `json:"view,omitempty"`
	File      string   `json:"file,omitempty"` // of the view, else of the route
	Line      int      `json:"line,omitempty"`
	BuildOnly bool     `json:"build_only,omitempty"`
	WebSocket bool     `json:"websocket,omitempty"`
}

func (r *routeLine) domain() string { return r.Host + r.Subdomain }

func listRoutes(s *session, p program, args []string, v *routesView) error {
	answer, err := p.ask(s.ctx, args, "inspect")
	if err != nil {
		return err
	}
	in := answer.Inspection
	rules := ruleLines(in, v)
	foreign := foreignLines(in, v)
	for _, fault := range in.Faults {
		fmt.Fprintf(s.err, "Error: %s\n", strings.TrimPrefix(fault, "carafe: "))
	}
	switch {
	case v.json:
		err = writeJSON(s.out, slices.Concat([]routeLine{}, rules, foreign))
	case len(rules)+len(foreign) == 0:
		_, err = fmt.Fprintln(s.out, "No routes were registered.")
	default:
		err = printRoutes(s.out, in.HostMatching, rules, foreign)
	}
	if err == nil && len(in.Faults) > 0 {
		return exitError(1)
	}
	return err
}

func ruleLines(in *carafe.Inspection, v *routesView) []routeLine {
	lines := make([]routeLine, len(in.Routes))
	for i, r := range in.Routes {
		site := r.ViewSite
		if site.File == "" {
			site = r.Site
		}
		lines[i] = routeLine{
			Kind: "rule", Endpoint: r.Endpoint, Methods: shownMethods(r.Methods, v.allMethods), Rule: r.Rule, View: r.View,
			File: site.File, Line: site.Line, BuildOnly: r.Hidden, WebSocket: r.WebSocket,
		}
		if in.HostMatching {
			lines[i].Host = r.Host
		} else {
			lines[i].Subdomain = r.Subdomain
		}
	}
	if v.sort == "match" {
		return inOrder(lines, in.MatchOrder)
	}
	sortLines(lines, v.sort)
	return lines
}

// inOrder puts the lines into the order of their indexes; an app with faults has none.
func inOrder(lines []routeLine, order []int) []routeLine {
	if len(order) != len(lines) {
		return lines
	}
	sorted := make([]routeLine, len(lines))
	for i, from := range order {
		sorted[i] = lines[from]
	}
	return sorted
}

// sortLines sorts by one column and keeps the order of the rest, as Flask does; without any domain, domain is the order of registration.
func sortLines(lines []routeLine, by string) {
	key := map[string]func(*routeLine) string{
		"endpoint": func(r *routeLine) string { return r.Endpoint },
		"methods":  func(r *routeLine) string { return strings.Join(r.Methods, ", ") },
		"domain":   (*routeLine).domain,
		"rule":     func(r *routeLine) string { return r.Rule },
	}[by]
	slices.SortStableFunc(lines, func(a, b routeLine) int { return cmp.Compare(key(&a), key(&b)) })
}

func shownMethods(methods []string, all bool) []string {
	shown := []string{}
	for _, m := range methods {
		if all || m != "HEAD" && m != "OPTIONS" {
			shown = append(shown, m)
		}
	}
	return shown
}

func foreignLines(in *carafe.Inspection, v *routesView) (lines []routeLine) {
	for _, f := range in.Foreign {
		lines = append(lines, routeLine{
			Kind: f.Kind, Endpoint: f.Name, Methods: shownMethods(f.Methods, v.allMethods), Host: f.Host, Rule: f.Rule, View: f.View,
		})
	}
	return lines
}

func printRoutes(out io.Writer, hosts bool, rules, foreign []routeLine) error {
	if len(rules) > 0 {
		if err := ruleTable(hosts, rules).print(out); err != nil || len(foreign) == 0 {
			return err
		}
		fmt.Fprint(out, "\nBeside the rules:\n\n")
	}
	t := newTable("Kind", "Name", "Methods", "Host", "Path", "Handler")
	for _, r := range foreign {
		t.add(r.Kind, r.Endpoint, methodsText(r.Methods), r.Host, r.Rule, r.View)
	}
	return t.print(out)
}

func ruleTable(hosts bool, rules []routeLine) *table {
	heading := []string{"Endpoint", "Methods"}
	domains := slices.ContainsFunc(rules, func(r routeLine) bool { return r.domain() != "" })
	switch {
	case domains && hosts:
		heading = append(heading, "Host")
	case domains:
		heading = append(heading, "Subdomain")
	}
	t := newTable(append(heading, "Rule", "View")...)
	for _, r := range rules {
		row := []string{r.Endpoint, methodsText(r.Methods)}
		if domains {
			row = append(row, r.domain())
		}
		t.add(append(row, r.Rule, usage(r.View, shortPlace(r.File, r.Line), r.remarks()))...)
	}
	return t
}

func (r *routeLine) remarks() string {
	switch {
	case r.BuildOnly:
		return "(only builds URLs)"
	case r.WebSocket:
		return "(websocket)"
	}
	return ""
}

func methodsText(methods []string) string {
	if len(methods) == 0 {
		return "any"
	}
	return strings.Join(methods, ", ")
}

// shortPlace is "views/users.go:12": relative to the working directory for what is in it, else the name of the file alone.
func shortPlace(file string, line int) string {
	if file == "" {
		return ""
	}
	shown := filepath.Base(file)
	if dir, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(dir, file); err == nil && filepath.IsLocal(rel) {
			shown = rel
		}
	}
	return fmt.Sprintf("%s:%d", shown, line)
}

func writeJSON(out io.Writer, v any) error {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

var errMatch = errors.New("--match takes a method and a URL: --match GET /users/7")
