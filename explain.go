package carafe

import (
	"fmt"
	"net/http"
	"reflect"
	"runtime"
	"strings"

	"github.com/carafeweb/carafe/gateway"
	"github.com/carafeweb/carafe/routing"
)

// An Explanation is what the app would do with a request, without doing it.
type Explanation struct {
	Method string // the request's
	URL    string // as it was given
	// Status is what answers before the view: 404, 405, 308 …; 200 if a view, or a mounted handler, is called.
	Status int
	// Err is why no view is called, nil if one is.
	Err error
	// Mount is the prefix of the mounted handler that takes the request past the app, "" if none does.
	Mount string
	// Foreign says that a route of [App.Router] takes it, as no rule does. Rule, Endpoint and Values are that route's template, name and
	// variables.
	Foreign bool
	// Allow are the methods of the rules that fit the path, for a 405.
	Allow []string
	// Location is where a redirect leads.
	Location string
	// Rule, Endpoint, Blueprint and Values are those of the match; empty if nothing matched.
	Rule, Endpoint, Blueprint string
	Values                    Values
	// Rules are all rules in the order in which they are tried, each with its verdict.
	Rules []RuleVerdict
	// Nearest are the rules that come closest, at most five, the closest first; none if a view is called.
	Nearest []RuleVerdict
	// Steps are what happens, in order: the functions that run around the view, the view, the error handlers that would answer.
	Steps []ExplainedStep
}

// A RuleVerdict is what a rule has to say to a request.
type RuleVerdict struct {
	Rule     string   // its text, "/users/<int:id>"
	Domain   string   // the rule's subdomain or host, "" for none
	Methods  []string // sorted; nil means any
	Endpoint string   // with the blueprint's name
	Site     Site     // where the route was added
	// Verdict is one of routing's, Reason says it in words: `"abc" does not fit <int:id>`.
	Verdict routing.Verdict
	Reason  string
}

// An ExplainedStep is something that would happen to the request.
type ExplainedStep struct {
	Kind string // "mount", "url values", "before", "options", "view", "error", "handler", "after", "session", "teardown"
	Text string // the function's name, or what happens
	Site Site   // where the function is written; zero if that is not known
}

// Explain says what the app would do with a request: which rules are tried and what each says, which functions run around the view,
// and which error handler answers if there is none. url is a path with its query, or a whole URL, whose host and scheme then count;
// without one the host is Config.ServerName, else localhost. Converters and conditions of the user's own are called, views and hooks are
// not. Set-up that was not finished is compiled, but may go on.
//
// The error is that of a method or a URL that cannot be read, or of an app whose set-up has faults.
func (a *App) Explain(method, url string) (e *Explanation, err error) {
	r, err := explainedRequest(method, url, a.Config.ServerName)
	if err != nil {
		return nil, err
	}
	return a.explain(r, url)
}

// explainedRequest is what a server would make of the request.
func explainedRequest(method, url, server string) (r *http.Request, err error) {
	if strings.HasPrefix(url, "//") || !strings.HasPrefix(url, "/") && !strings.Contains(url, "://") {
		return nil, fmt.Errorf("carafe: %q is no URL: give a path (/users/7?page=2) or all of it (http://example.org/users/7)", url)
	}
	r, err = http.NewRequest(method, url, nil)
	if err != nil {
		return nil, fmt.Errorf("carafe: %s %q is no request: %w", method, url, err)
	}
	r.RequestURI = r.URL.RequestURI()
	r.RemoteAddr = "127.0.0.1:0"
	if r.Host == "" {
		r.Host = server
	}
	if r.Host == "" {
		r.Host = "localhost"
	}
	return r, nil
}

// explain is Explain for a request that is there.
func (a *App) explain(r *http.Request, url string) (*Explanation, error) {
	e := &Explanation{Method: strings.ToUpper(r.Method), URL: url, Status: http.StatusOK}
	for _, m := range a.mounts {
		if _, ok := gateway.ShiftPrefix(r, m.prefix); ok {
			e.Mount = m.prefix
			e.step("mount", fmt.Sprintf("%T at %s answers, without the app's hooks", m.handler, m.prefix), Site{})
			return e, nil
		}
	}
	if t := a.compiled(); t.faults != nil {
		return nil, t.faults
	}
	c := a.newContext(nil, r)
	a.matchRequest(c)
	a.explainRules(e, c)
	e.explainMatch(c)
	a.explainSteps(e, c)
	return e, nil
}

