package carafetest_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/carafeweb/carafe"
	carafetest "github.com/carafeweb/carafe/testing"
)

// In a test, t is the test's own.
func ExampleNewClient() {
	t := exampleT{}
	app := carafe.New("shop")
	app.Config.Testing = true // an error that nobody answers fails the test
	app.Post("/orders", func(c *carafe.Context) (any, int, error) {
		var order struct{ Item string }
		err := c.Request.JSON(&order)
		return map[string]any{"ordered": order.Item}, 201, err
	})

	client := carafetest.NewClient(t, app)
	resp := client.Post("/orders", carafetest.JSON(map[string]string{"item": "beans"}))
	var got struct{ Ordered string }
	resp.JSON(&got)
	fmt.Println(resp.StatusCode, got.Ordered, resp.Context().Endpoint())
	// Output: 201 beans POST /orders
}

// exampleT stands for a test, which an example does not have.
type exampleT struct{ testing.TB }

func (exampleT) Helper()                           {}
func (exampleT) Cleanup(func())                    {}
func (exampleT) Context() context.Context          { return context.Background() }
func (exampleT) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
