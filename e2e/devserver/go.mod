module github.com/carafeweb/carafe/e2e/devserver

go 1.26.0

replace github.com/carafeweb/carafe => ../..
