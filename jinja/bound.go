package jinja

import (
	"io"
	"iter"
)

// A Bound is a template together with what one render is about, a request for example. Go functions
// get at that by [Context.Bound] and [Live] globals are made of it, wherever they are used: also in
// macros of a template imported without context, which sees none of the data.
type Bound struct {
	t  *Template
	to any
}

// Bind says what the next render is about.
func (t *Template) Bind(to any) Bound { return Bound{t, to} }

// Append is [Template.Append].
func (b Bound) Append(dst []byte, data map[string]any) ([]byte, error) {
	r := newRender(b.t.env)
	r.bound = b.to
	if err := b.t.run(r, data); err != nil {
		return dst, err
	}
	dst = append(dst, r.out...)
	r.release()
	return dst, nil
}

// Stream is [Template.Stream].
func (b Bound) Stream(data map[string]any) iter.Seq2[string, error] {
	return b.t.stream(b.to, data)
}

// StreamTo streams to w. The error is an *Error, or that of w, which ends the render.
func (b Bound) StreamTo(w io.Writer, data map[string]any) error {
	for piece, err := range b.Stream(data) {
		if err == nil {
			_, err = io.WriteString(w, piece)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Bound is what the running render was bound to, nil if to nothing.
func (c *Context) Bound() any { return c.bound }

// A Live is a global that is made when it is read, of what the render is bound to. Without ok the
// name is undefined in that render.
type Live func(bound any) (value any, ok bool)

// readLive reads a Live global.
func (env *Environment) readLive(bound any, name string) (value, bool) {
	get, ok := env.live[name]
	if !ok {
		return none, false
	}
	x, ok := get(bound)
	if !ok {
		return none, false
	}
	return fromGo(x), true
}

// A Function is a Go function that takes what the template passes as it is: keyword arguments in the
// order of the call, and no reflection. It checks its arguments itself. args and kw are its own.
type Function func(c *Context, args []any, kw []Keyword) (any, error)

// A Keyword is a keyword argument of a [Function].
type Keyword struct {
	Name  string // as the template has it, before the "="
	Value any    // evaluated; nil for none
}

// A rawFunc is a Function as a template sees it.
type rawFunc struct{ fn Function }

func (*rawFunc) name() string { return "function" }

func (g *rawFunc) call(f *frame, pos []value, kw []keyword) value {
	args, named := toGoAll(pos), make([]Keyword, len(kw))
	for i, k := range kw {
		named[i] = Keyword{k.name, toGo(k.v)}
	}
	out, err := g.fn(f.context(), args, named)
	if err != nil {
		throwCause(err)
	}
	return fromGo(out)
}

// A Mapping is a Go value that templates use like a dict: v[key], v.key, key in v, {% for key in v %},
// v|length, and it is true if it has keys. Attributes and methods of the value come before
// keys in v.key, and after them in v[key], as a dict's do.
type Mapping interface {
	Item(key string) (any, bool)
	Keys() []string
}

// mappingItem is v[key] of a Mapping; no key that is not text is there.
func mappingItem(m Mapping, key value) (value, bool) {
	if !key.isText() {
		return none, false
	}
	x, ok := m.Item(key.s)
	if !ok {
		return none, false
	}
	return fromGo(x), true
}

func mappingKeys(m Mapping) iterator {
	names := m.Keys()
	keys := make([]value, len(names))
	for i, name := range names {
		keys[i] = text(name)
	}
	return &sliceIter{items: keys}
}
