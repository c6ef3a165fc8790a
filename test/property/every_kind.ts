import { type SetPlan, writeStream } from "../support/messages/stream_plan.ts";
import { field, join } from "../support/messages/wire.ts";

const none = { octets: 0, value: 0 };

const data = (id: number, ...records: number[]): SetPlan => ({
  kind: "data",
  id,
  records,
  padding: { octets: 3, value: 9 },
});

const announce = (id: number, scope: number, ...fields: [string, number][]): SetPlan => ({
  kind: "templates",
  templates: [{ id, scope, fields: fields.map(([element, length]) => field(element, length)) }],
  padding: none,
});

/** A stream with every kind of message in it, as short as it can be: for tests that cut it at every octet. */
export const everyKind: Uint8Array = join(...writeStream({
  numbers: "exclusive",
  first: 0xfffffffe,
  messages: [
    [announce(0, 0, ["0/8", 4], ["0/2", 3], ["56506/101", 65535]), announce(1, 0, ["64512/1", 2])],
    [data(0, 5)],
    [data(0, 6, 7), data(1, 8), data(2, 0)],
    [],
    [{ kind: "reserved", id: 5, octets: 2 } as const, data(0, 3)],
    [announce(2, 1, ["0/149", 4], ["0/41", 8]), data(2, 4)],
    [data(0, 9), announce(0, 0, ["0/434", 2], ["0/82", 4]), data(0, 11)],
    [{ kind: "withdrawal", id: 1, options: false, padding: none } as const, data(1, 2)],
    [data(0, 12, 13)],
  ].map((sets, index) => ({ domain: index === 3 ? 9 : 1, jump: 0, sets })),
}));
