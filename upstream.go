package carafe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/carafeweb/carafe/gateway"
	"github.com/carafeweb/carafe/routing"
	"github.com/carafeweb/carafe/wire"
)

// UpstreamTimeout is how long the server behind [App.Upstream] may take until its answer begins; the answer itself may take as
// long as it likes. Zero means 60 s, negative, for ever.
type UpstreamTimeout time.Duration

// An upstream is the server that answers what the app does not.
type upstream struct {
	url   *url.URL
	proxy httputil.ReverseProxy // a template: each request has a copy
}

// Upstream has another server answer every request that neither a rule nor [App.Router] takes: the path is unknown, or the rules
// of the path do not have the method. It is for moving a running application to Carafe one route at a time:
//
//	app.Get("/", index)                     // ported
//	app.Upstream("http://127.0.0.1:5001")   // Flask has the rest
//
// target is "http://host:port" or https, perhaps with a path, which goes before that of the request. What is a rule's, but for a
// slash, is redirected as ever. The folder of static files counts as a rule too: give one of the two apps another Static.Path.
//
// The server is sent the request as it came: method, path below the script root with its encoding, query, Host, cookies, a body
// of any size. What X-Forwarded-For, -Proto, -Host, -Prefix (the script root; left out at the root) or Forwarded said before is
// replaced by what Carafe knows, one value each, for Werkzeug's ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1, x_prefix=1).
// Headers with an underscore in their name are left out, all of them, as nginx does: in WSGI X_Forwarded_For is the same name as
// X-Forwarded-For.
//
// The answer is passed on as it comes, streams, trailers and upgraded connections (websockets) included. None of the app's hooks run, and
// no CSRF check, session or limit on the size of bodies stands between: what the server answers is its own affair. Signals are sent.
// A preflight of CORS for a method that the rules of the path do not have is the server's too. For any other OPTIONS that the app answers
// by itself the server is asked as well, and Allow has the methods of both; so has a 405 that comes from the server.
//
// Connections are kept for a second, less than the two of Gunicorn, and only for GET, HEAD, OPTIONS and TRACE without a body, which can
// be sent again if the server closes the connection just then. Anything else has a connection of its own.
//
// A server that cannot be reached, or breaks off before its answer, is a 502, one that takes too long a 504, with the app's
// error handlers; the log says what to do. An answer that breaks off later breaks the client's connection too. A client whose body breaks
// off is told 400, one whose body comes slower than Config.BodyTimeout and BodyMinRate allow 408.
//
// It is told during set-up, once. It is safe to tell several apps of one server.
func (a *App) Upstream(target string, timeout ...UpstreamTimeout) {
	a.setup("Upstream", func(Site) error {
		if a.upstream != nil {
			return fmt.Errorf("Upstream(%q): what no rule takes goes to %s already: there can be one", target, a.upstream)
		}
		u, err := newUpstream(target, timeout)
		a.upstream = u
		return err
	})
}

func newUpstream(target string, timeout []UpstreamTimeout) (*upstream, error) {
	u, err := url.Parse(target)
	switch {
	case err != nil:
		return nil, fmt.Errorf("Upstream(%q): %w", target, err)
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, fmt.Errorf("Upstream(%q): give a URL like http://127.0.0.1:5001", target)
	case u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return nil, fmt.Errorf("Upstream(%q): give scheme, host and path alone, no user, query or fragment", u.Redacted())
	}
	wait := time.Minute
	if len(timeout) > 0 && timeout[0] != 0 {
		wait = max(0, time.Duration(timeout[0]))
	}
	up := &upstream{url: u}
	up.proxy = httputil.ReverseProxy{Rewrite: up.rewrite, Transport: newUpstreamTransport(wait), ErrorLog: log.New(io.Discard, "", 0)}
	return up, nil
}

// An upstreamTransport keeps connections for what net/http sends again when the server has closed one that was idle. Nothing else may meet
// such a connection: whether the server has begun to do it, nobody knows.
type upstreamTransport struct{ kept, fresh *http.Transport }

func newUpstreamTransport(wait time.Duration) *upstreamTransport {
	t := &upstreamTransport{kept: &http.Transport{
		DialContext:           (&net.Dialer{Timeout: min(wait, 10*time.Second)}).DialContext,
		ResponseHeaderTimeout: wait,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
		IdleConnTimeout:       time.Second, // Gunicorn's keepalive is 2 s
		MaxIdleConnsPerHost:   64,
		DisableCompression:    true, // the body is the client's, as it is
	}}
	t.fresh = t.kept.Clone()
	t.fresh.DisableKeepAlives = true
	return t
}

// RoundTrip is http.RoundTripper's.
func (t *upstreamTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil || r.Body == http.NoBody {
		switch r.Method {
		case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
			return t.kept.RoundTrip(r)
		}
	}
	return t.fresh.RoundTrip(r)
}

func (u *upstream) String() string { return u.url.String() }

