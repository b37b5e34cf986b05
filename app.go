package carafe

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carafeweb/carafe/routing"
)

// An App is an application: its routes, hooks and settings, and the http.Handler that serves them.
//
// It has two states. During set-up, in one goroutine, it is told what to do; the first request, or [App.Freeze], ends
// that, and from then on it only serves, any number of requests at once, and every further set-up call panics.
//
// Source: flask.Flask.
type App struct {
	Scaffold

	// Gateway handles every request; ServeHTTP only calls it. Middleware wraps it while everybody keeps the App:
	//
	//	app.Gateway = middleware(app.Gateway)
	//
	// Source: Flask.wsgi_app.
	Gateway http.Handler
	// Config has the settings: New fills in the defaults; change them during set-up.
	Config Config
	// JSON encodes responses and decodes requests. Default: StdJSON.
	JSON JSONProvider
	// Sessions opens and saves the session of each request. Default: signed cookies that Flask can read.
	Sessions SessionInterface
	// Logger gets what the app has to say. nil means slog.Default() if that was set, else lines on standard error; see [App.Log].
	Logger *slog.Logger
	// LogException takes the place of LogError for errors that no handler answered: to log them elsewhere, or not at all.
	// nil means LogError, which it must not call.
	LogException func(c *Context, err error)
	// Clock tells the time for sessions and cookies. nil means time.Now.
	Clock func() time.Time
	// FileMaxAge says for how long caches may keep a file that is sent, by its full name; ok is false for one that they must
	// ask for. nil means Config.SendFileMaxAge. Flask: get_send_file_max_age.
	FileMaxAge func(name string) (age time.Duration, ok bool)
	// Templates renders pages; set it before the first one. nil means a *JinjaTemplates.
	Templates TemplateEngine
	// Signals are what the app tells of itself.
	Signals Signals

	name              string
	rootPath          string
	static            *Static
	templates         *Templates
	hostMatching      bool
	subdomainMatching bool
	instance          instanceFolder

	site       Site // of the call of New
	setupMu    sync.Mutex
	urls       *routing.Map
	converters map[string]routing.ConverterFunc
	foreign    foreignRoutes
	routes     []*route
	endpoints  map[string]endpoint
	mounts     []mount
	upstream   *upstream // nil means none
	commands   map[string]*command
	first      firstRequest
	teardowns  []func(*AppContext, error)
	buildFails []func(c *Context, fail *URLBuildFailure) (string, error)
	blueprints []registered
	scopes     map[string]*Scaffold // by registered name of the blueprint
	tables     atomic.Pointer[tables]
	frozen     atomic.Bool
	background background
	binder     binder   // plans of what views and Bind fill, the validator, the languages of its messages
	jsonShapes sync.Map // reflect.Type to *jsonShape, for Request.JSON
	templating templating

	sessionSigner  atomic.Pointer[sessionSigner]
	ownLogger      ownLogger
	requestsLogged bool
	guard          *guard                                             // nil means none: see App.Guard
	recordHooks    bool                                               // the debugger wants to know which have run
	requestLine    func(r *http.Request, start time.Time, status int) // what App.Run prints of a request; nil means a record in the log
}

// tables are what set-up comes to; they are read by every request and never change.
type tables struct {
	own    *chain            // around what no blueprint's route matched
	chains map[string]*chain // by registered name of the innermost blueprint
	faults error             // why the app cannot serve

	unrecorded map[*chain]*chain // of the chains whose functions take notes for the debugger, those without

	origins *http.CrossOriginProtection
	bound   atomic.Pointer[boundServer] // what URLs outside of requests are built with
}

// New makes an app. The name labels its logs, and [App.Name] returns it.
func New(name string, opts ...AppOption) *App {
	site := callSite()
	a := &App{
		name:      name,
		site:      site,
		Config:    DefaultConfig(),
		Sessions:  CookieSessions{},
		endpoints: map[string]endpoint{},
		scopes:    map[string]*Scaffold{},
		rootPath:  sourceFolder(site),
	}
	a.Config.Debug = debugFromEnv()
	a.JSON = &StdJSON{debug: &a.Config.Debug}
	a.Scaffold = NewScaffold(appOwner{a})
	a.Gateway = http.HandlerFunc(a.handle)
	for i, o := range opts {
		if o == nil {
			panic(&SetupError{site, fmt.Errorf("New: %w", nilOption(i))})
		}
		o.ApplyApp(a)
	}
	a.placeFiles()
	a.addStatic(site)
	a.guardFromEnv()
	return a
}

