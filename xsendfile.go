package carafe

import (
	"net/http"
	"path/filepath"
)

const headerXSendfile = "X-Sendfile"

// XSendfile says whether the file is left to the web server in front: the answer then has the file's name in the header X-Sendfile,
// no body, and the server puts the file in its place. Readers and files of an fs.FS have no such name, and are sent as ever. Only for
// servers that are set up for it, as lighttpd (x-sendfile) and Apache (mod_xsendfile) can be: others pass the name on to the client.
//
// Unlike Flask, whose answer promises the Content-Length of the file and serves ranges of it: both are the server's to say, who
// sends it, and a length without its bytes breaks the connection to that server.
//
// Source: use_x_sendfile of werkzeug.utils.send_file.
type XSendfile bool

// ApplyFile implements [FileOption].
func (b XSendfile) ApplyFile(s *FileSettings) { s.XSendfile = (*bool)(&b) }

// leavesToServer says whether the web server in front sends the file.
func (c *Context) leavesToServer(f *openFile, s *FileSettings) bool {
	use := c.App().Config.UseXSendfile
	if s.XSendfile != nil {
		use = *s.XSendfile
	}
	return use && f.path != "" && !f.virtual
}

// nameFile is sendDescribed for a file that the web server in front sends. The file is there, or it could not have been opened.
func (c *Context) nameFile(resp *Response, f *openFile, s *FileSettings) (*Response, error) {
	err := f.close()
	var name string
	if err == nil {
		name, err = filepath.Abs(f.path)
	}
	if err == nil {
		err = checkHeader(headerXSendfile, name)
	}
	if err == nil {
		err = c.filePreconditions(resp, f, s)
	}
	if err != nil {
		return nil, err
	}
	delete(resp.Header, headerLength)            // that of the body is none
	if resp.status() != http.StatusNotModified { // some servers would send the file all the same
		resp.Header[headerXSendfile] = []string{name}
	}
	return resp, nil
}
