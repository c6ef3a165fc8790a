//go:build !since_0_12

package main

import "github.com/vmware/go-ipfix/pkg/collector"

// acceptUnknownElements does nothing: these releases refuse a template with an unknown element.
func acceptUnknownElements(*collector.CollectorInput) {}

func unknownValueOf(elementWithValue) string { return "" }
