package carafe

import (
	"errors"
	"io"
	"os"
	"runtime"
	"strconv"

	"github.com/carafeweb/carafe/wire"
)

// uploadMemory is how many bytes of a request's files are kept in memory; the rest goes to one temporary file.
const uploadMemory = 500_000

// An Upload is a file that a client sent in a form. It can be read until the request ends, by any number of goroutines.
//
// Source: werkzeug.datastructures.FileStorage.
type Upload struct {
	// Name is that of the form's field.
	Name string
	// Filename is what the client says. It may be a path, or an attack: see [SecureFilename]. It is "" if the
	// field was left empty.
	Filename string
	// Header is the part's header in order.
	Header []wire.Field

	content io.ReaderAt
	size    int64
}

// Size is the number of bytes.
func (u *Upload) Size() int64 { return u.size }

// Given is false for the empty part that browsers send for a field in which no file was chosen.
//
// Source: FileStorage.__bool__.
func (u *Upload) Given() bool { return u.Filename != "" }

// Open reads the file from its beginning; each call is a reader of its own.
func (u *Upload) Open() *io.SectionReader { return io.NewSectionReader(u.content, 0, u.size) }

// Bytes is the whole file.
func (u *Upload) Bytes() ([]byte, error) {
	data := make([]byte, u.size)
	_, err := io.ReadFull(u.Open(), data)
	return data, err
}

// Get is the first value of a field of the part's header.
func (u *Upload) Get(name string) string { return (&wire.Part{Header: u.Header}).Get(name) }

// ContentType is what the client says the file is, with parameters; "" if it says nothing.
func (u *Upload) ContentType() string { return u.Get(headerType) }

// MediaType is ContentType without parameters, in lower case.
func (u *Upload) MediaType() string { return mediaType(u.ContentType()) }

// MediaTypeParams are the parameters of ContentType.
func (u *Upload) MediaTypeParams() map[string]string {
	_, params := wire.ParseOptions(u.ContentType())
	return params.Map()
}

// ContentLength is what the client says in the part's header, 0 as a rule; see Size.
//
// Source: FileStorage.content_length.
func (u *Upload) ContentLength() int64 {
	n, err := strconv.ParseInt(u.Get(headerLength), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// Save writes the file to a path, which it replaces. The path is the program's affair: never join the client's Filename to it
// without [SecureFilename]. To stay inside of a folder whatever the name is, open an *os.Root and use SaveTo.
//
// Source: FileStorage.save.
func (u *Upload) Save(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, u.Open())
	return errors.Join(err, f.Close())
}

// SaveTo writes the file below a root, which it cannot leave: names with "..", absolute ones, and symbolic links that lead
// out are errors.
func (u *Upload) SaveTo(root *os.Root, name string) error {
	f, err := root.Create(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, u.Open())
	return errors.Join(err, f.Close())
}

// SecureFilename makes of a name that a client sent one that can be stored: ASCII letters, digits, "_", "-" and "." only. It
// may come out empty: "☃" leaves nothing.
//
//	SecureFilename("../../../etc/passwd")  // "etc_passwd"
//
// Source: werkzeug.utils.secure_filename.
func SecureFilename(name string) string { return wire.SecureFilename(name, runtime.GOOS == "windows") }

// SafeJoin joins a folder with parts of a path that are not trusted; ok is false if they would lead out of it. It looks at the text
// only: see [SendFromDirectory] for opening such a file, which symbolic links cannot lead out either.
//
// Source: werkzeug.security.safe_join.
func SafeJoin(dir string, parts ...string) (path string, ok bool) {
	return wire.SafeJoin(runtime.GOOS == "windows", dir, parts...)
}

// keepFile takes a part that is a file.
func (m *requestMore) keepFile(p *wire.Part) error {
	content, size, err := m.form.spool.keep(p)
	if err != nil {
		return err
	}
	m.form.files.Add(p.Name, &Upload{Name: p.Name, Filename: p.Filename, Header: p.Header, content: content, size: size})
	return nil
}

// A spool keeps the files of one request: in memory while the budget lasts, then in one temporary file, whatever their number, so
// that hostile forms do not use up descriptors. Where the system lets it, that file has no name: nothing of it is left
// if the process dies.
type spool struct {
	budget int64
	dir    string
	file   *os.File
	named  bool
	end    int64
}

// keep stores one file. Its errors are *HTTPError if they are the client's, and plain ones if the disk fails.
func (s *spool) keep(src *wire.Part) (io.ReaderAt, int64, error) {
	w := &spoolWriter{spool: s}
	if _, err := src.WriteTo(w); err != nil {
		if w.fault != nil {
			return nil, 0, w.fault
		}
		return nil, 0, bodyError(err)
	}
	s.budget -= int64(len(w.memory))
	if !w.spilled {
		return bytesAt(w.memory), int64(len(w.memory)), nil
	}
	size := s.end - w.start
	return io.NewSectionReader(s.file, w.start, size), size, nil
}

// spoolWriter writes one file to the spool.
type spoolWriter struct {
	spool   *spool
	memory  []byte
	spilled bool
	start   int64
	fault   error
}

func (w *spoolWriter) Write(p []byte) (int, error) {
	if !w.spilled && int64(len(w.memory)+len(p)) <= w.spool.budget {
		w.memory = append(w.memory, p...)
		return len(p), nil
	}
	if w.fault = w.spill(p); w.fault != nil {
		return 0, w.fault
	}
	return len(p), nil
}

// spill writes to the temporary file, first what was in memory.
func (w *spoolWriter) spill(p []byte) error {
	if !w.spilled {
		if err := w.spool.open(); err != nil {
			return err
		}
		w.spilled, w.start = true, w.spool.end
		if err := w.spool.append(w.memory); err != nil {
			return err
		}
		w.memory = nil
	}
	return w.spool.append(p)
}

func (s *spool) append(p []byte) error {
	n, err := s.file.WriteAt(p, s.end)
	s.end += int64(n)
	return err
}

func (s *spool) open() (err error) {
	if s.file != nil {
		return nil
	}
	if s.file, err = os.CreateTemp(s.dir, "carafe-upload-*"); err != nil {
		return err
	}
	s.named = os.Remove(s.file.Name()) != nil // Windows keeps open files
	return nil
}

func (s *spool) close() error {
	if s == nil || s.file == nil {
		return nil
	}
	err := s.file.Close()
	if s.named {
		err = errors.Join(err, os.Remove(s.file.Name()))
	}
	s.file = nil
	return err
}

// bytesAt reads a file that is in memory.
type bytesAt []byte

func (b bytesAt) ReadAt(p []byte, off int64) (int, error) {
	if off >= int64(len(b)) {
		return 0, io.EOF
	}
	n := copy(p, b[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// close removes the request's uploads.
func (r *Request) close() error {
	m := r.more.Load()
	if m == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.form.spool.close()
}
