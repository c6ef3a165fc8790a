import { errorMessage } from "../../error_message.ts";
import type { Clock } from "../../proxy/time/clock.ts";
import type { ApiAccess, ApiCredentials } from "./access.ts";

/** Where a kubelet puts a Pod's service account. */
const SERVICE_ACCOUNT_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount";
/** Milliseconds between reads. The kubelet renews a token well before it expires, so this is often enough. */
const READ_AGAIN_MILLISECONDS = 60_000;

/** How a process recognises that it runs in a cluster. */
export interface InClusterOptions {
  readonly clock: Clock;
  /** `KUBERNETES_SERVICE_HOST` and `KUBERNETES_SERVICE_PORT` are set in every Pod. */
  readonly environment?: { get(name: string): string | undefined };
  readonly folder?: string;
}

/** Access with the service account of the Pod that this process runs in. Token and CA are read again every minute. */
export class InClusterAccess implements ApiAccess {
  readonly description = "the Pod's service account";
  readonly namespace?: string;
  readonly #folder: string;
  readonly #server: string;
  readonly #clock: Clock;
  #credentials: ApiCredentials;
  #readAt: number;

  private constructor(options: InClusterOptions, server: string, credentials: ApiCredentials, namespace?: string) {
    this.#folder = options.folder ?? SERVICE_ACCOUNT_FOLDER;
    this.#clock = options.clock;
    this.#server = server;
    this.#credentials = credentials;
    this.#readAt = options.clock.now();
    if (namespace !== undefined) this.namespace = namespace;
  }

  /** @throws Error that says why this process is not in a Pod, or which file of its service account is unreadable */
  static async open(options: InClusterOptions): Promise<InClusterAccess> {
    const { environment = Deno.env, folder = SERVICE_ACCOUNT_FOLDER } = options;
    const host = environment.get("KUBERNETES_SERVICE_HOST");
    const port = environment.get("KUBERNETES_SERVICE_PORT") ?? "443";
    if (host === undefined || host === "") {
      throw new Error(
        "this process runs in no Pod: KUBERNETES_SERVICE_HOST is not set (kubernetes.kubeconfig: the path of a kubeconfig)",
      );
    }
    const server = `https://${host.includes(":") ? `[${host}]` : host}:${port}`;
    const namespace = (await readTrimmed(`${folder}/namespace`).catch(() => "")) || undefined;
    return new InClusterAccess(options, server, await read(folder, server), namespace);
  }

  async credentials(refused = false): Promise<ApiCredentials> {
    const now = this.#clock.now();
    if (!refused && now - this.#readAt < READ_AGAIN_MILLISECONDS) return this.#credentials;
    this.#readAt = now;
    return this.#credentials = await read(this.#folder, this.#server);
  }
}

async function read(folder: string, server: string): Promise<ApiCredentials> {
  const token = await readTrimmed(`${folder}/token`);
  const ca = await readTrimmed(`${folder}/ca.crt`);
  return { server, token, ca };
}

async function readTrimmed(path: string): Promise<string> {
  try {
    return (await Deno.readTextFile(path)).trim();
  } catch (error) {
    const reason = errorMessage(error);
    throw new Error(`the Pod's service account cannot be read: ${path}: ${reason}`, { cause: error });
  }
}
