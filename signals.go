package carafe

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
)

// A Signal tells its receivers that something happened; they cannot change the outcome. The zero Signal is ready,
// and costs one atomic load to send while nobody listens. It is safe for concurrent use.
//
// Source: blinker.Signal, flask.signals.
type Signal[T any] struct {
	mu        sync.Mutex
	last      int
	receivers atomic.Pointer[[]receiver[T]]
}

type receiver[T any] struct {
	id int
	f  func(context.Context, T)
}

// Connect adds a receiver, which is called in the sender's goroutine, after those connected before it. disconnect
// takes it away again; calling it twice does no harm.
func (s *Signal[T]) Connect(f func(ctx context.Context, event T)) (disconnect func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	id := s.last
	s.change(func(list []receiver[T]) []receiver[T] { return append(list, receiver[T]{id, f}) })
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.change(func(list []receiver[T]) []receiver[T] {
			return slices.DeleteFunc(list, func(r receiver[T]) bool { return r.id == id })
		})
	}
}

// ConnectFrom is Connect for what is sent within app only: for a signal of your own that several apps send.
//
// Source: blinker's sender, Signal.connected_to.
func (s *Signal[T]) ConnectFrom(app *App, f func(ctx context.Context, event T)) (disconnect func()) {
	return s.Connect(func(ctx context.Context, event T) {
		if CurrentApp(ctx) == app {
			f(ctx, event)
		}
	})
}

// change replaces the list by an edited copy; s.mu is held.
func (s *Signal[T]) change(edit func([]receiver[T]) []receiver[T]) {
	var list []receiver[T]
	if p := s.receivers.Load(); p != nil {
		list = slices.Clone(*p)
	}
	list = edit(list)
	if len(list) == 0 {
		s.receivers.Store(nil)
		return
	}
	s.receivers.Store(&list)
}

// Receivers says whether anybody listens, so that an event that is costly to make need not be.
func (s *Signal[T]) Receivers() bool { return s.receivers.Load() != nil }

// Send calls every receiver with the event. A panic of one reaches the caller.
func (s *Signal[T]) Send(ctx context.Context, event T) {
	if list := s.receivers.Load(); list != nil {
		for _, r := range *list {
			r.f(ctx, event)
		}
	}
}

// Signals are what an App tells of itself. A signal of your own is a variable:
//
//	var OrderPlaced carafe.Signal[Order]
//
// The sender is the App: each App has its own.
type Signals struct {
	AppContextPushed      Signal[*AppContext]     // an app context was opened
	AppContextTearingDown Signal[AppTeardown]     // after its teardown functions
	AppContextPopped      Signal[*AppContext]     // it was closed
	RequestStarted        Signal[*Context]        // before preprocessors and before functions
	RequestFinished       Signal[RequestFinished] // after the after functions, before the response is written
	GotRequestException   Signal[RequestError]    // nobody answered an error
	RequestTearingDown    Signal[RequestError]    // after the request's teardown functions; Err may be nil
	BeforeRenderTemplate  Signal[TemplateRender]  // the data may still be changed
	TemplateRendered      Signal[TemplateRender]  // after the last byte
	MessageFlashed        Signal[FlashMessage]    // after the message was stored
}

// AppTeardown is the event of AppContextTearingDown.
type AppTeardown struct {
	AppContext *AppContext // that ends
	Err        error       // what no handler answered; nil means nothing
}

// RequestFinished is the event of the signal of that name.
type RequestFinished struct {
	Context  *Context  // the request's
	Response *Response // what will be written
}

// RequestError is the event of GotRequestException and RequestTearingDown.
type RequestError struct {
	Context *Context // the request's
	Err     error    // nil means nothing, in RequestTearingDown
}

// TemplateRender is the event around a rendering.
type TemplateRender struct {
	Context  *Context       // nil outside of a request
	Template string         // its name; "" for one made from a string
	Data     map[string]any // what the template sees by name; read it only
}

// FlashMessage is a message for the next page.
type FlashMessage struct {
	Category string // "message" unless another was given
	Message  any    // nearly always a string
}
