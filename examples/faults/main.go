// Command faults is a program that misbehaves on request: what a pre-fork server is tested with.
//
//	FAULTS_DIR=/tmp/f faults --bind 127.0.0.1:8000 --workers 2
//
// Routes: / the worker's pid; /version the text of the file version, read at start; /sleep?s=1.5; /hang; /leak?kb=64, kept
// for ever; /die?code=1; /panic; /fatal, a concurrent map write; POST /upload, the number of bytes read; /log?n=10, so
// many lines to stderr; /file?mb=8, so many megabytes from a file; /orphan, a grandchild that its parent leaves behind.
//
// Files in the folder FAULTS_DIR steer its start: delay, seconds to wait; broken, exit 1 with the file's text; crash, exit
// 1 as soon as the worker serves; version.
//
// It takes all settings of package server as flags (--help) and as environment variables.
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/carafeweb/carafe/server"
)

func main() {
	// The first process is the master: what the app does at start is of no use there.
	if worker := os.Getenv("CARAFE_ROLE"); worker == "worker" || worker == "scout" || os.Getenv("FAULTS_INSIDE") != "" {
		start()
	}
	f := &faults{version: read("version")}
	cfg := server.Default()
	cfg.Hooks.WorkerInit = func(context.Context) error {
		if read("crash") != "" {
			time.AfterFunc(100*time.Millisecond, func() { os.Exit(1) }) // when it has said that it serves, on a loaded machine too
		}
		return nil
	}
	server.Main(f.routes(), cfg)
}

// start does what the files say.
func start() {
	if s := read("delay"); s != "" {
		time.Sleep(seconds(s))
	}
	if why := read("broken"); why != "" {
		fmt.Fprintln(os.Stderr, "faults: broken:", why)
		os.Exit(1)
	}
}

// read is the text of a file of FAULTS_DIR, "" if there is none.
func read(name string) string {
	data, err := os.ReadFile(filepath.Join(os.Getenv("FAULTS_DIR"), name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}

func seconds(s string) time.Duration {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0
	}
	return time.Duration(f * float64(time.Second))
}

// faults holds what the program leaks.
type faults struct {
	version string
	mu      sync.Mutex
	leaked  [][]byte
}

func (f *faults) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, os.Getpid()) })
	mux.HandleFunc("GET /version", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, f.version) })
	mux.HandleFunc("GET /sleep", sleep)
	mux.HandleFunc("GET /hang", func(http.ResponseWriter, *http.Request) { select {} })
	mux.HandleFunc("GET /leak", f.leak)
	mux.HandleFunc("GET /die", func(_ http.ResponseWriter, r *http.Request) { os.Exit(number(r, "code")) })
	mux.HandleFunc("GET /panic", func(http.ResponseWriter, *http.Request) { panic("as asked") })
	mux.HandleFunc("GET /fatal", fatal)
	mux.HandleFunc("POST /upload", upload)
	mux.HandleFunc("GET /log", func(_ http.ResponseWriter, r *http.Request) {
		for i := range number(r, "n") {
			fmt.Fprintln(os.Stderr, "line", i)
		}
	})
	mux.HandleFunc("GET /file", file)
	mux.HandleFunc("GET /orphan", orphan)
	return mux
}

func number(r *http.Request, name string) int {
	n, err := strconv.Atoi(r.FormValue(name))
	if err != nil {
		return 1
	}
	return n
}

// sleep answers after a while, or when the server says that it is time.
func sleep(w http.ResponseWriter, r *http.Request) {
	select {
	case <-time.After(seconds(r.FormValue("s"))):
		fmt.Fprintln(w, os.Getpid())
	case <-r.Context().Done():
	}
}

func (f *faults) leak(w http.ResponseWriter, r *http.Request) {
	b := make([]byte, number(r, "kb")<<10)
	for i := range b {
		b[i] = byte(i)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.leaked = append(f.leaked, b)
	fmt.Fprintln(w, len(f.leaked))
}

// fatal writes a map from many goroutines, which the runtime answers by ending the process.
func fatal(http.ResponseWriter, *http.Request) {
	runtime.GOMAXPROCS(8) // a worker may have one CPU, on which goroutines do not meet
	m := map[int]int{}
	for range 8 {
		go func() {
			for i := 0; ; i++ {
				m[i%16] = i
			}
		}()
	}
	time.Sleep(5 * time.Second)
}

func upload(w http.ResponseWriter, r *http.Request) {
	n, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	fmt.Fprintln(w, n)
}

func file(w http.ResponseWriter, r *http.Request) {
	f, err := os.CreateTemp("", "faults-")
	if err == nil {
		defer f.Close()
		defer os.Remove(f.Name())
		err = f.Truncate(int64(number(r, "mb")) << 20)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	http.ServeContent(w, r, "zeros.bin", time.Time{}, f)
}

// orphan starts a process that starts another and ends before it, and tells the other's pid.
func orphan(w http.ResponseWriter, _ *http.Request) {
	out, err := exec.Command("/bin/sh", "-c", "sleep 0.2 >/dev/null & echo $!").Output()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Write(out)
}
