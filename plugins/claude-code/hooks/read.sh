# Reads what is new in the transcript, beside the agent: it waits for nothing, and what reads ends by itself within
# three seconds. Claude Code has ended the tool server before SessionEnd, and wrote then what the session cost.
if command -v node >/dev/null 2>&1; then
  # What the hook is told: a shell gives no standard input to what it does not wait for, unless it is named.
  exec 3<&0
  # A fifth of a second later: the agent ends or begins its next turn now, and both want the processor.
  { sleep 0.2; exec node "$CLAUDE_PLUGIN_ROOT/loci.mjs" hook turn; } <&3 >/dev/null 2>&1 3<&- &
fi
exit 0
