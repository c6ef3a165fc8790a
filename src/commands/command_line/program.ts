import { Command, CommanderError } from "commander";
import { VERSION } from "../../version.ts";
import { EXIT } from "./command_failure.ts";
import { reportFailure } from "./report_failure.ts";
import { COMMANDS, loadCommands } from "./commands.ts";
import { printable, say, terminalWidth, writeText } from "../../terminal/terminal.ts";

/**
 * Runs one command line and returns its exit status. Never throws and never exits.
 *
 * @param args the arguments after the program's name: `["explain", "--from", "antrea/v2.0", …]`
 */
export async function run(args: readonly string[]): Promise<number> {
  try {
    const given = withoutHelp(args);
    await createProgram(await loadCommands(given)).parseAsync(given, { from: "user" });
    return EXIT.DONE;
  } catch (error) {
    return report(error);
  }
}

/** `help chek` is as wrong as `chek`, and is answered alike. */
function withoutHelp(args: readonly string[]): readonly string[] {
  const [help, command] = args;
  return help === "help" && command !== undefined && !command.startsWith("-") && !COMMANDS.has(command) &&
      command !== "help"
    ? args.slice(1, 2)
    : args;
}

/** What each command takes by options, or from standard input, where a hasty reader gives arguments. */
const INSTEAD_OF_ARGUMENTS: Readonly<Record<string, readonly string[]>> = {
  serve: ["--config"],
  check: ["--config"],
  restore: ["--config"],
  status: ["--admin"],
  drain: ["--admin"],
  explain: ["--from", "--to"],
  plan: ["--from", "--to"],
  demo: ["--from", "--to"],
  profile: ["--from-capture"],
  inspect: ["<"],
  rewrite: ["<"],
};

/** `(Did you mean --config my.yaml?)` for `check my.yaml`; undefined where the arguments fit no options. */
function meantInstead(command: Command): string | undefined {
  const options = INSTEAD_OF_ARGUMENTS[command.name()];
  if (options === undefined || command.args.length !== options.length) return undefined;
  return `(Did you mean ${options.map((option, index) => `${option} ${command.args[index]}`).join(" ")}?)`;
}

/** @param width of the terminal, in columns */
export function createProgram(commands: readonly Command[], width: () => number = terminalWidth): Command {
  const program = new Command("ipfix-skew-proxy")
    .description("A transparent IPFIX proxy between exporters and a collector of a different release.")
    .version(VERSION, "-V, --version", "show the version")
    .helpOption("-h, --help", "show this help")
    .helpCommand("help [command]", "show the help of a command")
    .showHelpAfterError("(--help shows the options)");
  configure(program, width);
  for (const command of commands) {
    command.copyInheritedSettings(program);
    configure(command, width);
    program.addCommand(command.helpOption("-h, --help", "show this help"));
  }
  return program;
}

function configure(command: Command, width: () => number): void {
  // The parser's default minimum of 40 columns does not fit beside the longest option on a narrow terminal.
  command.exitOverride().allowExcessArguments(false).configureHelp({ minWidthToWrap: 10 }).configureOutput({
    getOutHelpWidth: width,
    getErrHelpWidth: width,
    getOutHasColors: () => false,
    getErrHasColors: () => false,
    writeOut: writeText,
    // What was typed may be pasted from anywhere.
    writeErr: (text) => say(text.replace(/\n$/, "").split("\n").map(printable).join("\n")),
    outputError(text, write) {
      write(text);
      const hint = text.startsWith("error: too many arguments") ? meantInstead(command) : undefined;
      if (hint !== undefined) write(hint);
    },
  });
  for (const inner of command.commands) {
    inner.helpOption("-h, --help", "show this help");
    configure(inner.copyInheritedSettings(command), width);
  }
}

function report(error: unknown): number {
  // Commander has already reported the mistake. Asking for help or the version is not a failure.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.DONE : EXIT.USAGE;
  return reportFailure(error);
}
