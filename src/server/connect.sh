#!/bin/sh
# Points this machine to an OCP server:  curl -fsSL http://<server>/connect | sh
#
#   --undo    takes back what this script wrote; where ocp is installed, that is: ocp disconnect
#
# With ocp on this machine, or fetched from where its releases are, it is `ocp connect`, which configures every IDE and
# agent. Without, it sets the shell's variables, which most SDKs and many tools read.
# Everything is in functions, and the last line starts them: of a script that was cut off nothing runs.
set -eu

# The server writes these in: where it is, and where ocp is to be had.
server=''
release_url=''

mark='# added by ocp connect; ocp disconnect removes it'

say() {
  printf '%s\n' "$1" >&2
}

fail() {
  say "ocp: $1"
  exit 1
}

has() {
  command -v "$1" >/dev/null 2>&1
}

has_terminal() {
  (: </dev/tty) 2>/dev/null
}

# Prints a URL's body; the second argument is how many seconds it may take.
fetch() {
  if has curl; then
    curl -fsSL --connect-timeout 10 --max-time "$2" "$1"
  elif has wget; then
    wget -q -T "$2" -O - "$1"
  else
    fail 'Neither curl nor wget is here. Install one of them.'
  fi
}

# For a POSIX shell.
quoted() {
  printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")"
}

connect_with() {
  if has_terminal; then
    "$1" connect "$server" </dev/tty
  else
    "$1" connect "$server"
  fi
}

# Ends with success when there is an ocp that can do it.
fetch_ocp() {
  [ -n "$release_url" ] || return 1
  installer=$(fetch "$release_url/install" 30 2>/dev/null) || return 1
  case "$installer" in
    '#!/bin/sh'*) ;;
    *) return 1 ;;
  esac
  say "Fetching ocp from $release_url ..."
  directory=${OCP_INSTALL_DIR:-$HOME/.local/bin}
  printf '%s\n' "$installer" | OCP_INSTALL_URL=$release_url sh -s -- --dir "$directory" --no-service || return 1
  ocp=$directory/ocp
  [ -x "$ocp" ]
}

# Sets key. It is asked for on the terminal, and is on no command line.
ask_key() {
  key=none
  health=$(fetch "$server/health" 10) || fail "$server does not answer."
  case "$health" in
    *'"authMode":"none"'*) return 0 ;;
    *'"authMode":'*) ;;
    *) fail "What answers at $server is not OCP." ;;
  esac
  has_terminal || fail "The server asks for a key, and there is no terminal to ask on. On it: ocp keys add NAME"
  tries=3
  while [ "$tries" -gt 0 ]; do
    tries=$((tries - 1))
    trap 'stty echo </dev/tty' EXIT
    trap 'exit 1' HUP INT TERM
    stty -echo </dev/tty
    printf 'The key for %s (there: ocp keys add NAME): ' "$server" >/dev/tty
    IFS= read -r key </dev/tty || key=''
    stty echo </dev/tty
    trap - EXIT HUP INT TERM
    printf '\n' >/dev/tty
    case "$key" in
      '') fail 'No key was given. Nothing was written.' ;;
      *[!!-~]*) say 'A key is made of visible ASCII characters, without blanks.' ;;
      *) if knows_key; then return 0; else say 'The server does not know this key.'; fi ;;
    esac
  done
  fail 'Nothing was written.'
}

# wget has no way to be given a header that others cannot see, so with it alone the key is not tried.
knows_key() {
  has curl || return 0
  printf 'Authorization: Bearer %s\n' "$key" |
    curl -fsS --max-time 10 -o /dev/null -H @- "$server/v1/models" 2>/dev/null
}

# Writes stdin to a file that is its owner's alone, whole or not at all.
write_own() {
  mkdir -p "$(dirname "$1")"
  (umask 077 && cat >"$1.$$.new") && mv -f "$1.$$.new" "$1"
}

# Bytes, not letters: what an editor of another time has written is no reason to stop reading.
has_line() {
  LC_ALL=C tr -d '\000' <"$1" | LC_ALL=C grep -qxF -- "$2"
}

# Adds a line to a file, once.
add_line() {
  if [ -e "$1" ] && has_line "$1" "$2"; then return 0; fi
  if [ -s "$1" ] && [ -n "$(tail -c 1 "$1" | tr -d '\000\n')" ]; then printf '\n' >>"$1"; fi
  printf '%s\n' "$2" >>"$1"
  say "Added a line to $1."
}

