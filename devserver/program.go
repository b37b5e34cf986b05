package devserver

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// A program is a child that was started.
type program struct {
	cmd    *exec.Cmd
	binary string
	output *tail
	mail   *mailbox
	served atomic.Bool // it has said that it is ready
	killer *time.Timer
}

// slowStart is after what time a program that is not ready is complained about.
const slowStart = 15 * time.Second

// launch starts the newest binary. The program's channels tell of what becomes of it.
func (s *supervisor) launch() (*program, error) {
	socket, err := duplicate(s.socket)
	if err != nil {
		return nil, err
	}
	defer socket.Close()
	life, lifeOurs, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer life.Close()
	readyOurs, ready, err := os.Pipe()
	if err != nil {
		lifeOurs.Close()
		return nil, err
	}
	defer ready.Close()
	p := &program{binary: s.binary, output: &tail{next: s.out()}}
	p.cmd, err = s.command(p.output, socket, life, ready)
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		lifeOurs.Close()
		readyOurs.Close()
		return nil, err
	}
	p.mail = newMailbox(lifeOurs)
	go s.await(p, readyOurs)
	return p, nil
}

func (s *supervisor) command(output *tail, socket, life, ready *os.File) (*exec.Cmd, error) {
	hello := s.hello
	hello.Socket, hello.Life, hello.Ready = 3, 4, 5
	hello.Generation, hello.First = s.generation, !s.everServed
	text, err := json.Marshal(hello)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(s.binary, s.project.Args...)
	cmd.Dir = s.project.WorkDir
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, output, output
	cmd.ExtraFiles = []*os.File{socket, life, ready}
	cmd.Env = append(slices.DeleteFunc(slices.Clone(s.project.Env), func(kv string) bool {
		return strings.HasPrefix(kv, handoverVariable+"=")
	}), handoverVariable+"="+string(text))
	cmd.WaitDelay = time.Second // for what the program itself has started, and which has its output
	dieWithParent(cmd)
	return cmd, nil
}

// await reports that the program is ready, and that it has ended, in this order.
func (s *supervisor) await(p *program, ready *os.File) {
	slow := time.AfterFunc(slowStart, func() {
		select {
		case s.slow <- p:
		case <-s.done:
		}
	})
	one := make([]byte, 1)
	if _, err := io.ReadFull(ready, one); err == nil {
		slow.Stop()
		p.served.Store(true)
		s.ready <- p
	}
	_ = ready.Close()
	_ = p.cmd.Wait()
	slow.Stop()
	s.exited <- p
}

// forget lets go of what belongs to a program that has ended.
func (p *program) forget() {
	p.mail.end()
	if p.killer != nil {
		p.killer.Stop()
	}
}

func (p *program) pid() int { return p.cmd.Process.Pid }

// drain tells the program that there is a newer one.
func (p *program) drain(grace time.Duration) {
	p.mail.send(message{Drain: true})
	p.killAfter(grace)
}

// stop tells the program that all is over.
func (p *program) stop(grace time.Duration) {
	p.mail.send(message{Stop: true})
	if !p.served.Load() {
		_ = interrupt(p.cmd.Process) // it may not listen yet
		grace = min(grace, 2*time.Second)
	}
	p.killAfter(grace)
}

// abandon ends a program that has not served anybody.
func (p *program) abandon() { _ = p.cmd.Process.Kill() }

func (p *program) killAfter(grace time.Duration) {
	if p.killer == nil {
		p.killer = time.AfterFunc(grace, func() { _ = p.cmd.Process.Kill() })
	}
}
