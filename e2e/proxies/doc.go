// Package proxies holds the tests of package server behind real nginx and haproxy, and beside a real Gunicorn. They start what is
// installed and skip, with the reason, what is not.
package proxies
