"""A file from a stranger can make bnbench train, count and write into its results folder, and nothing else."""

import ast
import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import keras
import pytest

from bnbench.config.load import check_config
from bnbench.errors import ConfigError
from bnbench.model import arguments, catalog
from bnbench.planning import plan
from bnbench.report import html, index
from bnbench.report.document import Picture, make_document, render_markdown
from bnbench.results import digest
from bnbench.results.results import Results
from bnbench.training.threads import use_threads
from support.examples import facts, values
from support.kept import keep
from support.paths import PACKAGE

CALL = {"module": "os", "class_name": "function", "config": "system", "registered_name": "system"}
LAMBDA = {"class_name": "__lambda__", "config": {"value": "4wEAAAAAAAAAAAAAAAEAAAACAAAAQwAAAHMEAAAA"}}
CUSTOM = {"module": "keras.layers", "class_name": "Lambda", "config": {"function": LAMBDA}, "registered_name": None}


def planned(**changes: object) -> object:
    return plan.make_plan(check_config(values(**changes), "tiny.yaml"), lambda settings: facts(), "tiny.yaml")


def layer(name: str, arguments: object = None) -> dict[str, object]:
    """Return the changes that put one more layer at the start of the small experiment."""
    return {"model__layers": [{name: arguments}, *values()["model"]["layers"]]}


def dense(**arguments: object) -> dict[str, object]:
    return layer("dense", {"units": 5, **arguments})


RUN_CODE_OR_READ_FILES = {
    "Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "StringLookup", "IntegerLookup",
    "TextVectorization", "Wrapper", "Pipeline",
}  # fmt: skip
REFUSED_LAYERS = sorted(
    RUN_CODE_OR_READ_FILES | catalog.REFUSED | {"Layer", "Operation", "os.system", "keras.utils.get_file", "__lambda__"}
)
CALLBACKS = sorted(
    name for name, thing in vars(keras.callbacks).items()
    if isinstance(thing, type) and name not in catalog.CHOSEN["callbacks"]
)  # fmt: skip


@pytest.mark.parametrize("name", REFUSED_LAYERS)
def test_no_layer_that_runs_code_or_reads_files_can_be_named(name: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(name)):
        planned(**layer(name))


@pytest.mark.parametrize("name", CALLBACKS)
def test_no_callback_that_writes_outside_or_sends_data_or_runs_code_can_be_named(name: str) -> None:
    with pytest.raises(ConfigError, match=f"'{name}' cannot be used in a config"):
        planned(train__callbacks=[name])


