package routing_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/carafeweb/carafe/routing"
)

// A scenario is one case of routing-cases.json: a map, a bind, and what Werkzeug 3.1.8
// answered. See the README of the golden data.
type scenario struct {
	Name       string
	Map        map[string]any
	Converters []struct {
		Name          string
		Regex         string
		Weight        int
		PartIsolating *bool `json:"part_isolating"`
	}
	Bind struct {
		Via           string
		Host          string
		ServerName    *string `json:"server_name"`
		ScriptName    string  `json:"script_name"`
		Subdomain     *string
		URLScheme     *string `json:"url_scheme"`
		DefaultMethod string  `json:"default_method"`
		QueryArgs     any     `json:"query_args"`
		Headers       map[string]string
	}
	Rules   []goldenRule
	Matches []goldenMatch
	Builds  []goldenBuild
	Allowed []struct {
		Path   string
		Expect []string
	}
	MapError  *goldenError `json:"map_error"`
	BindError *goldenError `json:"bind_error"`
}

type goldenError struct{ Error, Message string }

type goldenRule struct {
	Rule, Endpoint string
	Methods        []string
	Defaults       map[string]any
	StrictSlashes  *bool `json:"strict_slashes"`
	MergeSlashes   *bool `json:"merge_slashes"`
	Subdomain      *string
	Host           string
	BuildOnly      bool    `json:"build_only"`
	RedirectTo     *string `json:"redirect_to"`
	Alias          bool
	Websocket      bool
}

type goldenMatch struct {
	Path, Method string
	Query        json.RawMessage
	Websocket    *bool
	Expect       struct {
		Endpoint *string
		Rule     int
		Args     map[string]goldenValue
		Redirect *string
		Code     int
		Status   int
		Allow    []string
		Error    string
		Message  string
	}
}

type goldenValue struct {
	Type  string
	Value any
}

type goldenBuild struct {
	Endpoint      string
	Values        orderedValues
	Method        string
	ForceExternal bool    `json:"force_external"`
	AppendUnknown *bool   `json:"append_unknown"`
	URLScheme     *string `json:"url_scheme"`
	Expect        any
}

// orderedValues keeps the order of a JSON object, which is that of the query.
type orderedValues []routing.Pair

func (o *orderedValues) UnmarshalJSON(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if _, err := d.Token(); err != nil {
		return err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		var value any
		if err := d.Decode(&value); err != nil {
			return err
		}
		*o = append(*o, routing.Pair{Name: name.(string), Value: native(value)})
	}
	return nil
}

// native turns a tagged JSON value into the Go value that stands for Python's.
func native(v any) any {
	switch v := v.(type) {
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			f, _ := v.Float64()
			return f
		}
		n, _ := v.Int64()
		return int(n)
	case []any:
		for i := range v {
			v[i] = native(v[i])
		}
		return v
	case map[string]any:
		for tag, inner := range v {
			switch tag {
			case "$uuid":
				return uuid.MustParse(inner.(string))
			case "$int":
				return bigInt(inner.(string))
			case "$float":
				f, _ := strconv.ParseFloat(inner.(string), 64)
				return f
			case "$tuple":
				return native(inner)
			case "$markup":
				return inner
			}
		}
	}
	return v
}

// bigInt is a number beyond int64; it prints itself, which is all that a URL needs.
type bigInt string

func (b bigInt) String() string { return string(b) }

