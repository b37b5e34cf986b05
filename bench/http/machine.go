package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
)

// machine says where it was measured, in Markdown's list items.
func machine(dir string) []string {
	return []string{
		fmt.Sprintf("%s, %d CPUs, %s of memory", valueIn("/proc/cpuinfo", "model name"), runtime.NumCPU(), memorySize()),
		fmt.Sprintf("Linux %s, %s/%s, %s", strings.TrimSpace(content("/proc/sys/kernel/osrelease")), runtime.GOOS, runtime.GOARCH, runtime.Version()),
		"modules: " + strings.Join(modules("gin-gonic/gin", "labstack/echo/v5", "go-chi/chi/v5", "gorilla/mux", "gorilla/sessions", "gofiber/fiber/v3", "valyala/fasthttp", "go-playground/validator/v10"), ", "),
		"programs: " + strings.Join(programs(dir), ", "),
	}
}

func content(name string) string {
	text, err := os.ReadFile(name)
	if err != nil {
		return "unknown"
	}
	return string(text)
}

// valueIn is what follows a key and a colon in one of the kernel's files.
func valueIn(name, key string) string {
	for lines := bufio.NewScanner(strings.NewReader(content(name))); lines.Scan(); {
		if k, v, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(v)
		}
	}
	return "unknown"
}

func memorySize() string {
	var kb float64
	if _, err := fmt.Sscanf(valueIn("/proc/meminfo", "MemTotal"), "%f kB", &kb); err != nil {
		return "unknown"
	}
	return fmt.Sprintf("%.0f GiB", kb/(1<<20))
}

// load is the machine's load averages.
func load() string {
	f := strings.Fields(content("/proc/loadavg"))
	return strings.Join(f[:min(3, len(f))], " ")
}

// modules are the versions that this binary was built with.
func modules(names ...string) (out []string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return []string{"unknown"}
	}
	for _, name := range names {
		for _, m := range info.Deps {
			if m.Path == "github.com/"+name {
				out = append(out, name+" "+m.Version)
			}
		}
	}
	return out
}

// programs are the versions of what is not Go.
func programs(dir string) (out []string) {
	if text, err := exec.Command("wrk", "-v").CombinedOutput(); err != nil || len(text) > 0 { // it ends with 1
		first, _, _ := strings.Cut(string(text), " [")
		out = append(out, first)
	}
	if cmd, err := nginx("", dir); err == nil {
		text, _ := exec.Command(cmd.Path, "-v").CombinedOutput()
		out = append(out, strings.TrimSpace(strings.TrimPrefix(string(text), "nginx version: ")))
	}
	if python, lent, err := findPython(dir); err == nil {
		cmd := exec.Command(python, "-c", "import sys, gunicorn; from importlib.metadata import version as v; "+
			"print('Python', sys.version.split()[0] + ', Flask', v('flask') + ', Gunicorn', gunicorn.__version__)")
		if lent != "" {
			cmd.Env = append(os.Environ(), "PYTHONPATH="+lent)
		}
		if text, err := cmd.Output(); err == nil {
			out = append(out, strings.TrimSpace(string(text)))
		}
	}
	return out
}
