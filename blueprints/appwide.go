package blueprints

import "github.com/carafeweb/carafe"

// The methods of this file tell the app something as a whole. That is done the first time that the blueprint is
// registered with it, at that moment: what the app was told before comes first.

// appWide records what is added to the app's own hooks, in the words of the method that the user called.
func (b *Blueprint) appWide(method string, missing bool, add func(*carafe.Scaffold)) {
	b.record(method, missing, once(func(s *SetupState) {
		told := carafe.NewScaffold(open{})
		add(&told)
		s.registrar.Adopt("", &told)
	}))
}

// open owns a Scaffold that only carries hooks to the app.
type open struct{ owner }

// Closed lets every hook in.
func (open) Closed(string) error { return nil }

// BeforeAppRequest registers f to run before every view of the app.
//
// Source: flask.Blueprint.before_app_request.
func (b *Blueprint) BeforeAppRequest(f func(*carafe.Context) (any, error)) {
	b.appWide("BeforeAppRequest", f == nil, func(s *carafe.Scaffold) { s.BeforeRequest(f) })
}

// AfterAppRequest registers f to run on every response of the app.
//
// Source: flask.Blueprint.after_app_request.
func (b *Blueprint) AfterAppRequest(f func(*carafe.Context, *carafe.Response) (*carafe.Response, error)) {
	b.appWide("AfterAppRequest", f == nil, func(s *carafe.Scaffold) { s.AfterRequest(f) })
}

// TeardownAppRequest registers f to run at the end of every request of the app.
//
// Source: flask.Blueprint.teardown_app_request.
func (b *Blueprint) TeardownAppRequest(f func(*carafe.Context, error)) {
	b.appWide("TeardownAppRequest", f == nil, func(s *carafe.Scaffold) { s.TeardownRequest(f) })
}

// AppURLValuePreprocessor registers f to see the values of every URL that matches.
//
// Source: flask.Blueprint.app_url_value_preprocessor.
func (b *Blueprint) AppURLValuePreprocessor(f func(c *carafe.Context, endpoint string, values carafe.Values)) {
	b.appWide("AppURLValuePreprocessor", f == nil, func(s *carafe.Scaffold) { s.URLValuePreprocessor(f) })
}

// AppURLDefaults registers f to add values to every URL that is built.
//
// Source: flask.Blueprint.app_url_defaults.
func (b *Blueprint) AppURLDefaults(f func(c *carafe.Context, endpoint string, values carafe.Values)) {
	b.appWide("AppURLDefaults", f == nil, func(s *carafe.Scaffold) { s.URLDefaults(f) })
}

// AppContextProcessor registers f to give variables to every template.
//
// Source: flask.Blueprint.app_context_processor.
func (b *Blueprint) AppContextProcessor(f func(*carafe.Context) map[string]any) {
	b.appWide("AppContextProcessor", f == nil, func(s *carafe.Scaffold) { s.ContextProcessor(f) })
}

// AppErrorHandler registers h for the HTTP errors of a code wherever they come up, those of routing too. A
// blueprint's own handler for the code wins inside of it. It panics for a code that ErrorHandler does not take.
//
// Source: flask.Blueprint.app_errorhandler.
func (b *Blueprint) AppErrorHandler(code int, h func(*carafe.Context, *carafe.HTTPError) (any, error)) {
	tell := func(s *carafe.Scaffold) { s.ErrorHandler(code, h) }
	if h != nil { // a code that is refused is so now, not when the blueprint is registered
		trial := carafe.NewScaffold(open{})
		tell(&trial)
	}
	b.appWide("AppErrorHandler", h == nil, tell)
}

// OnAppError registers h for the errors of type T wherever they come up; see [carafe.OnError].
//
// Source: flask.Blueprint.app_errorhandler(class).
func OnAppError[T error](b *Blueprint, h func(*carafe.Context, T) (any, error)) {
	b.appWide("OnAppError", h == nil, func(s *carafe.Scaffold) { carafe.OnError(s, h) })
}

// appTemplate records what is registered for all templates. A fault names the line that records it.
func (b *Blueprint) appTemplate(kind carafe.TemplateFunc, name string, v any) {
	carafe.Setup(b, "App"+kind.String(), func(site carafe.Site) error {
		b.deferred = append(b.deferred, func(s *SetupState) error {
			if !s.First {
				return nil
			}
			return s.located(site, s.registrar.AddTemplateFunc(kind, name, v))
		})
		return nil
	})
}

// AppTemplateFilter registers f as a filter for all templates of the app; see [carafe.App.TemplateFilter].
//
// Source: flask.Blueprint.app_template_filter.
func (b *Blueprint) AppTemplateFilter(name string, f any) {
	b.appTemplate(carafe.TemplateFilter, name, f)
}

// AppTemplateTest registers f as a test for all templates of the app; see [carafe.App.TemplateTest].
//
// Source: flask.Blueprint.app_template_test.
func (b *Blueprint) AppTemplateTest(name string, f any) { b.appTemplate(carafe.TemplateTest, name, f) }

// AppTemplateGlobal registers v as a name in all templates of the app; see [carafe.App.TemplateGlobal].
//
// Source: flask.Blueprint.app_template_global.
func (b *Blueprint) AppTemplateGlobal(name string, v any) {
	b.appTemplate(carafe.TemplateGlobal, name, v)
}
