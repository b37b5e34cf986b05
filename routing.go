package carafe

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"runtime"
	"slices"
	"strings"

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
	foreign   bool     // it is one of App.Router, or that router's answer to what none of them takes
	csrf      CSRF     // "" means the config's
	chain     *chain
	vars      map[string]string // what a foreign route's template has found; nil for rules
}

// An endpoint is a name with its view.
type endpoint struct {
	view    any
	site    Site
	settled bool // by App.Endpoint, which goes before the views of routes
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

// Endpoint gives an endpoint its view, in place of the one it has; routes to it may have been added without one. Its
// name is used as it is, also on a blueprint.
//
// Source: Flask.endpoint.
func (a *App) Endpoint(name string, view any) {
	a.setup("Endpoint", func(site Site) error {
		if view == nil {
			return fmt.Errorf("endpoint %q is given a nil view", name)
		}
		a.endpoints[name] = endpoint{view, site, true}
		return nil
	})
}

// addRoute is Route for the app itself and, under prefixed endpoints, for its blueprints. A route that is refused leaves nothing
// behind: who recovers may go on.
func (a *App) addRoute(site Site, rule string, view any, s RouteSettings, blueprint ...string) error {
	rt := a.newRoute(site, rule, view, s, strings.Join(blueprint, ""))
	if err := a.checkEndpoint(rt.endpoint, view); err != nil {
		return err
	}
	if err := checkConditions(s.When); err != nil {
		return err
	}
	if err := a.addRule(rt); err != nil || view == nil {
		return err
	}
	if err := rt.compile(a, view, false); err != nil {
		a.dropRule()
		return err
	}
	old, taken := a.endpoints[rt.endpoint]
	a.endpoints[rt.endpoint] = endpoint{view, site, taken && old.settled}
	return nil
}

// newRoute is what the route's settings come to.
func (a *App) newRoute(site Site, rule string, view any, s RouteSettings, blueprint string) *route {
	methods := viewMethods(view, s.Methods)
	rt := &route{endpoint: a.endpointName(rule, view, s, blueprint), given: view, site: site, csrf: s.CSRF}
	rt.automatic = automaticOptions(view, s, methods, a.Config.ProvideAutomaticOptions)
	if rt.automatic {
		methods = append(slices.Clone(methods), http.MethodOptions)
	}
	rt.rule = &routing.Rule{
		Rule: rule, Endpoint: rt.endpoint, Methods: methods, Defaults: s.Defaults, Host: s.Host,
		StrictSlashes: s.StrictSlashes, MergeSlashes: s.MergeSlashes, BuildOnly: s.BuildOnly, Alias: s.Alias,
		Websocket: s.WebSocket, RedirectTo: s.RedirectTo, When: s.When, Source: site.String(), Data: rt,
	}
	if s.Subdomain != nil {
		rt.rule.Subdomain = *s.Subdomain
	}
	return rt
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
	err := a.urlMap().Add(rt.rule)
	if errors.Is(err, routing.ErrCompiled) {
		a.remakeMap()
		err = a.urls.Add(rt.rule)
	}
	if err == nil {
		a.routes = append(a.routes, rt)
	}
	return err
}

// dropRule takes the last rule back, which the map itself cannot.
func (a *App) dropRule() {
	a.routes = a.routes[:len(a.routes)-1]
	a.remakeMap()
}

// remakeMap makes another URL map of the rules there are; it has taken them once.
func (a *App) remakeMap() {
	a.urls = routing.New(a.mapOptions())
	for _, old := range a.routes {
		old.rule = freshRule(old.rule)
		if err := a.urls.Add(old.rule); err != nil {
			panic(err)
		}
	}
}

// freshRule is the rule as it was given, for another map.
func freshRule(r *routing.Rule) *routing.Rule {
	return &routing.Rule{
		Rule: r.Rule, Endpoint: r.Endpoint, Methods: r.Methods, Defaults: r.Defaults, Subdomain: r.Subdomain, Host: r.Host,
		StrictSlashes: r.StrictSlashes, MergeSlashes: r.MergeSlashes, BuildOnly: r.BuildOnly, Alias: r.Alias,
		Websocket: r.Websocket, RedirectTo: r.RedirectTo, When: r.When, Source: r.Source, Data: r.Data,
	}
}

// mapOptions are the settings of the URL map. The map of converters is shared: what is added to it counts for later rules.
func (a *App) mapOptions() routing.Options {
	if a.converters == nil {
		a.converters = map[string]routing.ConverterFunc{}
	}
	return routing.Options{HostMatching: a.hostMatching, SubdomainMatching: a.subdomainMatching, Converters: a.converters, Router: a.foreign.router}
}

// urlMap is the URL map, made when first needed.
func (a *App) urlMap() *routing.Map {
	if a.urls == nil {
		a.urls = routing.New(a.mapOptions())
	}
	return a.urls
}

// Converter adds a converter that rules may name from then on.
//
// Source: app.url_map.converters.
func (a *App) Converter(name string, f routing.ConverterFunc) {
	a.setup("Converter", func(Site) error {
		if f == nil {
			return fmt.Errorf("Converter(%q, nil): give a routing.ConverterFunc", name)
		}
		a.urlMap()
		a.converters[name] = f
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

// checkEndpoint refuses another view for an endpoint that has one.
func (a *App) checkEndpoint(name string, view any) error {
	old, taken := a.endpoints[name]
	if view == nil || !taken || sameView(old.view, view) {
		return nil
	}
	return fmt.Errorf("view function mapping is overwriting an existing endpoint function: %q is the view%s registered at %s; "+
		"give this one another name with carafe.Endpoint", name, at(viewSite(old.view)), old.site)
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
	a.urlMap()
	faults := a.foreign.faults()
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
	if e, ok := a.endpoints[rt.endpoint]; ok && (view == nil || e.settled) {
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

// A RouteInfo describes a route, for listings.
type RouteInfo struct {
	Rule, Endpoint    string   // the text with the blueprint's prefix, the endpoint with its name
	Methods           []string // sorted; nil means any
	Subdomain, Host   string   // "" means the default
	Site, ViewSite    Site     // where it was added, and where the view's source is
	WebSocket, Hidden bool     // Hidden rules only build

	View      string   // the view's function, "main.index"; the type of what is no function; "" if there is none
	Variables []string // that URLFor must be given for this rule: those of its text without a default
	CSRF      CSRF     // "" means the config's
}

// Routes lists the routes in the order in which they were added.
func (a *App) Routes() []RouteInfo {
	infos := make([]RouteInfo, len(a.routes))
	for i, rt := range a.routes {
		infos[i] = RouteInfo{
			Rule: rt.rule.Rule, Endpoint: rt.endpoint, Methods: rt.rule.AllowedMethods(), Subdomain: rt.rule.Subdomain, Host: rt.rule.Host,
			Site: rt.site, ViewSite: viewSite(a.endpoints[rt.endpoint].view), WebSocket: rt.rule.Websocket, Hidden: rt.rule.BuildOnly,
			View: viewTitle(a.endpoints[rt.endpoint].view), Variables: rt.required(), CSRF: rt.csrf,
		}
	}
	return infos
}

// required are the variables without which no URL can be built.
func (rt *route) required() (names []string) {
	for _, v := range rt.rule.Variables() {
		if !v.HasDefault {
			names = append(names, v.Name)
		}
	}
	return names
}

// viewTitle is what a listing calls a view.
func viewTitle(view any) string {
	v := reflect.ValueOf(view)
	switch {
	case !v.IsValid():
		return ""
	case v.Kind() != reflect.Func:
		return v.Type().String()
	}
	f := runtime.FuncForPC(v.Pointer())
	if f == nil {
		return v.Type().String()
	}
	name := strings.TrimSuffix(f.Name(), "-fm")
	return name[strings.LastIndexByte(name, '/')+1:]
}
