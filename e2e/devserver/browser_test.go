package devserver_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

const debugMain = `package main

import (
	"errors"
	"fmt"
	"log"
	"strings"

	"github.com/carafeweb/carafe"
)

func main() {
	app := carafe.New("shop")
	app.Config.SecretKey = "dev"
	app.BeforeRequest(loadUser)
	app.Get("/boom/<int:id>", boom)
	app.Post("/order", order)
	app.Get("/page", page)
	app.Get("/hostile", hostile)
	app.Get("/big", big)
	app.Get("/deep", deep)
	app.Get("/stack", stack)
	app.Get("/users/<int:id>", func(id int) string { return "" }, carafe.Endpoint("user"))
	app.Get("/products/<slug>/", func(slug string) string { return "" }, carafe.Endpoint("product"))
	if err := app.Run(carafe.Debug(true)); err != nil {
		log.Fatal(err)
	}
}

func loadUser(c *carafe.Context) (any, error) {
	c.Session().Set("user", "ada")
	return nil, nil
}

// A Cart is what somebody wants.
type Cart struct{ Items map[string]int }

func boom(c *carafe.Context, id int) string {
	var cart *Cart
	total := price(cart, id)
	return fmt.Sprint("total: ", total)
}

func price(cart *Cart, id int) int {
	return cart.Items["tea"] * id
}

func order(c *carafe.Context) (string, error) {
	var in map[string]any
	if err := c.Request.JSON(&in); err != nil {
		return "", err
	}
	return "", fmt.Errorf("placing the order of %v: %w", in["name"], &StockError{"tea"})
}

// A StockError is a thing that is sold out.
type StockError struct{ Thing string }

func (e *StockError) Error() string { return e.Thing + " is sold out" }

func page() any { return carafe.Render("cart.html", map[string]any{"cart": nil}) }

func hostile() string { panic("<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\"></textarea></pre>") }

func big() string { panic(strings.Repeat("A long message. ", 1<<16)) }

func deep() (string, error) {
	err := errors.New("the root of it")
	for i := range 2000 {
		err = fmt.Errorf("layer %d: %w", i, err)
	}
	return "", err
}

func stack() string { return strings.Repeat(dig(300), 1) }

func dig(n int) string {
	if n == 0 {
		panic("deep down")
	}
	return dig(n-1) + ""
}
`

func newShop(t *testing.T) *project {
	return newProject(t, map[string]string{
		"main.go":             debugMain,
		"templates/cart.html": "<h1>Cart</h1>\n<ul>\n{% if true %}\n  <li>{{ cart.total.cents }}</li>\n{% endif %}\n</ul>\n",
	})
}

// newBrowser starts a Chromium; the test is skipped without one.
func newBrowser(t *testing.T) context.Context {
	t.Helper()
	name := ""
	for _, n := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if found, err := exec.LookPath(n); err == nil {
			name = found
			break
		}
	}
	if name == "" {
		t.Skip("no Chromium is installed: apt-get install chromium")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(name), chromedp.NoSandbox, chromedp.WindowSize(1180, 900))
	alloc, cancel := chromedp.NewExecAllocator(context.Background(), opts...)
	t.Cleanup(cancel)
	ctx, cancelTab := chromedp.NewContext(alloc)
	t.Cleanup(cancelTab)
	must(t, chromedp.Do(ctx, chromedp.Navigate("about:blank"))) // the browser lives as long as the context of the first call
	return ctx
}

func browse(t *testing.T, ctx context.Context, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	limit, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := chromedp.Do(limit, actions...); err != nil {
		t.Fatal(err)
	}
}

func evaluate[T any](t *testing.T, ctx context.Context, script string) T {
	t.Helper()
	limit, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	v, err := chromedp.Run(limit, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%s: %v", script, err)
	}
	return v
}

// until waits for a script to be true, also over reloads of the page.
func until(t *testing.T, ctx context.Context, script string) {
	t.Helper()
	eventually(t, func() bool {
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+script+")"))
		return err == nil && ok
	}, func() string { return "it is never true that " + script })
}

