import { X509Certificate } from "node:crypto";

/** What a certificate says of itself. */
export interface CertificateDetails {
  /** `certificate`: of the chain that is presented; `ca`: what the other side is checked with. */
  readonly role: "certificate" | "ca";
  /** `CN=aggregator, O=antrea`; empty where there is none. */
  readonly subject: string;
  /** Its subject alternative names: host names and addresses. */
  readonly names: readonly string[];
  readonly issuer: string;
  readonly validFrom: Date;
  readonly expiresAt: Date;
}

/** Reads every certificate of a PEM text. @param role what errors call it @throws Error that says what is wrong */
export function parseCertificates(role: string, pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw new Error(`${role}: no PEM certificate in it`);
  return blocks.map((block, index) => {
    try {
      return new X509Certificate(block);
    } catch (error) {
      throw new Error(`${role}: certificate ${index + 1} cannot be read`, { cause: error });
    }
  });
}

/** What a certificate says of itself. */
export function detailsOf(role: CertificateDetails["role"], certificate: X509Certificate): CertificateDetails {
  const { subject, issuer, subjectAltName, validFrom, validTo } = certificate;
  return {
    role,
    subject: nameText(subject),
    names: nameText(subjectAltName).split(", ").flatMap((name) => {
      const value = name.slice(name.indexOf(":") + 1);
      return value === "" ? [] : [value];
    }),
    issuer: nameText(issuer),
    validFrom: new Date(validFrom),
    expiresAt: new Date(validTo),
  };
}

/** One line for each part of a name becomes one text. The runtime has null where there is no name. */
function nameText(name: string | null | undefined): string {
  return (name ?? "").split("\n").join(", ");
}

/** `CN=aggregator`; where it has no subject, its first name. */
export function certificateName({ subject, names }: Pick<CertificateDetails, "subject" | "names">): string {
  return subject !== "" ? subject : names[0] ?? "(without a name)";
}

/**
 * Why a certificate is not valid at a time; undefined where it is.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * const [validFrom, expiresAt] = [new Date("2026-01-01"), new Date("2026-02-01")];
 * assert.equal(invalidity({ validFrom, expiresAt }, new Date("2026-01-15")), undefined);
 * assert.equal(invalidity({ validFrom, expiresAt }, expiresAt), "expired at 2026-02-01T00:00:00.000Z");
 * assert.equal(
 *   invalidity({ validFrom, expiresAt }, new Date("2025-12-31")),
 *   "is not valid before 2026-01-01T00:00:00.000Z",
 * );
 * ```
 */
export function invalidity(
  { validFrom, expiresAt }: Pick<CertificateDetails, "validFrom" | "expiresAt">,
  now: Date,
): string | undefined {
  if (now >= expiresAt) return `expired at ${expiresAt.toISOString()}`;
  return now < validFrom ? `is not valid before ${validFrom.toISOString()}` : undefined;
}
