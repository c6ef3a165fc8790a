// Command peer is a real go-ipfix peer of one release: a collecting process, an exporting process,
// or both behind each other. Tests start it as a child process and talk to it in JSON lines.
//
// Which release it is made of is decided by the go.mod it is built with; the few API differences
// between releases stand in the files with a build tag since_*.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/vmware/go-ipfix/pkg/registry"
)

// options are the flags that all subcommands share.
type options struct {
	transport         string
	address           string
	collector         string
	observationDomain uint
	certificate       string
	key               string
	ca                string
	serverName        string
	watch             string
}

func (o *options) register(flags *flag.FlagSet) {
	flags.StringVar(&o.transport, "transport", "tcp", "tcp, udp or tls")
	flags.StringVar(&o.address, "address", "127.0.0.1:0", "address a collecting process listens on")
	flags.StringVar(&o.collector, "collector", "", "address an exporting process sends to")
	flags.UintVar(&o.observationDomain, "observation-domain", 1, "observation domain of an exporting process")
	flags.StringVar(&o.watch, "watch", "", "address a collecting process listens on for TCP connections that it only holds")
	flags.StringVar(&o.certificate, "certificate", "", "PEM file")
	flags.StringVar(&o.key, "key", "", "PEM file")
	flags.StringVar(&o.ca, "ca", "", "PEM file; a collecting process then requires client certificates")
	flags.StringVar(&o.serverName, "server-name", "", "name in the collector's certificate (releases before v0.6 take the address)")
}

// pem reads a PEM file; nil without a path, which go-ipfix takes for "none".
func pem(path string) []byte {
	if path == "" {
		return nil
	}
	content, err := os.ReadFile(path)
	if err != nil {
		fail(err)
	}
	return content
}

// protocol is the transport in go-ipfix's words.
func (o *options) protocol() string {
	if o.transport == "udp" {
		return "udp"
	}
	return "tcp"
}

func (o *options) encrypted() bool { return o.transport == "tls" }

// maxBufferSize is what Flow Aggregators of all releases pass for the transport.
func (o *options) maxBufferSize() uint16 {
	if o.transport == "udp" {
		return 1024
	}
	return 65535
}

func main() {
	subcommands := map[string]func(*options){"collect": collect, "export": export, "aggregate": aggregate}
	if len(os.Args) < 2 || subcommands[os.Args[1]] == nil {
		fail(fmt.Errorf("usage: peer collect|export|aggregate [flags]"))
	}
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	var chosen options
	chosen.register(flags)
	if err := flags.Parse(os.Args[2:]); err != nil {
		fail(err)
	}
	registry.LoadRegistry()
	subcommands[os.Args[1]](&chosen)
}
