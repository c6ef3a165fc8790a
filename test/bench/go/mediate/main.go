// Command mediate is a mediator as one would write it with go-ipfix: its collecting process decodes every record, the
// elements of the collector's template are looked up in it by name, and its exporting process sends them on in that order.
//
// Usage: mediate LISTEN_PORT COLLECTOR_PORT TEMPLATES
//
// TEMPLATES is a JSON list of the collector's templates, each a list of elements with name and pen.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/vmware/go-ipfix/pkg/collector"
	"github.com/vmware/go-ipfix/pkg/entities"
	"github.com/vmware/go-ipfix/pkg/exporter"
	"github.com/vmware/go-ipfix/pkg/registry"
)

type element struct {
	Name string `json:"name"`
	PEN  uint32 `json:"pen"`
}

// target is a template of the collector.
type target struct {
	id uint16
	// selector is the element that only records of this template have.
	selector string
	// defaults are the elements in order, with the value of those that a record lacks.
	defaults []entities.InfoElementWithValue
}

func main() {
	registry.LoadRegistry()
	sender, err := exporter.InitExportingProcess(exporter.ExporterInput{
		CollectorAddress:    "127.0.0.1:" + os.Args[2],
		CollectorProtocol:   "tcp",
		ObservationDomainID: 1,
	})
	check(err)
	targets := announce(sender, os.Args[3])
	receiver, err := collector.InitCollectingProcess(collector.CollectorInput{
		Address:       "127.0.0.1:" + os.Args[1],
		Protocol:      "tcp",
		MaxBufferSize: 65535,
		DecodingMode:  collector.DecodingModeLenientKeepUnknown,
	})
	check(err)
	go receiver.Start()
	for message := range receiver.GetMsgChan() {
		if set := message.GetSet(); set.GetSetType() == entities.Data {
			pass(sender, targets, set)
		}
	}
}

func announce(sender *exporter.ExportingProcess, templates string) []target {
	var wanted [][]element
	check(json.Unmarshal([]byte(templates), &wanted))
	targets := []target{}
	for _, elements := range wanted {
		next := target{id: sender.NewTemplateID()}
		for _, element := range elements {
			known, err := registry.GetInfoElement(element.Name, element.PEN)
			check(err)
			empty, err := entities.DecodeAndCreateInfoElementWithValue(known, nil)
			check(err)
			next.defaults = append(next.defaults, empty)
			if element.Name == "sourceIPv4Address" || element.Name == "sourceIPv6Address" {
				next.selector = element.Name
			}
		}
		set := entities.NewSet(false)
		check(set.PrepareSet(entities.Template, next.id))
		check(set.AddRecordV2(next.defaults, next.id))
		_, err := sender.SendSet(set)
		check(err)
		targets = append(targets, next)
	}
	return targets
}

func pass(sender *exporter.ExportingProcess, targets []target, received entities.Set) {
	set := entities.NewSet(false)
	prepared := false
	for _, record := range received.GetRecords() {
		values := make(map[string]entities.InfoElementWithValue, record.GetFieldCount())
		for _, value := range record.GetOrderedElementList() {
			values[value.GetName()] = value
		}
		for _, target := range targets {
			if _, selected := values[target.selector]; !selected {
				continue
			}
			elements := make([]entities.InfoElementWithValue, 0, len(target.defaults))
			for _, empty := range target.defaults {
				if value, present := values[empty.GetName()]; present {
					elements = append(elements, value)
				} else {
					elements = append(elements, empty)
				}
			}
			if !prepared {
				check(set.PrepareSet(entities.Data, target.id))
				prepared = true
			}
			check(set.AddRecordV2(elements, target.id))
			break
		}
	}
	_, err := sender.SendSet(set)
	check(err)
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "mediate:", err)
		os.Exit(1)
	}
}
