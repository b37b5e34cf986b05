// Package routing matches URLs to endpoints and builds URLs for endpoints, by the rules of
// Werkzeug 3.1, on which Flask stands. It knows nothing of Carafe and is usable alone: a Map
// holds rules, Map.Find matches a request without allocating, an Adapter (Map.Bind,
// Map.BindRequest) redirects and builds URLs.
//
// # Rules
//
// A rule is a path with variables: <name>, <converter:name>, <converter(arguments):name>.
//
//	rule                        matches                       does not match
//	/                           /                             /a
//	/about                      /about                        /about/, /About
//	/docs/                      /docs/; /docs redirects       /docs/a
//	/users/<name>               /users/bob, /users/é          /users/, /users/a/b
//	/users/<int:id>             /users/7, /users/007          /users/-7, /users/1.5, /users/٣
//	/t/<int(signed=True):n>     /t/-7, /t/7                   /t/+7
//	/y/<int(fixed_digits=4):y>  /y/2024                       /y/24
//	/p/<int(min=1, max=9):n>    /p/5                          /p/0, /p/10
//	/c/<float:x>                /c/1.5                        /c/1, /c/.5, /c/1e5
//	/o/<uuid:id>                /o/3f2504e0-4f89-11d3-…       /o/3f2504e04f89…
//	/l/<any(de, fr):lang>       /l/de                         /l/en
//	/l/<string(length=2):lang>  /l/en                         /l/eng
//	/files/<path:file>          /files/a, /files/a/b.txt      /files/
//	/<path:page>/edit           /a/edit, /a/b/edit            /edit
//	/<year>-<month>.html        /2024-05.html                 /2024.html
//
// The order in which rules are added does not decide. In each segment static text goes before
// variables; among segments with variables, the one with more pieces of static text, then
// with longer ones, then with more variables, then with the narrower converters (int and float
// before the others, path last). If the rest of the path does not fit, or the method, the next
// best is tried. Only between rules of equal weight does the first one added win.
//
// A converter that refuses text of the right form (an int out of its limits) ends the search:
// the path does not exist. The values of a match are string, int, float64, uuid.UUID, or what
// a Converter of the user's makes.
//
// # Answers
//
// Find and Adapter.Match return nil or one of
//
//   - ErrNotFound: 404.
//   - *MethodNotAllowed: 405. Allow is the union of the methods of all rules of the path.
//   - *RequestRedirect: 308, so that method and body are kept: to the path with its slash
//     (/docs → /docs/, unless StrictSlashes is false), without doubled slashes (/a//b → /a/b), to
//     the canonical URL of an Alias or of values that are another rule's Defaults, or to a
//     rule's RedirectTo. The method has to be one that the target takes.
//   - ErrWebsocketMismatch: 400.
//   - whatever a Converter's Parse returned.
//
// # Mistakes
//
// Map.Add refuses what can never work: malformed text, unknown converters, wrong arguments,
// a name given twice, a default that its converter cannot write. Map.Check reports what works
// and cannot be meant: rules that match the same paths, rules that no path leads to. Both
// name the rule's Source, and Check a request that shows the fault.
//
// # The index and gorilla/mux
//
// Find goes by an index that is compiled at the first use. A route of gorilla/mux stands
// behind each rule: see Map.Table, Map.Walk, Rule.When for conditions on headers, queries and
// schemes, and Map.Router with Map.Foreign for routes that are not rules. Options.MuxOnly leaves the
// index out, and gives the same answers.
//
// # Costs
//
// A search visits each state of the index once at most: it takes time linear in the path and
// in the number of variables tried, on any path. A match allocates nothing, unless a converter
// of the user's makes a value or several numbers share a segment; bench/router has the times.
//
// # Unlike Flask
//
//   - <int> and <float> take ASCII digits, and <int> what fits an int64; else there is no match.
//   - More than ten variables in one segment get the values at their own places.
//   - A request for a host that does not belong to the server name matches no rule, not even
//     one for a variable subdomain.
//   - Converter arguments of a type that can never match (<int(abc):n>) are refused when the
//     rule is added.
//   - Regexps of converters are Go's (RE2), in which \d and \w are ASCII; groups do not capture.
//   - Server names in other scripts are lower-cased and encoded, but not normalised (NFKC).
package routing
