// Package devserver is what a web program is developed under: a reloader that never refuses a request, and the pages that show
// errors. It knows an [net/http.Handler] and a tree of Go source, nothing of Carafe.
//
// # The reloader
//
// Two processes share one listening socket. The parent ([Watch]) owns it, watches the source, builds, and starts the program; the
// child (the same program, in which [Inherited] says so) accepts from the socket and serves. What holds at every moment is:
//
//   - the socket listens from the first moment to the last, so that no connection is refused; what comes while nobody accepts
//     waits in the system's queue;
//   - at most one generation of the program accepts: the old one goes on while the new one is built and started, and stops when the
//     new one has said that it is ready;
//   - a connection that the old one still has is never cut: a request in flight is finished, and one that comes later on a kept-alive
//     connection is passed on to the new one. Only what a handler has hijacked, as for a websocket, ends with the old program: it is
//     the old source that speaks there, and a browser connects anew;
//   - if the newest source cannot be built or started, the program that was running goes on serving, browsers get a page that says
//     what is wrong, and everybody else the answer with the header Carafe-Stale. If there is none, the parent answers itself;
//   - when either process dies, however it dies, the other notices by a pipe that breaks: a child never outlives its parent.
//
// # The debugger
//
// A [Debugger] shows a [Report] of an error: the stack with its source, the chain of causes, and what the framework has to tell.
// It does so to loopback peers that ask for a trusted Host only; what may hold secrets is shown after a PIN.
package devserver
