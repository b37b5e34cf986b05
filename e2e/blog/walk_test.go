// Package blog walks through examples/blog as a person with a browser would: a real Chromium against the real program.
package blog

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

var blogAddress = regexp.MustCompile(`Running on (http://127\.0\.0\.1:\d+)`)

// buildBlog builds examples/blog.
func buildBlog(t *testing.T) (program string) {
	t.Helper()
	program = filepath.Join(t.TempDir(), "blog")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Dir = "../../examples/blog"
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("the blog does not build: %v\n%s", err, out)
	}
	return program
}

// startBlog makes the tables of an empty database (BLOG_DATABASE), runs the blog on a free port and says where it is.
func startBlog(t *testing.T, database string) (site string) {
	t.Helper()
	program := buildBlog(t)
	env := append(os.Environ(), "BLOG_DATABASE="+database, "CARAFE_RUN_HOST=127.0.0.1", "CARAFE_RUN_PORT=0")
	initDB := exec.Command(program, "init-db")
	initDB.Env = env
	if out, err := initDB.CombinedOutput(); err != nil || !strings.Contains(string(out), "Initialized the database.") {
		t.Fatalf("init-db: %v\n%s", err, out)
	}
	run := exec.Command(program, "run")
	run.Env = env
	stderr, err := run.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stderr)
	var said sync.WaitGroup
	t.Cleanup(func() {
		_ = run.Process.Signal(syscall.SIGTERM)
		said.Wait() // before Wait, which closes the pipe
		if err := run.Wait(); err != nil {
			t.Errorf("the blog ended with %v", err)
		}
	})
	for lines.Scan() {
		if m := blogAddress.FindStringSubmatch(lines.Text()); m != nil {
			said.Go(func() {
				for lines.Scan() {
				}
			})
			return m[1]
		}
	}
	t.Fatal("the blog ended before it served")
	return ""
}

// A visitor is a person at a browser whose cookies nobody else has.
type visitor struct {
	*testing.T
	ctx  context.Context
	site string
}

func findChromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "headless-shell"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("there is no Chromium: the walk through the blog was not made")
	return ""
}

// startBrowser starts a browser without scripts: everything has to work without them.
func startBrowser(t *testing.T, chromium string) context.Context {
	t.Helper()
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(chromium), chromedp.NoSandbox,
		chromedp.DisableGPU, chromedp.WindowSize(1100, 820), chromedp.Flag("disable-dev-shm-usage", true), chromedp.WSURLReadTimeout(2*time.Minute))
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	ctx, stop := chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(stop)
	ctx, done := chromedp.NewContext(ctx)
	t.Cleanup(done)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("Chromium does not start: %v", err)
	}
	return ctx
}

func newVisitor(t *testing.T, browser context.Context, site string) *visitor {
	t.Helper()
	ctx, done := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	t.Cleanup(done)
	v := &visitor{t, ctx, site}
	if _, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		t.Fatalf("switch scripts off: %v", err)
	}
	return v
}

func (v *visitor) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	v.Helper()
	if err := chromedp.Do(v.ctx, steps...); err != nil {
		v.Fatalf("%s: %v", what, err)
	}
}

// opens a page by its address, and gives the status of the answer.
func (v *visitor) opens(path string) (status int64) {
	v.Helper()
	resp, err := chromedp.RunResponse(v.ctx, chromedp.Navigate(v.site+path))
	if err != nil {
		v.Fatalf("open %s: %v", path, err)
	}
	return resp.Status
}

// presses a link or button, and waits for the page that follows.
func (v *visitor) presses(selector string) *network.Response {
	v.Helper()
	resp, err := chromedp.RunResponse(v.ctx, chromedp.Click(selector))
	if err != nil {
		v.Fatalf("press %s: %v", selector, err)
	}
	return resp
}

// types text in place of what a field has, which is shorter than the keys that are pressed to delete it.
func (v *visitor) types(selector, text string) {
	v.Helper()
	v.do("type into "+selector, chromedp.SendKeys(selector, kb.End+strings.Repeat(kb.Backspace, 30)+text))
}

// page is the text that can be seen.
func (v *visitor) page() string {
	v.Helper()
	text, err := chromedp.Run(v.ctx, chromedp.Text("body"))
	if err != nil {
		v.Fatalf("read the page: %v", err)
	}
	return text
}

func (v *visitor) sees(texts ...string) {
	v.Helper()
	page := v.page()
	for _, text := range texts {
		if !strings.Contains(page, text) {
			v.Errorf("there is no %q in the page:\n%s", text, page)
		}
	}
}

func (v *visitor) doesNotSee(text string) {
	v.Helper()
	if page := v.page(); strings.Contains(page, text) {
		v.Errorf("there is %q in the page:\n%s", text, page)
	}
}

// screenshot keeps a picture in the folder $SCREENSHOTS, for people to look at.
func (v *visitor) screenshot(name string) {
	v.Helper()
	folder := os.Getenv("SCREENSHOTS")
	if folder == "" {
		return
	}
	picture, err := chromedp.Run(v.ctx, chromedp.FullScreenshot(100))
	if err := errors.Join(err, os.MkdirAll(folder, 0o755), os.WriteFile(filepath.Join(folder, name+".png"), picture, 0o644)); err != nil {
		v.Fatal(err)
	}
}

// entersWith fills in the form of names and passwords.
func (v *visitor) entersWith(name, password string) {
	v.Helper()
	v.types("#username", name)
	v.types("#password", password)
	v.presses("main form button")
}

func TestAPersonWalksThroughTheBlog(t *testing.T) {
	walkThroughTheBlog(t, startBrowser(t, findChromium(t)), startBlog(t, filepath.Join(t.TempDir(), "blog.sqlite")))
}

// walkThroughTheBlog registers, logs in, writes, edits and deletes, and sees another refused.
func walkThroughTheBlog(t *testing.T, browser context.Context, site string) {
	t.Helper()
	ada := newVisitor(t, browser, site)

	ada.opens("/")
	ada.sees("Nothing here yet", "Register", "Log In")
	ada.presses(`nav a[href="/auth/register"]`)
	ada.entersWith("ada", "secret")
	ada.sees("Log In") // where registering leads
	ada.entersWith("ada", "wrong")
	ada.sees("Incorrect password.")
	ada.screenshot("login")
	ada.entersWith("ada", "secret")
	ada.sees("ada", "Log Out", "New Post")

	ada.presses(`a[href="/create"]`)
	ada.types("#title", "On engines")
	ada.types("#body", "The engine weaves\nalgebraic patterns.")
	ada.screenshot("create")
	ada.presses("main form button")
	ada.sees("On engines", "by ada on ", "The engine weaves\nalgebraic patterns.")

	ada.presses(`a[href="/1/update"]`)
	ada.sees("Edit “On engines”")
	ada.types("#title", "On looms & engines")
	ada.screenshot("update")
	ada.presses("main form button")
	ada.sees("On looms & engines")
	ada.doesNotSee("On engines")
	ada.screenshot("index")

	bob := newVisitor(t, browser, site)
	bob.opens("/auth/register")
	bob.entersWith("bob", "builder")
	bob.entersWith("bob", "builder")
	bob.sees("bob", "On looms & engines")
	bob.doesNotSee("Edit")
	if status := bob.opens("/1/update"); status != 403 {
		t.Errorf("bob opens the form of ada's post: status %d, want 403", status)
	}

	ada.presses(`a[href="/1/update"]`)
	ada.do("unfold", chromedp.Click("summary"))
	ada.presses("button.danger")
	ada.sees("Nothing here yet")
	ada.presses("nav button")
	ada.sees("Log In")
}
