# Sourced by the shell that Claude Code starts for a hook, so that a turn costs one process of some milliseconds.
# While the tool server of this plugin lives, it reads the transcript as it grows, and nothing is to be done.
mark="${LOCI_HOME:-$HOME/.loci}/claude-code/$PPID"
if [ -r "$mark" ] && read -r server <"$mark" && kill -0 "$server" 2>/dev/null; then exit 0; fi
. "$CLAUDE_PLUGIN_ROOT/hooks/read.sh"
