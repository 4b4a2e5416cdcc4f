//go:build !external

package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

// embedded runs one of the two servers in this process, with the flags of its own binary. It returns only if the name is unknown.
func embedded(name string, arguments []string) {
	switch name {
	case "etcd":
		etcdmain.Main(append([]string{name}, arguments...))
		os.Exit(0)
	case "kube-apiserver":
		command := app.NewAPIServerCommand()
		command.SetArgs(arguments)
		os.Exit(cli.Run(command))
	}
}
