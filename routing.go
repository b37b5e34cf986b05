package carafe

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/carafeweb/carafe/gateway"
	"github.com/carafeweb/carafe/routing"
)

// Values are the variables of a URL by name: what matched, or what one is built of.
type Values = routing.Values

// A route is a rule of the app with what happens when it matches.
type route struct {
	rule      *routing.Rule
	endpoint  string
	given     any      // the view as it was given, nil if it comes by its endpoint
	view      viewFunc // compiled
	site      Site     // where the route was registered
	automatic bool     // OPTIONS is answered by itself
	csrf      CSRF     // "" means the config's
	chain     *chain
}

// An endpoint is a name with its view.
type endpoint struct {
	view any
	site Site
}

// Route adds a rule, and the view that answers it; doc.go has the shapes of a view. A nil view leaves it to
// [App.Endpoint]. It panics, with the place of the call, if the view does not fit the rule, if the rule cannot be read, or
// if the endpoint has another view already.
//
// Source: Flask.route, Flask.add_url_rule.
func (s *Scaffold) Route(rule string, view any, opts ...RouteOption) {
	s.setup("Route", func(site Site) error { return s.owner.AddRoute(site, rule, view, opts) })
}

// Get is Route for GET, and with it HEAD, alone.
func (s *Scaffold) Get(rule string, view any, opts ...RouteOption) {
	s.method("Get", http.MethodGet, rule, view, opts)
}

// Post is Route for POST alone.
func (s *Scaffold) Post(rule string, view any, opts ...RouteOption) {
	s.method("Post", http.MethodPost, rule, view, opts)
}

// Put is Route for PUT alone.
func (s *Scaffold) Put(rule string, view any, opts ...RouteOption) {
	s.method("Put", http.MethodPut, rule, view, opts)
}

// Patch is Route for PATCH alone.
func (s *Scaffold) Patch(rule string, view any, opts ...RouteOption) {
	s.method("Patch", http.MethodPatch, rule, view, opts)
}

// Delete is Route for DELETE alone.
func (s *Scaffold) Delete(rule string, view any, opts ...RouteOption) {
	s.method("Delete", http.MethodDelete, rule, view, opts)
}

func (s *Scaffold) method(name, method, rule string, view any, opts []RouteOption) {
	s.setup(name, func(site Site) error {
		for _, o := range opts {
			if m, ok := o.(Methods); ok {
				return fmt.Errorf("%s with %v: it fixes the method, use Route for several", name, m)
			}
		}
		return s.owner.AddRoute(site, rule, view, append(slices.Clone(opts), Methods{method}))
	})
}

func routeSettings(opts []RouteOption) RouteSettings {
	var s RouteSettings
	for _, o := range opts {
		o.ApplyRoute(&s)
	}
	return s
}

// Endpoint gives an endpoint its view, in place of the one it has; routes to it may have been added without one. Its
// name is used as it is, also on a blueprint.
//
// Source: Flask.endpoint.
func (a *App) Endpoint(name string, view any) {
	a.setup("Endpoint", func(site Site) error {
		if view == nil {
			return fmt.Errorf("endpoint %q is given a nil view", name)
		}
		a.endpoints[name] = endpoint{view, site}
		return nil
	})
}

// addRoute is Route for the app itself and, under prefixed endpoints, for its blueprints.
func (a *App) addRoute(site Site, rule string, view any, s RouteSettings, blueprint ...string) error {
	methods := viewMethods(view, s.Methods)
	within := strings.Join(blueprint, "")
	name := a.endpointName(rule, view, s, within)
	if err := a.claimEndpoint(name, view, site); err != nil {
		return err
	}
	rt := &route{endpoint: name, given: view, site: site, csrf: s.CSRF}
	rt.automatic = automaticOptions(view, s, methods, a.Config.ProvideAutomaticOptions)
	if rt.automatic && len(methods) > 0 {
		methods = append(slices.Clone(methods), http.MethodOptions)
	}
	rt.rule = &routing.Rule{
		Rule: rule, Endpoint: name, Methods: methods, Defaults: s.Defaults, Host: s.Host,
		StrictSlashes: s.StrictSlashes, MergeSlashes: s.MergeSlashes, BuildOnly: s.BuildOnly, Alias: s.Alias,
		Websocket: s.WebSocket, RedirectTo: s.RedirectTo, Source: site.String(), Data: rt,
	}
	if s.Subdomain != nil {
		rt.rule.Subdomain = *s.Subdomain
	}
	if err := a.addRule(rt); err != nil {
		return err
	}
	if view == nil {
		return nil
	}
	return rt.compile(a, view, false)
}

