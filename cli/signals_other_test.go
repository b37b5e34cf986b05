//go:build !unix

package cli_test

import "syscall"

const signalsServe = false

const reloadSignal = syscall.SIGTERM
