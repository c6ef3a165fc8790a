// Command grpcpeer is what an Antrea Agent from v2.4 on and a Flow Aggregator are to each other over gRPC, made of another
// implementation than the proxy's: google.golang.org/grpc. Tests start it as a child process and talk to it in JSON lines.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"os"
)

// options are the flags that all subcommands share.
type options struct {
	address     string
	collector   string
	serverName  string
	certificate string
	key         string
	ca          string
	only        bool
	requests    string
	flows       int
	warm        int
	count       int
}

func (o *options) register(flags *flag.FlagSet) {
	flags.StringVar(&o.address, "address", "127.0.0.1:0", "address a collector listens on")
	flags.StringVar(&o.collector, "collector", "", "address an exporter sends to")
	flags.StringVar(&o.serverName, "server-name", "", "name in the collector's certificate")
	flags.StringVar(&o.certificate, "certificate", "", "PEM file")
	flags.StringVar(&o.key, "key", "", "PEM file")
	flags.StringVar(&o.ca, "ca", "", "PEM file")
	flags.BoolVar(&o.only, "count", false, "a collector counts flows, and does not print them")
	flags.StringVar(&o.requests, "requests", "", "file of requests that load sends over and over")
	flags.IntVar(&o.flows, "flows", 1, "flows in each of them")
	flags.IntVar(&o.warm, "warm", 0, "flows that load sends at once")
	flags.IntVar(&o.count, "more", 0, "flows that load sends once it is told to")
}

// tls is the configuration that Agents and Aggregators have: TLS 1.2 or later, each side verified.
func (o *options) tls() *tls.Config {
	pem, err := os.ReadFile(o.ca)
	if err != nil {
		fail(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		fail(fmt.Errorf("no certificate in %s", o.ca))
	}
	config := &tls.Config{
		MinVersion: tls.VersionTLS12,
		RootCAs:    pool,
		ClientCAs:  pool,
		ClientAuth: tls.RequireAndVerifyClientCert,
		ServerName: o.serverName,
	}
	if o.certificate != "" {
		pair, err := tls.LoadX509KeyPair(o.certificate, o.key)
		if err != nil {
			fail(err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config
}

func main() {
	subcommands := map[string]func(*options){"collect": collect, "export": export, "attack": attack, "load": load, "count": count}
	if len(os.Args) < 2 || subcommands[os.Args[1]] == nil {
		fail(fmt.Errorf("usage: grpcpeer collect|export|attack|load|count [flags]"))
	}
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	var chosen options
	chosen.register(flags)
	if err := flags.Parse(os.Args[2:]); err != nil {
		fail(err)
	}
	subcommands[os.Args[1]](&chosen)
}