// compile checks the view against the rule's variables and makes the closure that calls it.
func (rt *route) compile(a *App, view any, edited bool) error {
	compiled, err := compileView(a, view, rt.rule.Variables(), edited)
	if err != nil {
		return fmt.Errorf("view %q%s, rule %q: %w", rt.endpoint, at(viewSite(view)), rt.rule.Rule, err)
	}
	rt.view = compiled
	return nil
}

func at(s Site) string {
	if s.File == "" {
		return ""
	}
	return " (" + s.String() + ")"
}

// addRule puts the rule into the URL map; a map that was compiled, because somebody built a URL during set-up, is made anew.
func (a *App) addRule(rt *route) error {
	if a.urls == nil {
		a.urls = routing.New(a.mapOptions())
	}
	err := a.urls.Add(rt.rule)
	if errors.Is(err, routing.ErrCompiled) {
		a.urls = routing.New(a.mapOptions())
		for _, old := range a.routes {
			old.rule = freshRule(old.rule)
			if err := a.urls.Add(old.rule); err != nil {
				return err
			}
		}
		err = a.urls.Add(rt.rule)
	}
	if err == nil {
		a.routes = append(a.routes, rt)
	}
	return err
}

// freshRule is the rule as it was given, for another map.
func freshRule(r *routing.Rule) *routing.Rule {
	return &routing.Rule{
		Rule: r.Rule, Endpoint: r.Endpoint, Methods: r.Methods, Defaults: r.Defaults, Subdomain: r.Subdomain, Host: r.Host,
		StrictSlashes: r.StrictSlashes, MergeSlashes: r.MergeSlashes, BuildOnly: r.BuildOnly, Alias: r.Alias,
		Websocket: r.Websocket, RedirectTo: r.RedirectTo, When: r.When, Source: r.Source, Data: r.Data,
	}
}

func (a *App) mapOptions() routing.Options {
	return routing.Options{HostMatching: a.hostMatching, SubdomainMatching: a.subdomainMatching, Converters: a.converters}
}

// Converter adds a converter that rules may name from then on.
//
// Source: app.url_map.converters.
func (a *App) Converter(name string, f routing.ConverterFunc) {
	a.setup("Converter", func(Site) error {
		if a.converters == nil {
			a.converters = map[string]routing.ConverterFunc{}
		}
		a.converters[name] = f
		if a.urls == nil {
			a.urls = routing.New(a.mapOptions())
		}
		return nil
	})
}

// endpointName is the one that was given, or the view's name, or for a closure the rule's text: "/users/<id>", with the
// method before it where that is not GET. A blueprint's name and a dot go before it.
func (a *App) endpointName(rule string, view any, s RouteSettings, blueprint string) string {
	name := s.Endpoint
	if name == "" {
		name = viewName(view)
	}
	prefix := ""
	if blueprint != "" {
		prefix = blueprint + "."
	}
	if name != "" {
		return prefix + name
	}
	name = strings.ReplaceAll(ruleName(rule), ".", "_")
	if len(s.Methods) > 0 && !slices.Contains(s.Methods, http.MethodGet) {
		name = strings.ToUpper(s.Methods[0]) + " " + name
	}
	unique := prefix + name
	for n := 2; a.endpoints[unique].view != nil; n++ {
		unique = fmt.Sprintf("%s%s#%d", prefix, name, n)
	}
	return unique
}

// ruleName is the rule without its converters.
func ruleName(rule string) string {
	var b strings.Builder
	for rule != "" {
		text, rest, ok := strings.Cut(rule, "<")
		b.WriteString(text)
		if !ok {
			break
		}
		variable, after, _ := strings.Cut(rest, ">")
		b.WriteString("<" + variable[strings.LastIndexByte(variable, ':')+1:] + ">")
		rule = after
	}
	return b.String()
}

// claimEndpoint notes the view of an endpoint, and refuses another one.
func (a *App) claimEndpoint(name string, view any, site Site) error {
	if view == nil {
		return nil
	}
	old, taken := a.endpoints[name]
	if taken && !sameView(old.view, view) {
		return fmt.Errorf("view function mapping is overwriting an existing endpoint function: %q is the view%s registered at %s; "+
			"give this one another name with carafe.Endpoint", name, at(viewSite(old.view)), old.site)
	}
	a.endpoints[name] = endpoint{view, site}
	return nil
}

// viewMethods are those of the option, else the view's own, else GET.
func viewMethods(view any, given []string) []string {
	if given == nil {
		given = classMethods(view)
	}
	if given == nil {
		return []string{http.MethodGet}
	}
	upper := make([]string, len(given))
	for i, m := range given {
		upper[i] = strings.ToUpper(m)
	}
	return upper
}

