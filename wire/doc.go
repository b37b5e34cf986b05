// Package wire reads and writes the small grammars of HTTP: options, lists and preferences in header
// fields, entity tags, ranges, cookies, credentials, and the two form encodings.
//
// It knows text and bytes only: no request, no response, no Carafe. What it accepts is what Werkzeug
// accepts, which is laxer than the RFCs, and everything that comes from a client is read in linear time.
// All functions are safe for concurrent use.
//
//	value, params := wire.ParseOptions(`text/html; charset="utf-8"`)   // "text/html", charset=utf-8
//	wire.ParseList(`a, "b, c"`)                                        // a | b, c
//	wire.ParseAccept(wire.MediaTypes, "text/html;q=0.5, */*;q=0.1").Best("application/json", "text/html")
//
// Source: werkzeug.http, werkzeug.datastructures, werkzeug.sansio.multipart.
package wire
