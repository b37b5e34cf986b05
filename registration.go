package carafe

import (
	"errors"
	"fmt"
	"reflect"
)

// A Registrable can be registered with an App: package blueprints has the one there is.
type Registrable interface {
	// Register replays on r what the blueprint was told.
	Register(r *Registrar, opts []BlueprintOption) error
}

// registered is a blueprint under one of its names.
type registered struct {
	name      string
	blueprint Registrable
	site      Site
}

// RegisterBlueprint puts everything that b was told into the app, under its name and prefix or those of the options, which win.
// It panics if the name is taken.
//
// Source: Flask.register_blueprint.
func (a *App) RegisterBlueprint(b Registrable, opts ...BlueprintOption) {
	a.setup("RegisterBlueprint", func(site Site) error {
		if v := reflect.ValueOf(b); b == nil || v.Kind() == reflect.Pointer && v.IsNil() {
			return errors.New("RegisterBlueprint(nil): give a blueprint")
		}
		return b.Register(&Registrar{app: a, site: site, claim: site}, opts)
	})
}

// A Registrar is the App as a blueprint sees it that is being registered.
type Registrar struct {
	app   *App
	site  Site
	claim Site // where the blueprint at hand was registered, or nested in another
}

// App is the app, for functions that a blueprint recorded; it may be told anything.
func (r *Registrar) App() *App { return r.app }

// Site is the call of RegisterBlueprint.
func (r *Registrar) Site() Site { return r.site }

// Nested is the Registrar for a blueprint that was nested in another at site, which Claim names when the name is claimed again.
func (r *Registrar) Nested(site Site) *Registrar {
	inner := *r
	inner.claim = site
	return &inner
}

// Claim takes the full dotted name for b; first says whether b is new to the app. It fails if the name is taken.
func (r *Registrar) Claim(name string, b Registrable) (first bool, err error) {
	first = true
	for _, reg := range r.app.blueprints {
		if reg.name == name {
			which := "a different"
			if reg.blueprint == b {
				which = "this"
			}
			return false, fmt.Errorf("the name %q is already registered for %s blueprint (at %s): use carafe.Name to provide a unique name", name, which, reg.site)
		}
		first = first && reg.blueprint != b
	}
	r.app.blueprints = append(r.app.blueprints, registered{name, b, r.claim})
	r.app.scopes[name] = &Scaffold{}
	return first, nil
}

// Adopt puts a blueprint's hooks and error handlers under its registered name, or under "" into the app's own.
func (r *Registrar) Adopt(name string, s *Scaffold) {
	if name == "" {
		r.app.Scaffold.adopt(s)
		return
	}
	r.app.scopes[name].adopt(s)
}

// AddRoute adds a route of the blueprint that is registered as name; rule, subdomain and defaults are complete, the endpoint is
// not yet prefixed.
func (r *Registrar) AddRoute(site Site, name, rule string, view any, s RouteSettings) error {
	return r.app.addRoute(site, rule, view, s, name)
}

// Blueprints lists the registered names, in order.
func (a *App) Blueprints() []string {
	names := make([]string, len(a.blueprints))
	for i, r := range a.blueprints {
		names[i] = r.name
	}
	return names
}
