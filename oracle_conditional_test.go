package carafe_test

import (
	"encoding/json"
	"fmt"
	"hash/adler32"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/wire"
)

// conditionalCase is a line of conditional-cases.json: a file or a text, and a request with conditions or ranges.
type conditionalCase struct {
	ID, Name, Kind, Target string
	Request                struct {
		Method, Path string
		Headers      [][2]string
	}
	Options map[string]json.RawMessage
	Config  map[string]*int64
	Expect  struct {
		Status     string
		Headers    [][2]string
		Body       *string
		BodyBase64 *string `json:"body_base64"`
	}
}

func TestOracleConditional(t *testing.T) {
	root, now := oracleFiles(t)
	count := tally{kind: "conditional"}
	for _, c := range readOracle[conditionalCase](t, "conditional") {
		count.count(t, c.ID, c.Name, c.compare(t, root, now))
	}
	count.log(t)
}

// oracleFiles makes the folder of conditional-files.json, and a file beside it that must never be sent.
func oracleFiles(t *testing.T) (root string, now time.Time) {
	t.Helper()
	dir := os.Getenv("CARAFE_ORACLE")
	if dir == "" {
		dir = filepath.Join("testdata", "oracle")
	}
	data, err := os.ReadFile(filepath.Join(dir, "conditional-files.json"))
	if err != nil {
		t.Fatal(err)
	}
	var site struct {
		MTime, Now float64
		MTimeOf    map[string]float64 `json:"mtime_of"`
		Files      map[string]json.RawMessage
	}
	if err := json.Unmarshal(data, &site); err != nil {
		t.Fatal(err)
	}
	base := t.TempDir()
	root = filepath.Join(base, "carafe-oracle")
	write := func(name string, content []byte, mtime float64) {
		full := filepath.Join(root, filepath.FromSlash(name))
		stamp := time.Unix(int64(mtime), int64((mtime-float64(int64(mtime)))*1e9))
		err := os.MkdirAll(filepath.Dir(full), 0o755)
		if err == nil {
			err = os.WriteFile(full, content, 0o644)
		}
		if err == nil {
			err = os.Chtimes(full, stamp, stamp)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	write("../carafe-oracle-outside.txt", []byte("outside"), site.MTime)
	for name, raw := range site.Files {
		mtime := site.MTime
		if m, ok := site.MTimeOf[name]; ok {
			mtime = m
		}
		write(name, goldenBytes(t, raw), mtime)
	}
	return root, time.Unix(int64(site.Now), 0)
}

// serve asks an app that does what the case says.
func (c *conditionalCase) serve(t *testing.T, root string, now time.Time) *httptest.ResponseRecorder {
	t.Helper()
	app := carafe.New("conditional", carafe.Static{Dir: root, Path: "/static"})
	app.Logger = slog.New(slog.DiscardHandler)
	app.Clock = func() time.Time { return now }
	if age := c.Config["SEND_FILE_MAX_AGE_DEFAULT"]; age != nil {
		app.Config.SendFileMaxAge = time.Duration(*age) * time.Second
	}
	app.Route("/f", func(ctx *carafe.Context) (any, error) { return c.view(t, ctx, root) }, carafe.Methods{"GET", "POST", "PUT", "DELETE", "PATCH"})
	r := httptest.NewRequest(c.Request.Method, "http://localhost"+c.Request.Path, nil)
	for _, h := range c.Request.Headers {
		r.Header.Add(h[0], c.ours(h[1], root))
	}
	w := httptest.NewRecorder()
	app.ServeHTTP(w, r)
	return w
}

func (c *conditionalCase) view(t *testing.T, ctx *carafe.Context, root string) (any, error) {
	opts := c.fileOptions(t)
	switch c.Kind {
	case "send_file":
		return carafe.SendFile(filepath.Join(root, c.Target), opts...), nil
	case "send_from_directory":
		return carafe.SendFromDirectory(root, c.Target, opts...), nil
	case "bytes":
		return carafe.SendReader(strings.NewReader(c.Target), opts...), nil
	case "make_conditional":
		return c.makeConditional(t, ctx)
	}
	t.Fatalf("%s: a kind %q that the test does not know", c.ID, c.Kind)
	return nil, nil
}

func (c *conditionalCase) fileOptions(t *testing.T) (opts []carafe.FileOption) {
	for name, raw := range c.Options {
		var v any
		_ = json.Unmarshal(raw, &v)
		switch name {
		case "as_attachment":
			if v == true {
				opts = append(opts, carafe.Attachment(""))
			}
		case "download_name":
			opts = append(opts, carafe.DownloadName(v.(string)))
		case "mimetype":
			opts = append(opts, carafe.MediaType(v.(string)))
		case "max_age":
			opts = append(opts, carafe.MaxAge(time.Duration(v.(float64))*time.Second))
		case "conditional":
			opts = append(opts, carafe.Conditional(v == true))
		case "etag":
			if text, _ := v.(string); v != true {
				opts = append(opts, carafe.ETag(text))
			}
		case "last_modified":
			if n, ok := v.(float64); ok {
				opts = append(opts, carafe.LastModified(time.Unix(int64(n), 0)))
			} else if m, ok := v.(map[string]any); ok {
				d, _ := time.Parse(time.RFC3339, fmt.Sprint(m["$datetime"]))
				opts = append(opts, carafe.LastModified(d))
			}
		case "steps", "make_conditional":
		default:
			t.Fatalf("%s: an option %s that the test does not know", c.ID, name)
		}
	}
	return opts
}

// makeConditional is the kind in which a response is made by hand.
func (c *conditionalCase) makeConditional(t *testing.T, ctx *carafe.Context) (*carafe.Response, error) {
	resp := carafe.HTML(c.Target)
	var steps [][]any
	_ = json.Unmarshal(c.Options["steps"], &steps)
	for _, s := range steps {
		var err error
		switch s[0] {
		case "add_etag":
			err = resp.AddETag(len(s) > 2 && s[2] == true)
		case "set_etag":
			err = resp.SetETag(s[1].(string), len(s) > 2 && s[2] == true)
		case "last_modified":
			resp.SetLastModified(time.Unix(int64(s[1].(float64)), 0))
		case "header":
			err = resp.AddHeader(s[1].(string), s[2].(string))
		case "freeze":
			err = resp.Freeze()
		case "status":
			resp.Status = int(s[1].(float64))
		default:
			t.Fatalf("%s: a step %v that the test does not know", c.ID, s)
		}
		if err != nil {
			return nil, err
		}
	}
	var how struct {
		AcceptRanges any `json:"accept_ranges"`
	}
	_ = json.Unmarshal(c.Options["make_conditional"], &how)
	return resp, resp.MakeConditional(ctx, how.AcceptRanges == true || how.AcceptRanges == "bytes")
}

// fileTag is an entity tag of a file: time, size, and a sum over the path, which is another here than where it was recorded.
var fileTag = regexp.MustCompile(`(\d+\.\d+-\d+)-\d+`)

// ours is a recorded text with the sum over our own path.
func (c *conditionalCase) ours(text, root string) string {
	target := c.Target
	if c.Kind == "static" {
		target, _, _ = strings.Cut(target, "?")
		target, _ = url.PathUnescape(strings.TrimPrefix(target, "/static/"))
	}
	sum := adler32.Checksum([]byte(root + "/" + strings.TrimPrefix(path.Clean("/"+target), "/")))
	return fileTag.ReplaceAllString(text, "${1}-"+strconv.FormatUint(uint64(sum), 10))
}

func (c *conditionalCase) compare(t *testing.T, root string, now time.Time) (v verdict) {
	got := c.serve(t, root, now)
	status, _ := strconv.Atoi(c.Expect.Status[:3])
	var want [][2]string
	for _, h := range c.Expect.Headers {
		want = append(want, [2]string{h[0], c.ours(h[1], root)})
	}
	have := headersLikeFlasks(got.Code, got.Header())
	if got.Code == status && reflect.DeepEqual(headerLines(have), headerLines(want)) && got.Body.String() == c.body() {
		return v
	}
	for _, rule := range conditionalRules {
		if rule.explains(t, c, got, root) {
			v.reason = rule.reason
			return v
		}
	}
	v.wrongf("%d %v %.80q, want %d %v %.80q", got.Code, headerLines(have), got.Body.String(), status, headerLines(want), c.body())
	return v
}

// body is the recorded one.
func (c *conditionalCase) body() string {
	switch {
	case c.Expect.Body != nil:
		return *c.Expect.Body
	case c.Expect.BodyBase64 != nil:
		return string(goldenBytes(nil, json.RawMessage(`{"$bytes":"`+*c.Expect.BodyBase64+`"}`)))
	}
	return ""
}

func (c *conditionalCase) header(name string) string {
	for _, h := range c.Request.Headers {
		if strings.EqualFold(h[0], name) {
			return h[1]
		}
	}
	return ""
}

// A conditionalRule is one way in which Carafe differs on purpose.
type conditionalRule struct {
	reason   string
	explains func(t *testing.T, c *conditionalCase, got *httptest.ResponseRecorder, root string) bool
}

var conditionalRules = []conditionalRule{
	{"Unlike Flask, a static file has one URL: dots in its path are not resolved", func(_ *testing.T, c *conditionalCase, got *httptest.ResponseRecorder, _ string) bool {
		name, _, _ := strings.Cut(c.Target, "?")
		name, err := url.PathUnescape(name)
		return c.Kind == "static" && got.Code == 404 && err == nil && path.Clean(name) != name
	}},
	{"a unit of ranges that is not known is ignored (RFC 9110, 14.2)", func(t *testing.T, c *conditionalCase, got *httptest.ResponseRecorder, root string) bool {
		unit, _, ok := strings.Cut(c.header("Range"), "=")
		return ok && !strings.EqualFold(strings.TrimSpace(unit), "bytes") && got.Code == 200 && (got.Body.String() == c.content(root) || c.Request.Method == "HEAD")
	}},
	{"conditions are for what would be a 200", func(_ *testing.T, c *conditionalCase, got *httptest.ResponseRecorder, _ string) bool {
		return strings.Contains(string(c.Options["steps"]), `"status"`) && got.Code != 200 && strings.Contains(string(c.Options["steps"]), strconv.Itoa(got.Code)) &&
			(got.Body.String() == c.Target || c.Request.Method == "HEAD")
	}},
	{"a response that accepts ranges serves them without being told its length", func(_ *testing.T, c *conditionalCase, got *httptest.ResponseRecorder, _ string) bool {
		r, ok := wire.ParseContentRange(got.Header().Get("Content-Range"))
		switch {
		case c.Kind != "make_conditional" || c.Options["make_conditional"] == nil || c.header("Range") == "" || !ok || r.Length != int64(len(c.Target)):
			return false
		case got.Code == 206:
			return got.Body.String() == c.Target[r.Start:r.End] || c.Request.Method == "HEAD"
		}
		return got.Code == 416
	}},
	{"a response that does not accept ranges serves none", func(t *testing.T, c *conditionalCase, got *httptest.ResponseRecorder, root string) bool {
		return strings.Contains(string(c.Options["make_conditional"]), `"none"`) && got.Code == 200 && got.Body.String() == c.Target
	}},
	{"conditions and ranges are those of RFC 9110, as net/http has them", func(t *testing.T, c *conditionalCase, got *httptest.ResponseRecorder, root string) bool {
		return len(c.Request.Headers) > 0 && c.isLikeServeContent(t, got, root)
	}},
	{"static files that begin with a dot are hidden", func(t *testing.T, c *conditionalCase, got *httptest.ResponseRecorder, root string) bool {
		return c.Kind == "static" && strings.Contains(c.Target, "/.") && got.Code == 404
	}},
	{"Config.SendFileMaxAge of zero says nothing", func(t *testing.T, c *conditionalCase, got *httptest.ResponseRecorder, root string) bool {
		age := c.Config["SEND_FILE_MAX_AGE_DEFAULT"]
		return age != nil && *age == 0 && got.Header().Get("Cache-Control") == "no-cache" && got.Body.String() == c.body()
	}},
}

// content is the whole of what the case asks for.
func (c *conditionalCase) content(root string) string {
	if c.Kind == "bytes" || c.Kind == "make_conditional" {
		return c.Target
	}
	target, _ := url.PathUnescape(strings.TrimPrefix(c.Target, "/static/"))
	data, _ := os.ReadFile(filepath.Join(root, target))
	return string(data)
}

// isLikeServeContent says whether the answer is the one that http.ServeContent gives to the same content, validators and
// request. Where that answers without a body, Carafe sends an error page.
func (c *conditionalCase) isLikeServeContent(t *testing.T, got *httptest.ResponseRecorder, root string) bool {
	whole := *c
	whole.Request.Headers = nil
	plainAnswer := whole.serve(t, root, time.Unix(1750000000, 0))
	r := httptest.NewRequest(c.Request.Method, "/", nil)
	for _, h := range c.Request.Headers {
		r.Header.Add(h[0], c.ours(h[1], root))
	}
	want := httptest.NewRecorder()
	for _, name := range []string{"Etag", "Content-Type"} {
		if v := plainAnswer.Header().Get(name); v != "" {
			want.Header().Set(name, v)
		}
	}
	modified, _ := carafe.ParseDate(plainAnswer.Header().Get("Last-Modified"))
	http.ServeContent(want, r, "", modified, strings.NewReader(c.content(root)))
	switch {
	case got.Code != want.Code:
		return false
	case want.Code == 412 || want.Code == 416:
		return got.Header().Get("Content-Range") == want.Header().Get("Content-Range") || want.Code == 412
	case strings.HasPrefix(want.Header().Get("Content-Type"), "multipart/byteranges"):
		if c.Request.Method == "HEAD" {
			return strings.HasPrefix(got.Header().Get("Content-Type"), "multipart/byteranges")
		}
		length := strconv.Itoa(got.Body.Len())
		return reflect.DeepEqual(byteRanges(t, got), byteRanges(t, want)) && got.Header().Get("Content-Length") == length
	}
	return got.Body.String() == want.Body.String() && got.Header().Get("Content-Range") == want.Header().Get("Content-Range")
}

// byteRanges are the parts of a body of several ranges.
func byteRanges(t *testing.T, w *httptest.ResponseRecorder) (parts []string) {
	t.Helper()
	_, params, err := mime.ParseMediaType(w.Header().Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	for mr := multipart.NewReader(w.Body, params["boundary"]); ; {
		p, err := mr.NextPart()
		if err == io.EOF {
			return parts
		}
		if err != nil {
			t.Fatal(err)
		}
		data, _ := io.ReadAll(p)
		parts = append(parts, p.Header.Get("Content-Type")+" "+p.Header.Get("Content-Range")+" "+string(data))
	}
}
