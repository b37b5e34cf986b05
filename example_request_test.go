package carafe_test

import (
	"fmt"
	"io"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing/fstest"
	"time"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/wire"
)

// answer prints the status and body of an answer, and the headers named.
func answer(w *httptest.ResponseRecorder, headers ...string) {
	fmt.Println(w.Code, strings.TrimSpace(w.Body.String()))
	for _, h := range headers {
		fmt.Println(h+":", w.Header().Get(h))
	}
}

func ExampleRequest_Args() {
	app := carafe.New("shop")
	app.Get("/search", func(c *carafe.Context) string {
		args := c.Request.Args()
		page := carafe.As(args, "page", strconv.Atoi, 1)
		return fmt.Sprint(args.List("tag"), " page ", page)
	})
	answer(fetch(app, "/search?tag=red&tag=blue&page=x"))
	// Output: 200 [red blue] page 1
}

func ExampleRequest_RequireQuery() {
	app := carafe.New("shop")
	app.Get("/item", func(c *carafe.Context) (string, error) { return c.Request.RequireQuery("id") })
	fmt.Println(fetch(app, "/item?id=7").Body.String(), fetch(app, "/item").Code)
	// Output: 7 400
}

func ExampleRequest_Forms() {
	app := carafe.New("guestbook")
	app.Post("/sign", func(c *carafe.Context) (string, error) {
		form, err := c.Request.Forms()
		if err != nil {
			return "", err // 413 or 400
		}
		return strings.Join(form.Names(), ",") + " from " + form.Get("name"), nil
	})
	answer(post(app, "/sign", "application/x-www-form-urlencoded", strings.NewReader("name=Ada&text=Hello")))
	// Output: 200 name,text from Ada
}

func ExampleRequest_Files() {
	app := carafe.New("photos")
	app.Post("/upload", func(c *carafe.Context) (string, error) {
		f, err := c.Request.RequireFile("photo")
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%s, %d bytes", carafe.SecureFilename(f.Filename), f.Size()), nil
	})
	body := "--B\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"../me at sea.png\"\r\n\r\n12345\r\n--B--\r\n"
	answer(post(app, "/upload", "multipart/form-data; boundary=B", strings.NewReader(body)))
	// Output: 200 me_at_sea.png, 5 bytes
}

func ExampleRequest_Parts() {
	app := carafe.New("backup")
	app.Post("/store", func(c *carafe.Context) (string, error) {
		total := int64(0)
		for part, err := range c.Request.Parts() {
			if err != nil {
				return "", err
			}
			n, err := io.Copy(io.Discard, part)
			if err != nil {
				return "", err
			}
			total += n
		}
		return fmt.Sprint(total, " bytes, none of them kept"), nil
	})
	body := "--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f\"\r\n\r\n12345\r\n--B--\r\n"
	answer(post(app, "/store", "multipart/form-data; boundary=B", strings.NewReader(body)))
	// Output: 200 5 bytes, none of them kept
}

func ExampleRequest_JSON() {
	app := carafe.New("api")
	app.Post("/add", func(c *carafe.Context) (string, error) {
		var in struct{ A, B int }
		if err := c.Request.JSON(&in); err != nil {
			return "", err // 415 or 400
		}
		return strconv.Itoa(in.A + in.B), nil
	})
	answer(post(app, "/add", "application/json", strings.NewReader(`{"a": 1, "b": 2}`)))
	fmt.Println(post(app, "/add", "text/plain", strings.NewReader(`{}`)).Code, post(app, "/add", "application/json", strings.NewReader(`{`)).Code)
	// Output:
	// 200 3
	// 415 400
}

func ExampleRequest_AcceptMediaTypes() {
	app := carafe.New("api")
	app.Get("/", func(c *carafe.Context) any {
		if c.Request.AcceptMediaTypes().Best("text/html", "application/json") == "application/json" {
			return map[string]string{"hello": "world"}
		}
		return "<h1>Hello, world!</h1>"
	})
	answer(fetch(app, "/", "Accept", "application/json, text/html;q=0.5"))
	answer(fetch(app, "/", "Accept", "text/html"))
	// Output:
	// 200 {"hello":"world"}
	// 200 <h1>Hello, world!</h1>
}

