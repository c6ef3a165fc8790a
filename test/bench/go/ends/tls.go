package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
)

// tlsFiles are paths of PEM files: who one end is, and whom it trusts. Nil: plain TCP.
type tlsFiles struct {
	Certificate string `json:"certificate"`
	Key         string `json:"key"`
	CA          string `json:"ca"`
}

// config is what an Agent or a Flow Aggregator uses: certificates of both sides, no session tickets. The group is the one
// that all of the compared programs know.
func (files *tlsFiles) config() *tls.Config {
	certificate, err := tls.LoadX509KeyPair(files.Certificate, files.Key)
	check(err)
	pem, err := os.ReadFile(files.CA)
	check(err)
	authorities := x509.NewCertPool()
	if !authorities.AppendCertsFromPEM(pem) {
		fail(fmt.Errorf("no certificate in %s", files.CA))
	}
	return &tls.Config{
		Certificates:           []tls.Certificate{certificate},
		RootCAs:                authorities,
		ClientCAs:              authorities,
		ClientAuth:             tls.RequireAndVerifyClientCert,
		MinVersion:             tls.VersionTLS13,
		CurvePreferences:       []tls.CurveID{tls.X25519},
		SessionTicketsDisabled: true,
		ServerName:             "127.0.0.1",
	}
}

// negotiated is what both ends of a connection have agreed on: its suite and its group.
func negotiated(connection *tls.Conn) string {
	state := connection.ConnectionState()
	return fmt.Sprintf("%s %s", tls.CipherSuiteName(state.CipherSuite), state.CurveID)
}

func dialTLS(port int, config *tls.Config) (*tls.Conn, error) {
	plain, err := net.Dial("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return nil, err
	}
	connection := tls.Client(plain, config)
	if err := connection.Handshake(); err != nil {
		plain.Close()
		return nil, err
	}
	return connection, nil
}

// collectTLS is collect over TLS, with a goroutine for each connection. It is said what the first connection negotiated.
func collectTLS(fd int, config *tls.Config, onOpen func(string), onRead func(*collected, []byte, bool)) {
	listener, err := net.FileListener(os.NewFile(uintptr(fd), "listener"))
	check(err)
	var mutex sync.Mutex
	for {
		plain, err := listener.Accept()
		check(err)
		go func() {
			defer plain.Close()
			connection := tls.Server(plain, config)
			// Whoever only looks whether somebody listens does not get further.
			if connection.Handshake() != nil {
				return
			}
			mutex.Lock()
			onOpen(negotiated(connection))
			mutex.Unlock()
			from, octets := &collected{}, make([]byte, 16*1024)
			for {
				length, err := connection.Read(octets)
				mutex.Lock()
				if length > 0 {
					onRead(from, octets[:length], true)
				}
				if err != nil {
					onRead(from, nil, errors.Is(err, io.EOF))
				}
				mutex.Unlock()
				if err != nil {
					return
				}
			}
		}()
	}
}

// tlsExporters are exporters over TLS, with a goroutine for each while something is sent.
type tlsExporters []*tls.Conn

func dialAllTLS(count, port int, files *tlsFiles) tlsExporters {
	config := files.config()
	exporters := make(tlsExporters, count)
	for index := range exporters {
		connection, err := dialTLS(port, config)
		check(err)
		exporters[index] = connection
	}
	return exporters
}

func (exporters tlsExporters) negotiated() string { return negotiated(exporters[0]) }

func (exporters tlsExporters) send(octets []byte) {
	var group sync.WaitGroup
	for _, exporter := range exporters[1:] {
		group.Go(func() { send(exporter, octets) })
	}
	send(exporters[0], octets)
	group.Wait()
}

func (exporters tlsExporters) end() {
	for _, exporter := range exporters {
		check(exporter.CloseWrite())
	}
}

func send(to io.Writer, octets []byte) {
	_, err := to.Write(octets)
	check(err)
}