func (e *Explanation) explainMatch(c *Context) {
	e.Rule, e.Endpoint, e.Blueprint, e.Values = c.Rule(), c.Endpoint(), c.Blueprint(), c.Params()
	e.Err = c.routingErr
	e.Foreign = c.routingErr == nil && c.route.foreign
	he := asHTTPError(c.routingErr)
	switch {
	case c.routingErr == nil:
	case he == nil:
		e.Status = http.StatusInternalServerError
	case he.Response != nil:
		e.Status = he.Response.status()
		e.Location = he.Response.Header.Get("Location")
	default:
		e.Status = he.Code
		if allow := he.Header.Get(headerAllow); allow != "" {
			e.Allow = strings.Split(allow, ", ")
		}
	}
}

// explainRules asks the map. The rules of a foreign host say nothing.
func (a *App) explainRules(e *Explanation, c *Context) {
	r := c.Request.Request
	adapter, err := a.adapter(c)
	if err != nil || adapter.Foreign {
		return
	}
	ex := a.urls.Explain(c, adapter.Domain(), r.Method, routing.DecodedPath(r.URL.Path), routing.IsWebsocket(r))
	e.Rules = ruleVerdicts(ex.Attempts)
	if c.routingErr != nil {
		e.Nearest = ruleVerdicts(ex.Nearest(5))
	}
}

func ruleVerdicts(attempts []routing.Attempt) []RuleVerdict {
	verdicts := make([]RuleVerdict, len(attempts))
	for i, at := range attempts {
		verdicts[i] = RuleVerdict{Rule: at.Rule.Rule, Domain: at.Rule.DomainRule(), Methods: at.Rule.AllowedMethods(),
			Endpoint: at.Rule.Endpoint, Verdict: at.Verdict, Reason: at.Reason}
		if rt, ok := at.Rule.Data.(*route); ok {
			verdicts[i].Site = rt.site
		}
	}
	return verdicts
}

func (e *Explanation) step(kind, text string, site Site) {
	e.Steps = append(e.Steps, ExplainedStep{kind, text, site})
}

// explainSteps lists what runs, in the order of the walk.
func (a *App) explainSteps(e *Explanation, c *Context) {
	ch := c.chain()
	if written := a.compiled().unrecorded[ch]; written != nil {
		ch = written
	}
	explainFuncs(e, "url values", ch.preprocess)
	explainFuncs(e, "before", ch.before)
	switch {
	case c.routingErr != nil:
		e.step("error", c.routingErr.Error(), Site{})
		e.explainHandler(ch, c.routingErr)
	case c.route.automatic && c.Request.Method == http.MethodOptions:
		e.step("options", "answered by itself with the Allow of all rules of the path", Site{})
	default:
		view := c.route.given
		if view == nil {
			view = a.endpoints[c.route.endpoint].view
		}
		name, site := functionOf(view)
		e.step("view", name, site)
	}
	explainFuncs(e, "after", ch.after)
	e.step("session", fmt.Sprintf("%T saves it if it was changed", a.Sessions), Site{})
	explainFuncs(e, "teardown", ch.teardown)
	explainFuncs(e, "teardown", reversed(a.teardowns))
}

func explainFuncs[F any](e *Explanation, kind string, list []F) {
	for _, f := range list {
		name, site := functionOf(f)
		e.step(kind, name, site)
	}
}

// explainHandler names the handler that lookup would choose.
func (e *Explanation) explainHandler(ch *chain, err error) {
	he := asHTTPError(err)
	if he == nil || he.Response != nil {
		return
	}
	for _, s := range ch.handlers {
		if h, ok := s.codes[he.Code]; ok {
			name, site := functionOf(h)
			e.step("handler", name, site)
			return
		}
	}
	for _, s := range ch.handlers {
		for _, t := range s.types {
			if t.typ == reflect.TypeOf(err) || t.typ.Kind() == reflect.Interface && reflect.TypeOf(err).Implements(t.typ) {
				e.step("handler", "the one of OnError["+t.typ.String()+"]", Site{})
				return
			}
		}
	}
	e.step("handler", "none of the app's: the error answers with its own page", Site{})
}

// functionOf is the name of a function without its package's path, and where it is written; the type of what is none.
func functionOf(f any) (string, Site) {
	v := reflect.ValueOf(f)
	if !v.IsValid() {
		return "nothing", Site{}
	}
	if v.Kind() != reflect.Func {
		return v.Type().String(), Site{}
	}
	return shortFunction(funcName(v.Pointer())), funcSite(v.Pointer())
}

// shortFunction is "shop.(*Store).list" of "example.org/x/shop.(*Store).list-fm".
func shortFunction(name string) string {
	return strings.TrimSuffix(name[strings.LastIndexByte(name, '/')+1:], "-fm")
}

// funcName is a function's full name, "" if it is not known.
func funcName(pc uintptr) string {
	if f := runtime.FuncForPC(pc); f != nil {
		return f.Name()
	}
	return ""
}
