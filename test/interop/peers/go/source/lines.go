package main

// How tests talk to the peers: JSON lines in and out. The gRPC peer is built with this file as well.

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
)

var output sync.Mutex

// emit writes one JSON line. Lines are written whole, so that a process that dies leaves no partial one.
func emit(value any) {
	output.Lock()
	defer output.Unlock()
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		fail(err)
	}
}

// fail ends the process with status 1; status 2 is left to panics.
func fail(err error) {
	fmt.Fprintln(os.Stderr, "peer:", err)
	os.Exit(1)
}

// commands calls handle for each JSON line on standard input, until its end.
func commands(handle func(line []byte)) {
	reader := bufio.NewReaderSize(os.Stdin, 1<<20)
	for {
		line, err := reader.ReadBytes('\n')
		if len(line) > 0 {
			handle(line)
		}
		if err == io.EOF {
			return
		}
		if err != nil {
			fail(err)
		}
	}
}
