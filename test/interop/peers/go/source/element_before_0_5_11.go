//go:build !since_0_5_11

package main

import "github.com/vmware/go-ipfix/pkg/entities"

func withValue(element *entities.InfoElement, value interface{}) elementWithValue {
	return entities.NewInfoElementWithValue(element, value)
}

func withoutValue(element *entities.InfoElement) elementWithValue {
	return entities.NewInfoElementWithValue(element, nil)
}

func specifierOf(element elementWithValue) *entities.InfoElement { return element.Element }

func valueOf(element elementWithValue) string { return formatValue(element.Value) }
