#!/bin/sh
# A Docker engine of our own for the tests: start, stop, status.
#
#   eval "$(scripts/docker-engine.sh start)"    start (or find) an engine and export how to reach it
#   scripts/docker-engine.sh status             exit code 0 when an engine answers
#   scripts/docker-engine.sh stop               stop the engine that `start` started, nothing else
#
# With a process id as second word, `start` notes that this process uses the engine, and `stop` ends that use: the
# engine stops when its last living user does, also when that one is killed. Test runs that overlap share one engine this way.
#
# stdout carries `export` lines only, words go to stderr. `start` takes the first of: the engine started before, the
# engine that `docker` reaches already, a dockerd started now. The last needs root. A dockerd that is not installed is
# unpacked from Debian's packages into the cache folder: nothing is installed on the system, no service is started.
#
# Settings: MANYHANDS_DOCKER_CACHE (packages, images: kept), MANYHANDS_DOCKER_RUN (socket, pid, log: short path).
set -eu

cache=${MANYHANDS_DOCKER_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/manyhands/docker-engine}
run=${MANYHANDS_DOCKER_RUN:-/tmp/manyhands-docker-engine}
socket=$run/docker.sock
pidfile=$run/dockerd.pid
users=$run/users
user=${2:-}
log=$run/dockerd.log
packages=$cache/packages

main() {
  case "${1:-}" in
    start) start ;;
    stop) stop ;;
    status) status ;;
    watch) watch ;; # what `start` leaves behind
    *) fail "usage: docker-engine.sh start|stop|status" ;;
  esac
}

say() { echo "docker-engine: $*" >&2; }

fail() {
  say "$*"
  exit 1
}

start() {
  use_packages
  if ! own_engine_runs && reaches_another_engine; then
    say "using the engine that docker reaches at ${DOCKER_HOST:-its default socket}"
    [ -z "${DOCKER_HOST:-}" ] || echo "export DOCKER_HOST='$DOCKER_HOST'"
    return
  fi
  [ "$(uname -s)" = Linux ] || fail "no engine answers, and starting one needs Linux: start Docker and try again"
  [ "$(id -u)" = 0 ] || fail "no engine answers, and starting one needs root: start Docker, or run this as root"
  mkdir -p "$run" "$cache"
  # A second command waits, and finds the engine of the first.
  lock
  mkdir -p "$users"
  if [ -n "$user" ]; then start_time "$user" >"$users/$user"; else touch "$users/everybody"; fi
  own_engine_answers || start_watched
  print_exports
}

start_watched() {
  start_dockerd
  # Read from stdin, and so without a path of the run among its words: what ends a run by its paths must not end it.
  (cd / && exec setsid sh -s watch "$(cat "$pidfile")" >>"$log" 2>&1 9>&-) <"$0" &
}

# A user that is killed does not say that it ends, and an engine that is killed leaves its containers: cleans up in both
# cases.
# @param the pid of the engine
watch() {
  watched=$user
  user=
  while is_pid_of_engine && own_engine_runs && is_used; do sleep 1; done
  # With the lock held no run begins to use it.
  lock
  if ! is_pid_of_engine; then return; fi
  if own_engine_runs && is_used; then
    exec 9>&-
    watch "$watched"
    return
  fi
  stop_engine
}

is_pid_of_engine() { [ "$(cat "$pidfile" 2>/dev/null)" = "$watched" ]; }

lock() {
  exec 9>"$run/lock"
  flock -w 240 9 || fail "another command holds $run/lock since more than 240 s"
}

reaches_another_engine() {
  command -v docker >/dev/null && timeout 10 docker info >/dev/null 2>&1
}

start_dockerd() {
  command -v dockerd >/dev/null || unpack_packages
  [ -n "$(ls -A /sys/fs/cgroup 2>/dev/null)" ] || fail "no control groups are mounted under /sys/fs/cgroup: containers cannot run here"
  if [ -e /sys/class/net/docker0 ]; then rm -f "$run/owns-bridge"; else touch "$run/owns-bridge"; fi
  # The storage driver that the kernel offers first; plain copies where overlay mounts are refused.
  try_dockerd "" && return
  say "the default storage driver did not start, trying vfs"
  try_dockerd vfs && return
  tail -n 5 "$log" >&2
  fail "dockerd does not start here, its log is $log"
}

