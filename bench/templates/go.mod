module github.com/carafeweb/carafe/bench/templates

go 1.26.0

require github.com/carafeweb/carafe v0.0.0

require (
	github.com/google/uuid v1.6.0 // indirect
	github.com/gorilla/mux v1.8.1 // indirect
	golang.org/x/crypto v0.58.0 // indirect
)

replace github.com/carafeweb/carafe => ../..
