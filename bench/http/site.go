package main

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strconv"
)

// hello is the answer of the simplest case.
const hello = "Hello, World!"

// fileSize is that of the static file.
const fileSize = 100 << 10

// Of a stream, so many pieces are each sent when they are there.
const (
	pieceCount = 10
	pieceSize  = 1 << 10
)

// secret signs the sessions of all servers.
const secret = "0123456789abcdef0123456789abcdef"

// A user is what the JSON and the template cases show.
type user struct {
	ID   int    `json:"id"`
	Name string `json:"name"`
}

// An order is what the bind case reads, checks and answers. Gin calls its tag binding, the others validate.
type (
	order struct {
		Customer string  `json:"customer" validate:"required,min=2,max=64" binding:"required,min=2,max=64"`
		Email    string  `json:"email" validate:"required,email" binding:"required,email"`
		Currency string  `json:"currency" validate:"required,oneof=EUR USD GBP" binding:"required,oneof=EUR USD GBP"`
		Express  bool    `json:"express"`
		Lines    []line  `json:"lines" validate:"required,min=1,max=100,dive" binding:"required,min=1,max=100,dive"`
		Address  address `json:"address"`
	}
	line struct {
		SKU      string  `json:"sku" validate:"required,alphanum" binding:"required,alphanum"`
		Quantity int     `json:"quantity" validate:"required,gte=1,lte=1000" binding:"required,gte=1,lte=1000"`
		Price    float64 `json:"price" validate:"gte=0" binding:"gte=0"`
	}
	address struct {
		Street string `json:"street" validate:"required" binding:"required"`
		City   string `json:"city" validate:"required" binding:"required"`
		Zip    string `json:"zip" validate:"required,numeric,len=5" binding:"required,numeric,len=5"`
	}
)

const (
	goodOrder = `{"customer":"Ada Lovelace","email":"ada@example.org","currency":"EUR","express":true,` +
		`"lines":[{"sku":"A100","quantity":2,"price":19.99},{"sku":"B200","quantity":1,"price":5.5},{"sku":"C300","quantity":10,"price":0.25}],` +
		`"address":{"street":"12 St James Square","city":"London","zip":"10115"}}`
	badOrder = `{"customer":"A","email":"no","currency":"EUR","lines":[],"address":{}}`
)

// remembered is what a session has besides its counter.
var remembered = map[string]string{"user": "alice", "theme": "dark", "cart": "7,9,12"}

// users are the rows of the page.
var users = func() []user {
	list := make([]user, 50)
	for i := range list {
		list[i] = user{i + 1, fmt.Sprintf("Ada & Grace <%d>", i+1)}
	}
	return list
}()

// page is the template of those who have html/template; templates/users.html says the same in Jinja's words.
var page = template.Must(template.New("users").Parse(`<!doctype html>
<title>{{ .Title }}</title>
<table>
{{ range .Users }}<tr><td>{{ .ID }}</td><td>{{ .Name }}</td></tr>
{{ end }}</table>`))

// pageData is what page wants.
type pageData struct {
	Title string
	Users []user
}

var thePage = pageData{"Users", users}

//go:embed files
var files embed.FS

// visit is what the session case answers the n-th time.
func visit(n int) string { return "visit " + strconv.Itoa(n) }

// pieces yields what the stream case sends.
func pieces() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for i := range pieceCount {
			if !yield(piece(i)) {
				return
			}
		}
	}
}

var allPieces = bytes.Repeat([]byte("0123456789abcde\n"), pieceCount*pieceSize/16)

func piece(i int) []byte { return allPieces[i*pieceSize : (i+1)*pieceSize] }

// staticFile is the content of the static file.
func staticFile() []byte { return bytes.Repeat([]byte("fedcba987654321\n"), fileSize/16) }

// writeSite writes what the servers read into dir, which other users must be able to read too: nginx's workers are one.
func writeSite(dir string) error {
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	for _, sub := range []string{"static", "templates", "python", "nginx"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return err
		}
	}
	for from, to := range map[string]string{
		"users.html": "templates/users.html", "flaskapp.py": "python/flaskapp.py", "wrk.lua": "wrk.lua",
	} {
		text, err := fs.ReadFile(files, "files/"+from)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, to), text, 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, "static/page.txt"), staticFile(), 0o644)
}
