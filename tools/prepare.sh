# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# What tools/demo and tools/test have in common, read by both: command line, packages,
# build. Everything said here goes to standard error, since the output of the demo is
# for programs as well.

top=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
build=$top/build
program=tools/$(basename -- "$0")

say() {
    printf '%s\n' "$program: $*" >&2
}

# run COMMAND...: says what it does before it does it.
run() {
    printf '+ %s\n' "$*" >&2
    "$@" >&2
}

# prepare_options USAGE ARGUMENT...: sets $install.
prepare_options() {
    usage=$1
    shift
    install=yes
    for argument in "$@"; do
        case $argument in
        --no-install) install=no ;;
        --help)
            printf '%s\n' "$usage"
            exit 0
            ;;
        *)
            say "$argument: no such option: $program --help"
            exit 64
            ;;
        esac
    done
}

# packages_missing build|test: those that are not installed, on one line.
packages_missing() {
    for package in $("$top/tools/packages" "$1"); do
        dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' ||
            printf '%s ' "$package"
    done
}

# packages_install build|test: installs what is missing, or says what and leaves with 69.
packages_install() {
    if ! command -v dpkg-query >/dev/null; then
        say "not Debian: taking it that there is all of: $("$top/tools/packages" "$1" | xargs)"
        return
    fi
    missing=$(packages_missing "$1")
    if [ -z "$missing" ]; then
        return
    fi
    as_root=
    if [ "$(id -u)" -ne 0 ]; then
        as_root=sudo
    fi
    if [ "$install" = no ] || ! command -v ${as_root:-true} >/dev/null; then
        say "packages are missing: $missing: as root, apt-get install $missing"
        exit 69
    fi
    # An old index still knows most packages: its refresh may fail.
    run $as_root apt-get -q update || say 'the package index could not be refreshed'
    # shellcheck disable=SC2086 # words
    run $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -q -y --no-install-recommends install $missing || {
        say "apt-get could not install: $missing"
        exit 69
    }
}

# build_all: bootstraps and configures where that was not done, or was done when other
# packages were installed, and builds.
build_all() {
    packages=$("$top/tools/packages" test | xargs dpkg-query -W 2>/dev/null || true)
    mkdir -p "$build"
    cd "$top" || exit
    if [ ! -e configure ] || [ ! -e Makefile.in ]; then
        run autoreconf -fi
    fi
    cd "$build" || exit
    if [ ! -e Makefile ]; then
        run ../configure -q
    elif [ "$packages" != "$(cat packages-seen 2>/dev/null)" ]; then
        # With the arguments it had: objects of two configurations do not go together.
        run ./config.status --recheck --quiet
        run ./config.status --quiet
    fi
    printf '%s\n' "$packages" >packages-seen
    run make -s -j"$(nproc)"
}
