import assert from "node:assert/strict";
import { Authority } from "../../../test/support/certificates.ts";
import { CertificateAuthority } from "./certificate_authority.ts";
import {
  appendCertificate,
  commonName,
  isOwn,
  readableCertificates,
  readBundle,
  withoutCertificates,
} from "./certificate_bundle.ts";

const theirs = (await Authority.create("flow-aggregator-ca")).pem;
const [one, two] = await Promise.all(["one", "two"].map((name) => CertificateAuthority.create(name, new Date())));
assert.ok(one !== undefined && two !== undefined);

const BUNDLES = [
  "",
  "\n",
  theirs,
  `${theirs}\n`,
  `${theirs}\n\n`,
  `# a comment\n${theirs}\n`,
  `${theirs}\r\n`,
  "rubbish",
];

Deno.test("appended certificates can be removed in any order, which restores the bundle to the octet", () => {
  for (const bundle of BUNDLES) {
    const both = appendCertificate(appendCertificate(bundle, one.pair.certificate), two.pair.certificate);
    assert.equal(readBundle(both).filter(isOwn).length, 2);
    assert.equal(withoutCertificates(both, isOwn), bundle);
    for (const [first, second] of [["one", "two"], ["two", "one"]]) {
      const rest = withoutCertificates(both, ({ certificate }) => commonName(certificate) === first);
      assert.equal(withoutCertificates(rest, ({ certificate }) => commonName(certificate) === second), bundle);
    }
  }
});

Deno.test("text that others append after the proxy's certificate stays", () => {
  for (const bundle of BUNDLES.filter((each) => each.endsWith("\n"))) {
    const more: string = `${appendCertificate(bundle, one.pair.certificate)}${theirs}\n`;
    assert.equal(withoutCertificates(more, isOwn), `${bundle}${theirs}\n`);
  }
});

Deno.test("only a CA with this program's organization is ours", async () => {
  const { certificate } = await one.issueServerCertificate("x.svc", new Date());
  const stranger = (await Authority.create("ipfix-skew-proxy")).pem;
  assert.deepEqual(readBundle(`${one.pair.certificate}${certificate}${stranger}\n${theirs}`).map(isOwn), [
    true,
    false,
    false,
    false,
  ]);
});

Deno.test("a certificate that cannot be read is named by its place", () => {
  const broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  assert.throws(() => readBundle(`${theirs}\n${broken}`), /certificate 2 of the bundle cannot be read$/);
  assert.throws(
    () => readBundle(`${theirs.slice(0, 300)}\n${theirs}`),
    /certificate 1 of the bundle cannot be read: it is cut off/,
  );
  assert.equal(readableCertificates(`${broken}${theirs}\n${theirs.slice(0, 300)}\n${theirs}`).length, 2);
});
