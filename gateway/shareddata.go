package gateway

import (
	"cmp"
	"fmt"
	"hash/adler32"
	"io"
	"io/fs"
	"maps"
	"mime"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A SharedData serves files below some paths, and passes on what it has no file for.
//
// Files are answered to GET and HEAD with ETag, Last-Modified, Expires and Cache-Control; conditional and range requests
// are net/http's (RFC 9110 sections 13 and 14). There are no listings and no index files. Whatever is not a regular file
// below the export goes to the next handler: a folder, a device, a symbolic link that leads out, a name with "..", a
// backslash or NUL in it, and names that begin with a dot.
//
// Source: Werkzeug SharedDataMiddleware. Unlike Werkzeug, other methods are passed on, dot files are not served, and
// Disallow takes several patterns.
type SharedData struct {
	Exports map[string]fs.FS // by path: "/static". The longest that fits is asked first

	Disallow []string // path.Match patterns of base names that are not served: "*.map". A bad one disallows everything

	// CacheTimeout is how long a client may keep a file without asking. Zero means 12 h; negative, that it asks each time.
	CacheTimeout time.Duration

	FallbackType string // Content-Type of an unknown extension; "" means application/octet-stream
}

// Dir is the folder name as an export. Files are opened below it only, even through symbolic links (os.Root).
func Dir(name string) (fs.FS, error) {
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	return root.FS(), nil
}

// OneFile is an export of a single file, served at the export's own path.
func OneFile(name string) (fs.FS, error) {
	dir, err := Dir(filepath.Dir(name))
	return oneFile{dir, filepath.Base(name)}, err
}

// A oneFile answers to the name ".".
type oneFile struct {
	dir  fs.FS
	name string
}

func (o oneFile) Open(name string) (fs.File, error) {
	if name != "." {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return o.dir.Open(o.name)
}

// Wrap returns next behind the shared files. Exports may not change afterwards.
func (s SharedData) Wrap(next http.Handler) http.Handler {
	prefixes := slices.SortedFunc(maps.Keys(s.Exports), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b))
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			for _, prefix := range prefixes {
				if s.serve(w, r, prefix) {
					return
				}
			}
		}
		next.ServeHTTP(w, r)
	})
}

// serve answers with the export's file, or reports that it has none.
func (s *SharedData) serve(w http.ResponseWriter, r *http.Request, prefix string) bool {
	name, ok := strings.CutPrefix(r.URL.Path, strings.TrimSuffix(prefix, "/"))
	if !ok || name != "" && name[0] != '/' {
		return false
	}
	name = strings.TrimPrefix(name, "/")
	if name == "" && !strings.HasSuffix(r.URL.Path, "/") {
		name = "."
	}
	shared, err := s.open(s.Exports[prefix], name)
	if err != nil {
		return false
	}
	defer shared.Close()
	s.setHeaders(w.Header(), shared)
	http.ServeContent(w, r, "", shared.modified(), shared)
	return true
}

// A sharedFile is an open regular file.
type sharedFile struct {
	io.ReadSeeker
	io.Closer
	info fs.FileInfo
}

// started stands for the time of files that have none, those of an embed.FS: they change with the program only.
var started = time.Now()

func (f *sharedFile) modified() time.Time {
	if t := f.info.ModTime(); !t.IsZero() {
		return t
	}
	return started
}

// open opens a regular file. It asks for its kind before it opens: opening a pipe waits for a writer.
func (s *SharedData) open(export fs.FS, name string) (*sharedFile, error) {
	if !fs.ValidPath(name) || strings.ContainsAny(name, "\\\x00") || !s.isAllowed(name) {
		return nil, fs.ErrNotExist
	}
	if one, ok := export.(oneFile); ok && name == "." {
		export, name = one.dir, one.name
	}
	info, err := fs.Stat(export, name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fs.ErrNotExist
	}
	file, err := export.Open(name)
	if err != nil {
		return nil, err
	}
	seeker, ok := file.(io.ReadSeeker)
	if !ok {
		file.Close()
		return nil, fmt.Errorf("gateway: %s cannot seek", name)
	}
	return &sharedFile{seeker, file, info}, nil
}

func (s *SharedData) isAllowed(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if part != "." && part[0] == '.' {
			return false
		}
	}
	for _, pattern := range s.Disallow {
		if hit, err := path.Match(pattern, path.Base(name)); hit || err != nil {
			return false
		}
	}
	return true
}

func (s *SharedData) setHeaders(h http.Header, f *sharedFile) {
	if kind := mime.TypeByExtension(path.Ext(f.info.Name())); kind != "" {
		h.Set("Content-Type", kind)
	} else {
		h.Set("Content-Type", cmp.Or(s.FallbackType, "application/octet-stream"))
	}
	h.Set("X-Content-Type-Options", "nosniff")
	if s.CacheTimeout < 0 {
		h.Set("Cache-Control", "no-cache")
	} else {
		timeout := cmp.Or(s.CacheTimeout, 12*time.Hour)
		h.Set("Cache-Control", fmt.Sprintf("max-age=%d, public", int(timeout.Seconds())))
		h.Set("Expires", time.Now().Add(timeout).UTC().Format(http.TimeFormat))
	}
	name := adler32.Checksum([]byte(f.info.Name()))
	h.Set("Etag", fmt.Sprintf(`"wzsdm-%d-%d-%d"`, f.modified().UnixNano(), f.info.Size(), name))
}
