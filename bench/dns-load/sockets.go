package main

import (
	"syscall"
	"time"
	"unsafe"
)

// System calls without a word to Go's scheduler: a thread that waits in one stays where it is.

const receiveBytes = 4 << 20

// datagrams opens a socket of UDP at an address.
func datagrams(address string, port int) (int, error) {
	own, err := address4(address)
	if err != nil {
		return -1, err
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_RCVBUF, receiveBytes); err != nil {
		return -1, err
	}
	return fd, syscall.Bind(fd, &syscall.SockaddrInet4{Port: port, Addr: own})
}

func send(fd int, message []byte) syscall.Errno {
	_, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, uintptr(fd),
		uintptr(unsafe.Pointer(&message[0])), uintptr(len(message)), 0, 0, 0)
	return errno
}

func sendTo(fd int, message []byte, to *syscall.RawSockaddrInet4) {
	syscall.RawSyscall6(syscall.SYS_SENDTO, uintptr(fd),
		uintptr(unsafe.Pointer(&message[0])), uintptr(len(message)), 0, uintptr(unsafe.Pointer(to)), unsafe.Sizeof(*to))
}

// receiveFrom waits for a datagram. False: what came is an error, or a signal; there may be more.
func receiveFrom(fd int, buffer []byte, from *syscall.RawSockaddrInet4) (int, bool) {
	size := uint32(unsafe.Sizeof(*from))
	length, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&buffer[0])),
		uintptr(len(buffer)), 0, uintptr(unsafe.Pointer(from)), uintptr(unsafe.Pointer(&size)))
	return int(length), errno == 0
}

// receiveMessage is the same with what the kernel tells beside it.
func receiveMessage(fd int, header *syscall.Msghdr) (int, bool) {
	length, _, errno := syscall.RawSyscall(syscall.SYS_RECVMSG, uintptr(fd), uintptr(unsafe.Pointer(header)), 0)
	return int(length), errno == 0
}

func sleepUntil(due time.Time) {
	if left := time.Until(due); left > 0 {
		wait := syscall.NsecToTimespec(left.Nanoseconds())
		// Broken off by a signal it is early: then it is asked for again.
		syscall.RawSyscall(syscall.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&wait)), 0, 0)
	}
}

// usage is the CPU time of all threads.
func usage() time.Duration {
	var own syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &own); err != nil {
		panic(err)
	}
	return time.Duration(own.Utime.Nano() + own.Stime.Nano())
}
