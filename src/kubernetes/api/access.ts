/** Address and credentials for one request to the API server. */
export interface ApiCredentials {
  /** `https://host:port`, with a path if all others are below one; no trailing slash. */
  readonly server: string;
  /** CA certificates as PEM that verify the server. Missing: the machine's own. */
  readonly ca?: string;
  /** PEM. */
  readonly certificate?: string;
  /** PEM. */
  readonly key?: string;
  /** The name in the server's certificate, where it is not the one dialled. */
  readonly serverName?: string;
  /** Sent as a bearer token; never logged. */
  readonly token?: string;
}

/** A source of current {@link ApiCredentials} for the API server. */
export interface ApiAccess {
  /** `the Pod's service account` or `kubeconfig PATH`, for messages. */
  readonly description: string;
  /** The Pod's own. */
  readonly namespace?: string;
  /**
   * Returns the credentials for the next requests.
   *
   * @param refused the server has just refused the credentials: read them again, however fresh they are
   * @throws Error that says what cannot be read
   */
  credentials(refused?: boolean): Promise<ApiCredentials>;
}

/** Claims of a token. They are not verified here: the API server does that. */
export interface TokenClaims {
  readonly expiresAt?: Date;
  /** The Pod that it was made for. */
  readonly pod?: string;
}

/** Reads the claims of a service account's token. Empty for a token that is no JWT. */
export function tokenClaims(token: string): TokenClaims {
  try {
    const payload = token.split(".")[1] ?? "";
    const octets = Uint8Array.fromBase64(payload, { alphabet: "base64url" });
    const claims = JSON.parse(new TextDecoder().decode(octets));
    const name: unknown = claims?.["kubernetes.io"]?.pod?.name;
    return {
      ...(typeof claims?.exp === "number" ? { expiresAt: new Date(claims.exp * 1000) } : {}),
      ...(typeof name === "string" ? { pod: name } : {}),
    };
  } catch {
    return {};
  }
}
