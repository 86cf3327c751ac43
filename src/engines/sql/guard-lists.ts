import { type Lexis, refusal, type Token } from "./guard-tokens.ts";

/** What one SQL language lets through. Lists name what is allowed, so that what a new version adds stays outside. */
export interface GuardRules {
  readonly lexis: Lexis;
  readonly firstWords: ReadonlySet<string>;
  /** Words that stand in no question; quoted, they are names. */
  readonly refusedWords: ReadonlySet<string>;
  readonly functions: ReadonlySet<string>;
  /** Words that stand before a parenthesis without being called. */
  readonly beforeParenthesis: ReadonlySet<string>;
  /** Functions whose second argument says how much they make: it must be written out. */
  readonly literalLengths: ReadonlySet<string>;
  /** `AS t(a, b)` may also be written without AS. */
  readonly aliasLists: boolean;
  /** The one schema that a function may be called by. */
  readonly functionSchema: string | undefined;
  /** Whether the name before this parenthesis is a table's or a type's, where statements have such. */
  isNamed?(tokens: readonly Token[], i: number): boolean;
  /** Names of tables that show more than the store. */
  isRefusedTable(name: string): boolean;
  /** The index of the statement that EXPLAIN explains; throws where it would run it. */
  afterExplain(words: readonly string[]): number;
  readonly pragma?: { readonly alone: ReadonlySet<string>; readonly about: ReadonlySet<string> };
}

export const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

const questions = words("select with values");

const keywords = `
  all and any as between by case cast distinct else end escape except exists filter from group having in
  intersect is like limit materialized not null offset on or order over partition recursive returns select
  some then union using values when where with within
`;

const changing = `
  insert update delete merge truncate create alter drop attach detach vacuum reindex grant revoke copy into pragma
`;

/** Pragmas that only tell. With an argument: those that tell about one table or index. */
const pragmaAlone = words(`
  application_id collation_list compile_options data_version encoding foreign_key_check foreign_keys
  freelist_count function_list integrity_check journal_mode module_list page_count page_size pragma_list
  quick_check schema_version table_list user_version
`);
const pragmaAbout = words(
  "foreign_key_list index_info index_list index_xinfo table_info table_list table_xinfo",
);
const pragmaTables = words(`
  pragma_collation_list pragma_compile_options pragma_foreign_key_list pragma_function_list pragma_index_info
  pragma_index_list pragma_index_xinfo pragma_module_list pragma_pragma_list pragma_table_info pragma_table_list
  pragma_table_xinfo
`);

/**
 * Modules that need no CREATE: a SELECT from `fsdir` lists the disk, one from `sqlite_dbpage` reads raw pages. The
 * npm build of libsql has them compiled in (0.5.29), with readfile() and writefile().
 */
const modules = words(`
  bytecode carray completion csv dbstat fsdir fts3tokenize fts5vocab fts4aux sqlite_btreeinfo sqlite_dbpage
  sqlite_memstat sqlite_stmt stmt tables_used vector_top_k wholenumber zipfile
`);

/** Of the 204 functions in libsql 0.5.29, those that compute from their arguments. */
const sqliteFunctions = words(`
  abs acos acosh asin asinh atan atan2 atanh avg ceil ceiling changes char charindex coalesce concat
  concat_ws cos cosh cot count cume_dist date datetime degrees dense_rank exp first_value floor format
  generate_series glob group_concat hex ifnull iif instr json json_array json_array_length json_each
  json_error_position json_extract json_group_array json_group_object json_insert json_object json_patch
  json_quote json_remove json_replace json_set json_tree json_type json_valid jsonb jsonb_array
  jsonb_extract jsonb_group_array jsonb_group_object jsonb_insert jsonb_object jsonb_patch jsonb_remove
  jsonb_replace jsonb_set julianday lag last_insert_rowid last_value lead length like likelihood likely ln
  log log10 log2 lower lower_quartile ltrim max median min mod mode nth_value ntile nullif octet_length
  percent_rank pi pow power printf quote radians random randomblob rank regexp replace reverse round
  row_number rtrim sign sin sinh soundex sqlite_source_id sqlite_version sqrt stdev strftime string_agg
  substr substring sum tan tanh time timediff total total_changes trim trunc typeof unhex unicode unixepoch
  unlikely upper upper_quartile variance vector vector16 vector32 vector64 vector8 vectorb16 vector_distance_cos vector_distance_l2 vector_extract zeroblob
`);

export const sqliteRules: GuardRules = {
  lexis: {
    quotes: { '"': '"', "`": "`", "[": "]" },
    lineEnds: /\n/g,
    nestedComments: false,
    dollarQuotes: false,
    signs: /[-+*/%<>=!|&~(),.;]/,
    parameter: /(?:\?\d*|[:@$][A-Za-z_]\w*)/y,
  },
  firstWords: questions,
  refusedWords: words(`${changing} replace begin commit rollback savepoint release analyze`),
  functions: new Set([...sqliteFunctions, ...pragmaTables]),
  beforeParenthesis: words(`${keywords} glob match regexp isnull notnull collate`),
  literalLengths: new Set(),
  aliasLists: false,
  functionSchema: undefined,
  isRefusedTable: (name) => modules.has(name) || (name.startsWith("pragma_") && !pragmaTables.has(name)),
  afterExplain: (statement) => (statement[1] === "query" && statement[2] === "plan" ? 3 : 1),
  pragma: { alone: pragmaAlone, about: pragmaAbout },
};

