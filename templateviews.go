package carafe

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
)

// What a Jinja template sees of the request, the session, g and the config: Flask's names, and in the place of a MultiDict or a
// dict something that can be used like one. What is not named here is found under its Go name, or that name in snake case.

// requestView is request.
type requestView struct {
	*Request
	c *Context
}

// String is as Python prints a request.
func (v requestView) String() string {
	return fmt.Sprintf("<Request '%s' [%s]>", v.FullURL(), v.Request.Method)
}

// Attr gives Flask's names.
func (v requestView) Attr(name string) (any, bool) {
	if get := requestNames[name]; get != nil {
		return get(v), true
	}
	return nil, false
}

// requestNames are Flask's names for what a page shows of a request.
//
// Source: flask.Request, werkzeug.sansio.request.Request.
var requestNames = map[string]func(v requestView) any{
	"args":           func(v requestView) any { return newFieldsView(v.Request.Args()) },
	"base_url":       func(v requestView) any { base, _, _ := strings.Cut(v.FullURL(), "?"); return base },
	"blueprint":      func(v requestView) any { return orNone(v.c.Blueprint()) },
	"blueprints":     func(v requestView) any { return v.c.Blueprints() },
	"content_length": func(v requestView) any { return contentLength(v.ContentLength) },
	"content_type":   func(v requestView) any { return orNone(v.Request.Header.Get(headerType)) },
	"cookies":        func(v requestView) any { return newFieldsView(cookieValues(v.Request.Request)) },
	"endpoint":       func(v requestView) any { return orNone(v.c.Endpoint()) },
	"files":          func(v requestView) any { return newFieldsView(ignoreError(v.Request.Files())) },
	"form":           func(v requestView) any { return newFieldsView(ignoreError(v.Request.Forms())) },
	"full_path":      func(v requestView) any { return v.URL.Path + "?" + v.URL.RawQuery },
	"headers":        func(v requestView) any { return headersView(v.Request.Header) },
	"host":           func(v requestView) any { return v.Request.Host },
	"host_url":       func(v requestView) any { return v.Scheme() + "://" + v.Request.Host + "/" },
	"is_json":        func(v requestView) any { return v.IsJSON() },
	"is_secure":      func(v requestView) any { return v.Scheme() == "https" },
	"method":         func(v requestView) any { return v.Request.Method },
	"mimetype":       func(v requestView) any { return v.MediaType() },
	"path":           func(v requestView) any { return v.URL.Path },
	"query_string":   func(v requestView) any { return v.URL.RawQuery },
	"referrer":       func(v requestView) any { return orNone(v.Referer()) },
	"remote_addr":    func(v requestView) any { return orNone(addressOf(v.RemoteAddr)) },
	"root_path":      func(v requestView) any { return v.ScriptRoot() },
	"root_url":       func(v requestView) any { return rootURL(v) },
	"scheme":         func(v requestView) any { return v.Scheme() },
	"script_root":    func(v requestView) any { return v.ScriptRoot() },
	"url":            func(v requestView) any { return v.FullURL() },
	"url_root":       func(v requestView) any { return rootURL(v) },
	"url_rule":       func(v requestView) any { return orNone(v.c.Rule()) },
	"user_agent":     func(v requestView) any { return v.UserAgent() },
	"view_args":      func(v requestView) any { return map[string]any(v.c.Params()) },
}

func rootURL(v requestView) string {
	return v.Scheme() + "://" + v.Request.Host + v.ScriptRoot() + "/"
}

