package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode/utf8"
)

// What can be wrong with a multipart body, apart from the errors of its reader. A *MalformedError is the client's
// mistake, the other two are limits.
var (
	ErrTooManyParts   = errors.New("wire: the multipart body has too many parts")
	ErrHeaderTooLarge = errors.New("wire: a part of the multipart body has too large a header")
)

// A MalformedError says what is wrong with a multipart body.
type MalformedError struct {
	What string // in a sentence without its stop
}

// Error says what is wrong.
func (e *MalformedError) Error() string { return "wire: malformed multipart body: " + e.What }

// multipartBuffer is how much of a body is looked at at once, and so the largest header of a part.
const multipartBuffer = 64 << 10

// maxBoundary is the longest boundary: RFC 2046 has 70.
const maxBoundary = 4 << 10

var multipartBuffers = sync.Pool{New: func() any { return new([multipartBuffer]byte) }}

// A Multipart reads a multipart body part by part, in memory of a fixed size and time linear in the body. It is for one
// goroutine.
//
//	preamble, ignored
//	--boundary
//	Content-Disposition: form-data; name="f"; filename="a.txt"
//
//	data
//	--boundary--
//	epilogue, ignored
//
// Lines may end in CRLF, LF or CR; blanks may follow a boundary. The first boundary need not begin a line.
//
// Source: werkzeug.sansio.multipart.MultipartDecoder.
type Multipart struct {
	src      io.Reader
	array    *[multipartBuffer]byte
	buf      []byte // what has been read and not yet used
	err      error  // of src: io.EOF at its end
	mark     []byte // "--" and the boundary
	parts    int
	maxParts int
	part     *Part
	state    multipartState
	fault    error // what Next returned, for ever
}

type multipartState int

const (
	inPreamble multipartState = iota
	betweenParts
	inData
	inEpilogue
)

// NewMultipart reads src, whose parts boundary separates. maxParts limits how many there may be, if it is not negative. Close
// it when done.
func NewMultipart(src io.Reader, boundary string, maxParts int) (*Multipart, error) {
	switch {
	case boundary == "":
		return nil, &MalformedError{"there is no boundary"}
	case len(boundary) > maxBoundary:
		return nil, &MalformedError{"the boundary is too long"}
	case strings.IndexFunc(boundary, func(r rune) bool { return r < ' ' || r >= 0x7f }) >= 0:
		return nil, &MalformedError{"the boundary is not ASCII"}
	}
	m := &Multipart{src: src, mark: []byte("--" + boundary), maxParts: maxParts}
	m.array = multipartBuffers.Get().(*[multipartBuffer]byte)
	m.buf = m.array[:0]
	return m, nil
}

// Close gives the memory back. The parts cannot be read any more.
func (m *Multipart) Close() {
	if m.array == nil {
		return
	}
	multipartBuffers.Put(m.array)
	m.array, m.buf, m.fault = nil, nil, errors.New("wire: the multipart reader is closed")
}

// A Field is one line of a part's header.
type Field struct {
	Name, Value string // as they were sent, the value without the blanks around it
}

// A Part is one part of a multipart body: a field of a form, or a file. Read or WriteTo give its data, until the next
// part is asked for.
type Part struct {
	Name     string  // of the field
	Filename string  // as the client sent it; it may be a path, or hostile
	IsFile   bool    // a filename was given, perhaps an empty one
	Header   []Field // in order
	Params   Params  // of Content-Disposition

	m     *Multipart
	ahead []byte // data that is known to be the part's
	drop  int    // bytes of the buffer that follow ahead and are no data
	last  bool   // nothing follows ahead
}

