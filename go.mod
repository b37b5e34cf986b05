module github.com/carafeweb/carafe

go 1.26.0
