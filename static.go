package carafe

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// addStatic adds the route of the app's static files: what the option Static says, else the folder "static" beside the app, if
// there is one.
//
// Source: Flask.__init__. Unlike Flask, a folder that nobody named and that does not exist has no route.
func (a *App) addStatic(site Site) {
	st := a.static
	if st == nil {
		info, err := os.Stat(filepath.Join(a.rootPath, "static"))
		if err != nil || !info.IsDir() || a.hostMatching {
			return
		}
		st = &Static{Dir: "static"}
	}
	if err := a.mountStatic(site, *st); err != nil {
		panic(&SetupError{Site: site, Err: err})
	}
}

func (a *App) mountStatic(site Site, st Static) error {
	switch {
	case a.hostMatching && st.Host == "":
		return errors.New("HostMatching needs Static{Host: …}: at which host are the static files?")
	case !a.hostMatching && st.Host != "":
		return errors.New("Static.Host needs HostMatching(true)")
	}
	rule, view, err := a.staticRoute(st)
	if err != nil {
		return err
	}
	if st.Hash {
		a.hashURLs("static", view)
	}
	return a.addRoute(site, rule, view.call, RouteSettings{Endpoint: "static", Host: st.Host})
}

// AddStatic adds the static files of the blueprint that is registered as name: the endpoint "static", prefixed like any other of
// its routes, and Static.Path below prefix. Of s the Subdomain and Defaults are heard.
//
// Source: Blueprint.register.
func (r *Registrar) AddStatic(site Site, name, prefix string, st Static, s RouteSettings) error {
	rule, view, err := r.app.staticRoute(st)
	if err != nil {
		return err
	}
	endpoint := "static"
	if name != "" {
		endpoint = name + ".static"
	}
	if st.Hash {
		r.app.hashURLs(endpoint, view)
	}
	s.Endpoint, s.Host = "static", st.Host
	return r.app.addRoute(site, strings.TrimRight(prefix, "/")+rule, view.call, s, name)
}

// staticRoute is the rule and the view of a folder.
func (a *App) staticRoute(st Static) (rule string, view *staticView, err error) {
	if st.FS != nil && st.Dir != "" {
		return "", nil, errors.New("Static has both Dir and FS: give one of them")
	}
	prefix := strings.TrimRight(st.Path, "/")
	switch {
	case st.Path != "" && !strings.HasPrefix(st.Path, "/"):
		return "", nil, errors.New("Static.Path must begin with a slash")
	case st.Path == "" && st.FS != nil:
		prefix = "/static"
	case st.Path == "":
		if base := filepath.Base(filepath.Clean(st.Dir)); base != "." && base != string(filepath.Separator) {
			prefix = "/" + base
		}
	}
	view = &staticView{app: a, fsys: st.FS, precompressed: st.Precompressed, hash: st.Hash, maxAge: st.MaxAge}
	if st.FS == nil {
		view.dir = a.underRoot(st.Dir)
	}
	return prefix + "/<path:filename>", view, nil
}

// A staticView serves the files of one folder.
type staticView struct {
	app           *App
	dir           string
	fsys          fs.FS // instead of dir
	precompressed bool
	hash          bool
	maxAge        time.Duration

	opening sync.Mutex
	root    *os.Root // of dir, opened by the first request and kept
	hashes  sync.Map // of name to fileHash

	described sync.Map // of name to *described
}

