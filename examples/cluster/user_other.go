//go:build !unix

package main

import (
	"errors"
	"os/exec"
)

var errNoUnix = errors.New("the cluster needs a Unix, as nginx, haproxy and the pre-fork server do")

func runAs(*exec.Cmd, string) error { return errNoUnix }

func giveTo(string, string) error { return errNoUnix }
