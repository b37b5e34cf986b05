package carafetest_test

import (
	"context"
	"io"
	"net/http"
	"testing"

	"github.com/carafeweb/carafe"
	carafetest "github.com/carafeweb/carafe/testing"
)

func TestServeAnswersOnASocketUntilTheTestIsOver(t *testing.T) {
	var url string
	drained := make(chan struct{})
	t.Run("serving", func(t *testing.T) {
		app := carafe.New("app")
		app.Get("/", func(c *carafe.Context) string {
			c.Go(func(ctx context.Context) { close(drained) })
			return "over " + c.Request.Proto
		}, carafe.Endpoint("index"))
		url = carafetest.Serve(t, app)
		resp, err := http.Get(url + "/")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if body, err := io.ReadAll(resp.Body); string(body) != "over HTTP/1.1" || err != nil {
			t.Errorf("the answer is %q, %v", body, err)
		}
	})
	select {
	case <-drained:
	default:
		t.Error("the app's background work was not waited for")
	}
	if resp, err := http.Get(url); err == nil {
		resp.Body.Close()
		t.Error("the server still answers after its test")
	}
}
