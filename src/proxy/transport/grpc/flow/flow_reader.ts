import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { DecodeError } from "../../../../ipfix/octets/decode_error.ts";
import { FLOW_FIELDS, type FlowFieldKind } from "./flow_fields.ts";
import { FlowSchema } from "./flow_export_pb.ts";
import type { FlowLedger } from "./flow_ledger.ts";
import type { FlowValues } from "./flow_values.ts";

/** What to do with a field of a message. */
type Step =
  | { readonly is: "value"; readonly row: number; readonly kind: FlowFieldKind; readonly signed: boolean }
  | { readonly is: "message"; readonly message: MessageSteps; readonly app: boolean }
  /** The field has no row. */
  | { readonly is: "lost"; readonly name: string };

interface MessageSteps {
  /** The path of the message, or `flow` for the flow itself. */
  readonly name: string;
  readonly steps: readonly (Step | undefined)[];
}

const WIRE_TYPES: Readonly<Record<FlowFieldKind, WireType>> = {
  number: WireType.Varint,
  count: WireType.Varint,
  seconds: WireType.Varint,
  text: WireType.LengthDelimited,
  octets: WireType.LengthDelimited,
  address: WireType.LengthDelimited,
  addressText: WireType.LengthDelimited,
};

const LARGEST_SECONDS = 0xffff_ffff;
/** The depth to which Protocol Buffers libraries follow groups. */
const DEEPEST_GROUP = 100;

/** The table by field number. */
function stepsOf({ fields }: DescMessage, name: string, prefix: string): MessageSteps {
  const steps: (Step | undefined)[] = [];
  for (const field of fields) steps[field.number] = stepOf(field, `${prefix}${field.name}`);
  return { name, steps };
}

function stepOf(field: DescField, path: string): Step {
  const row = FLOW_FIELDS.findIndex(({ flow }) => flow === path);
  const kind = FLOW_FIELDS[row]?.kind;
  if (kind !== undefined) {
    const signed = field.fieldKind === "scalar" && field.scalar === ScalarType.INT64;
    return { is: "value", row, kind, signed };
  }
  const inside = FLOW_FIELDS.some(({ flow }) => flow.startsWith(`${path}.`));
  if (!inside || field.fieldKind !== "message") return { is: "lost", name: path };
  return { is: "message", message: stepsOf(field.message, path, `${path}.`), app: path === "app" };
}

const FLOW = stepsOf(FlowSchema, "flow", "");

/**
 * Maximum number of fields of a flow, unknown ones included, so that no flow takes long to read. Flows of Agents have
 * sixty.
 */
export const MOST_FIELDS = 4096;

/** Decodes the flows of one request, one at a time. */
export class FlowReader {
  readonly #reader: BinaryReader;
  readonly #octets: Uint8Array;
  /** Fields that the last call of {@link next} has read. */
  fields = 0;

  /** @param request the octets of an `ExportRequest` */
  constructor(request: Uint8Array) {
    this.#octets = request;
    this.#reader = new BinaryReader(request);
  }

  /**
   * Decodes the next flow. Values without a row go to the ledger.
   *
   * @param values receives the values
   * @returns false if there are no more flows
   * @throws DecodeError `request_malformed`, with the offset of the flow in the request
   */
  next(values: FlowValues, ledger: FlowLedger): boolean {
    const reader = this.#reader;
    const start = reader.pos;
    this.fields = 0;
    try {
      while (reader.pos < reader.len) {
        const tag = this.#readTag();
        if (tag >>> 3 === 1 && (tag & 7) === WireType.LengthDelimited) {
          values.clear(this.#octets);
          this.#readMessage(FLOW, endOf(reader, reader.len), values, ledger);
          return true;
        }
        this.#skip(tag, "request", ledger);
      }
      return false;
    } catch (error) {
      const what = error instanceof Error ? error.message : String(error);
      throw new DecodeError("request_malformed", `a request is no ExportRequest (${what})`, start);
    }
  }

  #readMessage({ name, steps }: MessageSteps, end: number, values: FlowValues, ledger: FlowLedger): void {
    const reader = this.#reader;
    while (reader.pos < end) {
      const tag = this.#readTag();
      const step = steps[tag >>> 3];
      const wireType: WireType = tag & 7;
      if (step === undefined) this.#skip(tag, name, ledger);
      else if (step.is === "lost") this.#lose(tag, step.name, ledger);
      else if (step.is === "message") {
        if (wireType !== WireType.LengthDelimited) this.#skip(tag, name, ledger);
        else {
          if (step.app) values.app = true;
          this.#readMessage(step.message, endOf(reader, end), values, ledger);
        }
      } else if (wireType !== WIRE_TYPES[step.kind]) this.#skip(tag, name, ledger);
      else readValue(reader, step.row, step.kind, step.signed, end, values);
    }
    if (reader.pos > end) throw new RangeError("a field overruns its message");
  }

  /** Skips a field that the .proto file does not contain. Its loss is counted under its number. */
  #skip(tag: number, message: string, ledger: FlowLedger): void {
    this.#lose(tag, `${message}/${tag >>> 3}`, ledger);
  }

  /** Skips a field and counts its loss, unless it has the default value. */
  #lose(tag: number, name: string, ledger: FlowLedger): void {
    const reader = this.#reader;
    if ((tag & 7) === WireType.StartGroup) {
      this.#skipGroup(tag >>> 3, DEEPEST_GROUP);
      return ledger.lose(name);
    }
    const skipped = reader.skip(tag & 7, tag >>> 3);
    // A varint of zero, or a length of zero, is one octet of 0.
    if (skipped.length !== 1 || skipped[0] !== 0) ledger.lose(name);
  }

  /** Skips the fields of a group, each of which counts as a field. @throws RangeError if it has no end of its own */
  #skipGroup(number: number, depth: number): void {
    if (depth === 0) throw new RangeError("groups are nested too deep");
    for (;;) {
      const tag = this.#readTag();
      const wireType: WireType = tag & 7;
      if (wireType === WireType.StartGroup) this.#skipGroup(tag >>> 3, depth - 1);
      else if (wireType !== WireType.EndGroup) this.#reader.skip(wireType, tag >>> 3);
      else if (tag >>> 3 === number) return;
      else throw new RangeError("a group has the end of another");
    }
  }

  /** @throws RangeError for an invalid field number or wire type, or one field too many */
  #readTag(): number {
    const tag = this.#reader.uint32();
    if (tag >>> 3 === 0 || (tag & 7) > WireType.Bit32) throw new RangeError(`${tag} is not a tag`);
    if (++this.fields > MOST_FIELDS) throw new RangeError(`a flow has more than ${MOST_FIELDS} fields`);
    return tag;
  }
}

function readValue(
  reader: BinaryReader,
  row: number,
  kind: FlowFieldKind,
  signed: boolean,
  end: number,
  values: FlowValues,
): void {
  switch (kind) {
    case "number":
      return values.setNumber(row, reader.uint32());
    case "count":
      return values.setCount(row, BigInt(reader.uint64()));
    case "seconds": {
      const seconds = Number(signed ? reader.int64() : reader.uint64());
      return values.setNumber(row, seconds >= 0 && seconds <= LARGEST_SECONDS ? seconds : NaN);
    }
    default: {
      const last = endOf(reader, end);
      values.setOctets(row, reader.pos, last);
      reader.pos = last;
    }
  }
}

/** Reads a length and returns the end of its field. @throws RangeError if that is beyond the message */
function endOf(reader: BinaryReader, limit: number): number {
  const end = reader.uint32() + reader.pos;
  if (end > limit) throw new RangeError("a field overruns its message");
  return end;
}
