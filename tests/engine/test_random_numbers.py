"""Philox against its authors' vectors, and its numbers against uniformity and independence."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from heecon.engine import random_numbers as rng

# Random123 1.09, tests/kat_vectors: philox4x32 10 (Salmon et al. 2011).
VECTORS = [
    ([0] * 4, [0] * 2, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
    ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
    (
        [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
        [0xA4093822, 0x299F31D0],
        [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
    ),
]


@pytest.mark.parametrize(("counter", "key", "expected"), VECTORS)
def test_published_vectors(counter: list[int], key: list[int], expected: list[int]) -> None:
    words = rng.philox(*map(np.uint64, counter), *map(np.uint64, key))
    assert [int(word) for word in words] == expected


@pytest.mark.parametrize(("counter", "key", "expected"), VECTORS)
def test_published_vectors_compiled(
    counter: list[int], key: list[int], expected: list[int]
) -> None:
    """``uniforms`` is compiled: its number must be made of the same words."""
    person = counter[0] + (counter[1] << 32)
    keys = (np.uint64(key[0]), np.uint64(key[1]))
    found = rng.uniforms(person, 1, counter[2], np.uint64(counter[3]), keys)[0]
    bits = (expected[0] << 21 | expected[1] >> 11) >> 1
    assert found == (bits + 0.5) / 2**52


PLACES: dict[str, Callable[[], np.ndarray]] = {
    "people": lambda: rng.uniforms(0, 200_000, 7, rng.TRANSITION, rng.key_of(1)),
    "people far away": lambda: rng.uniforms(2**40, 200_000, 7, rng.TRANSITION, rng.key_of(1)),
    "cycles": lambda: np.array(
        [rng.uniforms(5, 1, cycle, rng.TRANSITION, rng.key_of(1))[0] for cycle in range(20_000)]
    ),
    "draws": lambda: np.array(
        [rng.uniforms(5, 1, 3, rng.TRANSITION, rng.key_of(1, draw))[0] for draw in range(20_000)]
    ),
    "seeds": lambda: np.array(
        [rng.uniforms(5, 1, 3, rng.TRANSITION, rng.key_of(seed))[0] for seed in range(20_000)]
    ),
}


@pytest.mark.parametrize("place", PLACES)
def test_uniform_along_every_part_of_the_counter(place: str) -> None:
    values = PLACES[place]()
    assert 0 < values.min() < values.max() < 1
    assert stats.kstest(values, "uniform").pvalue > 1e-4
    counts = np.bincount((values * 256).astype(int), minlength=256)
    assert stats.chisquare(counts).pvalue > 1e-4
    pairs = np.bincount((values[:-1] * 16).astype(int) * 16 + (values[1:] * 16).astype(int))
    assert stats.chisquare(pairs).pvalue > 1e-4  # neighbours are independent


def test_words_of_cycles_are_the_counters_words() -> None:
    alive = np.array([0, 3, 4, 9])
    out = np.empty((4, 4), dtype=np.uint32)
    key = rng.key_of(8, 2)
    rng.words_of_cycles(100, alive, 4, np.uint64(6), *key, out)
    for column, person in enumerate(alive + 100):
        expected = rng.philox(np.uint64(person), np.uint64(0), np.uint64(6), rng.TRANSITION, *key)
        assert [int(word) for word in expected] == out[:, column].tolist()


def test_32_bit_numbers_are_uniform_and_inside() -> None:
    assert rng.uniform_32(np.uint32(0)) > 0
    assert rng.uniform_32(np.uint32(2**32 - 1)) < 1
    out = np.empty((4, 50_000), dtype=np.uint32)
    rng.words_of_cycles(0, np.arange(50_000), 50_000, np.uint64(0), *rng.key_of(3), out)
    values = (out.astype(float) + 0.5) / 2**32
    for row in values:
        assert stats.kstest(row, "uniform").pvalue > 1e-4
    assert np.abs(np.corrcoef(values) - np.eye(4)).max() < 5 / np.sqrt(50_000)


def test_keys_and_codes_differ() -> None:
    keys = {rng.key_of(seed, draw) for seed in range(100) for draw in range(100)}
    assert len(keys) == 10_000
    assert rng.key_of(1, 23) != rng.key_of(12, 3)
    assert rng.key_of(-5) != rng.key_of(5)
    assert rng.code_of("frailty") != rng.code_of("frailtx")
