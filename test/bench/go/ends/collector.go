package main

import (
	"encoding/binary"
	"syscall"
)

const headerLength = 16

// collected is one connection of a collector.
type collected struct {
	fd int
	// Octets of the message that has begun which are still to come; 0: a header comes next.
	left int
	// The first octets of a header, as far as they are there.
	header [4]byte
	have   int
	// Messages that have arrived whole.
	messages int
}

// take counts the messages that end in these octets, by their lengths, and looks at nothing else.
func (c *collected) take(octets []byte) int {
	before := c.messages
	for len(octets) > 0 {
		if c.left == 0 {
			taken := copy(c.header[c.have:], octets)
			octets = octets[taken:]
			if c.have += taken; c.have < len(c.header) {
				break
			}
			c.have = 0
			c.left = max(headerLength, int(binary.BigEndian.Uint16(c.header[2:]))) - len(c.header)
			continue
		}
		taken := min(c.left, len(octets))
		octets = octets[taken:]
		if c.left -= taken; c.left == 0 {
			c.messages++
		}
	}
	return c.messages - before
}

// inside says that a message has begun whose end is not there.
func (c *collected) inside() bool {
	return c.left > 0 || c.have > 0
}

// collect accepts connections and reads them for ever, all into the same octets. Whoever is told of what was read is told
// nil once the connection has ended, with false where it broke off.
func collect(listener int, onRead func(connection *collected, octets []byte, inOrder bool)) {
	check(syscall.SetNonblock(listener, true))
	poll := newPoll()
	poll.add(listener, syscall.EPOLLIN)
	connections := map[int]*collected{}
	octets := make([]byte, 256*1024)
	for {
		for _, event := range poll.wait() {
			fd := int(event.Fd)
			if fd == listener {
				accepted, _, err := syscall.Accept4(listener, syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC)
				if err == nil {
					connections[accepted] = &collected{fd: accepted}
					poll.add(accepted, syscall.EPOLLIN)
				}
				continue
			}
			length, err := syscall.Read(fd, octets)
			switch {
			case err != nil && again(err):
			case err == nil && length > 0:
				onRead(connections[fd], octets[:length], true)
			default:
				onRead(connections[fd], nil, err == nil)
				delete(connections, fd)
				syscall.Close(fd)
			}
		}
	}
}
