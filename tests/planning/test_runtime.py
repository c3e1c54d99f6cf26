import pytest

from bnbench.planning import runtime
from bnbench.planning.plan import Plan
from support.examples import make_plan

# For one example: weights and biases of two dense layers.
PRODUCTS = (5 + 1) * 6 + (6 + 1) * 3


def plain(**changes: object) -> Plan:
    return make_plan(variants={"plain": {}}, **changes)


def test_each_weight_multiplies_at_each_position() -> None:
    assert plain().cohorts[0].program.products == PRODUCTS


def test_timed_steps_are_used() -> None:
    planned = plain(train__epochs=1000)
    program = planned.cohorts[0].program
    # Trials, epochs, steps: 45 rows in batches of 8.
    trained = 4 * 1000 * 6 * 0.5
    overheads = runtime.PROGRAM_SECONDS + 4000 * runtime.EPOCH_SECONDS
    found = runtime.estimate_seconds(planned.cohorts, {program.key: 0.5}, jobs=1)
    assert found == pytest.approx(trained + overheads + runtime.START_SECONDS, rel=1e-4)
    assert runtime.estimate_seconds(planned.cohorts, {program.key: 0.5}, jobs=2) == pytest.approx(
        (trained + overheads) / 2 + runtime.START_SECONDS, rel=1e-4
    )


@pytest.mark.parametrize(
    "changes",
    [{"train__epochs": 6}, {"sweep__seeds": 4}, {"train__batch_size": 4}, {"model__params": {"units": 600}}],
    ids=str,
)
def test_without_a_timing_more_work_costs_more(changes: dict[str, object]) -> None:
    few, many = (runtime.estimate_seconds(planned.cohorts, {}, jobs=1) for planned in (plain(), plain(**changes)))
    assert few is not None
    assert many is not None
    assert many > few


def test_programs_with_the_same_functions_are_compiled_once() -> None:
    def seconds(grid: dict[str, list[object]]) -> float:
        found = runtime.estimate_seconds(plain(sweep__grid=grid).cohorts, {}, jobs=1)
        assert found is not None
        return found

    first, second, both = (seconds({"train.epochs": epochs}) for epochs in ([3], [4], [3, 4]))
    assert both == pytest.approx(first + second - runtime.PROGRAM_SECONDS - runtime.START_SECONDS)


def test_nothing_to_train_costs_nothing() -> None:
    assert runtime.estimate_seconds([], {}, jobs=2) == 0


def test_a_layer_that_only_keras_can_count_leaves_the_time_unknown() -> None:
    planned = plain(
        model__layers=[
            {"dense": "$units"},
            "norm",
            {"einsum_dense": {"equation": "ab,bc->ac", "output_shape": 6}},
            {"dense": "$classes"},
        ]
    )
    assert runtime.estimate_seconds(planned.cohorts, {}, jobs=1) is None


def test_the_estimate_says_what_it_is_based_on() -> None:
    planned = plain()
    key = planned.cohorts[0].program.key
    timed = runtime.estimate_runtime(planned.cohorts, {key: 0.5}, jobs=1)
    assert (timed.timed, timed.calculated, timed.unknown) == (4, 0, 0)
    calculated = runtime.estimate_runtime(planned.cohorts, {}, jobs=1)
    assert (calculated.timed, calculated.calculated, calculated.unknown) == (0, 4, 0)
    assert calculated.seconds == runtime.estimate_seconds(planned.cohorts, {}, jobs=1)
    assert "from arithmetic" in str(calculated)
