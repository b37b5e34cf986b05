package carafe

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// A Session is what is remembered about a client from one request to the next: values by name. It notes whether
// it was changed; a change inside of a value (a slice in it, say) is not seen, and needs SetModified. It is for one
// goroutine at a time.
//
// Values are those that the session's store can keep: for signed cookies the types of [signing.TaggedJSON].
//
// Source: flask.sessions.SecureCookieSession.
type Session struct {
	fresh    bool
	null     bool
	accessed atomic.Bool
	stored   *storedSession // nil unless a store has it

	mu         sync.RWMutex // guards what follows, but for a Save: the session is closed then, and nobody writes
	values     map[string]any
	closed     bool // what is changed now would be lost
	modified   bool
	regenerate bool
	flashed    bool // flashes have been taken out of the values
	flashes    []FlashMessage
}

// NewSession makes a session of values, which it keeps; fresh says that the client had none. For those who
// implement [SessionInterface], once for each request.
func NewSession(values map[string]any, fresh bool) *Session {
	if values == nil {
		values = map[string]any{}
	}
	return &Session{values: values, fresh: fresh}
}

// ErrNoSession is in the panic of a change to the session of an app that cannot keep one.
var ErrNoSession = errors.New("carafe: the session is unavailable because no secret key was set: set Config.SecretKey to something unique and secret")

// ErrSessionSaved is in the panic of a change to a session after it was saved: the response with its cookie is made by then, and the
// change would be lost. Work that outlives the response has to keep what it finds elsewhere.
var ErrSessionSaved = errors.New("carafe: the session was changed after the response was made: it is saved before the body is sent, and " +
	"before teardown functions, streams and the work of Context.Go end; change it in the view or in a hook")

// change has f change the values.
func (s *Session) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open()
	s.modified = true
	f()
}

// open panics if the session cannot be changed; s.mu is held.
func (s *Session) open() {
	switch {
	case s.null:
		panic(ErrNoSession)
	case s.closed:
		panic(ErrSessionSaved)
	}
}

// close ends changes, or, after a response that came to nothing, allows them again for that of the error.
func (s *Session) close(closed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = closed
}

// Get is the value of name, nil if there is none.
func (s *Session) Get(name string) any { value, _ := s.Lookup(name); return value }

// Lookup is Get that says whether there is a value.
func (s *Session) Lookup(name string) (value any, ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	value, ok = s.values[name]
	return value, ok
}

// Has says whether name has a value.
func (s *Session) Has(name string) bool { _, ok := s.Lookup(name); return ok }

// Set gives name a value. It panics with [ErrNoSession] if the app cannot keep sessions, and with [ErrSessionSaved] if the response
// is made, as all changes do.
func (s *Session) Set(name string, value any) {
	s.change(func() { s.values[name] = value })
}

// SetDefault gives name a value if it has none, and returns the one it has.
func (s *Session) SetDefault(name string, value any) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old, ok := s.values[name]; ok && !s.null {
		return old
	}
	s.open()
	s.modified = true
	s.values[name] = value
	return value
}

// Update gives several names their values.
func (s *Session) Update(values map[string]any) {
	s.change(func() { maps.Copy(s.values, values) })
}

// Delete removes name; without a value there is no change.
func (s *Session) Delete(name string) { s.Pop(name) }

// Pop removes name and returns the value it had; ok says whether it had one.
func (s *Session) Pop(name string) (value any, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.null {
		panic(ErrNoSession)
	}
	if value, ok = s.values[name]; ok {
		s.open()
		s.modified = true
		delete(s.values, name)
	}
	return value, ok
}

// Clear removes everything; the client's cookie with it.
func (s *Session) Clear() {
	s.change(func() { clear(s.values) })
}

// Len is the number of names.
func (s *Session) Len() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.values)
}

// Keys are the names, sorted.
func (s *Session) Keys() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Sorted(maps.Keys(s.values))
}

// Values is the session's own map: for a store's Save, when nobody changes it any more, and which must not change it either.
func (s *Session) Values() map[string]any { return s.values }

// permanentKey is where Flask keeps the flag.
const permanentKey = "_permanent"

// Permanent says whether the session outlives the browser's.
func (s *Session) Permanent() bool { on, _ := s.Get(permanentKey).(bool); return on }

// SetPermanent has the session last for Config.PermanentSessionLifetime.
func (s *Session) SetPermanent(on bool) { s.Set(permanentKey, on) }

// Regenerate gives the session another id when it is saved, and has the store forget the old one, so that whoever knew that is
// out: call it when a user logs in or gains rights. CSRF tokens are made anew too. A session in a signed cookie has no
// id; for it the rest holds.
func (s *Session) Regenerate() {
	s.change(func() {
		s.regenerate = true
		delete(s.values, csrfKey)
	})
}

