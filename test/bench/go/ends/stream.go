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
	Port     int       `json:"port"`
	Sessions int       `json:"sessions"`
	TLS      *tlsFiles `json:"tls"`
	// Times that each sends the block, before what is measured and then.
	WarmUp int `json:"warmUp"`
	Blocks int `json:"blocks"`
	// Whether each message is written by itself, over TLS in a record of its own, as Agents do; else the whole block.
	OneByOne bool `json:"oneByOne"`
}

// sent is what was sent in all.
type sent struct {
	Octets   int `json:"octets"`
	Messages int `json:"messages"`
	Records  int `json:"records"`
	// What TLS has agreed on, if there is any.
	Negotiated string `json:"negotiated,omitempty"`
}

// exporters all send the same.
type exporters interface {
	negotiated() string
	send(octets []byte)
	// end says that nothing more will be sent.
	end()
}

// runStream says what it has sent after warming up, and again at the end; goes on after the first when a line comes on
// standard input.
func runStream(text string) {
	var load streamLoad
	check(json.Unmarshal([]byte(text), &load))
	var exporters exporters
	if load.TLS != nil {
		exporters = dialAllTLS(load.Sessions, load.Port, load.TLS)
	} else {
		exporters = dialAll(load.Sessions, load.Port)
	}
	total := sent{Negotiated: exporters.negotiated()}
	block, sequence := lengths(load.Block), uint32(0)
	sendBlocks := func(times int) {
		for ; times > 0; times-- {
			at := 0
			for _, length := range block {
				number(load.Block[at:], sequence)
				sequence += uint32(load.RecordsPerMessage)
				at += length
			}
			if load.OneByOne {
				for rest := load.Block; len(rest) > 0; rest = rest[messageLength(rest):] {
					exporters.send(rest[:messageLength(rest)])
				}
			} else {
				exporters.send(load.Block)
			}
			total.Octets += len(load.Block) * load.Sessions
			total.Messages += len(block) * load.Sessions
			total.Records += len(block) * load.Sessions * load.RecordsPerMessage
		}
	}
	exporters.send(load.Templates)
	total.Octets += len(load.Templates) * load.Sessions
	total.Messages += len(lengths(load.Templates)) * load.Sessions
	sendBlocks(load.WarmUp)
	say(total)
	lines := bufio.NewReader(os.Stdin)
	_, err := lines.ReadString('\n')
	check(err)
	sendBlocks(load.Blocks)
	exporters.end()
	say(total)
	// A connection that is closed with something unread is reset, and what is still under way with it.
	lines.ReadString('\n')
}

const edgeTriggered = 1 << 31 // syscall.EPOLLET is negative, and what it goes into has no sign

// tcpExporters are exporters over TCP, which one thread serves.
type tcpExporters struct {
	poll *poll
	fds  []int
}

func dialAll(count, port int) *tcpExporters {
	exporters := &tcpExporters{newPoll(), make([]int, count)}
	for index := range exporters.fds {
		fd := dial(port)
		exporters.fds[index] = fd
		check(syscall.SetNonblock(fd, true))
		event := syscall.EpollEvent{Events: syscall.EPOLLOUT | edgeTriggered, Fd: int32(index)}
		check(syscall.EpollCtl(exporters.poll.fd, syscall.EPOLL_CTL_ADD, fd, &event))
	}
	return exporters
}

func (exporters *tcpExporters) negotiated() string { return "" }

func (exporters *tcpExporters) end() {
	for _, fd := range exporters.fds {
		check(syscall.Shutdown(fd, syscall.SHUT_WR))
	}
}

// send writes the octets to each, to those that take no more at once as soon as they do again.
func (exporters *tcpExporters) send(octets []byte) {
	written := make([]int, len(exporters.fds))
	unfinished := 0
	send := func(index int) bool {
		for written[index] < len(octets) {
			length, err := syscall.Write(exporters.fds[index], octets[written[index]:])
			if err != nil && again(err) {
				return false
			}
			check(err)
			written[index] += length
		}
		return true
	}
	for index := range exporters.fds {
		if !send(index) {
			unfinished++
		}
	}
	for unfinished > 0 {
		for _, event := range exporters.poll.wait() {
			if index := int(event.Fd); written[index] < len(octets) && send(index) {
				unfinished--
			}
		}
	}
}
