package carafe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/carafeweb/carafe/devserver"
	"github.com/carafeweb/carafe/jinja"
)

// debugged has the app's errors shown by d. Only the development server does it, and only in debug mode.
func (a *App) debugged(d *devserver.Debugger) http.Handler {
	return d.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		notes := &debugNotes{debugger: d}
		a.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), debugKey{}, notes)))
	}))
}

type debugKey struct{}

// debugNotes is what the debugger will tell of a request.
type debugNotes struct {
	debugger *devserver.Debugger
	hooks    []ExplainedStep // that have begun, in order
}

// notesOf are the request's, nil if no debugger may show them to who asks.
func notesOf(c *Context) *debugNotes {
	n, ok := c.app.parent.Value(debugKey{}).(*debugNotes)
	if !ok || !c.App().Config.Debug || !n.debugger.Allowed(c.Request.Request) {
		return nil
	}
	return n
}

// record has the chains' functions note that they run.
func (t *tables) record() {
	t.unrecorded = map[*chain]*chain{}
	for _, ch := range append(valuesOf(t.chains), t.own) {
		written := *ch
		t.unrecorded[ch] = &written
		ch.preprocess = recorded("url values", ch.preprocess, func(note func(*Context), f ValuesFunc) ValuesFunc {
			return func(c *Context, endpoint string, values Values) { note(c); f(c, endpoint, values) }
		})
		ch.before = recorded("before", ch.before, func(note func(*Context), f BeforeFunc) BeforeFunc {
			return func(c *Context) (any, error) { note(c); return f(c) }
		})
		ch.after = recorded("after", ch.after, func(note func(*Context), f AfterFunc) AfterFunc {
			return func(c *Context, resp *Response) (*Response, error) { note(c); return f(c, resp) }
		})
	}
}

func valuesOf(chains map[string]*chain) (list []*chain) {
	for _, ch := range chains {
		list = append(list, ch)
	}
	return list
}

func recorded[F any](kind string, list []F, wrap func(note func(*Context), f F) F) []F {
	out := make([]F, len(list))
	for i, f := range list {
		name, site := functionOf(f)
		step := ExplainedStep{kind, name, site}
		out[i] = wrap(func(c *Context) {
			if n, ok := c.app.parent.Value(debugKey{}).(*debugNotes); ok {
				n.hooks = append(n.hooks, step)
			}
		}, f)
	}
	return out
}

// debugError answers an error that nobody answered, in debug mode: with the debugger's page, with problem details that tell the message, or
// with text, as the client likes; plainly to who must not see it.
func (a *App) debugError(c *Context, he *HTTPError) *Response {
	notes := notesOf(c)
	if notes == nil {
		return he.plain()
	}
	rep := a.debugReport(c, notes, he.Cause)
	resp := &Response{Status: he.Code, Header: http.Header{}}
	switch {
	case acceptsPage(c.Request.Request):
		var page []byte
		resp.Header, page = notes.debugger.Page(rep)
		resp.data = page
	case he.form(c) == formProblem:
		told := &HTTPError{Code: he.Code, Description: rep.Type + ": " + rep.Message}
		if answer, err := told.answer(c); err == nil {
			return answer
		}
		return he.plain()
	default:
		resp.Header.Set(headerType, "text/plain; charset=utf-8")
		resp.Header.Set("Cache-Control", "no-store")
		resp.data = []byte(rep.Text())
	}
	return resp
}

// acceptsPage says whether HTML is named in Accept.
func acceptsPage(r *http.Request) bool {
	for item, q := range weighted(r.Header["Accept"]) {
		if item == "text/html" && q > 0 {
			return true
		}
	}
	return false
}

// debugMiss answers a 404 or 405 of the router with the rules that came close; to who is no browser, or must not see it, as always.
func (a *App) debugMiss(c *Context, he *HTTPError) (*Response, error) {
	notes := notesOf(c)
	if notes == nil || !acceptsPage(c.Request.Request) || he.Code != http.StatusNotFound && he.Code != http.StatusMethodNotAllowed {
		return he.answer(c)
	}
	e := &Explanation{}
	a.explainRules(e, c)
	m := &devserver.Miss{Status: he.Code, Name: he.Name(), Method: c.Request.Method, Host: c.Request.Host, Path: c.Request.URL.Path}
	if allow := he.Header.Get(headerAllow); allow != "" {
		m.Allow = strings.Split(allow, ", ")
	}
	for _, r := range e.Nearest {
		m.Rules = append(m.Rules, devserver.MissedRule{Rule: r.Rule, Domain: r.Domain, Endpoint: r.Endpoint, Methods: r.Methods,
			Verdict: string(r.Verdict), Reason: r.Reason, File: r.Site.File, Line: r.Site.Line})
	}
	resp := &Response{Status: he.Code}
	resp.Header, resp.data = notes.debugger.MissPage(m)
	return resp, resp.update(he.Header)
}

