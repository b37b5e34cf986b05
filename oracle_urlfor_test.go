package carafe_test

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"math"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/blueprints"
	"github.com/carafeweb/carafe/gateway"
	"github.com/carafeweb/carafe/routing"
	"github.com/google/uuid"
)

// urlforSite is urlfor-site.json. A rule is a list: text, endpoint, methods, defaults; the last two may be missing.
type urlforSite struct {
	Rules      []urlforRule
	Blueprints []urlforBlueprint
	Register   []struct {
		Blueprint string
		Name      string
		URLPrefix string `json:"url_prefix"`
	}
}

type urlforRule []json.RawMessage

type urlforBlueprint struct {
	Name       string
	URLPrefix  string `json:"url_prefix"`
	Rules      []urlforRule
	Blueprints []urlforBlueprint
}

type urlforCase struct {
	ID, Name string
	Request  *string
	Endpoint string
	Values   orderedValues
	Config   map[string]any
	BaseURL  string `json:"base_url"`
	Expect   string
	Error    *struct{ Type, Message string }
}

// orderedValues are a JSON object's members as URLFor's pairs, in their order, which is that of the query.
type orderedValues []any

func (o *orderedValues) UnmarshalJSON(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	if _, err := dec.Token(); err != nil {
		return err
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return err
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return err
		}
		value, err := taggedValue(raw)
		if err != nil {
			return fmt.Errorf("value %v: %w", name, err)
		}
		*o = append(*o, name, value)
	}
	return nil
}

// taggedValue is what a value of the golden data stands for in Go.
func taggedValue(raw []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	return goValue(v)
}

func goValue(v any) (any, error) {
	switch v := v.(type) {
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			return v.Float64()
		}
		return strconv.Atoi(v.String())
	case []any:
		for i := range v {
			var err error
			if v[i], err = goValue(v[i]); err != nil {
				return nil, err
			}
		}
		return v, nil
	case map[string]any:
		for tag, inner := range v {
			if text, ok := inner.(string); ok && strings.HasPrefix(tag, "$") {
				return ofTag(tag, text)
			}
			if tag == "$tuple" {
				return goValue(inner)
			}
		}
		return nil, fmt.Errorf("%v is not among the values that a URL can have", v)
	}
	return v, nil
}

func ofTag(tag, text string) (any, error) {
	switch tag {
	case "$bytes":
		return base64.StdEncoding.DecodeString(text)
	case "$uuid":
		return uuid.Parse(text)
	case "$markup":
		return template.HTML(text), nil
	case "$datetime":
		return time.Parse(time.RFC3339, text)
	case "$int":
		return strconv.Atoi(text)
	case "$float":
		switch text {
		case "inf":
			return math.Inf(1), nil
		case "-inf":
			return math.Inf(-1), nil
		}
		return strconv.ParseFloat(text, 64)
	}
	return nil, fmt.Errorf("unknown tag %s", tag)
}

func readURLForSite(t *testing.T) (site urlforSite) {
	t.Helper()
	dir := cmp.Or(os.Getenv("CARAFE_ORACLE"), filepath.Join("testdata", "oracle"))
	data, err := os.ReadFile(filepath.Join(dir, "urlfor-site.json"))
	must(t, err)
	must(t, json.Unmarshal(data, &site))
	return site
}

// router is where rules are added: an App or a blueprint.
type router interface {
	Route(rule string, view any, opts ...carafe.RouteOption)
}

func (r urlforRule) add(t *testing.T, to router) {
	t.Helper()
	var rule, endpoint string
	var methods carafe.Methods
	must(t, json.Unmarshal(r[0], &rule))
	must(t, json.Unmarshal(r[1], &endpoint))
	opts := []carafe.RouteOption{carafe.Endpoint(endpoint)}
	if len(r) > 2 {
		must(t, json.Unmarshal(r[2], &methods))
		opts = append(opts, methods)
	}
	if len(r) > 3 {
		var raw map[string]json.RawMessage
		must(t, json.Unmarshal(r[3], &raw))
		defaults := carafe.Defaults{}
		for name, data := range raw {
			value, err := taggedValue(data)
			must(t, err)
			defaults[name] = value
		}
		opts = append(opts, defaults)
	}
	to.Route(rule, okView, opts...)
}

func okView() string { return "ok" }

func (b urlforBlueprint) blueprint(t *testing.T) *blueprints.Blueprint {
	t.Helper()
	bp := blueprints.New(b.Name, carafe.URLPrefix(b.URLPrefix))
	for _, r := range b.Rules {
		r.add(t, bp)
	}
	for _, inner := range b.Blueprints {
		bp.RegisterBlueprint(inner.blueprint(t))
	}
	return bp
}

