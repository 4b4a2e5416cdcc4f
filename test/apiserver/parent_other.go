//go:build !linux

package main

import "syscall"

// dieWithParent: only Linux kills children of a killed process; elsewhere they end when this process ends in order.
func dieWithParent() *syscall.SysProcAttr { return nil }
