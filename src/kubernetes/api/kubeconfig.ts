import { systemReason } from "../../error_message.ts";
import { cannotRead, type ReadTextFile, readTextFile, readTextFileNow } from "../../text_file.ts";
import { dirname, resolve } from "node:path";
import { LineCounter, parseDocument } from "yaml";
import { z } from "zod";
import type { ApiAccess, ApiCredentials } from "./access.ts";

const named = <Key extends string, Value extends z.ZodType>(key: Key, value: Value) =>
  z.array(z.looseObject({ name: z.string(), [key]: value } as { name: z.ZodString } & Record<Key, Value>)).nullish();

const cluster = z.looseObject({
  server: z.string(),
  "certificate-authority": z.string().optional(),
  "certificate-authority-data": z.string().optional(),
  "tls-server-name": z.string().optional(),
  "insecure-skip-tls-verify": z.boolean().optional(),
  "proxy-url": z.string().optional(),
});

const user = z.looseObject({
  "client-certificate": z.string().optional(),
  "client-certificate-data": z.string().optional(),
  "client-key": z.string().optional(),
  "client-key-data": z.string().optional(),
  token: z.string().optional(),
  tokenFile: z.string().optional(),
});

const context = z.looseObject({ cluster: z.string(), user: z.string() });

const kubeconfig = z.looseObject({
  "current-context": z.string().optional(),
  clusters: named("cluster", cluster),
  users: named("user", user),
  contexts: named("context", context),
});

/** Ways to authenticate that a kubeconfig may name but this client does not support, with what to do instead. */
const REFUSED_USER_KEYS: Readonly<Record<string, string>> = {
  exec: "it runs a program for its credentials (a token of `kubectl create token NAME`, or a client certificate)",
  "auth-provider": "it uses an authentication provider (a token, or a client certificate)",
  username: "it uses a password (a token, or a client certificate)",
  as: "it acts as another user (the kubeconfig of that user)",
};

/**
 * Access by a kubeconfig's current context, with certificates and tokens in the file or in files that it names. The
 * context's namespace is ignored, because it is not that of the Aggregator.
 */
export class KubeconfigAccess implements ApiAccess {
  readonly description: string;

  private constructor(readonly path: string) {
    this.description = `kubeconfig ${path}`;
  }

  /** @throws Error that names the file and what of it cannot be used */
  static async open(path: string): Promise<KubeconfigAccess> {
    await read(path, readTextFile);
    return new KubeconfigAccess(path);
  }

  /** Read again for each call, because the files that a kubeconfig names are renewed. Waits for no pipe. */
  async credentials(): Promise<ApiCredentials> {
    return await read(this.path, readTextFileNow);
  }
}

async function read(path: string, readText: ReadTextFile): Promise<ApiCredentials> {
  try {
    return await resolveContext(parseKubeconfig(readText(path)), dirname(resolve(path)), readText);
  } catch (error) {
    throw new Error(`kubeconfig ${path}: ${systemReason(error)}`, { cause: error });
  }
}

function parseKubeconfig(text: string) {
  const { success, data, error } = kubeconfig.safeParse(yamlOf(text));
  if (success) return data;
  const [issue] = error.issues;
  throw new Error(
    ["not a kubeconfig", ...(issue?.path.length ? [issue.path.join(".")] : []), issue?.message].join(": "),
  );
}

/** @throws Error that says where the text is no YAML, and shows nothing of it: it holds tokens and private keys */
function yamlOf(text: string): unknown {
  const lineCounter = new LineCounter();
  // The parser would compare each key of a map with each other one.
  const document = parseDocument(text, { lineCounter, prettyErrors: false, uniqueKeys: false, logLevel: "error" });
  const [error] = document.errors;
  if (error !== undefined) {
    const { line, col } = lineCounter.linePos(error.pos[0]);
    throw new Error(`line ${line}, column ${col}: this cannot be read (YAML 1.2)`);
  }
  try {
    return document.toJS();
  } catch {
    throw new Error("an alias has no anchor, or aliases stand for too many values (YAML 1.2)");
  }
}

async function resolveContext(
  config: z.infer<typeof kubeconfig>,
  folder: string,
  readText: ReadTextFile,
): Promise<ApiCredentials> {
  const current = config["current-context"];
  if (current === undefined || current === "") throw new Error("no current-context");
  const chosen = config.contexts?.find(({ name }) => name === current)?.context;
  if (chosen === undefined) throw new Error(`there is no context "${current}"`);
  const server = config.clusters?.find(({ name }) => name === chosen.cluster)?.cluster;
  if (server === undefined) throw new Error(`there is no cluster "${chosen.cluster}"`);
  const who = config.users?.find(({ name }) => name === chosen.user)?.user;
  if (who === undefined) throw new Error(`there is no user "${chosen.user}"`);
  for (const [key, why] of Object.entries(REFUSED_USER_KEYS)) {
    if (who[key] !== undefined) throw new Error(`user "${chosen.user}" cannot be used: ${why}`);
  }
  if (server["insecure-skip-tls-verify"] === true) {
    throw new Error(`cluster "${chosen.cluster}": insecure-skip-tls-verify is refused (certificate-authority)`);
  }
  if (server["proxy-url"] !== undefined) throw new Error(`cluster "${chosen.cluster}": proxy-url is not supported`);
  const url = URL.parse(server.server);
  if (url?.protocol !== "https:") throw new Error(`cluster "${chosen.cluster}": server must be https://host:port`);

  const readFile = (path: string) => readFrom(folder, path, readText);
  const value = (of: Readonly<Record<string, unknown>>, key: string) => fileOrData(of, key, readFile);
  const ca = await value(server, "certificate-authority");
  const certificate = await value(who, "client-certificate");
  const key = await value(who, "client-key");
  const token = who.token ?? (who.tokenFile === undefined ? undefined : (await readFile(who.tokenFile)).trim());
  const serverName = server["tls-server-name"];
  if (token === undefined && (certificate === undefined || key === undefined)) {
    throw new Error(`user "${chosen.user}" has neither a token nor a client certificate with its key`);
  }
  return {
    server: `${url.origin}${url.pathname.replace(/\/$/, "")}`,
    ...(ca === undefined ? {} : { ca }),
    ...(certificate === undefined ? {} : { certificate }),
    ...(key === undefined ? {} : { key }),
    ...(token === undefined ? {} : { token }),
    ...(serverName === undefined ? {} : { serverName }),
  };
}

/** `KEY-data` wins over the file that `KEY` names, as for kubectl. */
async function fileOrData(
  of: Readonly<Record<string, unknown>>,
  key: string,
  readFile: (path: string) => Promise<string>,
): Promise<string | undefined> {
  const data = of[`${key}-data`];
  if (typeof data === "string") {
    try {
      return new TextDecoder().decode(Uint8Array.fromBase64(data));
    } catch {
      throw new Error(`${key}-data is not base64`);
    }
  }
  const path = of[key];
  return typeof path === "string" ? await readFile(path) : undefined;
}

async function readFrom(folder: string, path: string, readText: ReadTextFile): Promise<string> {
  const file = resolve(folder, path);
  try {
    return await Promise.resolve(file).then(readText);
  } catch (error) {
    throw new Error(cannotRead(file, error), { cause: error });
  }
}
