package main

import (
	"bufio"
	"encoding/json"
	"io"
	"math"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// pacedLoad is what exporters send together at an even pace, whether what was before has arrived or not.
type pacedLoad struct {
	messages
	Sessions  int `json:"sessions"`
	PerSecond int `json:"perSecond"`
	// How many are sent in all, and how many of those are not counted: they come first.
	Messages   int `json:"messages"`
	Unmeasured int `json:"unmeasured"`
	// Of the exporters, and of the collector.
	TLS       *tlsFiles `json:"tls"`
	Collector *tlsFiles `json:"collectorTls"`
}

// runPaced prints its collector's port; a line on standard input names the port to send to (the collector's own: directly).
// Prints how long messages took, from before one was written until it was read whole.
func runPaced(text string) {
	var load pacedLoad
	check(json.Unmarshal([]byte(text), &load))
	begin := time.Now()
	// When each message was written, by its place: the sessions take turns. The other thread looks at it once the message is there.
	written := make([]time.Duration, load.Messages)
	times := make([]float64, 0, load.Messages)
	ready, done := make(chan bool, load.Sessions), make(chan bool)
	listener, port := listen()
	go func() {
		runtime.LockOSThread()
		begun := 0
		// The place of the message that each connection brings next.
		next := map[*collected]int{}
		onRead := func(connection *collected, octets []byte, _ bool) {
			now := time.Since(begin)
			for count := connection.take(octets); count > 0; count-- {
				place, known := next[connection]
				if !known {
					next[connection] = begun
					begun++
					ready <- true
					continue
				}
				next[connection] = place + load.Sessions
				if times = append(times, float64(now-written[place])/1e6); len(times) == load.Messages {
					done <- true
				}
			}
		}
		if load.Collector == nil {
			collect(listener, onRead)
		} else {
			collectTLS(listener, load.Collector.config(), func(string) {}, onRead)
		}
	}()
	say(map[string]int{"port": port})
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	check(err)
	port, err = strconv.Atoi(strings.TrimSpace(line))
	check(err)
	runtime.LockOSThread()
	exporters := make([]io.Writer, load.Sessions)
	for index := range exporters {
		exporters[index] = load.open(port)
		send(exporters[index], load.Templates)
		<-ready
	}
	pace(load, exporters, begin, written)
	<-done
	measured := times[load.Unmeasured:]
	sort.Float64s(measured)
	say(map[string]float64{"p50": percentile(measured, 0.5), "p99": percentile(measured, 0.99)})
}

// beat is how long an exporter sleeps at least: waking up for each message would take more than writing it.
const beat = 250 * time.Microsecond

// pace writes each message when it is due, or a beat later.
func pace(load pacedLoad, exporters []io.Writer, begin time.Time, written []time.Duration) {
	start, block, at := time.Since(begin), load.Block, 0
	between := time.Second / time.Duration(load.PerSecond)
	for round := 0; round*len(exporters) < load.Messages; round++ {
		if at == len(block) {
			at = 0
		}
		message := block[at : at+messageLength(block[at:])]
		at += len(message)
		number(message, uint32(round*load.RecordsPerMessage))
		for index, exporter := range exporters {
			place := round*len(exporters) + index
			if place == load.Messages {
				return
			}
			for {
				wait := start + time.Duration(place)*between - time.Since(begin)
				if wait <= 0 {
					break
				}
				pause := syscall.NsecToTimespec(int64(max(wait, beat)))
				syscall.Nanosleep(&pause, nil)
			}
			written[place] = time.Since(begin)
			send(exporter, message)
		}
	}
}

// open connects an exporter. The collector's own port is spoken to as the collector expects it.
func (load *pacedLoad) open(port int) io.Writer {
	if load.TLS == nil {
		return blocking(dial(port))
	}
	connection, err := dialTLS(port, load.TLS.config())
	check(err)
	return connection
}

// blocking is a socket whose writes wait, by the thread that makes them.
type blocking int

func (fd blocking) Write(octets []byte) (written int, err error) {
	for written < len(octets) {
		length, err := syscall.Write(int(fd), octets[written:])
		if err != nil && again(err) {
			continue
		}
		if err != nil {
			return written, err
		}
		written += length
	}
	return written, nil
}

// percentile is a number of a rising list, between two where it falls between them.
func percentile(rising []float64, share float64) float64 {
	place := float64(len(rising)-1) * share
	low, high := rising[int(math.Floor(place))], rising[int(math.Ceil(place))]
	return low + (high-low)*(place-math.Floor(place))
}
