package gateway

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"time"
)

// A Profiler writes a CPU profile of each request into a folder, for "go tool pprof", and a line about it to a stream.
//
// The runtime can make one profile at a time, so a request that comes while another is profiled is served without one.
// A profile counts what the whole process does meanwhile. Not for production: it is slow, and its files grow without end.
//
// Source: Werkzeug ProfilerMiddleware. Unlike Werkzeug, it does not hold the answer back.
type Profiler struct {
	Dir    string    // of the profiles; it must exist; "" means the system's folder for temporary files
	Stream io.Writer // of a line per profile; nil means no lines

	// Name makes a file's base name. Nil means "GET.shop.coffee.12ms.1700000000.prof".
	Name func(r *http.Request, elapsed time.Duration, end time.Time) string
}

// profiling is held by the request that is profiled: the runtime's profile is the process's.
var profiling sync.Mutex

// Wrap returns next under the profiler.
func (p Profiler) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !profiling.TryLock() {
			next.ServeHTTP(w, r)
			return
		}
		defer profiling.Unlock()
		p.profile(w, r, next)
	})
}

func (p *Profiler) profile(w http.ResponseWriter, r *http.Request, next http.Handler) {
	var profile bytes.Buffer
	if err := pprof.StartCPUProfile(&profile); err != nil { // somebody else's profile is running
		next.ServeHTTP(w, r)
		return
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	defer func() { // of a request that panics, too
		end := time.Now()
		pprof.StopCPUProfile()
		runtime.ReadMemStats(&after)
		p.save(r, profile.Bytes(), end.Sub(start), end, after.TotalAlloc-before.TotalAlloc, after.Mallocs-before.Mallocs)
	}()
	next.ServeHTTP(w, r)
}

// save writes the file and the line. That it cannot is said in the line.
func (p *Profiler) save(r *http.Request, profile []byte, elapsed time.Duration, end time.Time, size, count uint64) {
	name := profileName
	if p.Name != nil {
		name = p.Name
	}
	dir := p.Dir
	if dir == "" {
		dir = os.TempDir()
	}
	file := filepath.Join(dir, filepath.Base(name(r, elapsed, end)))
	err := os.WriteFile(file, profile, 0o600)
	if p.Stream == nil {
		return
	}
	fmt.Fprintf(p.Stream, "%s %q: %v, %d bytes in %d allocations of the whole process, profile %s", r.Method, r.URL.Path, elapsed, size, count, file)
	if err != nil {
		fmt.Fprintf(p.Stream, " not written: %v", err)
	}
	fmt.Fprintln(p.Stream)
}

// profileName is Werkzeug's "{method}.{path}.{elapsed:.0f}ms.{time:.0f}.prof" with nothing in it that a file system minds.
func profileName(r *http.Request, elapsed time.Duration, end time.Time) string {
	path := strings.ReplaceAll(strings.Trim(r.URL.Path, "/"), "/", ".")
	if path == "" {
		path = "root"
	}
	return fmt.Sprintf("%.20s.%.100s.%dms.%d.prof", fileText(r.Method), fileText(path), elapsed.Milliseconds(), end.Unix())
}

// fileText replaces all but ASCII letters, digits and "._-" by "_".
func fileText(s string) string {
	return strings.Map(func(c rune) rune {
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune("._-", c) {
			return c
		}
		return '_'
	}, s)
}
