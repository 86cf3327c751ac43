/**
 * The tables for people: what read-only SQL offers beside the stored ones. Their names and columns are a public
 * contract (docs/sql.md is made from this list); the stored tables may change with the schema.
 */
export interface View {
  readonly name: string;
  readonly about: string;
  readonly from: string;
  readonly groupBy?: string;
  /** Name, expression, and what it means. */
  readonly columns: ReadonlyArray<readonly [name: string, expression: Expression, about: string]>;
}

/** The same in both languages, or one for each. */
type Expression = string | { readonly [Language in ViewLanguage]: string };

export type ViewLanguage = "sqlite" | "postgres";

const seconds: Expression = {
  sqlite: "round((julianday(s.ended_at) - julianday(s.started_at)) * 86400, 3)",
  postgres: "round(extract(epoch from s.ended_at - s.started_at)::numeric, 3)::float8",
};

export const views: readonly View[] = [
  {
    name: "v_sessions",
    about: "One row a session, with its totals.",
    from: "sessions s",
    columns: [
      ["id", "s.id", "the session"],
      ["title", "s.title", "its title"],
      ["project", "s.project_path", "the folder the agent worked in"],
      ["agent", "s.agent_type", "what the agent is: `claude-code`, `planning`, a sub-agent's type"],
      ["model", "s.model", "the model of most calls"],
      ["provider", "s.provider", "who runs the model"],
      ["status", "s.status", "`running`, `completed`, `error` or `interrupted`"],
      ["started_at", "s.started_at", "when it began, UTC"],
      ["ended_at", "s.ended_at", "when it ended"],
      ["seconds", seconds, "how long it took"],
      ["messages", "s.message_count", "messages in it"],
      ["tools", "s.tool_count", "tool executions in it"],
      ["errors", "s.error_count", "errors in it"],
      ["input_tokens", "s.input_tokens", "tokens sent, without those from the cache"],
      ["output_tokens", "s.output_tokens", "tokens made"],
      ["cache_read_tokens", "s.cache_read_tokens", "tokens read from the provider's cache"],
      ["cache_write_tokens", "s.cache_write_tokens", "tokens written to it"],
      ["cost_usd", "s.cost_usd", "US dollars of the calls that have a price"],
      ["cost_complete", "s.cost_complete", "false while a call with tokens has no price"],
      ["source", "s.source", "where it came from"],
      ["parent_id", "s.parent_session_id", "the session that started this one"],
      ["git_branch", "s.git_branch", "the branch it worked on"],
      ["updated_at", "s.updated_at", "the last moment anything happened"],
    ],
  },
  {
    name: "v_messages",
    about: "One row a message.",
    from: "messages m left join sessions s on s.id = m.session_id",
    columns: [
      ["id", "m.id", "the message"],
      ["session_id", "m.session_id", "its session"],
      ["sequence", "m.sequence", "its place in the session"],
      ["role", "m.role", "`user`, `assistant`, `tool`, `system`"],
      ["content", "m.content", "what was said"],
      ["model", "m.model", "the model that said it"],
      ["created_at", "m.created_at", "when, UTC"],
      ["tokens", "m.token_count", "its tokens, where known"],
      ["project", "s.project_path", "the session's project"],
      ["agent", "s.agent_type", "the session's agent"],
    ],
  },
  {
    name: "v_tool_calls",
    about: "One row a tool execution.",
    from: "tool_executions t left join sessions s on s.id = t.session_id",
    columns: [
      ["id", "t.id", "the tool execution"],
      ["session_id", "t.session_id", "its session"],
      ["message_id", "t.message_id", "the message that asked for it"],
      ["tool", "t.tool_name", "the tool"],
      ["status", "t.status", "`running`, `completed` or `error`"],
      ["input", "t.input", "what it was given, JSON text"],
      ["output", "t.output", "what it answered"],
      ["error", "t.error", "why it failed"],
      ["started_at", "t.started_at", "when it began, UTC"],
      ["ended_at", "t.ended_at", "when it ended"],
      ["duration_ms", "t.duration_ms", "how long it took"],
      ["project", "s.project_path", "the session's project"],
      ["agent", "s.agent_type", "the session's agent"],
    ],
  },
  {
    name: "v_costs_daily",
    about: "One row for each day, project and model. Calls that a fork copied are not counted again.",
    from: "model_calls c left join sessions s on s.id = c.session_id where not c.inherited",
    groupBy: "1, 2, 3",
    columns: [
      [
        "day",
        {
          sqlite: "substr(c.started_at, 1, 10)",
          postgres: "to_char(c.started_at at time zone 'UTC', 'YYYY-MM-DD')",
        },
        "the day, UTC",
      ],
      ["project", "s.project_path", "the project"],
      ["model", "c.model", "the model"],
      ["calls", "count(*)", "calls of the model"],
      ["input_tokens", "sum(c.input_tokens)", "tokens sent"],
      ["output_tokens", "sum(c.output_tokens)", "tokens made"],
      ["cache_read_tokens", "sum(c.cache_read_tokens)", "tokens read from the cache"],
      ["cache_write_tokens", "sum(c.cache_write_tokens)", "tokens written to it"],
      ["cost_usd", "coalesce(sum(c.cost_usd), 0)", "US dollars of the calls that have a price"],
      ["calls_without_price", "count(*) - count(c.cost_usd)", "calls whose model has no price"],
    ],
  },
  {
    name: "v_errors",
    about: "One row for each tool execution that failed and each session that ended in an error.",
    from: `(
      select t.started_at as at, t.session_id, 'tool' as kind, t.tool_name as tool, coalesce(t.error, t.output) as error, t.id
      from tool_executions t where t.status = 'error'
      union all
      select coalesce(e.ended_at, e.updated_at), e.id, 'session', null, e.error_message, e.id
      from sessions e where e.status = 'error'
    ) x left join sessions s on s.id = x.session_id`,
    columns: [
      ["at", "x.at", "when, UTC"],
      ["session_id", "x.session_id", "the session"],
      ["kind", "x.kind", "`tool` or `session`"],
      ["tool", "x.tool", "the tool that failed"],
      ["error", "x.error", "what it said"],
      ["id", "x.id", "the tool execution, or the session"],
      ["project", "s.project_path", "the session's project"],
      ["agent", "s.agent_type", "the session's agent"],
    ],
  },
  {
    name: "conversations",
    about: "The messages, under the name and the columns that other memory servers have for them.",
    from: "messages m where m.role in ('user', 'assistant', 'system')",
    columns: [
      ["id", "m.id", "the message"],
      ["session_id", "m.session_id", "its session"],
      ["user_id", ofMetadata("user_id"), "the user, where add_conversation was told"],
      ["role", "m.role", "`user`, `assistant`, `system`"],
      ["message", "case when m.role <> 'assistant' then m.content end", "what was said to the assistant"],
      ["response", "case when m.role = 'assistant' then m.content end", "what the assistant said"],
      ["content", "m.content", "either"],
      ["context", ofMetadata("context"), "where it was said, where add_conversation was told"],
      ["metadata", "m.metadata", "what belongs to the message, JSON"],
      ["timestamp", "m.created_at", "when, UTC"],
      ["created_at", "m.created_at", "when, UTC"],
    ],
  },
  {
    name: "knowledge_base",
    about: "What agents found out, under the name and the columns that other memory servers have for it.",
    from: "knowledge k",
    columns: [
      ["id", "k.id", "the entry"],
      ["category", "k.category", "its category"],
      ["topic", "k.topic", "what it is about"],
      ["content", "k.content", "what was found out"],
      ["source", "k.agent_id", "who found it"],
      ["tags", "k.tags", "a JSON list"],
      ["metadata", "k.metadata", "what belongs to it, JSON"],
      ["timestamp", "k.created_at", "when, UTC"],
      ["created_at", "k.created_at", "when, UTC"],
    ],
  },
];

function ofMetadata(name: string): Expression {
  return { sqlite: `json_extract(m.metadata, '$.${name}')`, postgres: `m.metadata ->> '${name}'` };
}

/** What such a view selects. */
export function viewText(view: View, language: ViewLanguage): string {
  const columns = view.columns.map(
    ([name, expression]) =>
      `${typeof expression === "string" ? expression : expression[language]} as ${name}`,
  );
  const grouped = view.groupBy === undefined ? "" : ` group by ${view.groupBy}`;
  return `select ${columns.join(", ")} from ${view.from}${grouped}`;
}

/** `create temp view …` and the like; the caller says what stands before `view`. */
export function createView(view: View, language: ViewLanguage, create = "create view"): string {
  return `${create} ${view.name} as ${viewText(view, language)}`;
}
