// Command ends is both ends of many connections at once: exporters, and the collector behind them. Each end is one thread
// that waits for all its sockets together and uses the same memory for all of them, so that many sessions take little more
// of it than one, and what is between the two has the machine for itself as far as that can be.
//
//	ends sink [TLS]      a collector that only counts
//	ends stream LOAD     exporters at full speed
//	ends paced LOAD      exporters at an even pace with their collector, which looks at the clock
//	ends return LOAD     exporters that all connect at once
//
// LOAD and TLS are JSON. Over TLS each connection has a goroutine of its own. Linux only.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

func main() {
	if len(os.Args) < 2 {
		fail(fmt.Errorf("usage: ends sink [TLS] | stream LOAD | paced LOAD | return LOAD"))
	}
	switch os.Args[1] {
	case "sink":
		runSink(strings.Join(os.Args[2:], ""))
	case "stream":
		runStream(os.Args[2])
	case "paced":
		runPaced(os.Args[2])
	case "return":
		runReturn(os.Args[2])
	default:
		fail(fmt.Errorf("unknown: %s", os.Args[1]))
	}
}

// say prints a line of JSON.
func say(what any) {
	check(json.NewEncoder(os.Stdout).Encode(what))
}

func check(err error) {
	if err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "ends:", err)
	os.Exit(1)
}