# Without iptables the engine leaves no firewall rules behind. Published ports go through docker-proxy and containers
# of one network reach each other; a container does not reach the world, so builds run with `--network host`.
try_dockerd() {
  rm -f "$pidfile"
  set -- --data-root "$cache/data" --exec-root "$run/exec" --pidfile "$pidfile" --host "unix://$socket" \
    --group "$(id -gn)" --iptables=false --ip6tables=false ${1:+--storage-driver="$1"}
  # 9>&-: the engine must not inherit the lock, or it would hold it for its whole life.
  setsid dockerd "$@" >"$log" 2>&1 </dev/null 9>&- &
  dockerd=$!
  for _ in $(seq 150); do
    if own_engine_answers; then
      say "started dockerd $(docker --host "unix://$socket" version --format '{{.Server.Version}}'), pid $(cat "$pidfile")"
      return 0
    fi
    kill -0 "$dockerd" 2>/dev/null || return 1
    sleep 0.2
  done
  kill "$dockerd" 2>/dev/null || true
  return 1
}

# The pid file can outlive a crash, and its number can belong to another process by then.
own_engine_runs() {
  [ -s "$pidfile" ] && [ "$(cat "/proc/$(cat "$pidfile")/comm" 2>/dev/null)" = dockerd ]
}

own_engine_answers() {
  own_engine_runs &&
    timeout 10 docker --host "unix://$socket" version >/dev/null 2>&1
}

# Unpacks docker.io, docker-compose and what they need and the system lacks, side by side with the system.
unpack_packages() {
  command -v apt-get >/dev/null && command -v dpkg >/dev/null ||
    fail "dockerd is not installed, and only Debian's and Ubuntu's packages can be unpacked: install Docker"
  say "unpacking docker.io and docker-compose into $packages"
  rm -rf "$packages" "$cache/unpacking"
  mkdir -p "$cache/unpacking/archives"
  missing=$(list_missing) || missing=
  if [ -z "$missing" ]; then
    apt-get update -qq >&2 || true
    missing=$(list_missing) || fail "apt-get knows no package docker.io: install Docker"
  fi
  # apt-get drops its rights to the user _apt, which has to be able to write here.
  chmod 755 "$cache/unpacking" && chmod 777 "$cache/unpacking/archives"
  # shellcheck disable=SC2086 # one word per package
  (cd "$cache/unpacking/archives" && timeout 240 apt-get download -qq -o APT::Sandbox::User=root $missing >&2) ||
    fail "the packages could not be downloaded: $missing"
  for archive in "$cache"/unpacking/archives/*.deb; do dpkg -x "$archive" "$cache/unpacking/root"; done
  rm -rf "$cache/unpacking/archives"
  mv "$cache/unpacking" "$packages"
  write_wrappers
  use_packages
}

list_missing() {
  apt-get install --simulate --no-install-recommends docker.io docker-compose iptables 2>/dev/null |
    awk '/^Inst/ { print $2; found = 1 } END { exit !found }'
}

# Debian's alternatives system makes the name `iptables`, and docker-compose has to find its Python modules.
write_wrappers() {
  mkdir -p "$packages/bin"
  for name in iptables ip6tables; do
    [ ! -e "$packages/root/usr/sbin/$name-nft" ] || ln -sf "../root/usr/sbin/$name-nft" "$packages/bin/$name"
  done
  ln -sf ../root/usr/bin/docker "$packages/bin/docker"
  cat >"$packages/bin/docker-compose" <<END
#!/bin/sh
PYTHONPATH="$packages/root/usr/lib/python3/dist-packages" exec /usr/bin/python3 "$packages/root/usr/bin/docker-compose" "\$@"
END
  chmod +x "$packages/bin/docker-compose"
}

# After the system's own folders, so that what is installed there wins.
use_packages() {
  [ -d "$packages/bin" ] || return 0
  triplet=$(basename "$(dirname "$(ls -d "$packages"/root/usr/lib/*-linux-gnu*/xtables 2>/dev/null || echo none/none)")")
  XTABLES_LIBDIR="$packages/root/usr/lib/$triplet/xtables"
  LD_LIBRARY_PATH="${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$packages/root/usr/lib/$triplet:$packages/root/lib/$triplet"
  PATH="$PATH:$packages/bin:$packages/root/usr/bin:$packages/root/usr/sbin:$packages/root/sbin"
  export PATH LD_LIBRARY_PATH XTABLES_LIBDIR
}

