package carafe

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/carafeweb/carafe/signing"
)

// ServerSessions keep sessions in a store on the server; the cookie has only an id of 256 random bits:
//
//	app.Sessions = &carafe.ServerSessions{Store: &carafe.FileStore{Dir: "/var/lib/shop/sessions"}}
//
// The store is given the id's SHA-256, so that who reads the store cannot use what it has. An id that the store does not know is
// never taken over, and [Session.Regenerate] changes it: a session cannot be fixed by whoever planted a cookie.
//
// Requests of one session may run at once. Each changes the names that it has changed, and of two that change the same name the
// later wins; a session that was deleted, or given another id, meanwhile is not brought back by them.
//
// A session ends Config.PermanentSessionLifetime after it was last saved. The cookie's settings are those of signed cookies;
// Config.SecretKey is not needed. The error of a store that fails takes the error road.
type ServerSessions struct {
	// Store keeps the sessions; it must be there.
	Store SessionStore
	// Codec turns the values into what is stored. nil means the types of a signed cookie, [signing.TaggedJSON].
	Codec signing.Codec
	// Name is the cookie's name for a request. nil means Config.SessionCookie.Name.
	Name func(*Context) string
}

// Check says what is missing; it is asked when set-up ends.
func (s *ServerSessions) Check() error {
	if s.Store == nil {
		return errors.New("carafe: ServerSessions.Store is nil: give a store, &carafe.MemoryStore{} or another")
	}
	return nil
}

// A SessionStore keeps data by key until it expires; keys are 64 hexadecimal digits. Its methods are called at once from any
// number of requests, whose contexts they get; one that waits for another machine must give up after a time. [CheckSessionStore]
// tells whether a store does all this.
type SessionStore interface {
	// Load is the data of key, nil if there is none. The slice is the caller's.
	Load(ctx context.Context, key string) ([]byte, error)
	// Update replaces the data of key by what change makes of it, with nobody else's change in between; old is nil if there is
	// none. change may be called again. If it returns nil, nothing is changed. The data may be dropped at expires.
	Update(ctx context.Context, key string, expires time.Time, change func(old []byte) ([]byte, error)) error
	// Delete drops the data of key; that there is none is no error.
	Delete(ctx context.Context, key string) error
}

// storedSession is what a session remembers of its store.
type storedSession struct {
	id   string // in the cookie; "" for one that is not stored yet
	data []byte // as it was opened
}

// errSessionGone ends an update of what was deleted meanwhile.
var errSessionGone = errors.New("the session was deleted meanwhile")

// Open reads the session of the cookie's id.
func (s *ServerSessions) Open(c *Context) (*Session, error) {
	a := c.App()
	fresh := NewSession(nil, true)
	fresh.stored = &storedSession{}
	cookie, err := c.Request.Cookie(a.cookieName(s.Name, c))
	if err != nil || !isSessionID(cookie.Value) {
		return fresh, nil
	}
	data, err := s.Store.Load(c, storeKey(cookie.Value))
	if err != nil {
		return nil, err
	}
	values, ok := s.decode(data, a.now())
	if !ok {
		return fresh, nil
	}
	session := NewSession(values, false)
	session.stored = &storedSession{cookie.Value, data}
	return session, nil
}

// Refresh is true where the cookie may be of a permanent session, which is sent anew with each response.
func (s *ServerSessions) Refresh(c *Context) bool {
	a := c.App()
	if !a.Config.SessionRefreshEachRequest || c.Request.Header["Cookie"] == nil {
		return false
	}
	cookie, err := c.Request.Cookie(a.cookieName(s.Name, c))
	return err == nil && isSessionID(cookie.Value)
}

// Save stores the session, or deletes it, as it asks for.
func (s *ServerSessions) Save(c *Context, session *Session, resp *Response) error {
	a := c.App()
	if session.stored == nil { // made by somebody else's Open
		session.stored = &storedSession{}
	}
	if session.Accessed() {
		resp.varyByCookie()
	}
	switch a.sessionTask(session) {
	case sessionGone:
		if id := session.stored.id; id != "" {
			if err := s.Store.Delete(c, storeKey(id)); err != nil {
				return err
			}
		}
		return a.deleteSessionCookie(c, a.cookieName(s.Name, c), resp)
	case sessionKept:
		return s.keep(c, session, resp)
	}
	return nil
}

