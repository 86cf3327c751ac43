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
