import { createHash } from "node:crypto";

/** Made-up secrets, put together at run time so that no scanner takes this file for a leak. */
export interface Shape {
  readonly name: string;
  readonly secret: string;
  /** How the secret stands in a `.env` file, where it has a usual name. */
  readonly variable: string;
  /** Set where the value alone has no shape: it is then always shown with its name. */
  readonly needsName?: boolean;
}

function letters(seed: string, length: number, alphabet: string): string {
  let out = "";
  for (let round = 0; out.length < length; round++) {
    for (const byte of createHash("sha256").update(`${seed}${round}`).digest()) {
      out += alphabet.charAt(byte % alphabet.length);
    }
  }
  return out.slice(0, length);
}

const digits = "0123456789";
const lower = "abcdefghijklmnopqrstuvwxyz";
const upper = lower.toUpperCase();
const word = lower + upper + digits;
const hex = "0123456789abcdef";
const b64 = `${word}+/`;
const url64 = `${word}-_`;

function jwt(seed: string, claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "EdDSA", typ: "JWT" })}.${part(claims)}.${letters(seed, 86, url64)}`;
}

function pem(kind: string, seed: string): string {
  const rows = Array.from({ length: 12 }, (_, row) => letters(seed + row, 64, b64)).join("\n");
  return `-----BEGIN ${kind}-----\n${rows}\n-----END ${kind}-----`;
}

const at = (seed: string, length: number) => letters(seed, length, word);

export const shapes: readonly Shape[] = [
  { name: "AWS key id", secret: `AKIA${letters("a", 16, upper + digits)}`, variable: "AWS_ACCESS_KEY_ID" },
  { name: "AWS secret key", secret: `w7J${letters("b5", 37, b64)}`, variable: "AWS_SECRET_ACCESS_KEY" },
  { name: "GitHub classic", secret: `ghp_${at("c", 36)}`, variable: "GH_TOKEN" },
  { name: "GitHub OAuth", secret: `gho_${at("d", 36)}`, variable: "GITHUB_OAUTH" },
  { name: "GitHub server", secret: `ghs_${at("e", 36)}`, variable: "GITHUB_TOKEN" },
  { name: "GitHub fine-grained", secret: `github_pat_${at("f", 22)}_${at("g", 59)}`, variable: "GITHUB_PAT" },
  { name: "GitLab", secret: `glpat-${letters("h", 20, url64)}`, variable: "GITLAB_TOKEN" },
  {
    name: "Slack bot",
    secret: `xoxb-${letters("i", 12, digits)}-${letters("j", 12, digits)}-${at("k", 24)}`,
    variable: "SLACK_BOT_TOKEN",
  },
  {
    name: "Slack webhook",
    secret: `https://hooks.slack.com/services/T${letters("l", 8, upper)}/B${letters("m", 8, upper)}/${at("n", 24)}`,
    variable: "SLACK_WEBHOOK_URL",
  },
  { name: "Stripe live", secret: `sk_live_${at("o", 24)}`, variable: "STRIPE_SECRET_KEY" },
  { name: "Stripe restricted", secret: `rk_live_${at("o1", 24)}`, variable: "STRIPE_RK" },
  { name: "OpenAI legacy", secret: `sk-${at("p", 48)}`, variable: "OPENAI_API_KEY" },
  { name: "OpenAI project", secret: `sk-proj-${letters("q", 120, url64)}`, variable: "OPENAI_API_KEY" },
  { name: "Anthropic", secret: `sk-ant-api03-${letters("r", 93, url64)}AA`, variable: "ANTHROPIC_API_KEY" },
  { name: "Google API", secret: `AIza${letters("s", 35, url64)}`, variable: "GOOGLE_API_KEY" },
  { name: "Google OAuth secret", secret: `GOCSPX-${letters("t", 28, url64)}`, variable: "GOOGLE_CLIENT" },
  { name: "RSA private key", secret: pem("RSA PRIVATE KEY", "u"), variable: "PRIVATE_KEY" },
  { name: "GCP private key", secret: pem("PRIVATE KEY", "v"), variable: "GCP_PRIVATE_KEY" },
  { name: "OpenSSH private key", secret: pem("OPENSSH PRIVATE KEY", "w"), variable: "SSH_KEY" },
  {
    name: "JWT",
    secret: jwt("x", { sub: "1234567890", name: "A Person", iat: 1516239022 }),
    variable: "SESSION_JWT",
  },
  {
    name: "Turso token",
    secret: jwt("y", { a: "rw", exp: 1900000000, id: "0c4e" }),
    variable: "TURSO_AUTH_TOKEN",
  },
  { name: "Bearer", secret: `Bearer ${at("z", 40)}`, variable: "AUTH_HEADER" },
  {
    name: "Basic",
    secret: `Basic ${Buffer.from("deploy:Tr0ub4dor&3").toString("base64")}`,
    variable: "BASIC_HEADER",
  },
  { name: "Password by name", secret: "Sup3r-S3cret!9x", variable: "DB_PASSWORD", needsName: true },
  { name: "Secret by name", secret: "correcthorsebattery", variable: "SESSION_SECRET", needsName: true },
  { name: "Token by name", secret: at("aa", 32), variable: "DEPLOY_TOKEN", needsName: true },
  { name: "Key by name", secret: letters("ab", 32, hex), variable: "ENCRYPTION_KEY", needsName: true },
  {
    name: "URL password",
    secret: `postgres://app:${at("ac", 18)}@db.internal:5432/main`,
    variable: "DATABASE_URL",
  },
  { name: "Hugging Face", secret: `hf_${at("ad", 34)}`, variable: "HF_HOME_T" },
  { name: "npm", secret: `npm_${at("ae", 36)}`, variable: "NPM_CONFIG" },
  { name: "PyPI", secret: `pypi-AgEIcHlwaS5vcmc${letters("af", 120, url64)}`, variable: "TWINE" },
  {
    name: "SendGrid",
    secret: `SG.${letters("ag", 22, url64)}.${letters("ah", 43, url64)}`,
    variable: "SENDGRID",
  },
  { name: "Twilio", secret: `SK${letters("ai", 32, hex)}`, variable: "TWILIO_SID" },
  {
    name: "Telegram bot",
    secret: `${letters("aj", 10, "123456789")}:AA${letters("ak", 32, url64)}x`,
    variable: "TELEGRAM",
  },
  {
    name: "Discord bot",
    secret: `M${at("al", 24)}1A.G${at("am", 5)}.${letters("an", 38, url64)}`,
    variable: "DISCORD",
  },
  {
    name: "Discord webhook",
    secret: `https://discord.com/api/webhooks/${letters("ao", 18, digits)}/${letters("ap", 68, url64)}`,
    variable: "HOOK",
  },
  {
    name: "Azure storage",
    secret: `DefaultEndpointsProtocol=https;AccountName=x;AccountKey=${letters("aq", 86, b64)}==`,
    variable: "AZURE",
  },
  { name: "DigitalOcean", secret: `dop_v1_${letters("ar", 64, hex)}`, variable: "DO" },
  { name: "Databricks", secret: `dapi${letters("as", 32, hex)}`, variable: "DBX" },
  { name: "Linear", secret: `lin_api_${at("at", 40)}`, variable: "LINEAR" },
  { name: "Notion", secret: `ntn_${at("au", 46)}`, variable: "NOTION" },
  { name: "Mailgun", secret: `key-${letters("av", 32, hex)}`, variable: "MAILGUN" },
  { name: "Heroku", secret: `HRKU-${letters("aw", 60, url64)}`, variable: "HEROKU" },
];

