package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"grpcpeer/flowpb"
)

// sent says what the load generator has sent in all, in the words of the bench: a message for each flow, and one for each of the
// two templates that the flows' IPFIX begins with.
type sent struct {
	Octets   int `json:"octets"`
	Messages int `json:"messages"`
	Records  int `json:"records"`
}

// requests reads a file of requests, each behind its length in four octets.
func requests(path string) []raw {
	content, err := os.ReadFile(path)
	if err != nil {
		fail(err)
	}
	all := []raw{}
	for len(content) > 0 {
		end := 4 + binary.BigEndian.Uint32(content)
		all = append(all, raw(content[4:end]))
		content = content[end:]
	}
	return all
}

// load sends the requests of a file over and over in one stream: so many flows, and once a line comes on standard input so many
// more.
func load(chosen *options) {
	all := requests(chosen.requests)
	connection, err := grpc.NewClient("passthrough:///"+chosen.collector,
		grpc.WithTransportCredentials(credentials.NewTLS(chosen.tls())))
	if err != nil {
		fail(err)
	}
	stream, err := connection.NewStream(context.Background(), &flowpb.FlowExportService_ServiceDesc.Streams[0],
		flowpb.FlowExportService_Export_FullMethodName)
	if err != nil {
		fail(err)
	}
	total := sent{Messages: 2}
	next := 0
	send := func(flows int) {
		for end := total.Records + flows; total.Records < end; total.Records += chosen.flows {
			request := all[next%len(all)]
			next++
			if err := stream.SendMsg(request); err != nil {
				fail(err)
			}
			total.Octets += len(request)
			total.Messages += chosen.flows
		}
		emit(total)
	}
	send(chosen.warm)
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		fail(err)
	}
	send(chosen.count)
	if err := stream.CloseSend(); err != nil {
		fail(err)
	}
	if err := stream.RecvMsg(&flowpb.ExportResponse{}); err != nil {
		fail(err)
	}
}

// count is a collector that only decodes. Once so many messages, in the words of sent, have come as a number on standard input
// says, it says so.
func count(chosen *options) {
	listener, err := net.Listen("tcp", chosen.address)
	if err != nil {
		fail(err)
	}
	own := &service{only: true}
	server := grpc.NewServer(grpc.Creds(credentials.NewTLS(chosen.tls())))
	flowpb.RegisterFlowExportServiceServer(server, own)
	emit(map[string]string{"listening": listener.Addr().String()})
	go server.Serve(listener)
	input := bufio.NewReader(os.Stdin)
	for {
		line, err := input.ReadString('\n')
		if err == io.EOF {
			return
		}
		wanted, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
		if err != nil {
			fail(fmt.Errorf("%q: %w", line, err))
		}
		for own.count.Load()+2 < wanted {
			time.Sleep(time.Millisecond)
		}
		if err := json.NewEncoder(os.Stdout).Encode(map[string]any{
			"octets": 0, "messages": own.count.Load() + 2, "whole": true,
		}); err != nil {
			fail(err)
		}
	}
}
