// Package carafetest tests an app without a socket: a [Client] calls the app as a server would, keeps its cookies, and
// fails the test, at the line of the call, when an error comes up that nobody answered.
//
//	func TestLogin(t *testing.T) {
//		app := newApp()
//		app.Config.Testing = true
//		client := carafetest.NewClient(t, app)
//		resp := client.Post("/login", carafetest.Form{"name": {"bean"}}, carafetest.FollowRedirects(true))
//		if resp.StatusCode != 200 || resp.Text() != "Hello bean" {
//			t.Errorf("after login: %d %s", resp.StatusCode, resp.Text())
//		}
//	}
//
// What only a socket shows (timeouts, upgrades, pipelining) is for [Serve].
//
// Source: flask.testing.FlaskClient, werkzeug.test.Client.
package carafetest

import (
	"context"
	"net/http"
	"testing"

	"github.com/carafeweb/carafe"
)

// A Client makes requests to an app in the test's goroutine. [NewClient] makes one.
//
// Requests of several goroutines may share it, as long as its fields stay as they are and none fails the test.
type Client struct {
	// Header is sent with every request that does not have a field of that name itself. At first that
	// is User-Agent: carafe/<version>.
	Header http.Header
	// RemoteAddr is where requests come from: an address, or "address:port". At first 127.0.0.1.
	RemoteAddr string

	t          testing.TB
	app        *carafe.App
	jar        *jar // nil if cookies are off
	subdomains bool
}

// An Option says something about a Client: [Cookies], [SubdomainRedirects].
type Option interface{ applyClient(*Client) }

// Cookies(false) makes a client that neither keeps nor sends cookies.
type Cookies bool

// SubdomainRedirects(true) lets redirects to a subdomain of the request's host be followed.
type SubdomainRedirects bool

func (o Cookies) applyClient(c *Client) {
	c.jar = nil
	if o {
		c.jar = &jar{}
	}
}

func (o SubdomainRedirects) applyClient(c *Client) { c.subdomains = bool(o) }

// NewClient makes a client of app for the time of the test. It does not change the app: with Config.Testing errors that nobody
// answers fail the test, without they are a 500 as in production.
//
// Source: Flask.test_client.
func NewClient(t testing.TB, app *carafe.App, opts ...Option) *Client {
	c := &Client{
		Header:     http.Header{"User-Agent": {"carafe/" + carafe.Version}},
		RemoteAddr: "127.0.0.1",
		t:          t,
		app:        app,
		jar:        &jar{},
	}
	for _, o := range opts {
		o.applyClient(c)
	}
	t.Cleanup(watch(app))
	return c
}

// Get makes a GET request. path is as in [Client.Open].
func (c *Client) Get(path string, opts ...RequestOption) *Response {
	c.t.Helper()
	return c.Open(http.MethodGet, path, opts...)
}

// Post makes a POST request.
func (c *Client) Post(path string, opts ...RequestOption) *Response {
	c.t.Helper()
	return c.Open(http.MethodPost, path, opts...)
}

// Put makes a PUT request.
func (c *Client) Put(path string, opts ...RequestOption) *Response {
	c.t.Helper()
	return c.Open(http.MethodPut, path, opts...)
}

// Patch makes a PATCH request.
func (c *Client) Patch(path string, opts ...RequestOption) *Response {
	c.t.Helper()
	return c.Open(http.MethodPatch, path, opts...)
}

// Delete makes a DELETE request.
func (c *Client) Delete(path string, opts ...RequestOption) *Response {
	c.t.Helper()
	return c.Open(http.MethodDelete, path, opts...)
}

// Head makes a HEAD request.
func (c *Client) Head(path string, opts ...RequestOption) *Response {
	c.t.Helper()
	return c.Open(http.MethodHead, path, opts...)
}

// Options makes an OPTIONS request.
func (c *Client) Options(path string, opts ...RequestOption) *Response {
	c.t.Helper()
	return c.Open(http.MethodOptions, path, opts...)
}

// Trace makes a TRACE request.
func (c *Client) Trace(path string, opts ...RequestOption) *Response {
	c.t.Helper()
	return c.Open(http.MethodTrace, path, opts...)
}

// Open makes a request of any method. path is relative to the app's root, "/users?page=2"; what a URL cannot hold is
// percent-encoded. A full URL, "https://example.com/users", also says scheme and host, which are otherwise those of
// Config.PreferredURLScheme and Config.ServerName, or http and localhost.
//
// Options that contradict each other, and a request that fails unexpectedly, fail the test at once.
func (c *Client) Open(method, path string, opts ...RequestOption) *Response {
	c.t.Helper()
	p := newPlan(opts)
	q, err := c.build(method, path, p)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	return c.perform(q, p)
}

// Do serves a prepared request, of http.NewRequest or httptest.NewRequest, as it is: its path is what follows the app's root.
// Only what it lacks is filled in: host, remote address, the client's header, cookies. Of options, those that describe a
// URL or a body cannot be given.
func (c *Client) Do(r *http.Request, opts ...RequestOption) *Response {
	c.t.Helper()
	p := newPlan(opts)
	q, err := c.prepared(r, p)
	if err != nil {
		c.t.Fatalf("%s %s: %v", r.Method, r.URL, err)
	}
	return c.perform(q, p)
}

// NewRequest is the request that Open would make, with the cookies: for App.TestRequestContext.
//
// Source: Flask.test_request_context's arguments.
func (c *Client) NewRequest(method, path string, opts ...RequestOption) *http.Request {
	c.t.Helper()
	p := newPlan(opts)
	q, err := c.build(method, path, p)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	return c.httpRequest(q, c.contextOf(p))
}

func (c *Client) contextOf(p *plan) context.Context {
	if p.ctx != nil {
		return p.ctx
	}
	return c.t.Context()
}

// perform makes the request and those that it is redirected to, if that is wanted.
func (c *Client) perform(q *request, p *plan) *Response {
	c.t.Helper()
	resp := c.exchange(q, p)
	var history []*Response
	seen := map[redirect]bool{}
	for p.follow && isRedirect(resp.StatusCode) && resp.failure() == nil {
		to := redirect{resp.Location(), resp.StatusCode}
		if seen[to] {
			c.t.Fatalf("%s: loop detected: a %d redirect to %s was already made", q, to.status, to.location)
		}
		seen[to] = true
		history = append(history, resp)
		next, err := q.redirected(to, c.subdomains)
		if err != nil {
			c.t.Fatalf("%s: a %d redirect to %q: %v", q, to.status, to.location, err)
		}
		q = next
		resp = c.exchange(q, p)
		resp.History = history
	}
	if err := resp.judge(c.app, p); err != nil {
		c.t.Fatalf("%s: %v", q, err)
	}
	return resp
}

// exchange makes one request.
func (c *Client) exchange(q *request, p *plan) *Response {
	ctx, cancel := context.WithCancel(c.contextOf(p))
	defer cancel() // as a server does when it is done with a request
	ex := &exchange{}
	r := c.httpRequest(q, ex.within(ctx))
	rec := newRecorder(r)
	aborted := ex.serve(c.app, rec, r)
	resp := ex.response(c, rec, r, aborted)
	if c.jar != nil { // also of an answer that fails the test: WantError may expect it
		c.jar.store(q.hostname(), q.cookiePath(), resp.Header["Set-Cookie"])
	}
	return resp
}
