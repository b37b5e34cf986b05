// Package routing matches URLs to endpoints and builds URLs for them, as Werkzeug's routing
// does for Flask. It is usable alone, without Carafe.
package routing
