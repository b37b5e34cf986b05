package gateway

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"net/http"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A CGIProgram is an Application that runs a program for each request: the other side of RunCGI.
//
// The program's environment is the environ as far as it is text, Env, PATH, and nothing else of this process's unless
// Inherit names it. What it writes to standard output is sent on at once, what it writes to standard error goes to
// wsgi.errors. A chunked request body is answered with 411, as CGI cannot say how long it is. When the client leaves,
// the program is killed; when the program fails behind its header, the answer breaks off. A Location without Status is a
// 302, also where RFC 3875 section 6.2.2 has the server look for another resource itself. The field Status of a repeated
// header counts once. It may be called from many goroutines; do not change it meanwhile.
//
// Source: RFC 3875. net/http/cgi is not used: it holds streamed output back and takes a failed program's for whole.
type CGIProgram struct {
	Path    string   // of the program
	Args    []string // after the program's name
	Dir     string   // to run in; "" means the program's own
	Env     []string // additional "NAME=value"
	Inherit []string // names of variables to pass on
}

// maxCGIHeader bounds a program's header, in bytes.
const maxCGIHeader = 1 << 20

// ServeGateway runs the program.
func (p *CGIProgram) ServeGateway(env Environ, start StartResponse) (Body, error) {
	r, err := RequestOf(env)
	if err != nil {
		return nil, err
	}
	if r.ContentLength < 0 {
		_, err := start("411 Length Required", http.Header{"Content-Type": {"text/plain; charset=utf-8"}}, nil)
		return Text("CGI needs a Content-Length.\n"), err
	}
	run, err := p.run(env, r)
	if err != nil {
		return nil, err
	}
	status, header, err := run.readHeader()
	if err == nil {
		_, err = start(status, header, nil)
	}
	return run, err
}

// run starts the program.
func (p *CGIProgram) run(env Environ, r *http.Request) (*cgiRun, error) {
	ctx, cancel := context.WithCancel(env.Context())
	cmd := exec.CommandContext(ctx, p.Path, p.Args...)
	cmd.Dir, cmd.Env, cmd.Stderr = p.Dir, p.environ(env), env.Errors()
	cmd.WaitDelay = time.Second // for the copying of standard input, which may wait for the client
	if p.Dir == "" {
		cmd.Dir = filepath.Dir(p.Path)
	}
	if r.ContentLength > 0 {
		cmd.Stdin = &limitedBody{inputOf(r), r.ContentLength}
	}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		cancel()
		return nil, fmt.Errorf("gateway: CGI program: %w", err)
	}
	limit := &io.LimitedReader{R: out, N: maxCGIHeader}
	return &cgiRun{path: p.Path, cmd: cmd, kill: cancel, limit: limit, out: bufio.NewReaderSize(limit, fileBlock)}, nil
}

// environ is the environ as a process has it. Names with a "." are the contract's own.
func (p *CGIProgram) environ(env Environ) []string {
	vars := []string{"GATEWAY_INTERFACE=CGI/1.1", "SERVER_SOFTWARE=carafe", "PATH=" + os.Getenv("PATH"), "SCRIPT_FILENAME=" + p.Path}
	for _, name := range p.Inherit {
		if value, ok := os.LookupEnv(name); ok {
			vars = append(vars, name+"="+value)
		}
	}
	for name, value := range env {
		if text, ok := value.(string); ok && name != "" && !strings.ContainsAny(name, ".=\x00") && !strings.Contains(text, "\x00") {
			vars = append(vars, name+"="+text)
		}
	}
	return append(vars, p.Env...)
}

// A cgiRun is a program at work; as a Body, its output behind the header.
type cgiRun struct {
	path   string
	cmd    *exec.Cmd
	kill   context.CancelFunc
	limit  *io.LimitedReader
	out    *bufio.Reader
	waited bool
}

// readHeader reads up to the empty line, and makes start_response's arguments of it.
func (c *cgiRun) readHeader() (status string, header http.Header, err error) {
	fields, err := textproto.NewReader(c.out).ReadMIMEHeader()
	if err != nil {
		return "", nil, fmt.Errorf("gateway: CGI program %s: header: %w", c.path, err)
	}
	c.limit.N = math.MaxInt64
	header = http.Header(fields)
	status = header.Get("Status")
	switch {
	case status == "" && header.Get("Location") != "":
		status = "302 Found"
	case status == "" && header.Get("Content-Type") == "":
		return "", nil, fmt.Errorf("gateway: CGI program %s: neither Content-Type nor Location nor Status in its header", c.path)
	case status == "":
		status = "200 OK"
	case len(status) == 3:
		status += " "
	}
	header.Del("Status")
	for name := range header {
		if IsHopByHop(name) {
			delete(header, name)
		}
	}
	return status, header, nil
}

// Blocks yields what the program writes, as it comes. A program that fails is an error.
func (c *cgiRun) Blocks() iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		buf := make([]byte, fileBlock)
		for {
			n, err := c.out.Read(buf)
			if n > 0 && !yield(buf[:n], nil) {
				return
			}
			if err == nil {
				continue
			}
			if err == io.EOF {
				err = c.wait()
			}
			if err != nil {
				yield(nil, fmt.Errorf("gateway: CGI program %s: %w", c.path, err))
			}
			return
		}
	}
}

// wait ends the program's life. That it did not read all of its input is its own affair.
func (c *cgiRun) wait() error {
	c.waited = true
	err := c.cmd.Wait()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return err
	}
	return nil
}

// Close kills the program if it still runs.
func (c *cgiRun) Close() error {
	c.kill()
	if !c.waited {
		c.wait()
	}
	return nil
}
