"""The readers to fuzz, each with seeds: a reader must accept any bytes or raise a BnbenchError."""

import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import yaml

from bnbench.config import overrides, yaml_loader
from bnbench.config.load import check_config
from bnbench.config.schema import Data
from bnbench.data import access
from bnbench.data import cache as parsed_cache
from bnbench.data.datasets import notmnist
from bnbench.data.formats.archives import Bounds, read_archive
from bnbench.data.formats.images import read_pixels
from bnbench.data.own.readers import arrays, table
from bnbench.errors import BnbenchError
from bnbench.planning import plan
from bnbench.store import model_card, model_guard
from bnbench.store.model_card import ModelCard
from support.broken_configs import made_up
from support.broken_inputs import IMAGE, INPUTS, PAGE, TABLE, array_of
from support.broken_texts import GOOD, TEXTS
from support.inputs import read_inputs
from support.paths import CONFIGS
from support.small_data import Made, png, sets, tarred, zipped

BOUNDS = Bounds(members=100, member_bytes=100_000, total_bytes=1_000_000)


@dataclass(frozen=True)
class Target:
    """One reader."""

    read: Callable[[bytes], object]
    seeds: Callable[[], list[bytes]]

    def put(self, content: bytes) -> None:
        """Let the reader read some bytes; it may raise a BnbenchError and nothing else."""
        try:
            self.read(content)
        except BnbenchError as error:
            str(error)


@cache
def _folder() -> TemporaryDirectory[str]:
    memory = Path("/dev/shm")  # noqa: S108  where a file costs no disk
    return TemporaryDirectory(dir=memory if memory.is_dir() else None)