// automaticOptions decides who answers OPTIONS. Source: Flask.add_url_rule.
func automaticOptions(view any, s RouteSettings, methods []string, provide bool) bool {
	if s.AutomaticOptions != nil {
		return *s.AutomaticOptions
	}
	if v, ok := view.(interface{ AutomaticOptions() bool }); ok {
		return v.AutomaticOptions()
	}
	return provide && !slices.Contains(methods, http.MethodOptions)
}

// compileRoutes finishes the routes: the chain around each, its view if that came by the endpoint, the index.
func (a *App) compileRoutes(t *tables) error {
	if a.urls == nil {
		a.urls = routing.New(a.mapOptions())
	}
	var faults []error
	for _, rt := range a.routes {
		rt.chain = a.chainOf(t, rt)
		if err := a.finish(rt); err != nil {
			faults = append(faults, &SetupError{rt.site, err})
		}
	}
	if err := a.urls.Compile(); err != nil {
		faults = append(faults, err)
	}
	return errors.Join(append(faults, a.urls.Check()...)...)
}

// chainOf is the chain around a route. Its endpoint decides: a dotted one of the app itself belongs to the blueprint it names.
//
// Source: flask.Request.blueprints.
func (a *App) chainOf(t *tables, rt *route) *chain {
	name, _, dotted := cutLast(rt.endpoint, ".")
	if !dotted {
		return t.own
	}
	if t.chains[name] == nil {
		t.chains[name] = flatten(a.lineage(name))
	}
	return t.chains[name]
}

func (a *App) finish(rt *route) error {
	if err := a.Config.checkRouteCSRF(rt); err != nil {
		return err
	}
	view := rt.given
	if e, ok := a.endpoints[rt.endpoint]; ok {
		view = e.view
	}
	if view == nil {
		if rt.rule.BuildOnly || rt.rule.RedirectTo != nil {
			return nil
		}
		return fmt.Errorf("rule %q leads to endpoint %q, which has no view: give Route one, or call app.Endpoint(%q, view)", rt.rule.Rule, rt.endpoint, rt.endpoint)
	}
	return rt.compile(a, view, len(rt.chain.preprocess) > 0)
}

// matchRequest is step 2: it finds the route and keeps, rather than raises, why there is none.
func (a *App) matchRequest(c *Context) {
	if t := a.tables.Load(); t.faults != nil {
		c.routingErr = fmt.Errorf("carafe: the app has faults in its set-up: %w", t.faults)
		return
	}
	if err := a.match(c); err != nil {
		c.routingErr = a.routingError(c, err)
		return
	}
	c.route = c.match.Rule.Data.(*route)
}

// chain is what runs around the view: the matched route's, or the app's own.
func (c *Context) chain() *chain {
	if c.route != nil {
		return c.route.chain
	}
	return c.app.app.compiled().own
}

func (a *App) match(c *Context) error {
	r := c.Request.Request
	if err := checkAuthority(r.Host); err != nil {
		return &HTTPError{Code: http.StatusBadRequest, Cause: fmt.Errorf("carafe: Host %q: %w", r.Host, err)}
	}
	if a.Config.TrustedHosts != nil && !hostIsTrusted(r.Host, a.Config.TrustedHosts) {
		return &HTTPError{Code: http.StatusBadRequest, Description: "Host '" + c.Request.Authority() + "' is not trusted."}
	}
	if !a.hostMatching && !a.subdomainMatching {
		return a.urls.Find(c, &c.match, "", r.Method, routing.DecodedPath(r.URL.Path), routing.IsWebsocket(r))
	}
	adapter, err := a.adapter(c)
	if err != nil {
		return err
	}
	if adapter.Foreign {
		return routing.ErrNotFound
	}
	return a.urls.Find(c, &c.match, adapter.Domain(), r.Method, routing.DecodedPath(r.URL.Path), routing.IsWebsocket(r))
}

// routingError turns what the router raised into what the walk knows.
func (a *App) routingError(c *Context, err error) error {
	var refused *routing.MethodNotAllowed
	var moved *routing.RequestRedirect
	if err == routing.ErrNotFound {
		return &HTTPError{Code: http.StatusNotFound}
	}
	switch {
	case errors.As(err, &refused):
		return &HTTPError{Code: http.StatusMethodNotAllowed, Header: http.Header{headerAllow: {strings.Join(refused.Allow, ", ")}}}
	case errors.As(err, &moved):
		return a.redirectError(c, moved)
	case errors.Is(err, routing.ErrWebsocketMismatch), errors.Is(err, routing.ErrBadHost):
		return &HTTPError{Code: http.StatusBadRequest}
	}
	return err
}

func (a *App) redirectError(c *Context, moved error) error {
	adapter, err := a.adapter(c)
	if err != nil {
		return &HTTPError{Code: http.StatusBadRequest}
	}
	var done *routing.RequestRedirect
	if err := adapter.Complete(&c.match, c.Request.Method, moved); !errors.As(err, &done) {
		return err
	}
	return &HTTPError{Response: Redirect(done.URL, done.Code())}
}

