//go:build since_0_4_7

package main

import (
	"github.com/vmware/go-ipfix/pkg/collector"
	"github.com/vmware/go-ipfix/pkg/entities"
)

func collectorInput(chosen *options) collector.CollectorInput {
	input := collector.CollectorInput{
		Address:       chosen.address,
		Protocol:      chosen.protocol(),
		MaxBufferSize: chosen.maxBufferSize(),
		IsEncrypted:   chosen.encrypted(),
		CACert:        pem(chosen.ca),
		ServerCert:    pem(chosen.certificate),
		ServerKey:     pem(chosen.key),
	}
	acceptUnknownElements(&input)
	return input
}

func newSet(kind entities.ContentType, id uint16) (entities.Set, error) {
	set := entities.NewSet(false)
	return set, set.PrepareSet(kind, id)
}
