package carafe

import (
	"html/template"
	"slices"

	"github.com/carafeweb/carafe/signing"
)

// Flash keeps a message for the next page that shows messages; its category is "message" unless another is given.
//
// Source: flask.flash.
func (c *Context) Flash(msg string, category ...string) { c.flash(msg, category) }

// FlashHTML is Flash for a message that is HTML, which templates do not escape.
func (c *Context) FlashHTML(msg template.HTML, category ...string) { c.flash(msg, category) }

func (c *Context) flash(msg any, category []string) {
	m := FlashMessage{Category: "message", Message: msg}
	if len(category) > 0 {
		m.Category = category[0]
	}
	s := c.Session()
	s.change(func() {
		list, _ := s.values[flashesKey].([]any)
		s.values[flashesKey] = append(slices.Clip(list), signing.Tuple{m.Category, m.Message})
	})
	c.App().Signals.MessageFlashed.Send(c, m)
}

// flashesKey is where Flask keeps messages.
const flashesKey = "_flashes"

// FlashedMessages takes the messages out of the session and returns those of the categories, all if none is named. Within a
// request it returns the same again; messages flashed after the first call are for the next request.
//
// Source: flask.get_flashed_messages.
func (c *Context) FlashedMessages(categories ...string) []FlashMessage {
	list := slices.Clone(c.Session().takeFlashes())
	if len(categories) == 0 {
		return list
	}
	return slices.DeleteFunc(list, func(f FlashMessage) bool { return !slices.Contains(categories, f.Category) })
}

// takeFlashes takes the messages out of the values, once. A closed session keeps them: a page that is streamed shows them, and so
// does the next one, since the cookie is out.
func (s *Session) takeFlashes() []FlashMessage {
	s.mu.Lock()
	defer s.mu.Unlock()
	list, some := s.values[flashesKey]
	if s.flashed || !some {
		s.flashed = true
		return s.flashes
	}
	s.flashed, s.flashes = true, readFlashes(list)
	if !s.closed {
		s.modified = true
		delete(s.values, flashesKey)
	}
	return s.flashes
}

func readFlashes(v any) []FlashMessage {
	var out []FlashMessage
	list, _ := v.([]any)
	for _, item := range list {
		pair, ok := item.(signing.Tuple)
		if !ok {
			raw, _ := item.([]any)
			pair = signing.Tuple(raw)
		}
		if len(pair) == 2 {
			category, _ := pair[0].(string)
			out = append(out, FlashMessage{category, pair[1]})
		}
	}
	return out
}