// Fresh says that the client had no session before.
func (s *Session) Fresh() bool { return s.fresh }

// Modified says whether the session is to be saved.
func (s *Session) Modified() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.modified
}

// SetModified says so by hand, after a change inside of a value.
func (s *Session) SetModified(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if on && s.closed {
		panic(ErrSessionSaved)
	}
	s.modified = on
}

// Accessed says whether the request has looked at the session, so that the response depends on it.
func (s *Session) Accessed() bool { return s.accessed.Load() }

// Null says that the app cannot keep sessions.
func (s *Session) Null() bool { return s.null }

// A SessionInterface opens sessions and saves them. It is used by many requests at once.
//
// Source: flask.sessions.SessionInterface.
type SessionInterface interface {
	// Open reads the session of the request, when it is first asked for; the URL has been matched by then. nil means that
	// sessions cannot be kept. It must not ask c for the session.
	Open(c *Context) (*Session, error)
	// Save writes a session that was opened into the response, after all hooks. It is not called for what Open gave as nil. The
	// session is closed by then: its values do not change while they are read, and Save cannot change them either.
	Save(c *Context, s *Session, resp *Response) error
}

// A SessionRefresher is a SessionInterface that also saves sessions which the request did not ask for.
type SessionRefresher interface {
	// Refresh says whether the request's session must be opened for that.
	Refresh(c *Context) bool
}

// sessionState is the session of a context.
type sessionState struct {
	mu      sync.Mutex
	session *Session
	err     error // why it could not be opened
	failed  bool  // it could not be saved
	closed  bool  // the response is made: what is opened now is only to be read
}

// Session is the client's session, opened when first asked for; the response then varies by cookie. It panics with
// what SessionInterface.Open failed with, which is answered and logged like an error that the view returns: by the handlers of its
// type, else by a 500, and without a stack. Unlike Flask, which opens the session of every request, so that a store that is gone takes
// all pages with it.
//
// Source: flask.session.
func (c *Context) Session() *Session {
	s, err := c.openSession()
	if err != nil {
		panic(err)
	}
	s.accessed.Store(true)
	return s
}

// A sessionError is why a session could not be opened. Session panics with it since it can return none, but a store that is away is
// no fault of the code that asks: on the error road it is an error, without a stack.
type sessionError struct{ err error }

func (e *sessionError) Error() string { return "opening the session: " + e.err.Error() }

func (e *sessionError) Unwrap() error { return e.err }

func (c *Context) openSession() (*Session, error) {
	st := &c.lazy().session
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.session != nil || st.err != nil {
		return st.session, st.err
	}
	s, err := c.App().Sessions.Open(c)
	if err != nil {
		st.err = &sessionError{err}
		return nil, st.err
	}
	if s == nil {
		s = NewSession(nil, true)
		s.null = true
	}
	s.closed = st.closed
	st.session = s
	return s, nil
}

// saveSession is a part of step 8. The error takes the error road, since a page that says "saved" must not go out when nothing
// was; the page that goes out instead has all its headers.
//
// Unlike Flask, which tries again for the page of that error, fails again, and drops what the hooks then made of it.
func (a *App) saveSession(c *Context, resp *Response) error {
	err := a.storeSession(c, resp)
	a.warnLargeCookies(c, resp)
	return err
}

func (a *App) storeSession(c *Context, resp *Response) error {
	s, err := c.closeSession()
	if s == nil && err == nil && a.refreshes(c) {
		if s, err = c.openSession(); err != nil {
			a.LogError(c, err) // nobody asked for the session: the response is as good without
			return nil
		}
		s.close(true)
	}
	if s == nil || s.null {
		return nil
	}
	st := &c.more.Load().session
	if st.failed {
		return nil
	}
	resp.materialize()
	st.failed = true // also if Save panics
	if err := a.Sessions.Save(c, s, resp); err != nil {
		return fmt.Errorf("saving the session: %w", err)
	}
	st.failed = false
	return nil
}

// closeSession ends changes to the session, and returns what has come of opening it; both are nil if nobody has asked for it.
func (c *Context) closeSession() (*Session, error) {
	m := c.more.Load()
	if m == nil {
		return nil, nil
	}
	st := &m.session
	st.mu.Lock()
	defer st.mu.Unlock()
	st.closed = true
	if st.session != nil {
		st.session.close(true)
	}
	return st.session, st.err
}

// reopenSession takes closeSession back, for the page of an error: its hooks may flash what they like.
func (c *Context) reopenSession() {
	m := c.more.Load()
	if m == nil {
		return
	}
	st := &m.session
	st.mu.Lock()
	defer st.mu.Unlock()
	st.closed = false
	if st.session != nil {
		st.session.close(false)
	}
}

// openedSession is the session if somebody has opened it, else nil.
func (c *Context) openedSession() *Session {
	st := &c.lazy().session
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.session
}
