package main

import (
	"encoding/binary"
	"fmt"
	"syscall"
)

// Numbers of linux/netlink.h and linux/netfilter/nf_tables.h.
const (
	netfilter        = 12
	subsystemTables  = 10
	messageGet       = 13
	familyInet       = 1
	listTable        = 1
	listSet          = 2
	listElements     = 3
	listElement      = 1
	elementKey       = 1
	dataValue        = 1
	nested           = 0x8000
	netlinkHeader    = 16
	nfnetlinkMessage = 4
)

// kernel asks nf_tables whether a set has an element, which it tells without waiting for transactions.
type kernel struct {
	fd     int
	answer [8192]byte
}

func openKernel() (*kernel, error) {
	fd, err := syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, netfilter)
	if err != nil {
		return nil, err
	}
	return &kernel{fd: fd}, syscall.Bind(fd, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK})
}

// has tells whether a set of the firewall machine's table has an address.
func (k *kernel) has(set string, address uint32) (bool, error) {
	value := binary.BigEndian.AppendUint32(nil, address)
	element := attribute(nested|listElement, attribute(nested|elementKey, attribute(dataValue, value)))
	body := []byte{familyInet, 0, 0, 0}
	body = append(body, attribute(listTable, []byte("firewall\x00"))...)
	body = append(body, attribute(listSet, append([]byte(set), 0))...)
	body = append(body, attribute(nested|listElements, element)...)
	message := make([]byte, netlinkHeader, netlinkHeader+len(body))
	binary.NativeEndian.PutUint32(message, uint32(netlinkHeader+len(body)))
	binary.NativeEndian.PutUint16(message[4:], subsystemTables<<8|messageGet)
	binary.NativeEndian.PutUint16(message[6:], syscall.NLM_F_REQUEST)
	if errno := send(k.fd, append(message, body...)); errno != 0 {
		return false, errno
	}
	length, _, err := syscall.Recvfrom(k.fd, k.answer[:], 0)
	if err != nil {
		return false, err
	}
	if length < netlinkHeader+nfnetlinkMessage {
		return false, fmt.Errorf("%d octets from netlink", length)
	}
	if binary.NativeEndian.Uint16(k.answer[4:]) != syscall.NLMSG_ERROR {
		return true, nil
	}
	if errno := syscall.Errno(-int32(binary.NativeEndian.Uint32(k.answer[netlinkHeader:]))); errno != syscall.ENOENT {
		return false, errno
	}
	return false, nil
}

func attribute(kind int, value []byte) []byte {
	const header = 4
	padded := make([]byte, (header+len(value)+3)&^3)
	binary.NativeEndian.PutUint16(padded, uint16(header+len(value)))
	binary.NativeEndian.PutUint16(padded[2:], uint16(kind))
	copy(padded[header:], value)
	return padded
}
