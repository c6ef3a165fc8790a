import assert from "node:assert/strict";
import { dialFailure } from "./dial_failure.ts";

/** As @grpc/grpc-js 1.14.7 on Deno 2.9.6 says it, and what an operator reads. */
const FAILURES: readonly (readonly [details: string, words: RegExp])[] = [
  ["Error: connect ECONNREFUSED 127.0.0.1:24771", /^connection refused$/],
  ["Error: connect EHOSTUNREACH 10.0.0.1:14739", /^connect EHOSTUNREACH 10\.0\.0\.1:14739$/],
  ["Error: unable to verify the first certificate", /^its certificate is refused: .* or is not a server's$/],
  ["Error: self-signed certificate in certificate chain", /^its certificate is refused: .* or is not a server's$/],
  [
    "Error: received corrupt message of type InvalidContentType (SSL routines:ssl3_get_record:wrong version number)",
    /^it does not speak TLS$/,
  ],
  [
    "Error: Client network socket disconnected before secure TLS connection was established",
    /^it closed the connection during the TLS handshake$/,
  ],
  [
    "Error [ERR_TLS_CERT_ALTNAME_INVALID]: Hostname/IP does not match certificate's altnames: IP: 10.0.0.1 is not in the " +
    "cert's list: ",
    /^Hostname\/IP does not match/,
  ],
  ["received fatal alert: CertificateRequired (2026-11-28T11:55:40.430Z)", /^the collector refuses .*none was shown/],
  ["received fatal alert: UnknownCA", /^the collector refuses the proxy's certificate: it was not issued by a CA/],
  ["write EPIPE (2026-11-28T11:55:40.183Z)", /^it closed the connection after the TLS handshake: it refuses/],
  ["Failed to connect (2026-11-28T11:55:58.329Z)", /^it closed the connection after the TLS handshake: .* gRPC$/],
];

Deno.test("why a collector cannot be reached is said in the words of the other transports, the same at each attempt", () => {
  for (const [details, words] of FAILURES) {
    assert.match(dialFailure(`No connection established. Last error: ${details}. Resolution note: `), words);
    assert.match(dialFailure(details), words);
  }
  const resolution = "Name resolution failed for target dns:no-such-host.invalid:24771";
  assert.equal(dialFailure(resolution), "no such host");
});
