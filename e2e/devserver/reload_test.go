package devserver_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func itoa(n int) string { return strconv.Itoa(n) }

func atoi(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

const siteMain = `package main

import (
	"log"
	"os"
	"time"

	"github.com/carafeweb/carafe"
)

func main() {
	app := carafe.New("site")
	app.Get("/", index)
	app.Get("/page", func() any { return carafe.Render("page.html", nil) }, carafe.Endpoint("page"))
	app.Get("/slow", func() string { time.Sleep(700 * time.Millisecond); return version }, carafe.Endpoint("slow"))
	app.Post("/echo", func(c *carafe.Context) ([]byte, error) { return c.Request.Data() }, carafe.Endpoint("echo"))
	app.Get("/env", func() string { return os.Getenv("GREETING") }, carafe.Endpoint("env"))
	app.Get("/boom", func() string { panic("boom") }, carafe.Endpoint("boom"))
	app.Get("/exit", func() string { os.Exit(7); return "" }, carafe.Endpoint("exit"))
	if err := app.Run(carafe.Debug(true)); err != nil {
		log.Fatal(err)
	}
}
`

func siteVersion(text string) string {
	return "package main\n\nconst version = \"" + text + "\"\n\nfunc index() string { return version }\n"
}

func newSite(t *testing.T) *project {
	return newProject(t, map[string]string{"main.go": siteMain, "index.go": siteVersion("version 1"), "templates/page.html": "page 1", ".env": "GREETING=hello\n"})
}

// A load is clients that never stop asking.
type load struct {
	mu     sync.Mutex
	counts map[string]int // by kind of answer
	failed []string
	stop   chan struct{}
	wg     sync.WaitGroup
}

// startLoad runs clients that keep their connections, and ones that open a connection for each request; GET and POST.
func startLoad(p *project) *load {
	l := &load{counts: map[string]int{}, stop: make(chan struct{})}
	for i := range 6 {
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: i%2 == 1}, Timeout: patience}
		l.wg.Add(1)
		go func() {
			defer l.wg.Done()
			for n := 0; ; n++ {
				select {
				case <-l.stop:
					return
				default:
					l.once(p, client, i, n)
				}
			}
		}()
	}
	return l
}

