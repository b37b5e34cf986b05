package carafe

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
)

// The kinds of function that run around a view. All are called in the request's goroutine.
type (
	// A BeforeFunc runs before the view; a value that is not nil is the answer, and neither later
	// before functions nor the view run.
	BeforeFunc = func(*Context) (any, error)
	// An AfterFunc gets the response and returns the one to send, the same or another.
	AfterFunc = func(*Context, *Response) (*Response, error)
	// A TeardownFunc runs when the request's context is popped. The error is the one that no handler
	// answered, else nil.
	TeardownFunc = func(*Context, error)
	// A ValuesFunc edits URL values in place: those of the matched URL before the hooks see
	// them (URLValuePreprocessor), or those that a URL is about to be built of (URLDefaults).
	ValuesFunc = func(c *Context, endpoint string, values Values)
	// A ProcessorFunc gives variables to every template of its scope. Outside of a request the app's own are called, with nil.
	ProcessorFunc = func(*Context) map[string]any
)

// A Scope is where hooks and error handlers are registered: an *App or a *blueprints.Blueprint.
type Scope interface{ scaffold() *Scaffold }

// Scaffold is the registration surface that App and Blueprint share: routes, hooks, error handlers. Each
// embeds one; it is of no use alone.
//
// Registering is for set-up, in one goroutine: every method panics once the owner takes no more, with the
// file:line of the call and the reason.
//
// Source: flask.sansio.scaffold.Scaffold.
type Scaffold struct {
	owner owner

	before     []BeforeFunc
	after      []AfterFunc
	teardown   []TeardownFunc
	preprocess []ValuesFunc
	defaults   []ValuesFunc
	processors []ProcessorFunc
	codes      map[int]codeHandler
	types      []typeHandler
}

// An owner is who embeds a Scaffold: it takes the routes, and says when set-up is over.
type owner interface {
	// AddRoute takes a route that was asked for at site.
	AddRoute(site Site, rule string, view any, opts []RouteOption) error
	// Closed gives the reason why the set-up method can no longer be called, nil while it can.
	Closed(method string) error
}

type codeHandler = func(*Context, *HTTPError) (any, error)

// typeHandler is a handler of [OnError]: call answers err if its dynamic type fits.
type typeHandler struct {
	typ  reflect.Type
	call func(c *Context, err error) (any, error)
}

// NewScaffold makes the registration surface of o: for package blueprints, and for a scope of your own.
func NewScaffold(o owner) Scaffold { return Scaffold{owner: o} }

func (s *Scaffold) scaffold() *Scaffold { return s }

// setup is the thin shell of every set-up method: a fault becomes a panic that names the call.
func (s *Scaffold) setup(method string, do func(site Site) error) {
	site := callSite()
	err := s.owner.Closed(method)
	if err == nil {
		err = do(site)
	}
	if err == nil {
		return
	}
	fault, ok := err.(*SetupError) // of a blueprint's earlier call, which it names
	if !ok {
		fault = &SetupError{Site: site, Err: err}
	}
	panic(fault)
}

// Setup runs do as the set-up method of s that is called method, for packages that add such methods: if s takes no more, or do
// fails, it panics with a *SetupError that names the user's call, which do is told.
//
// Source: flask.sansio.scaffold.setupmethod.
func Setup(s Scope, method string, do func(site Site) error) { s.scaffold().setup(method, do) }

// hook registers f in list.
func hook[F any](s *Scaffold, method string, list *[]F, f F) {
	s.setup(method, func(Site) error {
		if reflect.ValueOf(f).IsNil() {
			return fmt.Errorf("%s(nil): give a function", method)
		}
		*list = append(*list, f)
		return nil
	})
}

// BeforeRequest registers f to run before each view of the scope, in order of registration, the
// app's first. A value that f returns, also an empty one, is the answer.
func (s *Scaffold) BeforeRequest(f func(*Context) (any, error)) {
	hook(s, "BeforeRequest", &s.before, f)
}

// AfterRequest registers f to run on each response of the scope, the last registered first.
func (s *Scaffold) AfterRequest(f func(*Context, *Response) (*Response, error)) {
	hook(s, "AfterRequest", &s.after, f)
}

// TeardownRequest registers f to run when a request's context of the scope ends, the last
// registered first. Every one runs, whatever happened before it.
func (s *Scaffold) TeardownRequest(f func(*Context, error)) {
	hook(s, "TeardownRequest", &s.teardown, f)
}

// URLValuePreprocessor registers f to see, and edit, the values of the matched URL before any
// before-request function. Where nothing matched it is called with "" and nil.
func (s *Scaffold) URLValuePreprocessor(f func(c *Context, endpoint string, values Values)) {
	hook(s, "URLValuePreprocessor", &s.preprocess, f)
}

