package main

import (
	"bufio"
	"context"
	"embed"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"text/template"
)

//go:embed nginx.conf haproxy.cfg
var configs embed.FS

// A stack is everything that the blog needs to run on several machines.
type stack struct {
	dir    string
	binary string // the blog, built from ../blog

	postgres, redis *program
	nodes           []*program
	nginx, haproxy  *program
	pgBin           string // the folder of PostgreSQL's programs
}

// errMissing says which of the programs are not installed.
type errMissing []string

func (e errMissing) Error() string {
	return "not installed: " + strings.Join(e, ", ") + " (on Debian: apt-get install nginx haproxy redis-server postgresql)"
}

// find looks for a program where Debian puts it, besides PATH.
func find(name string) (string, bool) {
	if path, err := exec.LookPath(name); err == nil {
		return path, true
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	for _, path := range append(found, "/usr/sbin/"+name) {
		if _, err := os.Stat(path); err == nil {
			return path, true
		}
	}
	return "", false
}

// newStack says where everything is to run. Nothing is started.
func newStack(dir string) (*stack, error) {
	var missing errMissing
	paths := map[string]string{}
	for _, name := range []string{"nginx", "haproxy", "redis-server", "initdb", "postgres", "psql"} {
		path, ok := find(name)
		if !ok {
			missing = append(missing, name)
		}
		paths[name] = path
	}
	if missing != nil {
		return nil, missing
	}
	postgres, err := filepath.EvalSymlinks(paths["postgres"])      // its programs lie together
	if err := errors.Join(err, os.Chmod(dir, 0o755)); err != nil { // and its user has to get through
		return nil, err
	}
	s := &stack{dir: dir, binary: filepath.Join(dir, "blog"), pgBin: filepath.Dir(postgres)}
	addrs := make([]string, 6)
	for i := range addrs {
		addr, err := freeAddr()
		if err != nil {
			return nil, err
		}
		addrs[i] = addr
	}
	s.postgres, s.redis = s.newPostgres(addrs[0]), s.newRedis(paths["redis-server"], addrs[1])
	s.nodes = []*program{s.newNode("node1", addrs[2]), s.newNode("node2", addrs[3])}
	if s.nginx, err = s.newFront("nginx", addrs[4], "nginx.conf", paths["nginx"], "-p", dir, "-e", "stderr", "-g", "daemon off;", "-c"); err != nil {
		return nil, err
	}
	s.haproxy, err = s.newFront("haproxy", addrs[5], "haproxy.cfg", paths["haproxy"], "-W", "-db", "-f")
	return s, err
}

func (s *stack) newPostgres(addr string) *program {
	_, port, _ := net.SplitHostPort(addr)
	data := filepath.Join(s.dir, "postgres")
	return &program{
		name: "postgres", addr: addr, dir: s.dir, user: "postgres",
		args:  []string{filepath.Join(s.pgBin, "postgres"), "-D", data, "-h", "127.0.0.1", "-p", port, "-k", data},
		ready: func(ctx context.Context) error { _, err := s.sql(ctx, "SELECT 1"); return err },
	}
}

// databaseURL is the setting DATABASE of the blog.
func (s *stack) databaseURL() string { return "postgres://postgres@" + s.postgres.addr + "/postgres" }

// sql asks PostgreSQL, and gives what psql prints.
func (s *stack) sql(ctx context.Context, query string) (string, error) {
	out, err := exec.CommandContext(ctx, filepath.Join(s.pgBin, "psql"), "-XAt", "-c", query, s.databaseURL()).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("psql: %w: %s", err, out)
	}
	return strings.TrimSpace(string(out)), nil
}

// newRedis is a Redis that has on disk what it has promised to keep.
func (s *stack) newRedis(path, addr string) *program {
	_, port, _ := net.SplitHostPort(addr)
	return &program{
		name: "redis", addr: addr, dir: s.dir,
		args:  []string{path, "--bind", "127.0.0.1", "--port", port, "--dir", s.dir, "--appendonly", "yes", "--appendfsync", "always", "--save", ""},
		ready: redisAnswers(addr),
	}
}

