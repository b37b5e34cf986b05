package carafe

import (
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
)

// A guardedBody knows whether somebody has read of it.
type guardedBody struct {
	io.ReadCloser
	read atomic.Bool
}

func (b *guardedBody) Read(p []byte) (int, error) {
	b.read.Store(true)
	return b.ReadCloser.Read(p)
}

// A guardedFile knows whether somebody has read of it.
type guardedFile struct {
	io.ReaderAt
	read atomic.Bool
}

func (f *guardedFile) ReadAt(p []byte, off int64) (int, error) {
	f.read.Store(true)
	return f.ReaderAt.ReadAt(p, off)
}

// noteReading has the files of a guarded request know whether they are read.
func (m *requestMore) noteReading() {
	for _, u := range m.form.files.All() {
		u.content = &guardedFile{ReaderAt: u.content}
	}
}

// findUnread looks for uploads that the view took and nobody has read.
func (q *guardedRequest) findUnread() {
	c := q.c.Load()
	if c == nil || c.route == nil || q.writer.hijacked {
		return
	}
	status := max(q.writer.status, http.StatusOK)
	if status < http.StatusMultipleChoices && q.body != nil && !q.body.read.Load() && isUpload(c.Request) {
		q.find(GuardUnreadUpload, c.route.viewSite(), fmt.Sprintf("%s has answered %d to a body of type %q without reading any of it: "+
			"read it (c.Request.Forms, Files, Parts, Data or Stream), or refuse it with an error", q.subject(), status, c.Request.MediaType()))
	}
	if status < http.StatusBadRequest {
		q.findUnreadFiles(c, status)
	}
}

// isUpload says whether the body is more than a form's fields or a call's parameters.
func isUpload(r *Request) bool {
	return r.ContentLength != 0 && r.MediaType() != typeForm && !r.IsJSON()
}

func (q *guardedRequest) findUnreadFiles(c *Context, status int) {
	m := c.Request.more.Load()
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.form.files == nil {
		return
	}
	for _, u := range m.form.files.All() {
		if f, ok := u.content.(*guardedFile); ok && u.Given() && u.size > 0 && !f.read.Load() {
			q.find(GuardUnreadUpload, c.route.viewSite(), fmt.Sprintf("%s has answered %d, and nobody has read the file %q that was uploaded as %q (%d bytes), "+
				"which is gone now: read it with Open, Bytes, Save or SaveTo before the view returns, or refuse it with an error",
				q.subject(), status, u.Filename, u.Name, u.size))
		}
	}
}

// viewSite is where the route's view is written, else where the route was added.
func (r *route) viewSite() Site {
	if _, site := functionOf(r.given); site.File != "" {
		return site
	}
	return r.site
}