// Name is what New was given.
func (a *App) Name() string { return a.name }

// RootPath is the folder that the app's files are relative to.
func (a *App) RootPath() string { return a.rootPath }

// ServeHTTP makes App an http.Handler: Flask's __call__. It calls Gateway.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if a.guard != nil {
		a.guard.serve(w, r, a.Gateway)
		return
	}
	a.Gateway.ServeHTTP(w, r)
}

// Use wraps Gateway in middleware, the first given outermost; what an earlier Use has put around stays inside.
// A mux.MiddlewareFunc fits after conversion to func(http.Handler) http.Handler, which Go does by itself.
func (a *App) Use(mw ...func(http.Handler) http.Handler) {
	a.setup("Use", func(Site) error {
		for _, m := range slices.Backward(mw) {
			if m == nil {
				return errors.New("Use(nil): give a func(http.Handler) http.Handler")
			}
			a.Gateway = m(a.Gateway)
		}
		return nil
	})
}

// handle is the walk: one request through the app.
//
//  1. make the Context, and push it: the app context, then the request's
//  2. match the URL; a miss, a 405 or a redirect is kept, not raised
//  3. before-first-request functions, once per App
//  4. signal RequestStarted, URL value preprocessors, before-request functions
//  5. raise the kept routing error, or answer OPTIONS, or call the view
//  6. an error: its handlers; if nobody answers it, 500 and its handlers
//  7. make_response turns the result into a Response
//  8. after-request functions, then the session is saved, signal RequestFinished
//  9. write the response
//  10. teardown-request and teardown-app-context functions, all of them, and pop
//
// doc.go and docs/lifecycle.md tell the same ten (TestTenStepsAreToldAlike).
func (a *App) handle(w http.ResponseWriter, r *http.Request) {
	a.serving()
	if doubtful(r) {
		closeAfter(w, r)
	}
	if a.mounts != nil && a.serveMount(w, r) {
		return
	}
	c := a.newContext(w, a.limitBody(w, r)) // 1
	if a.requestsLogged {
		c.noteContext()
	}
	end := outcome{err: http.ErrAbortHandler}
	defer a.pop(c, &end) // 10
	resp, err := a.attempt(c)
	resp, end.err = a.settle(c, resp, err) // 6, 8
	end.cut = a.write(c, resp)             // 9
	for failed := 0; c.unsent(end.cut); failed++ {
		resp, end.err = a.answerInstead(c, end.cut, failed, end.err)
		end.cut = a.write(c, resp)
	}
	end.done = true
}

// settle brings what a request has come to through steps 6 and 8: resp, or the answer to err. The error is the one that no handler
// answered.
func (a *App) settle(c *Context, resp *Response, err error) (*Response, error) {
	if err != nil {
		resp, err = a.handleUserError(c, err) // 6
	}
	if err == nil && !resp.sent {
		made := resp
		if resp, err = a.processResponse(c, resp); err != nil { // 8
			made.close(c)
		}
	}
	if err != nil {
		resp = a.handleException(c, err) // 6
	}
	return resp, err
}

// outcome is how a request ended.
type outcome struct {
	err  error // what no handler answered
	cut  error // why the body was not sent to its end
	done bool  // false while a panic that is not ours, or Goexit, is on its way through
}

// attempt is the steps of a request that goes well: 1 to 5, and 7.
func (a *App) attempt(c *Context) (resp *Response, err error) {
	defer rescue(&err)
	a.push(c)                             // 1, 2
	if err := a.runFirst(c); err != nil { // 3
		return nil, err
	}
	res, err := a.dispatch(c) // 4, 5
	if err != nil {
		return nil, err
	}
	if a.nobodyLooks(c, &res) {
		return a.answerDirectly(c, &res) // 7, 9; there is nothing of 8 to be done
	}
	return a.makeResponse(c, res) // 7
}

