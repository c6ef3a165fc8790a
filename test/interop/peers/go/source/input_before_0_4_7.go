//go:build !since_0_4_7

package main

import (
	"net"

	"github.com/vmware/go-ipfix/pkg/collector"
	"github.com/vmware/go-ipfix/pkg/entities"
	"github.com/vmware/go-ipfix/pkg/exporter"
)

func resolve(protocol, text string) net.Addr {
	if protocol == "udp" {
		address, err := net.ResolveUDPAddr("udp", text)
		if err != nil {
			fail(err)
		}
		return address
	}
	address, err := net.ResolveTCPAddr("tcp", text)
	if err != nil {
		fail(err)
	}
	return address
}

func collectorInput(chosen *options) collector.CollectorInput {
	return collector.CollectorInput{
		Address:       resolve(chosen.protocol(), chosen.address),
		MaxBufferSize: chosen.maxBufferSize(),
		IsEncrypted:   chosen.encrypted(),
		CACert:        pem(chosen.ca),
		ServerCert:    pem(chosen.certificate),
		ServerKey:     pem(chosen.key),
	}
}

func exporterInput(chosen *options) exporter.ExporterInput {
	return exporter.ExporterInput{
		CollectorAddr:       resolve(chosen.protocol(), chosen.collector),
		ObservationDomainID: uint32(chosen.observationDomain),
		IsEncrypted:         chosen.encrypted(),
		CACert:              pem(chosen.ca),
		ClientCert:          pem(chosen.certificate),
		ClientKey:           pem(chosen.key),
	}
}

func newSet(kind entities.ContentType, id uint16) (entities.Set, error) {
	return entities.NewSet(kind, id, false), nil
}
