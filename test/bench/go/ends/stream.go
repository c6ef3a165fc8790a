package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"os"
	"syscall"
)

// messages are what every exporter sends: templates once, then whole messages over and over.
type messages struct {
	Templates         []byte `json:"templates"`
	Block             []byte `json:"block"`
	RecordsPerMessage int    `json:"recordsPerMessage"`
}

// messageLength is the length of the message that begins here.
func messageLength(octets []byte) int {
	return int(binary.BigEndian.Uint16(octets[2:]))
}

// lengths of the messages in these octets.
func lengths(octets []byte) (all []int) {
	for len(octets) > 0 {
		length := messageLength(octets)
		all = append(all, length)
		octets = octets[length:]
	}
	return all
}

// number gives a message its sequence number.
func number(message []byte, sequence uint32) {
	binary.BigEndian.PutUint32(message[8:], sequence)
}

// streamLoad is what is sent, by how many; what is sent is divided among them.
type streamLoad struct {
	messages
	Port     int `json:"port"`
	Sessions int `json:"sessions"`
	// Times that each sends the block, before what is measured and then.
	WarmUp int `json:"warmUp"`
	Blocks int `json:"blocks"`
}

// sent is what was sent in all.
type sent struct {
	Octets   int `json:"octets"`
	Messages int `json:"messages"`
	Records  int `json:"records"`
}

// runStream says what it has sent after warming up, and again at the end; goes on after the first when a line comes on
// standard input.
func runStream(text string) {
	var load streamLoad
	check(json.Unmarshal([]byte(text), &load))
	exporters := make([]int, load.Sessions)
	for index := range exporters {
		exporters[index] = dial(load.Port)
		check(syscall.SetNonblock(exporters[index], true))
	}
	poll := newPoll()
	for index, fd := range exporters {
		event := syscall.EpollEvent{Events: syscall.EPOLLOUT | edgeTriggered, Fd: int32(index)}
		check(syscall.EpollCtl(poll.fd, syscall.EPOLL_CTL_ADD, fd, &event))
	}
	var total sent
	block, sequence := lengths(load.Block), uint32(0)
	sendBlocks := func(times int) {
		for ; times > 0; times-- {
			at := 0
			for _, length := range block {
				number(load.Block[at:], sequence)
				sequence += uint32(load.RecordsPerMessage)
				at += length
			}
			sendToAll(poll, exporters, load.Block)
			total.Octets += len(load.Block) * load.Sessions
			total.Messages += len(block) * load.Sessions
			total.Records += len(block) * load.Sessions * load.RecordsPerMessage
		}
	}
	sendToAll(poll, exporters, load.Templates)
	total.Octets += len(load.Templates) * load.Sessions
	total.Messages += len(lengths(load.Templates)) * load.Sessions
	sendBlocks(load.WarmUp)
	say(total)
	lines := bufio.NewReader(os.Stdin)
	_, err := lines.ReadString('\n')
	check(err)
	sendBlocks(load.Blocks)
	for _, fd := range exporters {
		check(syscall.Shutdown(fd, syscall.SHUT_WR))
	}
	say(total)
	// A connection that is closed with something unread is reset, and what is still under way with it.
	lines.ReadString('\n')
}

const edgeTriggered = 1 << 31 // syscall.EPOLLET is negative, and what it goes into has no sign

// sendToAll writes the octets to each, to those that take no more at once as soon as they do again.
func sendToAll(poll *poll, exporters []int, octets []byte) {
	written := make([]int, len(exporters))
	unfinished := 0
	send := func(index int) bool {
		for written[index] < len(octets) {
			length, err := syscall.Write(exporters[index], octets[written[index]:])
			if err != nil && again(err) {
				return false
			}
			check(err)
			written[index] += length
		}
		return true
	}
	for index := range exporters {
		if !send(index) {
			unfinished++
		}
	}
	for unfinished > 0 {
		for _, event := range poll.wait() {
			if index := int(event.Fd); written[index] < len(octets) && send(index) {
				unfinished--
			}
		}
	}
}
