import { type CertificateDetails, certificateName, invalidity } from "./certificate_details.ts";

/** Which side of the proxy certificates are for. */
export type Side = "listener" | "collector";

/** What a certificate of the presented chain is called, and what comes of one that is not valid. */
const PRESENTED = {
  listener: ["the listener's certificate", "exporters that check it refuse it"],
  collector: ["the certificate shown to the collector", "a collector that checks it refuses it"],
} as const;

/** Whom CA certificates check, and what comes of it where none of them is valid. */
const CHECKED = {
  listener: ["exporters are", "no exporter's certificate can be verified"],
  collector: ["the collector is", "the collector cannot be verified"],
} as const;

/**
 * Why the certificates of one side cannot serve at a time, in words; undefined where they can. Of the CA certificates,
 * one that is valid suffices: a bundle keeps old ones for a while.
 */
export function certificateFault(
  side: Side,
  certificates: readonly CertificateDetails[],
  now: Date,
): string | undefined {
  const problems = certificates.flatMap((certificate) => {
    const why = invalidity(certificate, now);
    return why === undefined ? [] : [{ ...certificate, why }];
  });
  const presented = problems.find(({ role }) => role === "certificate");
  if (presented !== undefined) {
    const [what, consequence] = PRESENTED[side];
    return `${what} (${certificateName(presented)}) ${presented.why}: ${consequence}`;
  }
  const authority = problems.find(({ role }) => role === "ca");
  if (authority === undefined || certificates.some((one) => one.role === "ca" && invalidity(one, now) === undefined)) {
    return undefined;
  }
  const [whom, consequence] = CHECKED[side];
  return `no CA certificate that ${whom} checked with is valid (${
    certificateName(authority)
  } ${authority.why}): ${consequence}`;
}
