// Command soak puts Carafe under every kind of load at once, fair and foul, and looks whether anything is left behind or mixed up.
//
//	go -C bench/soak run .                              # two minutes, all four servers
//	go -C bench/soak run . -for 2h                      # the long mode
//	go -C bench/soak run . -servers workers -conns 2000
//
// Each server is this binary again, with the same app: plain net/http, App.Run, package server in one process, and package
// server with two workers that are reloaded meanwhile. Every answer carries the id of its request in head and body, and the client
// checks it. Afterwards goroutines, descriptors, temporary files and heap have to be back where they were; the exit code is 1 if
// they are not, or if any answer was wrong.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	serveIfAsked()
	s := soak{out: os.Stdout, settle: 30 * time.Second}
	flag.DurationVar(&s.total, "for", 2*time.Minute, "how long to load, shared among the servers")
	flag.IntVar(&s.conns, "conns", 10000, "keep-alive connections that are held while everything else goes on")
	flag.IntVar(&s.clients, "clients", 16, "clients that ask without a pause; half as many are slow, as many break off")
	flag.DurationVar(&s.reload, "reload", 10*time.Second, "how often the workers are reloaded; 0 is never")
	servers := flag.String("servers", strings.Join(serverNames, ","), "the servers, separated by commas")
	flag.Parse()
	s.servers = strings.Split(*servers, ",")
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := s.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// A soak is one run.
type soak struct {
	servers        []string
	total          time.Duration // of load, for all servers together
	conns, clients int
	reload         time.Duration
	settle         time.Duration // how long a server may take until it is as before
	fault          string        // that the app is to have, for tests
	out            io.Writer
}

// run loads one server after the other. Its error counts what was found.
func (s *soak) run(ctx context.Context) error {
	if s.clients < 1 || s.conns < 0 || s.total <= 0 {
		return fmt.Errorf("soak: nothing to do: %d clients, %d connections, for %v", s.clients, s.conns, s.total)
	}
	if most := openFiles(s.conns + spareFiles); most < s.conns+spareFiles {
		s.conns = max(0, most-spareFiles)
		fmt.Fprintf(s.out, "only %d files may be open here: %d connections are held\n", most, s.conns)
	}
	var found int
	for _, name := range s.servers {
		n, err := s.one(ctx, name, s.total/time.Duration(len(s.servers)))
		if err != nil {
			return fmt.Errorf("soak: %s: %w", name, err)
		}
		found += n
	}
	if found > 0 {
		return fmt.Errorf("soak: %d findings", found)
	}
	fmt.Fprintln(s.out, "nothing was left behind, and no answer was another's")
	return nil
}

// one loads one server, and returns how much is wrong with it.
func (s *soak) one(ctx context.Context, name string, long time.Duration) (found int, err error) {
	srv, err := startServer(name, s.fault, s.conns)
	if err != nil {
		return 0, err
	}
	defer srv.stop()
	if err := warm(ctx, srv); err != nil {
		return 0, fmt.Errorf("before the load: %w", err)
	}
	before, err := srv.settled(ctx, nil, s.settle)
	if err != nil {
		return 0, err
	}
	fmt.Fprintf(s.out, "\n%s: %v, %d connections held, %d clients\n", name, long, s.conns, s.clients)
	ctx, cancel := context.WithTimeout(ctx, long+5*time.Minute)
	defer cancel()
	l := newLoad(srv, s)
	l.run(ctx, long)
	after, err := srv.settled(ctx, before, s.settle)
	if err != nil {
		return 0, err
	}
	return l.report(s.out) + compare(s.out, before, l.peak, after), ctx.Err()
}

// openFiles raises how many files this process, and those that it starts, may have open. It returns how many they may.
func openFiles(wanted int) int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 1024
	}
	if limit.Cur >= uint64(wanted) {
		return wanted
	}
	for _, most := range []uint64{max(limit.Max, uint64(wanted)), limit.Max} { // the first needs a privilege
		raised := syscall.Rlimit{Cur: min(most, uint64(wanted)), Max: most}
		if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &raised) == nil {
			return int(raised.Cur)
		}
	}
	return int(limit.Cur)
}

// spareFiles are those that are open besides the connections that are held.
const spareFiles = 1000
