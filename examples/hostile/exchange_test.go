package main

import (
	"bytes"
	"io"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// An exchange is what came of one step.
type exchange struct {
	methods []string

	mu       sync.Mutex
	raw      []byte
	last     time.Time     // of the last bytes
	closed   bool          // by the server
	closedAt time.Duration // after the beginning
	reset    bool
	took     time.Duration
}

func (ex *exchange) state() (n int, last time.Time, closed bool) {
	ex.mu.Lock()
	defer ex.mu.Unlock()
	return len(ex.raw), ex.last, ex.closed
}

// keep is the most that is kept of an answer that does not end.
const keep = 64 << 20

// listen reads until the connection ends.
func (ex *exchange) listen(conn net.Conn, began time.Time) {
	buf := make([]byte, 64<<10)
	for {
		n, err := conn.Read(buf)
		ex.mu.Lock()
		if len(ex.raw) < keep {
			ex.raw = append(ex.raw, buf[:n]...)
		}
		if n > 0 {
			ex.last = time.Now()
		}
		if err != nil {
			ex.closed, ex.closedAt = true, time.Since(began)
			ex.reset = ex.reset || err != io.EOF
		}
		ex.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// send sends the pieces, and reports whether all of it went.
func (ex *exchange) send(conn net.Conn, pieces []piece, until time.Time) bool {
	_ = conn.SetWriteDeadline(until)
	for _, p := range pieces {
		if _, err := conn.Write(p.data); err != nil {
			ex.mu.Lock()
			ex.reset = true
			ex.mu.Unlock()
			return false
		}
		if p.pause > 0 && !ex.wait(time.Now().Add(p.pause), until, 0) {
			return false
		}
	}
	return true
}

// wait waits for the end of the connection, or of the time, or for a silence after something was said. It reports whether the
// connection is still open and there is time.
func (ex *exchange) wait(until, end time.Time, silence time.Duration) bool {
	for {
		n, last, closed := ex.state()
		now := time.Now()
		if closed || now.After(end) {
			return false
		}
		if now.After(until) || silence > 0 && n > 0 && now.Sub(last) > silence {
			return true
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func orElse(ms, other int) time.Duration {
	if ms == 0 {
		ms = other
	}
	return time.Duration(ms) * time.Millisecond
}

// do makes the exchange.
func (s *step) do(addr, cookie string) *exchange {
	ex := &exchange{}
	var pieces []piece
	pieces, ex.methods = s.build(addr, cookie)
	began := time.Now()
	conn, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		ex.closed = true
		return ex
	}
	end := began.Add(orElse(s.Timeout, 6000) * patience)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		ex.listen(conn, began)
	}()
	whole := ex.send(conn, pieces, end)
	tcp := conn.(*net.TCPConn)
	if s.HalfClose {
		_ = tcp.CloseWrite()
	}
	switch {
	case s.Abort > 0:
		time.Sleep(time.Duration(s.Abort) * time.Millisecond)
		_ = tcp.SetLinger(0)
	case s.Read == "none":
	case s.Read == "idle" && whole:
		ex.wait(end, end, orElse(s.Idle, 700))
	default:
		ex.wait(end, end, 0)
	}
	// What counts is what the server did, not what closing does.
	ex.mu.Lock()
	ex.took = time.Since(began)
	closed, reset, closedAt := ex.closed, ex.reset, ex.closedAt
	ex.mu.Unlock()
	_ = conn.Close()
	<-ended
	ex.closed, ex.reset, ex.closedAt = closed, reset, closedAt
	return ex
}

// An answer is one response in what came.
type answer struct {
	status   int
	header   [][2]string // names in lower case
	body     []byte
	complete bool
}

func (a *answer) values(name string) (values []string) {
	if a == nil {
		return nil
	}
	for _, h := range a.header {
		if h[0] == strings.ToLower(name) {
			values = append(values, h[1])
		}
	}
	return values
}

var (
	statusLine = regexp.MustCompile(`^HTTP/1\.[01] (\d{3})(?: [^\r\n\x00]*)?$`)
	fieldName  = regexp.MustCompile("^[!#$%&'*+\\-.^_`|~0-9A-Za-z]+$")
	digits     = regexp.MustCompile(`^\d+$`)
)

// parse takes apart what came: strictly, so that what a lenient client would read is a fault too.
func (ex *exchange) parse() (answers []*answer, left []byte, wellFormed bool) {
	wellFormed = true
	raw := ex.raw
	for len(raw) > 0 {
		head, rest, whole := bytes.Cut(raw, []byte("\r\n\r\n"))
		lines := strings.Split(string(head), "\r\n")
		m := statusLine.FindStringSubmatch(lines[0])
		if !whole || m == nil {
			return answers, raw, false
		}
		a := &answer{complete: true}
		a.status, _ = strconv.Atoi(m[1])
		wellFormed = a.readHeader(lines[1:]) && wellFormed
		if raw = rest; a.status < 200 && a.status != 101 {
			continue
		}
		method := "GET"
		if len(answers) < len(ex.methods) {
			method = ex.methods[len(answers)]
		} else if len(ex.methods) == 1 && len(answers) == 0 {
			method = ex.methods[0]
		}
		if method != "HEAD" && a.status != 204 && a.status != 304 {
			var ok bool
			raw, ok = a.readBody(rest)
			wellFormed = wellFormed && ok
		}
		answers = append(answers, a)
	}
	return answers, nil, wellFormed
}

func (a *answer) readHeader(lines []string) (ok bool) {
	ok = true
	for _, line := range lines {
		name, value, colon := strings.Cut(line, ":")
		ok = ok && colon && fieldName.MatchString(name) && !strings.ContainsAny(value, "\x00\r\n")
		a.header = append(a.header, [2]string{strings.ToLower(name), strings.TrimSpace(value)})
	}
	return ok
}

// readBody returns what follows the body.
func (a *answer) readBody(rest []byte) (after []byte, ok bool) {
	if a.values("transfer-encoding") != nil {
		return a.readChunks(rest)
	}
	lengths := slices.Compact(a.values("content-length"))
	switch {
	case len(lengths) == 0:
		a.body = rest
		return nil, true
	case len(lengths) > 1 || !digits.MatchString(lengths[0]):
		a.body = rest
		return nil, false
	}
	n, _ := strconv.Atoi(lengths[0])
	a.complete = len(rest) >= n
	a.body = rest[:min(n, len(rest))]
	return rest[len(a.body):], true
}

func (a *answer) readChunks(rest []byte) (after []byte, ok bool) {
	a.complete = false
	for {
		line, body, found := bytes.Cut(rest, []byte("\r\n"))
		if !found {
			return nil, true
		}
		n, err := strconv.ParseUint(string(line), 16, 31)
		if err != nil {
			return nil, false
		}
		if n == 0 {
			trailer, next, found := bytes.Cut(append([]byte("\r\n"), body...), []byte("\r\n\r\n"))
			a.complete = found
			return next, len(trailer) >= 0
		}
		if len(body) < int(n)+2 {
			a.body = append(a.body, body[:min(len(body), int(n))]...)
			return nil, true
		}
		a.body = append(a.body, body[:n]...)
		if string(body[n:n+2]) != "\r\n" {
			return nil, false
		}
		rest = body[n+2:]
	}
}
