package main

import (
	"encoding/json"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
	"google.golang.org/protobuf/encoding/protojson"

	"grpcpeer/flowpb"
)

// received is printed for each flow.
type received struct {
	Flow json.RawMessage `json:"flow"`
	// Request counts the requests of the flow's stream.
	Request int `json:"request"`
	// Certificate is the name in the exporter's certificate.
	Certificate string `json:"certificate"`
}

type service struct {
	flowpb.UnimplementedFlowExportServiceServer
	only  bool
	count atomic.Int64
	// gate is locked while nothing is to be read.
	gate sync.Mutex
}

// Export reads as Aggregators do: one request after the other, an answer at the end of the stream.
func (s *service) Export(stream flowpb.FlowExportService_ExportServer) error {
	name := ""
	if from, ok := peer.FromContext(stream.Context()); ok {
		if info, ok := from.AuthInfo.(credentials.TLSInfo); ok {
			name = info.State.PeerCertificates[0].Subject.CommonName
		}
	}
	for request := 1; ; request++ {
		s.gate.Lock()
		s.gate.Unlock()
		message, err := stream.Recv()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		for _, flow := range message.Flows {
			s.count.Add(1)
			// Aggregators write and read these without asking whether they are there.
			flow.Ipfix.ExporterIp = "127.0.0.1"
			_, _, _ = flow.K8S.FlowType, flow.Stats.OctetTotalCount, flow.ReverseStats.OctetTotalCount
			_, _, _, _ = flow.Transport.ProtocolNumber, flow.Ip.Source, flow.StartTs.Seconds, flow.EndTs.Seconds
			if s.only {
				continue
			}
			text, err := protojson.Marshal(flow)
			if err != nil {
				fail(err)
			}
			emit(received{text, request, name})
		}
	}
	return stream.SendAndClose(&flowpb.ExportResponse{})
}

// collect serves until standard input ends. {"pause": true} stops reading, {"pause": false} goes on, {"count": true} asks how
// many flows came, {"stop": true} ends as a Pod does.
func collect(chosen *options) {
	listener, err := net.Listen("tcp", chosen.address)
	if err != nil {
		fail(err)
	}
	own := &service{only: chosen.only}
	server := grpc.NewServer(grpc.Creds(credentials.NewTLS(chosen.tls())))
	flowpb.RegisterFlowExportServiceServer(server, own)
	emit(map[string]string{"listening": listener.Addr().String()})
	go func() {
		if err := server.Serve(listener); err != nil {
			fail(err)
		}
	}()
	paused := false
	commands(func(line []byte) {
		var asked struct {
			Pause *bool
			Count bool
			Stop  bool
		}
		if err := json.Unmarshal(line, &asked); err != nil {
			fail(err)
		}
		if asked.Pause != nil && *asked.Pause != paused {
			paused = *asked.Pause
			if paused {
				own.gate.Lock()
			} else {
				own.gate.Unlock()
			}
		}
		if asked.Count {
			emit(map[string]int64{"count": own.count.Load()})
		}
		if asked.Stop {
			server.Stop()
			os.Exit(0)
		}
	})
	os.Exit(0)
}
