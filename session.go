package carafe

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/carafeweb/carafe/signing"
)

// A Session is what is remembered about a client from one request to the next: values by name. It notes whether
// it was changed; a change inside of a value (a slice in it, say) is not seen, and needs SetModified. It is for one
// goroutine at a time.
//
// Values are those that the session's store can keep: for signed cookies the types of [signing.TaggedJSON].
//
// Source: flask.sessions.SecureCookieSession.
type Session struct {
	values   map[string]any
	fresh    bool
	null     bool
	modified bool
	accessed bool
}

// NewSession makes a session of values, which it keeps; fresh says that the client had none. For those who
// implement [SessionInterface].
func NewSession(values map[string]any, fresh bool) *Session {
	if values == nil {
		values = map[string]any{}
	}
	return &Session{values: values, fresh: fresh}
}

// ErrNoSession is in the panic of a change to the session of an app that cannot keep one.
var ErrNoSession = errors.New("carafe: the session is unavailable because no secret key was set: set Config.SecretKey to something unique and secret")

// change is called before every change.
func (s *Session) change() {
	if s.null {
		panic(ErrNoSession)
	}
	s.modified = true
}

// Get is the value of name, nil if there is none.
func (s *Session) Get(name string) any { return s.values[name] }

// Lookup is Get that says whether there is a value.
func (s *Session) Lookup(name string) (value any, ok bool) {
	value, ok = s.values[name]
	return value, ok
}

// Has says whether name has a value.
func (s *Session) Has(name string) bool { _, ok := s.values[name]; return ok }

// Set gives name a value. It panics with [ErrNoSession] if the app cannot keep sessions, as all changes do.
func (s *Session) Set(name string, value any) {
	s.change()
	s.values[name] = value
}

// SetDefault gives name a value if it has none, and returns the one it has.
func (s *Session) SetDefault(name string, value any) any {
	if old, ok := s.values[name]; ok && !s.null {
		return old
	}
	s.Set(name, value)
	return value
}

// Update gives several names their values.
func (s *Session) Update(values map[string]any) {
	s.change()
	maps.Copy(s.values, values)
}

// Delete removes name; without a value there is no change.
func (s *Session) Delete(name string) { s.Pop(name) }

// Pop removes name and returns the value it had; ok says whether it had one.
func (s *Session) Pop(name string) (value any, ok bool) {
	if s.null {
		panic(ErrNoSession)
	}
	if value, ok = s.values[name]; ok {
		s.change()
		delete(s.values, name)
	}
	return value, ok
}

// Clear removes everything; the client's cookie with it.
func (s *Session) Clear() {
	s.change()
	clear(s.values)
}

// Len is the number of names.
func (s *Session) Len() int { return len(s.values) }

// Keys are the names, sorted.
func (s *Session) Keys() []string { return slices.Sorted(maps.Keys(s.values)) }

// Values is the session's own map: for stores, which must not change it.
func (s *Session) Values() map[string]any { return s.values }

// permanentKey is where Flask keeps the flag.
const permanentKey = "_permanent"

// Permanent says whether the session outlives the browser's.
func (s *Session) Permanent() bool { on, _ := s.values[permanentKey].(bool); return on }

// SetPermanent has the session last for Config.PermanentSessionLifetime.
func (s *Session) SetPermanent(on bool) { s.Set(permanentKey, on) }

// Fresh says that the client had no session before.
func (s *Session) Fresh() bool { return s.fresh }

// Modified says whether the session is to be saved.
func (s *Session) Modified() bool { return s.modified }

// SetModified says so by hand, after a change inside of a value.
func (s *Session) SetModified(on bool) { s.modified = on }

// Accessed says whether the request has looked at the session, so that the response depends on it.
func (s *Session) Accessed() bool { return s.accessed }

// Null says that the app cannot keep sessions.
func (s *Session) Null() bool { return s.null }

// A SessionInterface opens sessions and saves them. It is used by many requests at once.
//
// Source: flask.sessions.SessionInterface.
type SessionInterface interface {
	// Open reads the session of the request, when it is first asked for. nil means that sessions cannot be kept.
	Open(c *Context) (*Session, error)
	// Save writes a session that was opened into the response, after all hooks.
	Save(c *Context, s *Session, resp *Response) error
}

// A SessionRefresher is a SessionInterface that also saves sessions which the request did not ask for.
type SessionRefresher interface {
	// Refresh says whether the request's session must be opened for that.
	Refresh(c *Context) bool
}

// sessionState is the session of a context.
type sessionState struct {
	session *Session
	flashes []FlashMessage
	flashed bool // flashes have been taken out of the session
}

// Session is the client's session, opened when first asked for; the response then varies by cookie. It panics with
// what SessionInterface.Open failed with, so that the error's handlers answer.
//
// Source: flask.session.
func (c *Context) Session() *Session {
	s, err := c.openSession()
	if err != nil {
		panic(err)
	}
	s.accessed = true
	return s
}

func (c *Context) openSession() (*Session, error) {
	m := c.lazy()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.session.session != nil {
		return m.session.session, nil
	}
	s, err := c.App().Sessions.Open(c)
	if err != nil {
		return nil, fmt.Errorf("opening the session: %w", err)
	}
	if s == nil {
		s = NewSession(nil, true)
		s.null = true
	}
	m.session.session = s
	return s, nil
}

