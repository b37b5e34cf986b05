package carafe

import (
	"errors"
	"fmt"
	"strings"

	"github.com/carafeweb/carafe/gateway"
	"github.com/carafeweb/carafe/routing"
)

// urlRequest is how a URL is wanted. The values of the URL are not in it: passed from hand to hand, they stay on the stack.
type urlRequest struct {
	anchor   *string // nil means not given
	method   string
	scheme   *string // nil means not given
	external bool
	decided  bool // external was given
}

// URLFor builds the URL of an endpoint outside of a request, hence an absolute one: it needs Config.ServerName.
// The values are pairs of name and value as in log/slog, or one [Values]; those that the rule has no variable for become the
// query. Names that begin with an underscore are special: "_anchor" (a fragment), "_method" (of the rule to
// choose), "_scheme", "_external" (bool).
// A nil value is as good as none, a list repeats its name in the query, and the query keeps the order of the call.
//
// The error is a *BuildError if no rule fits; functions of [App.OnURLBuildError] may give a URL instead.
//
// Source: flask.url_for, Flask.url_for.
func (a *App) URLFor(endpoint string, values ...any) (string, error) {
	return a.urlFor(nil, endpoint, values)
}

// URLFor builds the URL of an endpoint, relative to the host unless it leads elsewhere or "_external" or "_scheme" is given. An
// endpoint that begins with a dot is one of the current blueprint. See [App.URLFor] for the values. It panics with
// what App.URLFor returns as an error, a *BuildError as a rule.
func (c *Context) URLFor(endpoint string, values ...any) string {
	url, err := c.App().urlFor(c, endpoint, values)
	if err != nil {
		panic(err)
	}
	return url
}

// urlFor builds the URL, for a request if c is not nil. Templates and redirects ask for many: what set-up could work out
// is looked up here, and the values stay on the stack (BenchmarkURLFor, TestURLForAllocations).
func (a *App) urlFor(c *Context, endpoint string, values []any) (string, error) {
	t := a.compiled()
	var room [6]routing.Pair
	var req urlRequest
	pairs, err := req.readValues(values, room[:0])
	if err != nil {
		return "", err
	}
	if c != nil {
		endpoint = absoluteEndpoint(c, endpoint)
	}
	if err := req.decide(c); err != nil {
		return "", err
	}
	if funcs := t.urlDefaults(endpoint); len(funcs) > 0 {
		pairs = injectDefaults(c, endpoint, pairs, funcs)
	}
	url, err := a.buildURL(c, t, endpoint, pairs, req.options())
	if err != nil {
		return a.buildFailed(c, err, &req)
	}
	if req.anchor != nil {
		url += "#" + routing.QuoteAnchor(*req.anchor)
	}
	return url, nil
}

// buildURL builds without the anchor. Most URLs are a path alone, for which the request's host need not be looked at: one that
// leads elsewhere shows it by its beginning, and is built once more.
func (a *App) buildURL(c *Context, t *tables, endpoint string, pairs []routing.Pair, o routing.BuildOptions) (string, error) {
	if c != nil && !o.External && !a.hostMatching && !a.subdomainMatching {
		r := c.Request.Request
		here := routing.Adapter{Map: a.urls, ScriptName: scriptRoot(gateway.ScriptName(r)), DefaultMethod: r.Method, Scheme: "http"}
		url, err := here.Build(endpoint, pairs, o)
		if err != nil || url != "" && url[0] == '/' && !strings.HasPrefix(url, "//") {
			return url, err
		}
	}
	adapter, err := a.urlAdapter(c, t)
	if err != nil {
		return "", err
	}
	return adapter.Build(endpoint, pairs, o)
}

// decide settles whether the URL is absolute.
func (req *urlRequest) decide(c *Context) error {
	if req.scheme != nil && req.decided && !req.external {
		return errors.New("carafe: URLFor: When specifying '_scheme', '_external' must be true")
	}
	if !req.decided {
		req.external = c == nil || req.scheme != nil
	}
	return nil
}