func ExampleRequest_Authorization() {
	app := carafe.New("private")
	app.Get("/", func(c *carafe.Context) string {
		auth, ok := c.Request.Authorization()
		return fmt.Sprint(ok, " ", auth.Scheme, " ", auth.Username(), auth.Token)
	})
	answer(fetch(app, "/", "Authorization", "Basic QWRhOnNlY3JldA=="))
	answer(fetch(app, "/", "Authorization", "Bearer abc"))
	// Output:
	// 200 true basic Ada
	// 200 true bearer abc
}

func ExampleResponse_MakeConditional() {
	app := carafe.New("blog")
	app.Get("/post", func(c *carafe.Context) (*carafe.Response, error) {
		resp := carafe.HTML("<p>a long text</p>")
		if err := resp.SetETag("v1", false); err != nil {
			return nil, err
		}
		resp.CacheControl(func(cc *wire.CacheControl) { cc.Set("private"); cc.SetSeconds("max-age", time.Minute) })
		return resp, resp.MakeConditional(c, false)
	})
	answer(fetch(app, "/post"), "Etag", "Cache-Control")
	answer(fetch(app, "/post", "If-None-Match", `"v1"`))
	// Output:
	// 200 <p>a long text</p>
	// Etag: "v1"
	// Cache-Control: private, max-age=60
	// 304
}

func ExampleSendReader() {
	app := carafe.New("reports")
	app.Get("/report", func() any {
		return carafe.SendReader(strings.NewReader("a;b\n1;2\n"), carafe.Attachment("Käufe.csv"))
	})
	answer(fetch(app, "/report", "Range", "bytes=0-2"), "Content-Type", "Content-Disposition", "Content-Range")
	// Output:
	// 206 a;b
	// Content-Type: text/csv; charset=utf-8
	// Content-Disposition: attachment; filename=Kaufe.csv; filename*=UTF-8''K%C3%A4ufe.csv
	// Content-Range: bytes 0-2/8
}

func ExampleSendFromFS() {
	files := fstest.MapFS{"hello.txt": {Data: []byte("hello")}}
	app := carafe.New("files")
	app.Get("/get/<path:name>", func(name string) any { return carafe.SendFromFS(files, name) })
	answer(fetch(app, "/get/hello.txt"))
	fmt.Println(fetch(app, "/get/..%2fhello.txt").Code)
	// Output:
	// 200 hello
	// 404
}

func ExampleStatic() {
	files := fstest.MapFS{"app.css": {Data: []byte("b{}"), ModTime: time.Unix(1700000000, 0)}}
	app := carafe.New("site", carafe.Static{FS: files, Path: "/assets", Hash: true})
	app.Get("/", func(c *carafe.Context) string { return c.URLFor("static", "filename", "app.css") })
	url := fetch(app, "/").Body.String()
	fmt.Println(url)
	answer(fetch(app, url), "Cache-Control")
	// Output:
	// /assets/app.css?v=ef2a875407aca2dd
	// 200 b{}
	// Cache-Control: public, max-age=31536000, immutable
}

func ExampleEvents() {
	app := carafe.New("ticker")
	app.Get("/ticks", func(c *carafe.Context) *carafe.Response {
		return carafe.Events(func(yield func(carafe.Event) bool) {
			for i := range 2 {
				if !yield(carafe.Event{ID: strconv.Itoa(i), Data: "tick"}) {
					return
				}
			}
		})
	})
	fmt.Print(fetch(app, "/ticks").Body.String())
	// Output:
	// id: 0
	// data: tick
	//
	// id: 1
	// data: tick
}

func ExampleStdJSON() {
	app := carafe.New("api")
	app.JSON = &carafe.StdJSON{FlaskTypes: true, Type: "application/vnd.api+json"}
	app.Get("/", func() any {
		return struct {
			Name string    `json:"name"`
			Born time.Time `json:"born"`
		}{"Ada", time.Date(1815, 12, 10, 0, 0, 0, 0, time.UTC)}
	})
	answer(fetch(app, "/"), "Content-Type")
	// Output:
	// 200 {"born":"Sun, 10 Dec 1815 00:00:00 GMT","name":"Ada"}
	// Content-Type: application/vnd.api+json
}