def _file(name: str, content: bytes) -> Path:
    path = Path(_folder().name, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def _config(content: bytes) -> object:
    values = yaml_loader.read_yaml(_file("fuzz.yaml", content))
    return plan.make_plan(check_config(values, "fuzz.yaml"), made_up, "fuzz.yaml")


def _override(content: bytes) -> object:
    ((key, value),) = overrides.parse_overrides([content.decode("utf-8", "surrogateescape")]).items()
    values = overrides.set_key(yaml.safe_load(GOOD), key, value, key)
    return plan.make_plan(check_config(values, "fuzz.yaml"), made_up, "fuzz.yaml")


def _set(made: Made, name: str, content: bytes) -> object:
    """Parse a data set whose file `name` has this content."""
    files = {**made.files, name: content}
    paths = {part: _file(f"{made.source.name}/{part}", inner) for part, inner in files.items()}
    form = next(form for form in made.source.forms if all(set(names) & set(files) for names in form.parts))
    return form.parse(tuple(paths[next(n for n in names if n in files)] for names in form.parts))


def _set_targets() -> Mapping[str, Target]:
    targets = {}
    for title, made in sets().items():
        # notMNIST is a folder, not a file.
        if title != "notMNIST":
            name = next(iter(made.files))
            targets[title.lower().replace(", ", "-")] = Target(
                partial(_set, made, name), lambda m=made, n=name: [m.files[n]]
            )
    return targets


def _archive(name: str, content: bytes) -> object:
    return list(read_archive(_file(name, content), lambda _: True, BOUNDS))


def _glyph(content: bytes) -> object:
    return notmnist._pixels(content, "fuzz.png")


def _input(name: str, takes: ModelCard, content: bytes) -> object:
    return read_inputs(_file(name, content), takes)


def _of(ending: str) -> list[bytes]:
    return [content for name, content in INPUTS.items() if name.endswith(ending) and len(content) < 10_000]


def _page(content: bytes) -> object:
    _file("t.keras", b"")
    return model_card.read_card(_file("t.json", content).with_name("t.keras"))


def _model(content: bytes) -> object:
    """Check a model file whose description of the layers has this content."""
    path = _file("m.keras", b"")
    with zipfile.ZipFile(path, "w") as archive:
        for name, inner in (("config.json", content), ("metadata.json", b"{}"), ("model.weights.h5", b"x" * 1000)):
            archive.writestr(name, inner)
    return model_guard.check_model_file(
        path, ModelCard(**(PAGE | {"shape": (8, 8, 1), "value_range": (0, 16), "classes": ("a", "b")}))
    )


def _facts(content: bytes) -> object:
    """Read the record of a parsed data set, with a correct checksum."""
    try:
        record = json.loads(content)
        record["check"] = parsed_cache._check_of({key: value for key, value in record.items() if key != "check"})
        content = json.dumps(record).encode()
    except (ValueError, TypeError, AttributeError, RecursionError):
        pass
    path = _file("parsed/facts.json", content)
    return parsed_cache.read_info(path.parent, access.DATASETS["letter"])


def _stored(array: object) -> bytes:
    stream = BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def _own_table(content: bytes) -> object:
    return table.read_table(_file("own/fuzz.csv", content), OWN_TABLE)


def _own_array(content: bytes) -> object:
    y = _file("own/arrays/y.npy", OWN_ARRAYS[1])
    _file("own/arrays/x.npy", content)
    return arrays.read_arrays(y.parent, Data(arrays="arrays", x="x", y="y"))


def _own_archive(content: bytes) -> object:
    return arrays.read_arrays(_file("own/fuzz.npz", content), Data(arrays="fuzz.npz", x="x", y="y"))


def _own_image(content: bytes) -> object:
    return read_pixels(_file("own/fuzz.png", content), (4, 4), 3)


OWN_TABLE = Data.model_validate(
    {"table": "fuzz.csv", "target": "y", "missing": {"a": "mean"}, "categories": {"c": ["blue", "red"]}, "group": "g"}
)
OWN_ROWS = [
    b"a,c,g,y\n1,blue,1,k\n,red,1,l\n3e-5,red,2,k\n4,blue,3,l\n",
    b'\xef\xbb\xbfa,c,g,y\r\n"1",blue,1,k\r\nNA,red,1,l\r\n2020-01-31,red,2,k\r\n',
    "a,c,g,y\n1,blue,1,k\n2,red,2,k\n".encode("utf-16"),
]
OWN_ARRAYS = [array_of("(4, 3)"), _stored(np.array([0, 1, 0, 1]))]


ZEROS = {"module": "keras.initializers", "class_name": "Zeros", "config": {}, "registered_name": None}
LAYERS = [
    {"module": "keras.layers", "class_name": "InputLayer", "config": {"batch_shape": [None, 8, 8, 1], "name": "raw"}},
    {"module": "keras.layers", "class_name": "Flatten", "config": {"name": "flatten"}},
    {"module": "keras.layers", "class_name": "Dense", "config": {"units": 2, "kernel_initializer": ZEROS, "name": "d"}},
]
MODEL = {"module": "keras", "class_name": "Sequential", "registered_name": None, "config": {"layers": LAYERS}}
FACTS = {"facts": {"name": "letter", "form": "f", "fingerprint": "x", "shape": [16], "dtype": "uint8", "classes": ["a"],
                   "rows": 1, "test_rows": 0, "repeated_rows": 0}, "repeated": "x", "sizes": {}}  # fmt: skip


def _texts() -> list[bytes]:
    texts = [text.encode() if isinstance(text, str) else text for text, _ in TEXTS.values()]
    return [
        GOOD.encode(),
        *(path.read_bytes() for path in CONFIGS.glob("*.yaml")),
        *(t for t in texts if len(t) < 5000),
    ]


def targets() -> dict[str, Target]:
    """Return all targets by name."""
    return {
        "config": Target(_config, _texts),
        "override": Target(
            _override, lambda: [b"train.epochs=5", b"sweep.learning_rate=[1e-3, .1]", b"data.name=leaf"]
        ),
        **_set_targets(),
        "zip": Target(partial(_archive, "fuzz.zip"), lambda: [zipped({"a": b"b" * 50, "c.zip": zipped({"d": b"e"})})]),
        "tar": Target(partial(_archive, "fuzz.tar.gz"), lambda: [tarred({"a": b"b" * 50, "x" * 200: b"c"})]),
        "glyph": Target(_glyph, lambda: [png(7), png(7, (9, 9), "P")]),
        "csv": Target(partial(_input, "fuzz.csv", TABLE), lambda: [b"1,2,3\n4,5,6\n", b"a,b,c\n1,2,3\n", *_of("csv")]),
        "npy": Target(partial(_input, "fuzz.npy", TABLE), lambda: [array_of("(4, 3)"), *_of("npy")]),
        "png": Target(partial(_input, "fuzz.png", IMAGE), lambda: [png(7), png(7, (40, 30), "RGB"), *_of("png")]),
        "page": Target(_page, lambda: [json.dumps(PAGE).encode()]),
        "model": Target(_model, lambda: [json.dumps(MODEL).encode()]),
        "own-table": Target(_own_table, lambda: OWN_ROWS),
        "own-array": Target(_own_array, lambda: [_stored(np.eye(4)), *OWN_ARRAYS, *_of("npy")]),
        "own-npz": Target(
            _own_archive,
            lambda: [zipped({"x.npy": _stored(np.eye(4)), "y.npy": OWN_ARRAYS[1]}), zipped({})],
        ),
        "own-image": Target(_own_image, lambda: [png(7), png(7, (9, 9), "RGB"), *_of("png")]),
        "facts": Target(_facts, lambda: [json.dumps(FACTS).encode()]),
    }