// call is the view, of the shape that is called without reflection.
func (v *staticView) call(c *Context) (any, error) {
	resp, err := v.serve(c, c.Param("filename"))
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// serve sends a file. Folders are never listed, and what begins with a dot is hidden, but for ".well-known".
//
// Source: Flask.send_static_file.
func (v *staticView) serve(c *Context, filename string) (*Response, error) {
	f, coding, err := v.openFor(c.Request, filename)
	if err != nil {
		return nil, &HTTPError{Code: http.StatusNotFound, Cause: err}
	}
	s := FileSettings{}
	if v.maxAge != 0 {
		s.MaxAge = &v.maxAge
	}
	if coding != "" {
		typ, _ := guessType(filename)
		if s.MediaType = typ; typ == "" {
			s.MediaType = typeUnknown
		}
		name := path.Base(filename)
		s.DownloadName = &name
	}
	if given, ok := c.Request.arg("v"); v.hash && ok && given == v.hashOf(filename) {
		year := 365 * 24 * time.Hour
		s.MaxAge, s.immutable = &year, true
	}
	resp, err := v.send(c, f, filename, s)
	if err != nil || !v.precompressed {
		return resp, err
	}
	resp.Vary("Accept-Encoding")
	if coding != "" {
		resp.Header[headerEncoding] = []string{coding}
	}
	return resp, nil
}

// A described is the headers of a file, as long as it stays what it was.
type described struct {
	modified time.Time
	size     int64
	header   http.Header
}

// send is sendFile with the headers kept from one request to the next: working them out costs a third of serving a small
// file (BenchmarkStaticFile). There are as many as there are files in the folder. A response has a copy of its own.
func (v *staticView) send(c *Context, f *openFile, filename string, s FileSettings) (*Response, error) {
	if s.DownloadName != nil {
		return c.sendFile(f, s)
	}
	if known, ok := v.described.Load(filename); ok {
		if d := known.(*described); d.size == f.size && d.modified.Equal(f.modified) {
			if c.asksForAll() && c.unseen() && !v.precompressed && !c.leavesToServer(f, &s) {
				return c.sendAll(f, &s, d.header)
			}
			return c.sendDescribed(&Response{Header: d.header.Clone()}, f, &s)
		}
	}
	resp := &Response{Header: make(http.Header, 8)}
	if err := describeFile(resp, f, &s); err != nil {
		return nil, errors.Join(err, f.close())
	}
	v.described.Store(filename, &described{f.modified, f.size, resp.Header.Clone()})
	return c.sendDescribed(resp, f, &s)
}

// asksForAll says that neither conditions nor ranges are to be heard, nor user code is to be asked.
func (c *Context) asksForAll() bool {
	r, h := c.Request, c.Request.Header
	return c.w != nil && c.App().FileMaxAge == nil && (r.Method == http.MethodGet || r.Method == http.MethodHead) && h["Range"] == nil && h["If-None-Match"] == nil &&
		h["If-Modified-Since"] == nil && h["If-Match"] == nil && h["If-Unmodified-Since"] == nil
}

// sendAll is sendDescribed and step 9 for a file of which nobody sees the Response: its headers are put among the server's at once.
// It is a tenth of what 100 KB cost (bench/static), and the same bytes (TestAStaticFileIsTheSameWhoeverLooks).
func (c *Context) sendAll(f *openFile, s *FileSettings, header http.Header) (*Response, error) {
	defer func() { _ = f.close() }()
	h := c.w.Header()
	var outer http.Header // as it is to be for the page of an error
	if len(h) > 0 {
		outer = maps.Clone(h)
	}
	own := make([]string, 0, len(header)) // one value each; middleware may change what it finds
	for name, values := range header {
		own = append(own, values[0])
		h[name] = own[len(own)-1 : len(own) : len(own)]
	}
	resp := &Response{Header: h, stream: sendSection(f.content, 0, f.size)}
	c.setMaxAge(resp, f, s)
	h[headerAcceptRanges] = []string{"bytes"}
	resp.Header = nil
	err := resp.writeTo(c)
	switch {
	case err != nil && !c.sent:
		clear(h)
		maps.Copy(h, outer)
		return nil, err
	case err != nil:
		return &Response{sent: true, err: err}, nil
	}
	return alreadySent, nil
}

// hidden says whether a name begins with a dot somewhere, or is another spelling of some name: "a/./b", "a//b". A file has one URL, so
// that a hook which guards some of them cannot be gone round; and what is kept by name has as many entries as there are files.
//
// Unlike Flask, which resolves dots in the path once more.
func hidden(name string) bool {
	for segment := range strings.SplitSeq(name, "/") {
		if segment == "" || strings.HasPrefix(segment, ".") && segment != ".well-known" {
			return true
		}
	}
	return false
}

var errHidden = errors.New("carafe: names that begin with a dot, and other spellings of a name, are not served")

func (v *staticView) open(name string) (*openFile, error) {
	if hidden(name) {
		return nil, errHidden
	}
	if v.fsys != nil {
		return openFS(v.fsys, name)
	}
	clean, ok := cleanName(name)
	if !ok {
		return nil, fs.ErrInvalid
	}
	root, err := v.openRoot()
	if err != nil {
		return nil, err
	}
	return openInRoot(root, clean)
}

// openRoot opens the folder once. While it is not there, each request looks again.
func (v *staticView) openRoot() (*os.Root, error) {
	v.opening.Lock()
	defer v.opening.Unlock()
	if v.root != nil {
		return v.root, nil
	}
	root, err := os.OpenRoot(v.dir)
	v.root = root
	return root, err
}

// siblings are the codings of which a compressed file may lie beside the original, the smallest first.
var siblings = []struct{ coding, suffix string }{{"br", ".br"}, {"zstd", ".zst"}, {"gzip", ".gz"}}

// openFor opens the file, or what lies beside it in a coding that the client takes.
func (v *staticView) openFor(r *Request, name string) (f *openFile, coding string, err error) {
	if v.precompressed && r.Header["Accept-Encoding"] != nil {
		accept := r.AcceptEncodings()
		for _, s := range siblings {
			if q, _ := accept.Quality(s.coding); q <= 0 {
				continue
			}
			if f, err := v.open(name + s.suffix); err == nil {
				return f, s.coding, nil
			}
		}
	}
	f, err = v.open(name)
	return f, "", err
}

// A fileHash is a content's hash, as long as the file stays what it was.
type fileHash struct {
	modified time.Time
	size     int64
	text     string
}

// hashURLs has URLs of the endpoint carry the hash of the file's content, "?v=…": such a URL is another one when the file
// changes, so that caches may keep what it names for ever.
func (a *App) hashURLs(endpoint string, v *staticView) {
	a.URLDefaults(func(_ *Context, e string, values Values) {
		name, ok := values["filename"].(string)
		if e != endpoint || !ok || values["v"] != nil {
			return
		}
		if hash := v.hashOf(name); hash != "" {
			values["v"] = hash
		}
	})
}

// hashOf is the hash of a file's content, "" if it cannot be read. It is worked out anew when the file changes.
func (v *staticView) hashOf(name string) string {
	f, err := v.open(name)
	if err != nil {
		return ""
	}
	defer f.close()
	if h, ok := v.hashes.Load(name); ok && h.(fileHash).modified.Equal(f.modified) && h.(fileHash).size == f.size {
		return h.(fileHash).text
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(f.content, 0, f.size)); err != nil {
		return ""
	}
	text := hex.EncodeToString(sum.Sum(nil)[:8])
	v.hashes.Store(name, fileHash{f.modified, f.size, text})
	return text
}
