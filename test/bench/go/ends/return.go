package main

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"os"
	"sync/atomic"
	"time"
)

// returnLoad is what exporters send that come back after an outage, all at the same time.
type returnLoad struct {
	messages
	Port     int       `json:"port"`
	Sessions int       `json:"sessions"`
	TLS      *tlsFiles `json:"tls"`
}

// returned says what it has needed.
type returned struct {
	// Messages that the exporters send in all.
	Messages int `json:"messages"`
	// Connections, with those that were refused or broke off.
	Attempts   int    `json:"attempts"`
	Negotiated string `json:"negotiated"`
}

// retry is how long an exporter waits before it tries again.
const retry = 100 * time.Millisecond

// runReturn has all exporters connect when a line comes on standard input, and says how many messages they send. Each goes
// on trying until it is let in. The next line is answered with what they needed.
func runReturn(text string) {
	var load returnLoad
	check(json.Unmarshal([]byte(text), &load))
	config := load.TLS.config()
	first := append(append([]byte{}, load.Templates...), load.Block[:messageLength(load.Block)]...)
	var attempts atomic.Int64
	agreed := make(chan string, 1)
	lines := bufio.NewReader(os.Stdin)
	total := returned{Messages: load.Sessions * len(lengths(first))}
	say(total)
	_, err := lines.ReadString('\n')
	check(err)
	for range load.Sessions {
		go comeBack(load.Port, config, first, &attempts, agreed)
	}
	say(total)
	_, err = lines.ReadString('\n')
	check(err)
	total.Attempts, total.Negotiated = int(attempts.Load()), <-agreed
	say(total)
	lines.ReadString('\n')
}

// comeBack sends the octets over a connection that stays. One that breaks off was none: over TLS 1.3 a client may write
// before the server has looked at its certificate.
func comeBack(port int, config *tls.Config, octets []byte, attempts *atomic.Int64, agreed chan<- string) {
	for {
		attempts.Add(1)
		connection, err := dialTLS(port, config)
		if err == nil {
			_, err = connection.Write(octets)
		}
		if err == nil {
			select {
			case agreed <- negotiated(connection):
			default:
			}
			_, err = connection.Read(make([]byte, 1))
		}
		if connection != nil {
			connection.Close()
		}
		time.Sleep(retry)
	}
}
