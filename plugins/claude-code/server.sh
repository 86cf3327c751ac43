# The tool server as Claude Code starts it. A session waits for its first answers, and a quarter of a second for Node to
# begin; what is asked first is the same for everybody, so this shell answers it, with what the build asked the server.
# Then it becomes the server itself, as it does at once for whatever it does not know.
here=${0%/*}
greeting=$here/../../dist/doors/cli/mcp-greeting.sh
if [ ! -r "$greeting" ] && loci=$(command -v loci) && loci=$(readlink -f "$loci"); then
  greeting=${loci%/*}/mcp-greeting.sh
fi
[ -r "$greeting" ] || exec node "$here/loci.mjs" mcp --record
. "$greeting"

# What was read and not answered goes along, as a file that is open already.
become() {
  LOCI_MCP_UNREAD=3 exec node "$here/loci.mjs" mcp --record 3<<END
$1
END
}

# Only what is certainly one of the questions that the build asked, in the version where each stands for itself.
answer() {
  case $1 in
    *'"cursor"'* | *'"id":'*'"id":'* | *'"method":'*'"method":'*) return 1 ;;
    *"\"io.modelcontextprotocol/protocolVersion\":\"$greetingVersion\""*) ;;
    *) return 1 ;;
  esac
  method=${1#*'"method":"'}
  method=${method%%'"'*}
  greet "$method" || return 1
  id=${1#*'"id":'}
  id=${id%%[,\}]*}
  case $id in '' | *[!A-Za-z0-9_/:\".-]*) return 1 ;; esac
  printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$result"
}

# The client has all that it asks for before a session. It asks its model now, which takes its time.
later() {
  trap 'kill "$rest"; exit 0' INT TERM HUP
  sleep 1 &
  rest=$!
  wait "$rest"
  become ''
}

tools= prompts= resources=
while IFS= read -r line; do
  answer "$line" || become "$line"
  case $method in
    tools/list) tools=1 ;;
    prompts/list) prompts=1 ;;
    resources/list) resources=1 ;;
  esac
  [ "$tools$prompts$resources" != 111 ] || later
done
