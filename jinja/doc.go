// Package jinja is a Jinja2 engine: the templates folder of a Flask application works as it is, and
// renders the same bytes.
//
//	env, err := jinja.New(jinja.Options{Loader: jinja.FS{Files: os.DirFS("templates")}})
//	tmpl, err := env.Template("page.html")
//	page, err := tmpl.Render(map[string]any{"user": user})
//
// A template is compiled once into closures: names become slots, constants are folded and escaped,
// filters and blocks are bound. A render runs the closures into one buffer and allocates little more
// than its output. [Environment] and [Template] are safe for concurrent use; what a render is given
// is read while it runs.
//
// # The language
//
// All of Jinja2 3.1.6: statements, expressions, filters, tests and globals, with the extensions do,
// loopcontrols and i18n. The measure is the real one: its behaviour is recorded in
// testdata/oracle, and the tests hold this package to it. docs/templates.md lists what differs on
// purpose, and why.
//
// # Safety
//
// What is printed is escaped in templates named .html, .htm, .xml, .xhtml or .svg, and in those made
// from strings. [Markup], which is html/template's HTML, is printed as it is; operations on it
// escape what is put into it. A template reaches what it is given and nothing else: exported fields
// and methods of Go values, and no dunder names. Recursion, loops, output and nesting are bounded
// ([Limits]), and every failure is an [*Error] with template, line, expression and source line.
//
// # Go values
//
// A template sees
//
//	nil, nil pointers               none
//	bool, numbers, string kinds     bool, int (of any size), float, str
//	template.HTML, HTMLer           safe HTML
//	[]byte                          bytes
//	slices, arrays                  a list, read where it is; not changed
//	maps                            a dict in the order of its sorted keys; not changed
//	*List, *Tuple, *Dict            list, tuple and ordered dict that templates may change
//	structs, pointers to them       an object: fields and methods, see below
//	time.Time                       a datetime: strftime, isoformat, year, + and -
//	functions, methods              callables; a second result error ends the render
//	iter.Seq, iter.Seq2             an iterator, of pairs for Seq2; begun anew whenever the name is read
//	channels                        a one-shot iterator
//	Attributer, Truther             what they answer
//	error, Stringer, TextMarshaler  an object that prints so
//
// x.name finds, the first that is there: the exported field or method of that very name; the field
// whose carafe or json tag says name; the field, then the method, whose name in snake case it is
// (user_id finds UserID, html_body HTMLBody). A method is called with parentheses, as in Python.
package jinja
