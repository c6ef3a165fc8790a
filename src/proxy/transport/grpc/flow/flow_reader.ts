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

/** Decodes the flows of one request, one at a time. */
export class FlowReader {
  readonly #reader: BinaryReader;
  readonly #octets: Uint8Array;

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
    try {
      while (reader.pos < reader.len) {
        const tag = readTag(reader);
        if (tag >>> 3 === 1 && (tag & 7) === WireType.LengthDelimited) {
          values.clear(this.#octets);
          readMessage(reader, FLOW, endOf(reader, reader.len), values, ledger);
          return true;
        }
        skip(reader, tag, "request", ledger);
      }
      return false;
    } catch (error) {
      const what = error instanceof Error ? error.message : String(error);
      throw new DecodeError("request_malformed", `a request is no ExportRequest (${what})`, start);
    }
  }
}

function readMessage(
  reader: BinaryReader,
  { name, steps }: MessageSteps,
  end: number,
  values: FlowValues,
  ledger: FlowLedger,
): void {
  while (reader.pos < end) {
    const tag = readTag(reader);
    const step = steps[tag >>> 3];
    const wireType: WireType = tag & 7;
    if (step === undefined) skip(reader, tag, name, ledger);
    else if (step.is === "lost") lose(reader, tag, step.name, ledger);
    else if (step.is === "message") {
      if (wireType !== WireType.LengthDelimited) skip(reader, tag, name, ledger);
      else {
        if (step.app) values.app = true;
        readMessage(reader, step.message, endOf(reader, end), values, ledger);
      }
    } else if (wireType !== WIRE_TYPES[step.kind]) skip(reader, tag, name, ledger);
    else readValue(reader, step.row, step.kind, step.signed, end, values);
  }
  if (reader.pos > end) throw new RangeError("a field leaves its message");
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

/** Skips a field that the .proto file does not contain. Its loss is counted under its number. */
function skip(reader: BinaryReader, tag: number, message: string, ledger: FlowLedger): void {
  lose(reader, tag, `${message}/${tag >>> 3}`, ledger);
}

/** Skips a field and counts its loss, unless it has the default value. */
function lose(reader: BinaryReader, tag: number, name: string, ledger: FlowLedger): void {
  const skipped = reader.skip(tag & 7, tag >>> 3);
  // A varint of zero, or a length of zero, is one octet of 0.
  if (skipped.length !== 1 || skipped[0] !== 0) ledger.lose(name);
}

/** @throws RangeError for an invalid field number or wire type */
function readTag(reader: BinaryReader): number {
  const tag = reader.uint32();
  if (tag >>> 3 === 0 || (tag & 7) > WireType.Bit32) throw new RangeError(`${tag} is no tag`);
  return tag;
}

/** Reads a length and returns the end of its field. @throws RangeError if that is beyond the message */
function endOf(reader: BinaryReader, limit: number): number {
  const end = reader.uint32() + reader.pos;
  if (end > limit) throw new RangeError("a field leaves its message");
  return end;
}