// screenshots goes to $CARAFE_SCREENSHOTS, if that names a folder, in light and dark, for people to look at.
func screenshots(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	dir := os.Getenv("CARAFE_SCREENSHOTS")
	if dir == "" {
		return
	}
	must(t, os.MkdirAll(dir, 0o755))
	for _, scheme := range []string{"light", "dark"} {
		media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, media)
		must(t, err)
		png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
		must(t, err)
		must(t, os.WriteFile(filepath.Join(dir, name+"-"+scheme+".png"), png, 0o644))
	}
}

func text(t *testing.T, ctx context.Context, script string) string {
	t.Helper()
	return evaluate[string](t, ctx, script)
}

func truth(t *testing.T, ctx context.Context, script string) bool {
	t.Helper()
	return evaluate[bool](t, ctx, script)
}

func TestTheDebuggerPageInABrowser(t *testing.T) {
	p := newShop(t)
	p.run([]string{"API_TOKEN=do-not-show-me", "PLAIN_SETTING=show-me"}, "go", "run", ".")
	pin := p.await(regexp.MustCompile(`Debugger PIN: ([\d-]+)`))[1]
	ctx := newBrowser(t)
	base := "http://" + p.addr
	browse(t, ctx, chromedp.Navigate(base+"/boom/7?page=2"), chromedp.WaitVisible("#pin"))
	screenshots(t, ctx, "debugger")
	if got := text(t, ctx, `document.querySelector("h1").textContent`); !strings.Contains(got, "nil pointer dereference") {
		t.Errorf("the page says %q", got)
	}
	if !truth(t, ctx, `[...document.querySelectorAll("details.frame:not(.lib)")].slice(0,2).every(d => d.open && d.querySelector(".cur"))`) {
		t.Error("the user's frames are not open at their line")
	}
	if got := text(t, ctx, `document.querySelector("details.frame:not(.lib) .fn").textContent + document.querySelector("details.frame:not(.lib) .cur").textContent`); !strings.Contains(got, "main.price") || !strings.Contains(got, `cart.Items["tea"] * id`) {
		t.Errorf("the innermost frame is %q", got)
	}
	if truth(t, ctx, `document.querySelector("details.lib-group").open`) {
		t.Error("library code is not folded")
	}
	browse(t, ctx, chromedp.Click("details.lib-group > summary"))
	if !truth(t, ctx, `document.querySelector("details.lib-group").open`) {
		t.Error("a click does not unfold library code")
	}
	testCopying(t, ctx, base)
	testPIN(t, ctx, pin)
	screenshots(t, ctx, "debugger-unlocked")
	for _, url := range evaluate[[]string](t, ctx, `performance.getEntriesByType("resource").map(e => e.name)`) {
		if !strings.HasPrefix(url, base+"/") {
			t.Errorf("the page loads %s", url)
		}
	}
}

// testCopying clicks the buttons, and looks at the clipboard.
func testCopying(t *testing.T, ctx context.Context, base string) {
	t.Helper()
	for _, name := range []string{"clipboard-read", "clipboard-write"} {
		_, err := chromedp.CallBrowser(ctx, browser.SetPermission, browser.SetPermissionParams{Permission: &browser.PermissionDescriptor{Name: name}, Setting: browser.PermissionSettingGranted, Origin: base})
		must(t, err)
	}
	for button, want := range map[string][]string{
		"plain": {"nil pointer dereference", "main.price", `return cart.Items["tea"] * id`, "GET " + base + "/boom/7?page=2"},
		"curl":  {"curl -i", "'" + base + "/boom/7?page=2'", "-H 'User-Agent: "},
		"test":  {"func TestGetBoom7(t *testing.T)", `client.Open("GET", "/boom/7?page=2"`, "carafetest.NewClient(t, app)"},
	} {
		browse(t, ctx, chromedp.Click(fmt.Sprintf("button[data-copy=%s]", button)), chromedp.WaitVisible(fmt.Sprintf("button[data-copy=%s].done", button)))
		got := text(t, ctx, `navigator.clipboard.readText()`)
		for _, part := range want {
			if !strings.Contains(got, part) {
				t.Errorf("the button %s copies\n%s\nwithout %s", button, got, part)
			}
		}
	}
}

