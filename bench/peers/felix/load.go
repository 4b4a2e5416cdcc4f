package main

import (
	"fmt"

	"github.com/projectcalico/api/pkg/lib/numorstring"
	"github.com/projectcalico/calico/felix/ip"
	"github.com/projectcalico/calico/felix/labelindex"
	"github.com/projectcalico/calico/libcalico-go/lib/backend/model"
)

// load is the load of bench/label-index-load.ts, figure for figure. The checksums of the two tell when they differ.
type load struct {
	endpoints  int
	selectors  int
	namespaces int
	// outside adds network sets, ports to endpoints, and sets of named ports.
	outside bool
}

type endpoint struct {
	id      string
	labels  map[string]string
	nets    []ip.CIDR
	ports   []model.EndpointPort
	parents []string
}

type ipSet struct {
	id, selector string
	// protocol is ProtocolNone for a set of addresses.
	protocol  labelindex.IPSetPortProtocol
	namedPort string
}

var broad = []string{"all()", "has(app)", "pcns.env == 'prod'", "tier == 'fe'", "!has(role)"}

// hash is the load's own, on unsigned 32-bit integers.
func hash(i, k int) uint32 {
	x := uint32(i)*2654435761 + uint32(k)*40503 + 12345
	x ^= x << 13
	x ^= x >> 17
	return x ^ x<<5
}

// endpoint is number i; a relabelled one has shift added to each constant of its labels.
func (l load) endpoint(i, shift int) endpoint {
	pick := func(k, n int) int { return int(hash(i, k+shift) % uint32(n)) }
	namespace := fmt.Sprintf("ns%d", i%l.namespaces)
	labels := map[string]string{
		"projectcalico.org/namespace":    namespace,
		"projectcalico.org/orchestrator": "k8s",
		"app":                            fmt.Sprintf("app-%d", pick(1, 500)),
		"tier":                           []string{"fe", "be", "db"}[pick(2, 3)],
		"version":                        fmt.Sprintf("v%d", pick(3, 20)),
		"pod-template-hash":              fmt.Sprintf("%08x", hash(i/10, 4+shift)),
	}
	if pick(5, 2) == 0 {
		labels["role"] = fmt.Sprintf("r%d", pick(6, 8))
	}
	e := endpoint{
		id:      fmt.Sprintf("pod:%s/p%d", namespace, i),
		labels:  labels,
		nets:    []ip.CIDR{ip.MustParseCIDROrIP(fmt.Sprintf("10.%d.%d.%d", i>>16&255, i>>8&255, i&255))},
		parents: []string{"kns." + namespace},
	}
	if l.outside {
		e.ports = []model.EndpointPort{{Name: "http", Protocol: numorstring.ProtocolFromString("TCP"), Port: 8080}}
		if i%4 == 0 {
			dns := model.EndpointPort{Name: "dns", Protocol: numorstring.ProtocolFromString("UDP"), Port: 53}
			e.ports = append(e.ports, dns)
		}
	}
	return e
}

// networkSets is how many there are: one for every thousand endpoints.
func (l load) networkSets() int {
	if !l.outside {
		return 0
	}
	return l.endpoints / 1000
}

// networkSet is number x: ten prefixes that each five sets share, with the labels of a tier and a namespace.
func (l load) networkSet(x int) endpoint {
	e := endpoint{
		id:      fmt.Sprintf("set:%d", x),
		labels:  map[string]string{"tier": []string{"fe", "be", "db"}[x%3], "app": fmt.Sprintf("app-%d", x%500)},
		parents: []string{fmt.Sprintf("kns.ns%d", x%l.namespaces)},
	}
	for n := range 10 {
		block := x/5*10 + n
		e.nets = append(e.nets, ip.MustParseCIDROrIP(fmt.Sprintf("172.%d.%d.0/24", 16+block>>8, block&255)))
	}
	return e
}

func (l load) parent(x, later int) (id string, labels map[string]string) {
	return fmt.Sprintf("kns.ns%d", x), map[string]string{
		"pcns.projectcalico.org/name": fmt.Sprintf("ns%d", x),
		"pcns.env":                    []string{"prod", "dev", "test", "stage"}[(x+later)%4],
		"pcns.team":                   fmt.Sprintf("t%d", x%20),
	}
}

func (l load) set(j int) ipSet {
	s := ipSet{id: fmt.Sprintf("s%d", j), selector: l.selector(j)}
	if l.outside && j%10 == 0 {
		s.protocol, s.namedPort = labelindex.ProtocolTCP, "http"
	} else if l.outside && j%10 == 4 {
		s.protocol, s.namedPort = labelindex.ProtocolUDP, "dns"
	}
	return s
}

func (l load) selector(j int) string {
	app := func(k int) string { return fmt.Sprintf("app-%d", hash(j, k)%500) }
	namespace := fmt.Sprintf("ns%d", hash(j, 20)%uint32(l.namespaces))
	switch j % 10 {
	case 4:
		return fmt.Sprintf("pcns.projectcalico.org/name == '%s'", namespace)
	case 5:
		return fmt.Sprintf("app in {'%s', '%s', '%s'} && tier == 'be'", app(8), app(9), app(10))
	case 6:
		return fmt.Sprintf("pcns.env == 'prod' && app == '%s' && has(role)", app(11))
	case 7:
		return fmt.Sprintf("role == 'r3' && version starts with 'v1' && app == '%s'", app(12))
	case 8:
		return fmt.Sprintf("app == '%s' && version not in {'v1', 'v2'}", app(13))
	case 9:
		return fmt.Sprintf("pcns.team == 't%d' && tier != 'db' && app == '%s'", hash(j, 14)%20, app(15))
	default:
		return fmt.Sprintf("projectcalico.org/namespace == '%s' && app == '%s'", namespace, app(7))
	}
}