// orNone is a text, or none for "", where Flask has None.
func orNone(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func contentLength(n int64) any {
	if n < 0 {
		return nil
	}
	return n
}

// addressOf is an address without its port.
func addressOf(hostport string) string { return (&url.URL{Host: hostport}).Hostname() }

// ignoreError leaves out an error that the view has seen or will see; the page shows what could be read.
func ignoreError[T any](v T, _ error) T { return v }

func cookieValues(r *http.Request) map[string][]string {
	values := map[string][]string{}
	for _, c := range r.Cookies() {
		values[c.Name] = append(values[c.Name], c.Value)
	}
	return values
}

// fieldsView is values by name, several for a name, as a MultiDict: items are first values.
//
// Source: werkzeug.datastructures.MultiDict.
type fieldsView struct {
	names []string
	list  func(name string) []any
}

// newFieldsView views a map of slices, or what has Names and a List of each.
func newFieldsView(fields any) fieldsView {
	v := reflect.ValueOf(fields)
	if names, ok := fields.(interface{ Names() []string }); ok {
		list := v.MethodByName("List")
		return fieldsView{names.Names(), func(name string) []any {
			return sliceOf(list.Call([]reflect.Value{reflect.ValueOf(name)})[0])
		}}
	}
	names := make([]string, 0, v.Len())
	for _, k := range v.MapKeys() {
		names = append(names, k.String())
	}
	slices.Sort(names)
	return fieldsView{names, func(name string) []any {
		if list := v.MapIndex(reflect.ValueOf(name)); list.IsValid() {
			return sliceOf(list)
		}
		return nil
	}}
}

func sliceOf(v reflect.Value) []any {
	list := make([]any, v.Len())
	for i := range list {
		list[i] = v.Index(i).Interface()
	}
	return list
}

// Item is the first value of key.
func (v fieldsView) Item(key string) (any, bool) {
	if list := v.list(key); len(list) > 0 {
		return list[0], true
	}
	return nil, false
}

// Keys are the names.
func (v fieldsView) Keys() []string { return v.names }

// Values are the first values.
func (v fieldsView) Values() []any { return mappingValues(v) }

// Items are names and first values.
func (v fieldsView) Items() [][]any { return mappingItems(v) }

// Get is the first value of key, or fallback.
func (v fieldsView) Get(key string, fallback ...any) any { return mappingGet(v, key, fallback) }

// Getlist is all values of key.
func (v fieldsView) Getlist(key string) []any {
	return append([]any{}, v.list(key)...)
}

// String is as Python prints a dict.
func (v fieldsView) String() string { return printMapping("ImmutableMultiDict", v) }

// MarshalJSON is an object of first values.
func (v fieldsView) MarshalJSON() ([]byte, error) { return marshalMapping(v) }

// headersView is a header, whose names may be written in any case.
type headersView http.Header

// Item is the first value of a field.
func (v headersView) Item(key string) (any, bool) {
	if list := http.Header(v).Values(key); len(list) > 0 {
		return list[0], true
	}
	return nil, false
}

// Keys are the names of the fields.
func (v headersView) Keys() []string { return slices.Sorted(maps.Keys(v)) }

// Get is the first value of a field, or fallback.
func (v headersView) Get(key string, fallback ...any) any { return mappingGet(v, key, fallback) }

// Getlist is all values of a field.
func (v headersView) Getlist(key string) []string { return http.Header(v).Values(key) }

// Items are names and first values.
func (v headersView) Items() [][]any { return mappingItems(v) }

// String is as Python prints a dict.
func (v headersView) String() string { return printMapping("EnvironHeaders", v) }

// sessionView is session. It opens the session when something is asked of it, so that a page that does not use it may be cached.
type sessionView struct{ c *Context }

// Attr gives Flask's flags.
func (v sessionView) Attr(name string) (any, bool) {
	switch name {
	case "permanent":
		return v.c.Session().Permanent(), true
	case "new":
		return v.c.Session().Fresh(), true
	case "modified":
		return v.c.Session().Modified(), true
	case "accessed":
		return v.c.Session().Accessed(), true
	}
	return nil, false
}

// Item is a value of the session.
func (v sessionView) Item(key string) (any, bool) { return v.c.Session().Lookup(key) }

// Keys are the names.
func (v sessionView) Keys() []string { return v.c.Session().Keys() }

// Values are the values.
func (v sessionView) Values() []any { return mappingValues(v) }

// Items are names and values.
func (v sessionView) Items() [][]any { return mappingItems(v) }

// Get is the value of key, or fallback.
func (v sessionView) Get(key string, fallback ...any) any { return mappingGet(v, key, fallback) }

// Pop takes a value out of the session.
func (v sessionView) Pop(key string, fallback ...any) (any, error) {
	value, ok := v.c.Session().Pop(key)
	switch {
	case ok:
		return value, nil
	case len(fallback) > 0:
		return fallback[0], nil
	}
	return nil, fmt.Errorf("the session has no %q", key)
}

// String is as Python prints a dict.
func (v sessionView) String() string { return printMapping("SecureCookieSession", v) }

// MarshalJSON is an object.
func (v sessionView) MarshalJSON() ([]byte, error) { return marshalMapping(v) }

// globalsView is g.
type globalsView struct{ g *G }

// Attr gives what was set, before the methods.
func (v globalsView) Attr(name string) (any, bool) { return v.Item(name) }

// Item gives what was set.
func (v globalsView) Item(key string) (any, bool) { return v.g.GetOr(key, nil), v.g.Has(key) }

// Keys are the names, as they were set.
func (v globalsView) Keys() []string { return v.g.Keys() }

// Get is the value of key, or fallback.
func (v globalsView) Get(key string, fallback ...any) any { return mappingGet(v, key, fallback) }

// Pop takes a value out of g.
func (v globalsView) Pop(key string, fallback ...any) (any, error) {
	value, ok := v.g.Pop(key)
	switch {
	case ok:
		return value, nil
	case len(fallback) > 0:
		return fallback[0], nil
	}
	return nil, fmt.Errorf("g has no %q", key)
}

// String names the app.
func (v globalsView) String() string { return v.g.String() }