// testPIN enters a wrong PIN and the right one.
func testPIN(t *testing.T, ctx context.Context, pin string) {
	t.Helper()
	if truth(t, ctx, `document.body.textContent.includes("PLAIN_SETTING")`) {
		t.Error("the environment is shown without the PIN")
	}
	wrong := "000-000-000"
	browse(t, ctx, chromedp.SendKeys("#pin-field", wrong), chromedp.Click("#pin button"))
	until(t, ctx, `document.querySelector("#pin .err").textContent !== ""`)
	if got := text(t, ctx, `document.querySelector("#pin .err").textContent`); got != "This is not the PIN." {
		t.Errorf("a wrong PIN: %q", got)
	}
	browse(t, ctx, chromedp.Evaluate[chromedp.Void](`void(document.querySelector("#pin-field").value = "")`), chromedp.SendKeys("#pin-field", pin), chromedp.Click("#pin button"), chromedp.WaitReady("#secrets details"))
	all := text(t, ctx, `document.querySelector("#secrets").textContent`)
	for _, want := range []string{"PLAIN_SETTING", "show-me", "ada (string)", "SECRET_KEY"} {
		if !strings.Contains(all, want) {
			t.Errorf("behind the PIN there is no %s", want)
		}
	}
	if strings.Contains(all, "do-not-show-me") {
		t.Error("the token of the environment is shown")
	}
	browse(t, ctx, chromedp.Reload(), chromedp.WaitReady("#secrets details")) // the cookie opens it by itself
}

func TestHostileHugeAndDeepErrorsDoNoHarm(t *testing.T) {
	p := newShop(t)
	p.run(nil, "go", "run", ".")
	ctx := newBrowser(t)
	base := "http://" + p.addr
	browse(t, ctx, chromedp.Navigate(base+"/hostile?q=<script>document.title='owned'</script>"), chromedp.WaitVisible("#pin"))
	if title := text(t, ctx, "document.title"); title == "owned" || !truth(t, ctx, `document.querySelectorAll("script").length === 1 && !document.querySelector("img")`) {
		t.Errorf("the message got out of its place: title %q", title)
	}
	if got := text(t, ctx, `document.querySelector("#message").textContent`); !strings.HasPrefix(got, "panic: <script>") && !strings.HasPrefix(got, "<script>") {
		t.Errorf("the message is shown as %q", got)
	}
	for path, want := range map[string]string{"/big": "1048576 bytes in all", "/deep": "and 1951 more", "/stack": "deep down", "/page": "cart.html:4"} {
		browse(t, ctx, chromedp.Navigate(base+path), chromedp.WaitVisible("#pin"))
		if got := text(t, ctx, `document.body.innerText`); !strings.Contains(got, want) {
			t.Errorf("%s shows no %q, but\n%.2000s", path, want, got)
		}
		if n := len(text(t, ctx, `document.documentElement.outerHTML`)); n > 2<<20 {
			t.Errorf("%s is a page of %d bytes", path, n)
		}
		screenshots(t, ctx, "error"+strings.ReplaceAll(path, "/", "-"))
	}
}

func TestTheBuildErrorPageReloadsItselfWhenItIsMended(t *testing.T) {
	p := newShop(t)
	p.write("extra.go", "package main\n\nfunc extra() string { return \"\" }\n")
	p.run(nil, "go", "run", ".")
	ctx := newBrowser(t)
	base := "http://" + p.addr
	browse(t, ctx, chromedp.Navigate(base+"/users/7"))
	p.write("extra.go", "package main\n\nimport \"fmt\"\n\n// extra is broken.\nfunc extra() string {\n\tname := \"<b>ada</b>\"\n\treturn fmt.Sprint(nmae)\n}\n\nfunc other() int { return \"x\" }\n")
	p.shows("/users/7", "The build failed")
	browse(t, ctx, chromedp.Navigate(base+"/users/7"), chromedp.WaitVisible(".diagnostic"))
	screenshots(t, ctx, "build-error")
	if got := text(t, ctx, `document.body.innerText`); !strings.Contains(got, "undefined: nmae") || !strings.Contains(got, "extra.go:8") || !strings.Contains(got, "<b>ada</b>") {
		t.Errorf("the page shows\n%s", got)
	}
	if link := text(t, ctx, `document.querySelectorAll(".diagnostic a")[1].getAttribute("href")`); !strings.HasPrefix(link, "vscode://file"+p.dir+"/extra.go:") {
		t.Errorf("the link to the editor is %q", link)
	}
	p.write("extra.go", "package main\n\nimport \"fmt\"\n\nfunc extra() string { return fmt.Sprint(broken) }\n")
	until(t, ctx, `document.body && document.body.innerText.includes("undefined: broken")`)
	p.write("extra.go", "package main\n\nfunc init() { panic(\"no <i>start</i>\") }\n")
	until(t, ctx, `document.body && document.body.innerText.includes("panic: no <i>start</i>")`)
	screenshots(t, ctx, "crash")
	p.write("extra.go", "package main\n\nfunc extra() string { return \"\" }\n")
	until(t, ctx, `document.body && !document.body.dataset.state && location.pathname === "/users/7"`)
}

