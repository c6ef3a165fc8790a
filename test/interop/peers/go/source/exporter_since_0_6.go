//go:build since_0_6

package main

import "github.com/vmware/go-ipfix/pkg/exporter"

func exporterInput(chosen *options) exporter.ExporterInput {
	input := exporter.ExporterInput{
		CollectorAddress:    chosen.collector,
		CollectorProtocol:   chosen.protocol(),
		ObservationDomainID: uint32(chosen.observationDomain),
	}
	if chosen.encrypted() {
		input.TLSClientConfig = &exporter.ExporterTLSClientConfig{
			ServerName: chosen.serverName,
			CAData:     pem(chosen.ca),
			CertData:   pem(chosen.certificate),
			KeyData:    pem(chosen.key),
		}
	}
	return input
}
