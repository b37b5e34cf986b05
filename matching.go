package carafe

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/carafeweb/carafe/gateway"
	"github.com/carafeweb/carafe/routing"
)

// matchRequest is step 2: it finds the route and keeps, rather than raises, why there is none.
func (a *App) matchRequest(c *Context) {
	if t := a.tables.Load(); t.faults != nil {
		c.routingErr = fmt.Errorf("carafe: the app has faults in its set-up: %w", t.faults)
		return
	}
	err := a.match(c)
	if err == nil && c.match.Rule.Methods != nil && hasLower(c.Request.Method) {
		err = a.refuseLowerCase(c)
	}
	if err == nil {
		if c.route = c.match.Rule.Data.(*route); a.upstream.takesPreflight(c) {
			c.match, c.route = routing.Match{}, a.upstream.route(a)
		}
		return
	}
	if a.foreign.router != nil {
		if c.route, err = a.matchForeign(c, err); err == nil {
			return
		}
	}
	if a.upstream.takes(err) {
		c.match, c.route = routing.Match{}, a.upstream.route(a)
		return
	}
	c.routingErr = a.routingError(c, err)
}

// chain is what runs around the view: the matched route's, or the app's own.
func (c *Context) chain() *chain {
	if c.route != nil {
		return c.route.chain
	}
	return c.app.app.compiled().own
}

func (a *App) match(c *Context) error {
	r := c.Request.Request
	if err := checkAuthority(r.Host); err != nil {
		return &HTTPError{Code: http.StatusBadRequest, Cause: fmt.Errorf("carafe: Host %q: %w", r.Host, err)}
	}
	if a.Config.TrustedHosts != nil && !hostIsTrusted(r.Host, a.Config.TrustedHosts) {
		return &HTTPError{Code: http.StatusBadRequest, Description: "Host '" + c.Request.Authority() + "' is not trusted."}
	}
	if !a.hostMatching && !a.subdomainMatching {
		return a.urls.Find(c, &c.match, "", r.Method, routing.DecodedPath(r.URL.Path), routing.IsWebsocket(r))
	}
	adapter, err := a.adapter(c)
	if err != nil {
		return err
	}
	if adapter.Foreign {
		return routing.ErrNotFound
	}
	return a.urls.Find(c, &c.match, adapter.Domain(), r.Method, routing.DecodedPath(r.URL.Path), routing.IsWebsocket(r))
}

// hasLower says whether a method has letters in lower case.
func hasLower(method string) bool {
	for i := range len(method) {
		if 'a' <= method[i] && method[i] <= 'z' {
			return true
		}
	}
	return false
}

// refuseLowerCase answers a method that is none: methods are case-sensitive (RFC 9110 9.1), and a proxy that asks for rights to
// "GET" may let "get" pass.
//
// Unlike Flask, which takes them for the ones in upper case.
func (a *App) refuseLowerCase(c *Context) error {
	adapter, err := a.adapter(c)
	if err != nil {
		return err
	}
	return &routing.MethodNotAllowed{Allow: adapter.AllowedMethods(c, routing.DecodedPath(c.Request.URL.Path))}
}

// routingError turns what the router raised into what the walk knows.
func (a *App) routingError(c *Context, err error) error {
	var refused *routing.MethodNotAllowed
	var moved *routing.RequestRedirect
	if err == routing.ErrNotFound {
		return &HTTPError{Code: http.StatusNotFound}
	}
	switch {
	case errors.As(err, &refused):
		return &HTTPError{Code: http.StatusMethodNotAllowed, Header: http.Header{headerAllow: {strings.Join(refused.Allow, ", ")}}}
	case errors.As(err, &moved):
		return a.redirectError(c, moved)
	case errors.Is(err, routing.ErrWebsocketMismatch), errors.Is(err, routing.ErrBadHost):
		return &HTTPError{Code: http.StatusBadRequest}
	}
	return err
}

func (a *App) redirectError(c *Context, moved error) error {
	adapter, err := a.adapter(c)
	if err != nil {
		return &HTTPError{Code: http.StatusBadRequest}
	}
	var done *routing.RequestRedirect
	if err := adapter.Complete(&c.match, c.Request.Method, moved); !errors.As(err, &done) {
		return err
	}
	location := done.URL
	if adapter.ServerName == "" {
		location = withoutEmptyHost(location)
	}
	return &HTTPError{Response: Redirect(c.withoutOwnHost(location), done.Code())}
}

// withoutEmptyHost is the path of a URL of the router's whose host is empty, since HTTP/1.0 may leave it out: browsers would take the
// first segment for the host.
//
// Unlike Flask, which redirects to "http:///docs/".
func withoutEmptyHost(url string) string {
	_, rest, ok := strings.Cut(url, ":")
	if !ok || !strings.HasPrefix(rest, "/") || strings.HasPrefix(rest, "//") && !strings.HasPrefix(rest, "///") {
		return url // a RedirectTo that names another host, or no URL at all
	}
	return "/" + strings.TrimLeft(rest, "/")
}