// Get is the first value of a header field, in whatever case its name is.
func (p *Part) Get(name string) string {
	for _, f := range p.Header {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// Next is the next part; what has not been read of the one before is skipped. At the end the error is io.EOF, after the
// body has been read to its own end.
func (m *Multipart) Next() (*Part, error) {
	if m.fault == nil {
		var p *Part
		if p, m.fault = m.next(); m.fault == nil {
			m.part = p
			return p, nil
		}
	}
	return nil, m.fault
}

func (m *Multipart) next() (*Part, error) {
	if m.part != nil {
		if _, err := m.part.WriteTo(io.Discard); err != nil {
			return nil, err
		}
		m.part = nil
	}
	if m.state == inPreamble {
		if err := m.skipPreamble(); err != nil {
			return nil, err
		}
	}
	if m.state == inEpilogue {
		return nil, m.drain()
	}
	if m.parts++; m.maxParts >= 0 && m.parts > m.maxParts {
		return nil, ErrTooManyParts
	}
	p, err := m.readHeader()
	m.state = inData
	return p, err
}

// drain reads what follows the last boundary.
func (m *Multipart) drain() error {
	for m.err == nil {
		m.buf = m.buf[:0]
		m.fill()
	}
	return m.err
}

// fill reads more, after moving what is there to the front. It reports false if the buffer is full.
func (m *Multipart) fill() bool {
	if len(m.buf) == multipartBuffer {
		return false
	}
	if cap(m.buf) < multipartBuffer/2 || cap(m.buf) == len(m.buf) {
		m.buf = m.array[:copy(m.array[:], m.buf)]
	}
	for range 100 { // as io.Reader allows, some reads may give nothing
		n, err := m.src.Read(m.buf[len(m.buf):cap(m.buf)])
		m.buf = m.buf[:len(m.buf)+n]
		if m.err = err; n > 0 || err != nil {
			return true
		}
	}
	m.err = io.ErrNoProgress
	return true
}

// more is fill for what must not be the end.
func (m *Multipart) more(where string) error {
	if m.err == io.EOF {
		return &MalformedError{"it ends in " + where}
	}
	if m.err != nil {
		return m.err
	}
	m.fill()
	return nil
}

// An edge is what a boundary looks like in the buffer.
type edge struct {
	start, end int // of the boundary with the line breaks around it
	final      bool
}

// find looks for a boundary from position from on; with line, it must follow a line break. If there is none, open says where
// one could still begin, the end of the buffer if nowhere.
func (m *Multipart) find(from int, line bool) (e edge, found bool, open int) {
	for {
		i := bytes.Index(m.buf[from:], m.mark)
		if i < 0 {
			return edge{}, false, max(0, len(m.buf)-len(m.mark)-1)
		}
		i += from
		start := i - lineBreakBefore(m.buf[:i])
		if !line || start < i {
			switch n, final := closing(m.buf[i+len(m.mark):], m.err != nil); {
			case n > 0:
				return edge{start, i + len(m.mark) + n, final}, true, 0
			case n < 0:
				return edge{}, false, start
			}
		}
		from = i + 1
	}
}

// closing is how long what follows a boundary is: "--" with blanks and perhaps a line break, or blanks and a line
// break. 0 means it was no boundary, -1 that it cannot be told yet.
func closing(s []byte, atEnd bool) (n int, final bool) {
	if bytes.HasPrefix(s, []byte("--")) {
		n = 2 + blanks(s[2:])
		return n + lineBreak(s[n:]), true
	}
	n = blanks(s)
	switch {
	case n == len(s) || n == 0 && len(s) == 1 && s[0] == '-' || n == len(s)-1 && s[n] == '\r':
		if !atEnd {
			return -1, false
		}
	}
	if b := lineBreak(s[n:]); b > 0 {
		return n + b, false
	}
	return 0, false
}

func blanks(s []byte) int { return len(s) - len(bytes.TrimLeft(s, " \t\v\f")) }

// lineBreak is the length of the line break at the start of s.
func lineBreak(s []byte) int {
	switch {
	case bytes.HasPrefix(s, []byte("\r\n")):
		return 2
	case len(s) > 0 && (s[0] == '\n' || s[0] == '\r'):
		return 1
	}
	return 0
}

// lineBreakBefore is the length of the line break at the end of s.
func lineBreakBefore(s []byte) int {
	switch {
	case bytes.HasSuffix(s, []byte("\r\n")):
		return 2
	case len(s) > 0 && (s[len(s)-1] == '\n' || s[len(s)-1] == '\r'):
		return 1
	}
	return 0
}

func (m *Multipart) skipPreamble() error {
	for {
		e, found, open := m.find(0, false)
		if found {
			m.pass(e)
			return nil
		}
		m.buf = m.buf[open:]
		if len(m.buf) == multipartBuffer {
			return &MalformedError{"a boundary is followed by too many blanks"}
		}
		if err := m.more("the preamble"); err != nil {
			return err
		}
	}
}

// pass goes behind a boundary.
func (m *Multipart) pass(e edge) {
	m.buf, m.state = m.buf[e.end:], betweenParts
	if e.final {
		m.state = inEpilogue
	}
}

// readHeader reads a part's header up to the blank line, the second half of which stays in the buffer: it is also the
// line break before a boundary that follows at once.
func (m *Multipart) readHeader() (*Part, error) {
	searched := 0
	for {
		if end, width := blankLine(m.buf, searched); end >= 0 {
			p := &Part{m: m}
			err := p.parseHeader(m.buf[:end])
			m.buf = m.buf[end+width/2:]
			p.drop = width / 2
			return p, err
		}
		if len(m.buf) == multipartBuffer {
			return nil, ErrHeaderTooLarge
		}
		searched = max(0, len(m.buf)-3)
		if err := m.more("the header of a part"); err != nil {
			return nil, err
		}
	}
}

// blankLine finds two equal line breaks in a row.
func blankLine(s []byte, from int) (start, width int) {
	start = -1
	for _, pattern := range []string{"\r\n\r\n", "\n\n", "\r\r"} {
		if i := bytes.Index(s[from:], []byte(pattern)); i >= 0 && (start < 0 || from+i < start) {
			start, width = from+i, len(pattern)
		}
	}
	return start, width
}

func (p *Part) parseHeader(block []byte) error {
	if !utf8.Valid(block) {
		return &MalformedError{"the header of a part is not UTF-8"}
	}
	text := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(block))
	text = strings.NewReplacer("\n ", " ", "\n\t", " ").Replace(text)
	for line := range strings.SplitSeq(text, "\n") {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(line) != "" {
			p.Header = append(p.Header, Field{strings.TrimSpace(name), strings.TrimSpace(value)})
		}
	}
	disposition := p.Get("Content-Disposition")
	if disposition == "" {
		return &MalformedError{"a part has no Content-Disposition"}
	}
	_, p.Params = ParseOptions(disposition)
	var named bool
	if p.Name, named = p.Params.Get("name"); !named {
		return &MalformedError{"a part has no name"}
	}
	p.Filename, p.IsFile = p.Params.Get("filename")
	return nil
}

// advance finds out how much of the buffer is the part's data. It returns io.EOF behind the last.
func (p *Part) advance() error {
	m := p.m
	if m.part != p || m.fault != nil {
		return fmt.Errorf("wire: part %q is read after the next one", p.Name)
	}
	for len(p.ahead) == 0 {
		if p.last {
			return io.EOF
		}
		if err := p.look(); err != nil {
			return err
		}
	}
	return nil
}

// look takes data off the buffer, or reads more if there is none. Until the data begins, drop is the length of the line break
// in front of it.
func (p *Part) look() error {
	m := p.m
	e, found, open := m.find(0, true)
	if found {
		p.take(e.start)
		m.pass(edge{end: e.end - e.start, final: e.final})
		p.last = true
		return nil
	}
	if open > p.drop {
		p.take(open)
		return nil
	}
	if len(m.buf) == multipartBuffer {
		return &MalformedError{"a boundary is followed by too many blanks"}
	}
	return m.more("the data of a part")
}

// take makes the buffer up to end the data ahead.
func (p *Part) take(end int) {
	p.ahead = p.m.buf[min(p.drop, end):end]
	p.m.buf = p.m.buf[end:]
	p.drop = 0
}

// Read gives the part's data.
func (p *Part) Read(dst []byte) (int, error) {
	if len(dst) == 0 {
		return 0, nil
	}
	if err := p.advance(); err != nil {
		return 0, err
	}
	n := copy(dst, p.ahead)
	p.ahead = p.ahead[n:]
	return n, nil
}

// WriteTo writes the part's data to w, without a copy in between.
func (p *Part) WriteTo(w io.Writer) (total int64, err error) {
	for {
		if err := p.advance(); err == io.EOF {
			return total, nil
		} else if err != nil {
			return total, err
		}
		n, err := w.Write(p.ahead)
		total += int64(n)
		p.ahead = p.ahead[n:]
		if err != nil {
			return total, err
		}
	}
}
