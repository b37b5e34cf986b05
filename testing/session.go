package carafetest

import (
	"net/http"

	"github.com/carafeweb/carafe"
)

// Session opens the session that the client's next request would have, calls f with it, and keeps what f changes, as a request
// that changed it would have done:
//
//	client.Session(func(s *carafe.Session) { s.Set("user", 7) })
//
// The client must keep cookies, and the app must be able to keep sessions. Nothing is saved if f ends the test.
//
// Source: FlaskClient.session_transaction. Unlike Flask, no context is pushed, so that no teardown function runs.
func (c *Client) Session(f func(s *carafe.Session)) {
	c.t.Helper()
	j := c.withCookies()
	q, err := c.build(http.MethodGet, "/", newPlan(nil))
	if err != nil {
		c.t.Fatalf("Session: %v", err)
	}
	ctx := c.app.TestRequestContext(c.httpRequest(q, c.t.Context()))
	s, err := c.app.Sessions.Open(ctx)
	if err != nil {
		c.t.Fatalf("Session: opening it: %v", err)
	}
	if s == nil || s.Null() {
		c.t.Fatalf("Session backend did not open a session. Set Config.SecretKey, or the app's Sessions")
	}
	f(s)
	resp := &carafe.Response{Header: http.Header{}}
	if err := c.app.Sessions.Save(ctx, s, resp); err != nil {
		c.t.Fatalf("Session: saving it: %v", err)
	}
	j.store(q.hostname(), q.cookiePath(), resp.Header["Set-Cookie"])
}
