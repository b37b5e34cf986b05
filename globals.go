package carafe

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// A G is the scratch store of one app context: hooks leave there what views and templates read.
// The zero G is empty. It is safe for concurrent use.
//
// Source: flask.g, flask.ctx._AppCtxGlobals.
type G struct {
	app    string
	mu     sync.RWMutex
	values map[string]any
	names  []string // in the order in which they were first set
}

// Get is the value of name, nil if there is none.
func (g *G) Get(name string) any { return g.GetOr(name, nil) }

// GetOr is the value of name, fallback if there is none.
func (g *G) GetOr(name string, fallback any) any {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if v, ok := g.values[name]; ok {
		return v
	}
	return fallback
}

// Has says whether name has a value, nil counting as one.
func (g *G) Has(name string) bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	_, ok := g.values[name]
	return ok
}

// Set gives name a value.
func (g *G) Set(name string, value any) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.set(name, value)
}

// set stores a value; g.mu is held.
func (g *G) set(name string, value any) {
	if g.values == nil {
		g.values = map[string]any{}
	}
	if _, ok := g.values[name]; !ok {
		g.names = append(g.names, name)
	}
	g.values[name] = value
}

// SetDefault gives name a value if it has none, and returns the one it has.
func (g *G) SetDefault(name string, value any) any {
	g.mu.Lock()
	defer g.mu.Unlock()
	if v, ok := g.values[name]; ok {
		return v
	}
	g.set(name, value)
	return value
}

// Pop removes name and returns the value it had; ok says whether it had one.
func (g *G) Pop(name string) (value any, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if value, ok = g.values[name]; ok {
		delete(g.values, name)
		g.names = slices.DeleteFunc(g.names, func(n string) bool { return n == name })
	}
	return value, ok
}

// Keys are the names that have a value, in the order in which they were first set. The slice is the caller's.
func (g *G) Keys() []string {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return slices.Clone(g.names)
}

// String names the app.
func (g *G) String() string { return fmt.Sprintf("<carafe.G of %q>", g.app) }

// A Key is a typed name in [G]:
//
//	var user = carafe.NewKey[*User]("user")
//	user.Set(c, u)
//	u := user.Get(c)
//
// Templates see the value under the same name.
type Key[T any] struct{ name string }

// NewKey makes the key of name. Two keys of one name share its value.
func NewKey[T any](name string) Key[T] { return Key[T]{name} }

// Set stores v in the G of ctx's app context; it panics if ctx has none.
func (k Key[T]) Set(ctx context.Context, v T) {
	ac := currentAppContext(ctx)
	if ac == nil {
		panic(fmt.Errorf("carafe: key %q is set outside of any app context: pass on the *carafe.Context, or push app.AppContext(ctx)", k.name))
	}
	ac.G().Set(k.name, v)
}

// Get is the value in the G of ctx's app context, T's zero value if there is none, or none of type T.
func (k Key[T]) Get(ctx context.Context) T {
	v, _ := k.Lookup(ctx)
	return v
}

// Lookup is Get that says whether there was a value of type T.
func (k Key[T]) Lookup(ctx context.Context) (T, bool) {
	if ac := currentAppContext(ctx); ac != nil {
		v, ok := ac.G().Get(k.name).(T)
		return v, ok
	}
	var zero T
	return zero, false
}
