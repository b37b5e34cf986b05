package carafe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
)

// A rendering is a page that is still to be made: what Render and its kin return. It is for one request; make_response
// renders it.
type rendering struct {
	names    []string // the first that there is; nil if source is the template
	source   string
	data     map[string]any
	streamed bool
}

// Render is a view's answer made of a template, which is rendered in make_response: hooks and [Reply] may be around it as around
// any body. The template sees data, what context processors give, and the names that docs/templating.md lists; data may be
// nil, and is not changed.
//
//	return carafe.Render("user.html", map[string]any{"user": user})
//
// A template that is missing or fails is an error on the error road, hence a 500 as a rule.
//
// Source: flask.render_template.
func Render(name string, data map[string]any) any {
	return rendering{names: []string{name}, data: data}
}

// RenderFirst is Render with the first of several templates that there is.
//
// Source: flask.render_template with a list.
func RenderFirst(names []string, data map[string]any) any {
	return rendering{names: append([]string{}, names...), data: data}
}

// RenderString is Render with the text of a template, which is always escaped. Texts are compiled when first seen, and kept as
// long as they are few: do not make them of what users sent, which would let those run code.
//
// Source: flask.render_template_string.
func RenderString(source string, data map[string]any) any {
	return rendering{source: source, data: data}
}

// StreamTemplate is Render with an answer that is sent while it is made, each text and each value as soon as it is there: for
// pages that are long, or wait for what they show. An error after the first piece can only break the connection off.
// Hooks see a response without a body.
//
// Source: flask.stream_template.
func StreamTemplate(name string, data map[string]any) any {
	return rendering{names: []string{name}, data: data, streamed: true}
}

// StreamTemplateString is StreamTemplate with the text of a template.
//
// Source: flask.stream_template_string.
func StreamTemplateString(source string, data map[string]any) any {
	return rendering{source: source, data: data, streamed: true}
}

// Render is the text of a template, for a view that needs it in its hands: for a mail, a part of a page.
func (c *Context) Render(name string, data map[string]any) (string, error) {
	return c.App().Render(c, name, data)
}

// RenderString is the text that the text of a template gives.
func (c *Context) RenderString(source string, data map[string]any) (string, error) {
	return c.App().RenderString(c, source, data)
}

// Render is the text of a template for a request or outside of one: ctx is, or was derived from, a *Context or an *AppContext
// of the app that is pushed. Outside of a request the names request and session are undefined, and of context processors the app's
// own are called, with nil.
//
//	err := app.AppContext(ctx).With(func(ctx context.Context) error {
//		text, err := app.Render(ctx, "mail.txt", data)
//		…
//	})
//
// Source: flask.render_template.
func (a *App) Render(ctx context.Context, name string, data map[string]any) (string, error) {
	return a.renderText(ctx, rendering{names: []string{name}, data: data})
}

// RenderFirst is App.Render with the first of several templates that there is.
func (a *App) RenderFirst(ctx context.Context, names []string, data map[string]any) (string, error) {
	return a.renderText(ctx, rendering{names: append([]string{}, names...), data: data})
}

// RenderString is App.Render with the text of a template.
func (a *App) RenderString(ctx context.Context, source string, data map[string]any) (string, error) {
	return a.renderText(ctx, rendering{source: source, data: data})
}

// RenderTo is App.Render that writes each piece to w as soon as it is there. On an error w has what was made until then.
func (a *App) RenderTo(ctx context.Context, w io.Writer, name string, data map[string]any) error {
	s, err := a.templateScope(ctx)
	if err != nil {
		return err
	}
	t, err := a.prepare(s, rendering{names: []string{name}, data: data})
	if err != nil {
		return err
	}
	return a.streamTemplate(w, t, s)
}

func (a *App) renderText(ctx context.Context, v rendering) (string, error) {
	s, err := a.templateScope(ctx)
	if err != nil {
		return "", err
	}
	page, err := a.render(s, v)
	return string(page), err
}

