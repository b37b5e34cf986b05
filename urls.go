package carafe

import (
	"errors"
	"fmt"
	"strings"

	"github.com/carafeweb/carafe/routing"
)

// urlRequest is what URLFor was asked for: the values of the URL, and those that say how it is wanted.
type urlRequest struct {
	pairs    []routing.Pair
	anchor   *string
	method   string
	scheme   *string
	external *bool
}

// URLFor builds the URL of an endpoint outside of a request, hence an absolute one: it needs Config.ServerName.
// The values are pairs of name and value as in log/slog, or one [Values]; those that the rule has no variable for become the
// query. Names that begin with an underscore are special: "_anchor" (a fragment), "_method" (of the rule to
// choose), "_scheme", "_external" (bool).
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

func (a *App) urlFor(c *Context, endpoint string, values []any) (string, error) {
	a.compiled()
	req, err := readURLValues(values)
	if err != nil {
		return "", err
	}
	adapter, external, err := a.urlAdapter(c)
	if err != nil {
		return "", err
	}
	if c != nil {
		endpoint = absoluteEndpoint(c, endpoint)
	}
	if req.external != nil {
		external = *req.external
	}
	if req.scheme != nil {
		if req.external != nil && !external {
			return "", errors.New("carafe: URLFor with _scheme and _external=false: a URL with a scheme is external")
		}
		external = true
	}
	req.external = &external
	a.injectURLDefaults(c, endpoint, req)
	url, err := adapter.Build(endpoint, req.pairs, req.options())
	if err != nil {
		return a.buildFailed(c, err, req)
	}
	if req.anchor != nil {
		url += "#" + quoteAnchor(*req.anchor)
	}
	return url, nil
}

// urlAdapter binds the URL map to the request, or outside of one to the configured server.
func (a *App) urlAdapter(c *Context) (adapter routing.Adapter, external bool, err error) {
	if c != nil {
		adapter, err = a.adapter(c)
		return adapter, false, err
	}
	if a.Config.ServerName == "" {
		return adapter, false, errors.New("carafe: a URL cannot be built outside of a request without Config.ServerName: set it, " +
			"or use c.URLFor; Config.ApplicationRoot and Config.PreferredURLScheme also take part")
	}
	adapter, err = a.urls.Bind(a.Config.ServerName, routing.BindOptions{ScriptName: a.Config.ApplicationRoot, Scheme: a.Config.PreferredURLScheme})
	return adapter, true, err
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
	o := routing.BuildOptions{Method: req.method, External: *req.external}
	if req.scheme != nil {
		o.Scheme = *req.scheme
		if o.Scheme == "" {
			o.Scheme = routing.SchemeRelative
		}
	}
	return o
}

// readURLValues sorts pairs, or the one Values, into values of the URL and special ones.
func readURLValues(values []any) (*urlRequest, error) {
	req := &urlRequest{}
	if len(values) == 1 {
		switch v := values[0].(type) {
		case Values:
			return req, req.readAll(v.Pairs())
		case map[string]any:
			return req, req.readAll(Values(v).Pairs())
		}
	}
	if len(values)%2 != 0 {
		return nil, fmt.Errorf("carafe: URLFor takes pairs of name and value, or one carafe.Values, but has %s", plural(len(values), "value"))
	}
	req.pairs = make([]routing.Pair, 0, len(values)/2)
	for i := 0; i < len(values); i += 2 {
		name, ok := values[i].(string)
		if !ok {
			return nil, fmt.Errorf("carafe: URLFor takes pairs of name and value: %v is a %T, not a name", values[i], values[i])
		}
		if err := req.read(name, values[i+1]); err != nil {
			return nil, err
		}
	}
	return req, nil
}

func (req *urlRequest) readAll(pairs []routing.Pair) error {
	for _, p := range pairs {
		if err := req.read(p.Name, p.Value); err != nil {
			return err
		}
	}
	return nil
}

func (req *urlRequest) read(name string, value any) error {
	ok := true
	switch name {
	case "_anchor":
		req.anchor, ok = textPointer(value)
	case "_scheme":
		req.scheme, ok = textPointer(value)
	case "_method":
		var method *string
		if method, ok = textPointer(value); method != nil {
			req.method = strings.ToUpper(*method)
		}
	case "_external":
		var b bool
		if b, ok = value.(bool); ok {
			req.external = &b
		}
		ok = ok || value == nil
	default:
		req.pairs = append(req.pairs, routing.Pair{Name: name, Value: value})
	}
	if !ok {
		return fmt.Errorf("carafe: URLFor: %s cannot be a %T", name, value)
	}
	return nil
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

// injectURLDefaults runs the URL-defaults functions of the app and of the blueprints that the endpoint names.
//
// Source: Flask.inject_url_defaults.
func (a *App) injectURLDefaults(c *Context, endpoint string, req *urlRequest) {
	funcs := a.defaults
	if bp, _, ok := cutLast(endpoint, "."); ok {
		scopes, _ := a.lineage(bp)
		for _, s := range scopes[1:] {
			funcs = append(funcs[:len(funcs):len(funcs)], s.defaults...)
		}
	}
	if len(funcs) == 0 {
		return
	}
	values := make(Values, len(req.pairs))
	for _, p := range req.pairs {
		values[p.Name] = p.Value
	}
	for _, f := range funcs {
		f(c, endpoint, values)
	}
	// What was given keeps its order; what the functions added follows by name.
	kept := make([]routing.Pair, 0, len(values))
	for _, p := range req.pairs {
		if v, ok := values[p.Name]; ok {
			kept = append(kept, routing.Pair{Name: p.Name, Value: v})
			delete(values, p.Name)
		}
	}
	req.pairs = append(kept, values.Pairs()...)
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

// OnURLBuildError registers f to give a URL where none could be built. The first that returns one without an error wins; it is
// used as it is. c is nil outside of a request.
//
// Source: Flask.url_build_error_handlers.
func (a *App) OnURLBuildError(f func(c *Context, fail *URLBuildFailure) (string, error)) {
	hook(&a.Scaffold, "OnURLBuildError", &a.buildFails, f)
}

func (a *App) buildFailed(c *Context, err error, req *urlRequest) (string, error) {
	fail := &URLBuildFailure{Anchor: req.anchor, Scheme: req.scheme, External: *req.external}
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
		err = ferr
	}
	return "", err
}

// quoteAnchor percent-encodes a fragment. Source: Flask.url_for with werkzeug's _url_quote, safe="%!#$&'()*+,/:;=?@".
func quoteAnchor(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if isURIByte(s[i]) {
			b.WriteByte(s[i])
		} else {
			fmt.Fprintf(&b, "%%%02X", s[i])
		}
	}
	return b.String()
}
