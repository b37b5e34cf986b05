package blueprints

import (
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/carafeweb/carafe"
)

// A SetupState is one registration of a blueprint with an app, for functions of [Blueprint.Record]. Its fields are what the
// options given when registering, those of [New] and the surrounding blueprints come to.
//
// Source: flask.blueprints.BlueprintSetupState.
type SetupState struct {
	App        *carafe.App   // that it is registered with; never nil
	Blueprint  *Blueprint    // that is registered; never nil
	First      bool          // whether the blueprint is new to the app
	Name       string        // the blueprint's own or carafe.Name's
	NamePrefix string        // the registered name of the blueprint around it, "" if there is none
	URLPrefix  *string       // nil means none
	Subdomain  *string       // nil means none
	Defaults   carafe.Values // never nil
	CSRF       carafe.CSRF   // "" means the config's

	registrar *carafe.Registrar
}

// FullName is the name that the blueprint is registered under: "admin.users".
func (s *SetupState) FullName() string {
	if s.NamePrefix == "" {
		return s.Name
	}
	return s.NamePrefix + "." + s.Name
}

// AddRoute adds a route to the app as the blueprint's: with its URL prefix, subdomain and defaults, and its name before
// the endpoint. It panics as Route does.
//
// Source: BlueprintSetupState.add_url_rule.
func (s *SetupState) AddRoute(rule string, view any, opts ...carafe.RouteOption) {
	carafe.Setup(s.App, "AddRoute", func(site carafe.Site) error {
		var settings carafe.RouteSettings
		if err := settings.Apply(opts...); err != nil {
			return fmt.Errorf("rule %q: %w", rule, err)
		}
		return s.addRoute(site, rule, view, settings)
	})
}

func (s *SetupState) addRoute(site carafe.Site, rule string, view any, r carafe.RouteSettings) error {
	if s.URLPrefix != nil {
		rule = joinRule(*s.URLPrefix, rule)
	}
	if r.Subdomain == nil {
		r.Subdomain = s.Subdomain
	}
	if r.CSRF == "" {
		r.CSRF = s.CSRF
	}
	defaults := maps.Clone(s.Defaults)
	maps.Copy(defaults, r.Defaults)
	if len(defaults) > 0 {
		r.Defaults = defaults
	}
	return s.registrar.AddRoute(site, s.FullName(), rule, view, r)
}

// joinRule puts a prefix before a rule with one slash between them; an empty rule is the prefix as it is.
func joinRule(prefix, rule string) string {
	if rule == "" {
		return prefix
	}
	return joinPrefix(prefix, rule)
}

func joinPrefix(outer, inner string) string {
	return strings.TrimRight(outer, "/") + "/" + strings.TrimLeft(inner, "/")
}

// located says where what failed was recorded.
func (s *SetupState) located(site carafe.Site, err error) error {
	if err == nil {
		return nil
	}
	var fault *carafe.SetupError
	if errors.As(err, &fault) {
		return err
	}
	return &carafe.SetupError{Site: site, Err: fmt.Errorf("%w (blueprint %q, registered at %s)", err, s.FullName(), s.registrar.Site())}
}

// Register replays the blueprint on an app: [carafe.App.RegisterBlueprint] calls it.
//
// Source: flask.Blueprint.register.
func (b *Blueprint) Register(r *carafe.Registrar, opts []carafe.BlueprintOption) error {
	var given carafe.BlueprintSettings
	if err := given.Apply(opts...); err != nil {
		return err
	}
	return b.register(r, "", given)
}

// register does it in this order: the name, hooks and handlers, routes and what was recorded among them, commands, nested blueprints.
func (b *Blueprint) register(r *carafe.Registrar, prefix string, given carafe.BlueprintSettings) error {
	s, err := b.state(r, prefix, given)
	if err != nil {
		return err
	}
	if s.First, err = r.Claim(s.FullName(), b); err != nil {
		return err
	}
	b.registered = true
	if t := b.settings.Templates; t != nil && s.First {
		if err := r.AddTemplates(s.FullName(), *t); err != nil {
			return err
		}
	}
	r.Adopt(s.FullName(), &b.Scaffold)
	for _, e := range b.endpoints {
		s.App.Endpoint(e.name, e.view)
	}
	for _, f := range b.deferred {
		if err := f(s); err != nil {
			return err
		}
	}
	if err := b.addCommands(s, given); err != nil {
		return err
	}
	for _, n := range b.nested {
		if err := s.located(n.site, n.blueprint.register(r.Nested(n.site), s.FullName(), s.around(n))); err != nil {
			return err
		}
	}
	return nil
}

// state is what the options come to.
//
// Unlike Flask, the name given when registering is checked as the blueprint's own is: a dot in it would put the blueprint's views
// under the hooks of another one.
func (b *Blueprint) state(r *carafe.Registrar, prefix string, given carafe.BlueprintSettings) (*SetupState, error) {
	s := &SetupState{
		App: r.App(), Blueprint: b, Name: b.name, NamePrefix: prefix, URLPrefix: b.settings.URLPrefix,
		Subdomain: b.settings.Subdomain, Defaults: carafe.Values{}, CSRF: b.settings.CSRF, registrar: r,
	}
	maps.Copy(s.Defaults, b.settings.Defaults)
	maps.Copy(s.Defaults, given.Defaults)
	if given.Name != "" {
		s.Name = given.Name
	}
	if given.URLPrefix != nil {
		s.URLPrefix = given.URLPrefix
	}
	if given.Subdomain != nil {
		s.Subdomain = given.Subdomain
	}
	if given.CSRF != "" {
		s.CSRF = given.CSRF
	}
	if given.Static != nil || given.Templates != nil {
		return nil, fmt.Errorf("carafe.Static and carafe.Templates of blueprint %q are given when it is registered: give them to blueprints.New", b.name)
	}
	return s, checkName(s.Name)
}

// around is the options of a nested blueprint with those of the one it lies in before, or for subdomains after, its own; a CSRF check
// of its own goes before that of the other.
func (s *SetupState) around(n nested) carafe.BlueprintSettings {
	given, own := n.settings, n.blueprint.settings
	given.URLPrefix = joined(s.URLPrefix, first(given.URLPrefix, own.URLPrefix), joinPrefix)
	if given.CSRF == "" && own.CSRF == "" {
		given.CSRF = s.CSRF
	}
	given.Subdomain = joined(first(given.Subdomain, own.Subdomain), s.Subdomain, func(inner, outer string) string { return inner + "." + outer })
	return given
}

// first is the option that wins: nil means not given, "" counts.
func first(a, b *string) *string {
	if a != nil {
		return a
	}
	return b
}

// joined is both texts joined, or the one there is.
func joined(a, b *string, join func(a, b string) string) *string {
	if a == nil || b == nil {
		return first(a, b)
	}
	both := join(*a, *b)
	return &both
}
