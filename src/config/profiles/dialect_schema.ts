import { z } from "zod";
import { ABSTRACT_DATA_TYPES } from "../../ipfix/types/abstract_data_type.ts";
import { type Dialect, DIALECTS, RFC7011 } from "../../mediation/mapping/profile/dialect.ts";
import { parseSize } from "../yaml/quantity.ts";
import { oneOf, truth, wrong } from "../yaml/schema_parts.ts";

const names = [...DIALECTS.keys()];

/** A count; `unlimited` removes the limit. */
function limit() {
  const error = (issue: { input?: unknown }) => wrong(issue.input, "a whole number from 1, or unlimited");
  return z.union(
    [z.number({ error }).int({ error, abort: true }).min(1, { error }), z.literal("unlimited", { error })],
    {
      error,
    },
  ).transform((value) => value === "unlimited" ? Infinity : value);
}

const LARGEST_DATAGRAM = RFC7011.maxDatagram;

/** Octets as a number or as a size. */
function datagram() {
  const allowed = `octets such as 1024 or 1KiB, 64 to ${LARGEST_DATAGRAM}`;
  const error = (issue: { input?: unknown }) => wrong(issue.input, allowed);
  return z.union([z.number({ error }), z.string({ error })], { error }).transform((value, context) => {
    const octets = typeof value === "number" ? value : parseSize(value);
    if (octets !== undefined && Number.isInteger(octets) && octets >= 64 && octets <= LARGEST_DATAGRAM) return octets;
    context.issues.push({ code: "custom", message: wrong(value, allowed), input: value });
    return z.NEVER;
  });
}

const limits = z.strictObject({
  messagesPerWrite: limit().optional(),
  setsPerMessage: limit().optional(),
  templateRecordsPerSet: limit().optional(),
  setPadding: truth().optional(),
  fieldLengths: oneOf("template", "registry").optional(),
  optionsTemplates: truth().optional(),
  withdrawals: truth().optional(),
  emptyMessages: truth().optional(),
  maxDatagram: datagram().optional(),
  templateScope: oneOf("session", "observation-domain").optional(),
  undecodableTypes: z.array(oneOf(...ABSTRACT_DATA_TYPES)).optional(),
});

const name = z.string().refine((value) => DIALECTS.has(value), {
  error: (issue) => wrong(issue.input, `${names.join(", ")}, or a map of limits`),
}).meta({ enum: names });

/** A dialect in YAML: a name, or limits that override those of the dialect that would apply otherwise. */
export const dialectSchema = z.union([name, limits], {
  error: (issue) => wrong(issue.input, `${names.join(", ")}, or a map of limits`),
});

/** The output of {@link dialectSchema}. */
export type DialectChoice = z.infer<typeof dialectSchema>;

/** Applies a choice to the dialect that would apply otherwise. */
export function chooseDialect(choice: DialectChoice | undefined, otherwise: Dialect): Dialect {
  if (choice === undefined) return otherwise;
  if (typeof choice === "string") return DIALECTS.get(choice) ?? otherwise;
  const { undecodableTypes, ...others } = choice;
  const given = Object.entries(others).filter(([, value]) => value !== undefined);
  const changed = [...given.map(([key]) => key), ...(undecodableTypes === undefined ? [] : ["undecodableTypes"])];
  if (changed.length === 0) return otherwise;
  const { templateScopeAssumed, ...known } = otherwise;
  const isAssumed = templateScopeAssumed !== undefined && others.templateScope === undefined;
  return {
    ...known,
    ...(isAssumed ? { templateScopeAssumed } : {}),
    ...Object.fromEntries(given),
    ...(undecodableTypes === undefined ? {} : { undecodableTypes: new Set(undecodableTypes) }),
    name: `${otherwise.name} with other ${changed.join(", ")}`,
  };
}
