import assert from "node:assert/strict";
import { judge, uncounted } from "./judge.ts";
import type { Received } from "../peers/peers.ts";
import { line, templateOf } from "../peers/releases.ts";
import { defaultOf, valueOf } from "../peers/values.ts";

const agent = line("v2.0");
const collector = line("v1.15");
const sent = templateOf(agent, "ipv4");
const expected = templateOf(collector, "ipv4");

type Fields = [string, string][];

function fields(names: readonly string[], number: number): Fields {
  return names.map((name) => [name, valueOf(name, number, "typical")]);
}

function judged(...records: Fields[]): ReturnType<typeof judge> {
  const message: Received = { observationDomain: 1, sequence: 0, exportTime: 0, exporter: "", template: 256, records };
  return judge({ agent, collector }, [message], "typical");
}

Deno.test("the collector's own fields with the exporter's values are exact and correct", () => {
  assert.deepEqual(judged(fields(expected, 0), fields(expected, 1)), { delivered: 2, exact: 2, correct: 2 });
});

Deno.test("the exporter's fields are correct, but not exact", () => {
  assert.deepEqual(judged(fields(sent, 0)), { delivered: 1, exact: 0, correct: 1 });
});

Deno.test("two fields in each other's place are not exact", () => {
  const [first, second, ...rest] = fields(expected, 0);
  assert(first && second);
  assert.deepEqual(judged([second, first, ...rest]), { delivered: 1, exact: 0, correct: 1 });
});

Deno.test("values one field too early are not correct", () => {
  const shifted = fields(expected, 0);
  const from = expected.indexOf("egressIP");
  for (let index = from; index + 1 < shifted.length; index++) {
    shifted[index] = [expected[index] ?? "", shifted[index + 1]?.[1] ?? ""];
  }
  assert.deepEqual(judged(shifted), { delivered: 1, exact: 1, correct: 0 });
});

Deno.test("a field that was sent, is expected and does not arrive makes a record wrong", () => {
  const fewer = fields(expected, 0).filter(([name]) => name !== "egressIP");
  assert.deepEqual(judged(fewer), { delivered: 1, exact: 0, correct: 0 });
});

Deno.test("a field that was not sent has to hold its type's default", () => {
  const older = line("v1.13");
  const result = (value: string) => {
    const record = fields(expected, 0).map(([name, sent]): [string, string] => {
      if (name === "httpVals") return [name, value];
      return [name, name === "appProtocolName" ? defaultOf(name) : sent];
    });
    const message = {
      observationDomain: 1,
      sequence: 0,
      exportTime: 0,
      exporter: "",
      template: 256,
      records: [record],
    };
    return judge({ agent: older, collector }, [message], "typical");
  };
  assert.deepEqual(result(""), { delivered: 1, exact: 1, correct: 1 });
  assert.deepEqual(result("node-1"), { delivered: 1, exact: 1, correct: 0 });
});

Deno.test("a record that arrives twice is correct once, and the collector's preparation does not count", () => {
  const records = [fields(expected, 3), fields(expected, 3), fields(expected, uncounted)];
  assert.deepEqual(judged(...records), { delivered: 2, exact: 2, correct: 1 });
});
