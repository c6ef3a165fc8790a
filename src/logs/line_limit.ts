/** Octets of a log line, its line break included. */
export const LINE_OCTETS = 4096;

/** Characters of a text and items of a list that are kept, from the first attempt to the last. */
const ATTEMPTS = [{ text: 1024, items: 32 }, { text: 256, items: 8 }, { text: 40, items: 0 }] as const;

/** The part of a log line that may be long. */
export interface LineContent {
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/**
 * Formats a line of at most {@link LINE_OCTETS} octets. Lists and texts of a longer one are shortened, with a count of
 * what is left out, and `details` says where the admin API has the rest.
 *
 * @param always fields that even the shortest form keeps
 */
export function formatWithinLimit<Content extends LineContent>(
  content: Content,
  format: (content: Content) => string,
  always: readonly string[],
): string {
  let line = format(content);
  for (const attempt of ATTEMPTS) {
    if (fits(line)) return line;
    let entries = Object.entries(content.fields);
    if (attempt.items === 0) entries = entries.filter(([name]) => always.includes(name));
    const fields: Record<string, unknown> = {};
    for (const [name, value] of entries) fields[name] = shorten(value, attempt);
    const { session } = content.fields;
    if (session !== undefined) fields["details"] = `/api/sessions/${shorten(String(session), { text: 40, items: 0 })}`;
    line = format({ ...content, message: shorten(content.message, attempt), fields });
  }
  return line;
}

function fits(line: string): boolean {
  return line.length < LINE_OCTETS &&
    (line.length * 3 < LINE_OCTETS || new TextEncoder().encode(line).length < LINE_OCTETS);
}

function shorten(value: unknown, { text, items }: { readonly text: number; readonly items: number }): unknown {
  if (typeof value === "string") {
    return value.length <= text ? value : `${value.slice(0, text)}… and ${value.length - text} more characters`;
  }
  if (!Array.isArray(value) || value.length <= items) return value;
  const left = value.length - items;
  return [...value.slice(0, items).map((item) => shorten(item, { text: 64, items: 0 })), `and ${left} more`];
}
