//go:build linux

package server_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/carafeweb/carafe/server"
)

// Logs that nobody reads, or nobody reads fast.

func TestALogThatNobodyReadsKeepsNobodyWaitingAndTellsLaterWhatIsMissing(t *testing.T) {
	for _, patience := range []time.Duration{0, time.Millisecond} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		log, end, err := server.LogTo(w, patience)
		if err != nil {
			t.Fatal(err)
		}
		const all = 20000 // more than a pipe and the queue hold
		for i := range all {
			fmt.Fprintf(log, "line %d\n", i)
		}
		read := make(chan [2]int)
		go func() { read <- countLines(r) }()
		fmt.Fprintln(log, "line last") // as something always comes later
		end()
		w.Close()
		if n := <-read; n[0]+n[1] < all || n[0]+n[1] > all+1 || n[1] == 0 {
			t.Errorf("patience %v: %d lines came and %d are told to be missing, want %d together, and some missing", patience, n[0], n[1], all)
		}
	}
}

func TestWhatIsMissingInALogIsToldWhereItIsMissing(t *testing.T) {
	for _, patience := range []time.Duration{0, time.Millisecond} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		log, end, err := server.LogTo(w, patience)
		if err != nil {
			t.Fatal(err)
		}
		next := 0
		line := func() { fmt.Fprintf(log, "line %d\n", next); next++ }
		for range 20000 { // more than a pipe and the queue hold
			line()
		}
		in, lines := bufio.NewScanner(r), []string{}
		for range 1000 { // no more than the queue alone has taken; there is room again
			in.Scan()
			lines = append(lines, in.Text())
		}
		for range 1000 {
			line()
		}
		read := make(chan []string)
		go func() {
			for in.Scan() {
				lines = append(lines, in.Text())
			}
			read <- lines
		}()
		end()
		w.Close()
		if wrong := firstWrongLine(<-read, next); wrong != "" {
			t.Errorf("patience %v: %s", patience, wrong)
		}
	}
}

// firstWrongLine looks at the lines of a log: their numbers must go up by one, but for what is told to be missing, to the end.
func firstWrongLine(lines []string, end int) string {
	next, told := 0, 0
	for _, line := range lines {
		if text, ok := strings.CutSuffix(line, " lines could not be written here"); ok {
			n, _ := strconv.Atoi(text)
			next, told = next+n, told+n
			continue
		}
		if want := fmt.Sprintf("line %d", next); line != want {
			return fmt.Sprintf("%q, want %q after %d that are told to be missing", line, want, told)
		}
		next++
	}
	if next != end || told == 0 {
		return fmt.Sprintf("%d lines and %d that are told to be missing, want %d together, and some missing", next-told, told, end)
	}
	return ""
}

// countLines reads until the end: how many lines there are, and how many are told to be missing.
func countLines(r io.Reader) (n [2]int) {
	for s := bufio.NewScanner(r); s.Scan(); {
		if number, ok := strings.CutSuffix(s.Text(), " lines could not be written here"); ok {
			missing, _ := strconv.Atoi(number)
			n[1] += missing
			continue
		}
		n[0]++
	}
	return n
}