// saveSession is a part of step 8.
func (a *App) saveSession(c *Context, resp *Response) error {
	m := c.more.Load()
	if m == nil || m.session.session == nil {
		r, ok := a.Sessions.(SessionRefresher)
		if !ok || !r.Refresh(c) {
			return nil
		}
	}
	s, err := c.openSession()
	if err != nil || s.null {
		return err
	}
	resp.materialize()
	return a.Sessions.Save(c, s, resp)
}

// CookieSessions keep the whole session in a signed cookie, which a Flask app with the same secret key reads and
// writes too. The client can read it, but not change it. The zero value is what an App has by default.
//
// Source: flask.sessions.SecureCookieSessionInterface.
type CookieSessions struct{}

// sessionSigner is the serializer for one set of keys.
type sessionSigner struct {
	keys []Secret
	*signing.Serializer
}

// signer is the serializer for the keys that the config has; nil without a key.
func (a *App) signer() *sessionSigner {
	if a.Config.SecretKey == "" {
		return nil
	}
	last := a.sessionSigner.Load()
	if last != nil && last.keys[0] == a.Config.SecretKey && slices.Equal(last.keys[1:], a.Config.SecretKeyFallbacks) {
		return last
	}
	s := &sessionSigner{keys: append([]Secret{a.Config.SecretKey}, a.Config.SecretKeyFallbacks...)}
	keys := make(signing.Keys, len(s.keys))
	for i, k := range s.keys {
		keys[i] = []byte(k)
	}
	s.Serializer = signing.NewSession(signing.Options{Keys: keys})
	a.sessionSigner.Store(s)
	return s
}

// Open reads the cookie. One that is missing, forged, too old or broken is an empty session.
func (CookieSessions) Open(c *Context) (*Session, error) {
	a := c.App()
	signer := a.signer()
	if signer == nil {
		return nil, nil
	}
	cookie, err := c.Request.Cookie(a.Config.SessionCookie.Name)
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
func (CookieSessions) Refresh(c *Context) bool {
	a := c.App()
	if !a.Config.SessionRefreshEachRequest || a.Config.SecretKey == "" || c.Request.Header["Cookie"] == nil {
		return false
	}
	_, err := c.Request.Cookie(a.Config.SessionCookie.Name)
	return err == nil
}

// Save sets, refreshes or deletes the cookie, as the session asks for it.
func (CookieSessions) Save(c *Context, s *Session, resp *Response) error {
	a := c.App()
	if s.accessed {
		resp.Vary("Cookie")
	}
	if s.Len() == 0 {
		if s.modified {
			resp.Vary("Cookie")
			cookie := a.sessionCookie()
			cookie.Expires, cookie.MaxAge = time.Unix(0, 0), -1
			return resp.addCookie(a, cookie)
		}
		return nil
	}
	if !s.modified && !(s.Permanent() && a.Config.SessionRefreshEachRequest) {
		return nil
	}
	now := a.now()
	value, err := a.signer().Dump(s.values, now)
	if err != nil {
		return fmt.Errorf("saving the session: %w", err)
	}
	resp.Vary("Cookie")
	cookie := a.sessionCookie()
	cookie.Value = value
	if s.Permanent() {
		cookie.Expires = now.Add(a.Config.PermanentSessionLifetime)
	}
	return resp.addCookie(a, cookie)
}

// sessionCookie has the attributes that the config gives it.
func (a *App) sessionCookie() *http.Cookie {
	conf := &a.Config.SessionCookie
	cookie := &http.Cookie{
		Name: conf.Name, Path: conf.Path, Secure: conf.Secure || conf.Partitioned, HttpOnly: conf.HTTPOnly, Partitioned: conf.Partitioned,
	}
	if cookie.Path == "" {
		cookie.Path = a.Config.ApplicationRoot
	}
	cookie.Domain = strings.TrimPrefix(bareHost(conf.Domain), ".")
	switch strings.ToLower(conf.SameSite) {
	case "lax":
		cookie.SameSite = http.SameSiteLaxMode
	case "strict":
		cookie.SameSite = http.SameSiteStrictMode
	case "none":
		cookie.SameSite = http.SameSiteNoneMode
	}
	return cookie
}

// now is the time by the app's clock.
func (a *App) now() time.Time {
	if a.Clock != nil {
		return a.Clock()
	}
	return time.Now()
}

// Flash keeps a message for the next page that shows messages; its category is "message" unless another is given.
//
// Source: flask.flash.
func (c *Context) Flash(msg string, category ...string) {
	m := FlashMessage{Category: "message", Message: msg}
	if len(category) > 0 {
		m.Category = category[0]
	}
	s := c.Session()
	list, _ := s.Get(flashesKey).([]any)
	s.Set(flashesKey, append(slices.Clip(list), signing.Tuple{m.Category, m.Message}))
	c.App().Signals.MessageFlashed.Send(c, m)
}

// flashesKey is where Flask keeps messages.
const flashesKey = "_flashes"

// FlashedMessages takes the messages out of the session and returns those of the categories, all if none is named. Within a
// request it returns the same again; messages flashed after the first call are for the next request.
//
// Source: flask.get_flashed_messages.
func (c *Context) FlashedMessages(categories ...string) []FlashMessage {
	s := c.Session()
	m := c.lazy()
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.session.flashed {
		m.session.flashed = true
		if s.Has(flashesKey) {
			list, _ := s.Pop(flashesKey)
			m.session.flashes = readFlashes(list)
		}
	}
	if len(categories) == 0 {
		return slices.Clone(m.session.flashes)
	}
	return slices.DeleteFunc(slices.Clone(m.session.flashes), func(f FlashMessage) bool { return !slices.Contains(categories, f.Category) })
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
