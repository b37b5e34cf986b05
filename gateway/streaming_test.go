package gateway_test

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/carafeweb/carafe/gateway"
)

// PEP 3333, Buffering and Streaming: a server may not hold a block back while the application makes the next.
func TestBlocksArriveBeforeTheNextIsMade(t *testing.T) {
	apps := map[string]func(gate chan bool) gateway.ApplicationFunc{
		"yielded": func(gate chan bool) gateway.ApplicationFunc {
			return func(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
				_, err := start("200 OK", text.Clone(), nil)
				return gateway.Stream(func(yield func([]byte, error) bool) {
					if yield([]byte("one\n"), nil) {
						<-gate
						yield([]byte("two\n"), nil)
					}
				}, nil), err
			}
		},
		"written": func(gate chan bool) gateway.ApplicationFunc {
			return func(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
				w, err := start("200 OK", text.Clone(), nil)
				io.WriteString(w, "one\n")
				<-gate
				io.WriteString(w, "two\n")
				return nil, err
			}
		},
	}
	for _, tr := range transports {
		if tr.name == "CGI" {
			continue // another process has no gate; TestCGIProgramDiesWithItsClient sees its output arrive at once
		}
		for name, app := range apps {
			t.Run(tr.name+"/"+name, func(t *testing.T) {
				gate := make(chan bool)
				url, _ := tr.open(t, rule{app: app(gate)})
				resp, err := http.Get(url)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				lines := bufio.NewReader(resp.Body)
				if line, err := lines.ReadString('\n'); line != "one\n" {
					t.Fatalf("before the second block is made: %q, %v; want the first", line, err)
				}
				close(gate)
				if line, _ := lines.ReadString('\n'); line != "two\n" {
					t.Errorf("then: %q, want the second block", line)
				}
			})
		}
	}
}

func TestTheBodyIsClosedWhenTheClientLeaves(t *testing.T) {
	closed := make(chan bool)
	app := gateway.ApplicationFunc(func(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
		_, err := start("200 OK", text.Clone(), nil)
		return gateway.Stream(func(yield func([]byte, error) bool) {
			for yield(make([]byte, 1<<16), nil) {
			}
		}, func() error { close(closed); return errors.New("logged, not sent") }), err
	})
	url, _ := serve(t, gateway.Handler(app))
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	io.ReadFull(resp.Body, make([]byte, 100))
	resp.Body.Close()
	<-closed // or the test does not end
}