print_exports() {
  echo "export DOCKER_HOST='unix://$socket'"
  # The oldest engine that the tests meet; a newer client would otherwise have to ask with every command.
  echo "export DOCKER_API_VERSION='1.41'"
  # The container that testcontainers cleans up with comes from a registry; the tests clean up by label themselves.
  echo "export TESTCONTAINERS_RYUK_DISABLED='true'"
  [ ! -d "$packages/bin" ] || echo "export PATH=\"\$PATH:$packages/bin\""
}

status() {
  use_packages
  if own_engine_answers; then
    say "running, pid $(cat "$pidfile"), socket $socket"
    print_exports
  elif reaches_another_engine; then
    say "not started by this script; docker reaches an engine at ${DOCKER_HOST:-its default socket}"
  else
    fail "no engine answers"
  fi
}

stop() {
  use_packages
  if ! own_engine_runs; then
    say "not running"
    return
  fi
  lock
  if [ -n "$user" ]; then
    rm -f "$users/$user"
    ! is_used || return 0
  fi
  stop_engine
}

stop_engine() {
  pid=$(cat "$pidfile")
  if own_engine_answers; then
    # Their bridges and mounts would outlive the engine.
    docker --host "unix://$socket" ps --all --quiet | xargs -r docker --host "unix://$socket" rm --force --volumes >/dev/null || true
    docker --host "unix://$socket" network prune --force >/dev/null || true
  fi
  if own_engine_runs; then
    kill "$pid" 2>/dev/null || true
    for _ in $(seq 100); do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.2
    done
    ! kill -9 "$pid" 2>/dev/null || say "dockerd did not stop within 20 s and was killed"
  fi
  end_containers
  if [ -e "$run/owns-bridge" ] && command -v ip >/dev/null; then ip link delete docker0 2>/dev/null || true; fi
  # The engine leaves the network name spaces and layers mounted that it made.
  awk -v below="$run/exec/" -v layers="$cache/data/" 'index($2, below) == 1 || index($2, layers) == 1 { print $2 }' \
    /proc/mounts | xargs -r umount 2>/dev/null || true
  rm -rf "$run/exec" "$users" "$pidfile" "$socket" "$run/owns-bridge" || say "some files of $run could not be removed"
  say "stopped"
}

# Of an engine that was killed: each container has a shim, and its first process in a file.
end_containers() {
  tasks=$run/exec/containerd/daemon/io.containerd.runtime.v2.task/moby
  for file in "$tasks"/*/init.pid; do
    [ ! -e "$file" ] || kill -9 "$(cat "$file")" 2>/dev/null || true
  done
  for file in $(grep -lsF -e "$run/exec/containerd/containerd.sock" /proc/[0-9]*/cmdline); do
    process=${file%/cmdline}
    case "$(cat "$process/comm" 2>/dev/null)" in
      containerd-shim*) kill -9 "${process#/proc/}" 2>/dev/null || true ;;
    esac
  done
}

is_used() {
  for used in "$users"/*; do
    name=${used##*/}
    [ "$name" != everybody ] || return 0
    # Its number can belong to another process by now.
    started=$(start_time "$name")
    if [ -n "$started" ] && [ "$started" = "$(cat "$used")" ]; then return 0; fi
  done
  return 1
}

# When a process was started, in the kernel's ticks since boot; nothing for one that does not run. Its name, the second
# field, may hold spaces.
start_time() {
  sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | awk '$1 != "Z" { print $20 }'
}

main "$@"
