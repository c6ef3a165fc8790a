package main

import (
	"encoding/json"
	"os"

	"github.com/vmware/go-ipfix/pkg/entities"
)

// aggregated is printed for each data record that was passed on, or refused.
type aggregated struct {
	Aggregated uint16 `json:"aggregated"`
	Octets     int    `json:"octets,omitempty"`
	Error      string `json:"error,omitempty"`
}

// aggregate is what Flow Aggregators up to v2.2 do with what they receive: an exporting process of the
// same release announces that release's own templates (the first lines of standard input, IPv4 then
// IPv6), and every record is sent on with its fields in the order they came in, whatever they are.
func aggregate(chosen *options) {
	sender := startExporting(chosen)
	emit(connected{chosen.collector})
	// Asked for by family, as the Flow Aggregator does: the element that tells which one a record is of.
	templates := map[string]uint16{}
	ready := make(chan struct{})
	go func() {
		<-ready
		process := startCollecting(chosen)
		for message := range process.GetMsgChan() {
			set := message.GetSet()
			if set.GetSetType() != entities.Data {
				emit(describe(message))
				continue
			}
			for _, record := range set.GetRecords() {
				pass(sender, templates, record)
			}
		}
	}()
	commands(func(line []byte) {
		var order command
		if err := json.Unmarshal(line, &order); err != nil {
			fail(err)
		}
		if order.Template == nil {
			close(ready)
			return
		}
		announced := sender.announce(order.Template)
		emit(announced)
		for _, name := range order.Template {
			if name.Name == "sourceIPv4Address" || name.Name == "sourceIPv6Address" {
				templates[name.Name] = announced.Template
			}
		}
	})
	os.Exit(0)
}

func pass(sender *sender, templates map[string]uint16, record entities.Record) {
	elements := record.GetOrderedElementList()
	for _, element := range elements {
		id, selects := templates[specifierOf(element).Name]
		if !selects {
			continue
		}
		octets, err := sender.send(entities.Data, id, elements)
		if err != nil {
			emit(aggregated{Aggregated: id, Error: err.Error()})
		} else {
			emit(aggregated{Aggregated: id, Octets: octets})
		}
		return
	}
	emit(aggregated{Error: "record of no known address family"})
}
