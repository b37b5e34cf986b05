package cli

import (
	"context"

	"github.com/carafeweb/carafe/server"
)

// serveTarget serves the program that args begin with; what follows is the program's own.
func serveTarget(s *session, all *serverFlags, args []string) error {
	t, err := findTarget(first(args))
	if err != nil {
		return err
	}
	if err := t.build(s.ctx); err != nil {
		return err
	}
	cfg, err := all.config()
	if err != nil {
		return err
	}
	cfg.Build = func(ctx context.Context) error { return t.build(ctx) }
	argv := []string{t.binary}
	if len(args) > 1 {
		argv = append(argv, args[1:]...)
	}
	return serverEnd(s, server.RunCommand(s.ctx, argv, cfg))
}
