#!/bin/sh
# Installs or upgrades Huying from the bundle this file lies in, without a network; or goes back.
#
#   ./install.sh                              install, or upgrade: backup, migrate, switch
#   /opt/huying/current/install.sh rollback   back to the release before
#
# Needs Python 3.11 with venv, glibc 2.28 or newer, and tar, coreutils, util-linux.
#
#   HUYING_HOME      where releases lie (/opt/huying): releases/<version>, and current → one of them
#   HUYING_ENV_FILE  the settings of this machine (/etc/huying.env)
#   HUYING_USER      who owns the data (huying, where there is such a user)
#   PYTHON           the Python to use (python3.11)
set -eu
umask 022

home=${HUYING_HOME:-/opt/huying}
python=${PYTHON:-python3.11}
user=${HUYING_USER:-huying}
here=$(CDPATH='' cd -- "$(dirname -- "$(readlink -f -- "$0")")" && pwd)
stopped=

say() { printf '%s\n' "$@"; }
fail() {
  printf '%s\n' "$@" >&2
  exit 1
}

# As the owner of the data: files that root made there, the service could not read.
as_user() {
  if [ "$(id -u)" = 0 ] && id "$user" >/dev/null 2>&1; then
    (cd / && runuser -u "$user" -- "$@")
  else
    "$@"
  fi
}

stop_service() {
  if command -v systemctl >/dev/null && systemctl is-active --quiet huying 2>/dev/null; then
    systemctl stop huying
    stopped=1
  fi
}

# $1: a release. Its database, started by a command of ours, is handed over to the service.
start_service() {
  if [ -n "$stopped" ]; then
    as_user "$1/bin/huying" down
    systemctl start huying
  else
    say "服务没有由 systemd 运行，请自行重新启动 / Not run by systemd: start the service again yourself"
  fi
}

switch_to() {
  ln -s "releases/$1" "$home/.current.new"
  mv -T "$home/.current.new" "$home/current"
}

check_machine() {
  [ "$(uname -m)" = "$(cat "$here/ARCH")" ] ||
    fail "这个安装包是给 $(cat "$here/ARCH") 的，本机是 $(uname -m) / This bundle is for another processor"
  (cd "$here" && sha256sum --quiet --check SHA256SUMS) ||
    fail "安装包不完整，请重新复制 / The bundle is damaged: copy it again"
  "$python" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null ||
    fail "需要 Python 3.11（带 venv），或用 PYTHON= 指明它在哪里 / Python 3.11 with venv is needed; PYTHON= says where"
  "$python" -c '
import os, sys
name, _, version = os.confstr("CS_GNU_LIBC_VERSION").partition(" ")
sys.exit(name != "glibc" or tuple(map(int, version.split("."))) < (2, 28))' ||
    fail "需要 glibc 2.28 以上 / glibc 2.28 or newer is needed"
}

# $1: a version. Its release is laid beside the others, whole or not at all.
unpack() {
  draft=$home/releases/.$1.part
  rm -rf "$draft"
  mkdir -p "$home/releases"
  cp -R "$here/release" "$draft"
  "$python" -m venv "$draft/.venv"
  "$draft/.venv/bin/python" -m pip --isolated --quiet --disable-pip-version-check install \
    --no-index --no-deps --require-hashes --find-links "$here/wheels" -r "$here/wheels.txt"
  "$draft/.venv/bin/python" -m pip --isolated --disable-pip-version-check check >/dev/null ||
    fail "依赖不齐 / The libraries do not fit together"
  "$draft/.venv/bin/python" -m compileall -q "$draft/src"
  mv -T "$draft" "$home/releases/$1"
}

install() {
  [ -d "$here/wheels" ] || fail "请在解开的安装包里执行 / Run this in the unpacked bundle"
  version=$(cat "$here/release/VERSION")
  release=$home/releases/$version
  check_machine
  before=$(readlink -f "$home/current" || true)
  [ "$before" != "$release" ] || fail "$version 已经在用 / $version is in use already"
  [ -d "$release" ] || unpack "$version"
  if [ ! -L "$home/current" ]; then
    switch_to "$version"
    say "$version 已装好。接下来：写好 ${HUYING_ENV_FILE:-/etc/huying.env}，再执行" \
      "$version is in place. Next: write ${HUYING_ENV_FILE:-/etc/huying.env}, then run" \
      "  $home/current/bin/huying begin <六位区划代码> <县名>" \
      "  $home/current/bin/huying up"
    return
  fi
  stop_service
  if ! backup=$(as_user "$before/bin/huying" backup) || [ ! -d "$backup" ]; then
    start_service "$before"
    fail "备份没有做成，没有升级 / The backup failed; nothing was changed"
  fi
  if ! as_user "$release/bin/huying" migrate; then
    start_service "$before"
    fail "迁移没有做完，仍用原来的版本。若它不能运行：$before/bin/huying restore $backup --replace" \
      "The migration did not finish; the old release stays in use. Should it not run: the command above"
  fi
  basename "$before" >"$release/BEFORE"
  say "$backup" >"$release/BACKUP"
  switch_to "$version"
  start_service "$release"
  say "已升级到 $version。升级前的备份：$backup" \
    "Upgraded to $version. The backup from before: $backup" \
    "退回 / To go back:  $home/current/install.sh rollback"
}

rollback() {
  now=$(readlink -f "$home/current")
  [ -f "$now/BEFORE" ] || fail "没有更早的版本 / There is no release before this one"
  version=$(cat "$now/BEFORE")
  release=$home/releases/$version
  [ -d "$release" ] || fail "$release 已经不在 / $release is gone"
  stop_service
  switch_to "$version"
  start_service "$release"
  say "已退回到 $version / Back on $version"
  changed=$(cd "$now/src" && find huying -path '*/migrations/*.py' | sort | while read -r file; do
    cmp -s "$file" "$release/src/$file" || echo "  $file"
  done)
  if [ -z "$changed" ]; then
    say "两个版本的数据库结构相同，不用再做什么" \
      "Both releases have the same tables: nothing more to do"
  else
    say "数据库仍是新版本的结构，与这个版本不同之处在" \
      "The database still has the newer tables, which differ in" "$changed" \
      "新表、新列旧版本用不到，一般照常运行。若运行不正常，恢复升级前的备份（升级以后的数据会丢失）：" \
      "What is only added does no harm. If this release does not work with it, restore (what came since is lost):" \
      "  $release/bin/huying restore $(cat "$now/BACKUP") --replace"
  fi
}

case ${1:-install} in
  install) install ;;
  rollback) rollback ;;
  *) fail "./install.sh [install | rollback]" ;;
esac
