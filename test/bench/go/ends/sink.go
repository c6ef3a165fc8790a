package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"sync"
)

// arrived is what there is so far.
type arrived struct {
	Octets   int `json:"octets"`
	Messages int `json:"messages"`
	// False: a stream ended inside a message, or broke off.
	Whole bool `json:"whole"`
	// What TLS has agreed on, if there is any.
	Negotiated string `json:"negotiated,omitempty"`
}

// runSink prints its port; for each number on standard input, a line of JSON once so many messages have arrived in all, or
// nothing more can.
//
// files are JSON where it speaks TLS.
func runSink(files string) {
	listener, port := listen()
	var mutex sync.Mutex
	state := arrived{Whole: true}
	open, wanted := 0, -1
	look := func(ended bool) {
		if wanted >= 0 && (state.Messages >= wanted || ended && open == 0) {
			wanted = -1
			say(state)
		}
	}
	fmt.Println(port)
	go func() {
		for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
			number, err := strconv.Atoi(lines.Text())
			check(err)
			mutex.Lock()
			wanted = number
			look(state.Octets > 0)
			mutex.Unlock()
		}
		os.Exit(0)
	}()
	onRead := func(connection *collected, octets []byte, inOrder bool) {
		mutex.Lock()
		defer mutex.Unlock()
		brought := connection.messages > 0 || connection.inside()
		if octets != nil {
			if !brought {
				open++
			}
			state.Octets += len(octets)
			state.Messages += connection.take(octets)
			look(false)
			return
		}
		// Looking whether a relay listens makes it open a connection, too, which it may reset: nothing is lost by that.
		if brought {
			open--
			state.Whole = state.Whole && inOrder && !connection.inside()
			look(true)
		}
	}
	if files == "" {
		collect(listener, onRead)
		return
	}
	var own tlsFiles
	check(json.Unmarshal([]byte(files), &own))
	collectTLS(listener, own.config(), func(agreed string) {
		mutex.Lock()
		defer mutex.Unlock()
		state.Negotiated = agreed
	}, onRead)
}
