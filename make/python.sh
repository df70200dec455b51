#!/bin/sh
# Print a Python that can make the kit's environment, or say in one sentence on stderr what is missing.
# Each candidate is really started: a name on PATH may be a placeholder that cannot run.

probe='
import sys
if not (3, 11) <= sys.version_info[:2] <= (3, 13):
    print(sys.version.split()[0]); sys.exit(3)
try:
    import ensurepip, venv
except ImportError:
    print("%d.%d" % sys.version_info[:2]); sys.exit(4)
'

if [ -n "$PYTHON" ]; then
    candidates=$PYTHON
elif [ -x .venv/bin/python ] && .venv/bin/python -I -c "$probe" >/dev/null 2>&1; then
    echo .venv/bin/python
    exit 0
else
    candidates='python3.13
python3.12
python3.11
python3
python'
fi

unfit='' bare=''
IFS='
'
for candidate in $candidates; do
    said=$("$candidate" -I -c "$probe" 2>/dev/null)
    case $? in
        0) printf '%s\n' "$candidate"; exit 0 ;;
        3) [ -n "$unfit" ] || unfit="$candidate is $said" ;;
        4) [ -n "$bare" ] || bare=$said bare_name=$candidate ;;
    esac
done

if [ -n "$bare" ]; then
    echo "Python $bare ($bare_name) cannot make an environment because its venv module is missing: install it" \
        "(the package python$bare-venv on Debian and Ubuntu) or name another Python with" \
        "make lab PYTHON=/path/to/python3.12." >&2
elif [ -n "$unfit" ]; then
    echo "The kit needs Python 3.11, 3.12 or 3.13, and here $unfit: install one of them, or name it with" \
        "make lab PYTHON=/path/to/python3.12." >&2
elif [ -n "$PYTHON" ]; then
    echo "PYTHON=$PYTHON does not run: give the path of a Python 3.11, 3.12 or 3.13." >&2
else
    echo "No Python was found: install Python 3.11, 3.12 or 3.13, or name it with" \
        "make lab PYTHON=/path/to/python3.12." >&2
fi
exit 1
