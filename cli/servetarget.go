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
	cfg := server.Default()
	cfg.Build = func(ctx context.Context) error { return t.build(ctx) }
	cfg.Command = []string{t.binary}
	if len(args) > 1 {
		cfg.Command = append(cfg.Command, args[1:]...)
	}
	if cfg, err = all.load(cfg); err != nil {
		return err
	}
	return serverEnd(s, server.RunCommand(s.ctx, cfg.Command, cfg))
}
