//go:build !race

package carafe_test

const poolsLeak = false
