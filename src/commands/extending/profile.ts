import { basename, extname } from "node:path";
import { Command, Option } from "commander";
import { learnProfile, type LearntProfile } from "../../config/profiles/learnt_profile.ts";
import { cannotRead } from "../../text_file.ts";
import { DIALECTS, RFC7011 } from "../../mediation/mapping/profile/dialect.ts";
import { runFailure, usageFailure } from "../command_line/command_failure.ts";
import { required } from "../command_line/command_options.ts";
import { reader } from "../command_line/consume_input.ts";
import { BrokenMessage, consumeStream } from "../../offline/message_stream.ts";
import { antreaHint, profileText } from "../../offline/profile_text.ts";
import { SeenTemplates, TooManyTemplates } from "../../offline/seen_templates.ts";
import { printable, say, writeOctets } from "../../terminal/terminal.ts";

interface Options {
  readonly fromCapture?: string;
  readonly name?: string;
  readonly dialect: string;
}

/** The file name that means standard input. */
const STANDARD_INPUT = "-";

export function profileCommand(): Command {
  return new Command("profile")
    .summary("learn a collector's profile from the templates in a capture")
    .description(
      "Reads an IPFIX file (RFC 5655) from an exporter of the collector's own release, and writes a profile file with its " +
        "templates. Named as `collector.profile`, it lets the proxy serve a collector that it does not know.",
    )
    .option("--from-capture <file>", "an IPFIX file, or - for standard input")
    .option("--name <name>", "the profile's name (default: the name of the file)")
    .addOption(
      new Option("--dialect <dialect>", "what the collector's decoder can take").choices([...DIALECTS.keys()])
        .default(RFC7011.name),
    )
    .action(writeProfile);
}

async function writeProfile(options: Options): Promise<void> {
  const path = required("--from-capture <file>", options.fromCapture);
  const name = options.name ?? nameOf(path);
  if (name.trim() === "") throw usageFailure(`error: --name: "${printable(name)}" is not allowed (the profile's name)`);
  const origin = path === STANDARD_INPUT ? "standard input" : printable(basename(path));
  const seen = await readTemplates(path, origin);
  const profile = learnProfile(seen.templates, name, DIALECTS.get(options.dialect) ?? RFC7011);
  if (profile.templates.length === 0) throw runFailure([nothingLearnt(seen, origin), ...notesOf(profile)].join("\n"));
  await writeOctets(new TextEncoder().encode(profileText(profile, origin)));
  sayLearnt(profile);
}

/** The file's name without directory and extension, or `collector` for standard input. */
function nameOf(path: string): string {
  const name = path === STANDARD_INPUT ? "" : basename(path, extname(path));
  return name.trim() === "" ? "collector" : name;
}

async function readTemplates(path: string, origin: string): Promise<SeenTemplates> {
  using file = path === STANDARD_INPUT ? undefined : await open(path);
  const seen = new SeenTemplates();
  try {
    await consumeStream(reader(file ?? Deno.stdin, origin), seen);
  } catch (error) {
    if (error instanceof TooManyTemplates) throw runFailure(`error: ${origin} holds ${error.message}`, error);
    if (error instanceof BrokenMessage) throw runFailure(`error: ${error.message}${wholePart(seen, path)}`, error);
    throw error;
  }
  return seen;
}

/** Opens the capture. @throws CommandFailure where it does not exist or cannot be read */
async function open(path: string): Promise<Deno.FsFile> {
  try {
    const file = await opened(path);
    // A directory can be opened, and fails at the first read.
    if ((await file.stat()).isDirectory) throw Object.assign(new Error(), { code: "EISDIR" });
    return file;
  } catch (error) {
    throw usageFailure(`error: --from-capture: ${cannotRead(printable(path), error)}`, error);
  }
}

/** How long a pipe may have no writer before that is said, in milliseconds. */
const QUIET_MILLISECONDS = 1_000;

/**
 * Opens a file. Of a pipe that has no writer yet, as with a capture that begins later, it waits for one and says so.
 */
async function opened(path: string): Promise<Deno.FsFile> {
  const isPipe = (await Deno.stat(path)).isFifo === true;
  const waiting = isPipe
    ? setTimeout(() => say(`${printable(path)} is a pipe that nobody writes to yet: waiting`), QUIET_MILLISECONDS)
    : undefined;
  try {
    return await Deno.open(path);
  } finally {
    clearTimeout(waiting);
  }
}

/** A hint on how to learn from the messages before a broken one. */
function wholePart({ taken, templates }: SeenTemplates, path: string): string {
  if (templates.length === 0) return "";
  const file = path === STANDARD_INPUT ? "" : ` ${printable(path)}`;
  return `\nNothing is written. The templates before it can be learnt: head -c ${taken}${file} | profile --from-capture -`;
}

function nothingLearnt({ templates, taken }: SeenTemplates, origin: string): string {
  const what = taken === 0
    ? "is empty"
    : templates.length === 0
    ? "holds no template (a capture has to begin before the templates are sent, or repeat them)"
    : "holds no template that a profile can list";
  return `error: ${origin} ${what}`;
}

function notesOf(profile: LearntProfile): string[] {
  return profile.notes.map((note) => `note: ${printable(note)}`);
}

function sayLearnt(profile: LearntProfile): void {
  const { name, templates, registry, dialect } = profile;
  const lists = templates.map(({ name, fields, selectedBy, scope }) => {
    const by = scope > 0 ? "options" : `selected by ${selectedBy.join(", ") || "its own layout alone"}`;
    return `${name} (${fields.length} fields, ${by})`;
  });
  say(`${printable(name)}: ${lists.join(", ")}; registry ${registry}, dialect ${dialect}`);
  const hint = antreaHint(profile);
  if (hint !== undefined) say(`note: ${hint}`);
  for (const note of notesOf(profile)) say(note);
}