// dispatch is steps 4 and 5.
func (a *App) dispatch(c *Context) (result, error) {
	a.Signals.RequestStarted.Send(c, c)
	if c.route != nil {
		if err := a.checkCSRF(c); err != nil {
			return result{}, err
		}
	}
	ch := c.chain()
	for _, f := range ch.preprocess {
		f(c, c.Endpoint(), c.Params())
	}
	for _, f := range ch.before {
		if v, err := f(c); v != nil || err != nil {
			return result{body: v}, err
		}
	}
	return a.callView(c)
}

// callView is step 5: raise the kept routing error, or answer OPTIONS, or call the view.
func (a *App) callView(c *Context) (result, error) {
	switch {
	case c.routingErr != nil:
		return result{}, a.raisedRoutingError(c)
	case c.route.automatic && c.Request.Method == http.MethodOptions:
		return result{body: a.optionsResponse(c)}, nil
	}
	return c.route.view(c)
}

// processResponse is step 8: after hooks, the session, request_finished.
func (a *App) processResponse(c *Context, resp *Response) (out *Response, err error) {
	defer func() {
		if err != nil {
			c.reopenSession()
		}
	}()
	defer rescue(&err)
	if resp, err = a.runAfter(c, resp); err != nil {
		return nil, err
	}
	if err = a.saveSession(c, resp); err != nil {
		return nil, err
	}
	if err = resp.check(); err != nil {
		return nil, err
	}
	if a.Signals.RequestFinished.Receivers() {
		resp.materialize()
		a.Signals.RequestFinished.Send(c, RequestFinished{c, resp})
	}
	return resp, nil
}

// runAfter runs the functions of [After], then the after-request functions. The list of the former may
// grow while it runs.
func (a *App) runAfter(c *Context, resp *Response) (*Response, error) {
	if m := c.more.Load(); m != nil {
		for i := 0; i < len(m.after); i++ {
			if err := callAfter(c, m.after[i], &resp); err != nil {
				return nil, err
			}
		}
	}
	for _, f := range c.chain().after {
		if err := callAfter(c, f, &resp); err != nil {
			return nil, err
		}
	}
	return resp, nil
}

func callAfter(c *Context, f AfterFunc, resp **Response) error {
	(*resp).materialize()
	next, err := f(c, *resp)
	if err != nil {
		return err
	}
	if next == nil {
		return fmt.Errorf("carafe: an after-request function of endpoint %q returned a nil response: return the one it was given, or another", c.Endpoint())
	}
	if next != *resp {
		next = next.own()
		next.materialize()
		next.closers = append(next.closers, (*resp).closers...)
	}
	*resp = next
	return checkStatus(next.status())
}

// write is step 9. An error with c.sent false is that of a body which failed before its first byte.
func (a *App) write(c *Context, resp *Response) error {
	if resp == alreadySent {
		return nil
	}
	defer resp.close(c)
	if resp.sent {
		return resp.err
	}
	return resp.writeTo(c)
}

// pop is step 10. It is deferred, so that it also runs when http.ErrAbortHandler or Goexit passes through; a body that was cut
// off makes the connection break.
func (a *App) pop(c *Context, end *outcome) {
	err := end.err
	if end.done && err == nil {
		err = end.cut
	}
	c.app.pushes = 0
	if fault := c.finish(err); fault != nil {
		a.report(c, fault)
	}
	if end.cut != nil {
		if _, told := end.cut.(loggedError); !told && c.Err() == nil {
			a.LogError(c, fmt.Errorf("the response was cut off: %w", end.cut))
		}
		panic(http.ErrAbortHandler)
	}
}

// push is steps 1 and 2.
func (a *App) push(c *Context) {
	c.app.pushes = 1
	a.Signals.AppContextPushed.Send(&c.app, &c.app)
	a.matchRequest(c)
}

// After registers f to run on the response of this request only, before the after-request functions. One that is
// registered by another of its kind still runs.
//
// Source: flask.after_this_request.
func After(c *Context, f func(*Response) (*Response, error)) {
	m := c.lazy()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.after = append(m.after, func(_ *Context, resp *Response) (*Response, error) { return f(resp) })
}

// Freeze ends set-up and compiles it. The error joins every fault that set-up has and that only shows as a whole: rules
// that can never match or stand in each other's way, routes without a view, settings that contradict each other.
// The first request freezes too; an App with faults answers every request with 500, and logs them.
func (a *App) Freeze() error {
	t := a.compiled()
	a.foreign.close()
	a.closeConfig()
	a.frozen.Store(true)
	return t.faults
}