func readScenarios(t *testing.T) []scenario {
	t.Helper()
	dir := os.Getenv("CARAFE_ORACLE")
	if dir == "" {
		dir = filepath.Join("testdata", "oracle")
	}
	data, err := os.ReadFile(filepath.Join(dir, "routing-cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	var scenarios []scenario
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&scenarios); err != nil {
		t.Fatal(err)
	}
	return scenarios
}

// A tally counts answers as the oracle rule of this repository asks.
type tally struct {
	t                   *testing.T
	agree, differ, fail int
}

func (c *tally) wrong(format string, args ...any) {
	c.t.Helper()
	c.fail++
	c.t.Errorf(format, args...)
}

// same counts agreement if got is want, else a failure.
func (c *tally) same(what, got, want string) {
	c.t.Helper()
	if got == want {
		c.agree++
		return
	}
	c.wrong("%s:\n got  %s\n want %s", what, got, want)
}

// purposely checks an answer in which Carafe differs by a rule.
func (c *tally) purposely(what, reason, got, want string) {
	c.t.Helper()
	if got == want {
		c.differ++
		return
	}
	c.wrong("%s (%s):\n got  %s\n want %s", what, reason, got, want)
}

func TestRoutingAnswersAsTheOracle(t *testing.T) {
	c := &tally{t: t}
	for _, s := range readScenarios(t) {
		c.scenario(s)
	}
	t.Logf("oracle routing: %d agree, %d differ on purpose, %d fail", c.agree, c.differ, c.fail)
}

func (c *tally) scenario(s scenario) {
	m, rules := newOracleMap(s)
	err := m.Add(rules...)
	switch {
	case s.MapError != nil:
		c.mapError(s, err)
		return
	case neverWorks(err):
		c.withoutRefused(s)
		return
	case err != nil:
		c.wrong("%s: %v", s.Name, err)
		return
	}
	a, err := bindOracle(m, s)
	if s.BindError != nil {
		c.same(s.Name+": bind", fmt.Sprint(errors.Is(err, routing.ErrBadHost)), fmt.Sprint(s.BindError.Error == "BadHost"))
		return
	}
	if err != nil {
		c.wrong("%s: bind: %v", s.Name, err)
		return
	}
	for _, want := range s.Matches {
		c.match(s, a, rules, want)
	}
	for _, want := range s.Builds {
		c.build(s, a, want)
	}
	for _, want := range s.Allowed {
		got := a.AllowedMethods(t0, want.Path)
		what, wanted := s.Name+": allowed "+want.Path, strings.Join(want.Expect, ",")
		if reason, instead := allowedDiffers(s, a, rules, want.Path); reason != "" && strings.Join(got, ",") != wanted {
			c.purposely(what, reason, strings.Join(got, ","), instead)
			continue
		}
		c.same(what, strings.Join(got, ","), wanted)
	}
}

// mapError compares texts that Werkzeug wrote; those of Python itself (a call with a wrong
// argument, generated code that does not compile) only have to be refused for the same cause.
func (c *tally) mapError(s scenario, err error) {
	var refused *routing.RuleError
	if !errors.As(err, &refused) {
		c.wrong("%s: accepted, want %s: %s", s.Name, s.MapError.Error, s.MapError.Message)
		return
	}
	message := s.MapError.Message
	switch {
	case neverWorks(err):
		c.withoutRefused(s)
	case len(s.Rules) > 1:
		c.oneOfMistakes(s)
	case s.MapError.Error == "ValueError" && refused.Fault == routing.FaultVariable:
		c.purposely(s.Name, "Unlike Flask, of two mistakes the one in the text is told first",
			fmt.Sprint(namesTwice(refused.Rule, s.Rules)), "true")
	case s.MapError.Error == "SyntaxError":
		c.same(s.Name, fmt.Sprint(refused.Fault), fmt.Sprint(routing.FaultVariable))
	case s.MapError.Error == "TypeError" && strings.Contains(message, "__init__() "), strings.Contains(message, "decoding to str"):
		c.same(s.Name, fmt.Sprint(refused.Fault), fmt.Sprint(routing.FaultArgument))
	default:
		c.same(s.Name, refused.Reason, message)
	}
}

// oneOfMistakes compares the mistakes of each rule alone, of which one has to be Werkzeug's: it makes all rules before it reads
// their texts. Unlike Flask, where the first of several mistakes need not be the one in the first rule.
func (c *tally) oneOfMistakes(s scenario) {
	var known tally
	for _, g := range s.Rules {
		alone := s
		alone.Rules = []goldenRule{g}
		m, rules := newOracleMap(alone)
		err := m.Add(rules...)
		if err == nil {
			continue
		}
		each := tally{t: new(testing.T)}
		each.mapError(alone, err)
		known.agree += each.agree
		known.differ += each.differ
	}
	c.same(s.Name+": one of the mistakes is "+s.MapError.Message, fmt.Sprint(known.agree+known.differ > 0), "true")
}

// namesTwice tells whether a variable does occur twice in the rule, its domain included.
func namesTwice(text string, rules []goldenRule) bool {
	for _, g := range rules {
		if g.Rule != text {
			continue
		}
		if g.Subdomain != nil {
			text += *g.Subdomain
		}
		text += g.Host
		break
	}
	seen := map[string]bool{}
	for _, m := range regexp.MustCompile(`([A-Za-z_0-9]+)>`).FindAllStringSubmatch(text, -1) {
		if seen[m[1]] {
			return true
		}
		seen[m[1]] = true
	}
	return false
}

func newOracleMap(s scenario) (*routing.Map, []*routing.Rule) {
	is := func(name string, otherwise bool) bool {
		if v, ok := s.Map[name].(bool); ok {
			return v
		}
		return otherwise
	}
	opts := routing.Options{
		HostMatching:      is("host_matching", false),
		SubdomainMatching: true,
		LooseSlashes:      !is("strict_slashes", true),
		KeepSlashes:       !is("merge_slashes", true),
		KeepDefaults:      !is("redirect_defaults", true),
		SortParameters:    is("sort_parameters", false),
		Converters:        map[string]routing.ConverterFunc{},
	}
	opts.DefaultSubdomain, _ = s.Map["default_subdomain"].(string)
	for _, own := range s.Converters {
		d := routing.Definition{Regexp: own.Regex, Weight: own.Weight}
		if own.PartIsolating != nil {
			d.Spans = routing.SpansAlways
			if *own.PartIsolating {
				d.Spans = routing.SpansNever
			}
		}
		opts.Converters[own.Name] = func(routing.Arguments) (routing.Definition, error) { return d, nil }
	}
	var rules []*routing.Rule
	for _, g := range s.Rules {
		rules = append(rules, g.rule())
	}
	return routing.New(opts), rules
}

func (g goldenRule) rule() *routing.Rule {
	r := &routing.Rule{Rule: g.Rule, Endpoint: g.Endpoint, Methods: g.Methods, Host: g.Host, BuildOnly: g.BuildOnly,
		Alias: g.Alias, Websocket: g.Websocket, StrictSlashes: g.StrictSlashes, MergeSlashes: g.MergeSlashes}
	if g.Subdomain != nil {
		r.Subdomain = *g.Subdomain
		if r.Subdomain == "" {
			r.Subdomain = routing.NoSubdomain
		}
	}
	if g.RedirectTo != nil {
		r.RedirectTo = *g.RedirectTo
	}
	for name, value := range g.Defaults {
		if r.Defaults == nil {
			r.Defaults = routing.Values{}
		}
		r.Defaults[name] = native(value)
	}
	return r
}

func bindOracle(m *routing.Map, s scenario) (routing.Adapter, error) {
	b := s.Bind
	scheme := "http"
	if b.URLScheme != nil {
		scheme = *b.URLScheme
	}
	if b.Via == "environ" {
		e := routing.Environ{Scheme: scheme, Host: b.Host, Method: "GET", Path: "/", ScriptName: b.ScriptName}
		if b.ServerName != nil {
			e.ServerName = *b.ServerName
		}
		e.Websocket = strings.EqualFold(b.Headers["Upgrade"], "websocket")
		return m.BindEnviron(e)
	}
	if scheme == "" {
		scheme = routing.SchemeRelative
	}
	opts := routing.BindOptions{ScriptName: b.ScriptName, Subdomain: b.Subdomain, Scheme: scheme,
		DefaultMethod: b.DefaultMethod, Query: queryText(b.QueryArgs)}
	return m.Bind(*b.ServerName, opts)
}

func queryText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case map[string]any:
		data, _ := json.Marshal(v)
		var pairs orderedValues
		if err := json.Unmarshal(data, &pairs); err != nil {
			panic(err)
		}
		return routing.EncodeQuery(pairs)
	}
	return ""
}

