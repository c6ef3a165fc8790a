import assert from "node:assert/strict";
import { type Files, mistakes, RIGHT } from "../../test/support/configuration.ts";

/** What is wrong, the file, and every line that says so. */
const WRONG: readonly (readonly [what: string, yaml: string, lines: readonly string[], files?: Files])[] = [
  ["nothing at all", "", [
    "proxy.yaml:1:1: listen: missing (a list)",
    "proxy.yaml:1:1: collector: missing (a map: transport, address, profile, fallbackProfile, dialect, tls, switch, candidates, acceptedAfter, watch, templateRefresh)",
  ]],
  ["no map", "- listen\n", [
    "proxy.yaml:1:1: a list is not allowed (a map: listen, collector, mode, plugins, peers, admin, limits, log, ledger, cache, kubernetes)",
    "proxy.yaml:1:1: collector: missing (a map: transport, address, profile, fallbackProfile, dialect, tls, switch, candidates, acceptedAfter, watch, templateRefresh)",
  ]],
  ["YAML that ends too soon", "listen: [{ address: 0.0.0.0:1 }\ncollector: {}\n", [
    "proxy.yaml:2:1: collector: flow sequence in block collection must be sufficiently indented and end with a ] (YAML 1.2)",
  ]],
  ["two documents", `${RIGHT}---\nmode: observe\n`, [
    "proxy.yaml:3:1: YAML: another document begins here (one document)",
  ]],
  ["an alias of what contains it", `a: &a [*a]\n${RIGHT}`, [
    "proxy.yaml:1:8: a[0]: the alias *a stands for something that contains it (aliases of other values)",
  ]],
  [
    "aliases without an anchor before them",
    `${RIGHT}mode: *mode\nlog: { level: *level }\nadmin: { address: &level x }\n`,
    [
      "proxy.yaml:3:7: mode: no anchor &mode comes before the alias *mode (an alias of an anchor)",
      "proxy.yaml:4:15: log.level: no anchor &level comes before the alias *level (an alias of an anchor)",
    ],
  ],
  [
    "aliases that grow",
    `a: &a [x,x,x,x,x,x,x,x,x]
b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]
c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]
d: [*c,*c,*c,*c,*c,*c,*c,*c,*c]
${RIGHT}`,
    ["proxy.yaml:1:1: YAML: aliases stand for too many values (fewer aliases)"],
  ],
  ["a tag of YAML that does not fit", `${RIGHT}limits: { sessions: !!int x }\n`, [
    "proxy.yaml:3:21: limits.sessions: unresolved tag: !!int (YAML 1.2)",
    'proxy.yaml:3:27: limits.sessions: "x" is not allowed (a whole number, 1 to 1000000)',
  ]],
  ["a tag", `${RIGHT}mode: !secret rewrite\n`, [
    "proxy.yaml:3:7: mode: unresolved tag: !secret (YAML 1.2)",
  ]],
  ["a key twice, and what else is wrong", `${RIGHT}mode: observe\nmode: of\n`, [
    "proxy.yaml:4:1: mode: duplicate key (each key once)",
    'proxy.yaml:4:7: mode: "of" is not allowed (rewrite, observe)',
  ]],
  [
    "unknown keys at every depth",
    "lisen: 1\nlisten: [{ adress: 0.0.0.0:1 }]\ncollector: { address: h:1, profile: rfc7011, x: 1 }\n",
    [
      'proxy.yaml:1:1: lisen: unknown key, did you mean "listen"? (listen, collector, mode, plugins, peers, admin, limits, log, ledger, cache, kubernetes)',
      "proxy.yaml:2:10: listen[0].address: missing (host:port or [v6]:port, port 0 to 65535)",
      'proxy.yaml:2:12: listen[0].adress: unknown key, did you mean "address"? (transport, address, tls, templates)',
      "proxy.yaml:3:46: collector.x: unknown key (transport, address, profile, fallbackProfile, dialect, tls, switch, candidates, acceptedAfter, watch, templateRefresh)",
    ],
  ],
  ["wrong kinds", "listen: 24739\ncollector: []\nlimits: 5\nlog:\nplugins: match-order\n", [
    "proxy.yaml:1:9: listen: 24739 is not allowed (a list)",
    "proxy.yaml:2:12: collector: a list is not allowed (a map: transport, address, profile, fallbackProfile, dialect, tls, switch, candidates, acceptedAfter, watch, templateRefresh)",
    "proxy.yaml:3:9: limits: 5 is not allowed (a map: sessions, templatesPerSession, templates, observationDomainsPerSession, templateChanges, templateMemory, messageMemory, memory, hold, idle, udpIdle, partialMessage, drain, handshake)",
    "proxy.yaml:4:5: log: nothing is not allowed (a map: level, format)",
    'proxy.yaml:5:10: plugins: "match-order" is not allowed (a list)',
  ]],
  [
    "addresses",
    "listen:\n  - address: 24739\n  - address: ::1:24739\n  - address: 10.0.0.256:1\n  - address: a_b:70000\ncollector: { address: h:0, profile: rfc7011 }\n",
    [
      "proxy.yaml:2:14: listen[0].address: 24739 is not allowed (host:port or [v6]:port, port 0 to 65535)",
      'proxy.yaml:3:14: listen[1].address: "::1:24739" is not allowed (host:port or [v6]:port, port 0 to 65535)',
      'proxy.yaml:4:14: listen[2].address: "10.0.0.256:1" is not allowed (host:port or [v6]:port, port 0 to 65535)',
      'proxy.yaml:5:14: listen[3].address: "a_b:70000" is not allowed (host:port or [v6]:port, port 0 to 65535)',
      'proxy.yaml:6:23: collector.address: "h:0" is not allowed (host:port or [v6]:port, port 1 to 65535)',
    ],
  ],
  [
    "listeners that want one socket",
    `listen:
  - { address: 0.0.0.0:1 }
  - { address: "10.0.0.1:1" }
  - { transport: udp, address: "10.0.0.1:1" }
  - { transport: udp, address: "[::]:1" }
  - { address: "localhost:0" }
  - { address: "localhost:0" }
collector: { address: "h:1", profile: rfc7011 }
admin: { address: 127.0.0.1:1 }
`,
    [
      "proxy.yaml:3:16: listen[1].address: listen[0] listens on tcp 0.0.0.0:1 already (an address and port of its own)",
      "proxy.yaml:5:32: listen[3].address: listen[2] listens on udp 10.0.0.1:1 already (an address and port of its own)",
      "proxy.yaml:9:19: admin.address: listen[0] listens on tcp 0.0.0.0:1 already (an address and port of its own)",
    ],
  ],
  ...[
    ["0.0.0.0:4739", "127.0.0.1:4739"],
    ["localhost:4739", "'[::1]:4739'"],
    ["127.0.0.1:4739", "0.0.0.0:4739"],
    ["Collector.example:4739", "collector.example.:4739"],
  ].map(([listener = "", collector = ""]): (typeof WRONG)[number] => [
    `a collector ${collector} that is the proxy's own listener ${listener}`,
    `listen: [{ address: ${listener} }]\ncollector: { address: ${collector}, profile: rfc7011 }\n`,
    [
      `proxy.yaml:2:23: collector.address: is this proxy's own listener tcp ${
        listener.replaceAll("'", "")
      }: every message would come back (the collector's address)`,
    ],
  ]),
  ["a collector that is the admin side", RIGHT.replace("127.0.0.1:4739", "localhost:24780"), [
    "proxy.yaml:2:23: collector.address: is this proxy's own admin address tcp 127.0.0.1:24780, which takes no messages (the collector's address)",
  ]],
  [
    "one address in two spellings",
    RIGHT.replace("0.0.0.0", '"[::1]').replace("9 }", '9" }, { address: "[0:0::1]:24739" }'),
    [
      "proxy.yaml:1:49: listen[1].address: listen[0] listens on tcp [::1]:24739 already (an address and port of its own)",
    ],
  ],
  [
    "limits",
    `${RIGHT}limits:\n  sessions: 0\n  templatesPerSession: 1.5\n  hold: 60\n  idle: 5 m\n  drain: 577h\n  sesions: 3\n`,
    [
      "proxy.yaml:4:13: limits.sessions: 0 is not allowed (a whole number, 1 to 1000000)",
      "proxy.yaml:5:24: limits.templatesPerSession: 1.5 is not allowed (a whole number, 1 to 65280)",
      "proxy.yaml:6:9: limits.hold: 60 is not allowed (a duration such as 250ms, 30s, 5m or 1h, at most 576h)",
      'proxy.yaml:7:9: limits.idle: "5 m" is not allowed (a duration such as 250ms, 30s, 5m or 1h, at most 576h)',
      'proxy.yaml:8:10: limits.drain: "577h" is not allowed (a duration such as 250ms, 30s, 5m or 1h, at most 576h)',
      'proxy.yaml:9:3: limits.sesions: unknown key, did you mean "sessions"? (sessions, templatesPerSession, templates, observationDomainsPerSession, templateChanges, templateMemory, messageMemory, memory, hold, idle, udpIdle, partialMessage, drain, handshake)',
    ],
  ],
  ["cache", `${RIGHT}cache: { file: proxy.yaml, interval: 10ms, size: 1GB }\n`, [
    'proxy.yaml:3:38: cache.interval: "10ms" is not allowed (a duration such as 250ms, 30s, 5m or 1h, at most 576h, at least 1s)',
    'proxy.yaml:3:50: cache.size: "1GB" is not allowed (a size such as 64KiB or 16MiB, 4KiB to 1GiB)',
  ]],
  ["cache over the configuration", `${RIGHT}cache: proxy.yaml\n`, [
    "proxy.yaml:3:8: cache: proxy.yaml is a file of this configuration, and would be overwritten (a file of its own)",
  ]],
  [
    "cache over a file that the configuration reads elsewhere",
    `${RIGHT.replace("antrea/v1.15", "./profiles/own.yaml")}cache: { file: ./profiles/../profiles/own.yaml }\n`,
    [
      "proxy.yaml:3:16: cache.file: profiles/own.yaml is a file of this configuration, and would be overwritten (a file of its own)",
    ],
    { "profiles/own.yaml": "extends: rfc7011\n" },
  ],
  ["log and cache", `${RIGHT}log: { level: loud, format: xml }\ncache: ""\n`, [
    'proxy.yaml:3:15: log.level: "loud" is not allowed (debug, info, warning, error)',
    'proxy.yaml:3:29: log.format: "xml" is not allowed (json, text)',
    'proxy.yaml:4:8: cache: "" is not allowed (the path of a file that keeps the templates of udp exporters across restarts)',
  ]],
  ["an unknown profile", RIGHT.replace("v1.15", "v1.16"), [
    'proxy.yaml:2:48: collector.profile: unknown profile "antrea/v1.16", did you mean antrea/v1.15, antrea/v1.14, antrea/v1.13? (antrea/v0.12 to antrea/v2.7, one release such as antrea/v1.15.2, rfc7011, or the path of a profile file such as ./profile.yaml)',
  ]],
  [
    "what does not go together",
    `${RIGHT}peers: [{ match: { address: 10.0.0.1 }, collector: { profile: auto } }]
plugins: [{ use: match-order, isolate: true }, { use: strip-unknown, timeout: 2s }, { use: pad-missing, isolate: perhaps }]\n`,
    [
      "proxy.yaml:3:63: peers[0].collector.profile: only where collector.profile is auto, too: there is one Aggregator in the cluster (antrea/v0.12 to antrea/v2.7, one release such as antrea/v1.15.2, rfc7011, or the path of a profile file such as ./profile.yaml)",
      "proxy.yaml:4:40: plugins[0].isolate: match-order is shipped and runs in the proxy (none)",
      "proxy.yaml:4:79: plugins[1].timeout: strip-unknown is shipped and runs in the proxy (none)",
      'proxy.yaml:4:114: plugins[2].isolate: "perhaps" is not allowed (true, false)',
    ],
  ],
  [
    "dialects",
    `${
      RIGHT.replace(
        "v1.15",
        "v1.15, dialect: { setPading: no, setsPerMessage: 0, maxDatagram: 2KB, templateScope: all, undecodableTypes: [float] }",
      )
    }peers: [{ match: { address: 10.0.0.1 }, collector: { dialect: goipfix } }]\n`,
    [
      'proxy.yaml:2:73: collector.dialect.setPading: unknown key, did you mean "setPadding"? (messagesPerWrite, setsPerMessage, templateRecordsPerSet, setPadding, fieldLengths, optionsTemplates, withdrawals, emptyMessages, maxDatagram, templateScope, undecodableTypes)',
      "proxy.yaml:2:104: collector.dialect.setsPerMessage: 0 is not allowed (a whole number from 1, or unlimited)",
      'proxy.yaml:2:120: collector.dialect.maxDatagram: "2KB" is not allowed (octets such as 1024 or 1KiB, 64 to 65507)',
      'proxy.yaml:2:140: collector.dialect.templateScope: "all" is not allowed (session, observation-domain)',
      'proxy.yaml:2:164: collector.dialect.undecodableTypes[0]: "float" is not allowed (octetArray, unsigned8, unsigned16, unsigned32, unsigned64, signed8, signed16, signed32, signed64, float32, float64, boolean, macAddress, string, dateTimeSeconds, dateTimeMilliseconds, dateTimeMicroseconds, dateTimeNanoseconds, ipv4Address, ipv6Address, basicList, subTemplateList, subTemplateMultiList)',
      'proxy.yaml:3:63: peers[0].collector.dialect: "goipfix" is not allowed (rfc7011, go-ipfix, go-ipfix-legacy, go-ipfix-stream-read, or a map of limits)',
    ],
  ],
  [
    "tls",
    `listen:
  - { transport: tls, address: 0.0.0.0:1 }
  - { transport: udp, address: 0.0.0.0:1, tls: { certificate: c, key: k } }
  - { transport: tls, address: 0.0.0.0:2, tls: { key: none.pem, serverName: n, requireClientCertificate: true } }
  - { transport: tls, address: 0.0.0.0:3, tls: { mode: minted } }
collector: { transport: tls, address: h:1, profile: rfc7011, tls: { certificate: junk.pem, requireClientCertificate: true } }
`,
    [
      "proxy.yaml:2:5: listen[0].tls: missing (a map: mode, certificate, key; ca, requireClientCertificate)",
      "proxy.yaml:3:43: listen[1].tls: not with transport udp (transport: tls or grpc)",
      "proxy.yaml:4:48: listen[2].tls.certificate: missing (path of a PEM file)",
      "proxy.yaml:4:55: listen[2].tls.key: cannot read none.pem: there is no such file",
      "proxy.yaml:4:65: listen[2].tls.serverName: only a collector has a name to check (certificate, key, ca, requireClientCertificate)",
      "proxy.yaml:4:106: listen[2].tls.requireClientCertificate: true without ca: there is nothing to check certificates with (ca, or false)",
      'proxy.yaml:5:56: listen[3].tls.mode: "minted" is not allowed (auto, files, mint, append-ca)',
      "proxy.yaml:6:67: collector.tls.ca: missing (path of a PEM file)",
      "proxy.yaml:6:67: collector.tls.key: missing (path of a PEM file)",
      "proxy.yaml:6:82: collector.tls.certificate: junk.pem contains no PEM (a file with -----BEGIN … lines)",
      "proxy.yaml:6:92: collector.tls.requireClientCertificate: only a listener requires certificates (certificate, key, ca, serverName)",
    ],
    { "junk.pem": "0x30" },
  ],
  [
    "trust from a cluster",
    `listen:
  - { transport: tls, address: 0.0.0.0:1, tls: { mode: auto, certificate: c, requireClientCertificate: false } }
  - { transport: tls, address: 0.0.0.0:2, tls: {} }
collector: { transport: tls, address: h:1, profile: rfc7011, fallbackProfile: antrea/v2.0, tls: { mode: mint, ca: c } }
kubernetes: { kubeconfig: none.yaml, ownCaSecret: "", restore: true }
`,
    [
      "proxy.yaml:2:62: listen[0].tls.certificate: not with mode auto, which takes it from the cluster (mode: files)",
      "proxy.yaml:2:104: listen[0].tls.requireClientCertificate: false, but mode auto verifies every exporter (true)",
      "proxy.yaml:4:62: collector.fallbackProfile: not with profile rfc7011 (profile: auto)",
      "proxy.yaml:4:105: collector.tls.mode: mint, but another endpoint has auto (one mode for all, or files)",
      "proxy.yaml:4:111: collector.tls.ca: not with mode mint, which takes it from the cluster (mode: files)",
      `proxy.yaml:5:51: kubernetes.ownCaSecret: "" is not allowed (the name of a Secret that is not the Aggregator's: lower-case letters, digits, - and .)`,
      "proxy.yaml:5:55: kubernetes.restore: unknown key (kubeconfig, namespace, agentsNamespace, ownCaSecret, restoreOnDrain)",
    ],
  ],
  [
    "names that the API server does not take, and a Secret that is not the proxy's",
    `${RIGHT}kubernetes: { namespace: Flow, agentsNamespace: kube-system/.., ownCaSecret: flow-aggregator-ca-tls }\n`,
    [
      `proxy.yaml:3:26: kubernetes.namespace: "Flow" is not allowed (the Aggregator's namespace: lower-case letters, digits and -)`,
      `proxy.yaml:3:49: kubernetes.agentsNamespace: "kube-system/.." is not allowed (the namespace of Antrea's Agents: lower-case letters, digits and -)`,
      `proxy.yaml:3:78: kubernetes.ownCaSecret: "flow-aggregator-ca-tls" is not allowed (the name of a Secret that is not the Aggregator's: lower-case letters, digits, - and .)`,
    ],
  ],
  [
    "a fallback for a profile that nobody looks for",
    RIGHT.replace("profile: antrea/v1.15", "candidates: [antrea/v1.1], fallbackProfile: antrea/v1.0"),
    ["proxy.yaml:2:66: collector.fallbackProfile: not with candidates (profile: auto)"],
  ],
  ["a plugin that has no time", `${RIGHT}plugins: [{ use: ./own.ts, timeout: 0s }]\n`, [
    'proxy.yaml:3:37: plugins[0].timeout: "0s" is not allowed (a duration such as 250ms, 30s, 5m or 1h, at most 576h, at least 1ms)',
  ]],
  ["a kubeconfig that is not there", `${RIGHT}kubernetes: { kubeconfig: none.yaml }\n`, [
    "proxy.yaml:3:27: kubernetes.kubeconfig: cannot read none.yaml: there is no such file",
  ]],
  [
    "peers",
    `${RIGHT}peers:
  - match: {}
  - { mode: observe }
  - match: { address: 10.0.0.0/33, observationDomain: -1, certificateName: n, profile: antrea/v3.0 }
  - match: { observationDomain: 5 }
    mode: observe
    collector: { address: h:1, dialect: rfc7011, profile: antrea/v1.13 }
  - match: { address: 10.0.0.1 }
    collector: { transport: tls }
    plugins: [{ use: pad-missing, with: { values: { egressNam: 1 } } }]
`,
    [
      "proxy.yaml:4:12: peers[0].match: matches nothing (one or more of address, observationDomain, certificateName, profile)",
      "proxy.yaml:5:5: peers[1].match: missing (a map: address, observationDomain, certificateName, profile)",
      'proxy.yaml:6:23: peers[2].match.address: "10.0.0.0/33" is not allowed (an IPv4 or IPv6 address, or a network such as 10.10.0.0/24)',
      "proxy.yaml:6:55: peers[2].match.observationDomain: -1 is not allowed (a whole number, 0 to 4294967295)",
      'proxy.yaml:6:88: peers[2].match.profile: "antrea/v3.0" is not allowed (an Antrea release such as antrea/v2.0)',
      "proxy.yaml:11:16: peers[4].collector.tls: missing (a map: mode, ca; certificate, key, serverName)",
    ],
  ],
  ["a certificate that nobody checks", `${RIGHT}peers: [{ match: { certificateName: n } }]\n`, [
    "proxy.yaml:3:20: peers[0].match.certificateName: no listener checks certificates (a tls listener with a ca)",
  ]],
  [
    "plugins",
    `${RIGHT}plugins:
  - use: strip-unknwon
  - use: ./none.ts
  - use: https://example.org/plugin.ts
  - use: strip-unknown
    with: { remove: unkown, foo: 1 }
  - use: pad-missing
    with:
      values: { egresNodeName: "unknown" }
`,
    [
      'proxy.yaml:4:10: plugins[0].use: no plugin is called "strip-unknwon", did you mean "strip-unknown"? (map-fields, strip-unknown, annotate-exporter, pad-missing, match-order, a path such as ./plugin.ts, npm:package)',
      "proxy.yaml:5:10: plugins[1].use: cannot read none.ts: there is no such file",
      'proxy.yaml:6:10: plugins[2].use: no plugin is called "https://example.org/plugin.ts" (map-fields, strip-unknown, annotate-exporter, pad-missing, match-order, a path such as ./plugin.ts, npm:package)',
      'proxy.yaml:8:21: plugins[3].with.remove: "unkown" is not allowed (unexpected, unknown)',
      "proxy.yaml:8:29: plugins[3].with.foo: unknown key (remove, also)",
      'proxy.yaml:11:17: plugins[4].with.values.egresNodeName: no element is called "egresNodeName" (nearest: egressNodeName, egressName, sourceNodeName; or write pen/id)',
    ],
  ],
  [
    "options of plugins",
    `${RIGHT}plugins:
  - use: map-fields
    with:
      feilds: {}
      fields:
        srcPort: egressNodeNme
        egressName: egressNodeNme
        octetDeltaCount: flowType
        sourcePodName: 5
  - use: strip-unknown
    with: { remove: unkown, also: [xyzzy, tcpState, xyzzyy], foo: 1 }
  - use: pad-missing
    with:
      values: { egresName: "a", flowType: 4000, flowEndReason: abc, 56506/137: 3, tcpState: [] }
      x: 1
`,
    [
      'proxy.yaml:6:7: plugins[0].with.feilds: unknown key, did you mean "fields"? (fields, profileRenames)',
      'proxy.yaml:8:9: plugins[0].with.fields.srcPort: no element is called "srcPort" (a name of the registry, or pen/id)',
      'proxy.yaml:8:18: plugins[0].with.fields.srcPort: no element is called "egressNodeNme" (nearest: egressNodeName, egressName, egressNodeUUID; or write pen/id)',
      'proxy.yaml:9:21: plugins[0].with.fields.egressName: no element is called "egressNodeNme" (nearest: egressNodeName, egressName, egressNodeUUID; or write pen/id)',
      "proxy.yaml:10:26: plugins[0].with.fields.octetDeltaCount: octetDeltaCount (unsigned64, length 8) cannot become flowType (unsigned8, length 1): values would be lost (allowed: the same type, a larger integer or float, a signed integer larger than the unsigned, octetArray for a string, dateTimeMilliseconds for dateTimeSeconds, ipv6Address for ipv4Address)",
      "proxy.yaml:11:24: plugins[0].with.fields.sourcePodName: 5 is not allowed (text)",
      'proxy.yaml:13:21: plugins[1].with.remove: "unkown" is not allowed (unexpected, unknown)',
      'proxy.yaml:13:36: plugins[1].with.also[0]: no element is called "xyzzy" (a name of the registry, or pen/id)',
      'proxy.yaml:13:53: plugins[1].with.also[2]: no element is called "xyzzyy" (a name of the registry, or pen/id)',
      "proxy.yaml:13:62: plugins[1].with.foo: unknown key (remove, also)",
      'proxy.yaml:16:17: plugins[2].with.values.egresName: no element is called "egresName" (nearest: egressName, className, VRFname; or write pen/id)',
      "proxy.yaml:16:43: plugins[2].with.values.flowType: 4000 is not a valid unsigned8 of 1 octet (allowed: integers from 0 to 255)",
      'proxy.yaml:16:64: plugins[2].with.values.flowEndReason: "abc" is not a valid unsigned8 of 1 octet (allowed: integers from 0 to 255)',
      "proxy.yaml:16:80: plugins[2].with.values.56506/137: flowType has a value already (allowed: once, by name or as pen/id)",
      "proxy.yaml:16:93: plugins[2].with.values.tcpState: a list is not allowed (text, or a number, or a whole number, or true, false)",
      "proxy.yaml:17:7: plugins[2].with.x: unknown key (values)",
    ],
  ],
];

for (const [what, yaml, lines, files] of WRONG) {
  Deno.test(`${what}: every mistake, with its place and what is allowed`, async () => {
    assert.deepEqual(await mistakes(yaml, files), lines);
  });
}
