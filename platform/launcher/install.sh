# Makes .venv with a fitting Python and installs one list of requirements into it.
# Run from the project's root: sh platform/launcher/install.sh requirements.txt
set -eu

# Two runs at once would install over each other: the second waits for the first.
mkdir -p -m 700 var
exec 9>var/install.lock
if command -v flock >/dev/null 2>&1; then flock 9; fi

fits() {
    command -v "$1" >/dev/null 2>&1 &&
        "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, '"$2"'))'
}

# The broker's package brings a ready-made server for Python 3.11 and 3.12; a later Python has to
# compile it, so it comes last.
find_python() {
    for name in python3 python3.12 python3.11; do
        if fits "$name" 12; then echo "$name"; return; fi
    done
    for name in python3 python3.14 python3.13; do
        if fits "$name" 99; then echo "$name"; return; fi
    done
    echo "attune: Python 3.11 or later is needed, and $(python3 --version 2>&1 || true) is here." \
        "Install python3.11 or python3.12, then run make again." >&2
    exit 1
}

if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    python=$(find_python)
    echo "attune: making .venv with $($python --version)"
    "$python" -m venv --clear .venv || {
        echo "attune: .venv could not be made. On Debian and Ubuntu: apt-get install python3-venv" >&2
        exit 1
    }
fi
echo "attune: installing $1 (some minutes the first time)"
exec .venv/bin/python -m pip install -q --disable-pip-version-check -r "$1"