// keep stores a session under its id, or a new one.
func (s *ServerSessions) keep(c *Context, session *Session, resp *Response) error {
	a := c.App()
	now := a.now()
	expires := now.Add(a.Config.PermanentSessionLifetime)
	mine, err := s.encode(session.values, expires)
	if err != nil {
		return err
	}
	id := session.stored.id
	if id == "" || session.regenerate {
		id, err = s.create(c, session, mine, now, expires)
	} else {
		err = s.Store.Update(c, storeKey(id), expires, func(latest []byte) ([]byte, error) {
			return s.merged(session, mine, latest, now, expires)
		})
	}
	if errors.Is(err, errSessionGone) {
		return nil // it was logged out, or has another id: neither it nor its cookie comes back
	}
	if err != nil {
		return err
	}
	session.stored = &storedSession{id, mine}
	session.regenerate = false
	return a.setSessionCookie(c, session, resp, a.cookieName(s.Name, c), id, now)
}

// create stores a session under a new id, and forgets the old one. What is under that is first taken away in one step, with what others
// have changed: of two requests that do so at once one finds it gone.
func (s *ServerSessions) create(c *Context, session *Session, mine []byte, now, expires time.Time) (string, error) {
	data, old := mine, session.stored.id
	if old != "" {
		err := s.Store.Update(c, storeKey(old), expires, func(latest []byte) (taken []byte, err error) {
			data, err = s.merged(session, mine, latest, now, expires)
			return []byte{}, err
		})
		if err != nil {
			return "", err
		}
	}
	id := newSessionID()
	err := s.Store.Update(c, storeKey(id), expires, func([]byte) ([]byte, error) { return data, nil })
	if err == nil && old != "" {
		err = s.Store.Delete(c, storeKey(old))
	}
	return id, err
}

// merged is what is stored for a session: mine, unless another request has stored something since it was opened; then that, with
// what this request has changed.
func (s *ServerSessions) merged(session *Session, mine, latest []byte, now, expires time.Time) ([]byte, error) {
	if bytes.Equal(latest, session.stored.data) {
		return mine, nil
	}
	theirs, ok := s.decode(latest, now)
	if !ok {
		return nil, errSessionGone
	}
	before, _ := s.decode(session.stored.data, now)
	for name, value := range session.values {
		if old, had := before[name]; !had || !s.same(old, value) {
			theirs[name] = value
		}
	}
	for name := range before {
		if !session.Has(name) {
			delete(theirs, name)
		}
	}
	return s.encode(theirs, expires)
}

// same compares two values by how they are stored.
func (s *ServerSessions) same(a, b any) bool {
	one, err1 := s.codec().Append(nil, a)
	two, err2 := s.codec().Append(nil, b)
	return err1 == nil && err2 == nil && bytes.Equal(one, two)
}

func (s *ServerSessions) codec() signing.Codec {
	if s.Codec == nil {
		return signing.TaggedJSON{}
	}
	return s.Codec
}

// encode is eight bytes of seconds since 1970, when the data expires, and then the values. The time is ours, so that it is
// told by App.Clock and whatever store keeps it.
func (s *ServerSessions) encode(values map[string]any, expires time.Time) ([]byte, error) {
	data := binary.BigEndian.AppendUint64(make([]byte, 0, 128), uint64(expires.Unix()))
	return s.codec().Append(data, values)
}

// decode reads what encode has written; not ok is expired, broken or not there.
func (s *ServerSessions) decode(data []byte, now time.Time) (values map[string]any, ok bool) {
	if len(data) < 8 || now.Unix() > int64(binary.BigEndian.Uint64(data)) {
		return nil, false
	}
	v, err := s.codec().Decode(data[8:])
	if err != nil {
		return nil, false
	}
	values, ok = v.(map[string]any)
	return maps.Clone(values), ok
}

// newSessionID is 256 random bits in 43 characters.
func newSessionID() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func isSessionID(text string) bool {
	var b [33]byte
	if len(text) != 43 {
		return false
	}
	n, err := base64.RawURLEncoding.Strict().Decode(b[:], []byte(text))
	return err == nil && n == 32
}

// storeKey is what the store knows of an id.
func storeKey(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:])
}

// checkStoreKey is for stores whose keys become file names.
func checkStoreKey(key string) error {
	if b, err := hex.DecodeString(key); err != nil || len(b) != sha256.Size {
		return fmt.Errorf("carafe: %q is no session's key", key)
	}
	return nil
}
