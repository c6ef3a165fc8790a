import { z } from "zod";
import { dialectSchema } from "./dialect_schema.ts";
import { text, truth, wholeNumber } from "../yaml/schema_parts.ts";

const name = text("an element's name, or pen/id");

/**
 * An element in YAML: its name or `pen/id`; or a map with its length, which may be one that its type cannot have
 * (`unusualLength`), and whether PEN 0 has the enterprise bit.
 */
const element = z.union([
  name,
  z.strictObject({
    element: name,
    length: wholeNumber(1, 65535).optional(),
    unusualLength: wholeNumber(0, 65535).optional(),
    enterpriseBit: truth().optional(),
  }).superRefine(({ length, unusualLength }, context) => {
    if (length !== undefined && unusualLength !== undefined) {
      const message = `${unusualLength} is not allowed beside length (one of the two)`;
      context.addIssue({ code: "custom", path: ["unusualLength"], message });
    } else if (length === undefined && unusualLength === undefined) {
      context.addIssue({ code: "custom", path: ["length"], message: "missing (a whole number, 1 to 65535)" });
    }
  }),
]);

/** One element, or several. */
const elements = z.union([name, z.array(name)]);

const additions = z.array(z.strictObject({
  after: name.optional(),
  before: name.optional(),
  fields: z.array(element).min(1),
}));

const template = z.strictObject({
  name: text("the template's name"),
  selectedBy: elements.optional(),
  not: elements.optional(),
  scope: wholeNumber(1, 65535).optional(),
  fields: z.array(element).min(1).optional(),
  remove: z.array(name).optional(),
  add: additions.optional(),
});

/** A profile file; `config/README.md` describes its keys. */
export const profileSchema = z.strictObject({
  /** Its file's name without the ending, if it is missing. */
  name: text("the profile's name").optional(),
  extends: text("a profile's name, or a path").optional(),
  dialect: dialectSchema.optional(),
  registry: text("go-ipfix/vX.Y.Z, iana, or a CSV file").optional(),
  acceptsUnknownElements: truth().optional(),
  servesGrpc: truth().optional(),
  templates: z.array(template).optional(),
  renames: z.array(z.strictObject({ from: name, to: name })).optional(),
  remove: z.array(name).optional(),
  add: additions.optional(),
});

/** The output of {@link profileSchema}. */
export type ProfileFile = z.infer<typeof profileSchema>;
/** An element in a profile file. */
export type ElementChoice = z.infer<typeof element>;
/** One template of a profile file. */
export type TemplateFile = z.infer<typeof template>;
/** Fields to insert into a list. */
export type Additions = z.infer<typeof additions>;