func (c *tally) match(s scenario, a routing.Adapter, rules []*routing.Rule, want goldenMatch) {
	c.t.Helper()
	what := fmt.Sprintf("%s: %s %.200q", s.Name, want.Method, want.Path)
	if want.Query != nil {
		a.Query = matchQuery(c.t, want.Query)
	}
	if want.Websocket != nil {
		a.Websocket = *want.Websocket
	}
	var m routing.Match
	err := a.MatchTo(t0, &m, want.Method, want.Path)
	got := describeMatch(&m, rules, err)
	wanted := want.describe()
	if reason, instead := matchDiffers(s, a, rules, want); reason != "" && got != wanted {
		c.purposely(what, reason, got, instead)
		return
	}
	c.same(what, got, wanted)
}

func matchQuery(t *testing.T, raw json.RawMessage) string {
	t.Helper()
	if raw[0] == '"' {
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			t.Fatal(err)
		}
		return text
	}
	var pairs orderedValues
	if err := json.Unmarshal(raw, &pairs); err != nil {
		t.Fatal(err)
	}
	return routing.EncodeQuery(pairs)
}

func describeMatch(m *routing.Match, rules []*routing.Rule, err error) string {
	var redirect *routing.RequestRedirect
	var refused *routing.MethodNotAllowed
	var rule *routing.RuleError
	switch {
	case errors.As(err, &redirect):
		return fmt.Sprintf("redirect %d %s", redirect.Code(), redirect.URL)
	case errors.As(err, &refused):
		return "405 " + strings.Join(refused.Allow, ",")
	case errors.Is(err, routing.ErrNotFound):
		return "404"
	case errors.Is(err, routing.ErrWebsocketMismatch):
		return "400 WebsocketMismatch"
	case errors.As(err, &rule):
		return fmt.Sprintf("error %d", rule.Fault)
	case err != nil:
		return "error " + describeBuildError(err)
	}
	var args []string
	for name, value := range m.Values() {
		args = append(args, fmt.Sprintf("%s=%T:%v", name, value, value))
	}
	slices.Sort(args)
	return fmt.Sprintf("%s rule %d %s", m.Rule.Endpoint, slices.Index(rules, m.Rule), strings.Join(args, " "))
}