// adapter is the URL map bound to the request, for absolute URLs.
func (a *App) adapter(c *Context) (routing.Adapter, error) {
	r := c.Request.Request
	return a.urls.BindEnviron(routing.Environ{
		Scheme: gateway.Scheme(r), Host: r.Host, ServerName: a.Config.ServerName, ScriptName: gateway.ScriptName(r), Method: r.Method,
		Path: routing.DecodedPath(r.URL.Path), Query: r.URL.RawQuery, Websocket: routing.IsWebsocket(r),
	})
}

// optionsResponse answers OPTIONS: empty, with the methods of all rules of the path.
//
// Source: Flask.make_default_options_response.
func (a *App) optionsResponse(c *Context) *Response {
	resp := HTML("")
	adapter, err := a.adapter(c)
	if err == nil {
		resp.Header[headerAllow] = []string{strings.Join(adapter.AllowedMethods(c, routing.DecodedPath(c.Request.URL.Path)), ", ")}
	}
	return resp
}

// hostIsTrusted compares the host, without its port, with names; one with a leading dot stands for its subdomains too.
//
// Source: werkzeug.sansio.utils.host_is_trusted.
func hostIsTrusted(host string, trusted []string) bool {
	name := strings.ToLower(bareHost(host))
	for _, t := range trusted {
		t = strings.ToLower(t)
		if sub, ok := strings.CutPrefix(t, "."); ok && (name == bareHost(sub) || strings.HasSuffix(name, "."+bareHost(sub))) {
			return true
		}
		if name != "" && name == bareHost(t) {
			return true
		}
	}
	return false
}

// bareHost is a host without its port; the brackets of IPv6 stay.
func bareHost(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && strings.IndexByte(host[i:], ']') < 0 {
		return host[:i]
	}
	return host
}

// Endpoint is the name of the route that matched, "" if none did.
func (c *Context) Endpoint() string {
	if c.route == nil {
		return ""
	}
	return c.route.endpoint
}

func endpointOf(c *Context) string {
	if c == nil {
		return ""
	}
	return c.Endpoint()
}

// Blueprint is the registered name of the blueprint whose route matched ("admin.users" if nested), "" for the app's own.
func (c *Context) Blueprint() string {
	name, _, ok := cutLast(c.Endpoint(), ".")
	if !ok {
		return ""
	}
	return name
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// Blueprints are the registered names from that of Blueprint out to the outermost. Read the slice only.
func (c *Context) Blueprints() []string { return c.chain().blueprints }

// Rule is the text of the rule that matched, "" if none did.
func (c *Context) Rule() string {
	if c.route == nil {
		return ""
	}
	return c.route.rule.Rule
}

// RoutingError is why no route matched, nil if one did: an *HTTPError with 404, 405, or a redirect.
func (c *Context) RoutingError() error { return c.routingErr }

// Param is the text of a variable of the matched URL, or of what a URL value preprocessor has made of it; "" if
// there is none of that name.
func (c *Context) Param(name string) string {
	if m := c.more.Load(); m != nil && m.params != nil {
		v, ok := m.params[name]
		if !ok {
			return ""
		}
		if s, ok := v.(string); ok {
			return s
		}
		return fmt.Sprint(v)
	}
	if i, ok := c.match.Lookup(name); ok {
		return c.match.Text(i)
	}
	return ""
}

// Params are the variables of the matched URL with the types of their converters: a map that belongs to the request, so
// that what is changed in it is seen by later readers. nil if nothing matched.
//
// Source: flask.request.view_args.
func (c *Context) Params() Values {
	if c.route == nil {
		return nil
	}
	m := c.lazy()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.params == nil {
		m.params = c.match.Values()
	}
	return m.params
}

// A RouteInfo describes a route, for listings.
type RouteInfo struct {
	Rule, Endpoint    string
	Methods           []string // sorted; nil means any
	Subdomain, Host   string
	Site, ViewSite    Site
	WebSocket, Hidden bool // Hidden rules only build
}

// Routes lists the routes in the order in which they were added.
func (a *App) Routes() []RouteInfo {
	infos := make([]RouteInfo, len(a.routes))
	for i, rt := range a.routes {
		infos[i] = RouteInfo{
			Rule: rt.rule.Rule, Endpoint: rt.endpoint, Methods: rt.rule.AllowedMethods(), Subdomain: rt.rule.Subdomain, Host: rt.rule.Host,
			Site: rt.site, ViewSite: viewSite(a.endpoints[rt.endpoint].view), WebSocket: rt.rule.Websocket, Hidden: rt.rule.BuildOnly,
		}
	}
	return infos
}
