package carafe

import (
	"bytes"
	"errors"
	"fmt"
	"hash/adler32"
	"io"
	"io/fs"
	"math"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// SendFile answers with a file of the program's own choice; a relative name is below the app's root path. The answer has the
// type and name that the file's name tells, Last-Modified, an ETag, and Cache-Control; conditions and ranges of the request
// are heard, several ranges too. The file is opened when the view has returned, and a file that is missing is a 500: it is the
// program that named it. Never give it a name that comes from a client: that is [SendFromDirectory].
//
//	return carafe.SendFile("reports/q3.pdf", carafe.Attachment("Report.pdf"), carafe.MaxAge(time.Hour))
//
// Source: flask.send_file.
func SendFile(name string, opts ...FileOption) any { return &fileReply{name: name, opts: opts} }

// SendReader is SendFile of what is not a file: it needs DownloadName or MediaType, and has an ETag and Last-Modified only if
// they are given. A reader that is an io.Closer is closed in the end.
//
// Source: flask.send_file with a file object.
func SendReader(r io.ReadSeeker, opts ...FileOption) any { return &fileReply{reader: r, opts: opts} }

// SendFromDirectory answers with a file below dir, whose name may come from a client: nothing outside of dir is ever sent,
// whatever "..", separators, NULs or symbolic links say, nor anything but regular files. What cannot be sent is a 404. A relative dir
// is below the app's root path.
//
// Source: flask.send_from_directory. Unlike Flask, symbolic links are not followed out of dir.
func SendFromDirectory(dir, name string, opts ...FileOption) any {
	return &fileReply{dir: dir, name: name, opts: opts}
}

// SendFromFS is SendFromDirectory for a file system, such as an embed.FS.
func SendFromFS(fsys fs.FS, name string, opts ...FileOption) any {
	return &fileReply{fsys: fsys, name: name, opts: opts}
}

// A fileReply is what SendFile and its like return: a file that is not open yet.
type fileReply struct {
	name   string
	dir    string // name is below it, and not trusted
	fsys   fs.FS  // likewise
	reader io.ReadSeeker
	opts   []FileOption
}

// Respond implements [Responder].
func (f *fileReply) Respond(c *Context) (*Response, error) {
	if c == nil {
		return nil, errors.New("carafe: a file can only be sent inside of a request")
	}
	settings, err := fileSettings(f.opts)
	if err != nil {
		return nil, err
	}
	file, err := f.open(c.App())
	if err != nil {
		return nil, err
	}
	return c.sendFile(file, settings)
}

func (f *fileReply) open(a *App) (*openFile, error) {
	switch {
	case f.reader != nil:
		return openReader(f.reader)
	case f.fsys != nil:
		return notFound(openFS(f.fsys, f.name))
	case f.dir != "":
		return notFound(openBelow(a.underRoot(f.dir), f.name))
	}
	full := a.underRoot(f.name)
	file, err := os.OpenFile(full, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	return checked(file, full)
}

// underRoot is a path of the program's, relative ones below the app's root path.
func (a *App) underRoot(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(a.rootPath, name)
}

// notFound is the 404 of whatever keeps a file that a client named from being sent.
func notFound(f *openFile, err error) (*openFile, error) {
	if err != nil {
		return nil, &HTTPError{Code: http.StatusNotFound, Cause: err}
	}
	return f, nil
}

// An openFile is a regular file, or a reader that stands for one.
type openFile struct {
	content  readerAt
	closer   io.Closer
	base     string // the last part of its name; "" if it has none
	path     string // what an ETag is made of; "" makes none
	virtual  bool   // path is not one of the file system's
	size     int64
	modified time.Time // zero means unknown
}

// checked wraps a file that is open, and closes it again if it is no regular one. Opening does not block: a FIFO in a
// folder must not hang the server.
func checked(file fs.File, full string) (*openFile, error) {
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("carafe: %s is not a regular file", full)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	f := &openFile{closer: file, base: path.Base(filepath.ToSlash(full)), path: full, size: info.Size(), modified: info.ModTime()}
	switch content := file.(type) {
	case readerAt: // *os.File, embed's files
		f.content = content
	case io.ReadSeeker:
		f.content = &seekable{content}
	default:
		data, err := io.ReadAll(file)
		if err != nil {
			return nil, errors.Join(err, file.Close())
		}
		f.content, f.size = bytes.NewReader(data), int64(len(data))
	}
	return f, nil
}

// cleanName is a client's name without "." and "..", as os.Root and fs.FS want it; ok is false for what leads out, and for
// the folder itself.
func cleanName(name string) (string, bool) {
	joined, ok := SafeJoin("", name)
	clean := strings.TrimPrefix(joined, "./")
	return clean, ok && clean != "" && clean != "."
}

// openBelow opens a file below a folder; os.Root keeps symbolic links in.
func openBelow(dir, name string) (*openFile, error) {
	clean, ok := cleanName(name)
	if !ok {
		return nil, fmt.Errorf("carafe: %q leads out of its folder", name)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return openInRoot(root, clean)
}

func openInRoot(root *os.Root, clean string) (*openFile, error) {
	file, err := root.OpenFile(filepath.FromSlash(clean), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	return checked(file, root.Name()+"/"+clean)
}

func openFS(fsys fs.FS, name string) (*openFile, error) {
	clean, ok := cleanName(name)
	if !ok || !fs.ValidPath(clean) {
		return nil, fmt.Errorf("carafe: %q leads out of its folder", name)
	}
	file, err := fsys.Open(clean)
	if err != nil {
		return nil, err
	}
	f, err := checked(file, clean)
	if err == nil {
		f.virtual = true
	}
	return f, err
}

func openReader(r io.ReadSeeker) (*openFile, error) {
	size, err := r.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = r.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, fmt.Errorf("carafe: SendReader: %w", err)
	}
	f := &openFile{size: size}
	f.closer, _ = r.(io.Closer)
	if at, ok := r.(readerAt); ok {
		f.content = at
	} else {
		f.content = &seekable{r}
	}
	return f, nil
}

func (f *openFile) close() error {
	if f.closer == nil {
		return nil
	}
	return f.closer.Close()
}

// sendFile makes the response of an open file, which is closed with it.
func (c *Context) sendFile(f *openFile, s FileSettings) (*Response, error) {
	resp := &Response{Header: make(http.Header, 8)}
	if err := describeFile(resp, f, &s); err != nil {
		return nil, errors.Join(err, f.close())
	}
	return c.sendDescribed(resp, f, &s)
}

// sendDescribed is sendFile for a response whose headers say what the file is.
func (c *Context) sendDescribed(resp *Response, f *openFile, s *FileSettings) (*Response, error) {
	c.setMaxAge(resp, f, s)
	if c.leavesToServer(f, s) {
		return c.nameFile(resp, f, s)
	}
	resp.stream = sendSection(f.content, 0, f.size)
	if err := c.fileConditions(resp, f, s); err != nil {
		_ = f.close()
		return nil, err
	}
	if f.closer != nil {
		resp.OnClose(func() { _ = f.closer.Close() })
	}
	return resp, nil
}

// describeFile sets the headers that say what the file is.
func describeFile(resp *Response, f *openFile, s *FileSettings) error {
	name := f.base
	if s.DownloadName != nil {
		name = *s.DownloadName
	}
	named := f.base != "" || s.DownloadName != nil
	if err := setFileType(resp, name, named, s); err != nil {
		return err
	}
	if named {
		if err := resp.SetDisposition(name, s.Attachment); err != nil {
			return err
		}
	} else if s.Attachment {
		return errors.New("carafe: an attachment needs a name: give carafe.Attachment a name, or carafe.DownloadName")
	}
	resp.Header[headerLength] = []string{strconv.FormatInt(f.size, 10)}
	if err := f.setETag(resp, s); err != nil { // of the file's own time
		return err
	}
	given := !s.LastModified.IsZero()
	if given {
		f.modified = s.LastModified
	}
	if given || f.modified.Unix() > 0 { // a file system without times says 1970
		resp.SetLastModified(f.modified)
	}
	return nil
}

func setFileType(resp *Response, name string, named bool, s *FileSettings) error {
	typ, coding := s.MediaType, ""
	if typ == "" {
		if !named {
			return errors.New("carafe: the type of a reader cannot be told: give carafe.MediaType or carafe.DownloadName")
		}
		if typ, coding = guessType(name); typ == "" {
			typ = typeUnknown
		}
	}
	if coding != "" && !s.Attachment {
		resp.Header[headerEncoding] = []string{coding}
	}
	resp.SetMediaType(typ)
	return resp.err
}

// setMaxAge says for how long caches may keep the file.
//
// Source: flask.send_file, Flask.get_send_file_max_age.
func (c *Context) setMaxAge(resp *Response, f *openFile, s *FileSettings) {
	age, given := c.App().fileMaxAge(f.path)
	if s.MaxAge != nil {
		age, given = *s.MaxAge, true
	}
	if !given {
		resp.Header[headerCacheControl] = []string{"no-cache"}
		return
	}
	seconds := strconv.FormatInt(int64(age/time.Second), 10)
	value := "no-cache, max-age=" + seconds
	if age > 0 {
		value = "public, max-age=" + seconds
	}
	if s.immutable {
		value += ", immutable"
	}
	resp.Header[headerCacheControl] = []string{value}
	resp.SetExpires(c.App().now().Add(age))
}

// fileMaxAge is what the app says of a file; given is false if it says nothing.
func (a *App) fileMaxAge(name string) (age time.Duration, given bool) {
	if a.FileMaxAge != nil {
		return a.FileMaxAge(name)
	}
	return a.Config.SendFileMaxAge, a.Config.SendFileMaxAge != 0
}

// setETag makes an entity tag of the file's time, size and path, the one that Flask makes.
func (f *openFile) setETag(resp *Response, s *FileSettings) error {
	switch {
	case s.ETag != nil && *s.ETag != "":
		return resp.SetETag(*s.ETag, false)
	case s.ETag != nil || f.path == "" || f.modified.IsZero():
		return nil
	}
	tag := make([]byte, 0, 48)
	tag = append(tag, '"')
	tag = append(tag, pythonTime(f.modified)...)
	tag = append(tag, '-')
	tag = strconv.AppendInt(tag, f.size, 10)
	tag = append(tag, '-')
	tag = strconv.AppendUint(tag, uint64(adler32.Checksum([]byte(f.path))), 10)
	resp.Header[headerETag] = []string{string(append(tag, '"'))}
	return nil
}

// pythonTime is a time as Python prints os.stat's st_mtime.
func pythonTime(t time.Time) string {
	seconds := float64(t.Unix()) + 1e-9*float64(t.Nanosecond())
	if seconds == math.Trunc(seconds) {
		return strconv.FormatFloat(seconds, 'f', 1, 64)
	}
	return strconv.FormatFloat(seconds, 'f', -1, 64)
}

// fileConditions answers a 304, 412, 206 or 416 in place of the file.
func (c *Context) fileConditions(resp *Response, f *openFile, s *FileSettings) error {
	if err := c.filePreconditions(resp, f, s); err != nil || resp.Header[headerAcceptRanges] == nil || resp.Status != 0 {
		return err
	}
	h := c.Request.Header
	if h["Range"] == nil || !ifRange(h, resp.etag(), f.modified) {
		return nil
	}
	return resp.serveRanges(h.Get("Range"), f.content, f.size)
}

// filePreconditions answers a 304 or 412 in place of the file; if it accepts ranges it says so.
func (c *Context) filePreconditions(resp *Response, f *openFile, s *FileSettings) error {
	method := c.Request.Method
	if s.Plain || method != http.MethodGet && method != http.MethodHead {
		return nil
	}
	resp.Header[headerAcceptRanges] = []string{"bytes"}
	switch preconditions(c.Request.Header, resp.etag(), f.modified) {
	case notModified:
		resp.Status = http.StatusNotModified
		resp.SetText("")
	case failed:
		return &HTTPError{Code: http.StatusPreconditionFailed}
	}
	return nil
}

// etag is the entity tag as it is sent, "" if there is none.
func (resp *Response) etag() string {
	if v := resp.Header[headerETag]; v != nil {
		return v[0]
	}
	return ""
}

// OpenResource opens a file below the app's root path for reading. It cannot lead out of it.
//
// Source: Flask.open_resource.
func (a *App) OpenResource(name string) (fs.File, error) {
	clean, ok := cleanName(name)
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	root, err := os.OpenRoot(a.rootPath)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.Open(clean)
}
