/** A real kube-apiserver before a real etcd, on loopback, with RBAC and a token for each of a few users. */
import { Authority } from "../../support/certificates.ts";
import { freePort } from "../../support/free_port.ts";
import { type KubernetesTools, kubernetesTools } from "./kubernetes_tools.ts";

/** How long the two may take to start: seconds usually, more where the machine is busy. */
const PATIENCE = 120_000;

/** What a test wants of an API server. */
export interface ApiServerOptions {
  /** Users beside `admin`, who may do nothing until a role is bound to them; the token of each is its name. */
  readonly users?: readonly string[];
}

/** One API server, and the etcd behind it; both end with it. */
export class ApiServer implements AsyncDisposable {
  private constructor(
    /** `https://127.0.0.1:PORT` */
    readonly url: string,
    /** PEM. */
    readonly ca: string,
    /** The token of a user who may do everything. */
    readonly adminToken: string,
    readonly folder: string,
    readonly tools: KubernetesTools,
    readonly processes: Deno.ChildProcess[],
  ) {}

  /** @throws {Error} with what they wrote, if they do not start */
  static async start({ users = [] }: ApiServerOptions = {}): Promise<ApiServer> {
    const tools = await kubernetesTools();
    const folder = await Deno.makeTempDir({ prefix: "api-server-" });
    const processes: Deno.ChildProcess[] = [];
    const [client, peer, port] = [freePort(), freePort(), freePort()];
    const write = (name: string, text: string) => Deno.writeTextFile(`${folder}/${name}`, text, { mode: 0o600 });
    try {
      const authority = await Authority.create("kubernetes");
      const serving = await authority.issue({
        name: "kube-apiserver",
        addresses: ["127.0.0.1", "10.96.0.1"],
        dns: ["kubernetes.default.svc"],
      });
      const accounts = await authority.issue({ name: "service-accounts", rsa: true });
      const adminToken = crypto.randomUUID();
      await write("ca.crt", authority.pem);
      await write("serving.crt", serving.certificate);
      await write("serving.key", serving.key);
      await write("accounts.crt", accounts.certificate);
      await write("accounts.key", accounts.key);
      const rows = [`${adminToken},admin,admin,system:masters`, ...users.map((user) => `${user},${user},${user}`)];
      await write("tokens.csv", rows.join("\n"));
      processes.push(start(folder, "etcd", [
        ...["--data-dir", `${folder}/etcd`, "--unsafe-no-fsync", "--log-level", "error"],
        ...["--listen-client-urls", `http://127.0.0.1:${client}`],
        ...["--advertise-client-urls", `http://127.0.0.1:${client}`],
        ...["--listen-peer-urls", `http://127.0.0.1:${peer}`, "--initial-cluster", `default=http://127.0.0.1:${peer}`],
        ...["--initial-advertise-peer-urls", `http://127.0.0.1:${peer}`],
      ]));
      processes.push(start(folder, tools["kube-apiserver"], [
        ...["--etcd-servers", `http://127.0.0.1:${client}`, "--bind-address", "127.0.0.1"],
        ...["--advertise-address", "127.0.0.1", "--secure-port", String(port)],
        ...["--tls-cert-file", `${folder}/serving.crt`, "--tls-private-key-file", `${folder}/serving.key`],
        ...["--client-ca-file", `${folder}/ca.crt`, "--token-auth-file", `${folder}/tokens.csv`],
        ...["--authorization-mode", "RBAC", "--service-cluster-ip-range", "10.96.0.0/16"],
        ...["--service-account-issuer", "https://kubernetes.default.svc"],
        ...["--service-account-key-file", `${folder}/accounts.crt`],
        ...["--service-account-signing-key-file", `${folder}/accounts.key`],
        // Without a controller nobody makes the service account that a Pod would be refused for.
        ...["--disable-admission-plugins", "ServiceAccount", "--endpoint-reconciler-type", "none"],
        ...["--allow-privileged", "--profiling=false", "--v=1"],
      ]));
      const server = new ApiServer(`https://127.0.0.1:${port}`, authority.pem, adminToken, folder, tools, processes);
      await server.#ready();
      await write("admin.kubeconfig", server.kubeconfig(adminToken));
      return server;
    } catch (error) {
      await end(folder, processes);
      throw error;
    }
  }

  /** The kubeconfig of whoever has this token. */
  kubeconfig(token: string, namespace = "flow-aggregator"): string {
    return JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      "current-context": "test",
      contexts: [{ name: "test", context: { cluster: "test", user: "test", namespace } }],
      clusters: [{
        name: "test",
        cluster: {
          server: this.url,
          "certificate-authority-data": new TextEncoder().encode(this.ca).toBase64(),
        },
      }],
      users: [{ name: "test", user: { token } }],
    });
  }

  /** Runs kubectl as admin. @throws {Error} with what it says, if it fails */
  async kubectl(args: readonly string[], input = ""): Promise<string> {
    const child = new Deno.Command(this.tools.kubectl, {
      args: ["--kubeconfig", `${this.folder}/admin.kubeconfig`, ...args],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      env: { HOME: this.folder },
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(input));
    await writer.close();
    const { success, stdout, stderr } = await child.output();
    if (!success) throw new Error(`kubectl ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
    return new TextDecoder().decode(stdout);
  }

  /** Creates or changes objects as admin: YAML, or objects. */
  async apply(...manifests: readonly (string | Readonly<Record<string, unknown>>)[]): Promise<void> {
    const text = manifests.map((each) => typeof each === "string" ? each : JSON.stringify(each)).join("\n---\n");
    await this.kubectl(["apply", "--server-side", "--force-conflicts", "-f", "-"], text);
  }

  async #ready(): Promise<void> {
    using client = Deno.createHttpClient({ caCerts: [this.ca] });
    const deadline = Date.now() + PATIENCE;
    for (;;) {
      const answer = await fetch(`${this.url}/readyz`, {
        client,
        headers: { authorization: `Bearer ${this.adminToken}` },
      })
        .then(async (response) => response.ok ? "ok" : await response.text(), (error) => String(error));
      if (answer === "ok") return;
      if (Date.now() > deadline) {
        throw new Error(`the API server does not start: ${answer}\n${await tail(`${this.folder}/kube-apiserver.log`)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await end(this.folder, this.processes);
  }
}

/** Its log goes to a file: a pipe that nobody reads would stop it. */
function start(folder: string, program: string, args: readonly string[]): Deno.ChildProcess {
  const name = program.split("/").at(-1);
  return new Deno.Command("/bin/sh", {
    args: ["-c", `exec "$0" "$@" > "${folder}/${name}.log" 2>&1`, program, ...args],
    stdin: "null",
  }).spawn();
}

async function end(folder: string, processes: readonly Deno.ChildProcess[]): Promise<void> {
  for (const process of processes.toReversed()) {
    try {
      process.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await process.status;
  }
  await Deno.remove(folder, { recursive: true });
}

async function tail(file: string): Promise<string> {
  return (await Deno.readTextFile(file).catch(() => "")).split("\n").slice(-20).join("\n");
}
