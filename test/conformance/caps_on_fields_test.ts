/** "Flood of templates": what takes memory is their fields, of which one template may have 16,383. */
import { field, message, number, set } from "../support/wire.ts";
import { announcement, conforms, COUNT, data, RFC, template } from "./conformance.ts";

const MAPPED = "template_mapped 1/256 → 256 identity";
const THREE = [field("0/4", 1), field("0/4", 1), field("0/4", 1)];
const withdrawal = (id: number) => set(2, number(id * 0x10000, 4));

Deno.test("past the cap on fields a template is refused, small ones and what stands work; a withdrawal makes room", () => {
  for (const limits of [{ fieldsPerSession: 4 }, { fields: 4 }]) {
    conforms({
      to: RFC,
      options: { limits },
      input: [
        announcement(),
        message({}, template(257, THREE)),
        message({}, template(258, COUNT)),
        data(0, 1),
        message({ sequenceNumber: 1 }, withdrawal(256), withdrawal(258)),
        message({ sequenceNumber: 1 }, template(257, THREE)),
        message({ sequenceNumber: 1 }, set(257, Uint8Array.of(1, 2, 3))),
      ],
      output: [
        announcement(),
        message({}),
        message({}, template(258, COUNT)),
        data(0, 1),
        message({ sequenceNumber: 1 }, withdrawal(256), withdrawal(258)),
        message({ sequenceNumber: 1 }, template(257, THREE)),
        message({ sequenceNumber: 1 }, set(257, Uint8Array.of(1, 2, 3))),
      ],
      templates: { identity: 3, refused: 1 },
      events: [
        MAPPED,
        "records_dropped 1/257 limit",
        "template_mapped 1/258 → 258 identity",
        "template_withdrawn 1/256",
        "template_withdrawn 1/258",
        "template_mapped 1/257 → 257 identity",
      ],
    });
  }
});

Deno.test("a redefinition that finds no room decodes nothing with the layout before it", () =>
  conforms({
    to: RFC,
    options: { limits: { fieldsPerSession: 2 } },
    input: [announcement(), data(0, 1), message({ sequenceNumber: 1 }, template(256, THREE)), data(1, 2)],
    output: [
      announcement(),
      data(0, 1),
      message({ sequenceNumber: 1 }),
      message({ sequenceNumber: 1 }),
    ],
    dropped: { unknown_template: 1 },
    templates: { identity: 1, refused: 1 },
    events: [
      MAPPED,
      "template_withdrawn 1/256",
      "records_dropped 1/256 limit",
      "records_dropped 1/256 unknown_template",
    ],
  }));

Deno.test("a message that is refused gives back the fields its templates held", () =>
  conforms({
    to: RFC,
    options: { limits: { fieldsPerSession: 3 } },
    input: [message({}, template(257, THREE), new Uint8Array(3))],
    output: [],
    refused: { reason: "trailing_octets", offset: 36 },
    events: [],
  }));
