package carafe

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// A Guard watches an app's requests for faults that no answer shows: see [App.Guard]. It is for tests and for development: each
// request costs it some microseconds, and one that leaves goroutines behind a look at all of the program's. The zero Guard
// looks for everything, and logs it.
type Guard struct {
	// Report gets each finding, from the goroutine that made it, from the request's, or from one of the guard's: it must be safe for concurrent
	// use. What has the same kind, endpoint and place is reported once. nil means the app's log, at level Warn.
	Report func(GuardFinding)
	// SlowHook is how long a function around the view may take. Zero means 500 ms.
	SlowHook time.Duration
	// Grace is how long the goroutines of a request may go on after it. Zero means 2 s.
	Grace time.Duration
	// Without are kinds that are not looked for.
	Without []GuardKind
	// Judging, if it is not nil, is the number of requests that are over and whose goroutines may still end in time. When it is zero, after
	// Grace at most, all findings are made.
	Judging *atomic.Int64
}

// A GuardKind is what a [Guard] looks for.
type GuardKind string

const (
	// GuardGoroutine is a goroutine that outlives its request: one that the program has started, directly or by a library that runs a
	// function of the program. [Context.Go] starts those that may.
	GuardGoroutine GuardKind = "goroutine"
	// GuardLateWrite is a write for a response that is over: to the writer of an http.Handler or a [Streamer] that has returned, or
	// to that of a request that is over.
	GuardLateWrite GuardKind = "late write"
	// GuardFinishedWriter is any other use of the http.ResponseWriter of a request that is over.
	GuardFinishedWriter GuardKind = "finished writer"
	// GuardUnreadUpload is a file of a form of which a view has answered below 400 without reading it; or a body, neither a form's nor JSON,
	// or a multipart one, of which a view has answered 2xx without reading any.
	GuardUnreadUpload GuardKind = "unread upload"
	// GuardSlowHook is a function around the view that took longer than Guard.SlowHook: before, after and teardown functions, URL value
	// preprocessors, URL defaults, context processors.
	GuardSlowHook GuardKind = "slow hook"
)

// A GuardFinding is one thing that a [Guard] has found.
type GuardFinding struct {
	Kind     GuardKind // what sort of thing it is
	Endpoint string    // "" if no rule matched
	Method   string    // of the request
	Path     string    // likewise
	Site     Site      // the line of the program that did it, as far as one is known
	Message  string    // what, where, and the cure
}

// String is the message.
func (f GuardFinding) String() string { return f.Message }

const (
	defaultSlowHook   = 500 * time.Millisecond
	defaultGuardGrace = 2 * time.Second
)

// Guard has the app's requests watched for goroutines that outlive them, writes after the response, use of a finished
// http.ResponseWriter, uploads that nobody reads, and slow hooks. It is a set-up method; the last call counts. With CARAFE_GUARD=1 in the
// environment an app is guarded from the beginning, and logs what is found; in tests see carafetest.Guard. Without a guard
// nothing is looked for, and a request pays a comparison with nil.
//
// Goroutines are known by a label of package runtime/pprof, which those that a request starts inherit from it, and theirs from them. One that
// sets other labels, with pprof.Do under a context that is none of the request's, is out of sight. What a library keeps for longer on its
// own account, such as the connections of http.Client or of database/sql, is not reported.
//
// Unlike Flask, which has nothing of the kind.
func (a *App) Guard(g Guard) {
	a.setup("Guard", func(Site) error {
		a.guardBy(g)
		return nil
	})
}

// guardFromEnv reads CARAFE_GUARD, which an app that is guarded already does not need.
func (a *App) guardFromEnv() {
	if a.guard == nil && !a.frozen.Load() && switchedOn(os.Getenv("CARAFE_GUARD")) {
		a.guardBy(Guard{})
	}
}

func (a *App) guardBy(settings Guard) {
	if a.guard != nil {
		a.guard.disconnect()
	}
	g := &guard{Guard: settings, app: a, id: uuid.NewString(), told: map[string]bool{}}
	if g.SlowHook == 0 {
		g.SlowHook = defaultSlowHook
	}
	if g.Grace == 0 {
		g.Grace = defaultGuardGrace
	}
	g.disconnect = a.Signals.RequestStarted.Connect(func(ctx context.Context, c *Context) {
		if q := guardedOf(ctx); q != nil {
			q.c.CompareAndSwap(nil, c)
		}
	})
	a.guard = g
	a.tables.Store(nil) // whose functions are not timed yet
}