// app builds the site; the URL-defaults function is the one that urlfor-site.json tells of in words.
func (s urlforSite) app(t *testing.T) *carafe.App {
	t.Helper()
	app := carafe.New("urlfor")
	for _, r := range s.Rules {
		r.add(t, app)
	}
	made := map[string]*blueprints.Blueprint{}
	for _, b := range s.Blueprints {
		made[b.Name] = b.blueprint(t)
	}
	for _, r := range s.Register {
		var opts []carafe.BlueprintOption
		if r.Name != "" {
			opts = append(opts, carafe.Name(r.Name))
		}
		if r.URLPrefix != "" {
			opts = append(opts, carafe.URLPrefix(r.URLPrefix))
		}
		app.RegisterBlueprint(made[r.Blueprint], opts...)
	}
	app.URLDefaults(func(_ *carafe.Context, endpoint string, values carafe.Values) {
		if _, given := values["lang"]; endpoint == "lang" && !given {
			values["lang"] = "en"
		}
	})
	return app
}

// build runs the case.
func (c *urlforCase) build(t *testing.T, app *carafe.App) (got string, err error) {
	t.Helper()
	for name, value := range c.Config {
		text, _ := value.(string)
		switch name {
		case "SERVER_NAME":
			app.Config.ServerName = text
		case "APPLICATION_ROOT":
			app.Config.ApplicationRoot = text
		case "PREFERRED_URL_SCHEME":
			app.Config.PreferredURLScheme = text
		default:
			t.Fatalf("%s: setting %s is unknown", c.ID, name)
		}
	}
	if c.Request == nil {
		return app.URLFor(c.Endpoint, c.Values...)
	}
	base := cmp.Or(c.BaseURL, cmp.Or(app.Config.PreferredURLScheme, "http")+"://"+cmp.Or(app.Config.ServerName, "localhost")+app.Config.ApplicationRoot)
	u, err := url.Parse(base)
	must(t, err)
	r := httptest.NewRequest("GET", u.Scheme+"://"+u.Host+*c.Request, nil)
	r.URL.Scheme, r.URL.Host = "", ""
	ctx := app.TestRequestContext(gateway.WithScriptName(r, strings.TrimRight(u.Path, "/")))
	ctx.Push()
	defer func() {
		if v := recover(); v != nil {
			var ok bool
			if err, ok = v.(error); !ok {
				panic(v)
			}
		}
	}()
	return ctx.URLFor(c.Endpoint, c.Values...), nil
}

// goWords are Python's and Flask's names for what Carafe's messages call otherwise.
var goWords = strings.NewReplacer("'SERVER_NAME'", "Config.ServerName", "'APPLICATION_ROOT'", "Config.ApplicationRoot",
	"'PREFERRED_URL_SCHEME'", "Config.PreferredURLScheme", "must be True.", "must be true", "as needed.", "as needed")

// compareError wants the error's kind, and its text: a *BuildError's to the letter, of the others within a message that says more.
func (c *urlforCase) compareError(v *verdict, err error) {
	var build *routing.BuildError
	var value *routing.ValueError
	ok := false
	switch c.Error.Type {
	case "BuildError":
		ok = errors.As(err, &build) && build.Error() == c.Error.Message
	case "ValueError", "TypeError":
		if errors.As(err, &value) {
			ok = value.WrongType == (c.Error.Type == "TypeError") && (value.Reason == c.Error.Message || value.Reason == strings.Replace(c.Error.Message, "b'", "'", 1))
			break
		}
		fallthrough
	default:
		ok = !errors.As(err, &build) && strings.Contains(err.Error(), goWords.Replace(c.Error.Message))
	}
	if !ok {
		v.wrongf("error %v (%T), want %s: %s", err, err, c.Error.Type, c.Error.Message)
	}
}

// bytesAsText is the expected URL with the bytes among the values written as the text they are.
func (c *urlforCase) bytesAsText() string {
	want := c.Expect
	for _, value := range c.Values {
		if text, ok := value.([]byte); ok {
			want = strings.ReplaceAll(want, "b'"+string(text)+"'", string(text))
		}
	}
	return want
}

func (c *urlforCase) check(t *testing.T, app *carafe.App) (v verdict) {
	t.Helper()
	got, err := c.build(t, app)
	switch {
	case c.Error != nil && err != nil:
		c.compareError(&v, err)
	case c.Error != nil:
		v.wrongf("%q, want the error %s: %s", got, c.Error.Type, c.Error.Message)
	case err != nil:
		v.wrongf("error %v, want %q", err, c.Expect)
	case got == c.bytesAsText() && got != c.Expect:
		v.reason = "bytes are text in a path too, and not their Python source (b'x')"
	case got != c.Expect:
		v.wrongf("%q, want %q", got, c.Expect)
	}
	return v
}

func TestOracleURLFor(t *testing.T) {
	site := readURLForSite(t)
	count := tally{kind: "urlfor"}
	for _, c := range readOracle[urlforCase](t, "urlfor") {
		count.count(t, c.ID, c.Name, c.check(t, site.app(t)))
	}
	count.log(t)
}