// rewrite makes the request for the server. What a client says of itself in X-Forwarded-… has been taken out by then, but for those
// headers that net/http does not know.
func (u *upstream) rewrite(pr *httputil.ProxyRequest) {
	in, out := pr.In, pr.Out
	pr.SetURL(u.url)
	out.URL.RawQuery = in.URL.RawQuery // also what Go cannot read
	out.Host = in.Host
	for _, name := range []string{"X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Server", "X-Forwarded-Ssl", "X-Real-Ip"} {
		out.Header.Del(name)
	}
	for name := range out.Header {
		if strings.Contains(name, "_") { // WSGI cannot tell it from the name with a dash
			delete(out.Header, name)
		}
	}
	if addr := gateway.RemoteAddr(in); addr != "" {
		out.Header.Set("X-Forwarded-For", addr)
	}
	out.Header.Set("X-Forwarded-Proto", gateway.Scheme(in))
	out.Header.Set("X-Forwarded-Host", in.Host)
	if root := scriptRoot(gateway.ScriptName(in)); root != "" {
		out.Header.Set("X-Forwarded-Prefix", percentEncode(root, pathSafe))
	}
}

// takes says whether a request that no rule answers, for the reason missed, is the server's. Redirects and refused hosts are not.
func (u *upstream) takes(missed error) bool {
	if u == nil {
		return false
	}
	var refused *routing.MethodNotAllowed
	return missed == routing.ErrNotFound || missed == routing.ErrWebsocketMismatch || errors.As(missed, &refused)
}

// route is the route of a request that is passed on: of all that the app has around its own, the error handlers.
func (u *upstream) route(a *App) *route {
	return &route{rule: &routing.Rule{}, given: u.pass, csrf: CSRFOff, chain: &chain{handlers: a.compiled().own.handlers}, view: u.pass}
}

// pass is the view. The server's answer goes to the client as it comes, past make_response.
func (u *upstream) pass(c *Context) (result, error) {
	if c.w == nil {
		return result{}, errors.New("carafe: a request that is passed on to an upstream needs a client")
	}
	r := c.Request.WithContext(c)
	if strings.ContainsFunc(r.Header.Get("Upgrade"), func(r rune) bool { return r < ' ' || r > '~' }) {
		return result{}, &HTTPError{Code: http.StatusBadRequest}
	}
	x := &exchange{c: c, upstream: u}
	if r.Body != nil && r.Body != http.NoBody {
		x.body = newUpstreamBody(r.Body)
		r.Body = x.body
		defer x.body.end()
	}
	proxy := u.proxy
	proxy.ErrorHandler = func(_ http.ResponseWriter, _ *http.Request, err error) { x.failed = err }
	proxy.ModifyResponse = x.answered
	proxy.ServeHTTP(c.w, r)
	if x.failed != nil {
		return result{}, x.explained(x.failed)
	}
	c.sent = true
	return result{body: &Response{sent: true}}, nil
}

// takesPreflight says whether an OPTIONS that the matched route would answer by itself asks, for CORS, about a method that is the server's.
// The answer to that is in headers that only the server knows.
func (u *upstream) takesPreflight(c *Context) bool {
	if u == nil || !c.route.automatic || c.Request.Method != http.MethodOptions {
		return false
	}
	method := c.Request.Header.Get("Access-Control-Request-Method")
	if method == "" {
		return false
	}
	allowed := c.app.app.allowedMethods(c)
	return allowed != nil && !slices.Contains(allowed, method)
}

// allowsTime is how long the server is waited for that is asked which methods it has: the answer is the app's own.
const allowsTime = 2 * time.Second

// allows are the methods that the server has for the path, as it answers OPTIONS; none if it does not know the path, or does not say so
// at once: then what the app knows is all there is to say. A preflight is for one method, which is a rule's if it comes here, and asks for no list.
func (u *upstream) allows(c *Context) (methods []string) {
	if c.w == nil || c.Request.Header.Get("Access-Control-Request-Method") != "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(c, allowsTime)
	defer cancel()
	r := c.Request.Clone(ctx)
	r.Body, r.ContentLength, r.TransferEncoding = http.NoBody, 0, nil
	r.Header.Del("Upgrade")
	proxy := u.proxy
	proxy.ErrorHandler = func(http.ResponseWriter, *http.Request, error) {}
	proxy.ModifyResponse = func(answer *http.Response) error {
		if answer.StatusCode >= 200 && answer.StatusCode <= 299 {
			methods = methodsOf(answer.Header)
		}
		_ = answer.Body.Close() // which may be long in coming
		answer.Body = http.NoBody
		return nil
	}
	proxy.ServeHTTP(nowhere{http.Header{}}, r)
	return methods
}

// methodsOf are the methods in Allow.
func methodsOf(h http.Header) []string {
	return wire.ParseList(strings.Join(h[headerAllow], ","))
}

// nowhere is a writer of an answer that nobody wants.
type nowhere struct{ header http.Header }

func (w nowhere) Header() http.Header { return w.header }

func (w nowhere) WriteHeader(int) {}

func (w nowhere) Write(p []byte) (int, error) { return len(p), nil }

func portOf(u *url.URL) string {
	if port := u.Port(); port != "" {
		return port
	}
	if u.Scheme == "https" {
		return "443"
	}
	return "80"
}
