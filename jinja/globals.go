package jinja

import (
	"math/rand/v2"
	"slices"
	"strings"
)

// builtinGlobals are the names that every template has.
var builtinGlobals = map[string]value{
	"range": class("range", nil, func(_ *frame, a []value, kw []keyword) value {
		noKeywords("range", kw)
		return newRange(a)
	}),
	"dict": class("dict", nil, func(_ *frame, a []value, kw []keyword) value {
		if len(a) > 1 {
			throw(typeError, "dict expected at most 1 argument, got %d", len(a))
		}
		d := &Dict{}
		fillDict(d, a, kw)
		return value{k: kDict, r: d}
	}),
	"namespace": class("jinja2.utils.Namespace", nil, func(_ *frame, a []value, kw []keyword) value {
		if len(a) > 1 {
			throw(typeError, "dict expected at most 1 argument, got %d", len(a))
		}
		ns := &namespace{}
		fillDict(&ns.Dict, a, kw)
		return fromObject(ns)
	}),
	"cycler": class("jinja2.utils.Cycler", nil, func(_ *frame, a []value, kw []keyword) value {
		noKeywords("cycler", kw)
		if len(a) == 0 {
			throw(pyRuntimeError, "at least one item has to be provided")
		}
		return fromObject(&cycler{items: slices.Clone(a)})
	}),
	"joiner": class("jinja2.utils.Joiner", parseParams("sep='COMMA'"), func(_ *frame, a []value, _ []keyword) value {
		if a[0].s == "COMMA" {
			a[0] = text(", ")
		}
		return value{k: kFunc, r: &joiner{sep: a[0]}}
	}),
	"lipsum": method("lipsum", parseParams("n=5 html=true min=20 max=100"), func(_ *frame, a []value, _ []keyword) value {
		return lipsum(size(a[0]), truth(a[1]), size(a[2]), size(a[3]))
	}),
}

// class makes a global that is a class in Python, and prints as one.
func class(name string, p *params, do func(f *frame, a []value, kw []keyword) value) value {
	label := name[strings.LastIndexByte(name, '.')+1:]
	return value{k: kFunc, r: &builtin{label: label, class: name, params: p, do: do}}
}

// A namespace holds what {% set ns.x = ... %} assigns, also from inside loops.
type namespace struct{ Dict }

func (*namespace) typeName() string { return "jinja2.utils.Namespace" }
func (n *namespace) attr(name string) (value, bool) {
	return n.get(text(name))
}
func (n *namespace) item(key value) (value, bool) { return n.get(key) }
func (n *namespace) reprTo(p *reprinter) {
	p.dst = append(p.dst, "<Namespace "...)
	p.repr(value{k: kDict, r: &n.Dict})
	p.dst = append(p.dst, '>')
}

// A cycler goes round its items.
type cycler struct {
	items []value
	pos   int
}

func (*cycler) typeName() string { return "jinja2.utils.Cycler" }
func (c *cycler) attr(name string) (value, bool) {
	switch name {
	case "current":
		return c.items[c.pos], true
	case "items":
		return tuple(slices.Clone(c.items)), true
	case "pos":
		return integer(int64(c.pos)), true
	case "next":
		return method(name, parseParams(""), func(*frame, []value, []keyword) value { return c.next() }), true
	case "reset":
		return method(name, parseParams(""), func(*frame, []value, []keyword) value {
			c.pos = 0
			return none
		}), true
	}
	return none, false
}

func (c *cycler) next() value {
	v := c.items[c.pos]
	c.pos = (c.pos + 1) % len(c.items)
	return v
}

// A joiner is empty at the first call, and its separator at all others.
type joiner struct {
	sep  value
	used bool
}

func (*joiner) name() string     { return "joiner" }
func (*joiner) typeName() string { return "jinja2.utils.Joiner" }
func (j *joiner) attr(name string) (value, bool) {
	switch name {
	case "sep":
		return j.sep, true
	case "used":
		return boolean(j.used), true
	}
	return none, false
}

func (j *joiner) call(_ *frame, pos []value, kw []keyword) value {
	if len(pos)+len(kw) > 0 {
		throw(typeError, "Joiner.__call__() takes 1 positional argument but %d were given", 1+len(pos)+len(kw))
	}
	if !j.used {
		j.used = true
		return text("")
	}
	return j.sep
}

var lipsumWords = strings.Fields(`a ac ad aenean aliquam amet ante arcu at auctor augue bibendum commodo
	condimentum congue consectetur convallis cras curabitur dapibus diam dictum dolor donec dui duis efficitur
	eget elit enim erat eros est et eu euismod ex facilisis felis fermentum finibus gravida iaculis id in
	integer ipsum justo lacinia lacus laoreet lectus leo libero ligula lorem luctus maecenas magna massa mauris
	metus mi mollis morbi nec neque nibh nisi nisl non nulla nunc odio orci ornare pellentesque pharetra placerat
	porta posuere pretium proin pulvinar purus quam quis rhoncus risus rutrum sagittis sapien sed sem semper sit
	sodales sollicitudin suscipit tellus tempor tincidunt tortor tristique turpis ullamcorper ultrices urna ut
	varius vel velit vestibulum vitae vivamus viverra volutpat vulputate`)

// lipsum is n paragraphs of between lo and hi words of no meaning.
func lipsum(n int, html bool, lo, hi int) value {
	for _, count := range []int{n, lo, hi, min(n, maxItems) * min(max(lo, hi, 1), maxItems)} {
		checkItems(count)
	}
	var paragraphs []string
	if hi <= lo && n > 0 {
		throw(valueError, "empty range for randrange() (%d, %d, %d)", lo, hi, hi-lo)
	}
	for range n {
		words := make([]string, max(0, lo+rand.IntN(hi-lo))) // #nosec G404 -- text to fill a page
		for i := range words {
			words[i] = lipsumWords[rand.IntN(len(lipsumWords))] // #nosec G404 -- the same
			// #nosec G404 -- the same
			if i > 0 && rand.IntN(9) == 0 {
				words[i-1] += ","
			}
		}
		p := capitalize(strings.Join(words, " ")) + "."
		if html {
			p = "<p>" + p + "</p>"
		}
		paragraphs = append(paragraphs, p)
	}
	if html {
		return markup(strings.Join(paragraphs, "\n"))
	}
	return text(strings.Join(paragraphs, "\n\n"))
}
