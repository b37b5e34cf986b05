module github.com/carafeweb/carafe/examples/cluster

go 1.26.0