/** Of PostgreSQL's catalog, what says how the store is built; not who may enter, who is there, and what they ask. */
const catalog = words(`
  pg_attribute pg_catalog pg_class pg_column_size pg_constraint pg_index pg_indexes pg_indexes_size pg_namespace
  pg_relation_size pg_size_pretty pg_table_size pg_tables pg_total_relation_size pg_type pg_typeof pg_views
`);

/** Views of information_schema that show the passwords of foreign servers to their owner. */
const passwords = words("foreign_data_wrapper_options foreign_server_options user_mapping_options");

const postgresFunctions = words(`
  abs acos acosd acosh age any_value array array_agg array_append array_cat array_dims array_length
  array_lower array_ndims array_position array_positions array_prepend array_remove array_replace
  array_to_json array_to_string array_upper ascii asin asind asinh atan atan2 atanh avg bit_and bit_length
  bit_or bool_and bool_or btrim cardinality cbrt ceil ceiling char_length character_length chr
  clock_timestamp coalesce concat concat_ws corr cos cosh cot count covar_pop covar_samp cume_dist
  current_database current_schema date date_bin date_part date_trunc decode degrees dense_rank div encode
  every exp extract first_value floor format gcd generate_series generate_subscripts greatest
  grouping initcap isfinite json_agg json_array_elements json_array_elements_text json_array_length
  json_build_array json_build_object json_each json_each_text json_extract_path json_extract_path_text
  json_object json_object_agg json_object_keys json_strip_nulls json_to_record json_to_recordset
  json_typeof jsonb_agg jsonb_array_elements jsonb_array_elements_text jsonb_array_length jsonb_build_array
  jsonb_build_object jsonb_each jsonb_each_text jsonb_extract_path jsonb_extract_path_text jsonb_object
  jsonb_object_agg jsonb_object_keys jsonb_path_exists jsonb_path_match jsonb_path_query
  jsonb_path_query_array jsonb_path_query_first jsonb_pretty jsonb_set jsonb_strip_nulls jsonb_to_record
  jsonb_to_recordset jsonb_typeof justify_days justify_hours justify_interval lag last_value lcm lead least
  left length ln localtimestamp log log10 lower lpad ltrim make_date make_interval make_time make_timestamp
  make_timestamptz max md5 min min_scale mod mode now nth_value ntile nullif num_nonnulls num_nulls
  octet_length overlay percent_rank percentile_cont percentile_disc pg_column_size pg_indexes_size
  pg_relation_size pg_size_pretty pg_table_size pg_total_relation_size pg_typeof pi position pow power
  quote_ident quote_literal quote_nullable radians random rank regexp_count regexp_instr regexp_like
  regexp_match regexp_matches regexp_replace regexp_split_to_array regexp_split_to_table regexp_substr
  regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope repeat replace reverse right round row
  row_number row_to_json rpad rtrim scale sha256 sign sin sinh split_part sqrt starts_with
  statement_timestamp stddev stddev_pop stddev_samp string_agg string_to_array string_to_table strpos
  substr substring sum tan tanh timeofday to_char to_date to_hex to_json to_jsonb to_number to_timestamp
  transaction_timestamp translate trim trim_array trunc unnest upper uuid_extract_timestamp var_pop
  var_samp variance version width_bucket
`);

export const postgresRules: GuardRules = {
  lexis: {
    quotes: { '"': '"' },
    lineEnds: /[\n\r]/g,
    nestedComments: true,
    dollarQuotes: true,
    signs: /[-+*/%<>=!|&~(),.;:@#^?[\]]/,
    parameter: /\$\d+/y,
  },
  firstWords: questions,
  refusedWords: words(`${changing} analyze call do lock listen notify prepare execute set reset`),
  functions: postgresFunctions,
  beforeParenthesis: words(`
    ${keywords} ilike similar to sets rollup cube lateral rows only xor overlaps isnull notnull interval numeric
    decimal varchar char character varying bit timestamp timestamptz time timetz float ordinality
  `),
  literalLengths: words("repeat lpad rpad"),
  aliasLists: true,
  functionSchema: "pg_catalog",
  isRefusedTable: (name) => (/^_?pg_/.test(name) && !catalog.has(name)) || passwords.has(name),
  afterExplain(statement) {
    const start = statement[1] === "verbose" ? 2 : 1;
    if (statement[start] !== "(") return start;
    const end = statement.indexOf(")");
    const options = statement.slice(start + 1, end);
    const known = /^(costs|verbose|summary|format|on|off|true|false|json|text|yaml|,)$/;
    if (options.every((word) => known.test(word))) return end + 1;
    throw refusal(
      "read-only",
      "EXPLAIN is answered with COSTS, VERBOSE, SUMMARY and FORMAT: it does not run what it explains.",
    );
  },
};
