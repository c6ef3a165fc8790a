//go:build since_0_12

package main

import "github.com/vmware/go-ipfix/pkg/collector"

// acceptUnknownElements sets the decoding mode that Flow Aggregators of these releases use.
func acceptUnknownElements(input *collector.CollectorInput) {
	input.DecodingMode = collector.DecodingModeLenientKeepUnknown
}

func unknownValueOf(element elementWithValue) string {
	return formatValue(element.GetOctetArrayValue())
}
