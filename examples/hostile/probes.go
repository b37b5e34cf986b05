package main

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carafeweb/carafe"
)

// probes see what becomes of what a view keeps, and of views whose client leaves.
type probes struct {
	kept    sync.Map // text by id
	running atomic.Int64
}

// retain keeps a text of the request for longer than the request lasts.
func (s *site) retain(c *carafe.Context, name string) *carafe.Response {
	s.kept.Store(c.Query("id"), name)
	return carafe.Text("kept")
}

// retainContext keeps the whole Context, and reads it when other requests are long under way.
func (s *site) retainContext(c *carafe.Context) *carafe.Response {
	id := c.Query("id")
	time.AfterFunc(300*time.Millisecond, func() { s.kept.Store(id, c.Param("name")) })
	return carafe.Text("kept")
}

func (s *site) retained(c *carafe.Context) *carafe.Response {
	v, _ := s.kept.Load(c.Query("id"))
	text, _ := v.(string)
	return carafe.Text(text)
}

// stream never ends by itself.
func (s *site) stream() any {
	return carafe.Stream(func(yield func([]byte) bool) {
		s.running.Add(1)
		defer s.running.Add(-1)
		for yield([]byte("tick\n")) {
			time.Sleep(10 * time.Millisecond)
		}
	})
}

// wait ends when the client has left.
func (s *site) wait(c *carafe.Context) *carafe.Response {
	s.running.Add(1)
	defer s.running.Add(-1)
	<-c.Done()
	return carafe.Text("left")
}

func (s *site) active() *carafe.Response { return carafe.Text(strconv.FormatInt(s.running.Load(), 10)) }

// background panics in a goroutine. Under the pre-fork server it is a bare one, which no recover can reach: the process dies,
// and another one takes its place. Elsewhere it is started as Carafe's users start them, with Context.Go, whose panic is logged.
func (s *site) background(c *carafe.Context) *carafe.Response {
	fail := func(context.Context) { panic(secretPanic) }
	if s.restarted {
		go fail(c)
		return carafe.Text("started")
	}
	c.Go(fail)
	return carafe.Text("started")
}
