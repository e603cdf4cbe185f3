"""Rules on the tree: which room imports which, how light the package is, and what no file may hold."""

import ast
import pathlib
import re
import subprocess
import sys

import pytest

from course_utils import runtime

ROOT = runtime.REPOSITORY
PACKAGE = ROOT / "course_utils"

# A room imports from the lines above its own only.
LAYERS = (
    ("runtime", "bootstrap"),
    ("datasets", "worlds", "plotting", "records"),
    ("models", "gradients"),
    ("sampling",),
    ("losses",),
    ("training",),
    ("metrics", "callbacks"),
    ("checks",),
    ("lessons", "lesson_controls"),
    ("lesson_html",),
    ("lesson_kernel", "lesson_pages", "lesson_results"),
    ("doctor", "execute", "train"),
    ("benchmark",),
    ("__main__",),
)
LAYER = {room: number for number, layer in enumerate(LAYERS) for room in layer}

MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def room_of(path, package=PACKAGE):
    return path.relative_to(package).parts[0].removesuffix(".py")


def imported_rooms(source, path, package=PACKAGE):
    """Return the rooms that a module imports, also inside its functions, with the line of each."""
    rooms = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            here = ["course_utils", *path.relative_to(package).parts[:-1]]
            above = here[: len(here) - node.level + 1] if node.level else []
            base = ".".join(above + ([node.module] if node.module else []))
            names = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            parts = name.split(".")
            # `from course_utils import __version__` names no room.
            if parts[0] == "course_utils" and len(parts) > 1 and parts[1] != "__version__":
                rooms.append((parts[1], node.lineno))
    return rooms


def wrong_imports(source, path, package=PACKAGE):
    room = room_of(path, package)
    return [
        f"{path.name}:{line}: {room} imports {other}"
        for other, line in imported_rooms(source, path, package)
        if other != room and not LAYER.get(other, len(LAYERS)) < LAYER[room]
    ]


def test_every_room_has_its_place_in_the_order():
    assert sorted({room_of(path) for path in MODULES} - set(LAYER)) == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_one_way(path):
    assert wrong_imports(path.read_text(encoding="utf-8"), path) == []


@pytest.mark.parametrize(
    ("source", "allowed"),
    [
        ("from course_utils import runtime, __version__", True),
        ("from course_utils.losses.penalties import r1_penalty", True),
        ("from course_utils.training.backup import Backup", True),
        ("from . import backup", True),
        ("import tensorflow as tf", True),
        ("from course_utils import runtime, checks", False),
        ("import course_utils.metrics.images", False),
        ("def late():\n    from course_utils.callbacks import LivePlot", False),
        ("from ..metrics import images", False),
        ("from .. import callbacks", False),
        ("from course_utils.attic import old", False),
    ],
)
def test_the_import_rule_itself(source, allowed):
    path = pathlib.Path("course_utils/training/image_gan.py")
    assert (wrong_imports(source, path, package=pathlib.Path("course_utils")) == []) is allowed


def test_importing_the_package_is_light():
    code = (
        "import sys, time; before = time.perf_counter(); import course_utils; "
        "print(time.perf_counter() - before, *({'tensorflow', 'keras', 'numpy', 'matplotlib'} & set(sys.modules)))"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.split()
        for _ in range(3)
    ]
    assert [heavy for _, *heavy in runs] == [[], [], []]
    # The best of three: another process may take the machine away from one of them.
    assert min(float(seconds) for seconds, *_ in runs) < 0.3


def test_modules_are_short():
    modules = [path for folder in ("course_utils", "data") for path in (ROOT / folder).rglob("*.py")]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in modules}
    assert {name: length for name, length in lengths.items() if length > 300} == {}


# What no file of the repository may hold. The words are put together here so that this file passes.
REGISTRIES = (
    ("pypi", "org"),
    ("pypi", "python", "org"),
    ("pythonhosted", "org"),
    ("npmjs", "org"),
    ("npmjs", "com"),
    ("anaconda", "org"),
    ("anaconda", "com"),
    ("debian", "org"),
    ("golang", "org"),
)
FORBIDDEN = {
    "registry address": "|".join(re.escape(".".join(words)) for words in REGISTRIES),
    # Not after a letter, digit, dot, slash or plus: that is a longer path, an address or base64 text.
    "machine path": r"(?<![\w./+~-])/(?:home|Users|root|work|workspace|tmp|opt|mnt)/\w|\b[A-Z]:\\+(?:Users|home)",
    "pickle": r"\ballow_pickle\s*=\s*True|\b(?:import|from)\s+(?:pickle|cPickle|dill|joblib|cloudpickle|shelve)\b",
}
PICKLES = (".pkl", ".pickle", ".joblib", ".pt", ".pth")


def repository_files():
    """Return what git tracks or would add, so that a new file is judged before its first commit."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("kind", FORBIDDEN)
def test_no_file_holds_what_is_forbidden(kind):
    found = []
    for path in repository_files():
        try:
            text = path.read_bytes().decode("utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{path.relative_to(ROOT)}: {match.group()}" for match in re.finditer(FORBIDDEN[kind], text)]
    assert found == []


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("registry address", "https://" + "files.python" + "hosted.org/packages/x.whl"),
        ("registry address", "--index-url https://py" + "pi.org/simple"),
        ("machine path", "open('/ho" + "me/me/x.txt')"),
        ("machine path", '"File /wo' + 'rk/main/x.py"'),
        ("machine path", "C:\\" + "\\Users\\\\me"),
        ("pickle", "np.load(path, allow_pickle =" + " True)"),
        ("pickle", "import" + " pickle"),
    ],
)
def test_the_forbidden_is_found(kind, text):
    assert re.search(FORBIDDEN[kind], text)


@pytest.mark.parametrize(
    "text", ["https://example.org/home/x", "QUJD+/tmp/ab", "np.load(p, allow_pickle=False)", "~/work/x"]
)
def test_the_harmless_is_not(text):
    assert not any(re.search(pattern, text) for pattern in FORBIDDEN.values())


def test_no_pickled_file():
    assert [path.name for path in repository_files() if path.suffix in PICKLES] == []


def test_no_large_file():
    # MNIST, 11.5 MB, is the largest of the data; everything else is text.
    limits = [(path, 12e6 if path.is_relative_to(ROOT / "data") else 0.5e6) for path in repository_files()]
    assert [str(path.relative_to(ROOT)) for path, limit in limits if path.stat().st_size > limit] == []
