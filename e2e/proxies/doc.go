// Package proxies holds the tests of package server behind real nginx, haproxy and Caddy, and beside a real Gunicorn. They start what is
// installed and skip, with the reason, what is not.
package proxies