// templateScope is what a render is about that was asked for below ctx.
func (a *App) templateScope(ctx context.Context) (*TemplateScope, error) {
	ac := currentAppContext(ctx)
	if ac == nil || ac.app != a {
		return nil, fmt.Errorf("carafe: a template of app %q is rendered outside of its contexts: pass on the *carafe.Context, or what app.AppContext(ctx).With gives", a.name)
	}
	s := &TemplateScope{App: a, AppContext: ac}
	if c := CurrentContext(ctx); c != nil && &c.app == ac {
		s.Context = c
	}
	return s, nil
}

// respondTemplate is make_response of a rendering.
func (a *App) respondTemplate(c *Context, v rendering) (*Response, error) {
	s := &TemplateScope{App: a, Context: c}
	if c != nil {
		s.AppContext = &c.app
	}
	if !v.streamed {
		page, err := a.render(s, v)
		return &Response{data: page, typ: typeHTML}, err
	}
	t, err := a.prepare(s, v)
	if err != nil {
		return nil, err
	}
	stream := func(w http.ResponseWriter) error {
		return a.streamTemplate(flushingWriter{w, http.NewResponseController(w)}, t, s)
	}
	return &Response{stream: stream, typ: typeHTML}, nil
}

// render makes a whole page. The bytes are the caller's.
func (a *App) render(s *TemplateScope, v rendering) ([]byte, error) {
	t, err := a.prepare(s, v)
	if err != nil {
		return nil, err
	}
	page, err := t.Append(nil, s)
	if err != nil {
		return nil, templateFault(err)
	}
	a.Signals.TemplateRendered.Send(s.context(), TemplateRender{s.Context, t.Name(), s.Data})
	return page, nil
}

func (a *App) streamTemplate(w io.Writer, t Template, s *TemplateScope) error {
	if err := t.Stream(w, s); err != nil {
		return templateFault(err)
	}
	a.Signals.TemplateRendered.Send(s.context(), TemplateRender{s.Context, t.Name(), s.Data})
	return nil
}

// prepare finds the template, collects its data, and tells BeforeRenderTemplate.
//
// Source: flask.templating._render.
func (a *App) prepare(s *TemplateScope, v rendering) (Template, error) {
	open, err := a.openTemplates(s.Context)
	if err != nil {
		return nil, err
	}
	t, err := open.find(v)
	if err != nil {
		return nil, templateFault(err)
	}
	s.Data = a.templateData(s.Context, v.data)
	a.Signals.BeforeRenderTemplate.Send(s.context(), TemplateRender{s.Context, t.Name(), s.Data})
	return t, nil
}

// templateData is what context processors give, the app's first and then those of the blueprints inwards, and over that what
// was passed. A map of our own is made only if somebody adds to it or is shown it.
//
// Source: Flask.update_template_context.
func (a *App) templateData(c *Context, passed map[string]any) map[string]any {
	processors := a.processors
	if c != nil {
		processors = c.chain().processors
	}
	if len(processors) == 0 && !a.Signals.BeforeRenderTemplate.Receivers() && !a.Signals.TemplateRendered.Receivers() {
		return passed
	}
	data := make(map[string]any, len(passed)+4)
	for _, f := range processors {
		maps.Copy(data, f(c))
	}
	maps.Copy(data, passed)
	return data
}

// templateFault says of an engine's error whose it is; that of a missing template says so itself.
func templateFault(err error) error {
	if _, ok := err.(*TemplateNotFound); ok {
		return err
	}
	return fmt.Errorf("carafe: rendering a template: %w", err)
}

// flushingWriter sends each piece at once.
type flushingWriter struct {
	w  http.ResponseWriter
	rc *http.ResponseController
}

// Write sends p.
func (f flushingWriter) Write(p []byte) (int, error) {
	n, err := f.w.Write(p)
	if err != nil {
		return n, err
	}
	if err := f.rc.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return n, err
	}
	return n, nil
}
