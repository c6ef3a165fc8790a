//go:build !since_0_5_7

package main

import "github.com/vmware/go-ipfix/pkg/entities"

type elementWithValue = *entities.InfoElementWithValue
