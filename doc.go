/*
Package carafe is a micro web framework for Go, modelled on the internals of Flask.

	app := carafe.New("hello")
	app.Route("/", func() string { return "Hello, World!" })
	app.Route("/users/<int:id>", func(c *carafe.Context, id int) (User, error) { return find(c, id) })
	app.Run()

An [App] is an [http.Handler]. Views return what they have to say, as text, bytes, a struct for JSON, a
[Response] or an error, and one function turns it into a response.

# The walk

A request goes through the app in ten steps. [App.ServeHTTP] calls [App.Gateway], which middleware may have
wrapped; what it comes to is the method handle in app.go, where the steps are numbered. The files of this package are
read in the same order: app.go, context.go, matching.go, hooks.go, views.go, errorhandling.go, makeresponse.go, response.go, teardown.go.

 1. make the Context, and push it: the app context, then the request's
 2. match the URL; a miss, a 405 or a redirect is kept, not raised
 3. before-first-request functions, once per App
 4. signal RequestStarted, URL value preprocessors, before-request functions
 5. raise the kept routing error, or answer OPTIONS, or call the view
 6. an error: its handlers; if nobody answers it, 500 and its handlers
 7. make_response turns the result into a Response
 8. after-request functions, then the session is saved, signal RequestFinished
 9. write the response
 10. teardown-request and teardown-app-context functions, all of them, and pop

docs/lifecycle.md tells the same with what happens when something fails on the way.

# Views

A view is any function of this shape, checked when its route is added:

	func([c *carafe.Context,] [variables…,] [struct]) (body [, int] [, http.Header] [, error])

The first parameter may also be a [context.Context]. The variables are those of the rule in its order, each of the type its
converter yields: all of them, or none and [Context.Param]. The struct, or pointer to one, is filled from the request
and validated. An [http.Handler], or a func(http.ResponseWriter, *http.Request), is a view too, and so is
a value whose methods Get, Post … are views ([PerRequest] makes one for each request).

# Two states

During set-up the App is told what to do; a fault there panics with a [*SetupError] that names the place in your source and the
cure. The first request, or [App.Freeze], ends it. While serving, errors are values on one road: returned,
or panicked with ([Abort] works both ways), they come to the handlers of [Scaffold.ErrorHandler] and [OnError].
The process never dies of one, and the client never sees its text.

# Contexts

A [Context] is a [context.Context]: pass it on, and [CurrentContext] and [CurrentApp] find their way back from any context
that was derived from it. It is never reused; a goroutine may keep it. [AppContext] does the same without a request.
*/
package carafe
