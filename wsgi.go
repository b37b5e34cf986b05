package carafe

import "github.com/carafeweb/carafe/gateway"

// WSGI is the App as the literal contract calls it, once per request: Flask's wsgi_app(environ, start_response). The whole
// walk runs, and what middleware has put around [App.Gateway] with it, before WSGI returns.
//
// The answer goes out through start's writer, PEP 3333's write(), as the app writes and flushes it; the Body is empty, and never
// nil. So middleware that rewrites blocks has to wrap that writer too. Trailers, early hints, hijacking and sendfile reach the
// server's own writer, as [gateway.FromHandler] says. The error is one that no handler could answer: env describes no
// request, start refused, or the connection is somebody else's now (http.ErrHijacked). A panic of http.ErrAbortHandler
// means that the answer broke off. Safe for concurrent use.
//
// Source: Flask.wsgi_app; PEP 3333, "The Application/Framework Side".
func (a *App) WSGI(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
	_, err := gateway.FromHandler(a).ServeGateway(env, start)
	return gateway.List(nil), err
}

// ServeGateway is WSGI under the name that makes App a gateway.Application.
func (a *App) ServeGateway(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
	return a.WSGI(env, start)
}
