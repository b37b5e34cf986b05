package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A contestant is a server that is measured, in processes of its own.
type contestant struct {
	name   string
	word   string // for -servers
	fixed  bool   // a web server: what needs an application is not asked of it
	forked bool   // its worker processes share memory, which is counted once a process
	silent bool   // what it prints is dropped
	merges bool   // decides itself how many chunks the pieces of a stream become

	// command starts it. The error says why it cannot run on this machine.
	command func(addr, dir string) (*exec.Cmd, error)
}

func contestants() []contestant {
	return []contestant{
		{name: "net/http", word: "nethttp", command: again("net/http")},
		{name: "Carafe", word: "carafe", command: again("Carafe")},
		{name: "Carafe, Run", word: "run", silent: true, command: again("Carafe, Run")},
		{name: "Carafe, serve 0", word: "serve0", command: again("Carafe, serve 0")},
		{name: "Carafe, serve 2", word: "serve2", forked: true, command: again("Carafe, serve 2")},
		{name: "gin", word: "gin", command: again("gin")},
		{name: "echo", word: "echo", command: again("echo")},
		{name: "chi", word: "chi", command: again("chi")},
		{name: "gorilla/mux", word: "gorilla", command: again("gorilla/mux")},
		{name: "fiber (fasthttp)", word: "fiber", merges: true, command: again("fiber (fasthttp)")},
		{name: "nginx", word: "nginx", fixed: true, forked: true, command: nginx},
		{name: "Flask, Gunicorn", word: "flask", forked: true, command: gunicorn},
	}
}

// again is this program as another process, which is the server of that name.
func again(name string) func(addr, dir string) (*exec.Cmd, error) {
	return func(addr, dir string) (*exec.Cmd, error) {
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		return exec.Command(self, serveWord, name, addr, dir), nil
	}
}

// asks says whether the scenario is for this server.
func (c *contestant) asks(s *scenario) bool { return !c.fixed || !s.own }

func nginx(addr, dir string) (*exec.Cmd, error) {
	program, err := exec.LookPath("nginx")
	if err != nil {
		program = "/usr/sbin/nginx" // which is not on everybody's path
		if _, err := os.Stat(program); err != nil {
			return nil, errors.New("nginx is not installed")
		}
	}
	format, err := fs.ReadFile(files, "files/nginx.conf")
	if err != nil {
		return nil, err
	}
	conf := filepath.Join(dir, "nginx/nginx.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, string(format), dir, addr, openFiles(), maxConns), 0o644); err != nil {
		return nil, err
	}
	return exec.Command(program, "-e", dir+"/nginx/error.log", "-c", conf), nil
}

// gunicorn is Flask under Gunicorn: two processes of four threads. A Python that has both is taken, else one that has Flask,
// with Debian's Gunicorn (which is Python alone) lent to it.
func gunicorn(addr, dir string) (*exec.Cmd, error) {
	python, lent, err := findPython(dir)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(python, "-m", "gunicorn", "--bind", addr, "--workers", "2", "--worker-class", "gthread", "--threads", "4",
		"--keep-alive", "75", "--worker-connections", fmt.Sprint(maxConns), "--log-level", "warning", "--chdir", filepath.Join(dir, "python"), "flaskapp:app")
	cmd.Env = append(os.Environ(), "SITE="+dir, "SECRET="+secret)
	if lent != "" {
		cmd.Env = append(cmd.Env, "PYTHONPATH="+lent)
	}
	return cmd, nil
}

// findPython is a Python that runs Flask under Gunicorn, and what its path needs besides.
func findPython(dir string) (python, lent string, err error) {
	for _, p := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(p, "-c", "import flask, gunicorn").Run() == nil {
			return p, "", nil
		}
	}
	const debians = "/usr/lib/python3/dist-packages/gunicorn"
	lent = filepath.Join(dir, "python/lent")
	if err := os.MkdirAll(lent, 0o755); err != nil {
		return "", "", err
	}
	if err := os.Symlink(debians, filepath.Join(lent, "gunicorn")); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", "", err
	}
	cmd := exec.Command("python3", "-c", "import flask, gunicorn")
	cmd.Env = append(os.Environ(), "PYTHONPATH="+lent)
	if out, err := cmd.CombinedOutput(); err != nil {
		last := out[strings.LastIndexByte(strings.TrimSpace(string(out)), '\n')+1:]
		return "", "", fmt.Errorf("no Python here has Flask and Gunicorn: %s", strings.TrimSpace(string(last)))
	}
	return "python3", lent, nil
}
