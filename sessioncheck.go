package carafe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// CheckSessionStore tries whether a store keeps what [SessionStore] promises, and returns everything that it does not: for the
// tests of a store of your own. It leaves nothing behind in the store. No update gets lost among writers at work at once,
// for which the stores are all that one store is reached by: several values, or one.
func CheckSessionStore(ctx context.Context, stores ...SessionStore) error {
	key := storeKey(newSessionID())
	check := &storeCheck{ctx: ctx, stores: stores, key: key, expires: time.Now().Add(time.Hour)}
	check.empty()
	check.kept()
	check.refused()
	check.copied()
	check.atOnce()
	check.deleted()
	return errors.Join(check.faults...)
}

type storeCheck struct {
	ctx     context.Context
	stores  []SessionStore
	key     string
	expires time.Time
	faults  []error
}

func (s *storeCheck) first() SessionStore { return s.stores[0] }

func (s *storeCheck) fails(format string, args ...any) {
	s.faults = append(s.faults, fmt.Errorf("session store: "+format, args...))
}

// want compares what every way to the store loads.
func (s *storeCheck) want(when, data string) {
	for i, store := range s.stores {
		got, err := store.Load(s.ctx, s.key)
		if err != nil || string(got) != data || (got == nil) != (data == "") {
			s.fails("%s, Load by store %d gives %q and error %v, want %q", when, i, got, err, data)
		}
	}
}

func (s *storeCheck) update(store SessionStore, change func(old []byte) ([]byte, error)) error {
	return store.Update(s.ctx, s.key, s.expires, change)
}

func (s *storeCheck) empty() {
	s.want("before the first Update", "")
	if err := s.first().Delete(s.ctx, s.key); err != nil {
		s.fails("Delete of what is not there fails: %v", err)
	}
}

func (s *storeCheck) kept() {
	for _, step := range []struct{ old, data string }{{"", "one"}, {"one", "two\x00\xff\r\n"}} {
		err := s.update(s.first(), func(old []byte) ([]byte, error) {
			if string(old) != step.old || (old == nil) != (step.old == "") {
				s.fails("Update gives %q as the old data, want %q", old, step.old)
			}
			return []byte(step.data), nil
		})
		if err != nil {
			s.fails("Update fails: %v", err)
		}
		s.want("after Update", step.data)
	}
}

func (s *storeCheck) refused() {
	stop := errors.New("stop")
	if err := s.update(s.first(), func([]byte) ([]byte, error) { return []byte("x"), stop }); !errors.Is(err, stop) {
		s.fails("Update gives the error %v, want that of its function", err)
	}
	if err := s.update(s.first(), func([]byte) ([]byte, error) { return nil, nil }); err != nil {
		s.fails("Update whose function gives nil fails: %v", err)
	}
	s.want("after updates that change nothing", "two\x00\xff\r\n")
}

func (s *storeCheck) copied() {
	data := []byte("mine")
	if err := s.update(s.first(), func([]byte) ([]byte, error) { return data, nil }); err != nil {
		s.fails("Update fails: %v", err)
	}
	data[0] = 'X'
	if got, err := s.first().Load(s.ctx, s.key); err == nil && len(got) > 0 {
		got[0] = 'Y'
	}
	s.want("after both slices were written to", "mine")
}

// atOnce has writers add a letter each, a number of times.
func (s *storeCheck) atOnce() {
	const writers, times = 8, 10
	var wg sync.WaitGroup
	failed := make([]error, writers)
	for i := range writers {
		wg.Go(func() {
			for range times {
				failed[i] = errors.Join(failed[i], s.update(s.stores[i%len(s.stores)], func(old []byte) ([]byte, error) {
					return append(slices.Clone(old), byte('a'+i)), nil
				}))
			}
		})
	}
	wg.Wait()
	if err := errors.Join(failed...); err != nil {
		s.fails("%d writers at once fail: %v", writers, err)
	}
	got, _ := s.first().Load(s.ctx, s.key)
	for i := range writers {
		letter := string(rune('a' + i))
		if n := strings.Count(strings.TrimPrefix(string(got), "mine"), letter); n != times {
			s.fails("of %d updates of writer %s, %d are left", times, letter, n)
		}
	}
}

func (s *storeCheck) deleted() {
	if err := s.first().Delete(s.ctx, s.key); err != nil {
		s.fails("Delete fails: %v", err)
	}
	s.want("after Delete", "")
}
