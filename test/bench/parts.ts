import type { Part } from "./bench.ts";
import { measureDatagrams } from "./parts/datagrams.ts";
import { measureFlows } from "./parts/flows.ts";
import { measureHandshakes } from "./parts/handshakes.ts";
import { measureIdle } from "./parts/idle.ts";
import { measureInMemory } from "./parts/in_memory.ts";
import { measureLatency } from "./parts/latency.ts";
import { measureRecords } from "./parts/records.ts";
import { measureSessions } from "./parts/sessions.ts";
import { measureStart } from "./parts/start.ts";
import { measureTls } from "./parts/tls.ts";
import { measureRelays } from "./parts/whole_proxy.ts";

/** Every part of the bench by its name, in the order in which they are measured. */
export const PARTS: ReadonlyMap<string, Part> = new Map([
  ["memory", measureInMemory],
  ["relays", measureRelays],
  ["records", measureRecords],
  ["sessions", measureSessions],
  ["idle", measureIdle],
  ["latency", measureLatency],
  ["start", measureStart],
  ["udp", measureDatagrams],
  ["tls", measureTls],
  ["handshakes", measureHandshakes],
  ["grpc", measureFlows],
]);