/** The part of a shape that nobody may read afterwards: schemes and hosts may stay. */
export function core(shape: Shape): string {
  const { secret } = shape;
  const password = /^postgres:\/\/app:([^@]+)@/.exec(secret)?.[1];
  if (password !== undefined) return password;
  const account = /AccountKey=(.{40})/.exec(secret)?.[1];
  if (account !== undefined) return account;
  if (secret.startsWith("https://")) return secret.slice(secret.lastIndexOf("/") + 1);
  if (secret.startsWith("-----")) return secret.slice(secret.indexOf("\n") + 1, secret.indexOf("\n") + 60);
  return secret.replace(/^(?:Bearer|Basic) /, "");
}

const named = (shape: Shape, sign: string) => `${shape.variable}${sign}${shape.secret}`;

/** One secret in its eight surroundings. Where the value has no shape of its own, its name stands with it. */
export const wrappings: Readonly<Record<string, (shape: Shape) => string>> = {
  bare: (shape) => (shape.needsName === true ? named(shape, "=") : `use ${shape.secret} for it\nand go on`),
  JSON: (shape) =>
    JSON.stringify({
      id: 1,
      [shape.needsName === true ? shape.variable : "value"]: shape.secret,
      next: true,
    }),
  URL: (shape) =>
    /^(?:https|postgres):/.test(shape.secret)
      ? `see <${shape.secret}> there`
      : `https://api.example.com/v1/run?${shape.variable.toLowerCase()}=${shape.secret.includes("\n") || shape.secret.includes(" ") ? encodeURIComponent(shape.secret).replaceAll("%20", " ").replaceAll("%0A", "\n").replaceAll("%2B", "+").replaceAll("%2F", "/").replaceAll("%3D", "=") : shape.secret}&page=2`,
  header: (shape) => {
    const name = shape.needsName === true ? `X-${shape.variable.replaceAll("_", "-")}` : "Authorization";
    return `GET / HTTP/1.1\r\nHost: example.com\r\n${name}: ${shape.secret}\r\n\r\n`;
  },
  ".env": (shape) => `NODE_ENV=production\nexport ${named(shape, "=")}\nPORT=3000\n`,
  diff: (shape) =>
    `@@ -1,3 +1,3 @@\n-${shape.variable}=\n+${named(shape, "=").replaceAll("\n", "\n+")}\n context\n`,
  base64: (shape) => Buffer.from(named(shape, "=")).toString("base64"),
  "two chunks": (shape) => named(shape, "=").slice(0, Math.floor(named(shape, "=").length / 2)),
};
