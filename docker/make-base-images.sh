#!/bin/sh
# Makes stand-ins for the two base images out of what this machine has, for machines that reach no image registry.
#
#   eval "$(docker/make-base-images.sh)"     exports NODE_IMAGE and REDIS_IMAGE, which docker-compose.yml reads
#
# node: the Node binary of this repository, its shared libraries, this machine's npm and its certificates, busybox.
# redis: Debian's redis-server, its shared libraries, busybox. Both have the users that the official images have
# (`node` 1000, `redis` 999). They are for tests: nobody updates them, so run nothing else on them.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
node_binary=${1:-$root/node_modules/node/bin/node}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
# An image is made again when this script, Node or npm changes.
npm_folder=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")
fingerprint=$(cat "$0" "$npm_folder/package.json" | sha256sum | cut -c1-16)-$("$node_binary" --version)
node_image=manyhands-base/node:24
redis_image=manyhands-base/redis:7

main() {
  is_made "$node_image" || make_node
  is_made "$redis_image" || make_redis
  echo "export NODE_IMAGE='$node_image'"
  echo "export REDIS_IMAGE='$redis_image'"
}

say() { echo "make-base-images: $*" >&2; }

is_made() { [ "$(docker image inspect --format '{{ index .Config.Labels "manyhands.fingerprint" }}' "$1" 2>/dev/null)" = "$fingerprint" ]; }

make_node() {
  say "making $node_image from $("$node_binary" --version)"
  image=$work/node
  make_ground "$image"
  add_user "$image" node 1000 /home/node
  mkdir -p "$image/usr/local/bin" "$image/usr/local/lib/node_modules" "$image/home/node" "$image/root"
  cp -L "$node_binary" "$image/usr/local/bin/node"
  copy_libraries "$image" "$node_binary"
  copy_c_library "$image"
  cp -R "$npm_folder" "$image/usr/local/lib/node_modules/npm"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$image/usr/local/bin/npm"
  ln -s ../lib/node_modules/npm/bin/npx-cli.js "$image/usr/local/bin/npx"
  # The package registry of this machine and the certificates that it is trusted with.
  echo "registry=$(npm config get registry 2>/dev/null)" >"$image/root/.npmrc"
  certificates=/etc/ssl/certs/ca-certificates.crt
  [ ! -e "$certificates" ] || (mkdir -p "$image/etc/ssl/certs" && cp -L "$certificates" "$image$certificates")
  chown 1000:1000 "$image/home/node"
  import "$image" "$node_image" -c "ENV NODE_EXTRA_CA_CERTS=$certificates" -c 'CMD ["node"]'
}

make_redis() {
  say "making $redis_image"
  image=$work/redis
  make_ground "$image"
  add_user "$image" redis 999 /data
  mkdir -p "$image/usr/local/bin" "$image/data" "$work/packages"
  download redis-tools libjemalloc2 liblzf1 libatomic1 libhiredis0.14
  packages=$work/packages/root
  LD_LIBRARY_PATH=$(find "$packages" -name '*.so*' -exec dirname {} + | sort -u | tr '\n' ':')
  export LD_LIBRARY_PATH
  # Debian ships one program under several names; the name decides what it is.
  cp -L "$packages/usr/bin/redis-check-rdb" "$image/usr/local/bin/redis-server"
  cp -L "$packages/usr/bin/redis-cli" "$image/usr/local/bin/redis-cli"
  copy_libraries "$image" "$packages/usr/bin/redis-check-rdb"
  copy_libraries "$image" "$packages/usr/bin/redis-cli"
  unset LD_LIBRARY_PATH
  # As the official image: flags alone mean redis-server, whose protected mode would refuse other containers.
  cat >"$image/usr/local/bin/docker-entrypoint.sh" <<'END'
#!/bin/sh
case "${1:-}" in -*) set -- redis-server "$@" ;; esac
if [ "${1:-}" = redis-server ]; then shift; exec redis-server --protected-mode no "$@"; fi
exec "$@"
END
  chmod +x "$image/usr/local/bin/docker-entrypoint.sh"
  chown 999:999 "$image/data"
  import "$image" "$redis_image" -c 'WORKDIR /data' -c 'VOLUME /data' -c 'EXPOSE 6379' \
    -c 'ENTRYPOINT ["docker-entrypoint.sh"]' -c 'CMD ["redis-server"]'
}

# A shell with its tools, a place for temporary files, and how names are resolved.
make_ground() {
  mkdir -p "$1/bin" "$1/usr/bin" "$1/etc" "$1/tmp"
  chmod 1777 "$1/tmp"
  [ -e "$work/busybox" ] || find_busybox
  cp "$work/busybox" "$1/bin/busybox"
  for name in $("$work/busybox" --list); do [ "$name" = busybox ] || ln -s busybox "$1/bin/$name"; done
  ln -s ../../bin/busybox "$1/usr/bin/env"
  echo 'hosts: files dns' >"$1/etc/nsswitch.conf"
  echo 'root:x:0:0:root:/root:/bin/sh' >"$1/etc/passwd"
  echo 'root:x:0:' >"$1/etc/group"
}

find_busybox() {
  if command -v busybox >/dev/null && ! ldd "$(command -v busybox)" >/dev/null 2>&1; then
    cp "$(command -v busybox)" "$work/busybox"
  else
    mkdir -p "$work/packages"
    download busybox-static
    find "$work/packages/root" -path '*/bin/busybox' -exec cp {} "$work/busybox" \;
  fi
}

add_user() {
  echo "$2:x:$3:$3::$4:/bin/sh" >>"$1/etc/passwd"
  echo "$2:x:$3:" >>"$1/etc/group"
}

copy_libraries() {
  ldd "$2" | grep -o '/[^ ]*' | sort -u | while read -r library; do
    # A library that was unpacked just now goes where the system keeps its own.
    target=$1${library#"$work/packages/root"}
    mkdir -p "$(dirname "$target")"
    [ -e "$target" ] || cp -L "$library" "$target"
  done
}

# The rest of the C library, which other programs than Node link to (pnpm is one).
copy_c_library() {
  folder=$(dirname "$(ldd "$node_binary" | grep -o '/[^ ]*/libc\.so\.6')")
  for name in librt.so.1 libresolv.so.2 libutil.so.1; do
    [ ! -e "$folder/$name" ] || cp -L "$folder/$name" "$1$folder/$name"
  done
}

download() {
  command -v apt-get >/dev/null || { say "needs Debian's or Ubuntu's packages to make the images"; exit 1; }
  # A package that this release has not got is left out: ldd tells below when it was needed.
  for name in "$@"; do
    (cd "$work/packages" && { apt-get download -qq -o APT::Sandbox::User=root "$name" ||
      { apt-get update -qq && apt-get download -qq -o APT::Sandbox::User=root "$name"; } || say "no package $name"; }) >&2
  done
  for archive in "$work"/packages/*.deb; do dpkg -x "$archive" "$work/packages/root" && rm "$archive"; done
}

import() {
  image=$1 name=$2
  shift 2
  tar -C "$image" -c . | docker import -c "LABEL manyhands.fingerprint=$fingerprint" \
    -c 'ENV PATH=/usr/local/bin:/usr/bin:/bin' "$@" - "$name" >/dev/null
}

main
