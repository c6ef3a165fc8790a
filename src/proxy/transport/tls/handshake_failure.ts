import { errorMessage } from "../../../error_message.ts";
import type { HandshakeFailureReason } from "../../reporting/proxy_counters.ts";

/** Why a handshake with an exporter failed: as a label of a metric, and in words. */
export interface HandshakeFailure {
  readonly reason: HandshakeFailureReason;
  readonly words: string;
}

/** A failure that this side has found out. */
export class HandshakeError extends Error {
  constructor(readonly reason: HandshakeFailureReason, message: string) {
    super(message);
  }
}

/** TLS alerts (RFC 8446 §6.2) by which a peer refuses a certificate, in the runtime's words, and what each means. */
const CERTIFICATE_ALERTS: ReadonlyMap<string, string> = new Map([
  ["BadCertificate", "its name, signature or purpose is wrong, or it is not valid today"],
  ["UnsupportedCertificate", "its type or purpose is not supported"],
  ["CertificateRevoked", "it was revoked"],
  ["CertificateExpired", "it has expired or is not valid yet"],
  ["CertificateUnknown", "it is not acceptable"],
  ["UnknownCA", "it was not issued by a CA that is known there"],
  ["DecryptError", "a signature does not verify"],
  ["AccessDenied", "it gives no access"],
  ["CertificateRequired", "none was shown"],
]);

/** TLS alerts that mean that there is nothing both sides can speak. */
const VERSION_ALERTS: ReadonlySet<string> = new Set([
  "ProtocolVersion",
  "HandshakeFailure",
  "InsufficientSecurity",
  "NoApplicationProtocol",
]);

/** Errors of the runtime that mean the same, found out on this side. */
const VERSION_ERRORS = /UNSUPPORTED_PROTOCOL|VERSION|NO_SHARED_CIPHER|PeerIncompatible|incompatible/i;

/**
 * Describes which side refused the other, if the error is an alert of the peer.
 *
 * @param peer who sent it: `the exporter`
 * @param own what it refuses: `the listener's certificate`
 */
export function describeAlert(error: unknown, peer: string, own: string): string | undefined {
  const alert = alertOf(error);
  if (alert === undefined) return undefined;
  const meaning = CERTIFICATE_ALERTS.get(alert);
  if (meaning !== undefined) return `${peer} refuses ${own}: ${meaning} (TLS alert ${alert})`;
  return `${peer} ended the handshake with TLS alert ${alert}`;
}

/** Returns why a handshake with an exporter failed. */
export function handshakeFailure(error: unknown): HandshakeFailure {
  if (error instanceof HandshakeError) return { reason: error.reason, words: error.message };
  const alert = alertOf(error);
  const words = describeAlert(error, "the exporter", "the listener's certificate") ?? errorMessage(error);
  if (alert !== undefined) {
    if (CERTIFICATE_ALERTS.has(alert)) return { reason: "listener_refused", words };
    return { reason: VERSION_ALERTS.has(alert) ? "no_common_version" : "other", words };
  }
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE") {
    return {
      reason: "no_certificate",
      words: "it shows no certificate: it has none that was issued by a CA in the listener's `ca` file",
    };
  }
  if (code === "ECONNRESET") return { reason: "closed", words: "it hung up during the handshake" };
  if (/support any known protocol/.test(words)) {
    return {
      reason: "no_common_version",
      words: "it does not speak gRPC: it offers other protocols than HTTP/2 (ALPN h2)",
    };
  }
  if (VERSION_ERRORS.test(`${code} ${words}`)) return { reason: "no_common_version", words };
  return { reason: "other", words };
}

function alertOf(error: unknown): string | undefined {
  return /received fatal alert: (\w+)/.exec(errorMessage(error))?.[1];
}
