package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"time"

	"github.com/carafeweb/carafe"
)

// figures are what a process says of itself.
type figures struct {
	Goroutines  int    `json:"goroutines"`
	Descriptors int    `json:"descriptors"`
	Heap        uint64 `json:"heap"` // bytes
}

// figuresView is the debug route. The heap is what is left after garbage was collected, unless ?gc=0 says that a look from
// afar is enough; ?stacks=1 tells the goroutines, for people.
func figuresView(c *carafe.Context) any {
	if c.Query("stacks") == "1" {
		var b strings.Builder
		_ = pprof.Lookup("goroutine").WriteTo(&b, 1) // a strings.Builder takes everything
		return carafe.Text(b.String())
	}
	if c.Query("gc") != "0" {
		runtime.GC() // twice: the first empties pools, the second frees what was in them
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return figures{runtime.NumGoroutine(), descriptorsOf(os.Getpid()), m.HeapAlloc}
}

// descriptorsOf counts the open files of a process, without the one that counting takes.
func descriptorsOf(pid int) int {
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		return 0
	}
	if pid == os.Getpid() {
		return len(entries) - 1
	}
	return len(entries)
}

// residentOf is the resident memory of a process in bytes.
func residentOf(pid int) uint64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	var size, pages uint64
	_, _ = fmt.Sscan(string(data), &size, &pages) // zero where it is no more
	return pages * uint64(os.Getpagesize())
}

// totals are the figures of a server with all of its processes.
type totals struct {
	figures
	Processes int // that serve
	Files     int // in the folder for temporary files
	Resident  uint64
}

// look asks every process that serves. One that ends meanwhile is left out.
func (s *process) look(query string) (*totals, error) {
	t := &totals{}
	entries, err := os.ReadDir(s.tmp)
	if err != nil {
		return nil, err
	}
	t.Files = len(entries)
	for _, pid := range s.tree() {
		t.Resident += residentOf(pid)
		text, err := s.askAlone(pid, query)
		if err != nil {
			t.Descriptors += descriptorsOf(pid) // the master, which serves nothing
			continue
		}
		var f figures
		if err := json.Unmarshal([]byte(text), &f); err != nil {
			return nil, err
		}
		t.Processes++
		t.Goroutines += f.Goroutines
		t.Descriptors += f.Descriptors
		t.Heap += f.Heap
	}
	if t.Processes == 0 {
		return nil, errors.New("no process answers")
	}
	return t, nil
}

// askAlone asks one process, on the socket that is its own.
func (s *process) askAlone(pid int, query string) (string, error) {
	client := http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(s.dir, socketsFolder, strconv.Itoa(pid)))
		},
	}}
	resp, err := client.Get("http://localhost/figures?" + query)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return string(data), err
}

// What may be there afterwards besides what was there before. Connections, and their goroutines, come by thousands.
const (
	moreGoroutines  = 5
	moreDescriptors = 5
	moreHeap        = 8 << 20 // for each process
)

// left says what of t is more than before.
func (t *totals) left(before *totals) (found []string) {
	more := func(what string, now, then, most int) {
		if now > then+most {
			found = append(found, fmt.Sprintf("%s: %d, before %d", what, now, then))
		}
	}
	more("processes that serve", t.Processes, before.Processes, 0)
	more("goroutines", t.Goroutines, before.Goroutines, moreGoroutines)
	more("descriptors", t.Descriptors, before.Descriptors, moreDescriptors)
	more("temporary files", t.Files, before.Files, 0)
	more("heap, KiB", int(t.Heap>>10), int(before.Heap>>10), t.Processes*moreHeap>>10)
	if t.Processes < before.Processes {
		found = append(found, fmt.Sprintf("only %d of %d processes serve", t.Processes, before.Processes))
	}
	return found
}

// settled waits until the server is as it was before: nil is for a server that has just begun, which is to stay as it is for a
// moment. It gives up after so long, and returns what it saw last.
func (s *process) settled(ctx context.Context, before *totals, long time.Duration) (*totals, error) {
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	now, err := s.look("")
	for end := time.Now().Add(long); err == nil && time.Now().Before(end) && ctx.Err() == nil; {
		<-ticker.C
		last := now
		if now, err = s.look(""); err != nil {
			break
		}
		if before == nil && now.Goroutines == last.Goroutines && now.Descriptors == last.Descriptors || before != nil && len(now.left(before)) == 0 {
			break
		}
	}
	return now, err
}

// compare prints the figures, and returns how many are not as they were.
func compare(out io.Writer, before, peak, after *totals) int {
	row := func(what string, of func(*totals) string) {
		fmt.Fprintf(out, "  %-16s %9s  %9s  %9s\n", what, of(before), of(peak), of(after))
	}
	fmt.Fprintf(out, "  %-16s %9s  %9s  %9s\n", "", "before", "at most", "after")
	row("processes", func(t *totals) string { return strconv.Itoa(t.Processes) })
	row("goroutines", func(t *totals) string { return strconv.Itoa(t.Goroutines) })
	row("descriptors", func(t *totals) string { return strconv.Itoa(t.Descriptors) })
	row("temporary files", func(t *totals) string { return strconv.Itoa(t.Files) })
	row("heap", func(t *totals) string { return mebibytes(t.Heap) })
	row("resident", func(t *totals) string { return mebibytes(t.Resident) })
	found := after.left(before)
	for _, text := range found {
		fmt.Fprintln(out, "  LEFT BEHIND:", text)
	}
	return len(found)
}

func mebibytes(n uint64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

// raise keeps the largest of each figure.
func (t *totals) raise(seen *totals) {
	t.Processes, t.Goroutines = max(t.Processes, seen.Processes), max(t.Goroutines, seen.Goroutines)
	t.Descriptors, t.Files = max(t.Descriptors, seen.Descriptors), max(t.Files, seen.Files)
	t.Heap, t.Resident = max(t.Heap, seen.Heap), max(t.Resident, seen.Resident)
}
