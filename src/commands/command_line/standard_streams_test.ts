import assert from "node:assert/strict";
import { denoArguments, runCommand } from "../../../test/support/processes/run_command.ts";

const ROOT = new URL("../../../", import.meta.url);
/** A template and a record of it. */
const MESSAGE = Uint8Array.fromHex(
  "000a00386553f1000000000000000001000200140100000300080004000c000400020008" +
    "010000140a0000010a0000020000000000000007",
);

const CONFIGURATION = `
listen: [{ transport: tcp, address: 127.0.0.1:24739 }]
collector: { transport: tcp, address: 127.0.0.1:4739, profile: antrea/v1.15 }
`;

/** Starts a program and gives it this to read. @param prepare called before that */
async function start(
  program: string,
  args: readonly string[],
  stdin: Uint8Array<ArrayBuffer>,
  prepare: (child: Deno.ChildProcess) => Promise<void> = async () => {},
): Promise<Deno.ChildProcess> {
  const child = new Deno.Command(program, {
    args: [...args],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  await prepare(child);
  const writer = child.stdin.getWriter();
  await writer.write(stdin).then(() => writer.close()).catch(() => {});
  return child;
}

/** Runs a command by a shell, which redirects what is given: `>/dev/full`. */
async function redirected(redirection: string, command: string, args: readonly string[], stdin = new Uint8Array()) {
  const shell = ["-c", `exec "$0" "$@" ${redirection}`, Deno.execPath(), ...denoArguments(command, args)];
  const child = await start("sh", shell, stdin);
  const { code, stderr } = await child.output();
  return { status: code, stderr: new TextDecoder().decode(stderr) };
}

/** Runs a command whose standard output nobody reads. */
async function unread(command: string, args: readonly string[], stdin = new Uint8Array()) {
  const child = await start(Deno.execPath(), denoArguments(command, args), stdin, (child) => child.stdout.cancel());
  const stderr = await new Response(child.stderr).text();
  return { status: (await child.status).code, stderr };
}

const WRITING: readonly (readonly [command: string, args: readonly string[], stdin?: Uint8Array<ArrayBuffer>])[] = [
  ["check", ["--config", "FILE"]],
  ["explain", ["--from", "antrea/v2.0", "--to", "antrea/v1.15"]],
  ["matrix", []],
  ["plan", ["--from", "v1.15", "--to", "v2.0"]],
  ["rewrite", ["--config", "FILE"], MESSAGE],
  ["inspect", [], MESSAGE],
  ["profile", ["--from-capture", "-"], MESSAGE],
  ["matrix", ["--help"]],
  ["explain", ["--version"]],
];

for (const [command, given, stdin] of WRITING) {
  Deno.test({
    name: `${[command, ...given].join(" ")}: a full disk gives one line and status 1, a reader that has gone no line`,
    ignore: Deno.build.os !== "linux",
    fn: async () => {
      const file = await Deno.makeTempFile({ suffix: ".yaml" });
      try {
        await Deno.writeTextFile(file, CONFIGURATION);
        const args = given.map((arg) => arg === "FILE" ? file : arg);
        assert.deepEqual(await redirected(">/dev/full", command, args, stdin), {
          status: 1,
          stderr: "error: cannot write to standard output: no space is left on the device\n",
        });
        assert.deepEqual(await unread(command, args, stdin), { status: 1, stderr: "" });
      } finally {
        await Deno.remove(file);
      }
    },
  });
}

Deno.test({
  name: "input that cannot be read is one line with status 1",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    for (const [command, args] of [["inspect", []], ["profile", ["--from-capture", "-"]]] as const) {
      assert.deepEqual(await redirected("</", command, args), {
        status: 1,
        stderr: "error: cannot read standard input: it is a directory\n",
      });
    }
  },
});

Deno.test({
  name: "a standard error that cannot be written to changes no exit status",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    assert.equal((await redirected("2>/dev/full", "check", ["--config", "/nowhere"])).status, 2);
  },
});

Deno.test({
  name: "a configuration out of a pipe is read; a pipe that nobody writes to is a mistake",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const directory = await Deno.makeTempDir();
    try {
      await new Deno.Command("mkfifo", { args: [`${directory}/pipe`] }).output();
      await Deno.writeTextFile(`${directory}/proxy.yaml`, CONFIGURATION);
      const writer = new Deno.Command("sh", { args: ["-c", 'cat "$0/proxy.yaml" >"$0/pipe"', directory] }).spawn();
      const read = await redirected("", "check", ["--config", `${directory}/pipe`]);
      assert.deepEqual(read, { status: 0, stderr: "" });
      await writer.status;
      assert.deepEqual(await redirected("", "check", ["--config", `${directory}/pipe`]), {
        status: 2,
        stderr: `${directory}/pipe: cannot be read: it is a pipe that nobody writes to (waited 1 s)\n`,
      });
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});

Deno.test("a subcommand has its own help and exit status", async () => {
  const { status, text, stderr } = await runCommand("plugin", ["new"]);
  assert.deepEqual([status, text], [2, ""]);
  assert.match(stderr, /^error: missing required argument 'name'\n\(--help shows the options\)\n$/);
  assert.match((await runCommand("plugin", ["new", "--help"])).text, /-h, --help {2}show this help\n/);
  const folder = await runCommand("plugin", ["new", "/nowhere/hide-ports"]);
  assert.deepEqual([folder.status, folder.stderr], [
    1,
    "error: cannot write /nowhere/hide-ports: there is no such folder to put it in\n",
  ]);
});

Deno.test("help of a misspelt command names the right one", async () => {
  const { status, text, stderr } = await runCommand("help", ["chek"]);
  assert.deepEqual([status, text], [2, ""]);
  assert.match(stderr, /unknown command 'chek'\n\(Did you mean check\?\)/);
});

Deno.test("an error names an option's value once", async () => {
  for (
    const [option, name, line] of [
      ["--to", "antre/v1.15", /^error: --to: unknown profile "antre\/v1\.15", did you mean antrea\/v1\.15,/],
      ["--from", "./none.yaml", /^error: --from: cannot read none\.yaml: there is no such file\n$/],
    ] as const
  ) {
    const args = { "--from": "antrea/v2.0", "--to": "antrea/v1.15", [option]: name };
    const { status, stderr } = await runCommand("explain", Object.entries(args).flat());
    assert.equal(status, 2);
    assert.match(stderr, line);
  }
});