func (g goldenMatch) describe() string {
	e := g.Expect
	switch {
	case e.Redirect != nil:
		return fmt.Sprintf("redirect %d %s", e.Code, *e.Redirect)
	case e.Status == 405:
		return "405 " + strings.Join(e.Allow, ",")
	case e.Status == 400:
		return "400 " + e.Error
	case e.Status != 0:
		return strconv.Itoa(e.Status)
	case e.Error == "KeyError": // RedirectTo names what the rule does not
		return fmt.Sprintf("error %d", routing.FaultVariable)
	case e.Error != "":
		return "error " + e.Error + ": " + e.Message
	}
	var args []string
	for name, v := range e.Args {
		value := v.native()
		args = append(args, fmt.Sprintf("%s=%T:%v", name, value, value))
	}
	slices.Sort(args)
	return fmt.Sprintf("%s rule %d %s", *e.Endpoint, e.Rule, strings.Join(args, " "))
}

func (v goldenValue) native() any {
	text := fmt.Sprint(v.Value)
	switch v.Type {
	case "int":
		n, err := strconv.Atoi(text)
		if err != nil {
			return bigInt(text)
		}
		return n
	case "float":
		f, _ := strconv.ParseFloat(text, 64)
		return f
	case "uuid":
		return uuid.MustParse(text)
	}
	return v.Value
}
