import assert from "node:assert/strict";
import { Admission, type AdmissionParts } from "./admission.ts";
import { ProxyCounters } from "./reporting/proxy_counters.ts";
import type { Connection } from "./transport/connection.ts";
import type { Listener } from "./transport/listener.ts";

/** An admission of at most five sessions; says which exporters it let in. */
function admissionOf(datagramSessions: number) {
  const counters = new ProxyCounters();
  const reasons: unknown[] = [];
  const parts = {
    factory: {
      limits: { sessions: 5 },
      choose: () => ({ mode: "rewrite" }),
      hold: () => Infinity,
      open: () => ({}),
    },
    sessions: { streams: 0, datagramSessions, start: () => reasons.push("let in") },
    collectors: { get: () => ({ collector: { condition: "up", awayFor: 0 } }) },
    verdict: { arrive() {}, reject() {} },
    counters,
    resident: undefined,
    report: ({ fields }: { readonly fields: Record<string, unknown> }) => void reasons.push(fields["reason"]),
  };
  return { admission: new Admission(parts as unknown as AdmissionParts), reasons };
}

Deno.test("over UDP none is let in while more than 64 sessions of removed sources are ending; over TCP that does not count", () => {
  const remoteAddress = { hostname: "10.0.0.1", port: 1 };
  const connection = (transport: "udp" | "tcp") => ({ transport, remoteAddress, close() {} }) as unknown as Connection;
  const listener = {} as unknown as Listener;
  for (
    const [ending, transport, expected] of [[68, "udp", "let in"], [69, "udp", "limit"], [69, "tcp", "let in"]] as const
  ) {
    const { admission, reasons } = admissionOf(ending);
    admission.admit(connection(transport), listener);
    assert.deepEqual(reasons, [expected]);
  }
});
