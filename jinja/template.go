package jinja

import (
	"io"
	"iter"
	"strings"
	"sync/atomic"
)

// A Template is compiled and ready to render. Safe for concurrent use.
type Template struct {
	env      *Environment
	name     string
	src      string
	escape   bool
	root     *code
	blocks   map[string][]*code // of one code each: a chain of length one
	marks    []mark
	refs     References
	required []requirement
	// static means that importing it gives the same module each time: it may be kept for ever.
	static bool
	module atomic.Pointer[module]
	link   *linked
}

// A mark is the place of a statement or expression in the source.
type mark struct {
	line     int32
	pos, end int32
}

// Name is the name it was loaded by; "" if it was made from a string.
func (t *Template) Name() string { return t.name }

// Render renders with data: names and their values. See docs/templates.md for how Go values look
// to a template. The error is an *Error that names template, line and expression.
func (t *Template) Render(data map[string]any) (string, error) {
	r := newRender(t.env)
	if err := t.run(r, data); err != nil {
		return "", err
	}
	out := string(r.out)
	r.release()
	return out, nil
}

// Append renders and appends the output to dst. On an error dst is returned as it was.
func (t *Template) Append(dst []byte, data map[string]any) ([]byte, error) {
	r := newRender(t.env)
	if err := t.run(r, data); err != nil {
		return dst, err
	}
	dst = append(dst, r.out...)
	r.release()
	return dst, nil
}

// RenderTo renders in full and then writes to w, so that a failed render writes nothing. The error
// is an *Error, or that of w.
func (t *Template) RenderTo(w io.Writer, data map[string]any) error {
	r := newRender(t.env)
	if err := t.run(r, data); err != nil {
		return err
	}
	_, err := w.Write(r.out)
	r.release()
	return err
}

// Stream renders piece by piece: each text and each {{ }} is yielded as it is made, and what a
// macro or a set block collects is not. The last pair carries the error if the render fails; what
// was yielded before stands.
func (t *Template) Stream(data map[string]any) iter.Seq2[string, error] {
	return t.stream(nil, data)
}

func (t *Template) stream(bound any, data map[string]any) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		r := newRender(t.env)
		r.bound = bound
		r.stream = func(b []byte) bool {
			// A panic of the reader is the reader's: run lets it through.
			r.foreign = true
			more := yield(string(b), nil)
			r.foreign = false
			return more
		}
		err := t.run(r, data)
		if err == streamClosed {
			return
		}
		if err != nil {
			yield("", err)
			return
		}
		if len(r.out) > 0 {
			yield(string(r.out), nil)
		}
		r.release()
	}
}

// run renders into r. It is the one place where a panic of the engine, or of Go code called by a
// template, becomes an error. A render that failed is left to the collector: frames may be
// anywhere in it.
func (t *Template) run(r *render, data map[string]any) (err error) {
	defer func() {
		if p := recover(); p != nil {
			if r.foreign {
				panic(p)
			}
			err = r.failed(p)
		}
	}()
	defer r.close()
	ctx := &scope{data: data, env: t.env, name: t.name, escape: t.escape, link: t.link}
	t.renderRoot(r, ctx)
	return nil
}

// failed completes an error with the place where it happened. A pointer comparison keeps an
// already placed error as it is.
func (r *render) failed(p any) error {
	e := asError(p)
	if e == streamClosed || e.Line > 0 || r.top == nil {
		return e
	}
	placed := *e
	f := r.top
	m := f.tmpl.marks[f.mark]
	placed.Template, placed.Line = f.tmpl.name, int(m.line)
	placed.Source = sourceLine(f.tmpl.src, placed.Line)
	placed.Expr = strings.Join(strings.Fields(f.tmpl.src[m.pos:m.end]), " ")
	return &placed
}

// renderRoot runs the top level of a template and then those it extends. A template that comes to
// extend itself would go on for ever; the bound on depth ends it.
func (t *Template) renderRoot(r *render, ctx *scope) {
	for n := 0; t != nil; n++ {
		if n > t.env.limits.Depth {
			throw(recursionError, "maximum recursion depth exceeded (%d)", n)
		}
		f := r.push(t.root, nil, ctx)
		runBody(t.root.body, f)
		next := f.extends
		r.pop(f, t.root)
		t = next
	}
}
