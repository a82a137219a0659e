"""Counter-based random numbers: each is a function of what it decides, and of nothing else.

Philox 4x32-10 (Salmon, Moraes, Dror and Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3",
SC11) turns a counter of four 32-bit words and a key of two into four random words. The key is made
of (seed, draw), the counter of (person, place, decision). So a person's numbers do not depend on
how many people, strategies, threads or chunks there are, nor on the order in which they are run.

The functions are plain Python that numba compiles; they are tested against the authors' vectors.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numba import njit
from numba.extending import register_jitable
from numpy.typing import NDArray

from heecon.arrays import Floats

TRANSITION, START, ATTRIBUTE, TYPE, EVENT = (np.uint64(code) for code in range(5))
"""What is decided: the transition of a cycle; the state at the start; a person's attribute; the
type of an event; the time of an event in continuous time."""

MASK = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)
_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_SCALE_32 = 0.5**32
_SCALE_53 = 0.5**53
_ELEVEN, _TWENTY_ONE = np.uint64(11), np.uint64(21)


def key_of(seed: int, draw: int = 0) -> tuple[np.uint64, np.uint64]:
    """The two key words of a seed and a draw; any whole number is a seed."""
    return _words_of(f"{seed}\0{draw}")


def code_of(name: str) -> np.uint64:
    """A 32-bit word for a name, so that what is added beside it changes nobody else's numbers."""
    return _words_of(name)[0]


def _words_of(text: str) -> tuple[np.uint64, np.uint64]:
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return np.uint64(int.from_bytes(digest[:4])), np.uint64(int.from_bytes(digest[4:]))


@register_jitable
def philox(
    c0: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    """Four random 32-bit words (as uint64) of a counter and a key, all uint64 below 2**32."""
    for _ in range(10):
        p0 = _M0 * c0
        p1 = _M1 * c2
        c0, c1, c2, c3 = (p1 >> HALF) ^ c1 ^ k0, p1 & MASK, (p0 >> HALF) ^ c3 ^ k1, p0 & MASK
        k0 = (k0 + _W0) & MASK
        k1 = (k1 + _W1) & MASK
    return c0, c1, c2, c3


@register_jitable
def uniform_32(word: Any) -> float:
    """A number inside 0 and 1 of one word: the middle of one of 2**32 equal parts."""
    return (np.float64(word) + 0.5) * _SCALE_32


@register_jitable
def uniform_53(high: Any, low: Any) -> float:
    """A number inside 0 and 1 of two words: the middle of one of 2**52 equal parts."""
    bits = ((high << _TWENTY_ONE) | (low >> _ELEVEN)) >> np.uint64(1)
    return (np.float64(bits) + 0.5) * (2.0 * _SCALE_53)


CYCLES = 4
"""Cycles one counter has words for."""


@register_jitable
def words_of_cycles(
    first: int, alive: Any, count: int, place: Any, k0: Any, k1: Any, out: Any
) -> None:
    """Four words for each of some people; a loop that compilers turn into vector instructions.

    Args:
        first: number of the first person of the group.
        alive: place in the group of each of the people.
        count: how many they are.
        place: the word that says for which cycles.
        k0: first word of the key.
        k1: second word.
        out: (4, people) uint32.
    """
    for i in range(count):
        person = np.uint64(first + alive[i])
        a, b, c, d = philox(
            person & MASK, person >> HALF, place & MASK, TRANSITION, k0 & MASK, k1 & MASK
        )
        out[0, i] = np.uint32(a)
        out[1, i] = np.uint32(b)
        out[2, i] = np.uint32(c)
        out[3, i] = np.uint32(d)


def _fill(first: Any, place: Any, decision: Any, k0: Any, k1: Any, out: Floats) -> None:
    for i in range(out.shape[0]):
        person = first + np.uint64(i)
        words = philox(person & MASK, person >> HALF, place, decision, k0, k1)
        out[i] = uniform_53(words[0], words[1])


_fill_compiled: Any = njit(nogil=True, cache=False)(_fill)


def _fill_of(people: Any, place: Any, decision: Any, k0: Any, k1: Any, out: Floats) -> None:
    for i in range(out.shape[0]):
        person = np.uint64(people[i])
        words = philox(person & MASK, person >> HALF, place, decision, k0, k1)
        out[i] = uniform_53(words[0], words[1])


_fill_of_compiled: Any = njit(nogil=True, cache=False)(_fill_of)


def uniforms_of(
    people: NDArray[np.int64], place: int, decision: np.uint64, key: tuple[Any, Any]
) -> Floats:
    """One number inside 0 and 1 for each of some people; see ``uniforms``."""
    out = np.empty(len(people))
    _fill_of_compiled(people, np.uint64(place), decision, key[0], key[1], out)
    return out


def uniforms(
    first: int, count: int, place: int | np.uint64, decision: np.uint64, key: tuple[Any, Any]
) -> Floats:
    """One number inside 0 and 1 for each of a run of people.

    Args:
        first: number of the first person.
        count: how many people.
        place: a word that tells decisions of one kind apart: a cycle, or ``code_of`` a name.
        decision: ``ATTRIBUTE``, ``EVENT`` ...
        key: from ``key_of``.
    """
    out = np.empty(count)
    _fill_compiled(np.uint64(first), np.uint64(place), decision, key[0], key[1], out)
    return out
