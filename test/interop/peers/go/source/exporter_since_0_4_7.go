//go:build since_0_4_7 && !since_0_6

package main

import "github.com/vmware/go-ipfix/pkg/exporter"

func exporterInput(chosen *options) exporter.ExporterInput {
	return exporter.ExporterInput{
		CollectorAddress:    chosen.collector,
		CollectorProtocol:   chosen.protocol(),
		ObservationDomainID: uint32(chosen.observationDomain),
		IsEncrypted:         chosen.encrypted(),
		CACert:              pem(chosen.ca),
		ClientCert:          pem(chosen.certificate),
		ClientKey:           pem(chosen.key),
	}
}