// urlAdapter binds the URL map to the request, or outside of one to the configured server.
func (a *App) urlAdapter(c *Context, t *tables) (routing.Adapter, error) {
	if c != nil {
		return a.adapter(c)
	}
	server := serverSettings{a.Config.ServerName, a.Config.ApplicationRoot, a.Config.PreferredURLScheme}
	if server.name == "" {
		return routing.Adapter{}, errNoServerName
	}
	if bound := t.bound.Load(); bound != nil && bound.settings == server {
		return bound.adapter, nil
	}
	adapter, err := a.urls.Bind(server.name, routing.BindOptions{ScriptName: scriptRoot(server.root), Scheme: server.scheme})
	if err == nil {
		t.bound.Store(&boundServer{server, adapter})
	}
	return adapter, err
}

var errNoServerName = errors.New("carafe: Unable to build URLs outside an active request without Config.ServerName configured. " +
	"Also configure Config.ApplicationRoot and Config.PreferredURLScheme as needed, or use c.URLFor")

// serverSettings are what URLs outside of a request begin with; boundServer is the URL map bound to them, kept from one URL to
// the next as long as they are the same.
type (
	serverSettings struct{ name, root, scheme string }
	boundServer    struct {
		settings serverSettings
		adapter  routing.Adapter
	}
)

// scriptRoot gives a script root the one slash that it begins with: without it URLs would run into the host, with two they would
// name another host.
//
// Unlike Flask, which takes it as it is.
func scriptRoot(root string) string {
	if root == "" || root[0] == '/' && (len(root) == 1 || root[1] != '/') {
		return root
	}
	return "/" + strings.TrimLeft(root, "/")
}

// absoluteEndpoint resolves a leading dot: the current blueprint's.
func absoluteEndpoint(c *Context, endpoint string) string {
	rest, ok := strings.CutPrefix(endpoint, ".")
	if !ok {
		return endpoint
	}
	if bp := c.Blueprint(); bp != "" {
		return bp + "." + rest
	}
	return rest
}

func (req *urlRequest) options() routing.BuildOptions {
	o := routing.BuildOptions{Method: req.method, External: req.external}
	if req.scheme != nil {
		o.Scheme = *req.scheme
		if o.Scheme == "" {
			o.Scheme = routing.SchemeRelative
		}
	}
	return o
}

// readValues sorts pairs, or the one Values, into special values and those of the URL, which it appends to pairs.
func (req *urlRequest) readValues(values []any, pairs []routing.Pair) ([]routing.Pair, error) {
	values = flatValues(values)
	if len(values)%2 != 0 {
		return nil, fmt.Errorf("carafe: URLFor takes pairs of name and value, or one carafe.Values, but has %s", plural(len(values), "value"))
	}
	for i := 0; i < len(values); i += 2 {
		name, ok := values[i].(string)
		if !ok {
			return nil, fmt.Errorf("carafe: URLFor takes pairs of name and value: %v is a %T, not a name", values[i], values[i])
		}
		if req.readSpecial(name, values[i+1]) {
			if err := checkSpecial(name, values[i+1]); err != nil {
				return nil, err
			}
			continue
		}
		pairs = append(pairs, routing.Pair{Name: name, Value: plainValue(values[i+1])})
	}
	return pairs, nil
}

// flatValues turns the one Values into pairs, sorted by name.
func flatValues(values []any) []any {
	if len(values) != 1 {
		return values
	}
	named, ok := values[0].(Values)
	if !ok {
		if named, ok = values[0].(map[string]any); !ok {
			return values
		}
	}
	flat := make([]any, 0, 2*len(named))
	for _, p := range named.Pairs() {
		flat = append(flat, p.Name, p.Value)
	}
	return flat
}

// plainValue takes bytes for the text they are.
func plainValue(value any) any {
	if text, ok := value.([]byte); ok {
		return string(text)
	}
	return value
}

// checkSpecial refuses a special value that readSpecial could make nothing of.
func checkSpecial(name string, value any) error {
	_, ok := textPointer(value)
	if name == "_external" {
		_, isBool := value.(bool)
		ok = isBool || value == nil
	}
	if ok {
		return nil
	}
	return fmt.Errorf("carafe: URLFor: %s cannot be a %T", name, value)
}

