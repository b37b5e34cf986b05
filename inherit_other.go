//go:build !unix

package carafe

func ignoreOperator() {}
