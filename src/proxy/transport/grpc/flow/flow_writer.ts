import type { DescMessage } from "@bufbuild/protobuf";
import { type BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { parseAddress } from "../../../../ipfix/types/address.ts";
import { ExportRequestSchema, FlowSchema } from "./flow_export_pb.ts";
import { FLOW_FIELDS, type FlowField, flowFieldAt } from "./flow_fields.ts";
import type { FlowLedger } from "./flow_ledger.ts";
import type { FlowValues } from "./flow_values.ts";

/** What to write of a message, in the order of field numbers. */
type Step =
  | { readonly is: "value"; readonly row: number; readonly field: FlowField; readonly number: number }
  | { readonly is: "message"; readonly number: number; readonly name: string; readonly steps: readonly Step[] };

/** The messages that are optional for collectors. They access all others without checking for their presence. */
const ONLY_WHERE_SET = "transport.TCP";
const APP = "app";

const CLUSTER_ADDRESS = flowFieldAt("k8s.destination_cluster_ip");
const SERVICE_ADDRESS = flowFieldAt("k8s.destination_service_ip");

function stepsOf({ fields }: DescMessage, prefix: string): Step[] {
  return fields.flatMap((field): Step[] => {
    const [name, { number }] = [`${prefix}${field.name}`, field];
    const row = FLOW_FIELDS.findIndex(({ flow }) => flow === name);
    const at = FLOW_FIELDS[row];
    if (at !== undefined) return [{ is: "value", row, field: at, number }];
    const inside = FLOW_FIELDS.some(({ flow }) => flow.startsWith(`${name}.`));
    if (!inside || field.fieldKind !== "message") return [];
    return [{ is: "message", number, name, steps: stepsOf(field.message, `${name}.`) }];
  });
}

const FLOW = stepsOf(FlowSchema, "");
const FLOWS = ExportRequestSchema.field.flows.number;

/** Appends a flow to an `ExportRequest`. Values that a flow cannot represent go to the ledger. */
export function writeFlow(writer: BinaryWriter, values: FlowValues, ledger: FlowLedger): void {
  // Releases up to v2.6 read the one field, later ones the other.
  if (values.length(CLUSTER_ADDRESS) > 0 && isZero(values, SERVICE_ADDRESS)) {
    values.setOctets(SERVICE_ADDRESS, values.start(CLUSTER_ADDRESS), values.ends[CLUSTER_ADDRESS] ?? 0);
  }
  writer.tag(FLOWS, WireType.LengthDelimited).fork();
  writeSteps(writer, FLOW, values, ledger);
  writer.join();
}

function writeSteps(writer: BinaryWriter, steps: readonly Step[], values: FlowValues, ledger: FlowLedger): void {
  for (const step of steps) {
    if (step.is === "value") writeValue(writer, step.number, step.row, step.field, values, ledger);
    else if (isWritten(step.name, step.steps, values)) {
      writer.tag(step.number, WireType.LengthDelimited).fork();
      writeSteps(writer, step.steps, values, ledger);
      writer.join();
    }
  }
}

function isWritten(name: string, steps: readonly Step[], values: FlowValues): boolean {
  if (name === APP) return values.app;
  return name !== ONLY_WHERE_SET || steps.some((step) => step.is === "value" && values.isSet(step.row));
}

function writeValue(
  writer: BinaryWriter,
  number: number,
  row: number,
  field: FlowField,
  values: FlowValues,
  ledger: FlowLedger,
): void {
  if (!values.isSet(row)) return;
  switch (field.kind) {
    case "number":
      writer.tag(number, WireType.Varint).uint32(values.number(row));
      return;
    case "seconds":
      writer.tag(number, WireType.Varint).int64(values.number(row));
      return;
    case "count":
      writer.tag(number, WireType.Varint).uint64(values.count(row));
      return;
    case "address":
      if (field.always !== true && isZero(values, row)) return;
      break;
    case "addressText":
      return writeAddress(writer, number, row, field, values, ledger);
    case "text":
      if (!isText(values, row)) return writeMended(writer, number, row, field, values, ledger);
  }
  const { octets } = values;
  writer.tag(number, WireType.LengthDelimited).bytes(
    octets.subarray(values.start(row), values.start(row) + values.length(row)),
  );
}

/** Whether an address is missing or zero. */
function isZero(values: FlowValues, row: number): boolean {
  const end = values.start(row) + values.length(row);
  for (let index = values.start(row); index < end; index++) if (values.octets[index] !== 0) return false;
  return true;
}

const STRICT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const LENIENT = new TextDecoder("utf-8", { ignoreBOM: true });

function textOctets(values: FlowValues, row: number): Uint8Array {
  return values.octets.subarray(values.start(row), values.start(row) + values.length(row));
}

/** Whether a value is UTF-8. */
function isText(values: FlowValues, row: number): boolean {
  const { octets } = values;
  const end = values.start(row) + values.length(row);
  for (let index = values.start(row); index < end; index++) {
    if ((octets[index] ?? 0) < 0x80) continue;
    try {
      STRICT.decode(textOctets(values, row));
      return true;
    } catch {
      return false;
    }
  }
  return true;
}

/** Replaces octets that are not UTF-8, for which a collector would reject the whole request. */
function writeMended(
  writer: BinaryWriter,
  number: number,
  row: number,
  { element = "" }: FlowField,
  values: FlowValues,
  ledger: FlowLedger,
): void {
  ledger.lose(element);
  writer.tag(number, WireType.LengthDelimited).string(LENIENT.decode(textOctets(values, row)));
}

function writeAddress(
  writer: BinaryWriter,
  number: number,
  row: number,
  { element = "" }: FlowField,
  values: FlowValues,
  ledger: FlowLedger,
): void {
  const address = parseAddress(LENIENT.decode(textOctets(values, row)));
  if (address === undefined) ledger.lose(element);
  else writer.tag(number, WireType.LengthDelimited).bytes(address);
}
