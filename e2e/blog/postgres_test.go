//go:build unix

package blog

import (
	"bufio"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

func TestAPersonWalksThroughTheBlogOnPostgreSQL(t *testing.T) {
	walkThroughTheBlog(t, startBrowser(t, findChromium(t)), startBlog(t, startPostgres(t)))
}

// startPostgres runs an empty PostgreSQL of its own, and gives the URL of its database.
func startPostgres(t *testing.T) (url string) {
	t.Helper()
	folder, as := postgresPrograms(t), postgresUser(t)
	// t.TempDir is below a folder that PostgreSQL's user cannot enter.
	data, err := os.MkdirTemp("", "blog-postgres")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(data) })
	if as != nil {
		if err := os.Chown(data, int(as.Uid), int(as.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	run := func(program string, args ...string) *exec.Cmd {
		cmd := exec.Command(filepath.Join(folder, program), args...)
		cmd.Dir, cmd.SysProcAttr = data, &syscall.SysProcAttr{Credential: as}
		return cmd
	}
	if out, err := run("initdb", "-D", data, "-U", "blog", "-A", "trust", "-E", "UTF8", "--locale", "C.UTF-8", "-N").CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	port := freePort(t)
	server := run("postgres", "-D", data, "-h", "127.0.0.1", "-p", port, "-k", data)
	log, err := server.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(log)
	var said sync.WaitGroup
	t.Cleanup(func() {
		_ = server.Process.Signal(syscall.SIGINT) // which ends its connections
		said.Wait()
		if err := server.Wait(); err != nil {
			t.Errorf("PostgreSQL ended with %v", err)
		}
	})
	var heard []string
	for lines.Scan() {
		if strings.Contains(lines.Text(), "ready to accept connections") {
			said.Go(func() {
				for lines.Scan() {
				}
			})
			return "postgres://blog@127.0.0.1:" + port + "/postgres"
		}
		heard = append(heard, lines.Text())
	}
	t.Fatalf("PostgreSQL does not start:\n%s", strings.Join(heard, "\n"))
	return ""
}

// postgresPrograms is the folder of PostgreSQL's programs, which on Debian is not among those of commands.
func postgresPrograms(t *testing.T) string {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if path, err := exec.LookPath("postgres"); err == nil {
		found = append(found, path)
	}
	for _, path := range found {
		if path, err := filepath.EvalSymlinks(path); err == nil {
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), "initdb")); err == nil {
				return filepath.Dir(path)
			}
		}
	}
	t.Skip("there is no PostgreSQL: the walk through the blog on it was not made")
	return ""
}

// postgresUser is who PostgreSQL runs as where the test is root's, since it refuses to be root; nil for the test's own user.
func postgresUser(t *testing.T) *syscall.Credential {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		t.Skipf("PostgreSQL does not run as root, and there is no user for it: %v", err)
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	if err1 != nil || err2 != nil {
		t.Fatalf("the user postgres is %+v", u)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

// freePort is a port that was free a moment ago: PostgreSQL cannot be given a socket, and does not take port 0.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
