import assert from "node:assert/strict";
import { Admission, type AdmissionParts } from "./admission.ts";
import { ProxyCounters } from "../reporting/proxy_counters.ts";
import type { MemoryState } from "../memory/resident_memory.ts";
import type { RejectedExporter } from "../verdict/absent_exporters.ts";
import type { Connection } from "../transport/connection.ts";
import type { Listener } from "../transport/listener.ts";

interface Load {
  readonly streams?: number;
  readonly datagramSessions?: number;
  readonly memory?: MemoryState;
}

/** An admission of at most five sessions; says which exporters it let in, and what the verdict knows of others. */
function admissionOf({ streams = 0, datagramSessions = 0, memory = "ample" }: Load) {
  const counters = new ProxyCounters();
  const reasons: unknown[] = [];
  const factory = {
    limits: { sessions: 5 },
    choose: () => ({ mode: "rewrite" }),
    hold: () => Infinity,
    open: () => ({}),
  };
  const rejected: RejectedExporter[] = [];
  const sessions = { streams, datagramSessions, start: () => reasons.push("let in"), makeRoom: () => false };
  const parts = {
    factory,
    sessions,
    collectors: { get: () => ({ collector: { condition: "up", awayFor: 0 } }) },
    verdict: { arrive() {}, reject: (exporter: RejectedExporter) => void rejected.push(exporter) },
    counters,
    resident: { state: memory, limit: 400 * 2 ** 20, admit: () => memory !== "full" },
    report: ({ fields }: { readonly fields: Record<string, unknown> }) => void reasons.push(fields["reason"]),
  };
  return {
    admission: new Admission(parts as unknown as AdmissionParts),
    factory,
    sessions,
    counters,
    reasons,
    rejected,
  };
}

const listener = {} as unknown as Listener;

function connection(transport: "udp" | "tcp"): Connection {
  return { transport, remoteAddress: { hostname: "10.0.0.1", port: 1 }, close() {} } as unknown as Connection;
}

Deno.test("over UDP none is let in while more than 64 sessions of removed sources are ending; over TCP that does not count", () => {
  for (
    const [ending, transport, expected] of [[68, "udp", "let in"], [69, "udp", "limit"], [69, "tcp", "let in"]] as const
  ) {
    const { admission, reasons } = admissionOf({ datagramSessions: ending });
    admission.admit(connection(transport), listener);
    assert.deepEqual(reasons, [expected]);
  }
});

Deno.test("the verdict has the limit for which an exporter was refused, whatever else is short", () => {
  for (
    const [load, reason] of [
      [{ streams: 5, memory: "ample" }, "limits.sessions (5)"],
      [{ streams: 5, memory: "tight" }, "limits.sessions (5)"],
      [{ streams: 5, memory: "full" }, "limits.memory (400 MiB)"],
      [{ streams: 0, memory: "full" }, "limits.memory (400 MiB)"],
    ] as const
  ) {
    const { admission, rejected } = admissionOf(load);
    admission.admit(connection("tcp"), listener);
    assert.deepEqual(rejected, [{ why: "limit", address: "10.0.0.1", reason }]);
  }
});

Deno.test("that exporters are refused is reported once, and again once one was let in meanwhile", () => {
  const { admission, sessions, reasons } = admissionOf({ streams: 5 });
  const admit = () => admission.admit(connection("tcp"), listener);
  admit();
  admit();
  assert.deepEqual(reasons, ["limit"]);
  sessions.streams = 4;
  admit();
  sessions.streams = 5;
  admit();
  admit();
  assert.deepEqual(reasons, ["limit", "let in", "limit"]);
});

Deno.test("an exporter for whom no session can be chosen or opened is closed and counted, and the listener goes on", () => {
  for (const step of ["choose", "open"] as const) {
    const { admission, factory, counters, reasons } = admissionOf({});
    const { [step]: good } = factory;
    factory[step] = () => {
      throw new Error("a fault of the rules");
    };
    let closed = 0;
    admission.admit({ ...connection("tcp"), close: () => void closed++ }, listener);
    assert.equal(closed, 1);
    assert.equal(counters.sessions.get("tcp")?.get("failed"), 1);
    Object.assign(factory, { [step]: good });
    admission.admit(connection("tcp"), listener);
    assert.deepEqual(reasons, ["Error: a fault of the rules", "let in"]);
  }
});
