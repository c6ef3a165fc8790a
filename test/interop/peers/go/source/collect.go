package main

import (
	"net"
	"os"
	"strconv"
	"time"

	"github.com/vmware/go-ipfix/pkg/collector"
	"github.com/vmware/go-ipfix/pkg/entities"
)

// listening is printed once the socket is bound.
type listening struct {
	Listening string `json:"listening"`
}

// received is printed for each message, as the collecting process delivers it.
type received struct {
	ObservationDomain uint32 `json:"observationDomain"`
	Sequence          uint32 `json:"sequence"`
	ExportTime        uint32 `json:"exportTime"`
	Exporter          string `json:"exporter"`
	// Template is the id of the template, or of the data set's template.
	Template uint16 `json:"template"`
	// Fields is present for a template.
	Fields []field `json:"fields,omitempty"`
	// Records is present for a data set: its records' fields in order, as name and value.
	Records [][][2]string `json:"records,omitempty"`
}

// field is one field specifier of a template, with the length of the collecting process' registry.
type field struct {
	Name   string `json:"name"`
	PEN    uint32 `json:"pen"`
	ID     uint16 `json:"id"`
	Length uint16 `json:"length"`
}

// collect runs a collecting process until standard input ends.
func collect(chosen *options) {
	process := startCollecting(chosen)
	go func() {
		for message := range process.GetMsgChan() {
			emit(describe(message))
		}
	}()
	commands(func([]byte) {})
	// Stop waits for ever for open connections in some releases.
	os.Exit(0)
}

func startCollecting(chosen *options) *collector.CollectingProcess {
	input := collectorInput(chosen)
	process, err := collector.InitCollectingProcess(input)
	if err != nil {
		fail(err)
	}
	go process.Start()
	for {
		// The only way to learn of the bound port that all releases have.
		if address := process.GetAddress(); address != nil && portOf(address) != 0 {
			hold(chosen.watch)
			emit(listening{address.String()})
			return process
		}
		time.Sleep(time.Millisecond)
	}
}

// hold accepts connections and keeps them, as an Aggregator's other servers do: they show that the process lives.
func hold(address string) {
	if address == "" {
		return
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		fail(err)
	}
	go func() {
		for {
			if _, err := listener.Accept(); err != nil {
				return
			}
		}
	}()
}

func portOf(address net.Addr) int {
	_, text, err := net.SplitHostPort(address.String())
	if err != nil {
		return 0
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return port
}

func describe(message *entities.Message) received {
	result := received{
		ObservationDomain: message.GetObsDomainID(),
		Sequence:          message.GetSequenceNum(),
		ExportTime:        message.GetExportTime(),
		Exporter:          message.GetExportAddress(),
	}
	set := message.GetSet()
	for _, record := range set.GetRecords() {
		result.Template = record.GetTemplateID()
		if set.GetSetType() == entities.Template {
			result.Fields = []field{}
			for _, element := range record.GetOrderedElementList() {
				result.Fields = append(result.Fields, describeField(specifierOf(element)))
			}
			continue
		}
		values := [][2]string{}
		for _, element := range record.GetOrderedElementList() {
			values = append(values, [2]string{nameOf(specifierOf(element)), valueOf(element)})
		}
		result.Records = append(result.Records, values)
	}
	return result
}

// nameOf gives elements that the registry does not know a name of the form pen/id.
func nameOf(element *entities.InfoElement) string {
	if element.Name != "" {
		return element.Name
	}
	return strconv.FormatUint(uint64(element.EnterpriseId), 10) + "/" + strconv.FormatUint(uint64(element.ElementId), 10)
}

func describeField(element *entities.InfoElement) field {
	return field{Name: nameOf(element), PEN: element.EnterpriseId, ID: element.ElementId, Length: element.Len}
}
