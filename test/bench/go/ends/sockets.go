package main

import "syscall"

func loopback(port int) *syscall.SockaddrInet4 {
	return &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}
}

// dial connects to a port of this machine. Messages leave as they are written.
func dial(port int) int {
	fd := socket()
	check(syscall.Connect(fd, loopback(port)))
	check(syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1))
	return fd
}

// listen binds a free port.
func listen() (fd, port int) {
	fd = socket()
	check(syscall.Bind(fd, loopback(0)))
	check(syscall.Listen(fd, 4096))
	address, err := syscall.Getsockname(fd)
	check(err)
	return fd, address.(*syscall.SockaddrInet4).Port
}

func socket() int {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	check(err)
	return fd
}

// again says that a call would have had to wait.
func again(err error) bool {
	return err == syscall.EAGAIN || err == syscall.EINTR
}

// poll waits for many sockets at once.
type poll struct {
	fd     int
	events [256]syscall.EpollEvent
}

func newPoll() *poll {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	check(err)
	return &poll{fd: fd}
}

func (p *poll) add(fd int, events uint32) {
	event := syscall.EpollEvent{Events: events, Fd: int32(fd)}
	check(syscall.EpollCtl(p.fd, syscall.EPOLL_CTL_ADD, fd, &event))
}

// wait gives the sockets that are ready.
func (p *poll) wait() []syscall.EpollEvent {
	for {
		ready, err := syscall.EpollWait(p.fd, p.events[:], -1)
		if err == nil {
			return p.events[:ready]
		}
		if !again(err) {
			fail(err)
		}
	}
}