// guard is an app's Guard at work.
type guard struct {
	Guard
	app        *App
	id         string // makes its labels those of no other guard
	last       atomic.Uint64
	disconnect func() // from the signal that tells the requests' contexts

	mu       sync.Mutex
	told     map[string]bool
	over     []*guardedRequest // requests whose goroutines are not judged yet
	sweeping bool
}

func (g *guard) wants(kind GuardKind) bool { return !slices.Contains(g.Without, kind) }

// guardedRequest is one request.
type guardedRequest struct {
	guard  *guard
	label  string // of its goroutines
	method string
	path   string
	c      atomic.Pointer[Context] // nil until the hooks are run
	writer guardedWriter
	body   *guardedBody // nil if there is none
	ended  time.Time
	looked bool // at who has started its goroutines
}

type guardedKey struct{}

// guardedOf is the request that ctx belongs to, nil if it is none that is guarded.
func guardedOf(ctx context.Context) *guardedRequest {
	q, _ := ctx.Value(guardedKey{}).(*guardedRequest)
	return q
}

// serve has next answer a request under the guard's eyes.
func (g *guard) serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	q := &guardedRequest{guard: g, label: g.id + "-" + strconv.FormatUint(g.last.Add(1), 10), method: printable(r.Method), path: printable(r.URL.Path)}
	q.writer.requestRecord.w, q.writer.q = w, q
	defer g.finish(q)
	ctx := context.WithValue(r.Context(), guardedKey{}, q)
	pprof.Do(ctx, pprof.Labels(guardLabel, q.label), func(ctx context.Context) {
		r = r.WithContext(ctx)
		if r.Body != nil && r.Body != http.NoBody {
			q.body = &guardedBody{ReadCloser: r.Body}
			r.Body = q.body
		}
		next.ServeHTTP(&q.writer, r)
	})
}

// finish is called when the request is over, however it has ended.
func (g *guard) finish(q *guardedRequest) {
	q.writer.over.Store(true)
	if g.wants(GuardUnreadUpload) {
		q.findUnread()
	}
	if g.wants(GuardGoroutine) {
		g.await(q)
	}
}

// subject names the request.
func (q *guardedRequest) subject() string {
	request := q.method + " " + q.path
	if endpoint := q.endpoint(); endpoint != "" {
		return fmt.Sprintf("view %q (%s)", endpoint, request)
	}
	return request
}

func (q *guardedRequest) endpoint() string {
	if c := q.c.Load(); c != nil {
		return c.Endpoint()
	}
	return ""
}

// find reports a finding, of which the message begins with the request and the place.
func (q *guardedRequest) find(kind GuardKind, site Site, message string) {
	if !q.guard.wants(kind) {
		return
	}
	q.guard.tell(GuardFinding{Kind: kind, Endpoint: q.endpoint(), Method: q.method, Path: q.path, Site: site, Message: message})
}

func (g *guard) tell(f GuardFinding) {
	key := fmt.Sprint(f.Kind, "\x00", f.Endpoint, "\x00", f.Site)
	g.mu.Lock()
	known := g.told[key]
	g.told[key] = true
	g.mu.Unlock()
	switch {
	case known:
	case g.Report != nil:
		g.Report(f)
	default:
		g.app.logger().LogAttrs(context.Background(), slog.LevelWarn, "carafe: guard: "+f.Message,
			slog.String("kind", string(f.Kind)), slog.String("endpoint", f.Endpoint), slog.String("at", f.Site.String()))
	}
}

// at is " at site.go:14", "" if the place is not known.
func (s Site) at() string {
	if s.File == "" {
		return ""
	}
	return " at " + s.String()
}

// switchedOn reads a variable of the environment that is a switch.
func switchedOn(value string) bool {
	switch strings.ToLower(value) {
	case "", "0", "false", "no":
		return false
	}
	return true
}
