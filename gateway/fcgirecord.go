package gateway

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Record types and protocol values of the specification's section 8.
const (
	fcgiBegin           = 1
	fcgiAbort           = 2
	fcgiEnd             = 3
	fcgiParams          = 4
	fcgiStdin           = 5
	fcgiStdout          = 6
	fcgiStderr          = 7
	fcgiGetValues       = 9
	fcgiGetValuesResult = 10
	fcgiUnknownType     = 11

	fcgiResponder   = 1
	fcgiKeepConn    = 1
	fcgiComplete    = 0
	fcgiCantMpxConn = 1
	fcgiOverloaded  = 2
	fcgiUnknownRole = 3
)

func (c *fcgiConn) readRecord() (kind byte, id uint16, content []byte, err error) {
	var head [8]byte
	if _, err := io.ReadFull(c.in, head[:]); err != nil {
		return 0, 0, nil, err
	}
	if head[0] != 1 {
		return 0, 0, nil, fmt.Errorf("gateway: FastCGI version %d, want 1", head[0])
	}
	content = make([]byte, int(binary.BigEndian.Uint16(head[4:]))+int(head[6]))
	if _, err := io.ReadFull(c.in, content); err != nil {
		return 0, 0, nil, err
	}
	return head[1], binary.BigEndian.Uint16(head[2:]), content[:len(content)-int(head[6])], nil
}

// writeRecord writes one record; content is at most 65535 bytes.
func (c *fcgiConn) writeRecord(kind byte, id uint16, content []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	pad := -len(content) & 7
	record := make([]byte, 8, 8+len(content)+pad)
	record[0], record[1], record[6] = 1, kind, byte(pad)
	binary.BigEndian.PutUint16(record[2:], id)
	binary.BigEndian.PutUint16(record[4:], uint16(len(content)))
	record = append(record, content...)
	_, err := c.conn.Write(record[:len(record)+pad])
	return err
}

func (c *fcgiConn) writeEnd(id uint16, appStatus uint32, protocolStatus byte) error {
	var content [8]byte
	binary.BigEndian.PutUint32(content[:], appStatus)
	content[4] = protocolStatus
	return c.writeRecord(fcgiEnd, id, content[:])
}

// An fcgiStream is standard output or standard error of a request.
type fcgiStream struct {
	conn *fcgiConn
	kind byte
	id   uint16
}

func (s fcgiStream) Write(p []byte) (int, error) {
	const most = 65528 // the largest content that needs no padding
	for n := 0; n < len(p); {
		part := p[n:min(len(p), n+most)]
		if err := s.conn.writeRecord(s.kind, s.id, part); err != nil {
			return n, err
		}
		n += len(part)
	}
	return len(p), nil
}

// parsePairs reads name-value pairs (section 3.4). A pair that is cut off is an error; of a repeated name the first
// counts, as a web server puts its own variables before those of the client's headers.
func parsePairs(b []byte) (map[string]string, error) {
	vars := make(map[string]string)
	for len(b) > 0 {
		nameLen, rest, ok1 := pairLength(b)
		valueLen, rest, ok2 := pairLength(rest)
		if !ok1 || !ok2 || nameLen+valueLen > len(rest) {
			return nil, errors.New("gateway: FastCGI: a name-value pair is cut off")
		}
		name, value := string(rest[:nameLen]), string(rest[nameLen:nameLen+valueLen])
		if _, ok := vars[name]; !ok {
			vars[name] = value
		}
		b = rest[nameLen+valueLen:]
	}
	return vars, nil
}

func pairLength(b []byte) (n int, rest []byte, ok bool) {
	switch {
	case len(b) >= 1 && b[0] < 0x80:
		return int(b[0]), b[1:], true
	case len(b) >= 4:
		return int(binary.BigEndian.Uint32(b) & 0x7fffffff), b[4:], true
	}
	return 0, nil, false
}

func appendPair(b []byte, name, value string) []byte {
	b = append(b, byte(len(name)), byte(len(value)))
	return append(append(b, name...), value...)
}
