package server_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/carafeweb/carafe/server"
)

func TestAWorkerThatHasLeftKeepsNobodyWaiting(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	board, err := server.ServeOnBoard(http.NotFoundHandler(), l)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || resp.StatusCode != 404 {
		t.Fatalf("the connection that is to outlive accepting: %v, %v", resp, err)
	}
	if !board.Waits(1000) {
		t.Error("worker 2 with 1000 connections does not let worker 1 with one go first")
	}
	board.Leave()
	if board.Waits(1000) {
		t.Error("worker 2 waits at each connection for worker 1, which has gone: its last connection has put it back on the board")
	}
}

func TestAWorkerThatWasWaitedForInVainIsNotWaitedForAgainUntilItsScoreChanges(t *testing.T) {
	board := server.NewBoard()
	board.Set(3)
	if !board.Waits(1000) {
		t.Fatal("worker 2 with 1000 connections does not let worker 1 with 3 go first")
	}
	if again, changed := board.GiveUp(1000, 4); again || !changed {
		t.Errorf("worker 2 waits again: %v at once, %v when worker 1 has taken one; want false, true", again, changed)
	}
	if board.Starve() {
		t.Error("worker 2 waits for worker 1, which has no descriptors left to accept with")
	}
}

func TestAPathForgesNoLineOfTheRequests(t *testing.T) {
	requests, stack := server.TellOf("/a\n1 1 forged\x1b[2J")
	want := `GET "/a\n1 1 forged\x1b[2J"`
	if strings.Count(requests, "\n") != 1 || !strings.Contains(requests, " "+want+" ") {
		t.Errorf("requests: %q, want one line with %s", requests, want)
	}
	if !strings.HasPrefix(stack, want+"\n") {
		t.Errorf("stack: %q, want %s first", stack, want)
	}
	if requests, _ := server.TellOf("/plain"); !strings.Contains(requests, " /plain ") {
		t.Errorf("requests: %q, want a plain path as it is", requests)
	}
}