func (l *load) once(p *project, client *http.Client, i, n int) {
	var resp *http.Response
	var err error
	switch i % 3 {
	case 0:
		resp, err = client.Get("http://" + p.addr + "/")
	case 1:
		resp, err = client.Post("http://"+p.addr+"/echo", "text/plain", strings.NewReader("hello"))
	default:
		r, _ := http.NewRequest("GET", "http://"+p.addr+"/", nil)
		r.Header.Set("Accept", "text/html")
		resp, err = client.Do(r)
	}
	if err != nil {
		l.note("failed", fmt.Sprintf("client %d, request %d: %v", i, n, err))
		return
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	switch text := string(body); {
	case err != nil:
		l.note("failed", fmt.Sprintf("client %d, request %d: %v", i, n, err))
	case resp.StatusCode == 200 && (strings.HasPrefix(text, "version ") || text == "hello"):
		l.note(text+strings.Repeat(" (stale)", min(1, len(resp.Header["Carafe-Stale"]))), "")
	case resp.StatusCode == 500 && strings.Contains(text, "The build failed"), resp.StatusCode == 500 && strings.Contains(text, "The program"):
		l.note("error page", "")
	default:
		l.note("failed", fmt.Sprintf("client %d, request %d: status %d: %.300s", i, n, resp.StatusCode, text))
	}
	time.Sleep(2 * time.Millisecond) // other processes want the machine too
}

func (l *load) note(kind, failure string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts[kind]++
	if failure != "" && len(l.failed) < 10 {
		l.failed = append(l.failed, failure)
	}
}

func (l *load) count(kind string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.counts[kind]
}

// end stops the clients and fails the test if one request was not answered.
func (l *load) end(t *testing.T) {
	t.Helper()
	close(l.stop)
	l.wg.Wait()
	t.Logf("answers: %v", l.counts)
	if l.counts["failed"] > 0 {
		t.Errorf("%d requests failed or were refused, want none; the first:\n%s", l.counts["failed"], strings.Join(l.failed, "\n"))
	}
}

func TestNoRequestIsRefusedWhileAProjectIsEditedBrokenMendedAndPanics(t *testing.T) {
	p := newSite(t)
	p.run(nil, "go", "run", ".")
	p.shows("/", "version 1")
	l := startLoad(p)
	for i := 2; i <= 6; i++ {
		saved := time.Now()
		p.write("index.go", siteVersion(fmt.Sprint("version ", i)))
		want := fmt.Sprint("version ", i)
		eventually(t, func() bool { return l.count(want) > 0 }, func() string { return want + " is never served\n" + p.out.String() })
		t.Logf("edit %d: new code after %s (with six clients asking all the time)", i, time.Since(saved).Round(time.Millisecond))
	}
	p.write("index.go", "package main\n\nfunc index() string { return undefinedName }\n")
	eventually(t, func() bool { return l.count("error page") > 0 && l.count("version 6 (stale)") > 0 }, func() string { return fmt.Sprint("a broken build: ", l.counts) })
	if _, body, _ := p.page("/"); !strings.Contains(body, "undefined") {
		t.Errorf("the page of the build error is\n%s", body)
	}
	p.write("index.go", siteVersion("version 7"))
	eventually(t, func() bool { return l.count("version 7") > 0 }, func() string { return "the mended program is never served\n" + p.out.String() })
	p.write("init.go", "package main\n\nfunc init() { panic(\"at start\") }\n")
	p.shows("/", "panic: at start")
	eventually(t, func() bool { return l.count("version 7 (stale)") > 0 }, func() string { return "the old program does not serve while the new one crashes at its start" })
	must(t, os.Remove(filepath.Join(p.dir, "init.go")))
	p.write("index.go", siteVersion("version 8"))
	eventually(t, func() bool { return l.count("version 8") > 0 }, func() string { return "after a crash at start, the mended program is never served\n" + p.out.String() })
	if status, body, _ := p.page("/boom"); status != 500 || !strings.Contains(body, "boom") {
		t.Errorf("a panic: %d\n%s", status, body)
	}
	l.end(t)
}

func TestARequestInFlightIsFinishedByTheProgramThatBeganIt(t *testing.T) {
	p := newSite(t)
	p.run(nil, "go", "run", ".")
	p.shows("/", "version 1")
	answers := make(chan string, 1)
	stop := make(chan struct{})
	var all []string
	go func() {
		defer close(answers)
		for {
			select {
			case <-stop:
				return
			default:
			}
			_, body, _ := p.ask("GET", "/slow", nil)
			all = append(all, body)
		}
	}()
	p.write("index.go", siteVersion("version 2"))
	p.shows("/", "version 2")
	close(stop)
	<-answers
	for _, a := range all {
		if a != "version 1" && a != "version 2" {
			t.Errorf("a slow request was answered %q", a)
		}
	}
}

func TestABurstOfSavesIsOneBuild(t *testing.T) {
	p := newSite(t)
	p.run(nil, "go", "run", ".")
	p.shows("/", "version 1")
	for i := range 40 {
		p.write(fmt.Sprintf("pkg%d/x.go", i), "package x\n")
		p.write("index.go", siteVersion(fmt.Sprint("version ", i+2)))
	}
	p.shows("/", "version 41")
	p.await(regexp.MustCompile(`Serving the new program`))
	if n := strings.Count(p.out.String(), "Serving the new program"); n != 1 {
		t.Errorf("80 files saved at once were served as %d new programs, want 1:\n%s", n, p.out)
	}
}

func TestTemplatesAndEnvironmentFilesNeedNoBuild(t *testing.T) {
	p := newSite(t)
	p.run(nil, "go", "run", ".")
	p.shows("/page", "page 1")
	p.shows("/env", "hello")
	p.write("templates/page.html", "page 2")
	p.shows("/page", "page 2")
	if strings.Contains(p.out.String(), "Detected change") {
		t.Errorf("a change of a template restarts the program:\n%s", p.out)
	}
	p.write("index.go", "package main\n\nfunc index() string { return broken }\n")
	p.await(regexp.MustCompile(`The build failed`))
	p.write("index.go", siteVersion("version 1"))
	p.shows("/env", "hello")
	p.write(".env", "GREETING=goodbye\n")
	p.shows("/env", "goodbye")
}

func TestAProgramThatEndsIsStartedAgainByTheNextChange(t *testing.T) {
	p := newSite(t)
	p.run(nil, "go", "run", ".")
	p.shows("/", "version 1")
	_, _ = http.Get("http://" + p.addr + "/exit") // has no answer
	p.shows("/", "ended with exit code 7")
	status, body, header := p.ask("GET", "/", nil)
	if status != 503 || header.Get("Content-Type") != "application/problem+json" || !strings.Contains(body, "exit code 7") {
		t.Errorf("an API client gets %d %s\n%s", status, header, body)
	}
	p.write("index.go", siteVersion("version 2"))
	p.shows("/", "version 2")
}

func TestAProjectThatIsBrokenFromTheStartIsShownAndMended(t *testing.T) {
	p := newSite(t)
	bin := filepath.Join(p.dir, "site.bin")
	build := exec.Command("go", "build", "-o", bin, ".")
	build.Dir, build.Env = p.dir, append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	p.write("index.go", "package main\n\nfunc index() string { return broken }\n")
	p.run(nil, bin) // built before, and older than its source
	body, _ := p.shows("/", "The build failed")
	if !strings.Contains(body, "undefined: broken") || !strings.Contains(body, "vscode://file"+p.dir+"/index.go:3:") {
		t.Errorf("the page is\n%s", body)
	}
	p.write("index.go", siteVersion("version 2"))
	p.shows("/", "version 2")
}

func TestNothingIsLeftAfterCtrlC(t *testing.T) {
	p := newSite(t)
	p.run(nil, "go", "run", ".")
	p.shows("/", "version 1")
	must(t, syscall.Kill(-p.cmd.Process.Pid, syscall.SIGINT))
	p.gone("Ctrl-C")
}

// gone waits until no process of the project is left, and its port is free.
func (p *project) gone(after string) {
	p.t.Helper()
	eventually(p.t, func() bool { return len(p.processes()) == 0 }, func() string { return fmt.Sprintf("after %s there still is %v", after, p.processes()) })
	if _, err := http.Get("http://" + p.addr + "/"); err == nil {
		p.t.Errorf("after %s the port still answers", after)
	}
}

// pick is the one process whose program's path has part in it.
func (p *project) pick(part string) (id int) {
	p.t.Helper()
	eventually(p.t, func() bool {
		id = 0
		for pid, exe := range p.processes() {
			if strings.Contains(exe, part) {
				id = pid
			}
		}
		return id != 0
	}, func() string { return fmt.Sprintf("no process runs %s: %v", part, p.processes()) })
	return id
}

// watcher is the program that go run started and that watches: until the first change the program that it started is the same file.
func (p *project) watcher() int {
	p.t.Helper()
	all := p.processes()
	for pid, exe := range all {
		if strings.Contains(exe, "go-build") && !strings.Contains(all[parentOf(p.t, pid)], "go-build") {
			return pid
		}
	}
	p.t.Fatalf("no process watches: %v", all)
	return 0
}

// parentOf is the fourth field of /proc/PID/stat; the second, a name, may have blanks.
func parentOf(t *testing.T, pid int) (parent int) {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	must(t, err)
	_, err = fmt.Sscanf(string(b[bytes.LastIndexByte(b, ')')+1:]), " %c %d", new(rune), &parent)
	must(t, err)
	return parent
}

func TestNoProcessOutlivesTheOtherAfterKill9(t *testing.T) {
	p := newSite(t)
	p.run(nil, "go", "run", ".")
	p.shows("/", "version 1")
	p.write("index.go", siteVersion("version 2"))
	p.shows("/", "version 2")
	child := p.pick("carafe-dev-")
	must(t, syscall.Kill(child, syscall.SIGKILL))
	p.shows("/", "killed")
	p.write("index.go", siteVersion("version 3"))
	p.shows("/", "version 3")
	scratch, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", p.pick("carafe-dev-")))
	must(t, err)
	must(t, syscall.Kill(p.watcher(), syscall.SIGKILL))
	p.gone("kill -9 of the parent")
	eventually(t, func() bool { _, err := os.Stat(filepath.Dir(scratch)); return os.IsNotExist(err) }, func() string {
		return "the folder of built programs is left: " + scratch
	})
}

func TestAHangingProgramEndsWithItsParent(t *testing.T) {
	p := newSite(t)
	p.run(nil, "go", "run", ".")
	p.shows("/", "version 1")
	p.write("init.go", "package main\n\nfunc init() { select {} }\n")
	p.write("hang.go", "package main\n\nimport \"time\"\n\nfunc init() { go func() { for { time.Sleep(time.Hour) } }() }\n")
	p.pick("carafe-dev-")
	must(t, syscall.Kill(p.watcher(), syscall.SIGKILL))
	p.gone("kill -9 of the parent")
}

func TestTheReloaderPollsWhereItIsAskedTo(t *testing.T) {
	p := newProject(t, map[string]string{"main.go": strings.Replace(siteMain, "carafe.Debug(true)", "carafe.Debug(true), carafe.Watch{Poll: 100 * time.Millisecond}", 1),
		"index.go": siteVersion("version 1")})
	p.run(nil, "go", "run", ".")
	p.shows("/", "version 1")
	p.write("index.go", siteVersion("version 2"))
	p.shows("/", "version 2")
}

func TestTheServerSpeaksTLSAcrossASwap(t *testing.T) {
	p := newProject(t, map[string]string{"main.go": strings.Replace(siteMain, "carafe.Debug(true)", `carafe.Debug(true), carafe.TLS{Cert: "adhoc"}`, 1), "index.go": siteVersion("version 1")})
	p.run(nil, "go", "run", ".")
	client := insecureClient()
	get := func() string {
		resp, err := client.Get("https://" + p.addr + "/")
		must(t, err)
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		return resp.Proto + " " + string(body)
	}
	eventually(t, func() bool { return get() == "HTTP/2.0 version 1" }, func() string { return "over TLS: " + get() })
	p.write("index.go", siteVersion("version 2"))
	eventually(t, func() bool { return get() == "HTTP/2.0 version 2" }, func() string { return "over TLS: " + get() + p.out.String() })
}
