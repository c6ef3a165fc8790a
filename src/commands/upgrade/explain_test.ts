import assert from "node:assert/strict";
import { runCommand } from "../../../test/support/processes/run_command.ts";
import { loadProfile } from "../../config/profiles/profiles.ts";
import { automaticTreatment } from "../../offline/release_treatment.ts";
import { explainTemplates } from "../../offline/template_explanation.ts";
import { painter } from "../../terminal/terminal.ts";
import { explanationText } from "./explain.ts";

Deno.test("explain says what a v1.15 collector does not get of a v2.0 exporter", async () => {
  const { status, text, stderr } = await runCommand("explain", ["--from", "antrea/v2.0", "--to", "antrea/v1.15"]);
  assert.deepEqual([status, stderr], [0, ""]);
  assert.equal(
    text,
    `antrea/v2.0 → antrea/v1.15 (dialect go-ipfix-legacy)

IPv4 (selected by sourceIPv4Address): 42 fields in, 41 out
  kept      41 fields
  stripped  egressNodeName (strip-unknown)
  padded    nothing
  moved     nothing
  lost      egressNodeName

IPv6 (selected by sourceIPv6Address): 42 fields in, 41 out
  kept      41 fields
  stripped  egressNodeName (strip-unknown)
  padded    nothing
  moved     nothing
  lost      egressNodeName
`,
  );
});

Deno.test("explain --json has the keys of the outside contract", async () => {
  const { status, text } = await runCommand("explain", ["--from", "antrea/v1.15", "--to", "antrea/v2.7", "--json"]);
  assert.equal(status, 0);
  const { from, to, dialect, templates } = JSON.parse(text);
  assert.deepEqual([from, to, dialect], ["antrea/v1.15", "antrea/v2.7", "go-ipfix"]);
  assert.deepEqual(templates.map(({ name }: { name: string }) => name), ["IPv4", "IPv6"]);
  const [ipv4] = templates;
  assert.equal(ipv4.selectedBy, "sourceIPv4Address");
  assert.equal(ipv4.source.length, 41);
  assert.equal(ipv4.target.length, 43);
  assert.deepEqual(ipv4.target[0], {
    element: "flowStartSeconds",
    pen: 0,
    id: 150,
    type: "dateTimeSeconds",
    length: 4,
    from: "record",
    index: 0,
  });
  assert.deepEqual(ipv4.stripped, ["appProtocolName", "httpVals"]);
  assert.deepEqual(ipv4.lost, ["appProtocolName", "httpVals"]);
  assert.deepEqual(ipv4.padded, ["egressNodeName", "proxySnatPort", "proxySnatIPv4", "destinationServiceIPv4"]);
  assert.equal(ipv4.moved, 0);
  const padded = ipv4.target.find(({ element }: { element: string }) => element === "proxySnatIPv4");
  assert.deepEqual([padded.from, padded.value, padded.by], ["constant", "0.0.0.0", "pad-missing"]);
});

Deno.test("explain refuses a profile without templates", async () => {
  const { status, stderr } = await runCommand("explain", ["--from", "rfc7011", "--to", "antrea/v1.15"]);
  assert.equal(status, 2);
  assert.match(stderr, /rfc7011 lists no templates/);
});

Deno.test("explain fits a narrow terminal: headings and facts that are longer than a line break between words", () => {
  const [from, to] = [loadProfile("antrea/v1.15"), loadProfile("antrea/v2.7")];
  const templates = explainTemplates(from, automaticTreatment(to));
  const text = (width: number) => explanationText(from, to, templates, width, painter(false));
  for (const width of [80, 60, 40]) {
    for (const line of text(width)) assert.ok(line.length <= width || !line.trim().includes(" "), `${width}: ${line}`);
    assert.equal(text(width).join(" ").replaceAll(/\s+/g, " "), text(500).join(" ").replaceAll(/\s+/g, " "));
  }
  const marked = explanationText(from, to, templates, 80, (_style, text) => `*${text}*`);
  assert.deepEqual(marked.slice(0, 3), [
    "*antrea/v1.15 → antrea/v2.7* (dialect go-ipfix)",
    "",
    "*IPv4* (selected by sourceIPv4Address): 41 fields in, 43 out",
  ]);
});
