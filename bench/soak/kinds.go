package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// A visitor is somebody who comes again: the session is the visitor's own.
type visitor struct {
	cookie string // "" before the first visit
	owner  string // the id of that visit
}

// A kind is a way to use the app. It makes the request that is named id, and looks at the body of its answer.
type kind struct {
	name   string
	status int
	make   func(id string, v *visitor) (*http.Request, error)
	check  func(id string, v *visitor, resp *http.Response, body string) error
}

// kinds are what fair clients ask for.
var kinds = []kind{
	{"text", 200, get("/text/"), same(func(id string) string { return "text of " + id })},
	{"page", 200, get("/page/"), times(21)},
	{"json", 200, postJSON, checkJSON},
	{"bind", 200, postOrder, checkOrder},
	{"upload", 200, postFile, same(func(id string) string { return id + " " + digest(content(id)) })},
	{"body", 200, postBody, same(func(id string) string { return id + " " + digest(content(id)) })},
	{"session", 200, visitAgain, checkVisit},
	{"stream", 200, get("/stream/"), same(func(id string) string { return strings.Repeat(id+" "+padding+"\n", streamLines) })},
	{"events", 200, get("/events/"), same(func(id string) string {
		return strings.Repeat("id: "+id+"\ndata: news for "+id+"\n\n", eventCount)
	})},
	{"static range", 206, getRange, checkRange},
	{"not there", 404, get("/nowhere/"), times(0)},
	{"panic", 500, func(string, *visitor) (*http.Request, error) { return http.NewRequest("GET", "/panic", nil) }, times(0)},
}

func get(prefix string) func(string, *visitor) (*http.Request, error) {
	return func(id string, _ *visitor) (*http.Request, error) { return http.NewRequest("GET", prefix+id, nil) }
}

// same wants the whole body to be a text made of the id.
func same(text func(id string) string) func(string, *visitor, *http.Response, string) error {
	return func(id string, _ *visitor, _ *http.Response, body string) error {
		if want := text(id); body != want {
			return fmt.Errorf("the body is %s, want %s", short(body), short(want))
		}
		return nil
	}
}

// times wants the id so many times in the body.
func times(n int) func(string, *visitor, *http.Response, string) error {
	return func(id string, _ *visitor, _ *http.Response, body string) error {
		if got := strings.Count(body, id); got != n {
			return fmt.Errorf("the id is in the body %d times, want %d: %s", got, n, short(body))
		}
		return nil
	}
}

func short(text string) string {
	if len(text) > 100 {
		return fmt.Sprintf("%q… (%d bytes)", text[:100], len(text))
	}
	return strconv.Quote(text)
}

func postJSON(id string, _ *visitor) (*http.Request, error) {
	return post("/json", "application/json", []byte(`{"id":"`+id+`","list":[1,2,{"again":"`+id+`"}]}`))
}

func post(path, contentType string, body []byte) (*http.Request, error) {
	r, err := http.NewRequest("POST", path, bytes.NewReader(body))
	if err == nil {
		r.Header.Set("Content-Type", contentType)
	}
	return r, err
}

func checkJSON(id string, _ *visitor, _ *http.Response, body string) error {
	var got struct {
		ID   string
		List []any
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		return err
	}
	if got.ID != id || len(got.List) != 3 || strings.Count(body, id) != 2 {
		return fmt.Errorf("the JSON is not what was sent: %s", short(body))
	}
	return nil
}

func postOrder(id string, _ *visitor) (*http.Request, error) {
	form := url.Values{"id": {id}, "count": {strconv.Itoa(len(id))}, "tags": {"a", id, "c"}}
	return post("/bind", "application/x-www-form-urlencoded", []byte(form.Encode()))
}

func checkOrder(id string, _ *visitor, _ *http.Response, body string) error {
	var got order
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		return err
	}
	if got.ID != id || got.Count != len(id) || len(got.Tags) != 3 || got.Tags[1] != id {
		return fmt.Errorf("the order is not what was sent: %+v", got)
	}
	return nil
}

// content is what is uploaded under an id: every third is more than the app keeps in memory.
func content(id string) []byte {
	n := 2_000
	if digest([]byte(id))[0] < '5' {
		n = 700_000
	}
	return bytes.Repeat([]byte(id+"\n"), n/(len(id)+1))
}

func postFile(id string, _ *visitor) (*http.Request, error) {
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	if err := form.WriteField("id", id); err != nil {
		return nil, err
	}
	part, err := form.CreateFormFile("file", id+".txt")
	if err != nil {
		return nil, err
	}
	if _, err := part.Write(content(id)); err != nil {
		return nil, err
	}
	if err := form.Close(); err != nil {
		return nil, err
	}
	return post("/upload", form.FormDataContentType(), b.Bytes())
}

// postBody sends its body in chunks.
func postBody(id string, _ *visitor) (*http.Request, error) {
	return http.NewRequest("POST", "/body", io.MultiReader(bytes.NewReader(content(id))))
}

func visitAgain(id string, v *visitor) (*http.Request, error) {
	r, err := http.NewRequest("GET", "/session/"+id, nil)
	if err == nil && v.cookie != "" {
		r.Header.Set("Cookie", v.cookie)
	}
	return r, err
}

func checkVisit(id string, v *visitor, resp *http.Response, body string) error {
	owner := v.owner
	if owner == "" {
		owner = id
	}
	if body != owner+" "+id {
		return fmt.Errorf("the session of %s says %s", owner, short(body))
	}
	if vary := resp.Header.Get("Vary"); !strings.Contains(vary, "Cookie") {
		return fmt.Errorf("a session's answer has Vary %q", vary)
	}
	for _, cookie := range resp.Cookies() {
		v.owner, v.cookie = owner, cookie.Name+"="+cookie.Value
	}
	if v.cookie == "" {
		return fmt.Errorf("the session of %s sets no cookie", owner)
	}
	return nil
}

var numbersText = string(numbers())

// part is which bytes of the file an id asks for.
func part(id string) (from, to int) {
	sum := []byte(digest([]byte(id)))
	from = (int(sum[0])<<8 | int(sum[1])) % (fileSize / 2)
	return from, from + 100 + int(sum[2])*int(sum[3])
}

func getRange(id string, _ *visitor) (*http.Request, error) {
	r, err := http.NewRequest("GET", "/files/"+fileName, nil)
	if err == nil {
		from, to := part(id)
		r.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", from, to-1))
	}
	return r, err
}

func checkRange(id string, _ *visitor, resp *http.Response, body string) error {
	from, to := part(id)
	if want := fmt.Sprintf("bytes %d-%d/%d", from, to-1, fileSize); resp.Header.Get("Content-Range") != want || body != numbersText[from:to] {
		return fmt.Errorf("asked for %s, got %q: %s", want, resp.Header.Get("Content-Range"), short(body))
	}
	return nil
}