@pytest.mark.parametrize(
    "changes",
    [
        dense(activation=CALL),
        dense(activation=LAMBDA),
        dense(activation="os.system"),
        dense(activation="get"),
        dense(activation="deserialize"),
        dense(kernel_initializer=CALL),
        dense(kernel_initializer={"class_name": "Zeros", "config": {}}),
        dense(kernel_initializer={"__lambda__": {"value": "x"}}),
        dense(kernel_initializer="keras.initializers.Zeros"),
        dense(kernel_initializer={"orthogonal": {"gain": CALL}}),
        dense(kernel_initializer={"orthogonal": {"gain": [[LAMBDA]]}}),
        dense(bias_regularizer={"l2": {"l2": CUSTOM}}),
        dense(kernel_regularizer={"orthogonal_regularizer": {"mode": CALL}}),
        dense(kernel_constraint={"max_norm": {"max_value": CALL}}),
        dense(activity_regularizer=CALL),
        dense(quantization_config=CUSTOM),
        dense(lora_rank=CALL),
        *(dense(**{key: "x"}) for key in ("module", "class_name", "registered_name", "build_config", "config", "name")),
        *(dense(**{key: CALL}) for key in ("dtype", "__class__", "__init__", "autocast", "input_shape", "from_config")),
        dense(**{"../kernel_initializer": CALL}),
        layer("activation", CALL),
        layer("rescaling", {"scale": CUSTOM}),
        layer("rescaling", {"scale": 1.0, "offset": [CALL]}),
        layer("reshape", {"target_shape": CALL}),
        layer("normalization", {"mean": CALL, "variance": 1.0}),
        layer("hashing", {"num_bins": 3, "salt": "/etc/hostname"}),
        layer("embedding", {"input_dim": 3, "output_dim": 3, "weights": "/etc/hostname"}),
        layer("discretization", {"bin_boundaries": "/etc/hostname"}),
        layer("lstm", {"units": 3, "recurrent_activation": CALL}),
        layer("lstm", {"units": 3, "recurrent_initializer": CALL}),
        {"model__params": {"units": 6, "x": CALL}, **dense(activation="$x")},
        {"model__params": {"units": 6, "x": CALL}, **dense(kernel_initializer="$x")},
        {"sweep__grid": {"model.params.units": [CALL]}},
        {"variants__bad": {"norm": {"batch": {"gamma_initializer": CALL}}}},
        {"variants__bad": {"norm": {"batch": {"renorm_clipping": CALL}}}},
        {"variants__bad": {"norm": {"batch": {"axis": CALL}}}},
        {"variants__bad": {"norm": {"lambda": None}}},
        {"variants__bad": {"norm": "none", "train": {"optimizer": {"name": "sgd", "momentum": CALL}}}},
        {"variants__bad": {"norm": "none", "layers": [{"lambda": "x"}, "norm"]}},
        {"train__optimizer": {"name": "sgd", "module": "os"}},
        {"train__optimizer": {"name": "sgd", "momentum": CALL}},
        {"train__optimizer": {"name": "LossScaleOptimizer", "inner_optimizer": CALL}},
        {"train__optimizer": CALL},
        {"train__optimizer": "os.system"},
        {"train__loss": {"name": "mse", "fn": "os.system"}},
        {"train__loss": {"name": "LossFunctionWrapper", "fn": CALL}},
        {"train__loss": {"name": "huber", "delta": CALL}},
        {"train__loss": CALL},
        {"train__schedule": {"cosine": {"decay_steps": CALL}}},
        {"train__schedule": {"LearningRateSchedule": None}},
        {"train__schedule": CALL},
        {"train__callbacks": [CALL]},
        {"train__callbacks": [{"model_checkpoint": {"filepath": "../x.keras"}}]},
        {"train__callbacks": [{"model_checkpoint": {"monitor": CALL}}]},
        {"train__callbacks": [{"tensorboard": {"log_dir": "/tmp/x"}}]},  # noqa: S108
        {"train__callbacks": [{"tensorboard": {"embeddings_metadata": "x"}}]},
        {"train__callbacks": [{"tensorboard": {"profile_batch": 2}}]},
        {"train__callbacks": [{"early_stopping": {"patience": CALL}}]},
        {"data__name": "../../etc"},
        {"data__path": "/etc"},
        {"name": "../outside"},
        {"name": "a/b"},
        {"variants__../outside": {"norm": "none"}},
    ],
    ids=repr,
)
def test_nothing_in_a_config_imports_or_runs_code_or_leads_to_other_files(changes: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        planned(**changes)


def texts() -> Iterator[tuple[str, str, str]]:
    """Yield family, class and argument wherever a config may give a text that is passed unchanged to Keras."""
    for family in catalog.FAMILIES:
        for name in sorted({snake for snake in vars(_module(family)) if catalog.find_class(family, snake) == snake}):
            for argument in arguments.class_signature(family, name).defaults:
                try:
                    arguments.check_arguments(family, name, {argument: "x", **_needed(family, name, argument)}, "here")
                except ConfigError:
                    continue
                yield family, name, argument


def _module(family: str) -> Any:
    return keras.optimizers.schedules if family == "schedules" else getattr(keras, family)


def _needed(family: str, name: str, but: str) -> dict[str, object]:
    return dict.fromkeys((n for n in arguments.class_signature(family, name).required if n != but), 1)


def test_no_text_that_a_config_gives_to_keras_is_used_as_a_file_name(tmp_path: Path) -> None:
    # This must come before any computation, or later tests could not train.
    use_threads(1)
    path = tmp_path / "canary.txt"
    path.write_text("a\nb\n", encoding="utf-8")
    opened: list[object] = []
    watching = True
    sys.addaudithook(lambda event, args: opened.append(args) if watching and str(path) in repr(args) else None)
    taken = list(texts())
    assert len(taken) > 50
    for family, name, argument in taken:
        try:
            getattr(_module(family), name)(**{argument: str(path), **_needed(family, name, argument)})
        except Exception:  # noqa: S112  Keras may refuse such a text in any way
            continue
    watching = False
    assert opened == []
    assert [path.name for path in tmp_path.iterdir()] == ["canary.txt"]


# Calls that could run code from a file, and the modules that may use them.
RUNS: dict[str, set[str]] = {
    # Between a process and its own child.
    "pickle": {"execution/worker_main.py", "execution/worker_handle.py"},
    "subprocess": {
        "execution/worker_handle.py",
        # Our own command, and git for the commit.
        "execution/environment.py",
        # The driver of graphics cards, for their names.
        "planning/devices.py",
        # The command that the user gives to --on-finish.
        "cli/on_finish.py",
    },
    # Modules of this package.
    "import_module": {
        "cli/main.py",
        "commands/export.py",
        "data/own/find.py",
        "data/registry.py",
        "planning/predictors/registry.py",
        "report/figures/gallery.py",
        "report/figures/sources/gallery.py",
        "training/probes/registry.py",
    },
    "importlib.import_module": {"training/startup.py"},
}
NEVER = (
    "marshal", "shelve", "dill", "cloudpickle", "joblib.load", "ctypes", "runpy", "eval", "exec", "compile",
    "__import__", "os.system", "os.popen", "yaml.load", "yaml.unsafe_load", "yaml.full_load", "pd.read_pickle",
)  # fmt: skip


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("**/*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_module_runs_the_content_of_a_file(path: Path) -> None:
    own = path.relative_to(PACKAGE).as_posix()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        names = [ast.unparse(node.func)] if isinstance(node, ast.Call) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
        for name in names:
            assert name not in NEVER, f"line {node.lineno}: {name}"
            assert own in RUNS.get(name, {own}), f"line {node.lineno}: {name}"
        if isinstance(node, ast.Call) and names in (["np.load"], ["np.save"]):
            given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            assert given.get("allow_pickle") == "False", f"line {node.lineno}: {names[0]}"
        if isinstance(node, ast.Call) and names == ["keras.saving.load_model"]:
            assert {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}["safe_mode"] == "True"
        if isinstance(node, ast.Call) and names == ["importlib.import_module"]:
            assert isinstance(node.args[0], ast.Constant), f"line {node.lineno}: a module whose name is not a constant"


HOSTILE = '"></title></script><script>alert(1)</script><img src=x onerror=alert(2)> javascript:alert(3) {{7*7}} ${7*7}'
LINES = "a\n\n# b\n\n- [c](javascript:alert(4)) | d `e` ![f](http://x/y.png)\n    g"


class _Tags(HTMLParser):
    """Collects every tag with its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


@pytest.fixture(scope="module", params=[HOSTILE, LINES], ids=["tags", "lines"])
def results(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Results:
    """Return the results of an experiment that has one hostile text in every place for text."""
    text = request.param
    claim = {"text": text, "metric": "ok", "of": "plain", "probability": {"at_least": 0.5}}
    published = {"source": text, "variant": "plain", "metric": "test_accuracy", "value": 0.5, "note": text}
    folder = tmp_path_factory.mktemp("results") / text.replace("/", "_")[:60]
    changes: dict[str, Any] = {"title": text, "claims": [claim], "published": [published]}
    kernels = [{"random_normal": {"stddev": 0.1}}, {"random_normal": {"stddev": 0.2}}]
    changes |= {"sweep__grid": {"model.params.<b>&": kernels}, "model__params": {"units": 6, "<b>&": "zeros"}}
    changes |= {"model__layers": [{"dense": {"units": "$units", "kernel_initializer": "$<b>&"}}, "norm", {"dense": 3}]}
    return Results(keep(folder, [0.8] * 16, **changes))


def test_the_page_has_no_tag_from_a_config(results: Results) -> None:
    document = make_document(results, [Picture("plots/x.png", HOSTILE, "aGVsbG8=", 400)])
    own = re.sub(
        r'(<script type="application/gzip" id="plotly">).*?(</script>)', r"\1\2", html.render_html(document), flags=re.S
    )
    parser = _Tags()
    parser.feed(own)
    assert sum(tag == "script" for tag, _ in parser.tags) == 3
    assert not {tag for tag, _ in parser.tags} & {"iframe", "object", "embed", "link", "base", "b"}
    for tag, attributes in parser.tags:
        assert not [name for name in attributes if name.startswith("on")], tag
        assert attributes.get("href", "#").startswith("#")  # type: ignore[union-attr]
        assert attributes.get("src", "data:").startswith("data:")  # type: ignore[union-attr]
    assert "49" not in re.findall(r"<title>(.*?)</title>", own, re.S)[0]


def test_the_markdown_has_no_markup_from_a_config(results: Results) -> None:
    picture = Picture("plots/rates.png", LINES, "", 400)
    pages = [render_markdown(make_document(results, [picture]))]
    pages.append(index.render_index([index.Entry("tiny", "../configs/tiny.yaml", digest.make_digest(results))]))
    for text in pages:
        text = text.replace(index.MARK, "")
        # Escaped characters and code are plain text.
        shown = re.sub(r"\\.|^    .*$", "", text, flags=re.M)
        assert not re.search(r"<[a-z/!]", shown)
        assert set(re.findall(r"\]\((.*?)\)", shown)) <= {"plots/rates.png", "tiny/report.md", "../configs/tiny.yaml"}
        headings = re.findall(r"^#+ .*$", shown, re.M)
        assert not [heading for heading in headings if heading in {"# b", "## b"}]
        assert "\n- [c]" not in shown