func TestTheDebug404NamesTheNearestRules(t *testing.T) {
	p := newShop(t)
	p.run(nil, "go", "run", ".")
	ctx := newBrowser(t)
	base := "http://" + p.addr
	browse(t, ctx, chromedp.Navigate(base+"/users/ada"), chromedp.WaitVisible(".rules"))
	screenshots(t, ctx, "missing")
	if got := text(t, ctx, `document.querySelector(".rules tbody tr").innerText`); !strings.Contains(got, "/users/<int:id>") || !strings.Contains(got, `"ada" does not fit <int:id>`) || !strings.Contains(got, "main.go:") {
		t.Errorf("the nearest rule is told as %q", got)
	}
	browse(t, ctx, chromedp.Navigate(base+"/order"), chromedp.WaitVisible(".rules"))
	screenshots(t, ctx, "method")
	if got := text(t, ctx, `document.body.innerText`); !strings.Contains(got, "it allows OPTIONS, POST") || !strings.Contains(got, "it takes OPTIONS, POST, not GET") {
		t.Errorf("the 405 is told as\n%s", got)
	}
}

func TestOnlyThisMachineSeesErrorsAndOnlyInDebugMode(t *testing.T) {
	p := newShop(t)
	p.run([]string{"CARAFE_RUN_HOST=0.0.0.0"}, "go", "run", ".")
	port := p.addr[strings.LastIndexByte(p.addr, ':')+1:]
	p.addr = "127.0.0.1:" + port
	secret := "main.price"
	for name, header := range map[string]map[string][]string{
		"a foreign Host":         {"Host": {"evil.example:" + port}},
		"a proxy":                {"X-Forwarded-For": {"203.0.113.9"}},
		"a page of another site": {"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"cors"}},
	} {
		header["Accept"] = []string{"text/html"}
		for _, path := range []string{"/boom/1", "/users/ada", "/__carafe__/debugger", "/__carafe__/state"} {
			status, body, _ := p.ask("GET", path, header)
			if strings.Contains(body, secret) || strings.Contains(body, "/users/<int") || strings.Contains(body, "&lt;int:id") || strings.Contains(body, "problem-") || strings.Contains(body, "program-") || status < 400 {
				t.Errorf("%s asks for %s and gets %d\n%.300s", name, path, status, body)
			}
		}
	}
	if status, body, _ := p.page("/boom/1"); status != 500 || !strings.Contains(body, secret) {
		t.Errorf("this machine gets %d\n%.300s", status, body)
	}
	if ip := notLoopback(); ip != "" {
		p.addr = ip + ":" + port
		if status, body, _ := p.page("/boom/1"); status != 500 || strings.Contains(body, secret) {
			t.Errorf("a peer at %s gets %d\n%.300s", ip, status, body)
		}
	}
}

func TestWithoutDebugModeNothingIsShown(t *testing.T) {
	p := newShop(t)
	p.write("main.go", strings.Replace(debugMain, "carafe.Debug(true)", "carafe.Debug(false), carafe.Reload(true)", 1))
	p.run(nil, "go", "run", ".")
	for _, path := range []string{"/boom/1", "/users/ada", "/__carafe__/debugger"} {
		if status, body, _ := p.page(path); status < 400 || strings.Contains(body, "main.") || strings.Contains(body, "int:id") {
			t.Errorf("GET %s: %d\n%s", path, status, body)
		}
	}
	if strings.Contains(p.out.String(), "PIN") {
		t.Errorf("a PIN is printed:\n%s", p.out)
	}
}
