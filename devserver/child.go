package devserver

import (
	"context"
	"net"
	"net/http"
)

// A Child is the program's side of the reloader: what its parent has handed to it.
type Child struct{}

// Inherited says whether this process was started by [Watch], and is to serve on its parent's socket.
func Inherited() (*Child, bool) { return nil, false }

// Addr is the address of the socket.
func (c *Child) Addr() net.Addr { return nil }

// Serve tells the parent that the program is ready and serves h with srv's settings, until the parent says that there is a newer
// one, or ctx ends; then it finishes what is in flight, and returns nil.
func (c *Child) Serve(ctx context.Context, srv *http.Server) error { return nil }
