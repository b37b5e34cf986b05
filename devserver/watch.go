package devserver

import (
	"context"
	"errors"
)

// ErrUnsupported means that the platform cannot hand a socket to another process, which the reloader needs: Windows.
var ErrUnsupported = errors.New("devserver: the reloader needs a platform on which a process can inherit a socket; serve without it")

// Watch builds and runs the program, serves it on a socket that stays open whatever happens to the program, and does so anew
// whenever its source changes, until ctx ends; then everything is ended, and it returns nil.
//
// The error is that of the address, or of a project in which there is nothing to build; later faults of the project are shown, not
// returned. The program takes part by serving through [Inherited]; carafe.App.Run does.
func Watch(ctx context.Context, p Project, o Options) error {
	return ErrUnsupported
}
