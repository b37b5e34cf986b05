package carafe

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/carafeweb/carafe/signing"
)

// CookieSessions keep the whole session in a signed cookie, which a Flask app with the same secret key reads and
// writes too. The client can read it, but not change it. The zero value is what an App has by default.
//
// Source: flask.sessions.SecureCookieSessionInterface.
type CookieSessions struct {
	// Name is the cookie's name for a request: several for several parts of a site, say. nil means Config.SessionCookie.Name.
	Name func(*Context) string
	// Signing is how the cookie is written: with types of your own in its Codec, say, or SHA-256. Its Keys are the
	// config's. nil means Flask's way, and then its apps can read the cookie.
	Signing *signing.Options
}

// Check says what is wrong with Signing; it is asked when set-up ends.
func (s CookieSessions) Check() error {
	if s.Signing == nil {
		return nil
	}
	opts := *s.Signing
	opts.Keys = signing.Keys{[]byte("any")}
	return opts.Check()
}

// sessionSigner has the serializers for one set of keys.
type sessionSigner struct {
	keys []Secret
	how  *signing.Options
	csrf *signing.Serializer // for CSRF tokens, as Flask-WTF makes them
	*signing.Serializer
}

// signer is the serializer for the keys that the config has; nil without a key.
func (a *App) signer(how *signing.Options) *sessionSigner {
	if a.Config.SecretKey == "" {
		return nil
	}
	last := a.sessionSigner.Load()
	if last != nil && last.how == how && last.keys[0] == a.Config.SecretKey && slices.Equal(last.keys[1:], a.Config.SecretKeyFallbacks) {
		return last // a few nanoseconds; deriving the keys takes microseconds
	}
	s := &sessionSigner{keys: append([]Secret{a.Config.SecretKey}, a.Config.SecretKeyFallbacks...), how: how}
	keys := make(signing.Keys, 0, len(s.keys))
	for _, k := range s.keys {
		if k != "" { // which Freeze complains of
			keys = append(keys, []byte(k))
		}
	}
	opts := signing.Options{}
	if how != nil {
		opts = *how
	}
	opts.Keys = keys
	s.Serializer = signing.NewSession(opts)
	s.csrf = signing.NewSerializer(signing.Options{Keys: keys, Salt: "wtf-csrf-token"})
	a.sessionSigner.Store(s)
	return s
}

// Open reads the cookie. One that is missing, forged, too old or broken is an empty session.
func (s CookieSessions) Open(c *Context) (*Session, error) {
	a := c.App()
	signer := a.signer(s.Signing)
	if signer == nil {
		return nil, nil
	}
	cookie, err := c.Request.Cookie(a.cookieName(s.Name, c))
	if err != nil {
		return NewSession(nil, true), nil
	}
	v, _, err := signer.Load(cookie.Value, a.Config.PermanentSessionLifetime, a.now())
	values, ok := v.(map[string]any)
	if err != nil || !ok {
		return NewSession(nil, true), nil
	}
	return NewSession(values, false), nil
}

// Refresh is true for a cookie that may hold a permanent session, which is sent anew with each response.
func (s CookieSessions) Refresh(c *Context) bool {
	a := c.App()
	if !a.Config.SessionRefreshEachRequest || a.Config.SecretKey == "" || c.Request.Header["Cookie"] == nil {
		return false
	}
	_, err := c.Request.Cookie(a.cookieName(s.Name, c))
	return err == nil
}

// Save sets, refreshes or deletes the cookie, as the session asks for it.
func (s CookieSessions) Save(c *Context, session *Session, resp *Response) error {
	a := c.App()
	name := a.cookieName(s.Name, c)
	switch a.sessionTask(session) {
	case sessionGone:
		return a.deleteSessionCookie(c, name, resp)
	case sessionKept:
		now := a.now()
		value, err := a.signer(s.Signing).Dump(session.values, now)
		if err != nil {
			return err
		}
		return a.setSessionCookie(c, session, resp, name, value, now)
	}
	if session.Accessed() {
		resp.varyByCookie()
	}
	return nil
}

// sessionTask is what a session asks for when the response is made.
//
// Source: SessionInterface.should_set_cookie.
func (a *App) sessionTask(s *Session) sessionTask {
	switch {
	case s.Len() == 0 && s.modified:
		return sessionGone
	case s.Len() > 0 && (s.modified || s.Permanent() && a.Config.SessionRefreshEachRequest):
		return sessionKept
	}
	return sessionIdle
}

type sessionTask int

const (
	sessionIdle sessionTask = iota // nothing is to be done
	sessionKept                    // the cookie is set
	sessionGone                    // the cookie is deleted
)

// setSessionCookie sends the cookie of a session. The response then varies by cookie, asked for or not (CVE-2023-30861).
func (a *App) setSessionCookie(c *Context, s *Session, resp *Response, name, value string, now time.Time) error {
	resp.varyByCookie()
	cookie := a.sessionCookie(c, name)
	cookie.Value = value
	if s.Permanent() {
		cookie.Expires = now.Add(a.Config.PermanentSessionLifetime)
	}
	return resp.addCookie(cookie, now)
}

// varyByCookie is Vary("Cookie"), which most responses that have a session need alone.
func (resp *Response) varyByCookie() {
	if resp.Header[headerVary] == nil {
		resp.Header[headerVary] = []string{"Cookie"}
		return
	}
	resp.Vary("Cookie")
}

func (a *App) deleteSessionCookie(c *Context, name string, resp *Response) error {
	resp.varyByCookie()
	cookie := a.sessionCookie(c, name)
	cookie.Expires, cookie.MaxAge = time.Unix(0, 0), -1
	return resp.addCookie(cookie, time.Time{})
}

// cookieName asks choose for the session cookie's name, if there is one.
func (a *App) cookieName(choose func(*Context) string, c *Context) string {
	if choose != nil {
		return choose(c)
	}
	return a.Config.SessionCookie.Name
}

// sessionCookie has the attributes that the config gives it.
func (a *App) sessionCookie(c *Context, name string) *http.Cookie {
	conf := &a.Config.SessionCookie
	return &http.Cookie{
		Name: name, Path: a.Config.cookiePath(), Domain: conf.Domain, SameSite: conf.sameSite(),
		Secure: conf.Secure || c.Request.IsSecure(), HttpOnly: conf.HTTPOnly, Partitioned: conf.Partitioned,
	}
}

// now is the time by the app's clock.
func (a *App) now() time.Time {
	if a.Clock != nil {
		return a.Clock()
	}
	return time.Now()
}

// sameSite is the setting as net/http has it. What is none of the names was found at set-up, and gives an error here.
func (s *SessionCookie) sameSite() http.SameSite {
	switch strings.ToLower(s.SameSite) {
	case "":
		return 0
	case "lax":
		return http.SameSiteLaxMode
	case "strict":
		return http.SameSiteStrictMode
	case "none":
		return http.SameSiteNoneMode
	}
	return -1
}