func TestAWorkersLogWaitsForASlowReader(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	log, end, err := server.LogTo(w, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	read := make(chan [2]int)
	go func() { read <- countLines(r) }()
	for i := range 50000 {
		fmt.Fprintf(log, "line %d\n", i)
	}
	end()
	w.Close()
	if n := <-read; n != [2]int{50000, 0} {
		t.Errorf("%d lines came and %d are told to be missing, want all 50000", n[0], n[1])
	}
}

// fullPipe is a pipe that takes nothing more.
func fullPipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	var fds [2]int
	if err := syscall.Pipe2(fds[:], syscall.O_CLOEXEC|syscall.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	for _, b := range [][]byte{make([]byte, 4096), make([]byte, 1)} {
		for {
			if _, err := syscall.Write(fds[1], b); err != nil {
				break
			}
		}
	}
	syscall.SetNonblock(fds[0], false)
	syscall.SetNonblock(fds[1], false)
	r, w = os.NewFile(uintptr(fds[0]), "reader"), os.NewFile(uintptr(fds[1]), "writer")
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

func TestAMasterWhoseStderrNobodyReadsActsOnSignals(t *testing.T) {
	t.Parallel()
	for _, workers := range []int{0, 2} {
		t.Run(fmt.Sprintf("with %d workers", workers), func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			r, w := fullPipe(t)
			s.startWith(func(c *exec.Cmd) {
				c.Stdout, c.Stderr = w, w
				c.Args = append(c.Args, "--workers", strconv.Itoa(workers), "--access-log", "-", "--log-level", "debug", "--drain-idle", "0.2")
			})
			s.until("it serves", func() bool { return s.status().Serving == max(1, workers) })
			if _, err := s.ask("reload"); err != nil {
				t.Errorf("reload: %v", err)
			}
			for i := range 1500 { // more lines than a queue holds
				if code, _, err := s.get("/"); code != 200 {
					t.Fatalf("request %d gets %d, %v", i, code, err)
				}
				if _, err := s.ask("reopen"); err != nil {
					t.Fatalf("order %d: %v", i, err)
				}
			}
			go io.Copy(s.log, r)
			s.until("a reader is told that lines are missing", func() bool { s.ask("reopen"); return s.logged(" lines could not be written here$") })
			s.signal(syscall.SIGTERM)
			if code, _ := s.wait(patience); code != 0 {
				t.Errorf("exit code %d, want 0", code)
			}
		})
	}
}

func TestALogThatIsAPipeWithoutReaderHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	path := filepath.Join(s.dir, "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	reader := openFifo(t, path)
	s.serve(1, "--error-log", path, "--access-log", path, "--drain-idle", "0.2")
	reader.Close()
	s.signal(syscall.SIGUSR1)
	s.signal(syscall.SIGTTIN)
	s.until("the loop goes on", func() bool { return s.status().Wanted == 2 })
	if code, _, err := s.get("/"); code != 200 {
		t.Errorf("a request gets %d, %v", code, err)
	}
	reader = openFifo(t, path)
	s.signal(syscall.SIGTERM)
	if code, _ := s.wait(patience); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	if text, _ := io.ReadAll(reader); !strings.Contains(string(text), "stopped") {
		t.Errorf("the new reader reads %q, want the last lines of the log", text)
	}
}

// openFifo is the reading end of a named pipe, whether somebody writes or not.
func openFifo(t *testing.T, path string) *os.File {
	t.Helper()
	r, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// Whoever prints does not ask whether it was written: an output that never waits loses what a slow reader has no room for.
func TestAnOutputThatIsANamedPipeWaitsForItsReader(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	reader := openFifo(t, path)
	output, log, err := server.CaptureOutput(path, func() {})
	if err != nil || output || !log {
		t.Errorf("never waits: the output %t, the log %t, %v, want the log alone", output, log, err)
	}
	if _, _, err := server.CaptureOutput(path, func() { reader.Close() }); err == nil {
		t.Error("a pipe whose reader has gone has become the output")
	}
}

func TestNothingThatIsPrintedIsLostInANamedPipe(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	path := filepath.Join(s.dir, "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	reader := openFifo(t, path)
	s.serve(1, "--error-log", path, "--capture-output", "--graceful-timeout", "60")
	const all = 50000 // far more than a pipe holds
	answer := s.background(fmt.Sprintf("/log?n=%d", all))
	s.inFlight("/log", 1)
	read := make(chan int)
	go func() {
		next := 0
		for lines := bufio.NewScanner(reader); lines.Scan(); {
			if lines.Text() == fmt.Sprintf("line %d", next) {
				next++
			}
		}
		read <- next
	}()
	if r := <-answer; r.code != 200 {
		t.Errorf("who had it printed gets %d, %v", r.code, r.err)
	}
	s.signal(syscall.SIGTERM)
	s.wait(patience)
	if next := <-read; next != all {
		t.Errorf("line %d of %d did not come", next, all)
	}
}

func TestAMasterEndsWhenTheLogsOfBeforeAReloadAreWrittenToo(t *testing.T) {
	t.Parallel()
	_, w := fullPipe(t)
	closed, err := server.EndAfterAdopting(w, filepath.Join(t.TempDir(), "new.log"))
	if err != nil || !closed {
		t.Errorf("the old log is closed: %t, %v, want true: what was queued for it is lost", closed, err)
	}
}
