// Package blueprints groups routes, hooks and error handlers of an app, under a name and a URL prefix.
//
// A [Blueprint] is told what an App would be told, and keeps it. Registering replays it on the app, as often as one likes
// under different names; blueprints nest to any depth:
//
//	users := blueprints.New("users", carafe.URLPrefix("/users"))
//	users.Get("/<int:id>", show)         // endpoint "show"
//	admin := blueprints.New("admin", carafe.URLPrefix("/admin"))
//	admin.BeforeRequest(mustBeAdmin)     // for the views of admin and users
//	admin.RegisterBlueprint(users)
//	app.RegisterBlueprint(admin)         // "/admin/users/<int:id>", endpoint "admin.users.show"
//
// Source: flask.Blueprint.
package blueprints

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/carafeweb/carafe"
)

// A Blueprint keeps what an app is to be told. [New] makes one; the zero value is of no use.
//
// Its routes get its URL prefix, subdomain and defaults, and its name and a dot before their endpoint. Its hooks and error handlers
// run for the requests that its own or a nested blueprint's routes match, inside of the app's; those methods whose name says App are
// for all requests. Errors of routing (404, 405) belong to no blueprint: only app-wide handlers see them.
//
// It is set up in one goroutine, and takes no more once it has been registered: every method then panics. After that
// it is only read.
type Blueprint struct {
	carafe.Scaffold

	name       string
	settings   carafe.BlueprintSettings
	endpoints  []endpoint
	deferred   []func(*SetupState) error
	nested     []nested
	commands   []command
	registered bool
}

// An endpoint is a view under a name that gets no prefix.
type endpoint struct {
	name string
	view any
}

// A nested blueprint is registered with the one that it lies in.
type nested struct {
	blueprint *Blueprint
	settings  carafe.BlueprintSettings
	site      carafe.Site
}

// New makes a blueprint: URLPrefix, Subdomain, Defaults and CSRF among the options are for its routes unless
// registering says otherwise. It panics if the name is empty or has a dot.
func New(name string, opts ...carafe.BlueprintOption) *Blueprint {
	b := &Blueprint{name: name}
	b.Scaffold = carafe.NewScaffold(owner{b})
	carafe.Setup(b, "New", func(carafe.Site) error {
		if err := b.settings.Apply(opts...); err != nil {
			return fmt.Errorf("blueprints.New(%q): %w", name, err)
		}
		if b.settings.Name != "" {
			return fmt.Errorf("blueprints.New(%q, carafe.Name(%q)): the name is the first argument; carafe.Name is for registering once more", name, b.settings.Name)
		}
		return checkName(name)
	})
	return b
}

func checkName(name string) error {
	switch {
	case name == "":
		return errors.New("a blueprint's name may not be empty")
	case strings.Contains(name, "."):
		return fmt.Errorf("a blueprint's name may not contain a dot '.' character: %q; dots stand between the names of nested blueprints", name)
	}
	return nil
}

// Name is what New was given.
func (b *Blueprint) Name() string { return b.name }

// Static is the folder of files that New was given, nil if none.
func (b *Blueprint) Static() *carafe.Static { return b.settings.Static }

// Templates is the folder of templates that New was given, nil if none.
func (b *Blueprint) Templates() *carafe.Templates { return b.settings.Templates }

// owner is the Blueprint as the owner of its Scaffold, so that these methods are not the user's.
type owner struct{ b *Blueprint }

// AddRoute records a route.
func (o owner) AddRoute(site carafe.Site, rule string, view any, opts []carafe.RouteOption) error {
	var s carafe.RouteSettings
	if err := s.Apply(opts...); err != nil {
		return fmt.Errorf("rule %q: %w", rule, err)
	}
	if err := checkEndpoint(s.Endpoint); err != nil {
		return err
	}
	o.b.deferred = append(o.b.deferred, func(state *SetupState) error {
		return state.located(site, state.addRoute(site, rule, view, s))
	})
	return nil
}

func checkEndpoint(name string) error {
	if strings.Contains(name, ".") {
		return fmt.Errorf("the endpoint %q of a blueprint's route may not contain a dot '.' character: the blueprint's name is put before it", name)
	}
	return nil
}

// Closed says why the blueprint takes no more.
func (o owner) Closed(method string) error {
	if !o.b.registered {
		return nil
	}
	return fmt.Errorf("the setup method %q can no longer be called on the blueprint %q. It has already been registered at least once, "+
		"any changes will not be applied consistently.\nMake sure all imports, functions, etc. needed to set up the blueprint are done before registering it", method, o.b.name)
}

// setup runs a set-up method of the blueprint.
func (b *Blueprint) setup(method string, do func() error) {
	carafe.Setup(b, method, func(carafe.Site) error { return do() })
}

// record keeps f for each time that the blueprint is registered.
func (b *Blueprint) record(method string, missing bool, f func(*SetupState)) {
	b.setup(method, func() error {
		if missing {
			return fmt.Errorf("%s(nil): give a function", method)
		}
		b.deferred = append(b.deferred, func(s *SetupState) error {
			f(s)
			return nil
		})
		return nil
	})
}

// Record has f called each time that the blueprint is registered, between the routes that were added before and after.
//
// Source: flask.Blueprint.record.
func (b *Blueprint) Record(f func(*SetupState)) { b.record("Record", f == nil, f) }

// RecordOnce is Record for the first registration with an app only, under whatever name.
//
// Source: flask.Blueprint.record_once.
func (b *Blueprint) RecordOnce(f func(*SetupState)) {
	b.record("RecordOnce", f == nil, once(f))
}

func once(f func(*SetupState)) func(*SetupState) {
	return func(s *SetupState) {
		if s.First {
			f(s)
		}
	}
}

// Endpoint gives an endpoint of the app its view, for rules that were added without one. The name is used as
// it is, without the blueprint's before it.
//
// Source: flask.Blueprint.endpoint.
func (b *Blueprint) Endpoint(name string, view any) {
	b.setup("Endpoint", func() error {
		if view == nil {
			return fmt.Errorf("endpoint %q is given a nil view", name)
		}
		b.endpoints = append(b.endpoints, endpoint{name, view})
		return nil
	})
}

// RegisterBlueprint nests child: whenever b is registered, child is too, after b's own routes, under b's name and a dot, b's URL
// prefix before its own, and its subdomain before b's. The options win over those that child was made with.
// It panics if child is b or has b inside.
//
// Source: flask.Blueprint.register_blueprint.
func (b *Blueprint) RegisterBlueprint(child *Blueprint, opts ...carafe.BlueprintOption) {
	carafe.Setup(b, "RegisterBlueprint", func(site carafe.Site) error {
		switch {
		case child == nil:
			return errors.New("RegisterBlueprint(nil): give a blueprint")
		case child == b:
			return fmt.Errorf("cannot register a blueprint on itself: %q", b.name)
		case child.has(b):
			return fmt.Errorf("cannot register blueprint %q on %q, which lies in it", child.name, b.name)
		}
		var given carafe.BlueprintSettings
		if err := given.Apply(opts...); err != nil {
			return fmt.Errorf("RegisterBlueprint of %q: %w", child.name, err)
		}
		b.nested = append(b.nested, nested{child, given, site})
		return nil
	})
}

// has says whether o is nested in b, at any depth.
func (b *Blueprint) has(o *Blueprint) bool {
	return slices.ContainsFunc(b.nested, func(n nested) bool { return n.blueprint == o || n.blueprint.has(o) })
}
