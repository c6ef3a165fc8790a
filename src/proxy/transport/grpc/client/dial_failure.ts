import { systemReason } from "../../../../error_message.ts";
import { describeAlert } from "../../tls/handshake_failure.ts";
import { refusal } from "../../tls/tls_connection.ts";

const AFTER_HANDSHAKE =
  "it closed the connection after the TLS handshake: it refuses the proxy's certificate, or does not speak gRPC";

/** What the library's words mean, in the order in which they are looked at. */
const MEANINGS: readonly (readonly [words: RegExp, meaning: string])[] = [
  [/^Name resolution failed/, systemReason({ code: "ENOTFOUND" })],
  [/InvalidContentType|wrong version number/, "it does not speak TLS"],
  [/disconnected before secure TLS connection/, "it closed the connection during the TLS handshake"],
  [/^Failed to connect$|\bE(?:PIPE|CONNRESET)\b/, AFTER_HANDSHAKE],
  [/^Connection dropped$/, "the connection is lost"],
];

/** What OpenSSL says of a certificate that is not verified. */
const NOT_VERIFIED = /unable to (?:verify|get)|self[- ]signed|certificate has expired|not yet valid|purpose/i;

/**
 * Says why a collector cannot be reached, in the words of the other transports.
 *
 * @param details what @grpc/grpc-js says of a call
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * const details = "No connection established. Last error: Error: connect ECONNREFUSED 10.0.0.1:14739. Resolution note: ";
 * assert.equal(dialFailure(details), "connection refused");
 * assert.equal(dialFailure("the collector says so"), "the collector says so");
 * ```
 */
export function dialFailure(details: string): string {
  const last = /^No connection established\. Last error: (.*?)\.? Resolution note: *$/s.exec(details)?.[1] ?? details;
  // A time in it would make another failure of each attempt.
  const words = last.replace(/^Error(?: \[\w+\])?: /, "").replace(/ \(\d{4}-\d\d-\d\dT[\d:.]+Z\)$/, "");
  const code = /^connect (E[A-Z]+)/.exec(words)?.[1];
  const system = code === undefined ? undefined : systemReason({ code, toString: () => words });
  const alert = describeAlert(new Error(words), "the collector", "the proxy's certificate");
  const refused = NOT_VERIFIED.test(words) ? refusal("server", "UNABLE_TO_VERIFY")?.message : undefined;
  return system ?? alert ?? refused ?? MEANINGS.find(([pattern]) => pattern.test(words))?.[1] ?? words;
}
