package carafe

type templating struct{}
