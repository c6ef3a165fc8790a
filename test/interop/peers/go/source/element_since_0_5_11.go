//go:build since_0_5_11

package main

import (
	"fmt"
	"net"

	"github.com/vmware/go-ipfix/pkg/entities"
)

type elementWithValue = entities.InfoElementWithValue

func withValue(element *entities.InfoElement, value interface{}) elementWithValue {
	switch typed := value.(type) {
	case uint8:
		return entities.NewUnsigned8InfoElement(element, typed)
	case uint16:
		return entities.NewUnsigned16InfoElement(element, typed)
	case uint32:
		if element.DataType == entities.DateTimeSeconds {
			return entities.NewDateTimeSecondsInfoElement(element, typed)
		}
		return entities.NewUnsigned32InfoElement(element, typed)
	case uint64:
		if element.DataType == entities.DateTimeMilliseconds {
			return entities.NewDateTimeMillisecondsInfoElement(element, typed)
		}
		return entities.NewUnsigned64InfoElement(element, typed)
	case int32:
		return entities.NewSigned32InfoElement(element, typed)
	case int64:
		return entities.NewSigned64InfoElement(element, typed)
	case float64:
		return entities.NewFloat64InfoElement(element, typed)
	case bool:
		return entities.NewBoolInfoElement(element, typed)
	case net.HardwareAddr:
		return entities.NewMacAddressInfoElement(element, typed)
	case net.IP:
		return entities.NewIPAddressInfoElement(element, typed)
	case string:
		return entities.NewStringInfoElement(element, typed)
	}
	fail(fmt.Errorf("%s: no element for a %T", element.Name, value))
	return nil
}

func withoutValue(element *entities.InfoElement) elementWithValue {
	empty, err := entities.DecodeAndCreateInfoElementWithValue(element, nil)
	if err != nil {
		fail(err)
	}
	return empty
}

func specifierOf(element elementWithValue) *entities.InfoElement { return element.GetInfoElement() }

func valueOf(element elementWithValue) string {
	switch element.GetDataType() {
	case entities.Unsigned8:
		return formatValue(element.GetUnsigned8Value())
	case entities.Unsigned16:
		return formatValue(element.GetUnsigned16Value())
	case entities.Unsigned32, entities.DateTimeSeconds:
		return formatValue(element.GetUnsigned32Value())
	case entities.Unsigned64, entities.DateTimeMilliseconds:
		return formatValue(element.GetUnsigned64Value())
	case entities.Signed8:
		return formatValue(element.GetSigned8Value())
	case entities.Signed16:
		return formatValue(element.GetSigned16Value())
	case entities.Signed32:
		return formatValue(element.GetSigned32Value())
	case entities.Signed64:
		return formatValue(element.GetSigned64Value())
	case entities.Float32:
		return formatValue(element.GetFloat32Value())
	case entities.Float64:
		return formatValue(element.GetFloat64Value())
	case entities.Boolean:
		return formatValue(element.GetBooleanValue())
	case entities.MacAddress:
		return formatValue(element.GetMacAddressValue())
	case entities.Ipv4Address, entities.Ipv6Address:
		return formatValue(element.GetIPAddressValue())
	case entities.String:
		return formatValue(element.GetStringValue())
	}
	return unknownValueOf(element)
}
