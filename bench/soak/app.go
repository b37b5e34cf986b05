package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/carafeweb/carafe"
)

// idHeader names a request. The answer says it too, and so does its body.
const idHeader = "X-Soak-Id"

// A site is the app that is soaked. Its fault, which tests ask for, is one that the soak has to find.
type site struct {
	fault string

	mu   sync.Mutex
	last string   // the id of the request before, for the fault "mixup"
	kept [][]byte // for the fault "heap"
}

// newSite makes the app, with its files in dir.
func newSite(dir, fault string) *carafe.App {
	app := carafe.New("soak", carafe.Static{Dir: dir, Path: "/files"})
	app.Config.SecretKey = "a key for the soak and nothing else: 5d1f"
	app.Config.UploadDir = os.TempDir()
	app.Logger = slog.New(slog.NewTextHandler(io.Discard, nil)) // the panics are meant
	s := &site{fault: fault}
	app.AfterRequest(s.sign)
	app.BeforeRequest(s.spoil)
	app.Get("/text/<id>", func(c *carafe.Context, id string) string { return "text of " + s.name(id) })
	app.Get("/page/<id>", page)
	app.Post("/json", echoJSON)
	app.Post("/bind", func(o order) *carafe.Response { return carafe.JSON(o) })
	app.Post("/upload", s.upload)
	app.Post("/body", readBody)
	app.Get("/session/<id>", visit)
	app.Get("/stream/<id>", stream)
	app.Get("/events/<id>", events)
	app.Get("/wait", func(c *carafe.Context) *carafe.Response { <-c.Done(); return carafe.Text("left") }, carafe.Endpoint("wait"))
	app.Get("/panic", func() string { panic("as asked") }, carafe.Endpoint("panic"))
	app.Get("/panic-late", panicLate)
	app.Get("/upgrade", http.HandlerFunc(upgrade))
	app.Get("/figures", figuresView)
	return app
}

// sign puts the request's id into the head of its answer.
func (s *site) sign(c *carafe.Context, resp *carafe.Response) (*carafe.Response, error) {
	resp.Header.Set(idHeader, s.name(c.Request.Header.Get(idHeader)))
	return resp, nil
}

// name is the id, unless the site is to mix answers up: then every tenth is that of another request.
func (s *site) name(id string) string {
	if s.fault != "mixup" {
		return id
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	last := s.last
	s.last = id
	if strings.HasSuffix(id, "0") && last != "" {
		return last
	}
	return id
}

// spoil is what a site does that leaks.
func (s *site) spoil(c *carafe.Context) (any, error) {
	if c.Request.Path() == "/figures" {
		return nil, nil
	}
	switch s.fault {
	case "goroutines":
		go func() { select {} }()
	case "heap":
		s.mu.Lock()
		s.kept = append(s.kept, make([]byte, 1<<16))
		s.mu.Unlock()
	case "descriptors":
		f, err := os.Open(os.DevNull)
		if err != nil {
			return nil, err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		leaked = append(leaked, f)
	}
	return nil, nil
}

// leaked keeps the garbage collector from closing what the fault "descriptors" has left open.
var leaked []*os.File

func page(id string) any {
	return carafe.RenderString("<title>{{ id }}</title>\n{% for n in range(20) %}<p>{{ n }} {{ id }}</p>\n{% endfor %}", map[string]any{"id": id})
}

func echoJSON(c *carafe.Context) (any, error) { return c.Request.JSONValue() }

// An order is bound from a form.
type order struct {
	ID    string   `form:"id" json:"id" validate:"required"`
	Count int      `form:"count" json:"count" validate:"min=1"`
	Tags  []string `form:"tags" json:"tags"`
}

func readBody(c *carafe.Context) (any, error) {
	data, err := c.Request.Data()
	if err != nil {
		return nil, err
	}
	return carafe.Text(c.Request.Header.Get(idHeader) + " " + digest(data)), nil
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// upload says what was in the file. Large ones are in a temporary file meanwhile.
func (s *site) upload(c *carafe.Context) (any, error) {
	form, err := c.Request.Forms()
	if err != nil {
		return nil, err
	}
	files, err := c.Request.Files()
	if err != nil {
		return nil, err
	}
	file, ok := files.Lookup("file")
	if !ok {
		return nil, carafe.Abort(http.StatusBadRequest, "no file")
	}
	data, err := file.Bytes()
	if err != nil {
		return nil, err
	}
	if s.fault == "files" {
		err = leave(data[:1])
	}
	return carafe.Text(form.Get("id") + " " + digest(data)), err
}

// leave makes the fault that the figures of temporary files are tried with.
func leave(data []byte) error {
	f, err := os.CreateTemp("", "soak-left-")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

// visit keeps the visitor's first id in the session, and says it together with that of the request.
func visit(c *carafe.Context, id string) *carafe.Response {
	owner, ok := c.Session().Get("owner").(string)
	if !ok {
		owner = id
		c.Session().Set("owner", owner)
	}
	n, _ := c.Session().Get("visits").(int)
	c.Session().Set("visits", n+1)
	return carafe.Text(owner + " " + id)
}

// streamLines is how long a stream is.
const streamLines = 200

var padding = strings.Repeat(".", 1000)

func stream(c *carafe.Context, id string) any {
	return carafe.Stream(func(yield func([]byte) bool) {
		for range streamLines {
			if !yield([]byte(id + " " + padding + "\n")) {
				return
			}
		}
	})
}

// eventCount is how many events are sent, a moment apart.
const eventCount = 5

func events(c *carafe.Context, id string) *carafe.Response {
	return carafe.Events(func(yield func(carafe.Event) bool) {
		for range eventCount {
			if !yield(carafe.Event{ID: id, Data: "news for " + id}) {
				return
			}
			select {
			case <-time.After(5 * time.Millisecond):
			case <-c.Done():
				return
			}
		}
	})
}

func panicLate() any {
	return carafe.Stream(func(yield func([]byte) bool) {
		yield(bytes.Repeat([]byte("x"), 10_000))
		panic("as asked, when the answer had begun")
	})
}

// upgrade takes the connection and echoes lines, each with the id, until the client ends.
func upgrade(w http.ResponseWriter, r *http.Request) {
	id := r.Header.Get(idHeader)
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	_, _ = io.WriteString(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n"+idHeader+": "+id+"\r\n\r\n")
	for rw.Flush() == nil {
		line, err := rw.ReadString('\n')
		if err != nil {
			return
		}
		_, _ = rw.WriteString(id + " " + line)
	}
}
