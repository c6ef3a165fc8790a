import { Document, isMap, isScalar, isSeq, visit } from "yaml";
import type { LearntProfile } from "../config/profiles/learnt_profile.ts";
import { DIALECTS } from "../mediation/mapping/profile/dialect.ts";
import { printable } from "../terminal/terminal.ts";
import { wrapWords } from "../terminal/text_table.ts";

/** The width of a comment in columns, including its `# `. */
const COLUMNS = 80;

/**
 * The text of a profile file, with a comment that states its origin and what to review.
 *
 * @param origin what it was learnt from
 */
export function profileText(profile: LearntProfile, origin: string): string {
  const { name, dialect, registry, templates } = profile;
  const document = new Document({
    name,
    dialect,
    registry,
    templates: templates.map(({ name, selectedBy, not, scope, fields }) => ({
      name,
      ...(scope > 0 ? { scope } : { selectedBy: oneOrMore(selectedBy) }),
      ...(not.length > 0 ? { not: oneOrMore(not) } : {}),
      fields,
    })),
  });
  document.commentBefore = headOf(profile, origin).map(commentLine).join("\n");
  visit(document, {
    Map(_key, map) {
      // An element with its length is written on one line, as in the shipped profiles.
      if (map.has("element")) map.flow = true;
    },
    Pair(_key, { key, value }) {
      if (isScalar(key) && (key.value === "selectedBy" || key.value === "not") && isSeq(value)) value.flow = true;
    },
  });
  for (const [index, { seen }] of templates.entries()) {
    const item = document.getIn(["templates", index], true);
    if (isMap(item)) item.commentBefore = commentLine(seen);
  }
  return document.toString({ lineWidth: 0 });
}

/** A hint where the templates are those of an Antrea Agent; undefined otherwise. */
export function antreaHint({ antrea }: LearntProfile): string | undefined {
  return antrea === undefined
    ? undefined
    : `These are the templates of an Antrea Agent ${antrea.range}: for a Flow Aggregator, name its own release ` +
      `instead (profile: ${antrea.profile}), which also says what its decoder can take.`;
}

function headOf(profile: LearntProfile, origin: string): string[] {
  const { name, notes } = profile;
  const hint = antreaHint(profile);
  const limited = [...DIALECTS.keys()].filter((each) => each !== "rfc7011").join(", ");
  return [
    ...lines(
      `What a collector expects, learnt from the templates in ${printable(origin)}. Look over before it is used:`,
    ),
    "",
    ...keyLines("dialect", `what its decoder can take: rfc7011 has no limits; else ${limited}`),
    ...keyLines("registry", "the elements that it knows: go-ipfix/vX.Y.Z, iana, or a CSV file beside this one"),
    ...keyLines(
      "selectedBy",
      "a source template with these elements follows the list that keeps most of its fields; [] where only a template that equals it does",
    ),
    ...keyLines("not", "elements that it must not have"),
    ...keyLines("scope", "of an options template: the number of its scope fields"),
    ...[...(hint === undefined ? [] : [hint]), ...notes].flatMap((text) => ["", ...lines(text)]),
    "",
    "In the proxy's configuration, with the path of this file:",
    `  collector: { profile: ./${printable(name)}.yaml, address: ... }`,
  ];
}

function oneOrMore(names: readonly string[]): string | readonly string[] {
  const [only] = names;
  return only !== undefined && names.length === 1 ? only : names;
}

function lines(text: string): string[] {
  return wrapWords(text.split(" "), COLUMNS - 2, "");
}

function keyLines(key: string, meaning: string): string[] {
  return wrapWords(meaning.split(" "), COLUMNS - 2, " ".repeat(14), `  ${key.padEnd(12)}`);
}

/** A comment line; the serializer adds the `#`. */
function commentLine(text: string): string {
  return text === "" ? "" : ` ${text}`;
}
