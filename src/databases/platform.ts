export interface Platform {
  readonly token: string;
  readonly organization: string;
}

/** The organization of Turso's that the environment names, with the token for it. */
export function platformOf(env: Readonly<Record<string, string | undefined>>): Platform | undefined {
  const token = env["TURSO_API_TOKEN"] || env["TURSO_PLATFORM_API_TOKEN"];
  const organization = env["TURSO_ORGANIZATION"] || env["TURSO_ORG_NAME"];
  return token && organization ? { token, organization } : undefined;
}

/** Whether tokens of one database each can be made with what the environment has. */
export function makesTokens(env: Readonly<Record<string, string | undefined>>): boolean {
  return platformOf(env) !== undefined || Boolean(env["LOCI_SQLD_URL"] && env["LOCI_SQLD_KEY_FILE"]);
}
