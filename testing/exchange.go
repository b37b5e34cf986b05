package carafetest

import (
	"context"
	"errors"
	"net/http"
	"sync"

	"github.com/carafeweb/carafe"
)

// An exchange is what is seen of one request while the app serves it. It travels in the request's context; the app's
// signals find it there. The response is a copy, so that what goroutines of the request do later does not show.
type exchange struct {
	mu        sync.Mutex
	context   *carafe.Context
	unhandled error   // what no handler answered
	caught    []error // what the app would not answer, as it is testing
	torn      error   // what the teardown functions were told
}

type exchangeKey struct{}

// watch has the app's signals tell the exchanges of its requests.
func watch(app *carafe.App) (stop func()) {
	stops := []func(){
		app.Signals.RequestStarted.Connect(func(ctx context.Context, c *carafe.Context) {
			see(ctx, func(ex *exchange) { ex.meet(c) })
		}),
		app.Signals.GotRequestException.Connect(func(ctx context.Context, e carafe.RequestError) {
			see(ctx, func(ex *exchange) {
				if ex.meet(e.Context) {
					ex.unhandled = e.Err
				}
			})
		}),
		app.Signals.RequestTearingDown.Connect(func(ctx context.Context, e carafe.RequestError) {
			see(ctx, func(ex *exchange) {
				if ex.context == e.Context {
					ex.torn = e.Err
				}
			})
		}),
	}
	return func() {
		for _, stop := range stops {
			stop()
		}
	}
}

func see(ctx context.Context, f func(*exchange)) {
	ex, ok := ctx.Value(exchangeKey{}).(*exchange)
	if !ok {
		return
	}
	ex.mu.Lock()
	defer ex.mu.Unlock()
	f(ex)
}

// meet keeps the first context, and says whether c is that: a view may make requests of its own to the app.
func (ex *exchange) meet(c *carafe.Context) bool {
	if ex.context == nil {
		ex.context = c
	}
	return ex.context == c
}

// within is ctx with the exchange in it.
func (ex *exchange) within(ctx context.Context) context.Context {
	ctx = context.WithValue(ctx, exchangeKey{}, ex)
	return carafe.CatchErrors(ctx, func(err error) {
		see(ctx, func(ex *exchange) { ex.caught = append(ex.caught, err) })
	})
}

// serve has h answer. A panic of http.ErrAbortHandler breaks the connection off; any other is the test's.
func (ex *exchange) serve(h http.Handler, w http.ResponseWriter, r *http.Request) (aborted bool) {
	defer func() {
		v := recover()
		if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			aborted = true
		} else if v != nil {
			panic(v)
		}
	}()
	h.ServeHTTP(w, r)
	return false
}

// response is what came of it.
func (ex *exchange) response(c *Client, rec *recorder, r *http.Request, aborted bool) *Response {
	ex.mu.Lock()
	defer ex.mu.Unlock()
	resp := rec.response()
	resp.Request, resp.context, resp.json, resp.t = r, ex.context, c.app.JSON, c.t
	resp.Err = ex.unhandled
	if len(ex.caught) > 0 {
		resp.propagated = true
		if resp.Err = ex.caught[0]; len(ex.caught) > 1 {
			resp.Err = errors.Join(ex.caught...)
		}
	}
	switch {
	case aborted && ex.torn != nil && ex.unhandled == nil:
		resp.StreamErr = ex.torn
	case aborted:
		resp.StreamErr = http.ErrAbortHandler
	}
	return resp
}
