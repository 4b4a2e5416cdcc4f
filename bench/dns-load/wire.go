package main

import (
	"encoding/binary"
	"strings"
)

// Messages of RFC 1035, as much of them as is needed here.
const (
	headerBytes = 12
	answerBytes = 16
	typeA       = 1
	// 11.0.0.0/8 is of addresses that were never given before, 100.64.0.0/10 of those that names always have.
	newest = 0x0b000000
	usual  = 0x64400000
)

// question asks for the IPv4 addresses of a name without a last dot.
func question(text string) []byte {
	message := []byte{0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0}
	for label := range strings.SplitSeq(text, ".") {
		message = append(append(message, byte(len(label))), label...)
	}
	return append(message, 0, 0, typeA, 0, 1)
}

// answerTo makes the question in a buffer its own answer, and returns how long it is; 0: it is no question.
func answerTo(buffer []byte, length int, given func(usual uint32) uint32) int {
	end := headerBytes
	var sum uint32
	for end < length && buffer[end] != 0 {
		for _, octet := range buffer[end+1 : min(length, end+1+int(buffer[end]))] {
			sum = (sum*31 + uint32(octet)) & 0x3fffff
		}
		end += int(buffer[end]) + 1
	}
	if end+5 > length {
		return 0
	}
	isAddress := binary.BigEndian.Uint16(buffer[end+1:]) == typeA
	end += 5
	binary.BigEndian.PutUint16(buffer[2:], 0x8180)
	clear(buffer[4:headerBytes])
	buffer[5] = 1
	if !isAddress {
		return end
	}
	buffer[7] = 1
	// The name once more, type, class, five minutes, four octets.
	record := append(buffer[:end], 0xc0, headerBytes, 0, typeA, 0, 1, 0, 0, 1, 44, 0, 4)
	return len(binary.BigEndian.AppendUint32(record, given(usual+sum)))
}

// addressOf is the address that an answer ends with; 0: it has none.
func addressOf(message []byte) uint32 {
	if len(message) < headerBytes+answerBytes || binary.BigEndian.Uint16(message[6:]) != 1 {
		return 0
	}
	return binary.BigEndian.Uint32(message[len(message)-4:])
}

func isNew(address uint32) bool {
	return address>>24 == newest>>24
}
