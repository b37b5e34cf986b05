//go:build unix

package cli_test

import "syscall"

const signalsServe = true

const reloadSignal = syscall.SIGHUP
