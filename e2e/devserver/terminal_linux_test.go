package devserver_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// openTerminal makes a pseudo-terminal: what a person holds, and what programs write to.
func openTerminal(t *testing.T) (person, programs *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("this machine has no pseudo-terminals: %v", err)
	}
	t.Cleanup(func() { _ = person.Close() })
	var number, unlocked int32
	terminalCall(t, person, syscall.TIOCSPTLCK, unsafe.Pointer(&unlocked))
	terminalCall(t, person, syscall.TIOCGPTN, unsafe.Pointer(&number))
	programs, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	must(t, err)
	t.Cleanup(func() { _ = programs.Close() })
	return person, programs
}

func terminalCall(t *testing.T, f *os.File, request uintptr, arg unsafe.Pointer) {
	t.Helper()
	raw, err := f.SyscallConn()
	must(t, err)
	var errno syscall.Errno
	must(t, raw.Control(func(fd uintptr) { _, _, errno = syscall.Syscall(syscall.SYS_IOCTL, fd, request, uintptr(arg)) }))
	if errno != 0 {
		t.Fatalf("ioctl %#x of %s: %v", request, f.Name(), errno)
	}
}

func terminalState(t *testing.T, f *os.File) (state syscall.Termios) {
	t.Helper()
	terminalCall(t, f, syscall.TCGETS, unsafe.Pointer(&state))
	return state
}

// runInTerminal is run on a terminal of the project's own, with a person who reads.
func (p *project) runInTerminal(person, programs *os.File, command ...string) {
	p.t.Helper()
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = p.dir, programs, programs, programs
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off", "CARAFE_RUN_PORT=0", "TERM=xterm-256color", "NO_COLOR=")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	must(p.t, cmd.Start())
	p.cmd = cmd
	go func() { p.done <- cmd.Wait() }()
	go func() { _, _ = io.Copy(p.out, person) }()
	p.t.Cleanup(p.end)
	p.addr = p.await(regexp.MustCompile(`Running on http://([0-9.:]+)`))[1]
}

// noEcho is a program's file that leaves the terminal without echo and line editing, as one does that asks for a password and is killed.
const noEcho = `package main

import "os/exec"

func init() {
	if out, err := exec.Command("stty", "-F", "/dev/tty", "-echo", "-icanon").CombinedOutput(); err != nil {
		panic(string(out))
	}
}
`

func TestCtrlCLeavesTheTerminalAsItWas(t *testing.T) {
	if _, err := exec.LookPath("stty"); err != nil {
		t.Skip("there is no stty")
	}
	p := newSite(t)
	person, programs := openTerminal(t)
	before := terminalState(t, programs)
	p.runInTerminal(person, programs, "go", "run", ".")
	p.shows("/", "version 1")
	p.write("password.go", noEcho)
	p.write("index.go", siteVersion("version 2"))
	p.shows("/", "version 2")
	if now := terminalState(t, programs); now.Lflag&syscall.ECHO != 0 {
		t.Fatal("the program was to switch echo off, and the test shows nothing")
	}
	_, err := person.Write([]byte{3}) // Ctrl-C, which the terminal makes a signal of
	must(t, err)
	select {
	case <-p.done:
	case <-time.After(patience):
		t.Fatalf("Ctrl-C does not end it: %v", p.processes())
	}
	p.done <- nil // for p.end
	p.gone("Ctrl-C on a terminal")
	if after := terminalState(t, programs); after != before {
		t.Errorf("Ctrl-C leaves the terminal as\n%+v, it was\n%+v", after, before)
	}
	text := p.out.String()
	colours := regexp.MustCompile("\x1b\\[[0-9;]*m").FindAllString(text, -1)
	if len(colours) == 0 || colours[len(colours)-1] != "\x1b[0m" {
		t.Errorf("the last colour of %d is %q, want the end of all", len(colours), colours[max(0, len(colours)-1):])
	}
	if strings.Contains(text, "\x1b[?1049h") || strings.Contains(text, "\x1b[?25l") {
		t.Errorf("the screen was taken over:\n%q", text)
	}
}