// URLDefaults registers f to add values, in place, when a URL of the scope is built.
func (s *Scaffold) URLDefaults(f func(c *Context, endpoint string, values Values)) {
	hook(s, "URLDefaults", &s.defaults, f)
}

// ContextProcessor registers f to give variables to the templates of the scope.
func (s *Scaffold) ContextProcessor(f func(*Context) map[string]any) {
	hook(s, "ContextProcessor", &s.processors, f)
}

// ErrorHandler registers h for the HTTP errors of a code; the last one registered wins. Its result goes through
// MakeResponse with the default status 200, as a view's: use [Reply] to keep the code.
// A code that [Abort] does not know panics: use [OnError] with a type of your own for it.
//
// Source: Flask.register_error_handler(code, f).
func (s *Scaffold) ErrorHandler(code int, h func(*Context, *HTTPError) (any, error)) {
	s.setup("ErrorHandler", func(Site) error {
		if _, ok := statusTexts[code]; !ok {
			return fmt.Errorf("%d is not a recognized HTTP error code: use OnError with an error type of your own for it", code)
		}
		if h == nil {
			return fmt.Errorf("ErrorHandler(%d, nil): give a function", code)
		}
		if s.codes == nil {
			s.codes = map[int]codeHandler{}
		}
		s.codes[code] = h
		return nil
	})
}

// OnError registers h in a scope for the errors of type T: those whose chain (errors.Unwrap, errors.Join)
// holds a T. The nearest type in the chain wins, a concrete type before an interface, and error itself, which
// fits everything, last. For *HTTPError it is the catch-all of HTTP errors below the handlers of their codes.
// The last one registered for a type wins. h's result is treated as [Scaffold.ErrorHandler]'s.
//
// Source: Flask.register_error_handler(class, f); the unwrap chain is the method resolution order.
func OnError[T error](s Scope, h func(*Context, T) (any, error)) {
	sc := s.scaffold()
	sc.setup("OnError", func(Site) error {
		if h == nil {
			return errors.New("OnError with a nil function: give a function")
		}
		typ := reflect.TypeFor[T]()
		sc.setType(typeHandler{typ, func(c *Context, err error) (any, error) {
			return h(c, err.(T))
		}})
		return nil
	})
}

// setType registers a handler in place of the one for its type.
func (s *Scaffold) setType(h typeHandler) {
	s.types = slices.DeleteFunc(s.types, func(t typeHandler) bool { return t.typ == h.typ })
	s.types = append(s.types, h)
}

// adopt appends o's hooks and handlers, as a blueprint's are merged under the name it is registered with.
func (s *Scaffold) adopt(o *Scaffold) {
	s.before = append(s.before, o.before...)
	s.after = append(s.after, o.after...)
	s.teardown = append(s.teardown, o.teardown...)
	s.preprocess = append(s.preprocess, o.preprocess...)
	s.defaults = append(s.defaults, o.defaults...)
	s.processors = append(s.processors, o.processors...)
	for _, t := range o.types {
		s.setType(t)
	}
	for code, h := range o.codes {
		if s.codes == nil {
			s.codes = map[int]codeHandler{}
		}
		s.codes[code] = h
	}
}

// A chain is what runs around the views of one place in the tree of blueprints: the app's functions and
// those of each blueprint on the way, flattened into the order in which they run. Made when the
// App is frozen; read by every request.
type chain struct {
	blueprints []string // registered names, innermost first; none for the app itself

	preprocess []ValuesFunc   // app, then outermost to innermost
	defaults   []ValuesFunc   // likewise, for URLs that lead here
	before     []BeforeFunc   // app, then outermost to innermost
	after      []AfterFunc    // innermost first, each list reversed, the app last
	teardown   []TeardownFunc // likewise
	processors []ProcessorFunc
	handlers   []*Scaffold // innermost first, the app last; those with error handlers only
}

// flatten makes the chain of scopes, which begin with the app's and go inwards.
func flatten(scopes []*Scaffold, blueprints []string) *chain {
	ch := &chain{blueprints: blueprints}
	for _, s := range scopes {
		ch.preprocess = append(ch.preprocess, s.preprocess...)
		ch.defaults = append(ch.defaults, s.defaults...)
		ch.before = append(ch.before, s.before...)
		ch.processors = append(ch.processors, s.processors...)
	}
	for _, s := range slices.Backward(scopes) {
		ch.after = append(ch.after, reversed(s.after)...)
		ch.teardown = append(ch.teardown, reversed(s.teardown)...)
		if len(s.codes)+len(s.types) > 0 {
			ch.handlers = append(ch.handlers, s)
		}
	}
	return ch
}

func reversed[F any](list []F) []F {
	list = slices.Clone(list)
	slices.Reverse(list)
	return list
}
