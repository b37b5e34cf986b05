package server

import (
	"bytes"
	"net/http"
)

// A chunkReader follows the framing of a chunked body byte by byte (RFC 9112 7.1), without keeping any of it.
type chunkReader struct {
	state  chunkState
	size   int64
	digits int
	line   int   // bytes of the present line
	total  int64 // of data
	fields int   // of the trailer
	blank  bool  // there was white space after the size
	name   []byte
}

type chunkState int

const (
	chunkSize chunkState = iota
	chunkExt
	chunkSizeLF
	chunkData
	chunkDataCR
	chunkDataLF
	trailerStart
	trailerName
	trailerValue
	trailerLF
	chunkEndLF
)

// maxChunkLine is the bytes of a chunk's first line with its extensions, which nobody uses.
const maxChunkLine = 1024

// run follows b and returns how many bytes belong to the body, and whether it is at its end.
func (c *chunkReader) run(b []byte, lim *limits) (n int, done bool, no *refusal) {
	for n < len(b) {
		if c.state == chunkData {
			step := min(int64(len(b)-n), c.size)
			n += int(step)
			if c.size -= step; c.size == 0 {
				c.state = chunkDataCR
			}
			continue
		}
		if no = c.step(b[n], lim); no != nil {
			return n, false, no
		}
		n++
		if c.state == chunkEndLF && b[n-1] == '\n' {
			return n, true, nil
		}
	}
	return n, false, nil
}

// step takes one byte of framing.
func (c *chunkReader) step(b byte, lim *limits) *refusal {
	switch c.state {
	case chunkSize:
		return c.sizeByte(b)
	case chunkExt:
		return c.extByte(b)
	case chunkSizeLF:
		return c.sizeEnd(b, lim)
	case chunkDataCR:
		return c.expect(b, '\r', chunkDataLF)
	case chunkDataLF:
		c.digits, c.line, c.blank = 0, 0, false
		return c.expect(b, '\n', chunkSize)
	case trailerStart, trailerName, trailerValue, trailerLF:
		return c.trailerByte(b, lim)
	case chunkEndLF:
		return c.expect(b, '\n', chunkEndLF)
	}
	return nil
}

func (c *chunkReader) expect(b, want byte, next chunkState) *refusal {
	if b != want {
		return refuse(400, "a chunk does not end where its size says")
	}
	c.state = next
	return nil
}

func (c *chunkReader) sizeByte(b byte) *refusal {
	v := hexValue(b)
	switch {
	case v >= 0 && !c.blank:
		if c.digits++; c.digits > 15 {
			return refuse(400, "a chunk's size is too long")
		}
		if c.digits == 1 {
			c.size = 0
		}
		c.size = c.size<<4 | int64(v)
	case c.digits == 0:
		return refuse(400, "a chunk has no size")
	case b == '\r' && !c.blank:
		c.state = chunkSizeLF
	case b == ';':
		c.state = chunkExt
	case (b == ' ' || b == '\t') && c.line < maxChunkLine:
		c.line++
		c.blank = true
	default:
		return refuse(400, "a chunk's size is no number")
	}
	return nil
}

func hexValue(b byte) int {
	switch {
	case isDigit(b):
		return int(b - '0')
	case b|0x20 >= 'a' && b|0x20 <= 'f':
		return int(b|0x20-'a') + 10
	}
	return -1
}

func (c *chunkReader) extByte(b byte) *refusal {
	if c.line++; c.line > maxChunkLine {
		return refuse(400, "a chunk's extension is too long")
	}
	switch {
	case b == '\r':
		c.state = chunkSizeLF
	case b < ' ' && b != '\t', b == 0x7f:
		return refuse(400, "a chunk's extension holds a control character")
	}
	return nil
}

func (c *chunkReader) sizeEnd(b byte, lim *limits) *refusal {
	if b != '\n' {
		return refuse(400, "a chunk's line does not end in CR LF")
	}
	c.total += c.size
	switch {
	case lim.body > 0 && c.total > lim.body:
		return refuse(http.StatusRequestEntityTooLarge, "the body is too large")
	case c.size == 0:
		c.state = trailerStart
	default:
		c.state = chunkData
	}
	return nil
}

// trailerByte takes a byte of the fields after the last chunk.
func (c *chunkReader) trailerByte(b byte, lim *limits) *refusal {
	if c.line++; c.line > lim.field {
		return refuse(http.StatusRequestHeaderFieldsTooLarge, "a trailer field is too long")
	}
	switch c.state {
	case trailerStart:
		c.line, c.name = 1, c.name[:0]
		if b == '\r' {
			c.state = chunkEndLF
			return nil
		}
		if c.fields++; c.fields > lim.fields {
			return refuse(http.StatusRequestHeaderFieldsTooLarge, "there are too many trailer fields")
		}
		c.state = trailerName
		return c.nameByte(b)
	case trailerName:
		return c.nameByte(b)
	case trailerLF:
		return c.expect(b, '\n', trailerStart)
	}
	if b == '\r' {
		c.state = trailerLF
	} else if b < ' ' && b != '\t' || b == 0x7f {
		return refuse(400, "a trailer value holds a control character")
	}
	return nil
}

// notInTrailers are the fields that must not come after the body (RFC 9110 6.5.1): framing, routing, authentication.
var notInTrailers = []string{"content-length", "transfer-encoding", "host", "trailer", "authorization", "cookie", "content-encoding",
	"content-range", "connection", "expect", "te", "upgrade", "proxy-authorization"}

func (c *chunkReader) nameByte(b byte) *refusal {
	if b != ':' {
		if classes[b]&inToken == 0 || len(c.name) > 256 {
			return refuse(400, "a trailer line is not: name, colon, value")
		}
		c.name = append(c.name, b)
		return nil
	}
	for _, bad := range notInTrailers {
		if equalFold(c.name, bad) {
			return refuse(400, "a trailer field that must not come after the body")
		}
	}
	if len(bytes.TrimSpace(c.name)) == 0 {
		return refuse(400, "a trailer field has no name")
	}
	c.state = trailerValue
	return nil
}
