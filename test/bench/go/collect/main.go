// Command collect is go-ipfix's collecting process with nothing behind it: messages are decoded, and counted.
//
// It prints the port it listens on. For each number on standard input it prints a line of JSON once so many messages
// have arrived in all.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/vmware/go-ipfix/pkg/collector"
	"github.com/vmware/go-ipfix/pkg/registry"
)

// arrived is what there is so far.
type arrived struct {
	Octets   uint64 `json:"octets"`
	Messages uint64 `json:"messages"`
	Whole    bool   `json:"whole"`
}

func main() {
	registry.LoadRegistry()
	process, err := collector.InitCollectingProcess(collector.CollectorInput{
		Address:       "127.0.0.1:" + os.Args[1],
		Protocol:      "tcp",
		MaxBufferSize: 65535,
	})
	if err != nil {
		fail(err)
	}
	go process.Start()
	for process.GetAddress() == nil || process.GetAddress().(*net.TCPAddr).Port == 0 {
		time.Sleep(time.Millisecond)
	}
	fmt.Println(process.GetAddress().(*net.TCPAddr).Port)

	var mutex sync.Mutex
	changed := sync.NewCond(&mutex)
	var counted, wanted arrived
	go func() {
		for message := range process.GetMsgChan() {
			mutex.Lock()
			counted.Messages++
			counted.Octets += uint64(message.GetMessageLen())
			if counted.Messages == wanted.Messages {
				changed.Signal()
			}
			mutex.Unlock()
		}
	}()
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		number, err := strconv.ParseUint(lines.Text(), 10, 64)
		if err != nil {
			fail(err)
		}
		mutex.Lock()
		for wanted.Messages = number; counted.Messages < number; {
			changed.Wait()
		}
		answer := counted
		answer.Whole = true
		mutex.Unlock()
		if err := json.NewEncoder(os.Stdout).Encode(answer); err != nil {
			fail(err)
		}
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "collect:", err)
	os.Exit(1)
}
