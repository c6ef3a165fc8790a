package main

import (
	"encoding/hex"
	"fmt"
	"net"
	"strconv"

	"github.com/vmware/go-ipfix/pkg/entities"
)

// parseValue turns the text of a value (numbers in decimal, addresses as usual, strings as they are)
// into the Go type that go-ipfix takes for the data type.
func parseValue(dataType entities.IEDataType, text string) (interface{}, error) {
	switch dataType {
	case entities.Unsigned8:
		number, err := strconv.ParseUint(text, 10, 8)
		return uint8(number), err
	case entities.Unsigned16:
		number, err := strconv.ParseUint(text, 10, 16)
		return uint16(number), err
	case entities.Unsigned32, entities.DateTimeSeconds:
		number, err := strconv.ParseUint(text, 10, 32)
		return uint32(number), err
	case entities.Unsigned64, entities.DateTimeMilliseconds:
		number, err := strconv.ParseUint(text, 10, 64)
		return number, err
	case entities.Signed32:
		number, err := strconv.ParseInt(text, 10, 32)
		return int32(number), err
	case entities.Signed64:
		number, err := strconv.ParseInt(text, 10, 64)
		return number, err
	case entities.Float64:
		number, err := strconv.ParseFloat(text, 64)
		return number, err
	case entities.Boolean:
		truth, err := strconv.ParseBool(text)
		return truth, err
	case entities.MacAddress:
		address, err := net.ParseMAC(text)
		return address, err
	case entities.Ipv4Address, entities.Ipv6Address:
		address := net.ParseIP(text)
		if address == nil {
			return nil, fmt.Errorf("%q is no address", text)
		}
		return address, nil
	case entities.String:
		return text, nil
	}
	return nil, fmt.Errorf("data type %d is not supported here", dataType)
}

// formatValue is the reverse of parseValue. Octets, which only unknown elements have, are in hexadecimal.
func formatValue(value interface{}) string {
	switch typed := value.(type) {
	case []byte:
		return hex.EncodeToString(typed)
	case nil:
		return ""
	}
	return fmt.Sprint(value)
}
