// Package redis keeps Carafe's sessions, and the state of rate limits ([Limits]), in Redis, or what speaks its protocol, so that several
// machines share them:
//
//	app.Sessions = &carafe.ServerSessions{Store: redis.New(goredis.NewClient(&goredis.Options{
//		Addr: "localhost:6379", ContextTimeoutEnabled: true,
//	}))}
//
// It is a module of its own, so that who does not use it does not have its dependencies.
package redis

import (
	"context"
	"errors"
	"fmt"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// A Store is a carafe.SessionStore in Redis. Make it with [New]; it is safe for concurrent use.
//
// Sessions expire by Redis' own clock. Updates of one session at once, from any number of machines, are made one after another by
// WATCH; none is lost. A server that does not answer is an error after Timeout.
type Store struct {
	// Prefix stands before every key. New sets "carafe:session:".
	Prefix string
	// Timeout is how long one operation may take, with all its attempts. New sets 2 s; zero waits as long as the request does.
	//
	// The client must be made with ContextTimeoutEnabled, or its own ReadTimeout (3 s) and retries come on top where a server takes
	// the connection and then says nothing.
	Timeout time.Duration
	// Clock is the app's, if it has one: only how far off the end is counts. nil means time.Now.
	Clock func() time.Time

	client goredis.UniversalClient
}

// New makes a store of a client, which stays the caller's to close.
func New(client goredis.UniversalClient) *Store {
	return &Store{Prefix: "carafe:session:", Timeout: 2 * time.Second, client: client}
}

// Load implements carafe.SessionStore.
func (s *Store) Load(ctx context.Context, key string) ([]byte, error) {
	ctx, cancel := s.within(ctx)
	defer cancel()
	return get(ctx, s.client, s.Prefix+key)
}

// getter is a client, or a transaction.
type getter interface {
	Get(ctx context.Context, key string) *goredis.StringCmd
}

func get(ctx context.Context, client getter, name string) ([]byte, error) {
	data, err := client.Get(ctx, name).Bytes()
	if errors.Is(err, goredis.Nil) {
		return nil, nil
	}
	return data, explained(err)
}

// Update implements carafe.SessionStore.
func (s *Store) Update(ctx context.Context, key string, expires time.Time, change func(old []byte) ([]byte, error)) error {
	ctx, cancel := s.within(ctx)
	defer cancel()
	name := s.Prefix + key
	for {
		err := s.client.Watch(ctx, func(tx *goredis.Tx) error { return s.update(ctx, tx, name, expires, change) }, name)
		if !errors.Is(err, goredis.TxFailedErr) {
			return explained(err)
		}
		if ctx.Err() != nil { // others were faster each time
			return explained(ctx.Err())
		}
	}
}

func (s *Store) update(ctx context.Context, tx *goredis.Tx, name string, expires time.Time, change func(old []byte) ([]byte, error)) error {
	old, err := get(ctx, tx, name)
	if err != nil {
		return err
	}
	data, err := change(old)
	if err != nil || data == nil {
		return err
	}
	_, err = tx.TxPipelined(ctx, func(p goredis.Pipeliner) error {
		p.Set(ctx, name, data, max(expires.Sub(s.now()), time.Millisecond))
		return nil
	})
	return err
}

// Delete implements carafe.SessionStore.
func (s *Store) Delete(ctx context.Context, key string) error {
	ctx, cancel := s.within(ctx)
	defer cancel()
	return explained(s.client.Del(ctx, s.Prefix+key).Err())
}

func (s *Store) now() time.Time {
	if s.Clock != nil {
		return s.Clock()
	}
	return time.Now()
}

func (s *Store) within(ctx context.Context) (context.Context, context.CancelFunc) {
	return within(ctx, s.Timeout)
}

// within is ctx for at most timeout, if that is positive.
func within(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	if timeout <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, timeout)
}

// UnavailableError says that Redis did not answer, or answered with an error.
type UnavailableError struct {
	Err error // of the network or of Redis; never nil
}

// Error says that it is Redis, and what it met.
func (e *UnavailableError) Error() string {
	return fmt.Sprintf("carafe/redis: Redis is unavailable: %v", e.Err)
}

// Unwrap gives Err.
func (e *UnavailableError) Unwrap() error { return e.Err }

// explained tells the errors of the network and of Redis from those of the function given to Update, which pass as they are.
func explained(err error) error {
	var known *UnavailableError
	var server goredis.Error
	var timeout interface{ Timeout() bool }
	switch {
	case err == nil, errors.As(err, &known):
		return err
	case errors.As(err, &server), errors.As(err, &timeout), errors.Is(err, context.DeadlineExceeded), errors.Is(err, goredis.ErrClosed), errors.Is(err, goredis.ErrPoolTimeout):
		return &UnavailableError{err}
	}
	return err
}