// readSpecial takes a value that says how the URL is wanted; false if the name is not one of these.
func (req *urlRequest) readSpecial(name string, value any) bool {
	if name == "" || name[0] != '_' {
		return false
	}
	switch name {
	case "_anchor":
		req.anchor, _ = textPointer(value)
	case "_scheme":
		req.scheme, _ = textPointer(value)
	case "_method":
		req.method = ""
		if method, _ := textPointer(value); method != nil {
			req.method = *method
		}
	case "_external":
		req.external, req.decided = value.(bool)
	default:
		return false
	}
	return true
}

func textPointer(value any) (*string, bool) {
	switch v := value.(type) {
	case nil:
		return nil, true
	case string:
		return &v, true
	case fmt.Stringer:
		s := v.String()
		return &s, true
	case int:
		s := fmt.Sprint(v)
		return &s, true
	}
	return nil, false
}

// urlDefaults are the URL-defaults functions for an endpoint: the app's, then those of the blueprints that it names, outermost first.
func (t *tables) urlDefaults(endpoint string) []ValuesFunc {
	for {
		name, _, ok := cutLast(endpoint, ".")
		if !ok {
			return t.own.defaults
		}
		if ch := t.chains[name]; ch != nil {
			return ch.defaults
		}
		endpoint = name // no blueprint of that name, but perhaps one around it
	}
}

// injectDefaults runs URL-defaults functions on the values.
//
// Source: Flask.inject_url_defaults.
func injectDefaults(c *Context, endpoint string, pairs []routing.Pair, funcs []ValuesFunc) []routing.Pair {
	values := make(Values, len(pairs))
	for _, p := range pairs {
		values[p.Name] = p.Value
	}
	for _, f := range funcs {
		f(c, endpoint, values)
	}
	// What was given keeps its order; what the functions added follows by name.
	kept := make([]routing.Pair, 0, len(values))
	for _, p := range pairs {
		if v, ok := values[p.Name]; ok {
			kept = append(kept, routing.Pair{Name: p.Name, Value: v})
			delete(values, p.Name)
		}
	}
	return append(kept, values.Pairs()...)
}

// Expects says whether a rule of the endpoint takes all these variables: for URL-defaults functions.
//
// Source: app.url_map.is_endpoint_expecting.
func (a *App) Expects(endpoint string, names ...string) bool {
	a.compiled()
	return a.urls.Expects(endpoint, names...)
}

// A URLBuildFailure is what a function of [App.OnURLBuildError] is told.
type URLBuildFailure struct {
	*BuildError
	Anchor   *string // nil means not given
	Scheme   *string // nil means not given
	External bool    // whether an absolute URL was wanted
}

// Unwrap gives the BuildError.
func (f *URLBuildFailure) Unwrap() error { return f.BuildError }

// OnURLBuildError registers f to give a URL where none could be built. The first that returns one without an error wins; it is
// used as it is, without the anchor. One that has none returns fail, or another *BuildError, and the next is asked; any other
// error ends the search. c is nil outside of a request.
//
// Source: Flask.url_build_error_handlers.
func (a *App) OnURLBuildError(f func(c *Context, fail *URLBuildFailure) (string, error)) {
	hook(&a.Scaffold, "OnURLBuildError", &a.buildFails, f)
}

func (a *App) buildFailed(c *Context, err error, req *urlRequest) (string, error) {
	fail := &URLBuildFailure{Anchor: req.anchor, Scheme: req.scheme, External: req.external}
	if !errors.As(err, &fail.BuildError) {
		return "", err
	}
	for _, f := range a.buildFails {
		url, ferr := f(c, fail)
		if ferr == nil {
			return url, nil
		}
		if !errors.As(ferr, new(*BuildError)) {
			return "", ferr
		}
		if err = ferr; ferr == fail {
			err = fail.BuildError
		}
	}
	return "", err
}
