"""Known properties of the published data sets: fingerprints, shapes and counts."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Known:
    """The known properties of a published data set."""

    fingerprint: str
    shape: tuple[int, ...]
    rows: int
    test_rows: int
    repeated: int
    # The number of rows of each class in the training pool.
    counts: tuple[int, ...]


MNIST_COUNTS = (5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949)
DIGITS_COUNTS = (178, 182, 177, 183, 181, 182, 181, 179, 174, 180)
LETTER_COUNTS = (
    633,
    630,
    594,
    638,
    616,
    622,
    609,
    583,
    590,
    599,
    593,
    604,
    648,
    617,
    614,
    635,
    615,
    597,
    587,
    645,
    645,
    628,
    613,
    628,
    641,
    576,
)
KNOWN = {
    "distance": Known("1d5aeb255c53f4b4376187af3536d03832f51580f638dc486256868075c3689b", (4,), 4_000, 0, 0, ()),
    "road_distance": Known("4f6933ce9b20e2a662a2b2cfc3c3740885e2d3e4d5059e52b06b7a9b37279024", (4,), 100, 0, 0, ()),
    "windows": Known(
        "349df446e01c8074186f31a012d5e1919574db550814821a745b9337c8caa6d6", (6, 20), 1_000, 0, 0, (498, 502)
    ),
    "sorted_windows": Known(
        "012dc3190685c1b4f853268385d9ff23305884c8c4e123ac9179302e4b34bc11", (6, 20), 170, 0, 0, (86, 84)
    ),
    "sorted_windows_long": Known(
        "4be4ee146c71376fff53bc2ea5b70ddd66b0b5f53426963de310538fe87b46ea", (6, 20), 1_700, 0, 0, (850, 850)
    ),
    "drifting_windows": Known(
        "cfda8059653b57f3dec3e6e94bf99adfa9cd6f7e790c7268f6a585fc567b69f2", (6, 20), 170, 0, 0, (100, 70)
    ),
    "bag_of_words": Known(
        "1de68870c762a66e8724bf9a7ec8bd2f7b9c31f36b701a4c58312c5f963168d3", (1000,), 2_000, 0, 0, (1001, 999)
    ),
    "digits": Known(
        "c936b460756dc55b185be47c31f498ca5db7a0778b52233c52428e3b75422e9d", (8, 8, 1), 1797, 0, 0, DIGITS_COUNTS
    ),
    "iris": Known("fed08de277cf9d4aef50f64981f450d41a1238d243947352306bdd2463127c4f", (4,), 150, 0, 1, (50, 50, 50)),
    "wine": Known("25d258210576599edeb8f44d469aa2f847e0abebabc14f0798411ebf6e35c394", (13,), 178, 0, 0, (59, 71, 48)),
    "breast_cancer": Known(
        "ca07eaeb079bc3287b1c2a5056c79f575ac0de24f180599c7f98f073fe84103e", (30,), 569, 0, 0, (212, 357)
    ),
    "diabetes": Known("027f8bd8d3554eb3647afa160b09b248a31893399ae0b5c4be93f73431d0f797", (10,), 442, 0, 0, ()),
    "leaf": Known("aabb90c18178eb481b8e99880351e0222daf5aeca0b4d00555aa16bd72768ae2", (192,), 990, 0, 0, (10,) * 99),
    "letter": Known(
        "942c328f23710251aac4c27130a0975e91f4b47684b3865ab98d1a07bf43dee2", (16,), 20_000, 4_000, 1_249, LETTER_COUNTS
    ),
    "notmnist": Known(
        "0f301fdf56c58b0f593cc4eb38d56fa02b6a49223d027b7f2a3d12e61d0b52a2", (28, 28, 1), 10_000, 0, 196, (1000,) * 10
    ),
    "mnist": Known(
        "fcbb93a75c43cbf83f9129832f6ae4bc9e80570e86e4b9a354ed4b034b176b24", (28, 28, 1), 70_000, 10_000, 0, MNIST_COUNTS
    ),
    "fashion_mnist": Known(
        "7971967419a6b19a8b07f08a17910f4a151b9fef9fa347cb8ead97360b7095e0", (28, 28, 1), 70_000, 10_000, 0, (6000,) * 10
    ),
    "cifar10": Known(
        "4c01b76bcba1c95987f008127c7271d1586cf6257491c429d789cb8148382470", (32, 32, 3), 60_000, 10_000, 0, (5000,) * 10
    ),
}
