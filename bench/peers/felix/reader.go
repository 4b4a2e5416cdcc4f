package main

import (
	"github.com/projectcalico/calico/felix/ip"
	"github.com/projectcalico/calico/felix/labelindex"
)

// reader takes in what the index tells of its sets, as bench/label-index-load.ts does. Two readers that hold the same members have the
// same checksum, whatever came in between.
type reader struct {
	members  int
	checksum uint32
}

func (r *reader) added(set string, member labelindex.IPSetMember) {
	r.members++
	r.checksum += fingerprint(set, member)
}

func (r *reader) removed(set string, member labelindex.IPSetMember) {
	r.members--
	r.checksum -= fingerprint(set, member)
}

// fingerprint is FNV-1a over the letters of the set's id and the numbers of the member, stirred so that sums tell sets apart. The load
// holds IPv4 only.
func fingerprint(set string, member labelindex.IPSetMember) uint32 {
	x := uint32(2166136261)
	mix := func(value uint32) { x = (x ^ value) * 16777619 }
	for n := range len(set) {
		mix(uint32(set[n]))
	}
	for _, octet := range member.CIDR.Addr().(ip.V4Addr) {
		mix(uint32(octet))
	}
	if member.Protocol == labelindex.ProtocolNone {
		mix(uint32(member.CIDR.Prefix()))
	} else {
		mix(uint32(member.Protocol))
		mix(uint32(member.PortNumber))
	}
	x = (x ^ x>>16) * 2246822507
	x = (x ^ x>>13) * 3266489909
	return x ^ x>>16
}
