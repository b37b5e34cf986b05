module github.com/carafeweb/carafe

go 1.26.0

require (
	github.com/google/uuid v1.6.0
	github.com/gorilla/mux v1.8.1
	github.com/klauspost/compress v1.20.3
	github.com/rs/cors v1.11.1
	golang.org/x/crypto v0.58.0
)
