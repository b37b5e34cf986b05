package server_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
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
