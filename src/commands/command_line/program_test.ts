import assert from "node:assert/strict";
import { COMMANDS, loadCommands } from "./commands.ts";
import { createProgram } from "./program.ts";
import { runCommand } from "../../../test/support/processes/run_command.ts";

Deno.test("--version says which, --help what can be given, on standard output with status 0", async () => {
  const version = await runCommand("--version");
  assert.deepEqual([version.status, version.stderr], [0, ""]);
  assert.match(version.text, /^\d+\.\d+\.\d+\n$/);
  const help = await runCommand("--help");
  assert.equal(help.status, 0);
  for (const command of COMMANDS.keys()) {
    assert.match(help.text, new RegExp(`^ {2}${command} `, "m"));
  }
});

Deno.test("every command has --help, laid out for 80 columns", async () => {
  for (const command of COMMANDS.keys()) {
    const { status, text, stderr } = await runCommand(command, ["--help"]);
    assert.deepEqual([status, stderr], [0, ""]);
    assert.match(text, new RegExp(`^Usage: ipfix-skew-proxy ${command}`));
    for (const line of text.split("\n")) assert.ok(line.length <= 80, line);
  }
});

Deno.test("help is laid out for narrow terminals: a line is longer only for a word, or for the usage, which is one line", async () => {
  for (const width of [60, 40]) {
    const program = createProgram(await loadCommands([]), () => width);
    for (const command of [program, ...program.commands]) {
      for (const line of command.helpInformation().split("\n").slice(1)) {
        const [, term = "", text = ""] = /^( {2}\S.*? {2,}| +)(\S.*)$/.exec(line) ?? [];
        const isOneWord = term !== "" && !text.includes(" ");
        assert.ok(line.length <= width || isOneWord, `${command.name()} at ${width}: ${line}`);
      }
    }
  }
});

Deno.test("a misspelt command, option or value names the right one and ends with 2", async () => {
  for (
    const [command, args, expected] of [
      ["explian", [], /Did you mean explain\?/],
      ["explain", ["--form", "antrea/v2.0"], /Did you mean --from\?/],
      ["explain", ["--from", "antrea/v1.16", "--to", "antrea/v1.15"], /--from: .*did you mean antrea\/v1\.15/],
      ["matrix", ["--format", "xml"], /table, markdown, json/],
      ["explain", [], /--from is missing/],
      ["explain", ["--from"], /--from/],
      ["inspect", ["file.ipfix"], /too many arguments[^]*Did you mean < file\.ipfix\?/],
      ["check", ["my.yaml"], /too many arguments[^]*Did you mean --config my\.yaml\?/],
      ["plan", ["v1.15", "v2.0"], /Did you mean --from v1\.15 --to v2\.0\?/],
    ] as const
  ) {
    const { status, text, stderr } = await runCommand(command, args);
    assert.deepEqual([status, text], [2, ""], stderr);
    assert.match(stderr, expected);
  }
});

Deno.test("arguments that fit no option are only too many", async () => {
  for (const args of [["plan", "v1.15"], ["matrix", "x"], ["plugin", "new", "a", "b"]]) {
    const { status, stderr } = await runCommand(args[0]!, args.slice(1));
    assert.equal(status, 2);
    assert.match(stderr, /too many arguments/);
    assert.doesNotMatch(stderr, /Did you mean/);
  }
});

Deno.test("what is wrong on the command line is shown without its control characters", async () => {
  for (const [command, args] of [["\x1b[31m", []], ["check", ["\x1b[31m\n"]], ["check", ["--\x9b31m"]]] as const) {
    const { status, stderr } = await runCommand(command, args);
    assert.equal(status, 2);
    assert.match(stderr, /\\u00[19]b/);
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(stderr, /[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
  }
});
