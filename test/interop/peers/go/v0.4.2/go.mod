module peer

go 1.21

require github.com/vmware/go-ipfix v0.4.2

require (
	github.com/pion/dtls/v2 v2.0.3 // indirect
	github.com/pion/logging v0.2.2 // indirect
	github.com/pion/transport v0.10.1 // indirect
	github.com/pion/udp v0.1.0 // indirect
	golang.org/x/crypto v0.0.0-20200820211705-5c72a883971a // indirect
	golang.org/x/xerrors v0.0.0-20200804184101-5ec99f83aff1 // indirect
	k8s.io/klog v1.0.0 // indirect
)
