package carafe

import (
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/carafeweb/carafe/wire"
)

// readerAt is content of which parts can be sent.
type readerAt interface{ io.ReaderAt }

// A byteRange is one part of a body: from start up to but not including end.
type byteRange struct{ start, end int64 }

func (p byteRange) length() int64 { return p.end - p.start }

func (p byteRange) contentRange(size int64) string {
	return wire.ContentRange{Unit: "bytes", Start: p.start, End: p.end, Length: size}.String()
}

// satisfiable is the parts of size bytes that a Range header asks for. None and no error means that the whole is to be sent:
// the body is empty, the unit is not known, or the parts are more than the whole. The error is a 416: the header is
// malformed, or nothing it asks for is there.
//
// Unlike Flask, there may be several parts, a suffix may be longer than the body, and an unknown unit is ignored (RFC 9110, 14.2).
func satisfiable(field string, size int64) ([]byteRange, error) {
	if size == 0 {
		return nil, nil
	}
	if unit, _, ok := strings.Cut(field, "="); ok && !strings.EqualFold(strings.TrimSpace(unit), "bytes") {
		return nil, nil
	}
	r, ok := wire.ParseRange(field, false)
	var parts []byteRange
	total := int64(0)
	for _, s := range r.Spans {
		if p, there := cutSpan(s, size); there {
			parts, total = append(parts, p), total+p.length()
		}
	}
	switch {
	case !ok || len(parts) == 0:
		return nil, &HTTPError{Code: http.StatusRequestedRangeNotSatisfiable,
			Header: http.Header{headerContentRange: {wire.ContentRange{Unit: "bytes", Start: -1, Length: size}.String()}}}
	case total > size:
		return nil, nil
	}
	return parts, nil
}

// cutSpan cuts a span to what there is.
func cutSpan(s wire.Span, size int64) (p byteRange, there bool) {
	p = byteRange{s.Start, s.End}
	if s.Open {
		p.end = size
	}
	if s.Start < 0 {
		p.start = max(0, size+s.Start)
	}
	p.end = min(p.end, size)
	return p, p.start < p.end
}

// sendSection sends a part of content. A file is handed to the server as it is, so that the system can send it without a
// copy.
func sendSection(content readerAt, start, length int64) Streamer {
	return func(w http.ResponseWriter) error {
		n, err := io.CopyN(w, sectionOf(content, start, length), length)
		if err == io.EOF && n < length {
			return io.ErrUnexpectedEOF // the file has become shorter
		}
		return err
	}
}

// sectionOf is a reader of a part. A file is positioned and read itself, since net/http knows *os.File only.
func sectionOf(content readerAt, start, length int64) io.Reader {
	if s, ok := content.(*seekable); ok {
		if _, err := s.Seek(start, io.SeekStart); err == nil {
			return s.ReadSeeker
		}
	}
	if f, ok := content.(*os.File); ok {
		if _, err := f.Seek(start, io.SeekStart); err == nil {
			return f
		}
	}
	return io.NewSectionReader(content, start, length)
}

// seekable makes a readerAt of a ReadSeeker, for one reader at a time.
type seekable struct{ io.ReadSeeker }

func (s *seekable) ReadAt(p []byte, off int64) (int, error) {
	if _, err := s.Seek(off, io.SeekStart); err != nil {
		return 0, err
	}
	return io.ReadFull(s.ReadSeeker, p)
}

// A multiRange is a body of several parts (RFC 9110, 14.6).
type multiRange struct {
	parts    []byteRange
	heads    []string // what stands in front of each part
	tail     string
	boundary string
}

func newMultiRange(parts []byteRange, size int64, typ string) *multiRange {
	m := &multiRange{parts: parts, boundary: rand.Text()}
	for i, p := range parts {
		lead := "\r\n"
		if i == 0 {
			lead = ""
		}
		m.heads = append(m.heads, fmt.Sprintf("%s--%s\r\n%s: %s\r\n%s: %s\r\n\r\n", lead, m.boundary, headerType, typ, headerContentRange, p.contentRange(size)))
	}
	m.tail = "\r\n--" + m.boundary + "--\r\n"
	return m
}

// total is the length of the body.
func (m *multiRange) total() int64 {
	n := int64(len(m.tail))
	for i, p := range m.parts {
		n += int64(len(m.heads[i])) + p.length()
	}
	return n
}

func (m *multiRange) stream(content readerAt) Streamer {
	return func(w http.ResponseWriter) error {
		for i, p := range m.parts {
			if _, err := io.WriteString(w, m.heads[i]); err != nil {
				return err
			}
			if err := sendSection(content, p.start, p.length())(w); err != nil {
				return err
			}
		}
		_, err := io.WriteString(w, m.tail)
		return err
	}
}
