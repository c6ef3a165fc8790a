import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { CertificateAuthority } from "./certificate_authority.ts";

Deno.test("a server certificate is renewed ten days before it expires, unless the CA expires first", async () => {
  const now = new Date("2026-01-01T00:00:00Z");
  const own = await CertificateAuthority.create("proxy", now);
  const { certificate, renewAt } = await own.issueServerCertificate("a.svc", now);
  assert.equal(renewAt.toISOString(), "2026-01-21T00:00:00.000Z");
  const { validFrom, validTo, subjectAltName } = new X509Certificate(certificate);
  assert.deepEqual([new Date(validFrom).toISOString(), new Date(validTo).toISOString()], [
    "2025-12-31T23:00:00.000Z",
    "2026-01-31T00:00:00.000Z",
  ]);
  assert.match(String(subjectAltName), /DNS:a\.svc/);
  const late = await own.issueServerCertificate("a.svc", new Date(now.getTime() + 3645 * 24 * 3_600_000));
  assert.ok(late.renewAt > new Date("2100-01-01"), late.renewAt.toISOString());
});
