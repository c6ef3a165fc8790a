package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/vmware/go-ipfix/pkg/entities"
	"github.com/vmware/go-ipfix/pkg/exporter"
	"github.com/vmware/go-ipfix/pkg/registry"
)

// command is one line of standard input: a template to announce, or a record to send.
type command struct {
	// Template lists the elements in order; ids are given out from 256 on.
	Template []elementName `json:"template"`
	// Record is the values of one data record of the template Of.
	Record []string `json:"record"`
	Of     uint16   `json:"of"`
}

// elementName is how an element is asked for in the release's own registry.
type elementName struct {
	Name string `json:"name"`
	PEN  uint32 `json:"pen"`
}

// answer is printed for each command, in order.
type answer struct {
	Template uint16 `json:"template,omitempty"`
	Octets   int    `json:"octets,omitempty"`
	Error    string `json:"error,omitempty"`
}

// connected is printed once the connection stands.
type connected struct {
	Connected string `json:"connected"`
}

// export runs an exporting process until standard input ends, then closes its connection.
func export(chosen *options) {
	sender := startExporting(chosen)
	emit(connected{chosen.collector})
	commands(func(line []byte) {
		var order command
		if err := json.Unmarshal(line, &order); err != nil {
			fail(err)
		}
		emit(sender.obey(order))
	})
	sender.process.CloseConnToCollector()
}

type sender struct {
	process   *exporter.ExportingProcess
	templates map[uint16][]*entities.InfoElement
}

func startExporting(chosen *options) *sender {
	process, err := exporter.InitExportingProcess(exporterInput(chosen))
	if err != nil {
		fail(err)
	}
	return &sender{process, map[uint16][]*entities.InfoElement{}}
}

func (s *sender) obey(order command) answer {
	if order.Template != nil {
		return s.announce(order.Template)
	}
	elements, known := s.templates[order.Of]
	if !known || len(elements) != len(order.Record) {
		return answer{Error: fmt.Sprintf("no template %d of %d fields", order.Of, len(order.Record))}
	}
	values := []elementWithValue{}
	for index, element := range elements {
		value, err := parseValue(element.DataType, order.Record[index])
		if err != nil {
			return answer{Error: fmt.Sprintf("%s: %v", element.Name, err)}
		}
		values = append(values, withValue(element, value))
	}
	octets, err := s.send(entities.Data, order.Of, values)
	return result(0, octets, err)
}

func (s *sender) announce(names []elementName) answer {
	id := s.process.NewTemplateID()
	elements := []*entities.InfoElement{}
	values := []elementWithValue{}
	for _, name := range names {
		element, err := registry.GetInfoElement(name.Name, name.PEN)
		if err != nil {
			return result(id, 0, err)
		}
		elements = append(elements, element)
		values = append(values, withoutValue(element))
	}
	s.templates[id] = elements
	octets, err := s.send(entities.Template, id, values)
	return result(id, octets, err)
}

// send sends one message of one set of one record, as Agents do.
func (s *sender) send(kind entities.ContentType, id uint16, elements []elementWithValue) (int, error) {
	set, err := newSet(kind, id)
	if err != nil {
		return 0, err
	}
	if err := set.AddRecord(elements, id); err != nil {
		return 0, err
	}
	octets, err := s.process.SendSet(set)
	if err == nil && octets == 0 {
		err = errors.New("nothing was sent")
	}
	return octets, err
}

func result(template uint16, octets int, err error) answer {
	if err != nil {
		return answer{Template: template, Error: err.Error()}
	}
	return answer{Template: template, Octets: octets}
}
