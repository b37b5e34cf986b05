package jinja

import (
	"sync"
)

// A render is one rendering of one template: its output and its bounds. Renders are pooled: nothing
// of one is visible outside the engine, and what it held is dropped before it is used again.
type render struct {
	env      *Environment
	out      []byte
	top      *frame // the innermost template code running: where an error happened
	depth    int    // of calls, blocks, includes and recursive loops
	steps    int    // loop iterations and calls
	captures int    // macros, set blocks and so on that collect output now
	free     []*frame
	args     []value
	lent     []*pulled           // iterators that loops run over
	modules  map[*Template]value // imported without context, for this render
	stream   func([]byte) bool   // takes finished output; nil if it is collected
	foreign  bool                // the stream's reader is running
	bound    any                 // what the render is about
}

var renders = sync.Pool{New: func() any { return &render{} }}

func newRender(env *Environment) *render {
	r := renders.Get().(*render)
	r.env = env
	return r
}

// maxPooledBuffer is the largest output buffer worth keeping between renders.
const maxPooledBuffer = 1 << 20

// release gives a render back. Frames that an error left behind are not kept.
func (r *render) release() {
	out := r.out[:0]
	if cap(out) > maxPooledBuffer {
		out = nil
	}
	clear(r.args[:cap(r.args)])
	*r = render{out: out, free: r.free, args: r.args[:0]}
	renders.Put(r)
}

// A frame holds the variables of running template code: of a template's top level, a block, a
// macro, a recursive loop's level. Loops and other scopes share the frame they are in.
type frame struct {
	slots   []value
	parent  *frame // of the code around this one, for its variables
	ctx     *scope
	r       *render
	tmpl    *Template
	mark    int32     // which statement or expression runs now, an index of tmpl.marks
	prev    *frame    // the caller
	extends *Template // set by {% extends %}, on the frame of a top level
}

// A code is compiled template code that runs in a frame of its own.
type code struct {
	tmpl *Template
	body []stmt
	size int
	// kept means that something made in the frame, a macro for one, may outlive it.
	kept     bool
	name     string // of a block
	scoped   bool
	required bool
	line     int32
}

// A stmt runs a statement.
type stmt func(f *frame) signal

// An expr evaluates an expression.
type expr func(f *frame) value

// A signal is how a statement ends: normally, or by leaving or continuing the loop it is in.
type signal uint8

const (
	proceed signal = iota
	breakLoop
	continueLoop
)

func runBody(body []stmt, f *frame) signal {
	for _, s := range body {
		if sig := s(f); sig != proceed {
			return sig
		}
	}
	return proceed
}

// push makes the frame for code and puts it on top.
func (r *render) push(c *code, parent *frame, ctx *scope) *frame {
	if r.depth++; r.depth > r.env.limits.Depth {
		throw(recursionError, "maximum recursion depth exceeded (%d)", r.env.limits.Depth)
	}
	r.step()
	f := r.frame(c)
	f.parent, f.ctx, f.r, f.tmpl, f.prev = parent, ctx, r, c.tmpl, r.top
	r.top = f
	return f
}

func (r *render) frame(c *code) *frame {
	n := len(r.free)
	if c.kept || n == 0 {
		return &frame{slots: make([]value, c.size)}
	}
	f := r.free[n-1]
	r.free = r.free[:n-1]
	if cap(f.slots) < c.size {
		f.slots = make([]value, c.size)
	}
	f.slots = f.slots[:c.size]
	return f
}

// pop takes the frame off the top and keeps it for the next push, unless something may hold it.
func (r *render) pop(f *frame, c *code) {
	r.depth--
	r.top = f.prev
	if c.kept {
		return
	}
	slots := f.slots
	clear(slots)
	*f = frame{slots: slots[:0]}
	r.free = append(r.free, f)
}

// enter and leave count a call of something that is not template code.
func (r *render) enter() {
	if r.depth++; r.depth > r.env.limits.Depth {
		throw(recursionError, "maximum recursion depth exceeded (%d)", r.env.limits.Depth)
	}
}

func (r *render) leave() { r.depth-- }

// step counts a loop iteration, a call or a block, and checks the bounds of work and output.
func (r *render) step() {
	if r.steps++; r.steps > r.env.limits.Iterations {
		throw(overflowError, "more than %d loop iterations and calls", r.env.limits.Iterations)
	}
	r.checkOutput()
}

func (r *render) checkOutput() {
	if len(r.out) > r.env.limits.Output {
		throw(overflowError, "output is longer than %d bytes", r.env.limits.Output)
	}
}

// capture runs body and takes what it writes.
func (r *render) capture(body func()) string {
	start := len(r.out)
	r.captures++
	body()
	r.captures--
	r.checkOutput()
	s := string(r.out[start:])
	r.out = r.out[:start]
	return s
}

// flush hands finished output to the stream.
func (r *render) flush() {
	if r.captures > 0 || len(r.out) == 0 {
		return
	}
	if !r.stream(r.out) {
		panic(streamClosed)
	}
	r.out = r.out[:0]
}

// streamClosed ends a render whose reader has gone.
var streamClosed = &Error{Kind: pyRuntimeError, Message: "stream closed"}

// take reserves n argument slots. The slice is valid until drop, and is never kept by a callee.
func (r *render) take(n int) []value {
	at := len(r.args)
	if at+n > cap(r.args) {
		// The old array stays where slices of it are in use; the depth of calls bounds the waste.
		grown := make([]value, at, max(64, 2*(at+n)))
		r.args = grown
	}
	r.args = r.args[:at+n]
	return r.args[at : at+n : at+n]
}

func (r *render) drop(n int) { r.args = r.args[:len(r.args)-n] }

// A scope is Jinja2's context: the names that template code sees beyond its own frames.
type scope struct {
	vars   map[string]value // set at the top level, by the whole chain of templates
	locals []local          // handed on to an include, a scoped block or an import with context
	outer  *scope           // looked in next; nil for the data
	data   map[string]any   // what the template was rendered with
	env    *Environment
	name   string // of the template that is rendered
	escape bool   // autoescaping, now, as filters and calls see it
	link   *linked
	hidden map[string]bool // names in vars that an import does not get: imported themselves
}

// A local is a variable handed on by name.
type local struct {
	name string
	v    value
}

// resolve finds a name: set at the top level, handed on, given to the render, or global.
func (s *scope) resolve(name string) (value, bool) {
	env := s.env
	for ; s != nil; s = s.outer {
		if s.vars != nil {
			if v, ok := s.vars[name]; ok {
				return v, true
			}
		}
		for i := len(s.locals) - 1; i >= 0; i-- {
			if s.locals[i].name == name {
				return s.locals[i].v, true
			}
		}
		if s.data != nil {
			if x, ok := s.data[name]; ok {
				return fromGo(x), true
			}
		}
	}
	v, ok := env.globals[name]
	return v, ok
}

func (s *scope) export(name string, v value) {
	if s.vars == nil {
		s.vars = make(map[string]value, 4)
	}
	s.vars[name] = v
	delete(s.hidden, name)
}

// hide takes a name out of what others can import.
func (s *scope) hide(name string) {
	if s.hidden == nil {
		s.hidden = map[string]bool{}
	}
	s.hidden[name] = true
}

// undefined makes an undefined of the environment's kind.
func (f *frame) undefined(u undefinedInfo) value {
	u.behave = f.r.env.opts.Undefined
	return newUndefined(u)
}
