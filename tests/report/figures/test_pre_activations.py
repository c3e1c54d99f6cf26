from pathlib import Path

import pytest

from bnbench.report.figures import pre_activations
from bnbench.results.results import Results
from support.figures import CELLS, figures_of, note_of, panels_of
from support.kept import Cells, compared
from support.stored import change

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def watched(folder: Path, *settings: Cells) -> Results:
    """Return results whose trials have the pre-activations of two epochs."""
    compared(folder, *settings)
    change(folder, "UPDATE trials SET pre_activations = '[[-1, 0, 1], [-2, 0, 3]]'")
    return Results(folder)


def test_the_table_has_the_epochs_of_the_first_seed_at_the_best_rate(tmp_path: Path) -> None:
    rows = pre_activations.pre_activations_table(watched(tmp_path, CELLS))
    columns = ["variant", "learning_rate", "seed", "epoch", "pre_activation_p15", "pre_activation_p85"]
    assert rows[columns].values.tolist() == [
        [variant, 0.1, 0, *epoch] for variant in ("plain", "batchnorm") for epoch in ([0, -1, 1], [1, -2, 3])
    ]


def test_trials_without_pre_activations_have_no_figure(tmp_path: Path) -> None:
    assert pre_activations.pre_activations_table(compared(tmp_path, CELLS)).empty


def test_each_variant_has_a_panel_at_its_best_rate(tmp_path: Path) -> None:
    figure = figures_of(watched(tmp_path, CELLS, CELLS))["pre-activations"].figure
    panels = panels_of(figure)
    assert [ax.get_title() for ax in panels] == [
        f"{variant}, rate 0.1\nunits {units}" for units in (4, 5) for variant in ("plain", "batchnorm")
    ]
    assert [line.get_ydata().tolist() for ax in panels for line in ax.lines] == [[0, 0]] * 4
    assert len({ax.get_ylim() for ax in panels}) == 1
    assert "Seed 0" in note_of(figure)


def test_of_many_variants_some_are_drawn_and_the_note_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pre_activations, "MAX_COLUMNS", 1)
    figure = figures_of(watched(tmp_path, CELLS))["pre-activations"].figure
    assert len(panels_of(figure)) == 1
    assert note_of(figure).endswith("1 of 2 variants.")