func redisAnswers(addr string) func(context.Context) error {
	return func(ctx context.Context) error {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		if err != nil {
			return err
		}
		defer conn.Close()
		fmt.Fprint(conn, "PING\r\n")
		line, err := bufio.NewReader(conn).ReadString('\n')
		if err == nil && line != "+PONG\r\n" {
			err = errors.New(line) // it is loading
		}
		return err
	}
}

// newNode is the blog under the pre-fork server. All that makes it a part of a cluster is in its settings.
func (s *stack) newNode(name, addr string) *program {
	return &program{
		name: name, addr: addr, dir: s.dir,
		args: []string{s.binary, "serve"},
		env: []string{
			"BLOG_DATABASE=" + s.databaseURL(),
			"BLOG_REDIS=redis://" + s.redis.addr + "/0?max_retries=30&max_retry_backoff=250ms",
			"BLOG_SECRET_KEY=the same on all nodes",
			"CARAFE_BIND=" + addr, "CARAFE_WORKERS=2", "CARAFE_READY_PATH=/ready", "CARAFE_TRUSTED_PROXIES=127.0.0.1",
		},
		ready: func(ctx context.Context) error {
			r, err := http.NewRequestWithContext(ctx, "GET", "http://"+addr+"/ready", nil)
			if err != nil {
				return err
			}
			resp, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				return errors.New(resp.Status)
			}
			return nil
		},
	}
}

// newFront writes the config of a proxy; its name follows the arguments.
func (s *stack) newFront(name, addr, config string, args ...string) (*program, error) {
	t, err := template.ParseFS(configs, config)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(s.dir, config)
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	var nodes []string
	for _, node := range s.nodes {
		nodes = append(nodes, node.addr)
	}
	data := map[string]any{"Dir": s.dir, "Addr": addr, "Nodes": nodes, "Root": os.Geteuid() == 0}
	if err := errors.Join(t.Execute(f, data), f.Close()); err != nil {
		return nil, err
	}
	return &program{name: name, addr: addr, dir: s.dir, args: append(args, path), ready: accepts(addr)}, nil
}

// start starts everything, in the order in which one needs the other.
func (s *stack) start(ctx context.Context) error {
	if err := s.build(ctx); err != nil {
		return err
	}
	if err := s.initPostgres(ctx); err != nil {
		return err
	}
	for _, p := range []*program{s.postgres, s.redis} {
		if err := p.start(ctx); err != nil {
			return err
		}
	}
	initDB := exec.CommandContext(ctx, s.binary, "init-db")
	initDB.Env = append(os.Environ(), "BLOG_DATABASE="+s.databaseURL())
	if out, err := initDB.CombinedOutput(); err != nil {
		return fmt.Errorf("init-db: %w: %s", err, out)
	}
	for _, p := range append(slices.Clone(s.nodes), s.nginx, s.haproxy) {
		if err := p.start(ctx); err != nil {
			return err
		}
	}
	return nil
}

// build puts the blog's program into its place, in one step, as one rolls out a new one.
func (s *stack) build(ctx context.Context) error {
	built := s.binary + ".new"
	cmd := exec.CommandContext(ctx, "go", "build", "-o", built, ".")
	cmd.Dir = filepath.Join("..", "blog")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("the blog does not build: %w: %s", err, out)
	}
	return os.Rename(built, s.binary)
}

func (s *stack) initPostgres(ctx context.Context) error {
	data := filepath.Join(s.dir, "postgres")
	if err := errors.Join(os.Mkdir(data, 0o700), giveTo(data, "postgres")); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(s.pgBin, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale", "C.UTF-8", "-N")
	cmd.Dir = data
	if err := runAs(cmd, "postgres"); err != nil {
		return err
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	return nil
}

// stop ends what was started, the fronts first.
func (s *stack) stop() (err error) {
	for _, p := range []*program{s.haproxy, s.nginx} {
		err = errors.Join(err, p.stop(syscall.SIGTERM))
	}
	for _, p := range s.nodes {
		err = errors.Join(err, p.stop(syscall.SIGTERM))
	}
	err = errors.Join(err, s.redis.stop(syscall.SIGTERM))
	return errors.Join(err, s.postgres.stop(syscall.SIGINT)) // which ends its connections
}