# Takes the line out of a file. A link stays one, and what is left is on disk before the file is written over.
remove_line() {
  [ -e "$1" ] || return 0
  has_line "$1" "$2" || return 0
  scratch=$(mktemp)
  code=0
  LC_ALL=C awk 'BEGIN { line = ARGV[2]; ARGV[2] = "" } $0 != line' "$1" "$2" >"$scratch" || code=$?
  # It is that line that went, and nothing else.
  whole=$(wc -c <"$1")
  left=$(wc -c <"$scratch")
  gone=$(printf '%s\n' "$2" | wc -c)
  missing=$((whole - left))
  # A last line without an end has one now.
  odd=$(((missing % gone) * ((missing + 1) % gone)))
  if [ "$code" != 0 ] || [ "$odd" != 0 ] || [ "$missing" -le 0 ]; then
    rm -f "$scratch"
    fail "The line cannot be taken out of $1 alone. Remove it by hand: it ends with $mark"
  fi
  cat "$scratch" >"$1" || fail "$1 cannot be written. What it should say is in $scratch."
  rm -f "$scratch"
  say "Took the line out of $1."
}

# Calls $1 with each file that a shell of this user reads, and our line in it; with each that may have it, to undo.
each_shell() {
  line="if [ -r $(quoted "$config/env.sh") ]; then . $(quoted "$config/env.sh"); fi $mark"
  found=no
  for file in "$HOME/.bashrc" "${ZDOTDIR:-$HOME}/.zshrc"; do
    case "$file:${SHELL:-}" in
      *.bashrc:*/bash | *.zshrc:*/zsh) wanted=yes ;;
      *) wanted=no ;;
    esac
    if [ "$wanted" = yes ] || [ -e "$file" ]; then
      "$1" "$file" "$line"
      found=yes
    fi
  done
  if [ -d "${XDG_CONFIG_HOME:-$HOME/.config}/fish" ]; then
    "$1" "${XDG_CONFIG_HOME:-$HOME/.config}/fish/config.fish" \
      "if test -r '$config/env.fish'; source '$config/env.fish'; end $mark"
    found=yes
  fi
  if [ "$found" = no ] || [ "$1" = remove_line ]; then "$1" "$HOME/.profile" "$line"; fi
}

set_up_shell() {
  ask_key
  {
    printf '%s\n' "$mark"
    printf "export OPENAI_BASE_URL='%s/v1'\nexport OPENAI_API_BASE='%s/v1'\n" "$server" "$server"
    printf 'export OPENAI_API_KEY=%s\nexport OCP_API_KEY=%s\n' "$(quoted "$key")" "$(quoted "$key")"
  } | write_own "$config/env.sh"
  if [ -d "${XDG_CONFIG_HOME:-$HOME/.config}/fish" ]; then
    escaped=$(printf '%s' "$key" | sed "s/[\\\\']/\\\\&/g")
    {
      printf '%s\n' "$mark"
      printf "set -gx OPENAI_BASE_URL '%s/v1'\nset -gx OPENAI_API_BASE '%s/v1'\n" "$server" "$server"
      printf "set -gx OPENAI_API_KEY '%s'\nset -gx OCP_API_KEY '%s'\n" "$escaped" "$escaped"
    } | write_own "$config/env.fish"
  fi
  each_shell add_line
  say "The shell is set up. Open a new shell, or source it: . '$config/env.sh'"
  say "IDEs and agents that have settings of their own are configured by ocp itself, which is not on this machine."
}

undo() {
  if has ocp; then
    ocp disconnect || return
  elif [ -x "$ocp" ]; then
    "$ocp" disconnect || return
  fi
  each_shell remove_line
  rm -f "$config/env.sh" "$config/env.fish"
  rmdir "$config" 2>/dev/null || true
}

connect() {
  [ -n "${HOME:-}" ] || fail 'HOME is not set.'
  config=${XDG_CONFIG_HOME:-$HOME/.config}/ocp
  ocp=${OCP_INSTALL_DIR:-$HOME/.local/bin}/ocp
  case "${1:-}" in
    '') ;;
    --undo)
      undo
      return
      ;;
    *) fail "It does not know $1. It knows --undo." ;;
  esac
  if has ocp; then
    connect_with ocp
  elif [ -x "$ocp" ] || fetch_ocp; then
    connect_with "$ocp"
  else
    set_up_shell
  fi
}

connect "$@"
