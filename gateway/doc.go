// Package gateway is WSGI's contract in Go: a server that knows nothing of the application, an application that knows
// nothing of the server, and middleware that is both.
//
// net/http already has such a contract, http.Handler, and this package speaks it on both sides: Handler makes an
// http.Handler of an Application, FromHandler the other way round, and nothing is lost on the way. What the literal form
// adds is what PEP 3333 is about: a request that is plain data under CGI's names, so that CGI, FastCGI and net/http are
// the same to an application, and an answer that middleware can hold before it is sent.
//
// # PEP 3333, section by section
//
// The Application/Framework Side: an Application is called with an Environ and a StartResponse and returns a Body. A
// function is one by ApplicationFunc, a type by its method. An exception is an error that is returned.
//
// The Server/Gateway Side: Handler runs an Application under net/http, RunCGI and FastCGI under a web server, Serve is
// the reference server after wsgiref. CGIProgram is a server's side of CGI. All keep one table of rules, rules_test.go.
//
// Middleware: anything that calls an Application and is one. Middleware turns a func(http.Handler) http.Handler into it.
//
// environ Variables: see Environ. Strings hold bytes, so that the section on Unicode has nothing left to say.
//
// Input and Error Streams: wsgi.input is an io.ReadCloser that ends with the body, and may be read while blocks go out;
// wsgi.errors is an io.Writer.
//
// The start_response() Callable: see StartResponse. Hop-by-hop headers, control characters and a status that is no final
// one are errors. Content-Length is kept: what does not fit is a 500, or breaks the answer off. Unlike PEP 3333, the
// reason phrase is checked and then net/http's is sent, and a tab may stand in a header's value.
//
// Buffering and Streaming: no block is held back; each is flushed before the next is asked for.
//
// The write() Callable: StartResponse returns it, as an io.Writer. It flushes as well.
//
// Error Handling: a second start_response with excInfo replaces an answer of which nothing is out, and returns excInfo if
// something is.
//
// HTTP 1.1 Expect/Continue and Other HTTP Features: net/http's, under it; HEAD, 204 and 304 have no body whatever the
// application yields, and a body is not asked for more than one block of it.
//
// Thread Support: wsgi.multithread, wsgi.multiprocess and wsgi.run_once tell.
//
// Optional Platform-Specific File Handling: File, also under wsgi.file_wrapper, is sent by sendfile where that works.
//
// Server Extension APIs: the keys that begin with "gateway.".
//
// Application Configuration: none. URL Reconstruction: the example of Environ.
//
// # Around the contract
//
// A request's mount point and the scheme and address that a trusted proxy told have no field in *http.Request. They are
// ScriptName, Scheme and RemoteAddr, set by Dispatcher, ShiftPrefix and ProxyFix. Guest fits a router that knows nothing of
// script names into a mount. Keys of an environ that a request has no field for travel in its context. Lint finds what breaks the rules;
// SharedData serves files; Profiler profiles; package middleware has the rest.
package gateway
