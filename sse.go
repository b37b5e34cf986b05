package carafe

import (
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// An Event is one message of a stream of server-sent events.
//
// Source: the HTML standard, 9.2.
type Event struct {
	ID    string        // what the client sends back as Last-Event-ID when it connects again; "" sends none
	Name  string        // the type that the client listens for; "" means "message"
	Data  string        // may have several lines
	Retry time.Duration // how long the client waits before it connects again; 0 says nothing
}

// Heartbeat is how often a stream of events says something when nothing happens, so that nothing on the way takes it for dead.
const Heartbeat = 15 * time.Second

// Events answers with server-sent events, each sent as soon as it is there. While none is, a comment goes out every
// heartbeat: [Heartbeat] if none is given, never if it is negative. The sequence should end when the Context is done;
// an event whose ID or Name has a line break ends the stream, cut off.
//
//	func news(c *carafe.Context) *carafe.Response {
//		return carafe.Events(func(yield func(carafe.Event) bool) {
//			for {
//				select {
//				case n := <-arrivals:
//					if !yield(carafe.Event{ID: n.ID, Data: n.Text}) {
//						return
//					}
//				case <-c.Done():
//					return
//				}
//			}
//		})
//	}
func Events(seq iter.Seq[Event], heartbeat ...time.Duration) *Response {
	every := Heartbeat
	if len(heartbeat) > 0 {
		every = heartbeat[0]
	}
	return &Response{
		stream: func(w http.ResponseWriter) error { return streamEvents(w, seq, every) },
		Header: http.Header{
			headerType: {"text/event-stream; charset=utf-8"}, headerCacheControl: {"no-cache"},
			"X-Accel-Buffering": {"no"}, // or nginx keeps events to itself
		},
	}
}

// LastEventID is what the client got last before it lost the stream, "" at first.
func (r *Request) LastEventID() string { return r.Header.Get("Last-Event-Id") }

// eventWriter is a connection that events and heartbeats share.
type eventWriter struct {
	mu   sync.Mutex
	w    http.ResponseWriter
	rc   *http.ResponseController
	last time.Time
	err  error
}

func streamEvents(w http.ResponseWriter, seq iter.Seq[Event], heartbeat time.Duration) error {
	out := &eventWriter{w: w, rc: http.NewResponseController(w), last: time.Now()}
	out.write("") // the headers: the client knows that it is connected
	stop := out.beat(heartbeat)
	defer stop()
	for e := range seq {
		text, err := e.text()
		if err != nil {
			return err
		}
		if err := out.write(text); err != nil {
			return err
		}
	}
	return nil
}

func (out *eventWriter) write(text string) error {
	out.mu.Lock()
	defer out.mu.Unlock()
	if out.err == nil && text != "" {
		_, out.err = out.w.Write([]byte(text))
	}
	if out.err == nil {
		if err := out.rc.Flush(); !errors.Is(err, http.ErrNotSupported) {
			out.err = err
		}
	}
	out.last = time.Now()
	return out.err
}

// beat writes a comment whenever nothing was written for so long. What it returns stops that, and waits for the end of it.
func (out *eventWriter) beat(every time.Duration) (stop func()) {
	if every <= 0 {
		return func() {}
	}
	done := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(out.quiet(every)):
			}
			if out.quiet(every) <= 0 && out.write(": \n\n") != nil {
				return
			}
		}
	})
	return func() {
		close(done)
		running.Wait()
	}
}

// quiet is how much of a heartbeat's time is left.
func (out *eventWriter) quiet(every time.Duration) time.Duration {
	out.mu.Lock()
	defer out.mu.Unlock()
	return every - time.Since(out.last)
}

// text is the event as it is sent.
func (e Event) text() (string, error) {
	var b strings.Builder
	for _, f := range [][2]string{{"id", e.ID}, {"event", e.Name}} {
		if strings.ContainsAny(f[1], "\r\n\x00") {
			return "", fmt.Errorf("carafe: the %s %q of an event has a line break or NUL", f[0], f[1])
		}
		if f[1] != "" {
			b.WriteString(f[0] + ": " + f[1] + "\n")
		}
	}
	if e.Retry > 0 {
		b.WriteString("retry: " + strconv.FormatInt(e.Retry.Milliseconds(), 10) + "\n")
	}
	if e.Data != "" || b.Len() == 0 {
		data := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(e.Data)
		for line := range strings.SplitSeq(data, "\n") {
			b.WriteString("data: " + line + "\n")
		}
	}
	b.WriteString("\n")
	return b.String(), nil
}
