package carafetest

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/carafeweb/carafe"
)

// Rendered is the templates that an app renders in a test.
type Rendered struct {
	t    testing.TB
	mu   sync.Mutex
	list []carafe.TemplateRender
}

// Templates notes every template that the app renders from now on, until the test is over: once the page is whole, with the data that
// it saw, context processors' included.
//
//	rendered := carafetest.Templates(t, app)
//	client.Get("/users/7")
//	rendered.Last().Data["user"]
//
// Source: flask.template_rendered, as Flask's documentation on signals uses it.
func Templates(t testing.TB, app *carafe.App) *Rendered {
	r := &Rendered{t: t}
	t.Cleanup(app.Signals.TemplateRendered.Connect(func(_ context.Context, e carafe.TemplateRender) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.list = append(r.list, e)
	}))
	return r
}

// All is every rendering in its order. The slice is the caller's.
func (r *Rendered) All() []carafe.TemplateRender {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.list)
}

// Names are the templates' names in the order of their rendering, "" for one made from a string.
func (r *Rendered) Names() []string {
	var names []string
	for _, e := range r.All() {
		names = append(names, e.Template)
	}
	return names
}

// Last is the last rendering. If there is none the test fails at once.
func (r *Rendered) Last() carafe.TemplateRender {
	r.t.Helper()
	all := r.All()
	if len(all) == 0 {
		r.t.Fatalf("no template was rendered")
	}
	return all[len(all)-1]
}