// withoutOwnHost makes an address on the host of the request relative, if nothing but the client says that this is our host: in a
// Location that a cache keeps, it would send others there.
//
// Unlike Flask, whose redirects of rules repeat any Host.
func (c *Context) withoutOwnHost(address string) string {
	if c.App().Config.TrustedHosts != nil || isLoopback(bareHost(c.Request.Host)) {
		return address
	}
	_, rest, absolute := strings.Cut(address, "://")
	if !absolute || address[0] == '/' {
		return address
	}
	host, path, _ := strings.Cut(rest, "/")
	if !strings.EqualFold(bareHost(host), bareHost(c.Request.Host)) || strings.HasPrefix(path, "/") || strings.HasPrefix(path, "\\") {
		return address
	}
	return "/" + path
}

// isLoopback says whether a host is this machine for whoever asks.
func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || err == nil && addr.IsLoopback()
}

// A FormDataRoutingRedirect is what debug mode raises in place of a routing redirect that would lose the request's body: one whose
// code is neither 307 nor 308, for a method that sends a body. The redirects of rules are all 308; a converter's Parse may abort
// with another.
//
// Source: flask.debughelpers.FormDataRoutingRedirect.
type FormDataRoutingRedirect struct {
	URL, Canonical string // what was asked for, and where the redirect leads
}

// Error says what to do.
func (e *FormDataRoutingRedirect) Error() string {
	return fmt.Sprintf("carafe: a request was sent to %q, but routing issued a redirect to the canonical URL %q. "+
		"Send requests to the canonical URL, or use 307 or 308 for routing redirects. Otherwise, browsers will drop form data. "+
		"This error is only raised in debug mode", e.URL, e.Canonical)
}

// raisedRoutingError is the kept routing error as it is raised.
//
// Source: Flask.raise_routing_exception.
func (a *App) raisedRoutingError(c *Context) error {
	var aborted *HTTPError
	if !a.Config.Debug || !errors.As(c.routingErr, &aborted) || aborted.Response == nil {
		return c.routingErr
	}
	switch c.Request.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return c.routingErr
	}
	location := aborted.Response.Header.Get("Location")
	switch code := aborted.Response.status(); {
	case location == "", code == http.StatusTemporaryRedirect, code == http.StatusPermanentRedirect, code < 300, code > 399:
		return c.routingErr
	}
	return &FormDataRoutingRedirect{URL: c.Request.FullURL(), Canonical: location}
}

// adapter is the URL map bound to the request, for absolute URLs.
func (a *App) adapter(c *Context) (routing.Adapter, error) {
	r := c.Request.Request
	server := a.Config.ServerName
	if a.hostMatching {
		server = "" // the host that was asked for decides
	}
	return a.urls.BindEnviron(routing.Environ{
		Scheme: gateway.Scheme(r), Host: r.Host, ServerName: server, ScriptName: scriptRoot(gateway.ScriptName(r)), Method: r.Method,
		Path: routing.DecodedPath(r.URL.Path), Query: r.URL.RawQuery, Websocket: routing.IsWebsocket(r),
	})
}

// optionsResponse answers OPTIONS: empty, with the methods of all rules of the path, and with the upstream's.
//
// Source: Flask.make_default_options_response.
func (a *App) optionsResponse(c *Context) *Response {
	resp := HTML("")
	if allowed := a.allowedMethods(c); allowed != nil {
		if a.upstream != nil {
			allowed = joinedMethods(allowed, a.upstream.allows(c))
		}
		resp.Header[headerAllow] = []string{strings.Join(allowed, ", ")}
	}
	return resp
}

// allowedMethods are those of the app's own rules and routes of the request's path, sorted; nil if there is none.
func (a *App) allowedMethods(c *Context) []string {
	adapter, err := a.adapter(c)
	if err != nil {
		return nil
	}
	return a.withForeignMethods(c, adapter.AllowedMethods(c, routing.DecodedPath(c.Request.URL.Path)))
}

// joinedMethods are those of both, sorted.
func joinedMethods(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// hostIsTrusted compares the host, without its port, with names; one with a leading dot stands for its subdomains too. The dot that may
// end a full name is nothing to go by.
//
// Source: werkzeug.sansio.utils.host_is_trusted. Unlike Flask, which refuses a trusted name that ends in a dot.
func hostIsTrusted(host string, trusted []string) bool {
	name := strings.TrimSuffix(strings.ToLower(bareHost(host)), ".")
	for _, t := range trusted {
		ref, andBelow := strings.CutPrefix(strings.ToLower(bareHost(t)), ".")
		if ascii, err := routing.ASCIIHost(ref); err == nil { // clients write bücher.example as xn--bcher-kva.example
			ref = ascii
		}
		if name != "" && name == ref || andBelow && strings.HasSuffix(name, "."+ref) {
			return true
		}
	}
	return false
}

// bareHost is a host without its port; the brackets of IPv6 stay.
func bareHost(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && strings.IndexByte(host[i:], ']') < 0 {
		return host[:i]
	}
	return host
}
