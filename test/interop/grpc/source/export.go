package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"grpcpeer/flowpb"
)

// raw is a request given as octets: right ones, and others.
type raw []byte

// rawCodec passes octets on as they are.
type rawCodec struct{}

func (rawCodec) Marshal(value any) ([]byte, error) {
	if octets, ok := value.(raw); ok {
		return octets, nil
	}
	return proto.Marshal(value.(proto.Message))
}

func (rawCodec) Unmarshal(octets []byte, value any) error {
	return proto.Unmarshal(octets, value.(proto.Message))
}

func (rawCodec) Name() string { return "proto" }

func init() { encoding.RegisterCodec(rawCodec{}) }

// command is one line. Stream numbers are the caller's own; a stream is opened with its first command.
type command struct {
	Stream int `json:"stream"`
	// Flows of one request.
	Flows []json.RawMessage `json:"flows"`
	// Request is one as octets, in base64.
	Request *string `json:"request"`
	// Times is how often the request is sent; 0 is once.
	Times int `json:"times"`
	// End says that no more comes, and waits for the answer.
	End bool `json:"end"`
	// Cancel cuts the stream.
	Cancel bool `json:"cancel"`
	// Open only opens so many streams, numbered from Stream on.
	Open int `json:"open"`
	// Reconnect closes the connection and dials again, as Agents do after an error.
	Reconnect bool `json:"reconnect"`
	// Wait waits until the collector ends the stream.
	Wait bool `json:"wait"`
	// Gzip has requests of streams that are opened from here on compressed.
	Gzip bool `json:"gzip"`
}

// answer is printed for each command. Status is a gRPC code's name where the stream is over.
type answer struct {
	Sent    int    `json:"sent"`
	Status  string `json:"status,omitempty"`
	Message string `json:"message,omitempty"`
	Error   string `json:"error,omitempty"`
}

type stream struct {
	grpc.ClientStream
	cancel context.CancelFunc
}

type exporter struct {
	chosen     *options
	connection *grpc.ClientConn
	streams    map[int]*stream
	gzip       bool
}

func (e *exporter) connect() {
	connection, err := grpc.NewClient("passthrough:///"+e.chosen.collector,
		grpc.WithTransportCredentials(credentials.NewTLS(e.chosen.tls())),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 2 * time.Second}))
	if err != nil {
		fail(err)
	}
	e.connection = connection
	e.streams = map[int]*stream{}
}

func (e *exporter) stream(number int) (*stream, error) {
	if known := e.streams[number]; known != nil {
		return known, nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	options := []grpc.CallOption{}
	if e.gzip {
		options = append(options, grpc.UseCompressor(gzip.Name))
	}
	description := &flowpb.FlowExportService_ServiceDesc.Streams[0]
	opened, err := e.connection.NewStream(ctx, description, flowpb.FlowExportService_Export_FullMethodName, options...)
	if err != nil {
		cancel()
		return nil, err
	}
	e.streams[number] = &stream{opened, cancel}
	return e.streams[number], nil
}

// end waits for the answer of the collector.
func (s *stream) end(result *answer) {
	err := s.RecvMsg(&flowpb.ExportResponse{})
	result.Status = status.Code(err).String()
	if err != nil {
		result.Message = status.Convert(err).Message()
	}
}

func (e *exporter) request(asked *command) (any, bool) {
	if asked.Request != nil {
		octets, err := base64.StdEncoding.DecodeString(*asked.Request)
		if err != nil {
			fail(err)
		}
		return raw(octets), true
	}
	if asked.Flows == nil {
		return nil, false
	}
	request := &flowpb.ExportRequest{}
	for _, text := range asked.Flows {
		flow := &flowpb.Flow{}
		if err := protojson.Unmarshal(text, flow); err != nil {
			fail(err)
		}
		request.Flows = append(request.Flows, flow)
	}
	return request, true
}

func (e *exporter) do(asked *command) (result answer) {
	e.gzip = e.gzip || asked.Gzip
	if asked.Reconnect {
		e.connection.Close()
		e.connect()
	}
	for number := asked.Stream; number < asked.Stream+asked.Open; number++ {
		if _, err := e.stream(number); err != nil {
			result.Error = err.Error()
			return
		}
	}
	request, is := e.request(asked)
	if !is && !asked.End && !asked.Cancel && !asked.Wait {
		return
	}
	opened, err := e.stream(asked.Stream)
	if err != nil {
		result.Error = err.Error()
		return
	}
	for ; is && result.Sent < max(1, asked.Times); result.Sent++ {
		if err := opened.SendMsg(request); err != nil {
			result.Error = err.Error()
			opened.end(&result)
			delete(e.streams, asked.Stream)
			return
		}
	}
	if asked.End {
		if err := opened.CloseSend(); err != nil {
			result.Error = err.Error()
		}
	}
	if asked.End || asked.Wait {
		opened.end(&result)
		delete(e.streams, asked.Stream)
	}
	if asked.Cancel {
		opened.cancel()
		delete(e.streams, asked.Stream)
	}
	return
}

// export carries out commands until standard input ends.
func export(chosen *options) {
	e := &exporter{chosen: chosen}
	e.connect()
	commands(func(line []byte) {
		var asked command
		if err := json.Unmarshal(line, &asked); err != nil {
			fail(fmt.Errorf("%s: %w", line, err))
		}
		emit(e.do(&asked))
	})
}
