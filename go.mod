module github.com/carafeweb/carafe

go 1.26.0

require (
	github.com/klauspost/compress v1.20.3
	github.com/rs/cors v1.11.1
)
