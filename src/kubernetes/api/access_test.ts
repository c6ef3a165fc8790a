import assert from "node:assert/strict";
import { processorTime } from "../../../test/support/time/processor_time.ts";
import { StandingClock } from "../../../test/support/time/standing_clock.ts";
import { tokenClaims } from "./access.ts";
import { InClusterAccess } from "./in_cluster.ts";
import { KubeconfigAccess } from "./kubeconfig.ts";

const ENVIRONMENT = new Map([["KUBERNETES_SERVICE_HOST", "10.96.0.1"], ["KUBERNETES_SERVICE_PORT", "6443"]]);

async function serviceAccount(files: Readonly<Record<string, string>>) {
  const folder = await Deno.makeTempDir();
  for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${folder}/${name}`, text);
  return { folder, [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }) };
}

Deno.test("in a Pod: address from the environment; token and CA from the service account, read again", async () => {
  await using account = await serviceAccount({ token: "one\n", "ca.crt": "CA", namespace: "flow-aggregator" });
  const clock = new StandingClock();
  const access = await InClusterAccess.open({ clock, environment: ENVIRONMENT, folder: account.folder });
  assert.equal(access.namespace, "flow-aggregator");
  assert.deepEqual(await access.credentials(), { server: "https://10.96.0.1:6443", token: "one", ca: "CA" });
  await Deno.writeTextFile(`${account.folder}/token`, "two");
  assert.equal((await access.credentials()).token, "one", "not at every call");
  assert.equal((await access.credentials(true)).token, "two", "at once where it was refused");
  await Deno.writeTextFile(`${account.folder}/token`, "three");
  await clock.advance(60_000);
  assert.equal((await access.credentials()).token, "three");
});

Deno.test("an error says that the process is not in a Pod, or lacks its files", async () => {
  const clock = new StandingClock();
  await assert.rejects(
    InClusterAccess.open({ clock, environment: new Map() }),
    /runs in no Pod: KUBERNETES_SERVICE_HOST is not set/,
  );
  await assert.rejects(
    InClusterAccess.open({ clock, environment: ENVIRONMENT, folder: "/nowhere" }),
    /service account cannot be read: \/nowhere\/token/,
  );
});

Deno.test("an IPv6 API server is addressed with brackets", async () => {
  await using account = await serviceAccount({ token: "t", "ca.crt": "CA" });
  const environment = new Map([["KUBERNETES_SERVICE_HOST", "fd00::1"]]);
  const access = await InClusterAccess.open({ clock: new StandingClock(), environment, folder: account.folder });
  assert.equal((await access.credentials()).server, "https://[fd00::1]:443");
});

function kubeconfig(cluster: string, user: string): string {
  return `apiVersion: v1
kind: Config
current-context: here
contexts: [{ name: here, context: { cluster: c, user: u, namespace: flow } }]
clusters: [{ name: c, cluster: ${cluster} }]
users: [{ name: u, user: ${user} }]
`;
}

async function open(text: string, files: Readonly<Record<string, string>> = {}) {
  await using folder = await serviceAccount({ config: text, ...files });
  const access = await KubeconfigAccess.open(`${folder.folder}/config`);
  return { access, credentials: await access.credentials() };
}

Deno.test("kubeconfig: certificates and tokens, inline or in files", async () => {
  const inIt = await open(kubeconfig(
    `{ server: "https://h:6443", certificate-authority-data: ${btoa("CA")}, tls-server-name: kubernetes }`,
    `{ client-certificate-data: ${btoa("C")}, client-key-data: ${btoa("K")} }`,
  ));
  assert.deepEqual(inIt.credentials, {
    server: "https://h:6443",
    ca: "CA",
    certificate: "C",
    key: "K",
    serverName: "kubernetes",
  });
  const beside = await open(
    kubeconfig("{ server: https://h:6443/k8s/c1, certificate-authority: ca.pem }", "{ tokenFile: token }"),
    { "ca.pem": "CA2", token: "T\n" },
  );
  assert.deepEqual(beside.credentials, { server: "https://h:6443/k8s/c1", ca: "CA2", token: "T" });
});

Deno.test("kubeconfig: what cannot be used is refused with what to do instead", async () => {
  const good = "{ server: https://h:6443 }";
  const cases: [string, RegExp][] = [
    [
      kubeconfig(good, "{ exec: { command: aws } }"),
      /user "u" cannot be used: it runs a program .*kubectl create token/,
    ],
    [kubeconfig(good, "{ auth-provider: { name: gcp } }"), /authentication provider/],
    [kubeconfig(good, "{ username: a, password: b }"), /uses a password/],
    [kubeconfig(good, "{ token: t, as: admin }"), /acts as another user/],
    [kubeconfig(good, "{}"), /neither a token nor a client certificate/],
    [
      kubeconfig("{ server: https://h, insecure-skip-tls-verify: true }", "{ token: t }"),
      /insecure-skip-tls-verify is refused/,
    ],
    [kubeconfig("{ server: http://h }", "{ token: t }"), /must be https/],
    [kubeconfig("{ server: https://h, certificate-authority-data: '!' }", "{ token: t }"), /is not base64/],
    [
      kubeconfig("{ server: https://h, certificate-authority: none.pem }", "{ token: t }"),
      /cannot read \S+none\.pem: there is no such file$/,
    ],
    [
      kubeconfig("{ server: https://h, certificate-authority: . }", "{ token: t }"),
      /cannot read \S+: it is a directory$/,
    ],
    ["clusters: 5", /not a kubeconfig: clusters/],
    ["", /: not a kubeconfig: Invalid input/],
    ["{}", /no current-context/],
    ["current-context: x", /no context "x"/],
  ];
  for (const [text, message] of cases) {
    await assert.rejects(open(text), (error: Error) => {
      assert.match(error.message, message);
      assert.match(error.message, /^kubeconfig \S+config: /);
      return true;
    });
  }
});

Deno.test({
  name: "kubeconfig: a running proxy waits for no pipe, which would stop all sessions meanwhile",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const folder = await Deno.makeTempDir();
    try {
      await Deno.writeTextFile(`${folder}/token`, "t");
      await Deno.writeTextFile(`${folder}/config`, kubeconfig("{ server: https://h:6443 }", "{ tokenFile: token }"));
      const access = await KubeconfigAccess.open(`${folder}/config`);
      assert.equal((await access.credentials()).token, "t");
      await Deno.remove(`${folder}/token`);
      await new Deno.Command("mkfifo", { args: [`${folder}/token`] }).output();
      await assert.rejects(access.credentials(), /token: it is a pipe that nobody has written to$/);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test("kubeconfig: an error in its YAML has its place, and shows no token", async () => {
  const good = kubeconfig("{ server: https://h:6443 }", "{ token: SECRET }");
  for (const wrong of ['"SECRET', "SECRET: }, ]", "SECRET SECRET: a: b", "*SECRET"]) {
    await assert.rejects(open(good.replace("SECRET", wrong)), (error: Error) => {
      assert.match(error.message, /config: (line [67], column \d+: this cannot be read|an alias .*) \(YAML 1\.2\)$/);
      assert.doesNotMatch(error.stack ?? "", /SECRET/);
      return true;
    });
  }
});

Deno.test("kubeconfig: one with many keys is read as fast as others", async () => {
  const keys = Array.from({ length: 50_000 }, (_, index) => `  key${index}: 1\n`).join("");
  const began = processorTime();
  await open(`${kubeconfig("{ server: https://h:6443 }", "{ token: t }")}extensions:\n${keys}`);
  const took = processorTime() - began;
  assert.ok(took < 5_000, `${took} ms`);
});

Deno.test("the claims of a token are read if it is a JWT", () => {
  const payload = btoa(JSON.stringify({ exp: 1000, "kubernetes.io": { pod: { name: "fa-1" } } })).replaceAll("=", "");
  assert.deepEqual(tokenClaims(`h.${payload}.s`), { expiresAt: new Date(1_000_000), pod: "fa-1" });
  for (const token of ["", "a.b.c", "opaque"]) assert.deepEqual(tokenClaims(token), {});
});
