package carafe

import (
	"fmt"
	"strings"
)

// Endpoint is the name of the route that matched, "" if none did.
func (c *Context) Endpoint() string {
	if c.route == nil {
		return ""
	}
	return c.route.endpoint
}

func endpointOf(c *Context) string {
	if c == nil {
		return ""
	}
	return c.Endpoint()
}

// Blueprint is the registered name of the blueprint whose route matched ("admin.users" if nested), "" for the app's own.
func (c *Context) Blueprint() string {
	if names := c.Blueprints(); len(names) > 0 {
		return names[0]
	}
	return ""
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// Blueprints are the registered names from that of Blueprint out to the outermost. Read the slice only.
func (c *Context) Blueprints() []string { return c.chain().blueprints }

// Rule is the text of the rule that matched, "" if none did.
func (c *Context) Rule() string {
	if c.route == nil {
		return ""
	}
	return c.route.rule.Rule
}

// RoutingError is why no route matched, nil if one did: an *HTTPError with 404, 405, or a redirect.
func (c *Context) RoutingError() error { return c.routingErr }

// Param is the text of a variable of the matched URL, or of what a URL value preprocessor has made of it; "" if
// there is none of that name.
func (c *Context) Param(name string) string {
	if m := c.more.Load(); m != nil && m.params != nil {
		v, ok := m.params[name]
		if !ok {
			return ""
		}
		if s, ok := v.(string); ok {
			return s
		}
		return fmt.Sprint(v)
	}
	if i, ok := c.match.Lookup(name); ok {
		return c.match.Text(i)
	}
	if c.route != nil {
		return c.route.vars[name]
	}
	return ""
}

// values are those of the match, or of a foreign route's.
func (c *Context) values() Values {
	if c.route.vars == nil {
		return c.match.Values()
	}
	values := make(Values, len(c.route.vars))
	for name, text := range c.route.vars {
		values[name] = text
	}
	return values
}

// Params are the variables of the matched URL with the types of their converters: a map that belongs to the request, so
// that what is changed in it is seen by later readers. nil if nothing matched.
//
// Source: flask.request.view_args.
func (c *Context) Params() Values {
	if c.route == nil {
		return nil
	}
	m := c.lazy()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.params == nil {
		m.params = c.values()
	}
	return m.params
}
