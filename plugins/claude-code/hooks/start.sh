# Sourced by the shell that Claude Code starts for a session that begins, which waits for it. What the last process that
# read the store wrote down for this folder is told as it stands, as long as nobody has written to the store since and
# no setting says otherwise; else a process of Node reads the store.
home=${LOCI_HOME:-$HOME/.loci}
store=$home/loci.db
told=$home/claude-code/told$PWD/start.json

isTold() {
  [ -z "$LOCI_CONTEXT$LOCI_URL$TURSO_DATABASE_URL" ] && [ -f "$store" ] && [ "$told" -nt "$store" ] || return 1
  [ ! -s "$store-wal" ] || [ "$told" -nt "$store-wal" ] || return 1
  [ ! -e "${XDG_CONFIG_HOME:-$HOME/.config}/loci/config.json" ] || return 1
  folder=$PWD
  while [ ! -e "$folder/loci.config.json" ]; do
    [ -n "$folder" ] && [ "$folder" != "$HOME" ] || return 0
    folder=${folder%/*}
  done
  return 1
}

IFS= read -r said
case $said in
  *"\"cwd\":\"$PWD\""*) if isTold; then cat "$told"; exit 0; fi ;;
esac
printf '%s\n' "$said" | node "$CLAUDE_PLUGIN_ROOT/loci.mjs" hook start
exit 0
