package gateway_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"

	"github.com/carafeweb/carafe/gateway"
)

// An fcgiFront is the web server's side of FastCGI, as little of it as the tests need: one connection a request.
type fcgiFront struct {
	addr string
	log  io.Writer
	vars map[string]string // override those of the request; "-" removes one
}

func (f *fcgiFront) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	conn, err := net.Dial("unix", f.addr)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer conn.Close()
	body, _ := io.ReadAll(r.Body)
	conn.Write(fcgiRequest(f.params(r), body, 0))
	stdout, pipe := io.Pipe()
	go func() { pipe.CloseWithError(readStreams(conn, pipe, f.log)) }()
	if err := copyCGI(w, stdout); err != nil {
		panic(http.ErrAbortHandler)
	}
}

// params are the request's variables as lighttpd sends them.
func (f *fcgiFront) params(r *http.Request) map[string]string {
	vars := map[string]string{"SERVER_SOFTWARE": "front/1"}
	for name, value := range gateway.EnvironOf(r) {
		if text, ok := value.(string); ok && !strings.Contains(name, ".") {
			vars[name] = text
		}
	}
	for name, value := range f.vars {
		vars[name] = value
		if value == "-" {
			delete(vars, name)
		}
	}
	return vars
}

func fcgiRecord(kind byte, content []byte) []byte {
	head := []byte{1, kind, 0, 1, 0, 0, 0, 0}
	binary.BigEndian.PutUint16(head[4:], uint16(len(content)))
	return append(head, content...)
}

// fcgiRequest is everything that a web server sends for one request.
func fcgiRequest(vars map[string]string, body []byte, flags byte) []byte {
	out := fcgiRecord(1, []byte{0, 1, flags, 0, 0, 0, 0, 0})
	for name, value := range vars {
		pair := binary.BigEndian.AppendUint32(nil, uint32(len(name))|1<<31)
		pair = binary.BigEndian.AppendUint32(pair, uint32(len(value))|1<<31)
		out = append(out, fcgiRecord(4, append(append(pair, name...), value...))...)
	}
	out = append(out, fcgiRecord(4, nil)...)
	for len(body) > 0 {
		part := body[:min(len(body), 60000)]
		out = append(out, fcgiRecord(5, part)...)
		body = body[len(part):]
	}
	return append(out, fcgiRecord(5, nil)...)
}

// readStreams copies standard output and standard error until the end record: nil, or what went wrong.
func readStreams(conn io.Reader, stdout, stderr io.Writer) error {
	for {
		kind, content, err := readRecord(conn)
		switch {
		case err != nil:
			return fmt.Errorf("connection lost before the end of the request: %w", err)
		case kind == 6:
			if _, err := stdout.Write(content); err != nil {
				return err
			}
		case kind == 7:
			stderr.Write(content)
		case kind == 3:
			if status := content[4]; status != 0 {
				return fmt.Errorf("protocol status %d", status)
			}
			return nil
		}
	}
}

func readRecord(conn io.Reader) (kind byte, content []byte, err error) {
	var head [8]byte
	if _, err := io.ReadFull(conn, head[:]); err != nil {
		return 0, nil, io.ErrUnexpectedEOF
	}
	n := int(binary.BigEndian.Uint16(head[4:]))
	content = make([]byte, n+int(head[6]))
	_, err = io.ReadFull(conn, content)
	return head[1], content[:n], err
}

// copyCGI makes an HTTP answer of a CGI one, and flushes each piece.
func copyCGI(w http.ResponseWriter, stdout io.Reader) error {
	in := bufio.NewReader(stdout)
	header, err := textproto.NewReader(in).ReadMIMEHeader()
	if err != nil {
		return err
	}
	status, err := strconv.Atoi(header.Get("Status")[:3])
	if err != nil {
		return err
	}
	header.Del("Status")
	for name, values := range header {
		w.Header()[name] = values
	}
	w.WriteHeader(status)
	buf := make([]byte, 4096)
	for {
		n, err := in.Read(buf)
		w.Write(bytes.Clone(buf[:n]))
		w.(http.Flusher).Flush()
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}
