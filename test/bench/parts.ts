import type { Part } from "./bench.ts";
import { measureDatagrams } from "./datagrams.ts";
import { measureFlows } from "./flows.ts";
import { measureHandshakes } from "./handshakes.ts";
import { measureIdle } from "./idle.ts";
import { measureInMemory } from "./in_memory.ts";
import { measureLatency } from "./latency.ts";
import { measureRecords } from "./records.ts";
import { measureSessions } from "./sessions.ts";
import { measureStart } from "./start.ts";
import { measureTls } from "./tls.ts";
import { measureRelays } from "./whole_proxy.ts";

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