// closeConfig has the config refuse changes. Several first requests may come at once.
func (a *App) closeConfig() {
	a.setupMu.Lock()
	defer a.setupMu.Unlock()
	if a.Config.closed != &a.Config { // views may be reading it by the second time
		a.Config.closed = &a.Config
	}
}

// serving freezes the App at the first request.
func (a *App) serving() {
	if a.frozen.Load() {
		return
	}
	if err := a.Freeze(); err != nil {
		a.logger().Error("carafe: the app cannot serve", "error", err)
	}
}

// compiled makes the tables, as often as set-up has changed since; for a frozen App they are there.
func (a *App) compiled() *tables {
	if t := a.tables.Load(); t != nil {
		return t
	}
	a.setupMu.Lock()
	defer a.setupMu.Unlock()
	if t := a.tables.Load(); t != nil {
		return t
	}
	t := &tables{own: flatten([]*Scaffold{&a.Scaffold}, nil), chains: map[string]*chain{}}
	for _, name := range slices.Sorted(maps.Keys(a.scopes)) {
		scopes, names := a.lineage(name)
		t.chains[name] = flatten(scopes, names)
	}
	if a.recordHooks {
		t.record()
	}
	if a.guard != nil {
		a.guard.timeHooks(t)
	}
	t.faults = errors.Join(a.compileRoutes(t), a.checkConfig(), a.checkTemplates())
	t.origins, _ = a.Config.originCheck() // whose error is among the faults
	a.tables.Store(t)
	return t
}

// lineage is the app's scope and those of the blueprints that name lies in, outermost first, and their names, innermost first.
func (a *App) lineage(name string) (scopes []*Scaffold, names []string) {
	scopes = []*Scaffold{&a.Scaffold}
	for i := 0; i <= len(name); i++ {
		if i == len(name) || name[i] == '.' {
			names = append(names, name[:i])
			if s := a.scopes[name[:i]]; s != nil {
				scopes = append(scopes, s)
			}
		}
	}
	slices.Reverse(names)
	return scopes, names
}

// checkConfig finds settings that contradict each other, and those that cannot be.
func (a *App) checkConfig() error {
	faults := []error{a.Config.check()}
	if a.subdomainMatching && a.hostMatching {
		faults = append(faults, &SetupError{a.site, errors.New("HostMatching and SubdomainMatching exclude each other: choose one")})
	}
	if s, ok := a.Sessions.(interface{ Check() error }); ok {
		faults = append(faults, s.Check())
	}
	return errors.Join(faults...)
}

// appOwner is the App as the owner of its Scaffold, so that these methods are not the user's.
type appOwner struct{ *App }

func (o appOwner) AddRoute(site Site, rule string, view any, opts []RouteOption) error {
	var s RouteSettings
	if err := s.Apply(opts...); err != nil {
		return fmt.Errorf("rule %q: %w", rule, err)
	}
	return o.addRoute(site, rule, view, s)
}

func (o appOwner) Closed(method string) error {
	if o.frozen.Load() {
		return fmt.Errorf("the setup method %q can no longer be called on the application. It has already handled its first request, "+
			"any changes will not be applied consistently.\nMake sure all imports, functions, etc. needed to set up the application are done before running it", method)
	}
	o.tables.Store(nil)
	return nil
}

// report hands what failed after the response to whoever catches errors, else to the log.
func (a *App) report(c *Context, err error) {
	if catch := catcher(c.app.parent); catch != nil && a.Config.propagate() {
		catch(err)
		return
	}
	a.LogError(c, err)
}

// debugFromEnv reads CARAFE_DEBUG. Source: flask.helpers.get_debug_flag.
func debugFromEnv() bool { return switchedOn(os.Getenv("CARAFE_DEBUG")) }

// sourceFolder is where the source that called New lies, if it still does, else the working directory.
func sourceFolder(site Site) string {
	if site.File != "" {
		if _, err := os.Stat(site.File); err == nil {
			return filepath.Dir(site.File)
		}
	}
	dir, err := os.Getwd()
	if err != nil {
		return "."
	}
	return dir
}
