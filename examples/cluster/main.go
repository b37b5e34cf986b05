// Command cluster runs examples/blog as it is run when one machine is not enough, all of it on loopback: two nodes of the pre-fork server
// behind nginx and behind haproxy, sessions and rate limits in Redis, the data in PostgreSQL. The blog is the same program as ever;
// what makes a cluster of it are its settings.
//
//	go run .
//
// It needs nginx, haproxy, redis-server and PostgreSQL, as Debian has them, and ends all that it has started on Ctrl-C.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) (err error) {
	dir, err := os.MkdirTemp("", "carafe-cluster")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s, err := newStack(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := s.start(ctx); err != nil {
		return err
	}
	fmt.Printf("nginx:   http://%s\nhaproxy: http://%s\n", s.nginx.addr, s.haproxy.addr)
	for i, node := range s.nodes {
		fmt.Printf("node %d:  http://%s (process %d)\n", i+1, node.addr, node.cmd.Process.Pid)
	}
	fmt.Printf("logs:    %s\nCtrl-C ends it\n", dir)
	<-ctx.Done()
	return nil
}
