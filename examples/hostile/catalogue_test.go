package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A hostileCase is one of hostile-inputs.json: what is sent, and what must hold. The file says how to read it.
type hostileCase struct {
	ID, Title, Kind, Tier, Needs, Feature string
	Send                                  json.RawMessage
	Expect                                expectation
}

// A step is one exchange with the server.
type step struct {
	Req *struct {
		Method, Target, Version, Host string
		Headers                       [][2]string
		Body                          []segment
		CL                            string
		Close                         *bool
	}
	Raw          []segment
	FirstMethod  string `json:"first_method"`
	Read         string
	Timeout      int    `json:"timeout_ms"`
	Idle         int    `json:"idle_ms"`
	Abort        int    `json:"abort_after_ms"`
	HalfClose    bool   `json:"half_close"`
	Repeat, Hold int    // of the whole step; connections to keep
	Parallel     bool   // the repetitions at once
	SaveCookie   bool   `json:"save_cookie"`
	CookieMut    string `json:"cookie_mut"`
	Script, Bulk string
}

// A segment is a piece of what is sent: a text of Latin-1, a generator, or a pause.
type segment struct {
	text      string
	Repeat    string
	RepeatFmt string `json:"repeat_fmt"`
	N         int
	GzipZeros int `json:"gzip_zeros"`
	Layers    int
	Sleep     int `json:"sleep_ms"`
	Drip      string
	Every     int `json:"every_ms"`
}

func (s *segment) UnmarshalJSON(data []byte) error {
	if data[0] == '"' {
		return json.Unmarshal(data, &s.text)
	}
	type plain segment
	return json.Unmarshal(data, (*plain)(s))
}

// A piece is bytes and the pause after them.
type piece struct {
	data  []byte
	pause time.Duration
}

// latin1 makes the bytes of a text of the catalogue.
func latin1(s, host string) []byte {
	s = strings.ReplaceAll(s, "{HOST}", host)
	s = strings.ReplaceAll(s, "{CL:SM}", strconv.Itoa(len("GET /hello/SMUGGLED HTTP/1.1\r\nHost: "+host+"\r\n\r\n")))
	b := make([]byte, 0, len(s))
	for _, r := range s {
		b = append(b, byte(r))
	}
	return b
}

func (s *segment) pieces(host string) []piece {
	switch {
	case s.Repeat != "":
		return []piece{{data: bytes.Repeat(latin1(s.Repeat, host), s.N)}}
	case s.RepeatFmt != "":
		var all []byte
		for i := range s.N {
			all = append(all, latin1(fmt.Sprintf(s.RepeatFmt, i), host)...)
		}
		return []piece{{data: all}}
	case s.GzipZeros > 0:
		return []piece{{data: zeroBomb(s.GzipZeros, s.Layers)}}
	case s.Sleep > 0:
		return []piece{{pause: time.Duration(s.Sleep) * time.Millisecond}}
	case s.Drip != "":
		drops := make([]piece, s.N)
		for i := range drops {
			drops[i] = piece{latin1(s.Drip, host), time.Duration(s.Every) * time.Millisecond}
		}
		return drops
	}
	return []piece{{data: latin1(s.text, host)}}
}

// zeroBomb is n zeros, compressed as often as layers says, at least once.
func zeroBomb(n, layers int) []byte {
	data := make([]byte, 0)
	for layer := range max(layers, 1) {
		var buf bytes.Buffer
		z, _ := gzip.NewWriterLevel(&buf, gzip.BestCompression)
		if layer > 0 {
			_, _ = z.Write(data)
		}
		zeros := make([]byte, 1<<20)
		for left := n; layer == 0 && left > 0; left -= len(zeros) {
			_, _ = z.Write(zeros[:min(left, len(zeros))])
		}
		_ = z.Close()
		data = buf.Bytes()
	}
	return data
}

// build is what a step sends, and the methods of its requests.
func (s *step) build(host, cookie string) ([]piece, []string) {
	if s.Req == nil {
		method := "GET"
		if s.FirstMethod != "" {
			method = s.FirstMethod
		}
		return allPieces(s.Raw, host), []string{method}
	}
	r := s.Req
	var body []byte
	for _, p := range allPieces(r.Body, host) {
		body = append(body, p.data...)
	}
	return []piece{{data: latin1(s.head(cookie, len(body)), host)}, {data: body}}, []string{r.Method}
}

func (s *step) head(cookie string, length int) string {
	r := s.Req
	version, hostName := r.Version, r.Host
	if version == "" {
		version = "HTTP/1.1"
	}
	if hostName == "" {
		hostName = "{HOST}"
	}
	lines := []string{r.Method + " " + r.Target + " " + version, "Host: " + hostName}
	for _, h := range r.Headers {
		lines = append(lines, h[0]+": "+h[1])
	}
	if cookie != "" {
		lines = append(lines, "Cookie: "+cookie)
	}
	switch {
	case r.Body == nil || r.CL == "none":
	case r.CL == "" || r.CL == "auto":
		lines = append(lines, "Content-Length: "+strconv.Itoa(length))
	default:
		lines = append(lines, "Content-Length: "+r.CL)
	}
	if r.Close == nil || *r.Close {
		lines = append(lines, "Connection: close")
	}
	return strings.Join(lines, "\r\n") + "\r\n\r\n"
}

func allPieces(segments []segment, host string) (all []piece) {
	for _, s := range segments {
		all = append(all, s.pieces(host)...)
	}
	return all
}

// steps are those of a case on the wire.
func (c *hostileCase) steps() ([]step, error) {
	var in struct{ Steps []step }
	if len(c.Send) > 0 && c.Send[0] == '[' {
		err := json.Unmarshal(c.Send, &in.Steps)
		return in.Steps, err
	}
	err := json.Unmarshal(c.Send, &in)
	return in.Steps, err
}

// readCatalogue is hostile-inputs.json of $CARAFE_ORACLE, else of the repository.
func readCatalogue(t *testing.T) []hostileCase {
	t.Helper()
	dir := os.Getenv("CARAFE_ORACLE")
	if dir == "" {
		dir = filepath.Join("..", "..", "testdata", "oracle")
	}
	return readCases(t, filepath.Join(dir, "hostile-inputs.json"))
}

func readCases(t *testing.T, file string) []hostileCase {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var catalogue struct{ Cases []hostileCase }
	if err := json.Unmarshal(data, &catalogue); err != nil {
		t.Fatal(err)
	}
	return catalogue.Cases
}