// debugReport is all that the app knows of an error.
func (a *App) debugReport(c *Context, notes *debugNotes, err error) *devserver.Report {
	if err == nil {
		err = errors.New("no error is known")
	}
	r := c.Request
	rep := &devserver.Report{
		Type: reflect.TypeOf(err).String(), Chain: devserver.Causes(err), Method: r.Method, URL: r.Scheme() + "://" + r.Host + r.RequestURI, Endpoint: c.Endpoint(),
		Template: a.failedTemplate(err),
	}
	rep.Message = rep.Chain[0].Message
	if bare, ok := err.(*PanicError); ok { // which says no more than what it was called with
		rep.Message, rep.Chain = fmt.Sprint(bare.Value), devserver.Causes(bare.Unwrap())
	}
	var pe *PanicError
	if errors.As(err, &pe) {
		rep.Type = fmt.Sprintf("panic: %T", pe.Value)
	}
	if stack := stackOf(err); stack != nil {
		rep.Frames = devserver.Frames(stack, inCarafe)
	} else if c.route != nil {
		rep.Frames = a.viewFrame(c)
	}
	a.describeRequest(c, notes, rep)
	repeatRequest(c, rep)
	return rep
}

// inCarafe says whether a function is Carafe's own. The examples are somebody's.
func inCarafe(function string) bool {
	rest, ok := strings.CutPrefix(function, "github.com/carafeweb/carafe")
	return ok && (strings.HasPrefix(rest, ".") || strings.HasPrefix(rest, "/") && !strings.HasPrefix(rest, "/examples/") && !strings.HasPrefix(rest, "/e2e/"))
}

// viewFrame stands for the stack that a returned error does not have: the view that returned it.
func (a *App) viewFrame(c *Context) []devserver.Frame {
	view := c.route.given
	if view == nil {
		view = a.endpoints[c.route.endpoint].view
	}
	v := reflect.ValueOf(view)
	if v.Kind() != reflect.Func {
		return nil
	}
	site := funcSite(v.Pointer())
	return []devserver.Frame{{Function: funcName(v.Pointer()), File: site.File, Line: site.Line}}
}

// failedTemplate is where a template failed, nil if none did.
func (a *App) failedTemplate(err error) *devserver.Place {
	var te *jinja.Error
	if !errors.As(err, &te) || te.Line == 0 {
		return nil
	}
	p := &devserver.Place{Name: te.Template, Line: te.Line, Source: te.Source, Message: te.Kind + ": " + te.Message}
	if p.Name == "" {
		p.Name = "a template given as text"
		return p
	}
	if src, err := a.templateEnv().Load(te.Template); err == nil && filepath.IsAbs(filepath.FromSlash(src.File)) {
		p.File = filepath.FromSlash(src.File)
	}
	return p
}

// describeRequest fills in the tables.
func (a *App) describeRequest(c *Context, notes *debugNotes, rep *devserver.Report) {
	route := devserver.Section{Name: "Route", Open: true, Rows: []devserver.Row{{Name: "endpoint", Value: c.Endpoint()}, {Name: "rule", Value: c.Rule()}, {Name: "blueprint", Value: c.Blueprint()}}}
	if c.route != nil {
		route.Rows = append(route.Rows, devserver.Row{Name: "added at", Value: c.route.site.String()})
	}
	if c.routingErr != nil {
		route.Rows = append(route.Rows, devserver.Row{Name: "error", Value: c.routingErr.Error()})
	}
	vars := devserver.Section{Name: "URL variables", Open: true}
	for _, name := range sortedKeys(c.Params()) {
		vars.Rows = append(vars.Rows, devserver.Row{Name: name, Value: fmt.Sprintf("%v (%T)", c.Params()[name], c.Params()[name])})
	}
	hooks := devserver.Section{Name: "Hooks that ran"}
	for _, h := range notes.hooks {
		hooks.Rows = append(hooks.Rows, devserver.Row{Name: h.Kind, Value: strings.TrimSpace(h.Text + "  " + h.Site.String())})
	}
	rep.Sections = append(rep.Sections, route, vars, hooks, valuesSection("Query", c.Request.URL.Query()))
	rep.Sections = append(rep.Sections, bodySections(c)...)
	rep.Sections = append(rep.Sections, headerSection("Headers", c.Request.Header, false))
	rep.Secrets = append(rep.Secrets, headerSection("All headers", c.Request.Header, true), sessionSection(c), a.configSection(), environmentSection())
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
