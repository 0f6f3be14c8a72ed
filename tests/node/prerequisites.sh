# Sourced by tests/run: provides what a node needs, by the system's package manager.
# shellcheck shell=bash

# The package manager, and how it may be called: as root, or by a sudo that asks for no password.
package_manager() {
  local name
  for name in apt-get dnf apk pacman brew; do
    if command -v "$name" >/dev/null; then echo "$name"; return; fi
  done
  return 1
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

may_install() {
  [ "$1" = brew ] || [ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null
}

install_command() { # package manager, packages
  case $1 in
    apt-get) echo "apt-get install --yes --no-install-recommends ${*:2}" ;;
    dnf) echo "dnf install --assumeyes ${*:2}" ;;
    apk) echo "apk add ${*:2}" ;;
    pacman) echo "pacman --sync --needed --noconfirm ${*:2}" ;;
    brew) echo "brew install ${*:2}" ;;
  esac
}

jdk_package() { # package manager, major version
  case $1 in
    apt-get) echo "openjdk-$2-jdk-headless" ;;
    dnf) echo "java-$2-openjdk-devel" ;;
    apk) echo "openjdk$2-jdk" ;;
    pacman) echo "jdk$2-openjdk" ;;
    brew) echo "openjdk@$2" ;;
  esac
}

# Once. A fresh machine may have no lists of packages at all, so that nothing is found in them.
update_lists() { # package manager
  if [ "$1" != apt-get ] || [ -n "${lists_updated:-}" ] || ! may_install "$1"; then return; fi
  lists_updated=yes
  export DEBIAN_FRONTEND=noninteractive
  as_root apt-get update --quiet=2 >&2 || say "apt-get update failed; going on with the lists that are there"
}

install_packages() { # packages
  local manager command
  manager=$(package_manager) || {
    say "no known package manager; install by hand: $*"
    return 1
  }
  command=$(install_command "$manager" "$@")
  if ! may_install "$manager"; then
    say "missing: $*. Install with:  sudo $command"
    return 1
  fi
  say "$command"
  local run=(as_root)
  if [ "$manager" = brew ]; then run=(); fi
  update_lists "$manager"
  # shellcheck disable=SC2086 # The command is made of words.
  ${run[@]+"${run[@]}"} $command </dev/null >&2
}

provide_tools() {
  local missing=()
  command -v mvn >/dev/null || missing+=(maven)
  command -v curl >/dev/null || missing+=(curl)
  if ! command -v ps >/dev/null; then missing+=("$(ps_package)"); fi
  if [ ${#missing[@]} -gt 0 ]; then install_packages "${missing[@]}"; fi
}

ps_package() {
  case $(package_manager) in apt-get | apk) echo procps ;; *) echo procps-ng ;; esac
}

# A JDK of at least this version; the newest long-term one at hand, so that the second question needs no other.
provide_jdk() { # major version
  if tests/node/jdk "$1" >/dev/null; then return; fi
  provide_newer_jdk 21 || install_packages "$(jdk_package "$(package_manager)" "$1")"
}

# False, without a failure, where the system has no such package.
provide_newer_jdk() { # major version
  if tests/node/jdk "$1" >/dev/null; then return; fi
  local manager package
  manager=$(package_manager) || return 1
  package=$(jdk_package "$manager" "$1")
  update_lists "$manager"
  if [ "$manager" = apt-get ] && ! apt-cache show "$package" 2>/dev/null | grep -q ^Package; then return 1; fi
  install_packages "$package" && tests/node/jdk "$1" >/dev/null
}
